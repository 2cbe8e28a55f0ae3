"""Facts and proposals in words: what they are about, what they say, the rest labelled; never a raw key. Pure."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Protocol

from assistant.i18n import TEXTS, Locale, language_of, tr
from governance.vault import token
from rag.company import Company
from rag.values import say_window

DAY_ITSELF = frozenset({"tender", "ticket", "promise"})  # end on that very day, all others on the day before
NUMBERED = frozenset({"contacted", "promise"})
_MADE = re.compile(r"[A-Z]-[0-9a-f]{6,}")
ENTITIES = ("customer", "product", "person")  # attributes that name one


class Stated(Protocol):
    """A fact, or what an extractor proposes as one."""

    @property
    def subject(self) -> str: ...
    @property
    def relation(self) -> str: ...
    @property
    def value(self) -> str: ...
    @property
    def object(self) -> str: ...
    @property
    def attributes(self) -> Mapping[str, str]: ...
    @property
    def valid_from(self) -> date | None: ...
    @property
    def valid_to(self) -> date | None: ...


@dataclass(frozen=True, slots=True)
class Words:
    """`topic` is what a statement is about, `answer` what it says; `details` are (label, text). People are tokens."""

    kind: str
    topic: str
    answer: str
    details: tuple[tuple[str, str], ...]
    period: str


@dataclass(frozen=True, slots=True)
class Speaker:
    """Says facts in one language. `names`: entity id → name; one that is not there is called by its number."""

    company: Company
    lang: Locale
    names: Mapping[str, str]

    def name(self, entity: str) -> str:
        """What an entity is called; a person is a token."""
        if entity.startswith("p_"):
            return token(entity, "name" if self.lang == "zh-CN" else "name_en")
        return self.names.get(entity) or entity.partition(":")[2] or entity

    def words(self, fact: Stated) -> Words:
        """The statement in words."""
        known = f"topic_{fact.relation}" in TEXTS
        relation = fact.relation if known else "other"
        used = (
            {"customer"} if relation in _OF_CUSTOMER or fact.attributes.get("customer") == fact.subject else set[str]()
        )
        said, more = _ANSWERS.get(relation, _value)(self, fact)
        return Words(
            kind=tr(self.lang, f"kind_{relation}"),
            topic=self._topic(fact, relation),
            answer=said or self.text(fact.value) or tr(self.lang, "says_nothing"),
            details=(*self._number(fact), *self.details(fact.attributes, used | set(more))),
            period=self.period(fact),
        )

    def _number(self, fact: Stated) -> tuple[tuple[str, str], ...]:
        """The number of a record that neither topic nor answer tells; one that a document got from us says nothing."""
        told = fact.relation not in NUMBERED or _MADE.fullmatch(fact.value)
        return () if told else ((tr(self.lang, "side_number"), fact.value),)

    def _topic(self, fact: Stated, relation: str) -> str:
        key = "topic_list_price" if relation == "price" and not fact.attributes.get("customer") else f"topic_{relation}"
        customer = fact.attributes.get("customer", "")
        return tr(
            self.lang,
            key,
            subject=self.name(fact.subject),
            customer=self.name(customer if ":" in customer else f"customer:{customer}"),
            value=self.text(fact.value),
        )

    def details(self, attributes: Mapping[str, str], used: set[str]) -> tuple[tuple[str, str], ...]:
        """Each attribute under its label; what has none stands under 'other'."""
        found: list[tuple[str, str]] = []
        for name, text in attributes.items():
            if text and name not in used:
                label = tr(self.lang, f"attr_{name}" if f"attr_{name}" in TEXTS else "attr_other")
                found.append((label, self.attribute(name, text)))
        return tuple(found)

    def attribute(self, name: str, text: str) -> str:
        """The text of one attribute: names for ids, yes and no, amounts with separators."""
        if name in ENTITIES or name == "parent":
            prefix = "product" if name == "product" else "customer"
            return self.name(text if text.startswith(("p_", f"{prefix}:")) else f"{prefix}:{text}")
        if name in ("decides", "one_holder") and text in ("yes", "no"):
            return tr(self.lang, text)
        if name == "language" and text in ("zh", "en"):
            return tr(self.lang, text)
        if name == "channel" and f"way_{text}" in TEXTS:
            return tr(self.lang, f"way_{text}")
        return self.amount(text) if name in ("amount", "quantity") else self.text(text)

    def text(self, text: str) -> str:
        """A word of the company's glossary in the language asked for."""
        return self.company.translate(text, language_of(self.lang))

    def amount(self, text: str) -> str:
        """1360000 → 1,360,000; what is no number stays."""
        try:
            return f"{float(text):,.10g}" if abs(float(text)) < 10**10 else text
        except ValueError:
            return text

    def period(self, fact: Stated) -> str:
        """From when until when it holds; the last day that still counts is shown."""
        last = fact.valid_to
        if last is not None and fact.relation not in DAY_ITSELF and last > date.min:
            last -= timedelta(days=1)
        if fact.valid_from and last:
            return tr(self.lang, "period_both", since=fact.valid_from, until=max(last, fact.valid_from))
        if fact.valid_from:
            return tr(self.lang, "period_since", since=fact.valid_from)
        return tr(self.lang, "period_until", until=last) if last else tr(self.lang, "period_none")


