"""The registry: candidate → approved → released → retired | tainted, by people, append-only; aliases name hashes."""

import hashlib
import json
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

from sqlalchemy import Connection, insert, select, update

from governance.errors import Conflict, Corrupt, GateFailed, Invalid, NotAllowed, NotFound, Refused
from governance.ledger import append, events_of
from governance.signing import open_signing_key
from governance.tables import ledger_head
from sandbox.card import read_card, write_statement
from sandbox.release import adapter_of, alias_of, gate_row, released_adapter
from sandbox.tables import adapter_states, adapters, aliases, approvals, memorisations, reports, rollouts, runs

__all__ = [
    "Approval",
    "Entry",
    "State",
    "adapters_in",
    "alias_of",
    "approvals_of",
    "approve",
    "point_alias",
    "register",
    "reject",
    "released_adapter",
    "retire",
    "state_of",
    "taint",
    "trainers_of",
]

State = Literal["candidate", "approved", "released", "retired", "tainted"]
SERVABLE: tuple[State, ...] = ("approved", "released")
LONGEST_REASON = 500


@dataclass(frozen=True, slots=True)
class Approval:
    """One person's decision."""

    by: str
    decision: Literal["approve", "reject"]
    reason: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Entry:
    """One adapter of the registry; `stages` are the aliases that point to it ("" is all stages)."""

    adapter: str
    state: State
    stage: str
    dataset: str
    created_at: datetime
    stages: tuple[str, ...]
    approvals: tuple[Approval, ...]
    passed: bool | None  # the gate; None: not measured
    failed: tuple[str, ...]


def state_of(tx: Connection, adapter: str) -> State:
    """Raises NotFound for an adapter that does not exist; one that nobody registered is a candidate."""
    adapter_of(tx, adapter)
    return _newest_state(tx, adapter) or "candidate"


def register(tx: Connection, adapter: str, *, by: str, now: datetime) -> State:
    """Enter a trained adapter as a candidate; entered twice, it keeps the state that it has."""
    adapter_of(tx, adapter)
    take_turn(tx)
    if (state := _newest_state(tx, adapter)) is not None:
        return state
    return _set_state(tx, adapter, "candidate", reason="", by=by, now=now)


def approve(
    tx: Connection, adapter: str, *, by: str, reason: str, now: datetime, needed: int, keys: Path | None = None
) -> State:
    """
    One person's approval; with the approval of `needed` different people the adapter is approved and this is signed.

    The caller has asked who it is and for his role. Refused: the trainer, an adapter below the gate, one whose
    memory was not tested or failed, a retired or tainted one; Corrupt: a broken card. `keys`: the folder of the
    signing key, by default that of the home the adapter lies in.
    """
    found = adapter_of(tx, adapter)
    reason = checked_reason(reason)
    if needed < 1:
        raise Invalid(reason={"zh": "批准人数至少为 1", "en": "at least one approval is needed"})
    take_turn(tx)
    read_card(found.folder, adapter)  # whole, or nobody can tell who trained it
    _check_open(tx, adapter, by)
    _check_evidence(tx, adapter, found.key)
    _vote(tx, adapter, "approve", reason, by=by, now=now)
    votes = [each.by for each in approvals_of(tx, adapter) if each.decision == "approve"]
    detail = {"votes": len(votes), "needed": needed, **reason_detail(reason)}
    append(tx, actor=by, event="adapter_approval", subject=adapter, detail=detail, now=now)
    if len(votes) < needed:
        return "candidate"
    key = open_signing_key(keys or found.folder.parent.parent / "keys")
    state = _set_state(tx, adapter, "approved", reason=reason, by=by, now=now)
    at, report = now.isoformat(), report_hash(tx, adapter)
    write_statement(found.folder, adapter, key, report=report, state="approved", approvers=votes, at=at)
    return state


