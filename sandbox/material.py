"""What the data set is made of, read from the evidence: passages, and which facts are known about which customer."""

import hashlib
from collections.abc import Iterable, Mapping
from datetime import date

from sqlalchemy import Connection

from governance.passport import passport_of
from governance.vault import Vault
from rag.brief import NEW_IN_POST_MONTHS, PURCHASE_YEARS, customers, decision_maker, products
from rag.company import Company
from rag.customers import Customer, Product
from rag.facts import Fact, facts_about, facts_of, holds
from rag.offers import offer_of
from rag.sources import passages, sources
from sandbox.compose import Availability
from sandbox.extractive import Text


def texts(tx: Connection, vault: Vault) -> tuple[list[Text], list[Text]]:
    """All passages in force: those that may be asked about, and those that try to instruct the reader."""
    good: list[Text] = []
    hostile: list[Text] = []
    for source in passages(tx, vault):
        text = Text(source.document, source.passport, source.heading, source.text)
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


def purposes(tx: Connection, passports: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """What each passport allows; an empty id allows nothing."""
    return {each: passport_of(tx, each).purposes for each in sorted(set(passports)) if each}


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
    return known | ({"budget"} if relations["budget"] else set())
