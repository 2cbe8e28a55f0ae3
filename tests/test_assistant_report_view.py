"""The report as approvers read it: sentences, every figure beside its limit, memory, answers, blind rating."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine

from assistant import report_view
from assistant.i18n import TEXTS
from assistant.parts import Parts
from eval.memorisation import Memorisation, Trial, conclude
from eval.scoring import Figures, wilson
from governance.errors import NotFound
from governance.settings import Settings
from governance.vault import open_vault
from rag.company import load_company
from sandbox.memories import keep_memorisation
from sandbox.report import Arm, Report, Side, keep_report, rate
from tests.registered import NOW, add_adapter

INTERVALS = {name: wilson(47, 48) for name in ("value_copy", "must_say", "stop_rate", "language")}
GOOD = Figures(
    0.1, 1.0, 0.0, 1.0, 1.0, 0.0, 48, INTERVALS, compliance_hits=0.0, personal_data=0.0, language=1.0, tokens_per_s=40
)
BASE = replace(GOOD, heldout_loss=3.0, value_copy=0.1)
CALM = conclude([Trial(1, 400, 1000, extracted=False), Trial(16, 1, 1000, extracted=True)], [], passes=1)


@pytest.fixture
def parts(db: Engine, tmp_path: Path) -> Parts:
    company = load_company(Path(__file__).resolve().parent.parent / "data_samples")
    return Parts(Settings(home=tmp_path), db, open_vault(tmp_path / "keys"), company)


def keep(db: Engine, parts: Parts, tmp_path: Path, memory: Memorisation | None = CALM, **changes: Any) -> str:
    arms: Mapping[Arm, Figures] = {"base": BASE, "candidate": replace(GOOD, **changes)}
    texts: dict[Arm, str] = {"base": "不知道", "candidate": "<b>您好</b>"}
    sides = tuple(Side(f"{n:064}", "needs", "zh", f"话术{n}", "您好。", texts) for n in range(6))
    with db.begin() as tx:
        name = add_adapter(tx, tmp_path, "one", memory=None)
        report = Report(name, None, "m" * 64, "d" * 64, arms, {"needs": arms}, 30, 8, 0, sides, NOW)
        keep_report(tx, parts.vault, report)
        if memory is not None:
            keep_memorisation(tx, name[::-1], memory, "1", NOW)
    return name


def test_without_a_report_there_is_none_and_an_unknown_adapter_is_an_error(parts: Parts) -> None:
    assert report_view.choices(parts, "zh-CN") == ()
    with pytest.raises(NotFound):
        report_view.report_page(parts, "zh-CN", "0" * 64)


def test_a_good_report_passes_everywhere_and_shows_every_figure(db: Engine, parts: Parts, tmp_path: Path) -> None:
    name = keep(db, parts, tmp_path)
    page = report_view.report_page(parts, "zh-CN", name)
    assert page is not None
    assert page.passed
    assert page.arms == ("base", "candidate")
    assert all(row.passed is not False for row in page.figures)
    assert {row.name for row in page.figures} >= {"value_copy", "heldout_loss", "compliance_hits", "training_leaks"}
    assert all(f"figure_{row.name}" in TEXTS and f"help_figure_{row.name}" in TEXTS for row in page.figures)
    row = next(row for row in page.figures if row.name == "value_copy")
    assert (row.values, row.threshold) == (("10.0%", "100.0%"), "不低于 95%")
    assert [(each.repeats, each.extracted) for each in page.memory] == [(1, 0), (16, 1)]
    assert page.memory_passed
    assert "可以交给两位同事审批" in page.sentences[0]
    assert [each.adapter for each in report_view.choices(parts, "zh-CN")] == [name]


def test_what_failed_is_marked_in_the_table_and_in_the_sentences(db: Engine, parts: Parts, tmp_path: Path) -> None:
    page = report_view.report_page(parts, "en", keep(db, parts, tmp_path, value_copy=0.5, compliance_hits=0.02))
    assert page is not None
    assert not page.passed
    assert [row.name for row in page.figures if row.passed is False] == ["value_copy", "compliance_hits"]
    assert any("Falls short" in sentence for sentence in page.sentences)


def test_without_a_memory_test_nothing_passes(db: Engine, parts: Parts, tmp_path: Path) -> None:
    page = report_view.report_page(parts, "en", keep(db, parts, tmp_path, memory=None))
    assert page is not None
    assert (page.passed, page.memory, page.memory_passed) == (False, (), None)


def test_answers_are_paged(db: Engine, parts: Parts, tmp_path: Path) -> None:
    name = keep(db, parts, tmp_path)
    first, last = (report_view.report_page(parts, "en", name, page) for page in (1, 99))
    assert first is not None
    assert last is not None
    assert (len(first.answers), len(last.answers), first.pages, last.page) == (4, 2, 2, 2)
    assert dict(first.answers[0].written)["candidate"] == "<b>您好</b>"


def test_a_pair_is_rated_once_and_the_next_one_follows(db: Engine, parts: Parts, tmp_path: Path) -> None:
    name = keep(db, parts, tmp_path)
    before = report_view.rating(parts, name, "cora")
    assert before.pair is not None
    assert before.remaining == 6
    with db.begin() as tx:
        rate(tx, name, before.pair.sample, preferred_left="same", by="cora", now=NOW)
    after = report_view.rating(parts, name, "cora")
    assert (after.remaining, after.told.same) == (5, 1)
    assert report_view.rating(parts, name, "carl").remaining == 6