def reject(tx: Connection, adapter: str, *, by: str, reason: str, now: datetime) -> State:
    """One person's no is enough: the candidate is retired and its approvals count no more."""
    adapter_of(tx, adapter)
    reason = checked_reason(reason)
    take_turn(tx)
    _check_open(tx, adapter, by)
    _vote(tx, adapter, "reject", reason, by=by, now=now)
    return _set_state(tx, adapter, "retired", reason=reason, by=by, now=now)


def retire(tx: Connection, adapter: str, *, by: str, reason: str, now: datetime) -> State:
    """Take an adapter out of use for good; raises Conflict while it is in force or in a gradual release."""
    reason = checked_reason(reason)
    take_turn(tx)
    if (state := state_of(tx, adapter)) in ("retired", "tainted"):
        raise _conflict(state)
    if stages_of(tx, adapter) or _running(tx, adapter):
        raise Conflict(
            reason={"zh": "该适配器正在使用，请先回滚或换上另一个", "en": "the adapter is in use; roll back first"}
        )
    return _set_state(tx, adapter, "retired", reason=reason, by=by, now=now)


def taint(tx: Connection, adapter: str, *, reason: str, by: str, now: datetime) -> list[str]:
    """
    Never load this adapter again, at once; returns the stages that it was in force for.

    Each of them falls back to the adapter that was released there before and is still fit, else to the plan's own
    wording. A gradual release that it takes part in ends.
    """
    reason = checked_reason(reason)
    take_turn(tx)
    if state_of(tx, adapter) == "tainted":
        return []
    _set_state(tx, adapter, "tainted", reason=reason, by=by, now=now)
    for row in _running(tx, adapter):
        ended = {"status": "rolled_back" if row["candidate"] == adapter else "stopped", "changed_at": now}
        said = {"reason_zh": "参与的适配器已被标记为污染", "reason_en": "an adapter that takes part is tainted"}
        tx.execute(update(rollouts).where(rollouts.c.id == row["id"]).values(**ended, **said))
        append(tx, actor=by, event="rollout_ended", subject=row["id"], detail={"adapter": adapter}, now=now)
    pulled = stages_of(tx, adapter)
    for stage in pulled:
        move_alias(tx, stage, previous(tx, stage), reason=reason, by=by, now=now)
    return pulled


def point_alias(tx: Connection, stage: str, adapter: str | None, *, reason: str, by: str, now: datetime) -> None:
    """
    Put an approved adapter, or the plan's own wording (None), in force for a stage; raises Refused, Conflict.

    Conflict while a gradual release of the stage runs: it ends first, by a roll-back or by going to everyone.
    """
    reason = checked_reason(reason)
    take_turn(tx)
    if tx.execute(select(rollouts.c.id).where(rollouts.c.stage == stage, rollouts.c.status == "running")).first():
        raise Conflict(reason={"zh": "该阶段正在灰度发布", "en": "a gradual release of this stage is running"})
    if adapter is not None:
        check_servable(tx, stage, adapter)
    move_alias(tx, stage, adapter, reason=reason, by=by, now=now)


def move_alias(tx: Connection, stage: str, adapter: str | None, *, reason: str, by: str, now: datetime) -> None:
    """Append the row and the state; the caller has checked that the adapter may serve."""
    before = alias_of(tx, stage)
    tx.execute(insert(aliases).values(stage=stage, adapter=adapter, reason=reason, by=by, at=now))
    if adapter is not None and state_of(tx, adapter) == "approved":
        _set_state(tx, adapter, "released", reason=reason, by=by, now=now)
    detail = {"stage": stage, "before": before, **reason_detail(reason)}
    append(tx, actor=by, event="alias_moved", subject=adapter or "plan", detail=detail, now=now)


def previous(tx: Connection, stage: str) -> str | None:
    """
    What a roll-back of the stage puts in force: the adapter before the present one that is still fit, None: the plan.

    One that was itself rolled back does not come again: going back to an adapter forgets what came after it.
    """
    before: list[str] = []
    for name in tx.scalars(select(aliases.c.adapter).where(aliases.c.stage == stage).order_by(aliases.c.number)):
        before = before[: before.index(name)] if name in before else before
        before = [*before, name] if name else []
    return next((name for name in reversed(before[:-1]) if state_of(tx, name) in SERVABLE), None)


