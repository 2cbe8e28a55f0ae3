"""`report` and `rate` on the command line: plain words for the newest adapter, and one pair at a time."""

from pathlib import Path

import pytest

from governance.errors import Invalid, NotFound
from governance.settings import Settings
from sandbox.commands import build_parser
from sandbox.report import keep_report
from sandbox.session import Session
from tests.small_sandbox import NOW, SAMPLES, make_small
from tests.test_sandbox_report import make


@pytest.fixture
def session(tmp_path: Path) -> Session:
    return Session(Settings(home=tmp_path, company=SAMPLES, threads=1))


def call(session: Session, *words: str) -> int:
    asked = build_parser().parse_args(words)
    return asked.handle(session, asked)


def test_the_newest_report_is_said_in_both_languages_and_pairs_are_rated_one_by_one(
    session: Session, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(NotFound):
        call(session, "report")
    adapter = make_small(session.db, tmp_path).adapter()
    with pytest.raises(NotFound):
        call(session, "report", adapter.hash[:8])
    with session.db.begin() as tx:
        keep_report(tx, session.vault, make(adapter=adapter.hash, dataset=adapter.dataset, at=NOW))
    assert call(session, "report", "--answers") == 1
    said = capsys.readouterr().out
    assert "记忆测试：还没有做。" in said
    assert "Memory test: not done yet." in said
    assert "-- candidate: 您好" in said
    assert call(session, "rate", "--by", "li") == 0
    shown = capsys.readouterr().out
    assert "left_to_rate=6" in shown
    sample = shown.split("sample ")[1].split()[0]
    assert call(session, "rate", "--by", "li", "--sample", sample, "--preferred", "left") == 0
    assert "left_to_rate=5" in capsys.readouterr().out


def test_half_a_rating_and_an_unknown_adapter_are_refused(session: Session, tmp_path: Path) -> None:
    make_small(session.db, tmp_path).adapter()
    with pytest.raises(Invalid):
        call(session, "rate", "--by", "li", "--preferred", "left")
    for words in (["report", "ffff"], ["memory", "%"], ["rate", "ffff", "--by", "li"]):
        with pytest.raises(NotFound):
            call(session, *words)
