"""The queue by hand: what is printed can be read by a person and by a script."""

import shutil
from pathlib import Path

import pytest

from governance.errors import Invalid
from sandbox.__main__ import main
from sandbox.commands_queue import recipe_of
from sandbox.recipe import Recipe

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture
def said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> "Said":
    company = tmp_path / "company"
    company.mkdir()
    for name in ("company.yaml", "phrases.yaml"):
        shutil.copy(ROOT / "data_samples" / name, company / name)
    settings = {"HOME": tmp_path / "home", "COMPANY": company, "WORKER_IDLE_MINUTES": 0}
    for name, value in settings.items():
        monkeypatch.setenv(f"XINYAN_{name}", str(value))
    return Said(capsys)


class Said:
    """Runs a command; what it printed, on either stream."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys

    def __call__(self, *command: str, code: int = 0) -> str:
        assert main(list(command)) == code
        out, err = self._capsys.readouterr()
        return out + err


def test_a_run_is_queued_moved_paused_resumed_and_stopped_by_hand(said: Said) -> None:
    assert "队列为空 / the queue is empty" in said("queue")
    first = said("enqueue", "--priority", "2", "--set", "rank=4", "steps=7").split()[0].removeprefix("run=")
    second = said("enqueue", "--stage", "needs").split()[0].removeprefix("run=")
    listed = said("queue")
    assert listed.index(first) < listed.index(second)
    assert "status=waiting stage=needs priority=0" in listed
    said("priority", second, "9")
    listed = said("queue")
    assert listed.index(second) < listed.index(first)
    assert "status=paused" in said("pause", first[:8])  # the beginning of an id is enough
    assert "status=waiting" in said("resume", first[:8])
    assert "已停止 / stopped" in said("cancel", first)
    assert first not in said("queue")
    assert first in said("queue", "--all")
    assert said("log", first).strip() == ""


@pytest.mark.parametrize(
    "command",
    [
        ("pause", "no-such-run"),
        ("resume", "%"),
        ("cancel", ""),
        ("log", "../../etc/passwd"),
        ("enqueue", "--set", "rank"),
        ("enqueue", "--set", "rank=-1"),
        ("enqueue", "--set", "no_such_field=1"),
        ("enqueue", "--stage", "no-such-stage"),
        ("enqueue", "--priority", "1000"),
    ],
)
def test_what_is_wrong_is_said_in_both_languages_and_nothing_is_queued(said: Said, command: tuple[str, ...]) -> None:
    zh, en = said(*command, code=2).strip().splitlines()
    assert any("\u4e00" <= letter <= "\u9fff" for letter in zh)
    assert en.isascii()
    assert "the queue is empty" in said("queue")


def test_fields_become_a_recipe_and_none_means_recommended() -> None:
    assert recipe_of([]) is None
    assert recipe_of(["rank=4", "learning_rate=1e-4"]) == Recipe(rank=4, learning_rate=1e-4)
    with pytest.raises(Invalid):
        recipe_of(["steps=3", "warmup=9"])
