"""Reading in a child: a hang, a crash or a bomb costs one file, and the child has nothing to steal or to send."""

import io
import os
import signal
import subprocess
import sys
import threading
import time
import zipfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from governance.errors import UnreadableFile
from rag.confined import Limits, Reader
from rag.reading import read

sys.path.insert(0, str(Path(__file__).parent))
from test_rag_reading import docx_file, made_pdf, pdf_file, xlsx_file

GOOD = "# 说明\n\n质保期：36个月\n".encode()


@pytest.fixture(scope="module")
def reader() -> Iterator[Reader]:
    found = Reader()
    yield found
    found.close()


def slow_pdf() -> bytes:
    """A page with half a million characters: minutes for any reader of its layout."""
    return made_pdf(b"BT /F1 1 Tf 10 800 Td 1 TL\n" + (b"(" + b"words " * 50 + b") Tj T*\n") * 1_700 + b"ET\n")


@pytest.mark.parametrize("content", [GOOD, docx_file(), xlsx_file(), pdf_file("Title", "Warranty: 36 months")])
def test_the_child_reads_what_this_process_would_read(reader: Reader, content: bytes) -> None:
    found = reader.read("a", content, ["质保期"])
    assert found.document == read("a", content, ["质保期"])


def test_one_child_serves_many_files_then_a_fresh_one_does() -> None:
    reader = Reader(Limits(files=3))
    pids = []
    for number in range(6):
        reader.read(f"{number}.md", GOOD)
        pids.append(reader.pid)
    reader.close()
    assert pids[0] == pids[1]
    assert pids[2] is None
    assert pids[3] == pids[4] != pids[0]


def test_a_file_that_hangs_is_stopped_and_the_next_one_is_read() -> None:
    reader = Reader(Limits(stall_s=3.0))
    with pytest.raises(UnreadableFile) as raised:
        reader.read("慢.pdf", slow_pdf())
    assert "时间过长" in raised.value.say("zh")
    assert "too long" in raised.value.say("en")
    assert reader.pid is None
    assert reader.read("a.md", GOOD).document is not None
    reader.close()


def test_a_child_that_is_killed_costs_its_file_only() -> None:
    reader = Reader()
    assert reader.read("a.md", GOOD).document is not None
    assert reader.pid is not None

    def kill(pid: int) -> None:
        time.sleep(0.5)
        os.kill(pid, signal.SIGKILL)

    killer = threading.Thread(target=kill, args=(reader.pid,))
    killer.start()
    with pytest.raises(UnreadableFile) as raised:
        reader.read("坏.pdf", slow_pdf())
    killer.join()
    assert "意外终止" in raised.value.say("zh")
    assert "harmful" in raised.value.say("en")
    assert reader.read("a.md", GOOD).document is not None
    reader.close()


def test_a_child_that_ended_while_idle_is_replaced_unnoticed(reader: Reader) -> None:
    reader.read("a.md", GOOD)
    assert reader.pid is not None
    os.kill(reader.pid, signal.SIGKILL)
    time.sleep(0.1)
    assert reader.read("a.md", GOOD).document is not None


def test_too_much_memory_costs_the_file_only() -> None:
    reader = Reader(Limits(memory_mib=256))
    with pytest.raises(UnreadableFile) as raised:
        reader.read("大.txt", "型号，".encode() * 5_000_000)
    assert "内存" in raised.value.say("zh") or "意外终止" in raised.value.say("zh")
    assert reader.read("a.md", GOOD).document is not None
    reader.close()


def test_the_child_gets_no_environment_of_ours(reader: Reader, monkeypatch: pytest.MonkeyPatch) -> None:
    reader.close()
    monkeypatch.setenv("XINYAN_SECRET", "hunter2")
    reader.read("a.md", GOOD)
    given_to = Path(f"/proc/{reader.pid}/environ").read_bytes()
    assert b"hunter2" not in given_to
    assert {part.split(b"=")[0] for part in given_to.split(b"\0") if part} == {
        b"PATH",
        b"LC_ALL",
        b"PYTHONPATH",
        b"OMP_NUM_THREADS",
    }


ATTACK = """
import ctypes, os, socket, subprocess, sys
from rag.sealing_off import seal_off
enforced = seal_off()
said = []
for name, act in (("socket", socket.socket), ("system", lambda: os.system("true")),
                  ("program", lambda: subprocess.run(["true"]))):
    try:
        act(); said.append(name)
    except OSError: pass
libc = ctypes.CDLL(None, use_errno=True)
if enforced and libc.socket(2, 1, 0) != -1: said.append("libc socket")
if enforced and libc.fork() == 0: os._exit(0)
print(enforced, said, ctypes.get_errno())
"""


def test_a_sealed_process_opens_no_socket_and_starts_no_program() -> None:
    root = Path(__file__).resolve().parent.parent
    ran = subprocess.run([sys.executable, "-c", ATTACK], cwd=root, capture_output=True, text=True, check=True)
    assert ran.stdout.strip() in ("True [] 1", "False [] 0")
    if sys.platform.startswith("linux") and os.uname().machine == "x86_64":
        assert ran.stdout.startswith("True")


def office(member: str, xml: str) -> bytes:
    """A docx whose main part is this XML."""
    source, target = zipfile.ZipFile(io.BytesIO(docx_file())), io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in source.namelist():
            archive.writestr(name, xml if name == member else source.read(name))
    return target.getvalue()


def test_an_entity_of_the_xml_reads_no_file_of_the_server(reader: Reader, tmp_path: Path) -> None:
    secret = tmp_path / "master.key"
    secret.write_text("topsecret")
    space = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
    xml = (
        f'<?xml version="1.0"?><!DOCTYPE d [<!ENTITY x SYSTEM "file://{secret}">]>'
        f'<w:document xmlns:w="{space}"><w:body><w:p><w:r><w:t>开头&x;结尾</w:t></w:r></w:p></w:body></w:document>'
    )
    try:
        found = str(reader.read("a.docx", office("word/document.xml", xml)).document)
    except UnreadableFile as refused:
        found = refused.say("zh")
    assert "topsecret" not in found


def test_a_billion_laughs_are_not_laughed(reader: Reader) -> None:
    entities = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))
    xml = f'<?xml version="1.0"?><!DOCTYPE d [<!ENTITY l0 "哈哈哈哈">{entities}]><d>&l9;</d>'
    with pytest.raises(UnreadableFile):
        reader.read("a.docx", office("word/document.xml", xml))
    assert reader.read("a.md", GOOD).document is not None


@given(st.binary(max_size=300), st.sampled_from([docx_file(), xlsx_file(), pdf_file("Title", "Text"), GOOD]), st.data())
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_damaged_file_is_read_or_refused_and_never_anything_else(
    reader: Reader, noise: bytes, whole: bytes, data: st.DataObject
) -> None:
    place = data.draw(st.integers(0, len(whole)))
    with suppress(UnreadableFile):
        assert reader.read("a", whole[:place] + noise + whole[place + len(noise) :])
