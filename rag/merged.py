"""Ids that a person declared to be one: who stands for whom, and that their places hold one statement together."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from itertools import product
from typing import TYPE_CHECKING

from sqlalchemy import Connection, Select, or_, select

from governance.tables import people
from rag.relations import slot_of
from rag.tables import merges

if TYPE_CHECKING:
    from rag.facts import Fact


def merged_into(tx: Connection, known_at: datetime | None = None) -> dict[str, str]:
    """Each merged id → the id that stands for its entity, as people had decided by then; empty where nobody did."""
    return stands_for({row.merged: row.kept for row in tx.execute(_in_force(known_at))})


def stands_for(direct: Mapping[str, str]) -> dict[str, str]:
    """The same with chains followed to their end; a circle in the table ends where it began."""

    def last(id_: str) -> str:
        seen = {id_}
        while (above := direct.get(id_)) is not None and above not in seen:
            seen.add(above)
            id_ = above
        return id_

    return {id_: last(id_) for id_ in direct}


def members(tx: Connection, entity: str, *, known_at: datetime | None = None) -> list[str]:
    """The ids that stand for this entity: its own and those that a person merged into it, theirs included."""
    direct: dict[str, list[str]] = {}
    for row in tx.execute(_in_force(known_at)):
        direct.setdefault(row.kept, []).append(row.merged)
    found = [entity]
    for id_ in found:
        found += [each for each in direct.get(id_, ()) if each not in found]
    return found


def groups(into: Mapping[str, str]) -> dict[str, list[str]]:
    """The id that stands for an entity → all its ids, itself first."""
    found: dict[str, list[str]] = {}
    for id_, kept in into.items():
        found.setdefault(kept, [kept]).append(id_)
    return found


def withdrawn_with(tx: Connection, into: Mapping[str, str]) -> frozenset[str]:
    """Every id of a person who withdrew under one of several."""
    several = [ids for ids in groups(into).values() if ids[0].startswith("p_")]
    if not several:
        return frozenset()
    asked = [id_ for ids in several for id_ in ids]
    gone = set(
        tx.scalars(select(people.c.person).where(people.c.person.in_(asked), people.c.forgotten_at.is_not(None)))
    )
    return frozenset(id_ for ids in several if gone.intersection(ids) for id_ in ids)


def as_one(fact: "Fact", into: Mapping[str, str]) -> "Fact":
    """The fact as if it had been stated of the ids that stand for those it names."""
    customer = fact.attributes.get("customer", "")
    if not into or not (fact.subject in into or fact.value in into or customer in into):
        return fact
    subject, value = into.get(fact.subject, fact.subject), into.get(fact.value, fact.value)
    attributes = {**fact.attributes, "customer": into.get(customer, customer)} if customer else fact.attributes
    slot = slot_of(fact.relation, subject, value, attributes, unique=True) if fact.slot else ""
    return replace(fact, subject=subject, value=value, attributes=attributes, slot=slot)


def same_places(fact: "Fact", into: Mapping[str, str]) -> Iterator[str]:
    """The keys under which statements about this fact's place may lie."""
    together = groups(into)

    def ids(id_: str) -> list[str]:
        return together.get(into.get(id_, id_), [id_])

    for subject, value, customer in product(
        ids(fact.subject), ids(fact.value), ids(fact.attributes.get("customer", ""))
    ):
        attributes = {**fact.attributes, "customer": customer}
        yield slot_of(fact.relation, subject, value, attributes, unique=True)


def _in_force(known_at: datetime | None) -> Select[str, str]:
    m = merges.c
    if known_at is None:
        return select(m.merged, m.kept).where(m.state == "merged")
    then = or_(m.undone_at.is_(None), m.undone_at > known_at)
    return select(m.merged, m.kept).where(m.state.in_(("merged", "undone")), m.decided_at <= known_at, then)
