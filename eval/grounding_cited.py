"""Cited texts, cut into units and read once: their values, relations, names and words. Part of V2."""

import math
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import cached_property, lru_cache
from typing import Literal

from eval.grounding_concepts import Post
from eval.grounding_mentions import UNMARKED, Mention, mentions, same_days, same_number, same_period, same_unit
from eval.grounding_named import Named
from eval.grounding_names import names
from eval.grounding_posts import holders, is_person, titles
from eval.grounding_words import (
    NEGATION,
    VOICED,
    Topics,
    clauses,
    cues,
)

_TURN = re.compile(r"[^。；;!?！？\n.]+(?:[.](?=\S)[^。；;!?！？\n.]*)*[。；;!?！？\n.]?")
_COMPLETED = re.compile(r"completed|carried out|完工", re.IGNORECASE)  # whatever the job was
_LABEL = re.compile(r"(?m)^[^：:\n。，]{1,30}[：:]\s?\S")
HAN = re.compile(r"[\u4e00-\u9fff]+")
_LATIN = re.compile(r"[A-Za-z][A-Za-z'-]{2,}")
_EMPTY = frozenset(
    re.findall(
        r"\w+",
        "the and for are was were has have had its this that with from you your our they"
        " their which who will would can "
        "could may been being not into per also about there here what when where how does did let get got see all any "
        "some than then just very much many more most such out over",
    )
)
_STOCK = frozenset(
    re.findall(
        r"\w+",
        "我们 您好 贵院 贵科 目前 了解 根据 记录 显示 资料 看到 这边 一下 可以 已经 "
        "是否 方便 关于 就是 一共 其中 进行 以及 我这 这里 院在 您的 您在 您们 院的 "
        "院从 ",
    )
)


Outcome = Literal["supported", "contradicted", "absent", "no_claim"]


@dataclass(frozen=True, slots=True)
class TextClaim:
    """A value, name or statement of the sentence and what the cited texts say of it."""

    text: str
    kind: str
    outcome: Outcome
    why: str = ""
    unstated: bool = False  # no text says it, which is less than that one says otherwise


@dataclass(frozen=True, slots=True)
class Unit:
    """A sentence or line of a text; `values` stand in it."""

    text: str
    values: tuple[Mention, ...]
    words: tuple[tuple[int, int, str], ...]
    record: tuple[Mention, ...] = ()  # the values of the whole row, where the text is one


class Cited:
    """The cited texts, cut and read once."""

    def __init__(self, texts: tuple[str, ...]) -> None:
        self.text = "\n".join(texts)
        self.units = [unit for text in texts for unit in _units(text)]
        self.values = [(value, unit) for unit in self.units for value in unit.values]
        self.topics = frozenset(word[2] for unit in self.units for word in unit.words)
        if _COMPLETED.search(self.text):
            self.topics |= {"install", "calibrate", "accept"}
        self.named = Named(texts)
        self.han = len(HAN.findall(self.text)) > 0
        self.grams = Counter(gram for unit in self.units for gram in set(grams(unit.text)))
        self.texts = texts
        self.parts = [
            (frozenset(grams(NEGATION.sub("", part))), NEGATION.search(part) is not None, part)
            for unit in self.units
            for part in (unit.text[a:b] for a, b in clauses(unit.text))
        ]

    @cached_property
    def people(self) -> tuple[str, ...]:
        """The people whom the texts name in full."""
        found = [name.text for text in self.texts for name in names(text) if name.kind == "person" and name.sure]
        return tuple(dict.fromkeys(name for name in found if is_person(name)))

    def posts(self, more: tuple[str, ...]) -> list[tuple[str, Post]]:
        """Who holds which post by the texts, of those named and of `more`."""
        everyone = tuple(dict.fromkeys((*self.people, *more)))
        return [
            (holder.name, title.post)
            for unit in self.units
            for title in titles(unit.text, holders(unit.text, everyone))
            for holder in title.holders
        ]

    @cached_property
    def spoken(self) -> list[Unit]:
        """The units in which somebody of the customer's side speaks."""
        return [unit for unit in self.units if VOICED.search(unit.text)]

    @cached_property
    def sums(self) -> frozenset[Decimal]:
        """The totals of the columns of the cited rows."""
        return _sums(self.texts)


cited_texts = lru_cache(maxsize=2_000)(Cited)


def grams(text: str) -> list[str]:
    """Pairs of Chinese characters and stems of English words, without stock phrases."""
    found = [run[at : at + 2] for run in HAN.findall(text) for at in range(len(run) - 1)]
    found = [gram for gram in found if gram not in _STOCK]
    return found + [
        re.sub(r"(?:ies|es|s|ing|ed|ly|e)$", "", word.lower())
        for word in _LATIN.findall(text)
        if word.lower() not in _EMPTY
    ]


