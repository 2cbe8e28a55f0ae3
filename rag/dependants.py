"""What was written from facts that changed since: found by a walk over `derived_from` when it is asked for."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Literal

from sqlalchemy import Connection, and_, exists, insert, or_, select
from sqlalchemy.orm import aliased

from governance.tables import people
from rag.company import Bilingual
from rag.facts import Fact
from rag.flag_words import say_artefact, say_cause, say_fact, say_withdrawn
from rag.history import FIELDS, LAST, History, Standing, in_rows, load_history
from rag.merged import groups, merged_into
from rag.tables import derived_from, facts, merges, overruled, retirements, sources

Kind = Literal["brief", "script", "summary", "claim"]
Reason = Literal["retired", "ended", "superseded", "reopened", "disputed", "overruled", "forgotten"]
ONE_OF_A_SUBJECT = frozenset({"name", "works_at", "part_of"})  # a new one says what became of the old one
LAST_DAY_COUNTS = frozenset({"tender"})


@dataclass(frozen=True, slots=True)
class Flag:
    """
    A claim of an artefact whose fact is no longer what it was when the claim was written.

    `by` is the fact or the ruling that changed it, "" when its source no longer states it; `path` leads from the
    artefact to the cause and names nobody.
    """

    artefact: str
    kind: str
    claim: str
    fact: str
    reason: Reason
    since: date
    by: str
    path: tuple[Bilingual, ...]


@dataclass(frozen=True, slots=True)
class _Link:
    artefact: str
    kind: str
    claim: str
    fact: str
    at: datetime


@dataclass(frozen=True, slots=True)
class _Change:
    """`by` is a fact or the id of a ruling."""

    reason: Reason
    since: date
    by: Fact | str = ""


def note(tx: Connection, artefact: str, kind: Kind, claims: Mapping[str, Collection[str]], now: datetime) -> None:
    """Each claim of the artefact rests on these facts, as they stood at `now`; what was noted before stays."""
    query = select(derived_from.c.claim, derived_from.c.fact).where(derived_from.c.artefact == artefact)
    known = {(row.claim, row.fact) for row in tx.execute(query)}
    wanted = dict.fromkeys((claim, fact) for claim, ids in claims.items() for fact in ids)
    rows = [
        {"artefact": artefact, "kind": kind, "claim": claim, "fact": fact, "at": now}
        for claim, fact in wanted
        if (claim, fact) not in known
    ]
    if rows:
        tx.execute(insert(derived_from), rows)


def flags(
    tx: Connection, *, today: date, known_at: datetime | None = None, artefacts: Collection[str] | None = None
) -> list[Flag]:
    """
    What must not be relied on any more on `today`, as far as was known at `known_at`; of all artefacts or of some.

    A fact that its source states again, or another source states word for word, has not changed.
    """
    links = _links(tx, today, known_at, artefacts)
    history = load_history(tx, {link.fact for link in links})
    moment = known_at or LAST - timedelta(days=1)
    restated = _restated(tx, history, links, moment)
    gone = _withdrawn_days(tx, history, links)
    changed = [(link, change) for link in links if (change := _change(history, link, restated, gone, today, moment))]
    places = _places(tx, history, changed)
    return [_flag(history, link, change, places) for link, change in changed]


def _links(tx: Connection, today: date, known_at: datetime | None, artefacts: Collection[str] | None) -> list[_Link]:
    """Those whose fact may have changed: most have not, and the database knows which."""
    d, other = derived_from.c, aliased(facts)
    beside = exists().where(facts.c.slot != "", other.c.slot == facts.c.slot, other.c.id != facts.c.id)
    merged = select(merges.c.kept).union(select(merges.c.merged))
    may = or_(
        exists().where(retirements.c.fact == facts.c.id),
        exists().where(overruled.c.fact == facts.c.id),
        exists().where(people.c.person.in_((facts.c.subject, facts.c.object)), people.c.forgotten_at.is_not(None)),
        facts.c.valid_to <= today + timedelta(days=1),
        beside,
        facts.c.subject.in_(merged),
        facts.c.about.in_(merged),
    )
    query = select(d.artefact, d.kind, d.claim, d.fact, d.at).join(facts, facts.c.id == d.fact).where(may)
    if known_at is not None:
        query = query.where(d.at <= known_at)
    ordered = query.order_by(d.at, d.artefact, d.claim, d.fact)
    if artefacts is None:
        return [_Link(*row) for row in tx.execute(ordered)]
    return [_Link(*row) for part in in_rows(set(artefacts)) for row in tx.execute(ordered.where(d.artefact.in_(part)))]


def _change(
    history: History,
    link: _Link,
    restated: Mapping[str, list[Fact]],
    gone: Mapping[str, date],
    today: date,
    moment: datetime,
) -> _Change | None:
    fact = history.facts[link.fact]
    if fact.id in gone:
        return _Change("forgotten", gone[fact.id])
    here, then = fact, history.standing(fact, link.at)
    if fact.known_to is not None and fact.known_to <= moment:
        others = restated.get(fact.id, [])
        twin = next((each for each in others if _same(each, fact)), None)
        if twin is None:
            return _Change("retired", fact.known_to.date(), _successor(history, fact, others, moment) or "")
        here = twin
    ruled = history.ruled(here.id, moment)
    if ruled is not None:
        return _Change("overruled", ruled.at.date(), ruled.ruling)
    return _moved(here, link.at.date(), then, history.standing(here, moment), today)


def _moved(fact: Fact, noted: date, then: Standing, now: Standing, today: date) -> _Change | None:
    """What became of a fact that is still stated."""
    before = {rival.id for rival in then.rivals}
    rivals = [each for each in now.rivals if each.id not in before and (each.valid_from or date.min) <= today]
    if rivals:
        first = min(rivals, key=lambda each: (each.known_from, each.id))
        return _Change("disputed", first.known_from.date(), first)
    ended, was = _after(fact, now.end), _after(fact, then.end)
    was_open = was is None or was > noted
    if ended is not None and ended <= today and (was_open or ended != was):
        return _Change("superseded" if now.closed_by else "ended", ended, now.closed_by or fact)
    if was is not None and not was_open and ended != was:
        return _Change("reopened", was)
    return None


def _after(fact: Fact, end: date | None) -> date | None:
    """The first day on which it does not hold any more."""
    return end + timedelta(days=1) if end and end < date.max and fact.relation in LAST_DAY_COUNTS else end


def _restated(tx: Connection, history: History, links: Iterable[_Link], moment: datetime) -> dict[str, list[Fact]]:
    """What is stated of the same thing now, for each fact that was retired."""
    ids = {link.fact for link in links if history.facts[link.fact].known_to is not None}
    new = aliased(facts)
    alike = or_(new.c.value == facts.c.value, facts.c.relation.in_(ONE_OF_A_SUBJECT))
    same = and_(new.c.subject == facts.c.subject, new.c.relation == facts.c.relation, new.c.id != facts.c.id, alike)
    gone = exists().where(retirements.c.fact == new.c.id, retirements.c.at <= moment)
    columns = [new.c[name] for name in (*FIELDS, "object", "slot")]
    query = select(facts.c.id, *columns).join(new, same).where(new.c.known_from <= moment, ~gone)
    found: dict[str, list[Fact]] = {}
    for part in in_rows(ids):
        for id_, *row in tx.execute(query.where(facts.c.id.in_(part)).order_by(facts.c.id, new.c.id)):
            found.setdefault(id_, []).append(Fact(*row))
    return found


def _same(one: Fact, other: Fact) -> bool:
    content = [
        (each.subject, each.relation, each.value, dict(each.attributes), each.valid_from, each.valid_to)
        for each in (one, other)
    ]
    return content[0] == content[1]


def _successor(history: History, fact: Fact, restated: Iterable[Fact], moment: datetime) -> Fact | None:
    """What was stated instead when it was retired."""
    beside = (each for each in history.beside(fact) if history.known(each, moment))
    later = [
        each
        for each in (*restated, *beside)
        if fact.known_to is not None and each.known_from >= fact.known_to and each.subject not in history.withdrawn
    ]
    return min(later, key=lambda each: (each.known_from, each.valid_from != fact.valid_from, each.id), default=None)


def _withdrawn_days(tx: Connection, history: History, links: Iterable[_Link]) -> dict[str, date]:
    """Fact → the day on which a person whom it is about withdrew."""
    about = {id_: {history.facts[id_].subject, history.facts[id_].object} for id_ in {link.fact for link in links}}
    gone = {id_: ids & history.withdrawn for id_, ids in about.items() if ids & history.withdrawn}
    if not gone:
        return {}
    day = {
        row.person: row.forgotten_at.date()
        for row in tx.execute(select(people.c.person, people.c.forgotten_at).where(people.c.forgotten_at.is_not(None)))
    }
    for ids in groups(merged_into(tx)).values():
        if known := [day[id_] for id_ in ids if id_ in day]:
            day.update(dict.fromkeys(ids, min(known)))
    return {id_: min(day[person] for person in persons) for id_, persons in gone.items()}


def _places(tx: Connection, history: History, changed: Iterable[tuple[_Link, _Change]]) -> dict[str, str]:
    """Source → where it stands: file, row or page."""
    wanted = {history.facts[link.fact].source for link, _ in changed}
    wanted |= {change.by.source for _, change in changed if isinstance(change.by, Fact)}
    s = sources.c
    query = select(s.id, s.title, s.row, s.page)
    rows = (row for part in in_rows(wanted) for row in tx.execute(query.where(s.id.in_(part))))
    return {row.id: _place(row.title, row.row, row.page) for row in rows}


def _place(title: str, row: int | None, page: int | None) -> str:
    return f"{title}#{row}" if row is not None else f"{title} p.{page}" if page is not None else title


def _flag(history: History, link: _Link, change: _Change, places: Mapping[str, str]) -> Flag:
    fact, by = history.facts[link.fact], change.by
    cause = by if isinstance(by, Fact) else None
    known = say_fact(fact, places.get(fact.source, "")) if change.reason != "forgotten" else say_withdrawn()
    path = (
        say_artefact(link.kind, link.artefact, link.claim),
        known,
        say_cause(change.reason, change.since, fact, cause, places.get(cause.source, "") if cause else ""),
    )
    named = cause.id if cause else str(by)
    return Flag(link.artefact, link.kind, link.claim, link.fact, change.reason, change.since, named, path)
