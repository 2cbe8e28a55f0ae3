"""Bi-temporal facts, append-only: what was true on a day (`as_of`), as far as we knew at a moment (`known_at`)."""

import hashlib
import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime

from sqlalchemy import ColumnElement, Connection, exists, func, insert, or_, select

from governance.tables import people
from governance.vault import FORGOTTEN, TOKEN
from rag.entity_names import remember_names
from rag.known import of_nobody_forgotten, rows_ever_known, rows_known
from rag.merged import as_one, members, merged_into, same_places, withdrawn_with
from rag.relations import by_slot, object_of, slot_of, timeline
from rag.tables import facts, retirements

ROWS_A_QUERY = 400  # SQLite's limit of bound parameters is far above
ANYBODYS = ("product:", "group:")  # entities that tell nothing about a customer
MANY_PEOPLE = 4000  # from here on all who withdrew are read at once


@dataclass(frozen=True, slots=True)
class Fact:
    """
    `valid_to` is exclusive; None on either side means open. The id is a hash of what the source says.

    `object` and `slot` follow from that (rag/relations.py); `known_to`: since when it is no longer known.
    """

    id: str
    subject: str
    relation: str
    value: str
    attributes: Mapping[str, str]
    valid_from: date | None
    valid_to: date | None
    known_from: datetime
    source: str
    object: str = ""
    slot: str = ""
    known_to: datetime | None = None


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
    unique: bool = False,
) -> Fact:
    """A fact under its content hash; empty attributes are left out. `unique`: one person holds this post at a time."""
    kept = {name: text for name, text in sorted((attributes or {}).items()) if text}
    content = [subject, relation, value, kept, str(valid_from), str(valid_to), source]
    return Fact(
        _hash(content),
        subject,
        relation,
        value,
        kept,
        valid_from,
        valid_to,
        known_from,
        source,
        object_of(relation, value, kept),
        slot_of(relation, subject, value, kept, unique=unique),
    )


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
            remember_names(tx, (fact for key, fact in waiting.items() if key not in known))
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
    """Facts of a customer, product or person, merged ids included, oldest first; `as_of` None: of all days."""
    ids = members(tx, subject, known_at=known_at)
    conditions = [facts.c.subject.in_(ids)] + ([facts.c.relation == relation] if relation else [])
    found = _close(tx, _select(tx, conditions, known_at), known_at)
    merged = [replace(fact, subject=subject) if fact.subject != subject else fact for fact in found]
    return [fact for fact in merged if as_of is None or holds(fact, as_of)]


def facts_of(
    tx: Connection, *relations: str, known_at: datetime | None = None, subjects: str | Collection[str] = ""
) -> list[Fact]:
    """All facts of these relations, of all days; about `subjects` only, by their ids or by how their ids begin."""
    wanted = facts.c.relation.in_(relations)
    if isinstance(subjects, str):
        begun = [facts.c.subject.startswith(subjects, autoescape=True)] if subjects else []
        found = _select(tx, [wanted, *begun], known_at)
    else:
        parts = in_parts(sorted(set(subjects)))
        found = [fact for part in parts for fact in _select(tx, [wanted, facts.c.subject.in_(part)], known_at)]
    return _close(tx, found, known_at)


def people_of(tx: Connection, customer: str, relation: str, *, known_at: datetime | None = None) -> list[Fact]:
    """Facts about the people of a customer, e.g. who held which title, of all days, oldest first."""
    ids = members(tx, customer, known_at=known_at)
    return _close(tx, _select(tx, [facts.c.about.in_(ids), facts.c.relation == relation], known_at), known_at)


def facts_around(
    tx: Connection,
    customer: str,
    *,
    known_at: datetime | None = None,
    beside: Collection[str] = (),
    relations: Collection[str] = (),
) -> list[Fact]:
    """
    The facts of a customer and those that name it: its people, its prices; of all days, oldest first.

    In the same reading those of the entities `beside` it, and all of `relations`.
    """
    ids = members(tx, customer, known_at=known_at)
    wanted = or_(facts.c.subject.in_([*ids, *beside]), facts.c.about.in_(ids), facts.c.relation.in_(relations))
    found = _close(tx, _select(tx, [wanted], known_at), known_at)
    return [replace(fact, subject=customer) if fact.subject in ids else fact for fact in found]


