"""The gate decides by figures alone; every decision stays on record."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import Engine, func, insert, select

from eval.scoring import Figures
from governance.db import reading
from governance.errors import GateFailed, NotFound
from governance.ledger import events_of, verify
from sandbox import pipeline
from sandbox.release import Adapter, judge, released_adapter, roll_back
from sandbox.tables import adapters, datasets, releases

NOW = datetime(2026, 11, 22, tzinfo=UTC)
BEFORE = Figures(3.9, 0.2, 0.5, 0.1, 0.0, 0.6, 64, {})
AFTER = Figures(0.9, 0.99, 0.0, 1.0, 1.0, 0.0, 64, {})
GOOD: Mapping[str, Figures] = {"before": BEFORE, "after": AFTER}


def adapter(db: Engine, letter: str) -> Adapter:
    made = Adapter(letter * 64, letter * 64, "d" * 64, "b" * 64, Path("x"), 1.0, NOW)
    with db.begin() as tx:
        if not tx.scalar(select(datasets.c.hash)):
            counts = {"train": 1, "heldout": 1, "quarantined": 0}
            tx.execute(insert(datasets).values(hash="d" * 64, inputs="i" * 64, created_at=NOW, **counts))
        row = {"hash": made.hash, "key": made.key, "dataset": made.dataset, "base": made.base, "recipe": {}}
        tx.execute(insert(adapters).values(**row, folder="x", seconds=1.0, created_at=NOW))
    return made


@pytest.mark.parametrize(
    ("change", "name"),
    [
        ({"value_copy": 0.949}, "value_copy"),
        ({"unsupported_values": 0.011}, "unsupported_values"),
        ({"must_say": 0.97}, "must_say"),
        ({"stop_rate": 0.97}, "stop_rate"),
        ({"wrong_type": 0.031}, "wrong_type"),
        ({"heldout_loss": 3.9}, "heldout_loss"),
        ({"heldout_loss": float("nan")}, "heldout_loss"),
        ({"value_copy": float("nan")}, "value_copy"),
    ],
)
def test_each_figure_can_keep_the_adapter_back(change: dict[str, float], name: str) -> None:
    assert judge(GOOD) == []
    assert [failed.name for failed in judge({"before": BEFORE, "after": replace(AFTER, **change)})] == [name]


def test_nothing_is_released_at_first(db: Engine) -> None:
    with reading(db) as tx:
        assert released_adapter(tx) is None


def test_an_adapter_below_the_gate_is_refused_and_the_figures_are_kept(db: Engine) -> None:
    bad = adapter(db, "a")
    with pytest.raises(GateFailed) as refused:
        pipeline.release(db, bad, {"before": BEFORE, "after": replace(AFTER, value_copy=0.5)}, by="admin", now=NOW)
    assert "value_copy 0.500 (>= 0.950)" in refused.value.say("zh")
    with reading(db) as tx:
        assert released_adapter(tx) is None
        row = tx.execute(select(releases)).mappings().one()
        assert row["figures"]["after"]["value_copy"] == 0.5
        assert [event.event for event in events_of(tx, bad.hash)] == ["adapter_refused"]


def test_the_newest_that_passed_is_in_force_and_a_roll_back_is_one_more_row(db: Engine) -> None:
    first, second = adapter(db, "a"), adapter(db, "c")
    pipeline.release(db, first, GOOD, by="admin", now=NOW)
    pipeline.release(db, second, GOOD, by="admin", now=NOW)
    pipeline.release(db, second, GOOD, by="admin", now=NOW)
    with db.begin() as tx:
        assert released_adapter(tx) == second
        assert roll_back(tx, first.hash, by="admin", now=NOW) == first
        assert released_adapter(tx) == first
        assert tx.scalar(select(func.count()).select_from(releases)) == 3
        verify(tx)
        with pytest.raises(NotFound):
            roll_back(tx, "e" * 64, by="admin", now=NOW)


def test_a_later_failure_leaves_the_released_one_in_force(db: Engine) -> None:
    good, bad = adapter(db, "a"), adapter(db, "c")
    pipeline.release(db, good, GOOD, by="admin", now=NOW)
    with pytest.raises(GateFailed):
        pipeline.release(db, bad, {"before": BEFORE, "after": BEFORE}, by="admin", now=NOW)
    with reading(db) as tx:
        assert released_adapter(tx) == good
