"""The values of a sentence against the cited texts. Part of V2."""

import re
from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from decimal import Decimal
from itertools import pairwise

from eval.grounding_cited import HAN, Cited, TextClaim, Unit, holds_code, nearest, same_value
from eval.grounding_concepts import products
from eval.grounding_derived import APART, ends, follows, passes, spans
from eval.grounding_mentions import Mention, mentions
from eval.grounding_words import DONE, MODAL, OF_THE, PART_OF, STRICT, WEAK, Topics, clauses, cues, hedged, meets

SOFT_UNITS = frozenset("次批位项家种类款张单期笔个份")
_PAIRED = frozenset({"date", "money", "quantity"})
_ENDS = re.compile(r"到期|届满|过期|为止|有效|expir|valid|end", re.IGNORECASE)
_FIELD = re.compile(r"[|｜/；;]|(?<=[\u4e00-\u9fff0-9]) (?=[\u4e00-\u9fff])")
_HOURS = re.compile(r"hour|minute|second|小时|分钟|秒|\d ?[hs]\b", re.IGNORECASE)


def value_claims(sentence: str, cited: Cited, as_of: date | None) -> Iterator[TextClaim]:
    found = [value for value in mentions(sentence, as_of) if not value.loose]
    if not found:
        return
    words, parts = cues(sentence), clauses(sentence)
    for value in found:
        states = [(v, unit) for v, unit in cited.values if same_value(v, value, unit, cited)]
        kind = value.kind
        if not states:
            yield _unstated(value, sentence, cited, as_of)
            continue
        start, end = next(((a, b) for a, b in parts if a <= value.start < b), (0, len(sentence)))
        clause = sentence[start:end]
        topics = nearest(value, [word for word in words if start <= word[0] < end], sentence)
        if (kind == "code" and not re.search(r"\d{5}", value.canonical)) or (
            PART_OF.match(sentence[value.end :]) or OF_THE.search(sentence[: value.start])
        ):
            topics = frozenset()  # a model says no relation
        strong = any(t in topics and not WEAK.fullmatch(clause[a:b]) for a, b, t in cues(clause))
        beside = [v for v in found if v is not value and start <= v.start < end]
        if why := (
            (not MODAL.search(clause) and _elsewhere(value, topics, states, cited, strong=strong))
            or _turned(value, states)
            or _of_another(value, clause, sentence, found, states, cited)
            or _mispaired(value, beside, states, cited)
        ):
            yield TextClaim(value.text, kind, "contradicted", why)
        elif (
            kind != "code"
            and DONE.search(clause)
            and not hedged(clause)
            and all(_planned(v, unit) for v, unit in states)
        ):
            yield TextClaim(value.text, kind, "contradicted", "the text only plans or expects it")
        else:
            yield TextClaim(value.text, kind, "supported")


def _unstated(value: Mention, sentence: str, cited: Cited, as_of: date | None) -> TextClaim:
    """What the texts do not state may follow from what they state."""
    kind = value.kind
    stated = [v for v, _ in cited.values]
    if _summed(value, cited) or _window(value, cited) or (value.numeric and follows(value, stated, sentence)):
        return TextClaim(value.text, kind, "supported", "follows from the text")
    days = [v.first for v in stated if v.kind == "date" and v.first and v.first == v.last and not v.yearless]
    if spans(value, days, [*days, *(day + timedelta(days=1) for day in days)]) or ends(value, days, stated, sentence):
        return TextClaim(value.text, kind, "supported", "follows from days of the text")
    if passes(value, days, mentions(sentence, as_of), as_of, sentence) or (
        kind == "period" and value.unit == "d" and APART.search(sentence) and _apart(value, stated)
    ):
        return TextClaim(value.text, kind, "supported", "the time from a day of the text")
    rival = any(v.kind == kind for v in stated)
    soft = value.kind == "quantity" and value.unit in SOFT_UNITS and not any(v.unit == value.unit for v in stated)
    if soft or (kind == "period" and value.unit in "ns" and not _HOURS.search(cited.text)):
        return TextClaim(value.text, kind, "no_claim")
    return TextClaim(value.text, kind, "contradicted" if rival else "absent", "not in the cited text", unstated=True)


def _apart(value: Mention, stated: Sequence[Mention]) -> bool:
    days = [v.first for v in stated if v.kind == "date" and v.first and v.first == v.last]
    return any(abs((a - b).days) == value.low for a in days for b in days)


def _summed(value: Mention, cited: Cited) -> bool:
    return value.kind in ("quantity", "number") and value.low in cited.sums


