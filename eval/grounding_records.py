"""Facts that describe one event or thing; whether a sentence speaks of another one than that of a fact. Part of V1."""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache

from eval.grounding_concepts import products
from eval.grounding_mentions import Mention, mentions, same_days, same_number, same_unit
from eval.grounding_posts import holders, is_person
from eval.grounding_statements import Known, Statement, known_of
from eval.grounding_words import topics_of

_HAN_RUN = re.compile(r"[\u4e00-\u9fff]+")
_LATIN = re.compile(r"[A-Za-z][A-Za-z']{2,}|[A-Za-z]*\d[A-Za-z0-9]+|[A-Za-z]+\d")
_CODE = re.compile(r"(?=[A-Za-z0-9-]*\d)(?=[A-Za-z0-9-]*[A-Za-z])[A-Za-z0-9]+(?:-[A-Za-z0-9]+)*|\d{4,}")
_COMMON = frozenset(
    [
        "医疗",
        "器械",
        "设备",
        "有限",
        "限公",
        "公司",
        "医院",
        "科技",
        "人民",
        "民医",
        "中心",
        "心医",
        "材料",
        "医用",
        "疗器",
        "疗设",
        "备有",
        "械有",
        "技有",
        "疗科",
        "主任",
        "科主",
        "科长",
        "medical",
        "devices",
        "device",
        "hospital",
        "centre",
        "center",
        "equipment",
        "department",
        "health",
        "clinic",
        "supplies",
        "group",
        "company",
        "ltd",
        "care",
        "systems",
        "system",
        "trading",
        "services",
        "instruments",
        "the",
        "and",
        "for",
        "with",
        "from",
        "healthcare",
        "general",
        "tender",
        "order",
        "contract",
        "ticket",
        "director",
        "manager",
        "head",
        "unit",
        "units",
        "machine",
        "machines",
        "scanner",
        "scanners",
        "analyser",
        "analysers",
        "workstation",
        "workstations",
        "pump",
        "pumps",
        "monitor",
        "monitors",
    ]
)
_HOUSE = re.compile(
    "[\u4e00-\u9fff](?:公司|医疗|器械|科技|生物|诊断|医贸|贸易|材料|集团|基金会|代理|进出口|设计院|研究所|耗材"
    "|药业|内镜|洗消|物流|供应链|实业)$"
)
_SUBJECT, _FROM, _PRODUCT = "@subject", "@from", "@product"


@dataclass(frozen=True, slots=True)
class Trait:
    """What sets one record apart: a word, a value or a day of it, under the name of its field."""

    field: str
    text: str
    values: tuple[Mention, ...] = ()
    span: tuple[date, date | None] | None = None


