"""What the data set is made of, read from the evidence: passages, and which facts are known about which customer."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import Connection, select

from governance.consent import consents_of, permit
from governance.errors import NoConsent
from governance.passport import passport_of
from governance.tables import passports as issued
from governance.vault import TOKEN, Vault, bearers, forgotten
from rag import tables as rag_tables
from rag.brief import customers, decision_maker, products
from rag.brief_groups import NEW_IN_POST_MONTHS, is_nameable
from rag.company import Company
from rag.customer_buying import PURCHASE_YEARS
from rag.customer_lines import contacts_until, promises
from rag.customers import Customer, Product
from rag.facts import Fact, facts_about, facts_of, holds
from rag.offers import offer_of
from rag.sources import passages, sources
from sandbox.compose import Availability
from sandbox.extractive import Text
from sandbox.quarantine import releases
from sandbox.samples import Fuel

TRAINING = "training"


@dataclass(frozen=True, slots=True)
class Material:
    """Everything that decides what the data set is, read at one moment."""

    good: list[Text]
    hostile: list[Text]
    facts: list[Availability]
    allowed: dict[str, tuple[str, ...]]
    released: dict[str, frozenset[str]]

    def as_json(self) -> list[object]:
        """For the hash of the inputs."""
        read = [[t.document, *t.passports, t.heading, t.source, t.text] for t in (*self.good, *self.hostile)]
        known = [[a.customer, sorted(a.known), sorted(a.disputed), list(a.passports)] for a in self.facts]
        return [read, known, self.allowed, sorted([key, sorted(covers)] for key, covers in self.released.items())]


def gather(tx: Connection, vault: Vault, company: Company, fuel: Sequence[Fuel], now: datetime) -> Material:
    """What is known, what may be used at this moment, and what an admin let through."""
    good, hostile = texts(tx, vault)
    facts = availabilities(tx, vault, company)
    used = [passport for text in (*good, *hostile) for passport in text.passports]
    used += [passport for each in facts for passport in each.passports]
    used += [passport for each in fuel for passport in each.sample.passports]
    return Material(good, hostile, facts, purposes(tx, used, now), releases(tx))


def texts(tx: Connection, vault: Vault) -> tuple[list[Text], list[Text]]:
    """All passages in force: those that may be asked about, and those that try to instruct the reader."""
    good: list[Text] = []
    hostile: list[Text] = []
    records = _records_of_people(tx)
    for source in passages(tx, vault):
        named = dict.fromkeys(person for person, _ in TOKEN.findall(source.text))
        text = Text(
            source.document,
            source.passport,
            source.heading,
            source.text,
            source.id,
            source.page,
            source.title,
            tuple(sorted({passport for person in named for passport in records.get(person, ())})),
        )
        (hostile if source.hostile else good).append(text)
    return good, hostile


def availabilities(tx: Connection, vault: Vault, company: Company) -> list[Availability]:
    """
    Per customer which groups are known, with one product each. No value and no person is read.

    As of the newest day that the records speak of, not of today: the same records always give the same data set.
    """
    day = max(
        (f.valid_from for f in (*facts_of(tx, "bought"), *facts_of(tx, "ticket")) if f.valid_from), default=date.min
    )
    offered = products(tx)
    return [_availability(tx, vault, company, customer, offered, day) for customer in customers(tx)]


def purposes(tx: Connection, passports: Iterable[str], now: datetime) -> dict[str, tuple[str, ...]]:
    """
    What each passport allows at this moment; an empty id allows nothing.

    A record about a person allows training only while that person's own consent to it is live.
    """
    people = _people_of_records(tx)
    return {each: _allowed(tx, each, people.get(each, ()), now) for each in sorted(set(passports)) if each}


def _allowed(tx: Connection, passport: str, people: Iterable[str], now: datetime) -> tuple[str, ...]:
    allowed = passport_of(tx, passport).purposes
    try:
        for person in people:
            permit(person, TRAINING, consents_of(tx, person), actor="sandbox", now=now, called=person)
    except NoConsent:
        return tuple(purpose for purpose in allowed if purpose != TRAINING)
    return allowed


def _people_of_records(tx: Connection) -> dict[str, set[str]]:
    """Passport of a record → who it is about: whose values came with it, or of whom it states a fact."""
    facts, place = rag_tables.facts.c, rag_tables.sources.c
    stated = select(place.passport, facts.subject).join(rag_tables.sources, place.id == facts.source)
    stated = stated.join(issued, issued.c.id == place.passport)
    stated = stated.where(issued.c.kind == "record", facts.subject.startswith("p_", autoescape=True))
    found = bearers(tx)
    for passport, person in tx.execute(stated):
        found.setdefault(passport, set()).add(person)
    return found


def _records_of_people(tx: Connection) -> dict[str, set[str]]:
    """Person → passports of the records about them; of one who was forgotten the empty one, which allows nothing."""
    found: dict[str, set[str]] = {}
    for passport, people_named in _people_of_records(tx).items():
        for person in people_named:
            found.setdefault(person, set()).add(passport)
    for person in forgotten(tx):
        found.setdefault(person, set()).add("")
    return found


def _availability(
    tx: Connection, vault: Vault, company: Company, customer: Customer, offered: list[Product], day: date
) -> Availability:
    stated = facts_about(tx, customer.id, as_of=None)
    known, disputed = {"rep", "customer"} | _own_groups(stated, day), set[str]()
    decider = decision_maker(tx, customer.id, day)
    if decider is not None:
        known.add("decider")
        since = decider.valid_from
        if since and (day.year - since.year) * 12 + day.month - since.month < NEW_IN_POST_MONTHS:
            known.add("title_change")
    if offered:
        turn = int.from_bytes(hashlib.sha256(customer.id.encode()).digest()[:4], "big")
        offer = offer_of(tx, company, offered[turn % len(offered)], day, "zh")
        known |= {group.id for group in offer.groups}
        disputed |= set(offer.disputed)
    named = [fact.source for fact in stated if fact.relation == "name"]
    issued = sorted({source.passport for source in sources(tx, vault, named).values()})
    return Availability(customer.id, frozenset(known), frozenset(disputed), tuple(issued))


def _own_groups(stated: list[Fact], day: date) -> set[str]:
    relations: Mapping[str, list[Fact]] = {
        name: [fact for fact in stated if fact.relation == name] for name in ("bought", "budget", "ticket", "tender")
    }
    recent = {
        fact.attributes.get("category", "")
        for fact in relations["bought"]
        if fact.valid_from and (day - fact.valid_from).days < PURCHASE_YEARS * 365
    }
    known = {f"purchase{number}" for number in range(1, 1 + min(3, len(recent)))}
    known |= {name for name in ("ticket", "tender") if any(holds(fact, day) for fact in relations[name])}
    known |= {"budget"} if relations["budget"] else set()
    last = contacts_until(stated, day)[:1]
    known |= {"contact"} if last else set()
    known |= {"contact_topic"} if any(is_nameable(fact.attributes.get("subject", "")) for fact in last) else set()
    return known | ({"promise"} if any(is_nameable(line.text) for line in promises(stated, day)) else set())