def edges_of(
    tx: Connection,
    entities: Collection[str],
    *,
    as_of: date | None,
    known_at: datetime | None = None,
    relations: Collection[str] | None = None,
    limit: int | None = None,
    among: Collection[str] | None = None,
) -> list[Fact]:
    """
    The facts that join one of `entities` with another entity, oldest first; of more than `limit` per side the newest.

    `among`: the other end is one of these or begins with one of ANYBODYS. Merged identities are not followed here:
    pass `members`.
    """
    chosen = [*_begun_by(as_of), *([facts.c.relation.in_(relations)] if relations is not None else [])]
    found: dict[str, Fact] = {}
    for column, other in ((facts.c.subject, facts.c.object), (facts.c.object, facts.c.subject)):
        for part in in_parts(sorted(entities)):
            for seen in _of_these(other, among):
                for fact in _select(tx, [column.in_(part), other != "", *seen, *chosen], known_at, limit):
                    found[fact.id] = fact
    closed = _close(tx, sorted(found.values(), key=_age), known_at)
    return [fact for fact in closed if as_of is None or holds(fact, as_of)]


def properties_of(
    tx: Connection, entities: Collection[str], *, as_of: date | None, known_at: datetime | None = None
) -> list[Fact]:
    """The facts about these that point to no entity, oldest first; merged identities as in `edges_of`."""
    found: list[Fact] = []
    for part in in_parts(sorted(entities)):
        pointless = func.length(facts.c.object) == 0  # an equality would let the planner read every property there is
        found += _select(tx, [facts.c.subject.in_(part), pointless, *_begun_by(as_of)], known_at)
    return [fact for fact in _close(tx, found, known_at) if as_of is None or holds(fact, as_of)]


def _begun_by(day: date | None) -> list[ColumnElement[bool]]:
    """Facts that may hold on the day; an end that a successor gives is seen later."""
    if day is None:
        return []
    return [
        or_(facts.c.valid_from.is_(None), facts.c.valid_from <= day),
        or_(facts.c.valid_to.is_(None), facts.c.valid_to > day),
    ]


def _of_these(column: ColumnElement[str], among: Collection[str] | None) -> Iterable[list[ColumnElement[bool]]]:
    """One condition a query."""
    if among is None:
        yield []
        return
    yield [or_(*(column.startswith(prefix) for prefix in ANYBODYS))]
    for part in in_parts(sorted(among), 20 * ROWS_A_QUERY):
        yield [column.in_(part)]


def _age(fact: Fact) -> tuple[date, str]:
    return fact.valid_from or date.min, fact.id


def facts_by_id(tx: Connection, ids: Iterable[str], *, known_at: datetime | None = None) -> dict[str, Fact]:
    """
    Those of `ids` that were ever known until `known_at`, retired ones too (`known_to` says since when).

    Ends are those that the successors known then give. Facts about forgotten people are not among them.
    """
    found: list[Fact] = []
    for part in in_parts(sorted(set(ids))):
        query = rows_ever_known(known_at).where(facts.c.id.in_(part), *of_nobody_forgotten())
        found += [Fact(*row) for row in tx.execute(query)]
    return {fact.id: fact for fact in _close(tx, found, known_at)}


def facts_stated_by(tx: Connection, sources: Iterable[str], *, known_at: datetime | None = None) -> list[Fact]:
    """What these passages and rows state, of all days, oldest first."""
    parts = in_parts(sorted(set(sources)))
    return _close(tx, [fact for p in parts for fact in _select(tx, [facts.c.source.in_(p)], known_at)], known_at)


def facts_from(tx: Connection, title: str) -> set[str]:
    """Ids of the facts that the document or export of this name states and that are not retired."""
    from rag.tables import sources

    query = select(facts.c.id).join(sources, sources.c.id == facts.c.source).where(sources.c.title == title)
    return set(tx.scalars(query.where(~exists().where(retirements.c.fact == facts.c.id))))


def holds(fact: Fact, day: date) -> bool:
    """Whether the fact was true on `day`."""
    return (fact.valid_from is None or fact.valid_from <= day) and (fact.valid_to is None or day < fact.valid_to)


def in_parts(items: Sequence[str], rows: int = ROWS_A_QUERY) -> Iterable[Sequence[str]]:
    """Slices small enough for one IN clause."""
    return (items[start : start + rows] for start in range(0, len(items), rows))