class Records:
    """The facts of a line, grouped by what they describe."""

    def __init__(self, facts: tuple[Statement, ...]) -> None:
        self.known = [known_of(fact) for fact in facts]
        self._at = {fact: at for at, fact in reversed(list(enumerate(facts)))}
        self._keys = [_keys(fact) for fact in facts]
        self._repeated = Counter((fact.subject, fact.relation) for fact in facts)
        self.traits = [_unique(trait for index in self._beside(at) for trait in _traits(facts[index], index == at))
                       for at in range(len(self.known))]  # fmt: skip
        self.others: dict[str, dict[str, Trait]] = defaultdict(dict)
        for traits in self.traits:
            for trait in traits:
                self.others[trait.field][trait.text] = trait
        self.marks = {field: _marks(list(each)) for field, each in self.others.items()}

    def _beside(self, at: int) -> list[int]:
        """The facts of the same record, itself first."""
        own = self.known[at].fact
        keys, repeated = self._keys[at], self._repeated
        linked = {own.value} if len(own.value) > 3 else set[str]()
        found = [at]
        for index, known in enumerate(self.known):
            fact = known.fact
            if index == at or (fact.relation == own.relation and fact.id != own.id):
                continue
            same = not keys.isdisjoint(self._keys[index]) and (
                fact.id == own.id or repeated[fact.subject, fact.relation] == 1 or fact.valid_from == own.valid_from
            )
            if same or fact.subject in linked or (fact.value == own.subject and len(own.subject) > 3):
                found.append(index)
        for index in list(found):  # what is told of a code that the record names
            value = self.known[index].fact.value
            found += [
                i for i, k in enumerate(self.known) if k.fact.subject == value and len(value) > 3 and i not in found
            ]
            if self.known[index].fact.value == own.subject and index != at:
                found += [
                    i for i, k in enumerate(self.known) if k.fact.id == self.known[index].fact.id and i not in found
                ]
        return found

    def index_of(self, known: Known) -> int:
        return self._at[known.fact]

    def elsewhere(
        self, known: Known, text: str, beside: Sequence[Mention], *, day: bool = False, naming: str = ""
    ) -> str:
        """
        The field by which `text` speaks of another record than that of a fact; "" when it does not.

        `day`: what is asked about is a day of the fact, so that its own value counts too. `naming`: a part of the text;
        only what names a thing, and is not named in that part, counts.
        """
        for trait in self.traits[self.index_of(known)]:
            others = self.others[trait.field]
            if (
                len(others) < 2
                or (trait.field == field_of(known.fact) and not day)
                or (day and trait.field.startswith(_FROM))
            ):
                continue
            if naming and (not trait.field.startswith(_SUBJECT) or self._names_any(trait.field, naming)):
                continue
            own = known.fact.value if trait.field.startswith(_SUBJECT) else ""
            said = [o for o in others.values() if o.text != own and self._said(o, text, beside)]
            if said and not any(other.text == trait.text or _overlap(other, trait) for other in said):
                mine = [t for t in self.traits[self.index_of(known)] if t.field == trait.field]
                if not any(t.text == other.text for t in mine for other in said):
                    return trait.field
        return ""

    def _names_any(self, field: str, text: str) -> bool:
        return any(self._said(trait, text, ()) for trait in self.others[field].values())

    def here(self, known: Known, text: str, beside: Sequence[Mention]) -> bool:
        """Whether `text` itself says something of the record of a fact, beyond whose it is."""
        traits = self.traits[self.index_of(known)]
        rivals = [
            self.traits[at]
            for at, each in enumerate(self.known)
            if each.fact.relation == known.fact.relation and each.fact != known.fact
        ]
        told = [t for t in traits if not t.field.startswith(_SUBJECT)]
        told = [t for t in told if not rivals or any(t not in each for each in rivals)]
        return any(self._said(trait, text, beside) for trait in told)

    def at(self, known: Known, text: str) -> int:
        """Where `text` names the value of a fact."""
        fact = known.fact
        if fact.value in text:
            return text.index(fact.value)
        marks = self.marks.get(field_of(fact), {}).get(fact.value, frozenset[str]())
        found = sorted((mark for mark in marks if mark in text.lower()), key=len)
        return text.lower().find(found[-1]) if found else 0

    def names(self, known: Known, text: str) -> bool:
        """Whether `text` names the value of a fact: in whole, or by a part that no other one has."""
        fact = known.fact
        marks = self.marks.get(field_of(fact), {}).get(fact.value, frozenset[str]())
        return _names(fact.value, marks, text)

    def _said(self, trait: Trait, text: str, beside: Sequence[Mention]) -> bool:
        if trait.field == _PRODUCT:
            return trait.text in {name for _, _, name in products(text)}
        if trait.span is not None:
            first, last = trait.span
            days = [
                m for m in beside if m.kind == "date" and (not m.loose or m.canonical in ("year", "month", "quarter"))
            ]
            return any(
                same_days((first, first), m)
                or (
                    last is not None
                    and (
                        ((m.first == m.last or m.edge == "to") and same_days((last, last), m))
                        or _within(m, first, last)
                    )
                )
                for m in days
            )
        if trait.values:
            return any(_same(stated, m) for stated in trait.values for m in beside)
        return _names(trait.text, self.marks[trait.field].get(trait.text, frozenset()), text)


@lru_cache(maxsize=20_000)
def is_text(fact: Statement) -> bool:
    """Whether a fact's value is words, no figure and no day."""
    return not any(m.kind not in ("code", "person") for m in mentions(fact.value))


records_of = lru_cache(maxsize=2_000)(Records)


