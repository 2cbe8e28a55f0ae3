"""What coordinators and admins decide about the knowledge; every decision asks for the role, and most for a reason."""

from collections.abc import Callable, Mapping
from datetime import datetime
from threading import Lock

from sqlalchemy import Connection, Engine, func, select

from assistant.knowledge_view import fingerprint
from governance.accounts import User, require
from governance.db import reading
from governance.errors import Conflict, Invalid, NotAllowed
from governance.ledger import LONGEST_TEXT
from rag import identity, mappings, proposals
from rag.conflicts import rule, undo_ruling
from rag.facts import slots
from rag.relations import clashes
from rag.tables import files

DECIDERS = frozenset({"coordinator", "admin"})
Told = Mapping[str, str]  # what the browser sent: trust none of it
Act = Callable[[Connection, Told, str, User, datetime], None]  # what was sent, reason, who, when


def may_decide(user: User) -> User:
    """The user if he may decide about knowledge; raises NotAllowed."""
    if not user.roles & DECIDERS:
        raise NotAllowed(user=user.name, action={"zh": "决定客户知识", "en": "decide about the customer knowledge"})
    return user


def decide(db: Engine, user: User, act: str, told: Told, now: datetime) -> None:
    """
    One decision in one transaction. Raises NotAllowed, Invalid for an unknown act or no reason, NotFound, and
    Conflict when somebody else was quicker or the statements have changed.
    """
    may_decide(user)
    if act not in ACTS:
        raise Invalid(reason={"zh": "未知操作", "en": "unknown action"})
    if act in ADMINS_ONLY:
        require(user, "admin", {"zh": "批准字段对应", "en": "approve column mappings"})
    reason = _reason(told) if act not in NEEDS_NO_REASON else ""
    with db.begin() as tx:
        ACTS[act](tx, told, reason, user, now)


def _reason(told: Told) -> str:
    reason = told.get("reason", "").strip()
    if not reason:
        raise Invalid(reason={"zh": "请写明理由", "en": "give a reason"})
    if len(reason) > LONGEST_TEXT:
        zh, en = f"理由不能超过 {LONGEST_TEXT} 个字", f"a reason has at most {LONGEST_TEXT} characters"
        raise Invalid(reason={"zh": zh, "en": en})
    return reason


def _rule(tx: Connection, told: Told, reason: str, user: User, now: datetime) -> None:
    slot = told.get("slot", "")
    group = clashes(slots(tx, [slot]).get(slot, []))
    if not group:
        raise Conflict(reason={"zh": "该矛盾已由他人处理或已不存在", "en": "somebody decided this, or it is gone"})
    if fingerprint(group) != told.get("shown"):
        raise Conflict(
            reason={"zh": "其间出现了新的说法，请重新查看", "en": "the statements have changed; look at them again"}
        )
    rule(tx, slot, told.get("fact") or None, reason=reason, by=user.name, now=now)


def _undo_ruling(tx: Connection, told: Told, reason: str, user: User, now: datetime) -> None:
    del reason
    undo_ruling(tx, told.get("ruling", ""), by=user.name, now=now)


def _merge(tx: Connection, told: Told, reason: str, user: User, now: datetime) -> None:
    identity.merge(tx, told.get("merge", ""), by=user.name, reason=reason, now=now)


def _keep_two(tx: Connection, told: Told, reason: str, user: User, now: datetime) -> None:
    identity.refuse(tx, told.get("merge", ""), by=user.name, reason=reason, now=now)


def _undo_merge(tx: Connection, told: Told, reason: str, user: User, now: datetime) -> None:
    identity.undo(tx, told.get("merge", ""), by=user.name, reason=reason, now=now)


def _accept(tx: Connection, told: Told, reason: str, user: User, now: datetime) -> None:
    """One or several: all of them or none."""
    chosen = [id_ for id_ in told.get("proposals", told.get("proposal", "")).split(",") if id_]
    if not chosen:
        raise Invalid(reason={"zh": "请先勾选", "en": "choose some first"})
    for id_ in chosen:
        proposals.accept(tx, id_, by=user.name, reason=reason, now=now)


def _refuse(tx: Connection, told: Told, reason: str, user: User, now: datetime) -> None:
    proposals.refuse(tx, told.get("proposal", ""), by=user.name, reason=reason, now=now)


def _undo_proposal(tx: Connection, told: Told, reason: str, user: User, now: datetime) -> None:
    del reason
    proposals.undo(tx, told.get("proposal", ""), by=user.name, now=now)


def _approve_mapping(tx: Connection, told: Told, reason: str, user: User, now: datetime) -> None:
    mappings.approve(tx, told.get("mapping", ""), by=user.name, reason=reason, now=now)


def _refuse_mapping(tx: Connection, told: Told, reason: str, user: User, now: datetime) -> None:
    mappings.refuse(tx, told.get("mapping", ""), by=user.name, reason=reason, now=now)


def _roll_back_mapping(tx: Connection, told: Told, reason: str, user: User, now: datetime) -> None:
    mappings.roll_back(tx, told.get("mapping", ""), by=user.name, reason=reason, now=now)


ACTS: Mapping[str, Act] = {
    "rule": _rule,
    "undo-ruling": _undo_ruling,
    "merge": _merge,
    "keep-two": _keep_two,
    "undo-merge": _undo_merge,
    "accept": _accept,
    "refuse": _refuse,
    "undo-proposal": _undo_proposal,
    "approve-mapping": _approve_mapping,
    "refuse-mapping": _refuse_mapping,
    "roll-back-mapping": _roll_back_mapping,
}
UNDOING = frozenset({"undo-ruling", "undo-merge", "undo-proposal", "roll-back-mapping"})
NEEDS_NO_REASON = frozenset({"undo-ruling", "accept", "undo-proposal"})
ADMINS_ONLY = frozenset({"approve-mapping", "refuse-mapping", "roll-back-mapping"})


class Suggestions:
    """Looks for duplicates once after each import; the first time after a start."""

    def __init__(self, db: Engine) -> None:
        self._db, self._lock = db, Lock()
        self._looked_at: datetime | None = None

    def due(self) -> bool:
        """Whether something was imported since."""
        newest = self._newest()
        return newest is not None and newest != self._looked_at

    def look(self, now: datetime) -> int:
        """How many new pairs wait; two callers look once."""
        with self._lock:
            newest = self._newest()
            if newest is None or newest == self._looked_at:
                return 0
            with self._db.begin() as tx:
                found = identity.suggest_merges(tx, now)
            self._looked_at = newest
            return found

    def _newest(self) -> datetime | None:
        with reading(self._db) as tx:
            return tx.scalar(select(func.max(files.c.at)))
