"""Who the customers and products are, and who decides for a customer on a day; no personal data is read here."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import Connection

from governance.errors import Conflict, NotFound
from rag.entity_names import listed, named, plain
from rag.facts import Fact, facts_about, facts_of, holds, people_of, slots
from rag.identity import canonical
from rag.relations import clashes

__all__ = [
    "Customer",
    "Product",
    "customers",
    "customers_by_id",
    "deciding_posts",
    "decision_maker",
    "disputed_posts",
    "find_customer",
    "find_product",
    "plain",
    "products",
    "workplace",
]


@dataclass(frozen=True, slots=True)
class Customer:
    """`id` is a subject of facts, e.g. "customer:H001"; `name_en` falls back to `name`."""

    id: str
    name: str
    name_en: str
    aliases: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Product:
    """`id` is a subject of facts, e.g. "product:P01"; `name_en` falls back to `name`."""

    id: str
    name: str
    name_en: str
    category: str
    model: str


def customers(tx: Connection) -> list[Customer]:
    """All customers by name; of merged ones the one that was kept."""
    found = _newest_names(tx, "customer:")
    return sorted(map(_customer, found), key=lambda customer: customer.name)


def customers_by_id(tx: Connection, ids: Collection[str]) -> dict[str, Customer]:
    """Those of `ids` that are customers of their own, not merged into another."""
    return {fact.subject: _customer(fact) for fact in _newest_names(tx, ids) if fact.subject.startswith("customer:")}


def find_customer(tx: Connection, text: str) -> Customer:
    """By id, registration, name, alias or former name; raises NotFound, or Conflict when it fits several."""
    found = _found(tx, text, "customer:")
    if len(found) > 1:
        several = "、".join(fact.value for fact in found)
        reason = {"zh": f"“{text}”可能指：{several}，请写明全称", "en": f"'{text}' may be any of {several}"}
        raise Conflict(reason=reason)
    if not found:
        raise NotFound(kind={"zh": "客户", "en": "customer"}, name=text[:80])
    return _customer(found[0])


def products(tx: Connection) -> list[Product]:
    """All products by name."""
    return sorted(map(_product, _newest_names(tx, "product:")), key=lambda product: product.name)


def find_product(tx: Connection, text: str) -> Product:
    """By id, name, English name or model; raises NotFound."""
    if found := _found(tx, text, "product:"):
        return min(map(_product, found), key=lambda product: product.name)
    raise NotFound(kind={"zh": "产品", "en": "product"}, name=text[:80])


def _newest_names(tx: Connection, subjects: str | Collection[str]) -> list[Fact]:
    """One `name` fact per entity."""
    stated = facts_of(tx, "name", subjects=subjects)
    own = canonical(tx, [fact.subject for fact in stated])
    kept = {fact.subject: fact for fact in stated if own[fact.subject] == fact.subject}
    return list(kept.values())


def _found(tx: Connection, text: str, prefix: str) -> list[Fact]:
    """The name facts of those who are called so."""
    ids = canonical(tx, [each.entity for each in named(tx, text, prefix)])
    facts = ((key, facts_about(tx, key, as_of=None, relation="name")) for key in sorted(set(ids.values())))
    return [next((fact for fact in stated if fact.subject == key), stated[0]) for key, stated in facts if stated]


def decision_maker(tx: Connection, customer: str, as_of: date, *, known_at: datetime | None = None) -> Fact | None:
    """Who decides on that day: of the deciding posts then held the one taken up last; none that sources dispute."""
    disputed = {fact.id for fact in disputed_posts(tx, customer, as_of, known_at=known_at)}
    posts = deciding_posts(tx, customer, known_at=known_at)
    held = [fact for fact in posts if holds(fact, as_of) and fact.id not in disputed]
    return max(held, key=lambda fact: (fact.valid_from or date.min, fact.id), default=None)


def disputed_posts(tx: Connection, customer: str, as_of: date, *, known_at: datetime | None = None) -> list[Fact]:
    """Deciding posts that two people are said to hold on that day, and no rule decides between the sources."""
    posts = deciding_posts(tx, customer, known_at=known_at)
    held = [fact for fact in posts if holds(fact, as_of) and fact.slot]
    then = slots(tx, {fact.slot for fact in held}, known_at=known_at).values()
    return [fact for group in then for fact in clashes([each for each in group if holds(each, as_of)])]


def deciding_posts(tx: Connection, customer: str, *, known_at: datetime | None = None) -> list[Fact]:
    """Every deciding post that anyone held there, oldest first."""
    posts = people_of(tx, customer, "holds_title", known_at=known_at)
    return [fact for fact in posts if fact.attributes.get("decides") == "yes"]


def workplace(tx: Connection, person: str, customer: str) -> Fact | None:
    """The fact from which the person is known to work there."""
    found = facts_about(tx, person, as_of=None, relation="works_at")
    return next((fact for fact in found if fact.value == customer), None)


def _customer(fact: Fact) -> Customer:
    aliases = (*listed(fact.attributes.get("aliases", "")), *listed(fact.attributes.get("former_names", "")))
    return Customer(fact.subject, fact.value, fact.attributes.get("name_en") or fact.value, aliases)


def _product(fact: Fact) -> Product:
    named = fact.attributes
    return Product(
        fact.subject, fact.value, named.get("name_en") or fact.value, named.get("category", ""), named.get("model", "")
    )
