"""The values of a brief: what fills a placeholder, with its language-neutral form, its facts and its sources."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Literal

from governance.errors import Language
from rag.company import Bilingual, Company
from rag.dates import say_month_name
from rag.facts import Fact

Kind = Literal[
    "person",
    "title",
    "called",
    "organisation",
    "month",
    "year",
    "date",
    "quantity",
    "category",
    "product",
    "certificate",
    "text",
    "period",
    "phrase",
]
NoticeKind = Literal[
    "expired_certificate", "contradiction", "title_change", "tender_blackout", "open_ticket", "late_promise"
]


@dataclass(frozen=True, slots=True)
class Value:
    """
    `text` is in the brief's language; a person is a token. `canonical` is the same in both languages: ISO dates
    ("2024-03", "2024", "2024-03-12"), numbers as digits, month windows "10/11", words as stored; of a person as he is
    `called`, with his post, the post.
    """

    slot: str
    kind: Kind
    text: str
    canonical: str
    facts: tuple[str, ...]
    sources: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Group:
    """A fact group (rag.company.GROUPS) whose slots are all filled."""

    id: str
    values: tuple[Value, ...]


@dataclass(frozen=True, slots=True)
class Notice:
    """What the rep must know before he calls; holds no personal data."""

    kind: NoticeKind
    text: Bilingual
    sources: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Purchase:
    """What was bought of one category in the last three years; `quantity` in `unit`, `last` the day of the newest."""

    category: str
    years: tuple[int, ...]
    quantity: int
    unit: str
    last: date
    facts: tuple[str, ...]


def value(slot: str, kind: Kind, text: str, canonical: str, facts: Sequence[Fact]) -> Value:
    """A value with the facts that support it, and their sources, each once and in order."""
    ids = tuple(dict.fromkeys(fact.id for fact in facts))
    return Value(slot, kind, text, canonical, ids, tuple(dict.fromkeys(fact.source for fact in facts)))


def say_window(first: int, last: int, language: Language) -> str:
    """10月至11月 / October to November."""
    names = [f"{month}月" if language == "zh" else say_month_name(month) for month in dict.fromkeys((first, last))]
    return ("至" if language == "zh" else " to ").join(names)


def say_quantity(count: int, unit: str, company: Company, language: Language) -> str:
    """2台 / 2 units; one of them 1台 / 1 unit."""
    if language == "zh":
        return f"{count}{unit}"
    word = company.translate(unit or "", language) or "units"
    return f"{count} {word.removesuffix('s') if count == 1 else word}"


def as_mapping(facts: Sequence[Fact]) -> Mapping[str, Fact]:
    """By id."""
    return {fact.id: fact for fact in facts}
