"""The README and the pages under docs/ name what exists: commands, settings, files, figures."""

import re
import runpy
import subprocess
import sys
from pathlib import Path

import pytest

from governance.settings import Settings
from sandbox.release import Gate

ROOT = Path(__file__).resolve().parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
TEXT = {page: page.read_text(encoding="utf-8") for page in PAGES}


def test_every_setting_is_explained_in_the_readme() -> None:
    readme = TEXT[ROOT / "README.md"]
    assert [name for name in Settings.model_fields if f"XINYAN_{name.upper()}" not in readme] == []


def test_every_make_target_that_a_page_names_exists() -> None:
    targets = set(re.findall(r"(?m)^([a-z][a-z-]*):", (ROOT / "Makefile").read_text(encoding="utf-8")))
    named = {target for text in TEXT.values() for target in re.findall(r"\bmake ([a-z][a-z-]+)", text)}
    assert named <= targets


def test_every_page_and_picture_that_a_page_links_exists() -> None:
    for page, text in TEXT.items():
        for link in re.findall(r"\]\(([^)#]+?)\)", text):
            if not link.startswith("http"):
                assert (page.parent / link).exists(), f"{page.name} links {link}"


def test_the_thresholds_of_the_gate_are_those_of_the_page() -> None:
    page = TEXT[ROOT / "docs" / "admin.md"]
    gate = Gate()
    for name in ("value_copy", "unsupported_values", "must_say", "stop_rate", "wrong_type"):
        line = next(line for line in page.splitlines() if name in line)
        assert f"{getattr(gate, name):.2f}" in line


COMMANDS = sorted({match for text in TEXT.values() for match in re.findall(r"python -m (\w+ [a-z-]+)", text)})


@pytest.mark.slow
@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_that_a_page_shows_is_understood(
    command: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    module, verb = command.split()
    monkeypatch.setattr(sys, "argv", ["-m", verb, "--help"])
    monkeypatch.delitem(sys.modules, f"{module}.__main__", raising=False)  # another test's; runpy warns of it
    with pytest.raises(SystemExit) as ended:
        runpy.run_module(module, run_name="__main__", alter_sys=True)
    assert ended.value.code in (0, None), capsys.readouterr().err
    assert verb in capsys.readouterr().out


@pytest.mark.slow
@pytest.mark.parametrize("module", sorted({command.split()[0] for command in COMMANDS}))
def test_every_folder_with_commands_starts_as_a_process_of_its_own(module: str) -> None:
    found = subprocess.run([sys.executable, "-m", module, "--help"], cwd=ROOT, capture_output=True, check=False)
    assert found.returncode == 0, found.stderr.decode()


def test_no_page_names_a_machine_or_a_registry() -> None:
    for page, text in TEXT.items():
        assert not re.search(r"/root/|/work/|/tmp/|pypi\.org|registry\.npmjs|/opt/", text), page.name
