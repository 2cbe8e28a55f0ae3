"""Bi-temporal facts, append-only: what was true on a day (`as_of`), as far as we knew at a moment (`known_at`)."""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any, cast

from sqlalchemy import ColumnElement, Connection, exists, insert, select

from rag.tables import facts, retirements

ROWS_A_QUERY = 400  # SQLite's limit of bound parameters is far above


@dataclass(frozen=True, slots=True)
class Fact:
    """`valid_to` is exclusive; None on either side means open. The id is a hash of everything but `known_from`."""

    id: str
    subject: str
    relation: str
    value: str
    attributes: Mapping[str, str]
    valid_from: date | None
    valid_to: date | None
    known_from: datetime
    source: str


def make_fact(
    subject: str,
    relation: str,
    value: str,
    attributes: Mapping[str, str] | None = None,
    *,
    source: str,
    known_from: datetime,
    valid_from: date | None = None,
    valid_to: date | None = None,
) -> Fact:
    """A fact under its content hash; empty attributes are left out."""
    kept = {name: text for name, text in sorted((attributes or {}).items()) if text}
    content = [subject, relation, value, kept, str(valid_from), str(valid_to), source]
    return Fact(_hash(content), subject, relation, value, kept, valid_from, valid_to, known_from, source)


def _hash(content: object) -> str:
    return "f_" + hashlib.sha256(json.dumps(content, ensure_ascii=False).encode()).hexdigest()[:24]


def add_facts(tx: Connection, new: Iterable[Fact]) -> int:
    """Append what is not there yet; returns how many that were."""
    return state_facts(tx, new)[0]


def state_facts(tx: Connection, new: Iterable[Fact]) -> tuple[int, set[str]]:
    """
    Append what is not there yet: how many that were, and the ids under which all of `new` are now known.

    A fact that was retired and is stated again becomes a fact of its own, under another id.
    """
    waiting = {fact.id: fact for fact in new}
    added, live = 0, set[str]()
    while waiting:
        known, retired = _present(tx, waiting)
        live |= waiting.keys() - retired
        rows = [_row(fact) for key, fact in waiting.items() if key not in known]
        if rows:
            tx.execute(insert(facts), rows)
        added += len(rows)
        again = (replace(waiting[key], id=_hash([key, "again"])) for key in retired)
        waiting = {fact.id: fact for fact in again}
    return added, live


def retire(tx: Connection, ids: Iterable[str], now: datetime) -> int:
    """From `now` on these facts are no longer known; earlier moments still see them."""
    wanted = sorted(set(ids))
    done = {
        fact
        for part in in_parts(wanted)
        for fact in tx.scalars(select(retirements.c.fact).where(retirements.c.fact.in_(part)))
    }
    rows = [{"fact": fact, "at": now} for fact in wanted if fact not in done]
    if rows:
        tx.execute(insert(retirements), rows)
    return len(rows)


def facts_about(
    tx: Connection,
    subject: str,
    *,
    as_of: date | None,
    known_at: datetime | None = None,
    relation: str | None = None,
) -> list[Fact]:
    """Facts of a customer, product or person, oldest first; `as_of` None: of all days."""
    conditions = [facts.c.subject == subject] + ([facts.c.relation == relation] if relation else [])
    found = _close(tx, _select(tx, conditions, known_at), known_at)
    return [fact for fact in found if as_of is None or holds(fact, as_of)]


def facts_of(tx: Connection, relation: str, *, known_at: datetime | None = None) -> list[Fact]:
    """All facts of one relation, of all days."""
    return _close(tx, _select(tx, [facts.c.relation == relation], known_at), known_at)


def people_of(tx: Connection, customer: str, relation: str, *, known_at: datetime | None = None) -> list[Fact]:
    """Facts about the people of a customer, e.g. who held which title, of all days, oldest first."""
    found = _select(tx, [facts.c.about == customer, facts.c.relation == relation], known_at)
    return _successors_close(found) if relation == "holds_title" else found


def facts_from(tx: Connection, title: str) -> set[str]:
    """Ids of the facts that the document or export of this name states and that are not retired."""
    from rag.tables import sources

    query = select(facts.c.id).join(sources, sources.c.id == facts.c.source).where(sources.c.title == title)
    return set(tx.scalars(query.where(~exists().where(retirements.c.fact == facts.c.id))))


def holds(fact: Fact, day: date) -> bool:
    """Whether the fact was true on `day`."""
    return (fact.valid_from is None or fact.valid_from <= day) and (fact.valid_to is None or day < fact.valid_to)


def in_parts(items: Sequence[str]) -> Iterable[Sequence[str]]:
    """Slices small enough for one IN clause."""
    return (items[start : start + ROWS_A_QUERY] for start in range(0, len(items), ROWS_A_QUERY))


def _select(tx: Connection, conditions: Sequence[ColumnElement[bool]], known_at: datetime | None) -> list[Fact]:
    gone = retirements.c.fact == facts.c.id
    query = select(facts).where(*conditions)
    if known_at is None:
        query = query.where(~exists().where(gone))
    else:
        query = query.where(facts.c.known_from <= known_at, ~exists().where(gone, retirements.c.at <= known_at))
    return [_fact(row) for row in tx.execute(query.order_by(facts.c.valid_from, facts.c.id)).mappings()]


def _close(tx: Connection, found: list[Fact], known_at: datetime | None) -> list[Fact]:
    """Titles are functional: the holder's open end is his successor's first day."""
    customers = {fact.attributes["customer"] for fact in found if _is_open_title(fact)}
    closed = {
        fact.id: fact for customer in customers for fact in people_of(tx, customer, "holds_title", known_at=known_at)
    }
    return [closed.get(fact.id, fact) for fact in found]


def _is_open_title(fact: Fact) -> bool:
    return fact.relation == "holds_title" and fact.valid_to is None and "customer" in fact.attributes


def _successors_close(titles: list[Fact]) -> list[Fact]:
    def end(fact: Fact) -> date | None:
        later = [
            other.valid_from
            for other in titles
            if other.value == fact.value
            and other.attributes.get("department") == fact.attributes.get("department")
            and other.valid_from is not None
            and other.valid_from > (fact.valid_from or date.min)
        ]
        return min(later, default=None)

    return [replace(fact, valid_to=end(fact)) if fact.valid_to is None else fact for fact in titles]


def _present(tx: Connection, wanted: Mapping[str, Fact]) -> tuple[set[str], set[str]]:
    known: set[str] = set()
    retired: set[str] = set()
    for part in in_parts(list(wanted)):
        query = select(facts.c.id, retirements.c.fact).outerjoin(retirements, retirements.c.fact == facts.c.id)
        for key, gone in tx.execute(query.where(facts.c.id.in_(part))):
            known.add(key)
            if gone:
                retired.add(key)
    return known, retired


def _row(fact: Fact) -> dict[str, object]:
    return {
        "id": fact.id,
        "subject": fact.subject,
        "relation": fact.relation,
        "about": fact.attributes.get("customer", ""),
        "value": fact.value,
        "attributes": dict(fact.attributes),
        "valid_from": fact.valid_from,
        "valid_to": fact.valid_to,
        "known_from": fact.known_from,
        "source": fact.source,
    }


def _fact(row: Any) -> Fact:
    return Fact(
        row["id"],
        row["subject"],
        row["relation"],
        row["value"],
        cast(dict[str, str], row["attributes"]),
        row["valid_from"],
        row["valid_to"],
        row["known_from"],
        row["source"],
    )
