"""Who decides at a customer on a day, and whose posts changed since it was last talked to; people are ids. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, timedelta
from typing import Literal

from governance.consent import Standing, State
from rag.customer_buying import years_before
from rag.customer_lines import Support, contacts_until, support
from rag.facts import Fact, holds
from rag.relations import by_slot, clashes

Event = Literal["began", "ended"]


@dataclass(frozen=True, slots=True)
class DeciderLine:
    """
    `contact` is the person's id in the CRM, "" when only documents name them; `consent` to being contacted.

    `consent_day`: its last day (None: without end), or the day of the withdrawal.
    """

    person: str
    contact: str
    title: str
    department: str
    since: date | None
    consent: State
    consent_day: date | None
    consent_support: Support
    support: Support


@dataclass(frozen=True, slots=True)
class ChangeLine:
    """Somebody took up or gave up a post; `day` is the first with it, or the first without it."""

    person: str
    contact: str
    title: str
    department: str
    event: Event
    day: date
    support: Support


@dataclass(frozen=True, slots=True)
class Staff:
    """The people of a customer under the ids by which they are known: posts of all days, and where each works."""

    titles: tuple[Fact, ...]
    places: Mapping[str, Fact]  # person → the fact that names the CRM's contact
    own: Mapping[str, str]  # id → the id that stands for it after merges

    def known_as(self, person: str) -> str:
        """The id that stands for this one."""
        return self.own.get(person, person)

    def contact(self, person: str) -> str:
        """The person's id in the CRM."""
        place = self.places.get(person)
        return place.attributes.get("contact", "") if place else ""

    def post(self, person: str, day: date) -> Fact | None:
        """The post on that day, else the last one before it."""
        taken = [fact for fact in self.titles if fact.subject == person and (fact.valid_from or date.min) <= day]
        return max(taken, key=lambda fact: (holds(fact, day), decides(fact), fact.valid_from or date.min), default=None)


def staff(known: Sequence[Fact], own: Mapping[str, str]) -> Staff:
    """Of facts that name everybody under the id that stands for them."""
    places: dict[str, Fact] = {}
    for fact in known:
        if fact.relation == "works_at":
            places.setdefault(fact.subject, fact)
    return Staff(tuple(fact for fact in known if fact.relation == "holds_title"), places, own)


def disputed_titles(staff: Staff, day: date) -> list[Fact]:
    """Deciding posts that two people are said to hold on that day, and no rule decides between the sources."""
    held = [fact for fact in staff.titles if holds(fact, day)]
    groups = (clashes(group) for group in by_slot(held).values())
    return [fact for group in groups for fact in group if any(decides(each) for each in group)]


def deciders(
    staff: Staff, day: date, consents: Mapping[str, Standing], rows: Mapping[str, str]
) -> tuple[DeciderLine, ...]:
    """Who took up the post last comes first; nobody whose post is disputed. `rows`: passport → source of a consent."""
    disputed = {fact.id for fact in disputed_titles(staff, day)}
    held: dict[tuple[str, str, str], list[Fact]] = {}
    for fact in staff.titles:
        if decides(fact) and holds(fact, day) and fact.id not in disputed:
            held.setdefault((fact.subject, fact.value, fact.attributes.get("department", "")), []).append(fact)
    lines: list[DeciderLine] = []
    for (person, title, department), facts in held.items():
        since = min((fact.valid_from for fact in facts if fact.valid_from), default=None)
        told = support([*facts, *_place(staff, person)])
        given = consents.get(person, Standing("absent"))
        row = rows.get(given.basis.passport) if given.basis else None
        proof = Support((), (row,)) if row else told
        contact = staff.contact(person)
        state, day_of = given.state, _day_of(given)
        lines.append(DeciderLine(person, contact, title, department, since, state, day_of, proof, told))
    return tuple(sorted(lines, key=lambda line: (-(line.since or date.min).toordinal(), line.contact, line.person)))


def changes(staff: Staff, stated: Sequence[Fact], day: date) -> tuple[ChangeLine, ...]:
    """Posts that began or ended since the last communication before the day; without one, in the year up to it."""
    talked = next((fact.valid_from for fact in contacts_until(stated, day) if fact.valid_from != day), None)
    after = talked if talked is not None else years_before(day, 1)
    lines: list[ChangeLine] = []
    for fact in staff.titles:
        moments: tuple[tuple[Event, date | None], ...] = (("began", fact.valid_from), ("ended", fact.valid_to))
        for event, moment in moments:
            if moment is not None and after < moment <= day:
                department = fact.attributes.get("department", "")
                told = support([fact, *_place(staff, fact.subject)])
                contact = staff.contact(fact.subject)
                lines.append(ChangeLine(fact.subject, contact, fact.value, department, event, moment, told))
    return tuple(sorted(lines, key=lambda line: (-line.day.toordinal(), line.contact, line.event, line.title)))


def decides(fact: Fact) -> bool:
    """Whether who holds this post decides about purchases."""
    return fact.attributes.get("decides") == "yes"


def _day_of(given: Standing) -> date | None:
    if given.basis is None:
        return None
    if given.state == "withdrawn" and given.basis.withdrawn_at:
        return given.basis.withdrawn_at.astimezone(UTC).date()
    ends = given.basis.expires_at
    return ends.astimezone(UTC).date() - timedelta(days=1) if ends else None


def _place(staff: Staff, person: str) -> list[Fact]:
    place = staff.places.get(person)
    return [place] if place else []