def _window(value: Mention, cited: Cited) -> bool:
    if value.kind != "window":
        return False
    said = {Decimal(month) for month in value.canonical.split("/")}
    return said <= {v.low for v, unit in cited.values if v.kind == "number" and "月" in unit.text} or said <= {
        Decimal(v.first.month) for v, _ in cited.values if v.kind == "date" and v.first
    }


def _elsewhere(
    value: Mention, topics: Topics, states: Sequence[tuple[Mention, Unit]], cited: Cited, *, strong: bool
) -> str:
    """Why the words beside a value do not fit those beside it in the text; "" when they do."""
    if not topics:
        return ""
    around = [_near(v, unit) for v, unit in states]
    if strong and topics & STRICT and not topics & cited.topics:
        return "the text does not speak of this relation"
    if not all(around) or any(meets(topics, each) for each in around):
        return ""
    rivals = [
        v
        for v, unit in cited.values
        if v.kind == value.kind and not same_value(v, value, unit, cited) and topics & _near(v, unit)
    ]
    return "the text states it of another relation" if rivals else ""


def _near(value: Mention, unit: Unit) -> Topics:
    """The topic beside a value; a day may open the sentence: 2024年3月12日，…采购."""
    beside = [w for w in unit.words if not _cut(unit.text, w, value)]
    return nearest(value, beside or (unit.words if value.kind == "date" else ()), unit.text)


def _cut(text: str, word: tuple[int, int, str], value: Mention) -> bool:
    between = text[word[1] : value.start] if word[1] <= value.start else text[value.end : word[0]]
    return re.search(r"[，,；;。|｜\n]", between) is not None


def _turned(value: Mention, states: Sequence[tuple[Mention, Unit]]) -> str:
    """A start that the text gives as an end, or the reverse."""
    if value.kind == "date" and value.edge and all(v.edge and v.edge != value.edge for v, _ in states):
        return "a start is an end in the text"
    return ""


def _of_another(
    value: Mention,
    clause: str,
    sentence: str,
    found: Sequence[Mention],
    states: Sequence[tuple[Mention, Unit]],
    cited: Cited,
) -> str:
    """The texts that state a value are about another product or number than the one said beside it."""
    said = {name for _, _, name in products(clause)}
    told = {name for text in cited.texts for _, _, name in products(text)}
    about = [{name for _, _, name in products(text)} for text in _texts_of(states, cited)]
    if said & told and all(about) and not any(said & each for each in about):
        return "the text states it of another product"
    codes = [v for v in found if v.kind == "code" and v.text in clause]
    if value.kind == "code" or len(cited.texts) < 2 or not codes:
        return ""
    stating = _texts_of(states, cited)
    holding = [text for text in cited.texts if any(holds_code(text, code.canonical) for code in codes)]
    rivals = [v for v, unit in cited.values if v.kind == "code" and any(unit.text in text for text in stating)]
    shapes = {_shape(code.canonical) for code in codes}
    if holding and not any(text in holding for text in stating) and any(_shape(v.canonical) in shapes for v in rivals):
        return "the text states it of another number"
    return ""


def _shape(code: str) -> str:
    """The letters of a code and how many digits it has: ZB-2025-518 is like ZB-2025-655."""
    return re.sub(r"\d", "0", code)


def _texts_of(states: Sequence[tuple[Mention, Unit]], cited: Cited) -> list[str]:
    return [text for text in cited.texts if any(unit.text in text for _, unit in states)]


def _mispaired(value: Mention, beside: Sequence[Mention], states: Sequence[tuple[Mention, Unit]], cited: Cited) -> str:
    """A text of one record that has this value has another day, amount or count beside it than the sentence."""
    kinds = [value.kind, *(other.kind for other in beside)]
    for other in beside:
        if max(kinds.count(value.kind), kinds.count(other.kind)) > 1:
            continue  # two amounts, two days: which belongs to which is not told by a clause
        if other.kind == value.kind or not {other.kind, value.kind} <= _PAIRED or other.loose:
            continue
        holding = [text for text in cited.texts if any(unit.text in text for v, unit in cited.values
                   if same_value(v, other, unit, cited))]  # fmt: skip
        if holding and not any(text in holding for text in _texts_of(states, cited)):
            return f"the text has another {other.kind} beside it"
    return ""


def _planned(value: Mention, unit: Unit) -> bool:
    start, end = next(((a, b) for a, b in clauses(unit.text) if a <= value.start < b), (0, len(unit.text)))
    reach = 30 if HAN.search(unit.text) else 60
    first, last = max(start, value.start - reach), min(end, value.end + reach // 4)
    cuts = [first, *(m.end() for m in _FIELD.finditer(unit.text) if first < m.end() <= last), last]
    part = next((unit.text[a:b] for a, b in pairwise(cuts) if a <= value.start < b), value.text)
    return hedged(part) and not _ENDS.search(part)