def contained(sentence: str, known: Counter[str], units: int) -> float:
    """The share of the sentence's own words that the texts have, rare ones weighing more"
    " (IDF over the texts' units)."""
    own = set(grams(sentence))
    if not own:
        return 1.0
    weights = {gram: math.log((2 + units) / (1 + known[gram])) for gram in own}
    return sum(weight for gram, weight in weights.items() if known[gram]) / sum(weights.values())


@lru_cache(maxsize=5_000)
def _units(text: str) -> tuple[Unit, ...]:
    values = mentions(text)
    words = cues(text)
    found: list[Unit] = []
    for match in _TURN.finditer(text):
        start, end = match.span()
        inside = tuple(value for value in values if start <= value.start < end)
        near = tuple((a - start, b - start, topic) for a, b, topic in words if start <= a < end)
        moved = tuple(_moved(value, start) for value in inside)
        found.append(Unit(match.group(), moved, near, values if len(_LABEL.findall(text)) > 1 else moved))
    return tuple(found)


def _moved(value: Mention, by: int) -> Mention:
    return replace(value, start=value.start - by, end=value.end - by)


def nearest(value: Mention, words: Sequence[tuple[int, int, str]], text: str) -> Topics:
    """The topic of the word nearest to a value, with those that touch it; nothing when there is none."""
    if not words:
        return frozenset()
    ascii_text = HAN.search(text) is None

    def distance(word: tuple[int, int, str]) -> float:
        gap = value.start - word[1] if word[1] <= value.start else word[0] - value.end
        return gap + (6 if ascii_text and word[0] >= value.end and gap > 4 else 0)

    pick = min(words, key=distance)
    return frozenset({pick[2], *(w[2] for w in words if w[1] == pick[0] or w[0] == pick[1])})


def same_value(stated: Mention, said: Mention, unit: Unit, cited: Cited) -> bool:
    """Whether a text states a value as it was said; a bare number counts by the label of its line."""
    if said.kind == "date":
        if stated.kind != "date" or stated.first is None or stated.last is None:
            return False
        if stated.yearless and not said.yearless:
            year = str(said.first.year) if said.first else ""
            return same_days((stated.first, stated.last), said, yearless=True) and year in cited.text
        return same_days((stated.first, stated.last), said)
    if not said.numeric:
        if stated.kind != said.kind:
            return False
        return stated.canonical == said.canonical or stated.canonical.endswith("-" + said.canonical)
    if not stated.numeric:
        return False
    if same_period(stated, said):
        return True
    if stated.kind == said.kind:
        return same_number(stated, said) and same_unit(stated.unit, said.unit)
    if said.kind == "money" and stated.kind == "quantity" and UNMARKED.fullmatch(said.text):
        return same_number(stated, said)
    if stated.kind == "number":
        return _bare(stated, said, unit)
    return said.kind == "number" and same_number(stated, said)


def holds_code(text: str, code: str) -> bool:
    """Whether a model or number stands in a text, whole or as its last part: G0731 of ZJQL-2024-G0731."""
    return re.search(rf"(?<![A-Za-z0-9]){re.escape(code)}(?![A-Za-z0-9-])", text, re.IGNORECASE) is not None


def _bare(stated: Mention, said: Mention, unit: Unit) -> bool:
    """A number in a labelled cell: 质保期（月）：36, 合同额（万元）：34.56, 数量：2."""
    factor = Decimal(1)
    if said.kind == "period":
        months = re.search(r"月|month", unit.text, re.I) and said.unit == "m"
        years = re.search(r"年|year", unit.text, re.I) and said.unit == "m"
        days = re.search(r"天|日|day", unit.text, re.I) and said.unit == "d"
        hours = re.search(r"时|hour", unit.text, re.I) and said.unit == "h"
        if not (months or years or days or hours):
            return False
        factor = Decimal(1) if months or days or hours else Decimal(12)
    if said.kind == "money":
        factor = Decimal(10_000) if "万" in unit.text else Decimal(10**8) if "亿" in unit.text else Decimal(1)
    if said.kind == "percent":
        return False
    low = stated.low * factor
    scaled = Mention(said.kind, "", 0, 0, "", low, low)
    return same_number(scaled, said)


def _sums(texts: Sequence[str]) -> frozenset[Decimal]:
    """The sum of each numeric column over the cited rows: three rows of 2, 1 and 1 state a quantity of 4."""
    totals: dict[str, Decimal] = {}
    for text in texts:
        for label, content in re.findall(r"(?m)^([^：:\n]{1,20})[：:]\s*(\d+(?:\.\d+)?)\s*$", text):
            totals[label] = totals.get(label, Decimal(0)) + Decimal(content)
    return frozenset(totals.values())