@lru_cache(maxsize=20_000)
def _keys(fact: Statement) -> set[tuple[str, ...]]:
    """What facts of one record share."""
    if "." in fact.relation:
        return {("object", fact.id)}
    keys = set[tuple[str, ...]]()
    if _CODE.search(fact.subject) or ":" in fact.subject or products(fact.subject):
        keys.add(("subject", fact.subject))
    if about := tuple(sorted({name for _, _, name in products(fact.relation)})):
        return keys | {("product", fact.subject, *about)}
    if fact.valid_from:
        keys.add(("day", fact.subject, fact.valid_from.isoformat()))
    return keys


@lru_cache(maxsize=20_000)
def field_of(fact: Statement) -> str:
    """The name of a field, one for 合同金额 and purchase_amount; parts of an object keep theirs."""
    topics = topics_of(fact.relation)
    if "." in fact.relation or not topics or "post" in topics:
        return fact.relation
    kinds = {m.kind for m in known_of(fact).values if m.kind not in ("code", "person")}
    kind = "text" if is_text(fact) else "count" if kinds & {"quantity", "number"} else min(kinds, default="text")
    return f"{'+'.join(sorted(topics))}:{kind}"


@lru_cache(maxsize=20_000)
def _traits(fact: Statement, own: bool) -> tuple[Trait, ...]:
    return tuple(_traits_of(known_of(fact), own))


def _traits_of(known: Known, own: bool) -> Iterable[Trait]:
    fact = known.fact
    yield Trait(f"{_SUBJECT} {field_of(fact)}", fact.subject)
    for _, _, name in products(fact.relation) or (products(fact.value) if not own else ()):
        yield Trait(_PRODUCT, name)
    if own and is_text(fact) and 1 < len(fact.value) <= 40:
        yield Trait(field_of(fact), fact.value)
    if own and fact.valid_from:
        yield Trait(f"{_FROM} {field_of(fact)}", fact.valid_from.isoformat(), (), (fact.valid_from, fact.valid_to))
    if not own:
        days = [m for m in known.values if m.kind == "date" and m.first and not m.yearless]
        if days and days[0].first:
            yield Trait(field_of(fact), fact.value, (), (days[0].first, None))
        elif any(m.numeric for m in known.values) and len(fact.value) < 12:
            yield Trait(field_of(fact), fact.value, known.values)
        elif 1 < len(fact.value) <= 40 and is_text(fact):
            yield Trait(field_of(fact), fact.value)


def _unique(traits: Iterable[Trait]) -> tuple[Trait, ...]:
    return tuple(dict.fromkeys(traits))


def _overlap(one: Trait, other: Trait) -> bool:
    if one.field.startswith(_SUBJECT):
        return one.text in other.text or other.text in one.text
    return False


def _within(said: Mention, first: date, last: date) -> bool:
    if said.first is None or said.last is None:
        return False
    if said.yearless:
        return False
    return said.first < last and first <= said.last


def _same(stated: Mention, said: Mention) -> bool:
    if stated.kind == "date" or said.kind == "date":
        return False
    if not stated.numeric or not said.numeric:
        return stated.kind == said.kind and stated.canonical == said.canonical
    return (
        same_number(stated, said)
        and same_unit(stated.unit, said.unit)
        and (stated.kind == said.kind or "number" in (stated.kind, said.kind))
    )


def _marks(texts: Sequence[str]) -> Mapping[str, frozenset[str]]:
    """Of each text the pieces that no other one has."""
    pieces = {text: _pieces(text) for text in texts}
    counted = Counter(piece for each in pieces.values() for piece in each)
    return {text: frozenset(p for p in each if counted[p] == 1 and p not in _COMMON) for text, each in pieces.items()}


@lru_cache(maxsize=20_000)
def _pieces(text: str) -> frozenset[str]:
    found = {run[at : at + 2] for run in _HAN_RUN.findall(text) for at in range(len(run) - 1)}
    return frozenset(
        found | {word.lower() for word in _LATIN.findall(text)} | {code.lower() for code in _CODE.findall(text)}
    )


def _names(name: str, marks: frozenset[str], text: str) -> bool:
    if is_person(name):
        return bool(holders(text, (name,)))
    if name in text:
        return True
    if _HOUSE.search(name):  # 苏曜医疗 is named by what comes first
        return name[:2] in text or bool({m for m in marks if not _HAN_RUN.search(m)} & _pieces(text))
    return bool(marks & _pieces(text))
