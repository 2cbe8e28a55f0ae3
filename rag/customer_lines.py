"""What a customer's facts say on one day, line by line, each with its facts and sources. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from rag.facts import Fact, holds

UNDATED_TENDER_DAYS = 60
LAST_COMMUNICATIONS = 3


@dataclass(frozen=True, slots=True)
class Support:
    """What a line rests on: ids of facts and of their sources, each once."""

    facts: tuple[str, ...]
    sources: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class TicketLine:
    id: str
    opened: date | None
    subject: str
    product: str
    support: Support


@dataclass(frozen=True, slots=True)
class PromiseLine:
    id: str
    made: date | None
    text: str
    owner: str
    due: date | None
    overdue: bool
    support: Support


@dataclass(frozen=True, slots=True)
class CommunicationLine:
    """`channel` is phone, visit, mail, meeting, chat or the export's own word; `person` "" when nobody is named."""

    id: str
    day: date | None
    channel: str
    subject: str
    person: str
    support: Support


@dataclass(frozen=True, slots=True)
class TenderLine:
    """From its notice to its closing day (None: not stated) nobody promotes anything."""

    id: str
    title: str
    category: str
    blackout_from: date | None
    blackout_to: date | None
    support: Support


def support(facts: Iterable[Fact]) -> Support:
    """Each once and in order."""
    kept = list(facts)
    return Support(tuple(dict.fromkeys(fact.id for fact in kept)), tuple(dict.fromkeys(fact.source for fact in kept)))


def open_tickets(stated: Iterable[Fact], day: date) -> list[Fact]:
    """Newest first."""
    found = [fact for fact in stated if fact.relation == "ticket" and holds(fact, day)]
    return sorted(found, key=_newest, reverse=True)


def tickets(stated: Iterable[Fact], day: date) -> tuple[TicketLine, ...]:
    """The open ones, newest first."""
    return tuple(
        TicketLine(
            fact.value,
            fact.valid_from,
            fact.attributes.get("subject", ""),
            fact.attributes.get("product", ""),
            support([fact]),
        )
        for fact in open_tickets(stated, day)
    )


def promises(stated: Iterable[Fact], day: date) -> tuple[PromiseLine, ...]:
    """Those that are not kept yet: the one due first comes first, those without a due day last."""
    lines: list[PromiseLine] = []
    for fact in stated:
        if fact.relation == "promise" and holds(fact, day):
            said = fact.attributes
            due = date.fromisoformat(said["due"]) if said.get("due") else None
            overdue = due is not None and due < day
            text, owner = said.get("text", ""), said.get("owner", "")
            lines.append(PromiseLine(fact.value, fact.valid_from, text, owner, due, overdue, support([fact])))
    return tuple(sorted(lines, key=lambda line: (line.due or date.max, line.id)))


def contacts_until(stated: Iterable[Fact], day: date) -> list[Fact]:
    """What was talked about until then, newest first."""
    found = [fact for fact in stated if fact.relation == "contacted" and fact.valid_from and fact.valid_from <= day]
    return sorted(found, key=_newest, reverse=True)


def communications(stated: Iterable[Fact], day: date) -> tuple[CommunicationLine, ...]:
    """The last three, newest first."""
    return tuple(
        CommunicationLine(
            fact.value,
            fact.valid_from,
            fact.attributes.get("channel", ""),
            fact.attributes.get("subject", ""),
            fact.attributes.get("person", ""),
            support([fact]),
        )
        for fact in contacts_until(stated, day)[:LAST_COMMUNICATIONS]
    )


def open_tenders(stated: Iterable[Fact], day: date) -> list[Fact]:
    """The one that closes first comes first."""
    found = [fact for fact in stated if fact.relation == "tender" and tender_is_open(fact, day)]
    return sorted(found, key=lambda fact: (fact.valid_to or date.max, fact.id))


def tender_is_open(fact: Fact, day: date) -> bool:
    """From its notice to its closing day, or to the day on which its result was known; undated ones for two months."""
    decided = bool(fact.attributes.get("result")) and fact.known_from.date() <= day
    if fact.valid_from is None or day < fact.valid_from or decided:
        return False
    if fact.valid_to is not None:  # for tenders the last day itself
        return day <= fact.valid_to
    return not fact.attributes.get("result") and (day - fact.valid_from).days <= UNDATED_TENDER_DAYS


def tenders(stated: Iterable[Fact], day: date) -> tuple[TenderLine, ...]:
    """Those that are open."""
    return tuple(
        TenderLine(
            fact.value,
            fact.attributes.get("title", ""),
            fact.attributes.get("category", ""),
            fact.valid_from,
            fact.valid_to,
            support([fact]),
        )
        for fact in open_tenders(stated, day)
    )


def _newest(fact: Fact) -> tuple[date, str]:
    return fact.valid_from or date.min, fact.value