Said = tuple[str, tuple[str, ...]]  # the words, and the attributes that are in them


def _value(speaker: Speaker, fact: Stated) -> Said:
    return speaker.text(fact.value), ()


def _object(speaker: Speaker, fact: Stated) -> Said:
    return speaker.name(fact.value), ()


def _holder(speaker: Speaker, fact: Stated) -> Said:
    return speaker.name(fact.subject), ()


def _budget(speaker: Speaker, fact: Stated) -> Said:
    said: list[str] = []
    first, last = fact.attributes.get("window_from", ""), fact.attributes.get("window_to", "")
    if all(month.isdecimal() and 1 <= int(month) <= 12 for month in (first, last)):
        window = say_window(int(first), int(last), language_of(speaker.lang))
        said.append(tr(speaker.lang, "says_window", window=window))
    if amount := fact.attributes.get("amount"):
        said.append(tr(speaker.lang, "says_amount", amount=speaker.amount(amount)))
    return tr(speaker.lang, "listing").join(said), ("window_from", "window_to", "amount") if said else ()


def _price(speaker: Speaker, fact: Stated) -> Said:
    unit, currency = speaker.text(fact.attributes.get("unit", "")), fact.attributes.get("currency", "")
    amount = " ".join(filter(None, (speaker.amount(fact.value), currency)))
    return (f"{amount} / {unit.removesuffix('s')}" if unit else amount), ("unit", "currency")


def _certificate(speaker: Speaker, fact: Stated) -> Said:
    until = fact.attributes.get("until", "")
    return (tr(speaker.lang, "says_until", until=until) if until else tr(speaker.lang, "says_no_end")), ("until",)


def _warranty(speaker: Speaker, fact: Stated) -> Said:
    return tr(speaker.lang, "says_months", n=fact.value), ()


def _attribute(name: str) -> Callable[[Speaker, Stated], Said]:
    def said(speaker: Speaker, fact: Stated) -> Said:
        return speaker.attribute(name, fact.attributes.get(name, "")) if fact.attributes.get(name) else "", (name,)

    return said


_OF_CUSTOMER = frozenset({"holds_title", "works_at", "price"})  # their topic or answer names the customer
_ANSWERS: Mapping[str, Callable[[Speaker, Stated], Said]] = {
    "part_of": _object,
    "purchases_through": _object,
    "works_at": _object,
    "holds_title": _holder,
    "budget": _budget,
    "price": _price,
    "certificate": _certificate,
    "warranty": _warranty,
    "bought": _attribute("category"),
    "tender": _attribute("title"),
    "ticket": _attribute("subject"),
    "promise": _attribute("text"),
    "contacted": _attribute("subject"),
}
