"""Walks over the facts as a graph: on a day, as known at a moment, along what may be seen; merged ids are one node."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime

from sqlalchemy import Connection, select, union

from rag.facts import ANYBODYS, Fact, edges_of, facts_stated_by, in_parts, properties_of
from rag.known import rows_known
from rag.merged import groups, merged_into, withdrawn_with
from rag.relations import RELATIONS
from rag.tables import facts

MOST_EDGES = 5000  # of one step; of an entity with more the newest are seen
DEEPEST = 10
EDGES = tuple(name for name, relation in RELATIONS.items() if relation.object)


@dataclass(frozen=True, slots=True)
class View:
    """
    What may be seen: on which day (None: any), as known when, of whom.

    `permitted` None: of everybody; else only these customers and people, and what belongs to nobody: products, groups.
    """

    as_of: date | None
    known_at: datetime | None = None
    permitted: frozenset[str] | None = None

    def shows(self, entity: str) -> bool:
        """By the id that stands for it."""
        return self.permitted is None or entity in self.permitted or entity.startswith(ANYBODYS)


@dataclass(frozen=True, slots=True)
class Identities:
    """Who stands for whom: of merged ids the one that was kept. `gone`: people who withdrew under one of several."""

    into: Mapping[str, str]
    ids: Mapping[str, Sequence[str]]
    gone: frozenset[str]

    def one(self, entity: str) -> str:
        """The id under which it is known."""
        return self.into.get(entity, entity)

    def all_of(self, entities: Iterable[str]) -> set[str]:
        """All the ids of these."""
        return {id_ for entity in entities for id_ in self.ids.get(entity, (entity,))}


def identities(tx: Connection, known_at: datetime | None = None) -> Identities:
    """As people had merged them by then."""
    into = merged_into(tx, known_at)
    return Identities(into, groups(into), withdrawn_with(tx, into))


def kind_of(entity: str) -> str:
    """customer, product, group, … or person."""
    return "person" if entity.startswith("p_") else entity.partition(":")[0]


def steps(
    tx: Connection,
    view: View,
    who: Identities,
    entities: Collection[str],
    *,
    relations: Collection[str] = EDGES,
    limit: int = MOST_EDGES,
) -> list[Fact]:
    """The edges of these that may be seen, of too many the newest; each end is the id that stands for its entity."""
    start = who.all_of(entity for entity in entities if view.shows(entity))
    wanted = [name for name in relations if name in EDGES]
    if not start or not wanted:
        return []
    among = None if view.permitted is None else who.all_of(view.permitted)
    found = edges_of(tx, start, as_of=view.as_of, known_at=view.known_at, relations=wanted, limit=limit, among=among)
    joined = [replace(fact, subject=who.one(fact.subject), object=who.one(fact.object)) for fact in found]
    return [fact for fact in joined if view.shows(fact.subject) and view.shows(fact.object)]


def walk(
    tx: Connection,
    view: View,
    starts: Iterable[str],
    *,
    depth: int,
    limit: int = MOST_EDGES,
    relations: Collection[str] = EDGES,
) -> list[Fact]:
    """The edges within so many steps of the starts, nearest first, at most `limit`; a circle is walked once."""
    who = identities(tx, view.known_at)
    frontier = {who.one(start) for start in starts}
    seen, found = set(frontier), dict[str, Fact]()
    for _ in range(min(depth, DEEPEST)):
        if not frontier or len(found) >= limit:
            break
        room = min(limit + len(found), MOST_EDGES)  # those of the last step are met again from their other end
        edges = steps(tx, view, who, frontier, relations=relations, limit=room)
        found |= {fact.id: fact for fact in edges if fact.id not in found}
        frontier = {end for fact in edges for end in (fact.subject, fact.object)} - seen
        seen |= frontier
    return list(found.values())[:limit]


def properties(tx: Connection, view: View, who: Identities, entities: Iterable[str]) -> dict[str, list[Fact]]:
    """What is said of each of these besides its edges, oldest first, the words of the kept id last."""
    shown = {who.one(entity) for entity in entities if view.shows(who.one(entity))}
    found: dict[str, list[Fact]] = {entity: [] for entity in shown}
    said = properties_of(tx, who.all_of(shown), as_of=view.as_of, known_at=view.known_at)
    for fact in sorted(said, key=lambda fact: fact.subject in shown):
        found[who.one(fact.subject)].append(fact)
    return found


def existing(tx: Connection, view: View, who: Identities, entities: Iterable[str]) -> set[str]:
    """Those of these, by the id that stands for each, that some fact names and that may be seen."""
    asked = {who.one(entity) for entity in entities if entity}
    ids = sorted(who.all_of(entity for entity in asked if view.shows(entity)))
    known = rows_known(view.known_at).order_by(None)
    found: set[str] = set()
    for part in in_parts(ids):
        subjects = known.with_only_columns(facts.c.subject).where(facts.c.subject.in_(part))
        objects = known.with_only_columns(facts.c.object).where(facts.c.object.in_(part))
        found.update(tx.scalars(union(subjects, objects)))
    return {who.one(id_) for id_ in found - who.gone}


def everything(tx: Connection, view: View, who: Identities) -> list[str]:
    """Every entity that may be seen, in order."""
    known = rows_known(view.known_at).order_by(None)
    ends = union(
        known.with_only_columns(facts.c.subject), known.with_only_columns(facts.c.object).where(facts.c.object != "")
    )
    return sorted({own for id_ in tx.scalars(ends) if view.shows(own := who.one(id_)) and id_ not in who.gone})


def stated_by(tx: Connection, view: View, who: Identities, sources: Iterable[str]) -> dict[str, list[Fact]]:
    """Source → the facts that it states, of all days, ends as the ids that stand for them, seen or not."""
    found: dict[str, list[Fact]] = {}
    for fact in facts_stated_by(tx, sources, known_at=view.known_at):
        one = replace(fact, subject=who.one(fact.subject), object=who.one(fact.object))
        found.setdefault(fact.source, []).append(one)
    return found


def relations_there(tx: Connection, view: View) -> list[str]:
    """The relations of which any fact is known."""
    known = rows_known(view.known_at).order_by(None)
    there = (select(known.with_only_columns(facts.c.id).where(facts.c.relation == name).exists()) for name in RELATIONS)
    return [name for name, query in zip(RELATIONS, there, strict=True) if tx.scalar(query)]