def check_servable(tx: Connection, stage: str, adapter: str) -> None:
    """Raises Refused when the adapter is not approved, or was trained for another stage."""
    check_approved(tx, adapter)
    own = tx.scalar(select(adapters.c.stage).where(adapters.c.hash == adapter)) or ""
    if own and own != stage:
        raise Refused(
            reason={"zh": f"该适配器只为阶段“{own}”训练", "en": f"the adapter was trained for the stage '{own}' only"}
        )


def check_approved(tx: Connection, adapter: str) -> None:
    """Raises Refused when it is not approved, not any more, or tainted."""
    if (state := state_of(tx, adapter)) not in SERVABLE:
        raise Refused(
            reason={
                "zh": f"适配器 {adapter[:12]} 的状态是“{STATES[state][0]}”，只有批准过的才能使用",
                "en": f"adapter {adapter[:12]} is {STATES[state][1]}; only an approved one may be used",
            }
        )


def is_tainted(tx: Connection, adapter: str) -> bool:
    """Also of a name that is in no table."""
    return _newest_state(tx, adapter) == "tainted"


STATES: dict[State, tuple[str, str]] = {
    "candidate": ("候选", "a candidate"),
    "approved": ("已批准", "approved"),
    "released": ("已发布", "released"),
    "retired": ("已停用", "retired"),
    "tainted": ("已污染", "tainted"),
}


def stages_of(tx: Connection, adapter: str) -> list[str]:
    """The aliases that point to the adapter now; "" is all stages."""
    stages = tx.scalars(select(aliases.c.stage).distinct().order_by(aliases.c.stage)).all()
    own = {
        stage: tx.scalar(
            select(aliases.c.adapter).where(aliases.c.stage == stage).order_by(aliases.c.number.desc()).limit(1)
        )
        for stage in stages
    }
    return [stage for stage, name in own.items() if name == adapter]


def approvals_of(tx: Connection, adapter: str) -> list[Approval]:
    """Who decided what, oldest first."""
    query = select(approvals).where(approvals.c.adapter == adapter).order_by(approvals.c.at, approvals.c.by)
    return [Approval(row.by, row.decision, row.reason, row.at) for row in tx.execute(query)]


def adapters_in(tx: Connection) -> list[Entry]:
    """Every adapter, newest first, with what the gate and the people said."""
    rows = tx.execute(select(adapters).order_by(adapters.c.created_at.desc(), adapters.c.hash)).mappings().all()
    return [_entry(tx, row) for row in rows]


def trainers_of(tx: Connection, adapter: str) -> set[str]:
    """Who started its runs, whom the ledger names, and whom its card names, when there is a whole one."""
    names = set(tx.scalars(select(runs.c.by).where(runs.c.adapter == adapter)))
    names |= {event.actor for event in events_of(tx, adapter) if event.event == "adapter_trained"}
    with suppress(NotFound, Corrupt):
        card = json.loads(read_card(adapter_of(tx, adapter).folder, adapter))
        names.add(str(card.get("trainer", "")))
    return names - {""}


def report_hash(tx: Connection, adapter: str) -> str:
    """What the people who approved had before them: the newest report, else the figures of the gate."""
    query = select(reports.c.body).where(reports.c.adapter == adapter).order_by(reports.c.at.desc()).limit(1)
    row = gate_row(tx, adapter)
    body = tx.scalar(query) or ({"figures": row["figures"], "failed": row["failed"]} if row else {})
    return hashlib.sha256(json.dumps(body, ensure_ascii=False, sort_keys=True).encode()).hexdigest()


def reason_detail(reason: str) -> dict[str, str | int]:
    """What the ledger holds of a reason: that these words, kept in the table, are the ones."""
    return {"reason_length": len(reason), "reason_sha256": hashlib.sha256(reason.encode()).hexdigest()}


