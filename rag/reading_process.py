"""The child of rag/confined.py: `python -m rag.reading_process` reads files from its input, answers on its output."""

import json
import os
import resource
import select
import signal
import struct
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from governance.errors import UnreadableFile
from rag.blocks import Document
from rag.intake import Task
from rag.sealing_off import seal_off

HEADER = struct.Struct(">Q")
IDLE_S = 120  # then it ends, and its memory is free
_SPARE_S = 5


@dataclass(frozen=True, slots=True)
class Ask:
    """What the child is asked to read, and within what."""

    name: str
    labels: list[str]
    size: int
    memory_mib: int
    seconds: int

    def as_json(self) -> Mapping[str, object]:
        """For the frame."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Refusal:
    """An UnreadableFile as plain data."""

    name: str
    zh: str
    en: str


@dataclass(frozen=True, slots=True)
class Answer:
    """With `of` it only tells of a page; `spent`: the child should not be used again."""

    page: int = 0
    of: int = 0
    document: Document | None = None
    attachments: tuple[tuple[str, int], ...] = ()
    refused: tuple[Refusal, ...] = ()
    refusal: Refusal | None = None
    spent: bool = False


def main() -> int:
    """
    Serve until the input ends or nothing comes for two minutes.

    A frame: eight bytes of length, that many bytes of JSON, then the bytes of the file (in) or the attachments (out).
    """
    asked, answers = os.dup(0), os.dup(1)
    nothing = os.open(os.devnull, os.O_RDWR)
    for standard in (0, 1, 2):  # a parser that prints must not speak in our place
        os.dup2(nothing, standard)
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    sealed = False
    while select.select([asked], [], [], IDLE_S)[0]:
        if (header := _exactly(asked, HEADER.size)) is None:
            return 0
        ask = Ask(**json.loads(_exactly(asked, HEADER.unpack(header)[0]) or b"{}"))
        content = _exactly(asked, ask.size) or b""
        if not sealed:
            _limit(ask)
            seal_off()
            sealed = True
        used = resource.getrusage(resource.RUSAGE_SELF)
        spent = int(used.ru_utime + used.ru_stime)
        resource.setrlimit(resource.RLIMIT_CPU, (spent + 2 * ask.seconds + _SPARE_S, resource.RLIM_INFINITY))
        _serve(ask, content, answers)
    return 0


def _limit(ask: Ask) -> None:
    memory = ask.memory_mib * 2**20
    for kind, most in ((resource.RLIMIT_AS, memory), (resource.RLIMIT_FSIZE, 0), (resource.RLIMIT_CORE, 0)):
        resource.setrlimit(kind, (most, most))


def _serve(ask: Ask, content: bytes, answers: int) -> None:
    from rag.reading import read_parts

    def on_page(page: int, of: int) -> None:
        _send(answers, Answer(page=page, of=max(of, page)))

    try:
        found = read_parts(Task(ask.name, ask.labels, on_page), content)
    except UnreadableFile as refused:
        _send(answers, Answer(refusal=_plain(refused)))
        return
    except MemoryError:
        reason = Refusal(ask.name, "读取所需内存过大，已中止", "reading it takes too much memory and was stopped")
        _send(answers, Answer(refusal=reason, spent=True))
        return
    sizes = tuple((each.name, len(each.content)) for each in found.attachments)
    _send(answers, Answer(document=found.document, attachments=sizes, refused=tuple(map(_plain, found.refused))))
    for each in found.attachments:
        _write(answers, each.content)


def _plain(refused: UnreadableFile) -> Refusal:
    reason: Any = refused.data["reason"]
    return Refusal(str(refused.data["name"]), reason["zh"], reason["en"])


def _send(descriptor: int, answer: Answer) -> None:
    body = json.dumps(asdict(answer), ensure_ascii=False, default=str).encode("utf-8", "replace")
    _write(descriptor, HEADER.pack(len(body)) + body)


def _write(descriptor: int, data: bytes) -> None:
    left = memoryview(data)
    while left:
        left = left[os.write(descriptor, left) :]


def _exactly(descriptor: int, size: int) -> bytes | None:
    """None at the end of the input."""
    found = bytearray()
    while len(found) < size:
        piece = os.read(descriptor, min(size - len(found), 2**20))
        if not piece:
            return None
        found += piece
    return bytes(found)


if __name__ == "__main__":
    sys.exit(main())
