"""Statements about one thing that cannot all be right: kept side by side, shown, and decided by a person."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from uuid import uuid4

from sqlalchemy import (
    ColumnElement,
    Connection,
    FromClause,
    Row,
    Select,
    Text,
    and_,
    cast,
    exists,
    func,
    insert,
    or_,
    select,
    update,
)

from governance import ledger
from governance.errors import Conflict as WrongState
from governance.errors import Invalid, NotFound
from rag.facts import Fact, facts_by_id, slots
from rag.merged import members, merged_into
from rag.relations import clashes
from rag.tables import facts, overruled, retirements, rulings


@dataclass(frozen=True, slots=True)
class Conflict:
    """`facts` hold on one day and say different things in one slot; the first is the one known longest."""

    slot: str
    facts: tuple[Fact, ...]


@dataclass(frozen=True, slots=True)
class Ruling:
    """`chosen` None: none of them is right. `set_aside` are no longer in any answer while the ruling stands."""

    id: str
    slot: str
    chosen: Fact | None
    set_aside: tuple[Fact, ...]
    reason: str
    by: str
    at: datetime


def conflicts(tx: Connection, *, known_at: datetime | None = None, subject: str | None = None) -> list[Conflict]:
    """What waits for a person, or of one customer, product or person; what a ruling decided is not there."""
    stated = select(facts.c.slot).where(facts.c.slot != "", _live(facts, known_at)).distinct()
    if subject is not None:
        ids = members(tx, subject, known_at=known_at)
        theirs = select(facts.c.slot).where(facts.c.subject.in_(ids) | facts.c.about.in_(ids))
        stated = stated.where(facts.c.slot.in_(theirs))
    keys = {*tx.scalars(_contested(stated, known_at)), *_shared_slots(tx, stated, known_at)}
    held = slots(tx, keys, known_at=known_at)
    found: dict[tuple[str, ...], Conflict] = {}  # one place may have several slots: those of merged ids
    for key in sorted(held):
        if group := sorted(clashes(held[key]), key=_age):
            found.setdefault(tuple(fact.id for fact in group), Conflict(key, tuple(group)))
    return list(found.values())


def _contested(stated: Select[str], known_at: datetime | None) -> Select[str]:
    """
    Slots in which a row differs from another and begins with it, or before it with a stated end after its beginning.

    Whether the two are at odds is for rag/relations.py to say: rows in order cannot be, and are nearly all there are.
    """
    other = facts.alias("other")
    mine, its = facts.c, other.c
    begins, other_begins = (func.coalesce(each.valid_from, date.min) for each in (mine, its))
    differ = or_(
        mine.subject != its.subject, mine.value != its.value, cast(mine.attributes, Text) != cast(its.attributes, Text)
    )
    meet = or_(begins == other_begins, and_(begins < other_begins, other_begins < mine.valid_to))
    joined = stated.join(other, and_(its.slot == mine.slot, its.id != mine.id))
    return joined.where(differ, meet, _live(other, known_at))


def _live(table: FromClause, known_at: datetime | None) -> ColumnElement[bool]:
    """Not retired; of an earlier moment what was known then, later retirements or not."""
    if known_at is not None:
        return table.c.known_from <= known_at
    return ~exists().where(retirements.c.fact == table.c.id)


def _shared_slots(tx: Connection, stated: Select[str], known_at: datetime | None) -> Iterable[str]:
    """Slots about merged ids: those of one place hold their statements together."""
    into = merged_into(tx, known_at)
    ids = {*into, *into.values()}
    about = facts.c.subject.in_(ids) | facts.c.about.in_(ids)
    return tx.scalars(stated.where(about)) if ids else ()


def rule(tx: Connection, slot: str, chosen: str | None, *, reason: str, by: str, now: datetime) -> str:
    """
    Decide the conflict of this slot for one fact or for none; returns the ruling's id.

    A statement that comes in later and contradicts the chosen one opens a new conflict. Raises Invalid without a
    reason, Conflict when there is nothing to decide any more, NotFound for a fact that is not among them.
    """
    if not reason.strip():
        raise Invalid(reason={"zh": "请写明裁定理由", "en": "give a reason for the decision"})
    group = clashes(slots(tx, [slot]).get(slot, []))
    if not group:
        raise WrongState(reason={"zh": "该矛盾已不存在，请刷新页面", "en": "the conflict is gone; reload"})
    kept = next((fact for fact in group if fact.id == chosen), None)
    if chosen is not None and kept is None:
        raise NotFound(kind={"zh": "事实", "en": "fact"}, name=chosen)
    set_aside = [fact for fact in group if fact is not kept and (kept is None or fact.id in _against(kept, group))]
    id_ = "r_" + uuid4().hex[:24]
    tx.execute(insert(rulings).values(id=id_, slot=slot, chosen=chosen, reason=reason.strip(), by=by, at=now))
    tx.execute(insert(overruled), [{"ruling": id_, "fact": fact.id} for fact in set_aside])
    detail = {"slot": slot, "chosen": chosen, "set_aside": len(set_aside)}
    ledger.append(tx, actor=by, event="conflict_decided", subject=id_, detail=detail, now=now)
    return id_


def undo_ruling(tx: Connection, ruling: str, *, by: str, now: datetime) -> None:
    """The statements stand side by side again; raises NotFound, Conflict when that was done already."""
    if tx.scalar(select(rulings.c.id).where(rulings.c.id == ruling)) is None:
        raise NotFound(kind={"zh": "裁定", "en": "decision"}, name=ruling)
    mine = (rulings.c.id == ruling) & rulings.c.undone_at.is_(None)
    if not tx.execute(update(rulings).where(mine).values(undone_by=by, undone_at=now)).rowcount:
        raise WrongState(reason={"zh": "该裁定已被撤销", "en": "the decision was taken back already"})
    ledger.append(tx, actor=by, event="conflict_reopened", subject=ruling, detail={}, now=now)


def rulings_in_force(tx: Connection) -> list[Ruling]:
    """The newest first."""
    rows = tx.execute(select(rulings).where(rulings.c.undone_at.is_(None)).order_by(rulings.c.at.desc())).all()
    return [_ruling(tx, row) for row in rows]


def _age(fact: Fact) -> tuple[datetime, str]:
    return fact.known_from, fact.id


def _against(kept: Fact, group: list[Fact]) -> set[str]:
    """Those of the group that cannot stand beside the kept one."""
    return {fact.id for fact in group if fact.id != kept.id and len(clashes([kept, fact])) > 1}


def _ruling(tx: Connection, row: Row[tuple[object, ...]]) -> Ruling:
    aside = tx.scalars(select(overruled.c.fact).where(overruled.c.ruling == row.id)).all()
    known = facts_by_id(tx, [*aside, *([row.chosen] if row.chosen else [])])
    set_aside = tuple(known[key] for key in aside if key in known)
    return Ruling(row.id, row.slot, known.get(row.chosen or ""), set_aside, row.reason, row.by, row.at)