def checked_reason(reason: str) -> str:
    """Without surrounding blanks; raises Invalid for an empty or an endless one."""
    reason = reason.strip()
    if not 0 < len(reason) <= LONGEST_REASON:
        raise Invalid(
            reason={
                "zh": f"请写明理由，最多 {LONGEST_REASON} 字",
                "en": f"give a reason of at most {LONGEST_REASON} characters",
            }
        )
    return reason


def take_turn(tx: Connection) -> None:
    """From here on no other transaction decides anything: the head of the ledger is the lock, for it ends in there."""
    tx.execute(select(ledger_head.c.id).with_for_update()).all()


def _newest_state(tx: Connection, adapter: str) -> State | None:
    query = select(adapter_states.c.state).where(adapter_states.c.adapter == adapter)
    found: Any = tx.scalar(query.order_by(adapter_states.c.number.desc()).limit(1))
    return found


def _set_state(tx: Connection, adapter: str, state: State, *, reason: str, by: str, now: datetime) -> State:
    before = _newest_state(tx, adapter)
    tx.execute(insert(adapter_states).values(adapter=adapter, state=state, reason=reason, by=by, at=now))
    detail = {"before": before, "state": state, **reason_detail(reason)}
    append(tx, actor=by, event="adapter_state", subject=adapter, detail=detail, now=now)
    return state


def _check_open(tx: Connection, adapter: str, by: str) -> None:
    """Only a candidate is decided on, by someone who neither trained it nor decided already."""
    if (state := state_of(tx, adapter)) != "candidate":
        raise Refused(reason=_in_state(state)) if state in ("retired", "tainted") else _conflict(state)
    if by in trainers_of(tx, adapter):
        raise NotAllowed(user=by, action={"zh": "批准自己训练的适配器", "en": "approve an adapter one has trained"})
    if any(each.by == by for each in approvals_of(tx, adapter)):
        raise Conflict(reason={"zh": f"{by} 已对该适配器作过决定", "en": f"{by} has decided on this adapter already"})


def _check_evidence(tx: Connection, adapter: str, key: str) -> None:
    gate = gate_row(tx, adapter)
    if gate is None:
        raise Refused(reason={"zh": "该适配器还没有评估", "en": "the adapter has not been evaluated"})
    if not gate["passed"]:
        raise GateFailed(figures="; ".join(gate["failed"]))
    passed = tx.scalar(select(memorisations.c.passed).where(memorisations.c.key == key))
    if passed is None:
        raise Refused(
            reason={"zh": "该适配器还没有做记忆测试", "en": "the adapter's memory of training data was not tested"}
        )
    if not passed:
        raise Refused(
            reason={"zh": "记忆测试未通过：它会背出训练数据", "en": "memory test failed: it recites training data"}
        )


def _vote(tx: Connection, adapter: str, decision: str, reason: str, *, by: str, now: datetime) -> None:
    tx.execute(insert(approvals).values(adapter=adapter, by=by, decision=decision, reason=reason, at=now))


def _running(tx: Connection, adapter: str) -> Sequence[Any]:
    takes_part = (rollouts.c.candidate == adapter) | (rollouts.c.baseline == adapter)
    return tx.execute(select(rollouts).where(takes_part, rollouts.c.status == "running")).mappings().all()


def _entry(tx: Connection, row: Any) -> Entry:
    gate = gate_row(tx, row["hash"])
    return Entry(
        row["hash"],
        state_of(tx, row["hash"]),
        row["stage"],
        row["dataset"],
        row["created_at"],
        tuple(stages_of(tx, row["hash"])),
        tuple(approvals_of(tx, row["hash"])),
        gate["passed"] if gate else None,
        tuple(gate["failed"]) if gate else (),
    )


def _in_state(state: State) -> dict[str, str]:
    zh, en = STATES[state]
    return {"zh": f"该适配器{zh}", "en": f"the adapter is {en}"}


def _conflict(state: State) -> Conflict:
    return Conflict(reason=_in_state(state))
