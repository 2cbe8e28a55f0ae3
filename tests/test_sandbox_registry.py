"""Nothing reaches a user that two people did not approve; nothing tainted comes back; nothing is overwritten."""

import hashlib
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, func, insert, select

from governance.db import metadata, open_engine, reading
from governance.errors import Conflict, Corrupt, GateFailed, Invalid, NotAllowed, NotFound, Refused, XinyanError
from governance.ledger import events_of, verify
from governance.signing import open_signing_key, trusted_keys
from sandbox.card import CARD, SIGNATURE, STATEMENT, WEIGHTS, verify_adapter, verify_statement
from sandbox.older import sign_older
from sandbox.registry import (
    adapters_in,
    alias_of,
    approvals_of,
    approve,
    point_alias,
    register,
    reject,
    released_adapter,
    retire,
    state_of,
    taint,
    trainers_of,
)
from sandbox.tables import adapter_states, aliases, runs
from tests.registered import BASE, NOW, TEMPLATE, add_adapter, add_approved


def said(adapter: str, by: str = "cora", reason: str = "ok") -> dict[str, Any]:
    return {"by": by, "reason": reason, "now": NOW}


def test_two_people_approve_and_only_then_it_is_signed(db: Engine, tmp_path: Path) -> None:
    with db.begin() as tx:
        name = add_adapter(tx, tmp_path, "one")
        assert state_of(tx, name) == "candidate"
        assert approve(tx, name, **said(name), needed=2) == "candidate"
        folder, trusted = tmp_path / "adapters" / name, trusted_keys(tmp_path / "keys")
        with pytest.raises(Refused):
            verify_statement(folder, name, trusted=trusted)
        with pytest.raises(Conflict):
            approve(tx, name, **said(name), needed=2)
        assert approve(tx, name, **said(name, "carl"), needed=2) == "approved"
        statement = verify_statement(folder, name, trusted=trusted)
        assert statement["approvers"] == ["carl", "cora"]
        assert len(statement["report"]) == 64
        assert {each.by for each in approvals_of(tx, name)} == {"cora", "carl"}
        with pytest.raises(Conflict):
            approve(tx, name, **said(name, "dora"), needed=2)
        events = [event.event for event in events_of(tx, name)]
        assert events.count("adapter_approval") == 2
        verify(tx)


def test_the_ledger_names_who_but_holds_no_free_text(db: Engine, tmp_path: Path) -> None:
    with db.begin() as tx:
        name = add_adapter(tx, tmp_path, "one")
        approve(tx, name, **said(name, reason="王小明读过"), needed=2)
        (event,) = [event for event in events_of(tx, name) if event.event == "adapter_approval"]
        assert event.actor == "cora"
        assert "王小明" not in str(event.detail)
        assert event.detail["reason_length"] == 5
        assert approvals_of(tx, name)[0].reason == "王小明读过"


def test_the_trainer_may_not_approve_by_card_or_by_run(db: Engine, tmp_path: Path) -> None:
    with db.begin() as tx:
        name = add_adapter(tx, tmp_path, "one", trainer="tina")
        row = {"id": "r" * 32, "status": "done", "step": 1, "total": 1, "message_zh": "", "message_en": ""}
        tx.execute(insert(runs).values(**row, cancel=False, heartbeat=NOW, started_at=NOW, by="rudi", adapter=name))
        assert trainers_of(tx, name) == {"tina", "rudi"}
        for by in ("tina", "rudi"):
            with pytest.raises(NotAllowed):
                approve(tx, name, **said(name, by), needed=1)
            with pytest.raises(NotAllowed):
                reject(tx, name, **said(name, by))


@pytest.mark.parametrize(
    ("passed", "memory", "error", "words"),
    [
        (None, True, Refused, "evaluated"),
        (False, True, GateFailed, "value_copy"),
        (True, None, Refused, "not tested"),
        (True, False, Refused, "memory test failed"),
    ],
)
def test_nobody_approves_below_the_gate_or_without_the_memory_test(
    db: Engine, tmp_path: Path, passed: bool | None, memory: bool | None, error: type[XinyanError], words: str
) -> None:
    with db.begin() as tx:
        name = add_adapter(tx, tmp_path, "one", passed=passed, memory=memory)
        with pytest.raises(error, match=words):
            approve(tx, name, **said(name), needed=1)
        assert approvals_of(tx, name) == []