def slots(tx: Connection, keys: Collection[str], *, known_at: datetime | None = None) -> dict[str, list[Fact]]:
    """
    The facts known in each of these slots with their ends, oldest first; what a ruling set aside is not there.

    Slots of merged ids are one place, and its facts are about the ids that stand for them. Who withdrew is not there
    either, but what he held ended all the same.
    """
    into = merged_into(tx, known_at)
    found = _in_slots(tx, keys, known_at)
    if into:
        beside = {key for fact in found for key in same_places(fact, into)}.difference(keys)
        found = sorted([*found, *_in_slots(tx, beside, known_at)], key=_order)
    one = [as_one(fact, into) for fact in found]
    ends = {fact.id: fact.valid_to for place in by_slot(one).values() for fact in timeline(place)}
    hidden = _withdrawn(tx, (id_ for fact in found for id_ in (fact.subject, fact.object)))
    held: dict[str, list[Fact]] = {}
    for fact, known in zip(found, one, strict=True):
        if not hidden.intersection((fact.subject, fact.object)):
            held.setdefault(known.slot, []).append(replace(known, valid_to=ends[fact.id]))
    place = {fact.slot: known.slot for fact, known in zip(found, one, strict=True)}
    return {key: held[place[key]] for key in keys if place.get(key) in held}


def _in_slots(tx: Connection, keys: Iterable[str], known_at: datetime | None) -> list[Fact]:
    query = rows_known(known_at, everybody=True)
    parts = in_parts(sorted({key for key in keys if key}))
    return [Fact(*row) for part in parts for row in tx.execute(query.where(facts.c.slot.in_(part))).all()]


def _order(fact: Fact) -> tuple[date, str]:
    return fact.valid_from or date.min, fact.id


def _select(
    tx: Connection, conditions: Sequence[ColumnElement[bool]], known_at: datetime | None, limit: int | None = None
) -> list[Fact]:
    query = rows_known(known_at).where(*conditions)
    if limit is not None:
        newest = (facts.c.valid_from.desc().nulls_last(), facts.c.id)
        query = query.order_by(None).order_by(*newest).limit(limit)
    return [Fact(*row) for row in tx.execute(query).all()]


def _withdrawn(tx: Connection, ids: Iterable[str]) -> frozenset[str]:
    """Those of these people who withdrew, under this or another of their ids."""
    asked = sorted({id_ for id_ in ids if id_.startswith("p_")})
    query = select(people.c.person).where(people.c.forgotten_at.is_not(None))
    parts = in_parts(asked) if len(asked) < MANY_PEOPLE else ()
    gone = {id_ for part in parts for id_ in tx.scalars(query.where(people.c.person.in_(part)))}
    if len(asked) >= MANY_PEOPLE:
        gone = set(tx.scalars(query))
    return withdrawn_with(tx, merged_into(tx)).union(gone)


def _close(tx: Connection, found: list[Fact], known_at: datetime | None) -> list[Fact]:
    """In a slot the next statement ends the open one before it; nobody who withdrew is left, nor named in a text."""
    found = _without_withdrawn(tx, found)
    keys = {fact.slot for fact in found if fact.slot and fact.valid_to is None}
    if not keys:
        return found
    held = slots(tx, keys, known_at=known_at)
    ends = {fact.id: fact.valid_to for facts_there in held.values() for fact in facts_there}
    return [replace(fact, valid_to=ends[fact.id]) if fact.id in ends else fact for fact in found]


def _without_withdrawn(tx: Connection, found: list[Fact]) -> list[Fact]:
    if kin := withdrawn_with(tx, merged_into(tx)):
        found = [fact for fact in found if not kin.intersection((fact.subject, fact.object))]
    named = {fact.id: set(TOKEN.findall(text)) for fact in found if "[[p_" in (text := " ".join(_texts(fact)))}
    gone = _withdrawn(tx, {person for tokens in named.values() for person, _ in tokens}) if named else ()
    return [_unnamed(fact, gone) if fact.id in named else fact for fact in found]


def _texts(fact: Fact) -> tuple[str, ...]:
    return fact.value, *fact.attributes.values()


def _unnamed(fact: Fact, gone: Collection[str]) -> Fact:
    """The fact with a mark in place of the tokens of those who withdrew."""

    def clean(text: str) -> str:
        return TOKEN.sub(lambda match: FORGOTTEN["zh"] if match[1] in gone else match[0], text)

    kept = {name: clean(text) for name, text in fact.attributes.items()}
    return replace(fact, value=clean(fact.value), attributes=kept)


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
        "object": fact.object,
        "slot": fact.slot,
        "attributes": dict(fact.attributes),
        "valid_from": fact.valid_from,
        "valid_to": fact.valid_to,
        "known_from": fact.known_from,
        "source": fact.source,
    }
