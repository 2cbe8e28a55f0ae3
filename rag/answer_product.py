"""What a question about products is answered with: certificate, scope, warranty, price, and who bought them."""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime

from sqlalchemy import Connection

from governance.errors import Language
from rag.company import Company
from rag.customers import Customer, Product, customers_by_id
from rag.facts import Fact, edges_of, facts_about
from rag.offers import offer_of
from rag.values import Group, say_quantity

MOST_LINES = 12  # of an answer
NOTICES = {
    "certificate": ("expired_certificate", "contradiction"),
    "warranty": ("contradiction",),
    "scope": ("contradiction",),
}


@dataclass(frozen=True, slots=True)
class Line:
    """
    One sentence of an answer with its evidence; people in it are tokens, `person` is whom it is about.

    `quoted`: the words are those of the source; `marks` are the places in them that answer best; `context` holds the
    passage with its neighbours when there are any.
    """

    text: str
    facts: tuple[str, ...]
    sources: tuple[str, ...]
    quoted: bool = False
    marks: tuple[tuple[int, int], ...] = ()
    person: str = ""
    context: str = ""


@dataclass(frozen=True, slots=True)
class Desk:
    """What answering one question needs to know."""

    tx: Connection
    company: Company
    as_of: date
    known_at: datetime | None
    language: Language
    products: Mapping[str, Product]
    years: tuple[int, ...]
    _met: dict[str, Customer | None] = field(default_factory=dict[str, Customer | None])

    def say(self, zh: str, en: str) -> str:
        return zh if self.language == "zh" else en

    def customer(self, entity: str) -> Customer | None:
        """None: there is none of this id, or it is merged into another."""
        if entity not in self._met:
            self._met[entity] = customers_by_id(self.tx, [entity]).get(entity)
        return self._met[entity]

    def name(self, entity: str) -> str:
        """Of a customer or product, in the language of the answer."""
        known = self.products.get(entity) or self.customer(entity)
        return (known.name if self.language == "zh" else known.name_en) if known else entity.partition(":")[2]


def product_lines(desk: Desk, product: str, aspect: str, customers: Sequence[str]) -> list[Line]:
    """The lines of one aspect; none when nothing is known."""
    if product not in desk.products:
        return []
    if aspect == "price":
        return list(_prices(desk, product, customers))
    offer = offer_of(desk.tx, desk.company, desk.products[product], desk.as_of, desk.language, known_at=desk.known_at)
    lines = [_SAY[group.id](desk, product, group) for group in offer.groups if group.id == aspect]
    if lines:
        return lines
    kinds = NOTICES.get(aspect, ())
    told = [
        notice
        for notice in offer.notices
        if notice.kind in kinds and (aspect in offer.disputed) == (notice.kind == "contradiction")
    ]
    return [Line(notice.text.say(desk.language), (), notice.sources) for notice in told]


def bought_by(desk: Desk, customer: str, categories: Sequence[str]) -> list[str]:
    """The products that the customer bought until the day, of these categories and years when they are named."""
    bought = facts_about(desk.tx, customer, as_of=None, known_at=desk.known_at, relation="bought")
    chosen = [fact for fact in bought if fact.object and _matches(desk, fact, categories)]
    return list(dict.fromkeys(fact.object for fact in chosen))


def buyers(desk: Desk, products: Collection[str], categories: Sequence[str]) -> list[Line]:
    """Which customers bought one of the products, or of the categories last, each with what and when."""
    wanted = set(products) or {key for key, product in desk.products.items() if product.category in categories}
    found = edges_of(desk.tx, wanted, as_of=None, known_at=desk.known_at, relations=["bought"])
    by_customer: dict[str, list[Fact]] = defaultdict(list)
    for fact in found:
        if _matches(desk, fact, ()) and fact.object in wanted:
            by_customer[fact.subject].append(fact)
    newest = sorted(by_customer.items(), key=lambda item: max(str(fact.valid_from) for fact in item[1]), reverse=True)
    return [_bought(desk, customer, facts) for customer, facts in newest[:MOST_LINES]]