@pytest.mark.parametrize("reason", ["", "  ", "x" * 501])
def test_a_decision_needs_a_reason(db: Engine, tmp_path: Path, reason: str) -> None:
    with db.begin() as tx:
        name = add_adapter(tx, tmp_path, "one")
        for decide in (reject, retire):
            with pytest.raises(Invalid):
                decide(tx, name, **said(name, reason=reason))
        with pytest.raises(Invalid):
            approve(tx, name, **said(name, reason=reason), needed=2)
        with pytest.raises(Invalid):
            approve(tx, name, **said(name), needed=0)


def test_one_no_is_enough(db: Engine, tmp_path: Path) -> None:
    with db.begin() as tx:
        name = add_adapter(tx, tmp_path, "one")
        approve(tx, name, **said(name), needed=2)
        assert reject(tx, name, **said(name, "carl")) == "retired"
        with pytest.raises(Refused):
            approve(tx, name, **said(name, "dora"), needed=1)
        with pytest.raises(Refused):
            point_alias(tx, "", name, **said(name))


def test_an_unknown_adapter_is_not_found(db: Engine) -> None:
    with db.begin() as tx:
        for act in (reject, retire, taint):
            with pytest.raises(NotFound):
                act(tx, "e" * 64, **said("e"))
        with pytest.raises(NotFound):
            register(tx, "e" * 64, by="x", now=NOW)
        with pytest.raises(NotFound):
            point_alias(tx, "", "e" * 64, **said("e"))


def test_a_tampered_card_is_not_approved(db: Engine, tmp_path: Path) -> None:
    with db.begin() as tx:
        name = add_adapter(tx, tmp_path, "one", trainer="tina")
        card = tmp_path / "adapters" / name / CARD
        card.write_text(card.read_text(encoding="utf-8").replace("tina", "dina"), encoding="utf-8")
        with pytest.raises(Corrupt):
            approve(tx, name, **said(name), needed=1)
        assert trainers_of(tx, name) == {"tina"}  # the ledger knows; and a page that lists it does not break


def test_a_stage_has_its_own_adapter_or_that_of_all_or_the_plan(db: Engine, tmp_path: Path) -> None:
    with db.begin() as tx:
        general, own = add_approved(tx, tmp_path, "general"), add_approved(tx, tmp_path, "own", stage="proposal")
        assert released_adapter(tx) is None
        point_alias(tx, "", general, **said(general))
        assert state_of(tx, general) == "released"
        assert alias_of(tx, "proposal") == general
        point_alias(tx, "proposal", own, **said(own))
        assert (alias_of(tx, "proposal"), alias_of(tx, "needs")) == (own, general)
        with pytest.raises(Refused, match="proposal"):
            point_alias(tx, "", own, **said(own))
        point_alias(tx, "proposal", None, **said(own))
        assert alias_of(tx, "proposal") is None
        with pytest.raises(Conflict):
            retire(tx, general, **said(general))
        retire(tx, own, **said(own))
        assert {each.adapter: (each.state, each.stages) for each in adapters_in(tx)} == {
            general: ("released", ("",)),
            own: ("retired", ()),
        }


def test_a_tainted_adapter_leaves_every_alias_and_the_one_before_returns(db: Engine, tmp_path: Path) -> None:
    with db.begin() as tx:
        names = [add_approved(tx, tmp_path, label) for label in ("a", "b", "c")]
        for name in names:
            point_alias(tx, "", name, **said(name))
        point_alias(tx, "needs", names[2], **said("needs"))
        assert taint(tx, names[1], **said(names[1])) == []
        assert taint(tx, names[2], **said(names[2])) == ["", "needs"]
        assert alias_of(tx) == names[0]
        assert alias_of(tx, "needs") is None
        assert taint(tx, names[2], **said(names[2])) == []
        taint(tx, names[0], **said(names[0]))
        assert alias_of(tx) is None
        for name in names:
            with pytest.raises(Refused):
                point_alias(tx, "", name, **said(name))
            with pytest.raises(Conflict):
                retire(tx, name, **said(name))
        verify(tx)


def test_nothing_is_overwritten(db: Engine, tmp_path: Path) -> None:
    with db.begin() as tx:
        name = add_approved(tx, tmp_path, "one")
        point_alias(tx, "", name, **said(name))
        point_alias(tx, "", None, **said(name))
        assert register(tx, name, by="x", now=NOW) == "released"
        taint(tx, name, **said(name))
        assert list(tx.scalars(select(adapter_states.c.state).order_by(adapter_states.c.number))) == [
            "candidate",
            "approved",
            "released",
            "tainted",
        ]
        assert tx.scalar(select(func.count()).select_from(aliases)) == 2


