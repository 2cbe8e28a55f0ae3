"""Facts of any relation, read into values and days, and which of them state a value as it was said."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from functools import lru_cache
from typing import Literal

from eval.grounding_mentions import (
    UNMARKED,
    Mention,
    mentions,
    same_days,
    same_number,
    same_period,
    same_unit,
)
from eval.grounding_words import (
    LASTING,
    WEAK,
    Topics,
    cues,
    topics_of,
)

Outcome = Literal["supported", "contradicted", "absent", "no_claim"]
_KINDS = (  # what a bare number is, by the name of its relation
    ("percent", "", re.compile(r"percent|rate\b|ratio|share|比例|率$|占比", re.I)),
    ("period", "m", re.compile(r"months?\b|月数|个月|（月）|\(月\)", re.I)),
    ("period", "d", re.compile(r"days?\b|天数|（天）", re.I)),
    ("period", "h", re.compile(r"hours?\b|小时", re.I)),
    ("period", "n", re.compile(r"minutes?\b|\bmin\b|分钟", re.I)),
    ("period", "y", re.compile(r"years\b|年限|年数|（年）", re.I)),
    (
        "money",
        "CNY",
        re.compile(
            r"amount|price|cost|value\b|total|fee|budget(?! year)|sum\b|cny|rmb|金额|价|款|费|总额"
            r"|合同额|预算(?!年)|元",
            re.I,
        ),
    ),
    (
        "quantity",
        "",
        re.compile(
            r"quantit|count|number of|qty|boxes|box (?:ordered|delivered)|carton|pallets?|units?\b|beds?\b|数量"
            r"|台数|套数|采购量|数$|个数",
            re.I,
        ),
    ),
)
_IN_FACT_SCALE = (
    (re.compile(r"万元|wan\b|10k", re.I), Decimal(10_000)),
    (re.compile(r"亿"), Decimal(10**8)),
    (re.compile(r"thousand|千元", re.I), Decimal(1000)),
    (re.compile(r"million|百万", re.I), Decimal(10**6)),
)
_COUNTED = re.compile(
    r"(?<![a-z])(box|carton|pallet|bag|kit|case|bottle|pack|vial|roll|reel)(?:e?s)?(?= (?:in|ordered|delivered"
    r"|on|stock|bought|received|remaining|left)|$)",
    re.IGNORECASE,
)
MADE = "×"  # the text of an amount that was reckoned
_BARE = re.compile(r"\s*\d[\d,]*(?:\.\d+)?\s*")
_DURING = re.compile(r"时任|期间|当时|在任|(?<![A-Za-z])(?:during|at the time|as of|as at)(?![A-Za-z])", re.I)


@dataclass(frozen=True, slots=True)
class Statement:
    """A fact as a stranger would write it: any relation, any value; `valid_to` is the first day it no longer holds."""

    id: str
    subject: str
    relation: str
    value: str
    valid_from: date | None = None
    valid_to: date | None = None


@dataclass(frozen=True, slots=True)
class Claim:
    """A value, name or denial of the sentence, what the facts say of it, and the facts that do."""

    text: str
    kind: str
    outcome: Outcome
    facts: tuple[str, ...]
    why: str = ""
    unstated: bool = False  # no fact says it, which is less than that one says otherwise


@dataclass(frozen=True, slots=True)
class Judgement:
    """`outcome` is the worst of the claims."""

    outcome: Outcome
    claims: tuple[Claim, ...]

    @property
    def flagged(self) -> bool:
        """Whether it may not stand."""
        return self.outcome in ("contradicted", "absent")


@dataclass(frozen=True, slots=True)
class Known:
    fact: Statement
    topics: Topics
    values: tuple[Mention, ...]
    days: tuple[tuple[date, date], ...]
    starts: tuple[tuple[date, date], ...]
    ends: tuple[tuple[date, date], ...]


@lru_cache(maxsize=20_000)
def known_of(fact: Statement) -> Known:
    """What a fact states, in the form in which sentences are read."""
    topics = topics_of(fact.relation) or topics_of(fact.subject.partition(":")[0] if ":" in fact.subject else "")
    if len(fact.value) > 4 and topics:
        topics |= {topic for a, b, topic in cues(fact.value) if not WEAK.fullmatch(fact.value[a:b])}
    found = list(mentions(fact.value))
    if _BARE.fullmatch(fact.value):
        found = _bare(fact)
    elif window := _window(fact):
        found.append(window)
    if re.search(r"\d", fact.relation):
        found += mentions(f"{fact.relation.replace('_', ' ')} ")
    found += [
        m for m in mentions(fact.subject) if "[" in fact.subject or m.kind == "code" if m.kind in ("code", "person")
    ]
    dated = [(m.first, m.last) for m in found if m.kind == "date" and m.first and m.last and not m.yearless]
    starts, ends = list[tuple[date, date]](), list[tuple[date, date]]()
    if fact.valid_from:
        starts.append((fact.valid_from, fact.valid_from))
    if fact.valid_to:
        ends += [(day, day) for day in (fact.valid_to, fact.valid_to - timedelta(days=1))]
    for m in found:
        if m.kind == "date" and m.first and m.last and not m.yearless:
            (ends if m.edge == "to" else starts).append((m.first, m.last))
            if not m.edge:
                ends.append((m.first, m.last))
    return Known(fact, topics, tuple(found), (*dated, *starts, *ends), tuple(starts), tuple(ends))


def products_of(known: Sequence[Known]) -> list[Mention]:
    """What a unit price times the count of the same record makes."""
    prices = [(k, m) for k in known if "each" in k.topics for m in k.values if m.kind == "money"]
    counts = [(k, m) for k in known for m in k.values if m.kind == "quantity" and m.low > 1]
    return [
        Mention("money", MADE, 0, 0, "", a.low * b.low, a.low * b.low, Decimal(0), a.unit)
        for k, a in prices
        for o, b in counts
        if o.fact.id == k.fact.id or (o.fact.subject == k.fact.subject and o.fact.valid_from == k.fact.valid_from)
    ]


def _bare(fact: Statement) -> list[Mention]:
    """A number without a unit is what its relation is about; a year also is one."""
    number = Decimal(fact.value.strip().replace(",", ""))
    relation = fact.relation.replace("_", " ")
    found: list[Mention] = []
    if re.fullmatch(r"(?:19|20)\d{2}", fact.value.strip()):
        found += mentions(fact.value.strip() + "年")
    kind, unit = next(((kind, unit) for kind, unit, words in _KINDS if words.search(relation)), ("number", ""))
    if kind == "money":
        number *= next((factor for words, factor in _IN_FACT_SCALE if words.search(relation)), Decimal(1))
        named = (c for c in ("USD", "EUR", "JPY", "HKD", "GBP", "CNY", "RMB") if c in relation.upper())
        unit = next(named, _home(fact)).replace("RMB", "CNY")
    if kind == "quantity" and (counted := _COUNTED.search(relation)):
        unit = counted[1].lower()
    if unit == "y":
        number, unit = number * 12, "m"
    found.append(Mention(kind, fact.value, 0, len(fact.value), "", number, number, Decimal(0), unit))
    return found


def _home(fact: Statement) -> str:
    """The currency of an amount that names none: yuan in a Chinese fact, else unknown."""
    return "CNY" if re.search(r"[\u4e00-\u9fff]", fact.subject + fact.relation) else ""


def _window(fact: Statement) -> Mention | None:
    match = re.search(r"(?<!\d)(1[0-2]|0?[1-9])\s?(?:[-–~/]|至|到|to)\s?(1[0-2]|0?[1-9])(?!\d)\s?月?", fact.value)
    if match is None or not re.search(r"window|month|月|窗口", fact.relation + fact.value, re.I):
        return None
    return Mention("window", match.group(), 0, 0, f"{int(match[1])}/{int(match[2])}")


def states(known: Known, value: Mention, as_of: date, sentence: str = "") -> bool:
    """Whether a fact states this value, whatever it says of it."""
    if value.kind == "date":
        return dated(known, value, sentence)
    if value.kind == "window":
        months = [int(month) for month in value.canonical.split("/")]
        starts, ends = {d[0].month for d in known.starts}, {d[0].month for d in known.ends}
        spelled = any(m.kind == "window" and m.canonical == value.canonical for m in known.values)
        return spelled or (months[0] in starts and months[1] in ends)
    if not value.numeric:
        return any(m.kind == value.kind and m.canonical == value.canonical for m in known.values) or (
            value.kind == "code" and holds_code(known.fact, value.canonical)
        )
    percents = value.kind == "number" and re.search(r"%|per ?cent", sentence) is not None
    return any(_number(m, value) or (percents and m.kind == "percent" and same_number(m, value)) for m in known.values)


def holds_code(fact: Statement, code: str) -> bool:
    """Whether a model or number stands in a fact, whole."""
    text = f"{fact.subject} {fact.value} {fact.relation}".upper()
    at = text.find(code)
    while at >= 0:
        before, after = text[at - 1 : at], text[at + len(code) : at + len(code) + 1]
        if not _in_code(before) and not _in_code(after) and after != "-":
            return True
        at = text.find(code, at + 1)
    return False


def _in_code(sign: str) -> bool:
    return sign.isascii() and sign.isalnum()


def is_number_of(fact: Statement, code: str) -> bool:
    """Whether a fact gives this registration or tender number."""
    numbered = bool(topics_of(fact.relation) & {"certificate", "tender"}) or re.search(r"\d{5}", code) is not None
    return numbered and re.sub(r"\s", "", fact.value).upper() == code


def _number(stated: Mention, said: Mention) -> bool:
    if same_period(stated, said):
        return True
    if not stated.numeric or not same_number(stated, said):
        return False
    if said.kind == "money" and stated.kind in ("quantity", "number") and UNMARKED.fullmatch(said.text):
        return True  # 3万 of 3万人份
    if stated.kind == said.kind:
        return same_unit(stated.unit, said.unit)
    return "number" in (stated.kind, said.kind) and {stated.kind, said.kind} != {"number", "percent"}


def dated(known: Known, value: Mention, sentence: str) -> bool:
    """Whether a fact states this day: as its start, its end, or in its value."""
    if value.first is None:
        return False
    days = known.starts if value.edge == "from" else known.ends if value.edge == "to" else known.days
    if any(same_days(day, value) for day in days):
        return True
    if any(
        m.kind == "date" and m.yearless and m.first and m.last and same_days((m.first, m.last), value, yearless=True)
        for m in known.values
    ):
        return True
    start, end = known.fact.valid_from, known.fact.valid_to
    return bool(
        start
        and value.last
        and _DURING.search(sentence)
        and start <= value.last
        and (value.first < end if end else known.topics & LASTING)
    )


def ids_of(known: Sequence[Known]) -> tuple[str, ...]:
    """Each once, in order."""
    return tuple(dict.fromkeys(k.fact.id for k in known))
