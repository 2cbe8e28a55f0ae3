"""The gate decides by figures alone; every decision stays on record."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import Engine, func, select, text

from eval.scoring import Figures
from governance.db import ROOT, migrate, open_engine, reading
from governance.ledger import events_of, verify
from sandbox.registry import state_of
from sandbox.release import alias_of, judge, record_gate, released_adapter
from sandbox.tables import releases
from tests.registered import NOW, add_adapter

BEFORE = Figures(3.9, 0.2, 0.5, 0.1, 0.0, 0.6, 64, {})
AFTER = Figures(0.9, 0.99, 0.0, 1.0, 1.0, 0.0, 64, {})
GOOD: Mapping[str, Figures] = {"before": BEFORE, "after": AFTER}


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
        assert alias_of(tx, "proposal") is None


def test_what_the_gate_says_is_kept_once_with_its_figures_and_releases_nothing(db: Engine, tmp_path: Path) -> None:
    bad: Mapping[str, Figures] = {"before": BEFORE, "after": replace(AFTER, value_copy=0.5, must_say=float("nan"))}
    with db.begin() as tx:
        name = add_adapter(tx, tmp_path, "one", passed=None)
        for _ in range(2):
            record_gate(tx, name, bad, judge(bad), by="admin", now=NOW)
        row = tx.execute(select(releases)).mappings().one()
        assert (row["passed"], row["figures"]["after"]["value_copy"]) == (False, 0.5)
        assert row["figures"]["after"]["must_say"] is None
        assert "value_copy 0.500 (>= 0.950)" in row["failed"]
        record_gate(tx, name, GOOD, [], by="admin", now=NOW)
        record_gate(tx, name, bad, judge(bad), by="admin", now=NOW)
        assert tx.scalar(select(func.count()).select_from(releases)) == 3
        said = [event.event for event in events_of(tx, name)]
        assert said[-3:] == ["adapter_refused", "adapter_passed", "adapter_refused"]
        assert released_adapter(tx) is None
        verify(tx)


def test_a_home_from_before_the_registry_keeps_what_was_in_force(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'old.db'}"
    config = Config()
    config.set_main_option("script_location", str(ROOT / "migrations"))
    config.set_main_option("sqlalchemy.url", url)
    command.upgrade(config, "0001")
    db = open_engine(url)
    with db.begin() as tx:
        tx.execute(text("INSERT INTO datasets VALUES (:h, :h, 1, 1, 0, :at)"), {"h": "d" * 64, "at": NOW.isoformat()})
        for number, letter in enumerate("abc", 1):
            made = {"h": letter * 64, "d": "d" * 64, "at": NOW.isoformat(), "n": number, "passed": letter != "c"}
            adapter = "INSERT INTO adapters (hash, key, dataset, base, recipe, folder, seconds, created_at)"
            tx.execute(text(f"{adapter} VALUES (:h, :h, :d, :h, '{{}}', 'x', 1.0, :at)"), made)
            release = "INSERT INTO releases (number, adapter, passed, figures, failed, by, at)"
            tx.execute(text(f"{release} VALUES (:n, :h, :passed, '{{}}', '[]', 'admin', :at)"), made)
    migrate(url)
    with reading(db) as tx:
        assert alias_of(tx) == alias_of(tx, "needs") == "b" * 64
        assert [state_of(tx, letter * 64) for letter in "abc"] == ["candidate", "released", "candidate"]
        assert "alias_moved" in {event.event for event in events_of(tx, "b" * 64)}
        verify(tx)
    migrate(url)
    db.dispose()