def _matches(desk: Desk, fact: Fact, categories: Sequence[str]) -> bool:
    day = fact.valid_from
    return (
        day is not None
        and day <= desk.as_of
        and (not desk.years or day.year in desk.years)
        and (not categories or fact.attributes.get("category") in categories)
    )


def _bought(desk: Desk, customer: str, facts: Sequence[Fact]) -> Line:
    per: dict[tuple[str, str], list[Fact]] = defaultdict(list)
    for fact in facts:
        per[fact.object, fact.attributes.get("unit", "")].append(fact)
    parts = [_amount(desk, product, unit, of_one) for (product, unit), of_one in per.items()]
    colon, semicolon = desk.say("：", ": "), desk.say("；", "; ")
    return _line(f"{desk.name(customer)}{colon}{semicolon.join(parts)}", facts)


def _amount(desk: Desk, product: str, unit: str, facts: Sequence[Fact]) -> str:
    counts = [fact.attributes.get("quantity", "") for fact in facts]
    years = "、".join(sorted({str(fact.valid_from.year) for fact in facts if fact.valid_from}))
    name, known = desk.name(product), all(count.isdigit() for count in counts)
    count = say_quantity(sum(map(int, counts)), unit, desk.company, desk.language) if known else ""
    return desk.say(f"{years}年{name}{count}", f"{count or 'some'} of {name} in {years.replace('、', ', ')}")


def _prices(desk: Desk, product: str, customers: Sequence[str]) -> Iterator[Line]:
    """The list price and, when a customer is named, his own."""
    stated = facts_about(desk.tx, product, as_of=desk.as_of, known_at=desk.known_at, relation="price")
    for fact in stated:
        if fact.object and fact.object not in customers:
            continue
        unit, currency = fact.attributes.get("unit", ""), fact.attributes.get("currency", "")
        whose = desk.say("目录价", "list price")
        if fact.object:
            whose = desk.say(f"{desk.name(fact.object)}协议价", f"price for {desk.name(fact.object)}")
        since = fact.valid_from.isoformat() if fact.valid_from else ""
        per = f"/{desk.company.translate(unit, desk.language)}" if unit else ""
        text = desk.say(
            f"{desk.name(product)}{whose}：{fact.value}{currency or '元'}{per}（{since}起）",
            f"{desk.name(product)}, {whose}: {fact.value} {currency or 'CNY'}{per} since {since}",
        )
        yield _line(text, [fact])


def _line(text: str, facts: Sequence[Fact]) -> Line:
    return Line(text, tuple(fact.id for fact in facts), tuple(dict.fromkeys(fact.source for fact in facts)))


def _said(group: Group, text: str) -> Line:
    facts = dict.fromkeys(key for value in group.values for key in value.facts)
    return Line(text, tuple(facts), tuple(dict.fromkeys(key for value in group.values for key in value.sources)))


def _certificate(desk: Desk, product: str, group: Group) -> Line:
    number, until = group.values[0].text, group.values[1].text
    term = desk.company.term("certificate", desk.language)
    zh = f"{desk.name(product)}的{term}为{number}，有效期至{until}。"
    return _said(group, desk.say(zh, f"The {term} of {desk.name(product)} is {number}, valid until {until}."))


def _scope(desk: Desk, product: str, group: Group) -> Line:
    text = group.values[0].text
    return _said(
        group, desk.say(f"{desk.name(product)}的适用范围：{text}。", f"{desk.name(product)} is intended for {text}.")
    )


def _warranty(desk: Desk, product: str, group: Group) -> Line:
    text = group.values[0].text
    return _said(
        group, desk.say(f"{desk.name(product)}的质保期为{text}。", f"The warranty of {desk.name(product)} is {text}.")
    )


_SAY: Mapping[str, Callable[[Desk, str, Group], Line]] = {
    "certificate": _certificate,
    "scope": _scope,
    "warranty": _warranty,
}
