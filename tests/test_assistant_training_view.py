"""What the admin page says of runs, curves and the gate, from rows as the training process leaves them."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine, insert

from assistant import training_view
from assistant.parts import Parts
from governance.settings import Settings
from governance.vault import open_vault
from rag.company import load_company
from sandbox import tables

NOW = datetime(2026, 11, 22, 8, tzinfo=UTC)
PASSING = {
    "heldout_loss": 1.2,
    "value_copy": 0.98,
    "unsupported_values": 0.0,
    "must_say": 1.0,
    "stop_rate": 1.0,
    "wrong_type": 0.0,
}
UNTUNED = {**PASSING, "heldout_loss": 3.0, "value_copy": 0.1}


@pytest.fixture
def parts(db: Engine, tmp_path: Path) -> Parts:
    company = load_company(Path(__file__).resolve().parent.parent / "data_samples")
    return Parts(Settings(home=tmp_path), db, open_vault(tmp_path / "keys"), company)


def keep_adapter(db: Engine, after: Mapping[str, float], *, passed: bool) -> None:
    with db.begin() as tx:
        counts = {"train": 90, "heldout": 10, "quarantined": 2}
        tx.execute(insert(tables.datasets).values(hash="d" * 64, inputs="i" * 64, created_at=NOW, **counts))
        made = {"dataset": "d" * 64, "base": "b" * 64, "recipe": {}, "folder": "x", "seconds": 1.0, "created_at": NOW}
        tx.execute(insert(tables.adapters).values(hash="a" * 64, key="k" * 64, **made))
        figures = {"before": UNTUNED, "after": dict(after)}
        tx.execute(
            insert(tables.evaluations).values(adapter="a" * 64, measure="m", dataset="d" * 64, at=NOW, **figures)
        )
        decided = {"passed": passed, "figures": figures, "failed": [], "by": "admin", "at": NOW}
        tx.execute(insert(tables.releases).values(adapter="a" * 64, **decided))


def test_before_the_first_run_there_is_nothing_to_show(parts: Parts) -> None:
    shown = training_view.training(parts, "zh-CN")
    assert (shown.id, shown.state, shown.running) == ("", "none", False)
    assert training_view.evaluation(parts, "zh-CN").figures == ()


def test_a_failed_gate_names_the_figure_in_plain_words(db: Engine, parts: Parts) -> None:
    keep_adapter(db, {**PASSING, "value_copy": 0.31, "heldout_loss": 3.5}, passed=False)
    zh, en = (training_view.evaluation(parts, lang) for lang in ("zh-CN", "en"))
    assert zh.failed == "原样引用给定数值的比例 31.0%（不低于 95%）；留出集损失 3.500（须低于训练前）"
    assert en.failed == "Given values repeated exactly 31.0% (at least 95%); Held-out loss 3.500 (must have fallen)"
    assert [row.name for row in zh.figures if not row.passed] == ["value_copy", "heldout_loss"]
    assert zh.released is None


def test_a_passed_gate_shows_what_is_released(db: Engine, parts: Parts) -> None:
    keep_adapter(db, PASSING, passed=True)
    shown = training_view.evaluation(parts, "en")
    assert shown.failed == ""
    assert shown.released == training_view.Released("a" * 64, NOW)


def test_a_running_run_shows_its_curve(db: Engine, parts: Parts) -> None:
    times = {"heartbeat": NOW, "started_at": NOW - timedelta(minutes=3)}
    said = {"message_zh": "训练", "message_en": "training", "cancel": False, "by": "admin"}
    with db.begin() as tx:
        tx.execute(insert(tables.runs).values(id="r1", status="running", step=50, total=200, **said, **times))
        for step in range(1, 51):
            heldout = 2.0 if step % 25 == 0 else None
            rest = {"rate": 0.1, "gradient": 1.0, "seconds": 1.0}
            point = {"run": "r1", "step": step, "total": 200, "loss": 3.0 - step / 50, "heldout": heldout}
            tx.execute(insert(tables.points).values(**point, **rest))
    shown = training_view.training(parts, "en")
    assert (shown.running, shown.percent, shown.message) == (True, 25, "training")
    train, heldout = shown.curves.lines
    assert (train.last, heldout.last) == ("2.000", "2.000")
    assert train.points.split()[-1].startswith("25.00,")
    assert len(heldout.points.split()) == 2
    assert shown.curves.last_step == 200
