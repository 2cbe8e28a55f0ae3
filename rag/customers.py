"""Who the customers and products are, and who decides for a customer on a day; no personal data is read here."""

import re
import unicodedata
from dataclasses import dataclass
from datetime import date

from sqlalchemy import Connection

from governance.errors import Conflict, NotFound
from rag.facts import Fact, facts_about, facts_of, holds, people_of

_LIST_MARKS = re.compile(r"[;；、|，]")


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
    """All customers by name."""
    found = [_customer(fact) for fact in facts_of(tx, "name") if fact.subject.startswith("customer:")]
    return sorted(found, key=lambda customer: customer.name)


def find_customer(tx: Connection, text: str) -> Customer:
    """By id, name, English name or alias; raises NotFound, or Conflict when an alias fits several."""
    named = [fact for fact in facts_of(tx, "name") if fact.subject.startswith("customer:")]
    wanted = plain(text).removeprefix("customer:")
    for keys in (_ids, _names, _aliases):
        found = [fact for fact in named if wanted and wanted in keys(fact)]
        if len(found) == 1:
            return _customer(found[0])
        if found:
            several = "、".join(fact.value for fact in found)
            reason = {"zh": f"“{text}”可能指：{several}，请写明全称", "en": f"'{text}' may be any of {several}"}
            raise Conflict(reason=reason)
    raise NotFound(kind={"zh": "客户", "en": "customer"}, name=text)


def products(tx: Connection) -> list[Product]:
    """All products by name."""
    found = [_product(fact) for fact in facts_of(tx, "name") if fact.subject.startswith("product:")]
    return sorted(found, key=lambda product: product.name)


def find_product(tx: Connection, text: str) -> Product:
    """By id, name, English name or model; raises NotFound."""
    wanted = plain(text).removeprefix("product:")
    for product in products(tx):
        keys = (product.id.removeprefix("product:"), product.name, product.name_en, product.model)
        if wanted and wanted in map(plain, keys):
            return product
    raise NotFound(kind={"zh": "产品", "en": "product"}, name=text)


def decision_maker(tx: Connection, customer: str, as_of: date) -> Fact | None:
    """Who decides on that day: of the deciding posts then held the one taken up last."""
    held = [fact for fact in deciding_posts(tx, customer) if holds(fact, as_of)]
    return max(held, key=lambda fact: (fact.valid_from or date.min, fact.id), default=None)


def deciding_posts(tx: Connection, customer: str) -> list[Fact]:
    """Every deciding post that anyone held there, oldest first."""
    return [fact for fact in people_of(tx, customer, "holds_title") if fact.attributes.get("decides") == "yes"]


def workplace(tx: Connection, person: str, customer: str) -> Fact | None:
    """The fact from which the person is known to work there."""
    found = facts_about(tx, person, as_of=None, relation="works_at")
    return next((fact for fact in found if fact.value == customer), None)


def plain(text: str) -> str:
    """How names are compared: half-width, lower case, without spaces."""
    return re.sub(r"\s+", "", unicodedata.normalize("NFKC", text)).casefold()


def _ids(fact: Fact) -> set[str]:
    return {plain(fact.subject.removeprefix("customer:"))}


def _names(fact: Fact) -> set[str]:
    return {plain(fact.value), plain(fact.attributes.get("name_en", ""))}


def _aliases(fact: Fact) -> set[str]:
    return {plain(alias) for alias in _customer(fact).aliases}


def _customer(fact: Fact) -> Customer:
    aliases = tuple(alias.strip() for alias in _LIST_MARKS.split(fact.attributes.get("aliases", "")) if alias.strip())
    return Customer(fact.subject, fact.value, fact.attributes.get("name_en") or fact.value, aliases)


def _product(fact: Fact) -> Product:
    named = fact.attributes
    return Product(
        fact.subject, fact.value, named.get("name_en") or fact.value, named.get("category", ""), named.get("model", "")
    )
