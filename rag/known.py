"""Which rows of the facts are known at a moment: not retired, not set aside, about nobody who withdrew."""

from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, exists, or_, select

from governance.tables import people
from rag.tables import facts, overruled, retirements, rulings

COLUMNS = tuple(  # in the order of the fields of a Fact
    facts.c[name]
    for name in (
        *("id", "subject", "relation", "value", "attributes", "valid_from", "valid_to", "known_from", "source"),
        *("object", "slot"),
    )
)


def rows_known(known_at: datetime | None, *, everybody: bool = False) -> Select[Any]:
    """Oldest first. `everybody`: those who withdrew too, because what others hold may depend on them."""
    return _known_now(everybody) if known_at is None else _known_then(known_at, everybody)


def rows_ever_known(known_at: datetime | None) -> Select[Any]:
    """Retired facts too, with the moment since when they are; in no order, of everybody."""
    joined = retirements.c.fact == facts.c.id
    if known_at is not None:
        joined = and_(joined, retirements.c.at <= known_at)
    query = select(*COLUMNS, retirements.c.at).outerjoin(retirements, joined)
    return query if known_at is None else query.where(facts.c.known_from <= known_at)


def of_nobody_forgotten() -> tuple[ColumnElement[bool], ...]:
    """Who withdrew is in no answer, whatever day or moment is asked for."""
    forgotten = people.c.forgotten_at.is_not(None)
    return (
        ~exists().where(people.c.person == facts.c.subject, forgotten),
        ~exists().where(people.c.person == facts.c.object, forgotten),
    )


@cache  # half of a short query's time went into putting it together
def _known_now(everybody: bool = False) -> Select[Any]:
    gone = retirements.c.fact == facts.c.id
    query = select(*COLUMNS).where(~exists().where(gone), ~exists().where(_set_aside(), rulings.c.undone_at.is_(None)))
    return _in_order(query, everybody)


def _known_then(known_at: datetime, everybody: bool = False) -> Select[Any]:
    gone = and_(retirements.c.fact == facts.c.id, retirements.c.at <= known_at)
    stood = and_(rulings.c.at <= known_at, or_(rulings.c.undone_at.is_(None), rulings.c.undone_at > known_at))
    query = select(*COLUMNS).where(
        facts.c.known_from <= known_at, ~exists().where(gone), ~exists().where(_set_aside(), stood)
    )
    return _in_order(query, everybody)


def _in_order(query: Select[Any], everybody: bool) -> Select[Any]:
    shown = query if everybody else query.where(*of_nobody_forgotten())
    return shown.order_by(facts.c.valid_from.nulls_first(), facts.c.id)


def _set_aside() -> ColumnElement[bool]:
    return and_(overruled.c.fact == facts.c.id, rulings.c.id == overruled.c.ruling)
