"""What the knowledge page shows of statements: in words, with their sources quoted; the queue of conflicts."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Generic, TypeVar

from sqlalchemy import Connection, select

from assistant.comply_recheck import Rechecks
from assistant.fact_words import Speaker, Stated
from assistant.i18n import Locale, tr
from assistant.quotes import Quote, quote_of, span_of
from governance.vault import Vault
from rag.company import Company
from rag.conflicts import Conflict, Ruling, conflicts, rulings_in_force
from rag.facts import Fact, facts_by_id, in_parts
from rag.sources import Source, sources
from rag.tables import facts

PER_PAGE = 8
MOST_DECIDED = 20
Shown = TypeVar("Shown")
Decided = TypeVar("Decided")


@dataclass(frozen=True, slots=True)
class Room:
    """What every view needs: the database as it is read, keys, company, language, and whether scripts may be opened."""

    tx: Connection
    vault: Vault
    company: Company
    lang: Locale
    reviews: bool = False
    rechecks: Rechecks = field(default_factory=Rechecks)


@dataclass(frozen=True, slots=True)
class StatementView:
    """What one source says, or several in agreement; `fact` is the one known longest."""

    fact: str
    answer: str
    details: tuple[tuple[str, str], ...]
    period: str
    known_since: datetime
    quotes: tuple[Quote, ...]


@dataclass(frozen=True, slots=True)
class ConflictView:
    """`shown` stands for the statements as they are: a decision about others is refused."""

    slot: str
    kind: str
    topic: str
    shown: str
    statements: tuple[StatementView, ...]


@dataclass(frozen=True, slots=True)
class RulingView:
    """`chosen` None: none of them was right."""

    id: str
    topic: str
    chosen: str | None
    set_aside: tuple[str, ...]
    reason: str
    by: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Queue(Generic[Shown, Decided]):
    """One page of what waits, and what was decided lately."""

    rows: tuple[Shown, ...]
    total: int
    page: int
    pages: int
    decided: tuple[Decided, ...]


def fingerprint(group: Iterable[Fact]) -> str:
    """Of the statements of one conflict, in any order."""
    return hashlib.sha256("\n".join(sorted(fact.id for fact in group)).encode()).hexdigest()[:24]


def conflict_queue(room: Room, page: int) -> Queue[ConflictView, RulingView]:
    """What no rule decides, and the decisions in force, newest first."""
    waiting = conflicts(room.tx)
    shown, page, pages = on_page(waiting, page)
    ruled = rulings_in_force(room.tx)[:MOST_DECIDED]
    stated = [fact for conflict in shown for fact in conflict.facts]
    named = [*stated, *(fact for ruling in ruled for fact in _of(ruling))]
    speaker = Speaker(room.company, room.lang, names_of(room, mentioned(named)))
    found = sources(room.tx, room.vault, [fact.source for fact in stated])
    numbers = contact_numbers(room.tx, {fact.subject for fact in stated})
    rows = tuple(_conflict(room, speaker, conflict, found, numbers) for conflict in shown)
    return Queue(rows, len(waiting), page, pages, tuple(_ruling(speaker, ruling) for ruling in ruled))


def on_page(items: Sequence[Shown], page: int, size: int = PER_PAGE) -> tuple[Sequence[Shown], int, int]:
    """The items of a page, its number and how many pages there are; one that is not there is the nearest."""
    pages = max(1, -(-len(items) // size))
    page = min(max(1, page), pages)
    return items[(page - 1) * size : page * size], page, pages


def mentioned(stated: Iterable[Stated]) -> set[str]:
    """The ids that facts or proposals name."""
    found: set[str] = set()
    for fact in stated:
        named = [fact.subject, fact.object, fact.value, *fact.attributes.values()]
        found.update(text for text in named if text.startswith(("customer:", "product:")))
        found.update(f"product:{text}" for name, text in fact.attributes.items() if name == "product")
    return found


def names_of(room: Room, ids: Iterable[str]) -> dict[str, str]:
    """What customers and products are called now, under their own number also when they were merged."""
    found: dict[str, str] = {}
    for fact in sorted(own_facts(room.tx, ids, ("name",), live=False), key=_newest_last):
        found[fact.subject] = (fact.attributes.get("name_en") if room.lang == "en" else "") or fact.value
    return found


def own_facts(tx: Connection, subjects: Iterable[str], relations: Sequence[str], *, live: bool = True) -> list[Fact]:
    """What is stated under exactly these ids, also of merged ones; `live`: not what was retired."""
    found: list[Fact] = []
    for part in in_parts(sorted(set(subjects))):
        query = select(facts.c.id).where(facts.c.subject.in_(part), facts.c.relation.in_(relations))
        found += facts_by_id(tx, tx.scalars(query)).values()
    return [fact for fact in found if not live or fact.known_to is None]


def contact_numbers(tx: Connection, people: Iterable[str]) -> dict[str, str]:
    """Person → his number in the CRM: a pseudonym by which a coordinator finds the row."""
    ids = [each for each in people if each.startswith("p_")]
    return {fact.subject: fact.attributes.get("contact", "") for fact in own_facts(tx, ids, ("works_at",))}


def _statement(
    room: Room, speaker: Speaker, agreed: Sequence[Fact], found: Mapping[str, Source], number: str
) -> StatementView:
    """Facts in agreement as one statement, with the words of each source."""
    first = agreed[0]
    said = speaker.words(first)
    details = ((tr(room.lang, "attr_contact"), number), *said.details) if number else said.details
    quotes = tuple(
        quote_of(found[fact.source], room.lang, span_of(room.company, fact, found[fact.source].text))
        for fact in agreed
        if fact.source in found
    )
    return StatementView(first.id, said.answer, details, said.period, first.known_from, quotes)


def _agreeing(speaker: Speaker, group: Sequence[Fact]) -> list[list[Fact]]:
    """Those that say the same of the same time belong together; in the order of the first of each."""
    found: dict[tuple[str, ...], list[Fact]] = {}
    for fact in group:
        said = speaker.words(fact)
        found.setdefault((fact.subject, said.answer.rstrip("。. "), said.period), []).append(fact)
    return list(found.values())


def _conflict(
    room: Room, speaker: Speaker, conflict: Conflict, found: Mapping[str, Source], numbers: Mapping[str, str]
) -> ConflictView:
    said = speaker.words(conflict.facts[0])
    statements = tuple(
        _statement(room, speaker, agreed, found, numbers.get(agreed[0].subject, ""))
        for agreed in _agreeing(speaker, conflict.facts)
    )
    return ConflictView(conflict.slot, said.kind, said.topic, fingerprint(conflict.facts), statements)


def _ruling(speaker: Speaker, ruling: Ruling) -> RulingView:
    said = {fact.id: speaker.words(fact) for fact in _of(ruling)}
    return RulingView(
        ruling.id,
        next((words.topic for words in said.values()), tr(speaker.lang, "fact_gone")),
        said[ruling.chosen.id].answer if ruling.chosen else None,
        tuple(said[fact.id].answer for fact in ruling.set_aside),
        ruling.reason,
        ruling.by,
        ruling.at,
    )


def _of(ruling: Ruling) -> list[Fact]:
    return [*([ruling.chosen] if ruling.chosen else []), *ruling.set_aside]


def _newest_last(fact: Fact) -> tuple[bool, datetime, str]:
    return fact.known_to is None, fact.known_from, fact.id