ACTS = ("approve", "reject", "retire", "taint", "point", "register")
PEOPLE = ("tina", "cora", "carl", "dora")


@settings(max_examples=40, deadline=None)
@given(steps=st.lists(st.tuples(st.sampled_from(ACTS), st.sampled_from(PEOPLE)), max_size=12), needed=st.integers(1, 3))
def test_no_path_reaches_a_user_without_the_approvals(steps: list[tuple[str, str]], needed: int) -> None:
    acts: dict[str, Any] = {"reject": reject, "retire": retire, "taint": taint}
    with tempfile.TemporaryDirectory() as home:
        db = open_engine("sqlite://")
        metadata.create_all(db)
        with db.begin() as tx:
            name = add_adapter(tx, Path(home), "one", trainer="tina")
            tainted = False
            for act, by in steps:
                try:
                    if act == "approve":
                        approve(tx, name, **said(name, by), needed=needed)
                    elif act == "point":
                        point_alias(tx, "", name, **said(name, by))
                    elif act == "register":
                        register(tx, name, by=by, now=NOW)
                    else:
                        acts[act](tx, name, **said(name, by))
                except XinyanError:
                    continue
                tainted = tainted or act == "taint"
                approvers = {each.by for each in approvals_of(tx, name) if each.decision == "approve"}
                if alias_of(tx) == name or state_of(tx, name) in ("approved", "released"):
                    assert len(approvers - {"tina"}) >= needed
                    assert not tainted
                if tainted:
                    assert state_of(tx, name) == "tainted"
        db.dispose()


def old_adapter(tx: Any, home: Path) -> tuple[str, Path]:
    name = add_adapter(tx, home, "old")
    folder = home / "adapters" / name
    (folder / SIGNATURE).unlink()
    return name, folder


def test_an_adapter_from_before_signatures_is_signed_when_the_records_vouch_for_it(db: Engine, tmp_path: Path) -> None:
    trusted = trusted_keys(tmp_path / "keys") | {open_signing_key(tmp_path / "keys").id}
    verified: dict[str, Any] = {"base_hash": BASE, "trusted": trusted}
    with db.begin() as tx:
        name, folder = old_adapter(tx, tmp_path)
        verified["template_hash"] = hashlib.sha256(TEMPLATE.encode()).hexdigest()
        with pytest.raises(Refused, match=f"sandbox sign {name}"):
            verify_adapter(folder, name, **verified)
        tx.execute(insert(adapter_states).values(adapter=name, state="released", reason="", by="", at=NOW))
        sign_older(tx, name, keys=tmp_path / "keys", by="admin", now=NOW)
        verify_adapter(folder, name, **verified)
        assert verify_statement(folder, name, trusted=trusted)["adapter"] == name
        assert "adapter_signed" in {event.event for event in events_of(tx, name)}


def test_a_candidate_that_is_signed_late_is_not_thereby_approved(db: Engine, tmp_path: Path) -> None:
    with db.begin() as tx:
        name, folder = old_adapter(tx, tmp_path)
        sign_older(tx, name, keys=tmp_path / "keys", by="admin", now=NOW)
        assert not (folder / STATEMENT).exists()


def test_what_the_records_do_not_vouch_for_is_not_signed(db: Engine, tmp_path: Path) -> None:
    with db.begin() as tx:
        name, folder = old_adapter(tx, tmp_path)
        (folder / WEIGHTS).write_bytes(b"other")
        with pytest.raises(Refused, match="disagree"):
            sign_older(tx, name, keys=tmp_path / "keys", by="admin", now=NOW)
        assert not (folder / SIGNATURE).exists()
        with pytest.raises(NotFound):
            sign_older(tx, "e" * 64, keys=tmp_path / "keys", by="admin", now=NOW)


def test_a_second_transaction_sees_the_first_decision(db: Engine, tmp_path: Path) -> None:
    with db.begin() as tx:
        name = add_adapter(tx, tmp_path, "one")
    with db.begin() as tx:
        approve(tx, name, **said(name), needed=2)
    with reading(db) as tx:
        assert state_of(tx, name) == "candidate"
    with db.begin() as tx:
        assert approve(tx, name, **said(name, "carl"), needed=2) == "approved"
