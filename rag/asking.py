"""A question in plain Chinese or English → whom and what it is about. It only chooses what is looked up."""

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Literal

import yaml
from pydantic import BaseModel, ConfigDict
from sqlalchemy import Connection, func, literal, select

from governance.errors import Language
from rag.company import PACKS, Bilingual
from rag.entity_names import plain
from rag.identity import canonical
from rag.tables import entity_names, facts
from rag.tokens import HAN, language_of_question

LONGEST = 600  # characters of a question that are understood; what follows is not read
_LATIN = "0-9a-z"
_GENERIC = re.compile(
    r"哪|什么|多少|几[家个]|这|那|各|每|其他|我们|所有|全部|买|卖|的|有|给|和|在"
)  # 哪些医院 is nobody's name
_YEAR = re.compile(r"(?<!\d)(20\d\d)(?!\d)")


class Aspect(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    id: str
    about: Literal["customer", "product", "everybody"]
    names: Bilingual
    zh: list[str]
    en: list[str]


class _Aspects(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    version: str
    aspects: list[Aspect]


@dataclass(frozen=True, slots=True)
class Mention:
    """An entity that the question names, and where."""

    entity: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Asked:
    """
    `names`: the entities as written. `strangers`: what looks like a customer's name and is none.
    `unclear`: names that fit several entities, with these.
    """

    text: str
    language: Language
    customers: tuple[str, ...]
    products: tuple[str, ...]
    categories: tuple[str, ...]
    aspects: tuple[Aspect, ...]
    years: tuple[int, ...]
    names: tuple[str, ...]
    strangers: tuple[str, ...]
    unclear: tuple[tuple[str, tuple[str, ...]], ...]


@cache
def aspects() -> tuple[Aspect, ...]:
    """packs/questions.yaml."""
    content = yaml.load((PACKS / "questions.yaml").read_text(encoding="utf-8"), Loader=yaml.CSafeLoader)
    return tuple(_Aspects.model_validate(content).aspects)


def understand(tx: Connection, question: str, called: Sequence[str] = ()) -> Asked:
    """
    Whom and what the question names; a name within a longer name that is also known counts for nothing.

    `called`: what a customer is called in this trade (医院), by which names that nobody bears are noticed.
    """
    text = readable(question)
    folded = text.casefold()
    found, unclear, places = _entities(tx, folded)
    named = tuple(dict.fromkeys(mention.entity for mention in found))
    language = language_of_question(text)
    return Asked(
        text,
        language,
        tuple(each for each in named if each.startswith("customer:")),
        tuple(each for each in named if each.startswith("product:")),
        _categories(tx, folded),
        tuple(aspect for aspect in aspects() if _asks(aspect, folded, language)),
        tuple(dict.fromkeys(int(year) for year in _YEAR.findall(text))),
        tuple(folded[mention.start : mention.end] for mention in found),
        _strangers(folded, [*((m.start, m.end) for m in found), *places], called),
        unclear,
    )


def readable(question: str) -> str:
    """Half-width, without control characters, at most LONGEST characters."""
    text = unicodedata.normalize("NFKC", question)
    return re.sub(r"\s+", " ", "".join(" " if unicodedata.category(c)[0] == "C" else c for c in text)).strip()[:LONGEST]


def _asks(aspect: Aspect, folded: str, language: Language) -> bool:
    if language == "zh":
        return any(word in folded for word in aspect.zh)
    return any(re.search(rf"\b{re.escape(word)}\b", folded) for word in aspect.en)


def _strangers(folded: str, known: Sequence[tuple[int, int]], called: Sequence[str]) -> tuple[str, ...]:
    chinese = [word for word in called if HAN.search(word)]
    if not chinese:
        return ()
    pattern = re.compile(rf"[\u4e00-\u9fff]{{2,12}}(?:{'|'.join(map(re.escape, chinese))})")
    found = (match for match in pattern.finditer(folded) if not _GENERIC.search(match.group()))
    return tuple(
        match.group() for match in found if not any(start < match.end() and match.start() < end for start, end in known)
    )


def _entities(
    tx: Connection, folded: str
) -> tuple[list[Mention], tuple[tuple[str, tuple[str, ...]], ...], list[tuple[int, int]]]:
    """One pass over the index of names; the index holds a few names an entity."""
    squeezed = plain(folded)
    query = select(entity_names.c.plain, entity_names.c.entity).where(
        literal(squeezed).contains(entity_names.c.plain), func.length(entity_names.c.plain) >= 2
    )
    by_place: dict[tuple[int, int], set[str]] = {}
    for name, entity in tx.execute(query.distinct()):
        for start, end in _places(folded, name):
            by_place.setdefault((start, end), set()).add(entity)
    kept = [place for place in by_place if not any(_within(place, other) for other in by_place)]
    own = canonical(tx, {entity for place in kept for entity in by_place[place]})
    found: list[Mention] = []
    unclear: list[tuple[str, tuple[str, ...]]] = []
    for start, end in sorted(kept):
        entities = sorted({own[entity] for entity in by_place[start, end]})
        if len(entities) == 1:
            found.append(Mention(entities[0], start, end))
        else:
            unclear.append((folded[start:end], tuple(entities)))
    return found, tuple(unclear), kept


def _places(folded: str, name: str) -> Iterable[tuple[int, int]]:
    """Where the name stands, spaces inside it allowed, Latin letters and digits only as whole words."""
    if len(name) > LONGEST or (not HAN.search(name) and len(name) < 3):
        return
    before = rf"(?<![{_LATIN}-])" if re.match(f"[{_LATIN}]", name) else ""
    after = rf"(?![{_LATIN}]|-[{_LATIN}])" if re.search(f"[{_LATIN}]$", name) else ""
    body = r"\s*".join(map(re.escape, name))
    yield from (match.span() for match in re.finditer(before + body + after, folded))


def _within(place: tuple[int, int], other: tuple[int, int]) -> bool:
    return place != other and other[0] <= place[0] and place[1] <= other[1]


def _categories(tx: Connection, folded: str) -> tuple[str, ...]:
    """Product categories of which the question says at least three characters, such as 监护仪 of 病人监护仪."""
    query = select(facts.c.value).where(facts.c.relation == "category").distinct().order_by(facts.c.value)
    return tuple(category for category in tx.scalars(query) if _shares(category.casefold(), folded))


def _shares(category: str, folded: str, least: int = 3) -> bool:
    return any(category[at : at + least] in folded for at in range(max(1, len(category) - least + 1)))


def mentioned(asked: Asked) -> Sequence[str]:
    """All entities."""
    return (*asked.customers, *asked.products)
