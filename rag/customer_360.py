"""Customer 360: everything that is known about one customer on one day, gathered once and decided without queries."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time

from sqlalchemy import Connection

from governance import consent
from governance.consent import Consent, Standing
from governance.errors import Invalid
from governance.vault import Vault
from rag import customer_buying as buying
from rag import customer_lines as lines
from rag import customer_people as people
from rag.company import Company
from rag.conflicts import Conflict
from rag.customer_buying import BudgetLine, PurchaseLine
from rag.customer_lines import CommunicationLine, PromiseLine, Support, TenderLine, TicketLine, support
from rag.customer_offer import CertificateLine, DisputedLine, by_product, certificates
from rag.customer_people import ChangeLine, DeciderLine, Staff, staff
from rag.customers import Customer, find_product
from rag.facts import Fact, facts_around, holds
from rag.merged import as_one, merged_into
from rag.product_state import RELATIONS
from rag.relations import by_slot, clashes
from rag.sources import Source, issued_with, sources

PARTS = (
    "purchases",
    "budget",
    "decision_makers",
    "tickets",
    "promises",
    "communications",
    "tenders",
    "certificates",
)
_EVENTS = {
    "purchases": "bought",
    "tickets": "ticket",
    "promises": "promise",
    "communications": "contacted",
    "tenders": "tender",
}
FIRST_YEAR, LAST_YEAR = 1900, 2200


@dataclass(frozen=True, slots=True)
class Customer360:
    """
    Every line carries the ids of its facts and sources; people are ids, and texts hold tokens.

    `unknown` names the PARTS of which nothing was ever known up to the day. `disputed` names those that are not told
    because of an open conflict. `facts` and `sources` hold all that a line or a conflict refers to.
    """

    customer: Customer
    product: str | None
    as_of: date
    known_at: datetime | None
    name: Support
    decision_makers: tuple[DeciderLine, ...]
    changes: tuple[ChangeLine, ...]
    last_contact: date | None
    open_tickets: tuple[TicketLine, ...]
    promises: tuple[PromiseLine, ...]
    tenders: tuple[TenderLine, ...]
    purchases: tuple[PurchaseLine, ...]
    budget: BudgetLine | None
    certificates: tuple[CertificateLine, ...]
    expired: tuple[CertificateLine, ...]
    contradictions: tuple[DisputedLine, ...]
    communications: tuple[CommunicationLine, ...]
    unknown: tuple[str, ...]
    disputed: tuple[str, ...]
    conflicts: tuple[Conflict, ...]
    posts: Mapping[str, str]  # person → the post by which they are called who have no permit
    facts: Mapping[str, Fact]
    sources: Mapping[str, Source]


@dataclass(frozen=True, slots=True)
class _Gathered:
    own: tuple[Fact, ...]  # of the customer itself
    around: tuple[Fact, ...]  # of its people and prices, and of what it could be offered
    offered: Mapping[str, tuple[Fact, ...]]  # product → what its documents say
    staff: Staff
    consents: Mapping[str, Standing]
    consent_rows: Mapping[str, str]  # passport → source


def customer_360(
    tx: Connection,
    vault: Vault,
    company: Company,
    customer: Customer,
    *,
    product: str | None,
    as_of: date,
    known_at: datetime | None = None,
) -> Customer360:
    """
    Of a day, as far as was known at `known_at` (None: now). No personal value is read.

    Consents are those recorded by now, as they stood on that day. Raises NotFound for an unknown product, Invalid for
    a day that no record can have.
    """
    if not FIRST_YEAR <= as_of.year <= LAST_YEAR:
        reason = {"zh": f"日期 {as_of} 不合理", "en": f"the day {as_of} cannot be meant"}
        raise Invalid(reason=reason)
    chosen = find_product(tx, product).id if product else None
    gathered = _gather(tx, customer.id, chosen, as_of, known_at)
    found = _decide(customer, chosen, as_of, known_at, gathered)
    every = _by_id(gathered)
    cited = list(supports_of(found))
    return replace(
        found,
        facts={key: every[key] for each in cited for key in each.facts},
        sources=sources(tx, vault, [key for each in cited for key in each.sources]),
    )


def supports_of(known: Customer360) -> Iterator[Support]:
    """What each line and each conflict rests on."""
    yield known.name
    for part in (known.decision_makers, known.changes, known.open_tickets, known.promises, known.tenders):
        yield from (line.support for line in part)
    for part in (known.purchases, known.certificates, known.expired, known.contradictions, known.communications):
        yield from (line.support for line in part)
    if known.budget:
        yield known.budget.support
    yield from (line.consent_support for line in known.decision_makers)
    yield from (support(conflict.facts) for conflict in known.conflicts)


def _gather(tx: Connection, customer: str, product: str | None, as_of: date, known_at: datetime | None) -> _Gathered:
    """All that is read but the sources."""
    into = merged_into(tx, known_at)
    beside = [product, *(id_ for id_, kept in into.items() if kept == product)] if product else ()
    relations = () if product else RELATIONS
    read = facts_around(tx, customer, known_at=known_at, beside=beside, relations=relations)
    around = [as_one(fact, into) for fact in read]
    known = staff(around, into)
    held = {fact.subject for fact in known.titles if holds(fact, as_of) and people.decides(fact)}
    states = {person: _consent(tx, person, into, as_of) for person in sorted(held)}
    rows = issued_with(tx, (given.basis.passport for given in states.values() if given.basis))
    own = tuple(fact for fact in around if fact.subject == customer)
    other = tuple(fact for fact in around if fact.subject != customer)
    return _Gathered(own, other, by_product(fact for fact in other if fact.relation in RELATIONS), known, states, rows)


def consents_with(tx: Connection, person: str, into: Mapping[str, str]) -> list[Consent]:
    """All that was recorded of a person, also what was given or withdrawn under an id that is merged into theirs."""
    ids = [person, *(id_ for id_, kept in into.items() if kept == person)]
    return [replace(each, subject=person) for id_ in ids for each in consent.consents_of(tx, id_)]


def _consent(tx: Connection, person: str, into: Mapping[str, str], day: date) -> Standing:
    noon = datetime.combine(day, time(12), tzinfo=UTC)
    return consent.standing(person, "contact", consents_with(tx, person, into), noon)


def _decide(
    customer: Customer, product: str | None, day: date, known_at: datetime | None, gathered: _Gathered
) -> Customer360:
    """Every line; `facts` and `sources` are still empty."""
    own, known = gathered.own, gathered.staff
    budget, against = buying.budget(own, day)
    valid, expired, contradictions = certificates(gathered.offered, day)
    talked = lines.contacts_until(own, day)
    told = tuple(replace(line, person=known.known_as(line.person)) for line in lines.communications(own, day))
    deciders, changes = (
        people.deciders(known, day, gathered.consents, gathered.consent_rows),
        people.changes(known, own, day),
    )
    disputed = (("budget", bool(against)), ("decision_makers", bool(people.disputed_titles(known, day))))
    named = {line.person for part in (deciders, changes, told) for line in part if line.person}
    return Customer360(
        customer=customer,
        product=product,
        as_of=day,
        known_at=known_at,
        name=support(fact for fact in own if fact.relation == "name"),
        decision_makers=deciders,
        changes=changes,
        last_contact=talked[0].valid_from if talked else None,
        open_tickets=lines.tickets(own, day),
        promises=lines.promises(own, day),
        tenders=lines.tenders(own, day),
        purchases=buying.purchases(own, day),
        budget=budget,
        certificates=valid,
        expired=expired,
        contradictions=contradictions,
        communications=told,
        unknown=_unknown(gathered, day),
        disputed=tuple(part for part, is_disputed in disputed if is_disputed),
        conflicts=_conflicts(gathered),
        posts={person: post.value for person in sorted(named) if (post := known.post(person, day))},
        facts={},
        sources={},
    )


def _by_id(gathered: _Gathered) -> dict[str, Fact]:
    return {fact.id: fact for fact in (*gathered.own, *gathered.around)}


def _conflicts(gathered: _Gathered) -> tuple[Conflict, ...]:
    """About the customer, its people and its prices; the facts of a slot are all here."""
    slots = by_slot(fact for fact in (*gathered.own, *gathered.around) if fact.relation not in RELATIONS)
    groups = ((slot, clashes(facts)) for slot, facts in sorted(slots.items()) if len(facts) > 1)
    return tuple(
        Conflict(slot, tuple(sorted(group, key=lambda fact: (fact.known_from, fact.id))))
        for slot, group in groups
        if group
    )


def _unknown(gathered: _Gathered, day: date) -> tuple[str, ...]:
    def begun(facts: Iterable[Fact]) -> bool:
        return any((fact.valid_from or date.min) <= day for fact in facts)

    def of(relation: str) -> list[Fact]:
        return [fact for fact in gathered.own if fact.relation == relation]

    deciding = [fact for fact in gathered.staff.titles if people.decides(fact)]
    stated = [fact for group in gathered.offered.values() for fact in group if fact.relation == "certificate"]
    known = {part: begun(of(relation)) for part, relation in _EVENTS.items()}
    known |= {"budget": bool(of("budget")), "decision_makers": begun(deciding), "certificates": begun(stated)}
    return tuple(part for part in PARTS if not known[part])
