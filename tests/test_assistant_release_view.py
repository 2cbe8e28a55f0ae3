"""What approvers see: why they may not, how a release stands in both arms, who did what and why."""

from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine

from assistant import release_view
from assistant.i18n import TEXTS
from assistant.parts import Parts
from governance.accounts import User
from governance.settings import Settings
from governance.vault import open_vault
from rag.company import load_company
from sandbox.registry import approve, reject
from sandbox.rollout import advance, observe, roll_back, start_rollout
from tests.registered import NOW, add_adapter, add_approved

CORA = User("cora", frozenset({"coordinator"}), "Cora", "zh")
TRAINER = User("trainer", frozenset({"admin"}), "Tom", "zh")


@pytest.fixture
def parts(db: Engine, tmp_path: Path) -> Parts:
    company = load_company(Path(__file__).resolve().parent.parent / "data_samples")
    return Parts(Settings(home=tmp_path), db, open_vault(tmp_path / "keys"), company)


def test_an_empty_registry_has_nothing_in_force(parts: Parts) -> None:
    assert release_view.registry(parts, "zh-CN", CORA) == ()
    assert release_view.gradual(parts, "zh-CN") == ()
    assert release_view.history(parts, "zh-CN") == ()
    assert {row.adapter for row in release_view.in_force(parts, "zh-CN")} == {""}


def test_everyone_is_told_beforehand_why_he_may_not_approve(db: Engine, parts: Parts, tmp_path: Path) -> None:
    with db.begin() as tx:
        names = {
            "": add_adapter(tx, tmp_path, "fine"),
            "below_gate": add_adapter(tx, tmp_path, "bad", passed=False),
            "not_measured": add_adapter(tx, tmp_path, "new", passed=None),
            "memory_missing": add_adapter(tx, tmp_path, "untested", memory=None),
            "memory_failed": add_adapter(tx, tmp_path, "parrot", memory=False),
            "own_vote": add_adapter(tx, tmp_path, "half"),
            "decided_already": add_adapter(tx, tmp_path, "gone"),
        }
        approve(tx, names["own_vote"], by="cora", reason="good", now=NOW, needed=2)
        reject(tx, names["decided_already"], by="carl", reason="rude", now=NOW)
    seen = {row.adapter: row for row in release_view.registry(parts, "en", CORA)}
    assert {name: seen[name].why_not for name in names.values()} == {name: why for why, name in names.items()}
    own = {row.adapter: row for row in release_view.registry(parts, "en", TRAINER)}[names[""]]
    assert own.why_not == "own_adapter"
    assert all(f"why_{why}" in TEXTS for why in names if why not in ("", "decided_already"))
    half = seen[names["own_vote"]]
    assert (half.given, half.needed, half.state, half.startable) == (1, 2, "candidate", ())


def test_a_first_release_may_go_to_everyone_and_a_second_one_may_not(db: Engine, parts: Parts, tmp_path: Path) -> None:
    with db.begin() as tx:
        first = add_approved(tx, tmp_path, "first")
    row = release_view.registry(parts, "en", CORA)[0]
    assert [share for share, _ in row.startable] == [0, 5, 100]
    with db.begin() as tx:
        start_rollout(tx, "", first, by="adam", reason="go", now=NOW, share=100)
        second = add_approved(tx, tmp_path, "second")
    rows = {row.adapter: row for row in release_view.registry(parts, "en", CORA)}
    assert [share for share, _ in rows[second].startable] == [0, 5]
    assert (rows[first].startable, rows[first].in_force) == ((), ("All stages",))


def test_a_release_shows_both_arms_with_numbers_and_intervals(db: Engine, parts: Parts, tmp_path: Path) -> None:
    with db.begin() as tx:
        old, new = add_approved(tx, tmp_path, "old"), add_approved(tx, tmp_path, "new")
        start_rollout(tx, "", old, by="adam", reason="go", now=NOW, share=100)
        rollout = start_rollout(tx, "", new, by="adam", reason="try", now=NOW, share=5)
        for number in range(40):
            for arm in ("candidate", "baseline"):
                script = f"{arm}{number}"
                observe(tx, rollout, arm=arm, script=script, figure="rejection", value=float(number < 4), now=NOW)
                observe(tx, rollout, arm=arm, script=script, figure="latency", value=10.0 + number % 3, now=NOW)
    row = release_view.gradual(parts, "en")[0]
    figures = {each.figure: each for each in row.figures}
    assert (figures["rejection"].candidate, figures["rejection"].candidate_n) == ("10.0% (4%–23%)", 40)
    assert figures["latency"].baseline.startswith("11 s ± 0.2")
    assert figures["complaint"].candidate == "–"
    assert (row.ready, row.next_share, row.seen >= row.needed) == (True, 25, True)
    assert [state for _, state in row.steps] == ["done", "active", "later", "later"]
    assert all(0 <= each.evidence <= 100 for each in row.figures)


def test_too_few_scripts_are_said_and_keep_the_next_step_back(db: Engine, parts: Parts, tmp_path: Path) -> None:
    with db.begin() as tx:
        old, new = add_approved(tx, tmp_path, "old"), add_approved(tx, tmp_path, "new")
        start_rollout(tx, "", old, by="adam", reason="go", now=NOW, share=100)
        start_rollout(tx, "", new, by="adam", reason="try", now=NOW, share=5)
    row = release_view.gradual(parts, "zh-CN")[0]
    assert not row.ready
    assert row.verdict == "还在收集：0/20 份话术。"
    busy = {each.adapter: each.busy for each in release_view.registry(parts, "en", CORA)}
    assert busy == {old: True, new: True}


def test_the_history_says_who_and_why_newest_first(db: Engine, parts: Parts, tmp_path: Path) -> None:
    with db.begin() as tx:
        name = add_approved(tx, tmp_path, "one")
        rollout = start_rollout(tx, "", name, by="adam", reason="begin small", now=NOW + timedelta(hours=1), share=5)
        advance(tx, rollout, by="adam", reason="all of them", now=NOW + timedelta(hours=2), share=100)
        roll_back(tx, "", by="cora", reason="sounds rude", now=NOW + timedelta(hours=3))
    rows = release_view.history(parts, "en")
    assert rows == tuple(sorted(rows, key=lambda row: row.at, reverse=True))
    assert (rows[0].by, rows[0].reason) == ("cora", "sounds rude")
    assert {row.reason for row in rows} >= {"reads well", "sounds rude"}
    assert not any(row.what.startswith("happened") for row in rows)
