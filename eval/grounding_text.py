"""
V2, textual: a sentence against the text of the sources that it cites. It sees texts and never a fact.

Across languages only values and names can be told; what else an English sentence says of a Chinese text is not judged.
"""

import math
import re
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from typing import Literal

from eval.grounding_mentions import Mention, mentions, same_days, same_number, same_unit
from eval.grounding_names import Name, Named, names
from eval.grounding_words import (
    COMPARISON,
    CUSTOMER,
    EVENTS,
    NEED,
    NEGATION,
    OFFER,
    PLAN,
    QUESTION,
    VOICED,
    Topics,
    clauses,
    cues,
    demands,
    hedged,
)

Outcome = Literal["supported", "contradicted", "absent", "no_claim"]
Third = Callable[[Sequence[tuple[str, str]]], Sequence[float]]  # (text, sentence) pairs → how far the text entails it
LEAST_THIRD = 0.5
LEAST_CONTAINED = 0.12  # of the weight of a statement's own words; less is about something else
LEAST_NEED = 0.34  # of the words of a need, in what the customer himself said
_TURN = re.compile(r"[^。；;!?！？\n.]+(?:[.](?=\S)[^。；;!?！？\n.]*)*[。；;!?！？\n.]?")
_LABEL = re.compile(r"(?m)^[^：:\n。，]{1,30}[：:]\s?\S")
_HAN = re.compile(r"[\u4e00-\u9fff]+")
_LATIN = re.compile(r"[A-Za-z][A-Za-z'-]{2,}")
_EMPTY = frozenset(
    "the and for are was were has have had its this that with from you your our they their which who will would can could may been being not into per also "
    "about there here what when where how does did let get got see all any some than then just very much many more most such out over".split()  # noqa: SIM905
)
_STOCK = frozenset(
    "我们 您好 贵院 贵科 目前 了解 根据 记录 显示 资料 看到 这边 一下 可以 已经 是否 方便 关于 就是 一共 其中 进行 以及 我这 这里 院在 您的 您在 您们 院的 院从".split()
)  # noqa: SIM905
_NOT_NEED = re.compile(
    r"如(?:果|有)?[^，。]{0,6}(?:需要|希望|担心|关注)|(?:我|我们|我这边)(?:也|很|都|还)?(?:希望|需要|想|关注|担心)|希望(?:能|可以|有机会|和|跟|与|向|为|给|下|占用|没有|对|帮|了解|听|约|我们)"
    r"|不(?:知|知道)[^，。]*|感谢[^，。]*(?:信任|关注|支持)|(?:if|whether|should) [^,.]*(?:need|want|concern|worr|hop)\w*|(?:we|i)(?: would| do)? (?:hope|need|want|care|'d like)\w*|no need|need(?:s)? (?:to be )?(?:installed|signed)|thank\w* [^,.]*|满意度",
    re.IGNORECASE,
)
_PAIRED = frozenset({"date", "money", "quantity"})
_TALK = re.compile(r"我|咱|请|(?<![A-Za-z])(?:i|we|our|us|let|please|thank\w*)(?![A-Za-z])", re.IGNORECASE)
_ABOUT_THEM = re.compile(
    r"贵院|贵科|贵司|医院|科室|院方|院里|你们|(?<![A-Za-z])(?:your|hospital|customer|clinic|ward|department)(?![A-Za-z])",
    re.I,
)
_IF = re.compile(r"如果|若(?!干)|假如|要是|万一|(?<![A-Za-z])(?:if|whether|unless)(?![A-Za-z])", re.IGNORECASE)
_ENDS = re.compile(r"到期|届满|过期|为止|有效|expir|valid|end", re.IGNORECASE)
_STRICT = frozenset({"install", "deliver", "accept", "warranty", "maintain", "tender", "calibrate", "lease", "donate", "retire", "pay", "training", "discount", "budget"})  # fmt: skip
_PLAIN = re.compile(
    r"more than (?:\d|one|two)|less than \d|no (?:more|less|later|fewer) than|rather than|other than|最近|最后|最新|更换|更新",
    re.I,
)


@dataclass(frozen=True, slots=True)
class TextClaim:
    """A value, name or statement of the sentence and what the cited texts say of it."""

    text: str
    kind: str
    outcome: Outcome
    why: str = ""


@dataclass(frozen=True, slots=True)
class TextJudgement:
    """`outcome` is the worst of the claims; `contained` the share of the sentence's own words that the texts have."""

    outcome: Outcome
    claims: tuple[TextClaim, ...]
    contained: float

    @property
    def flagged(self) -> bool:
        """Whether it may not stand."""
        return self.outcome in ("contradicted", "absent")


@dataclass(frozen=True, slots=True)
class _Unit:
    """A sentence or line of a text; `values` stand in it."""

    text: str
    values: tuple[Mention, ...]
    words: tuple[tuple[int, int, str], ...]
    record: tuple[Mention, ...] = ()  # the values of the whole row, where the text is one


class _Cited:
    """The cited texts, cut and read once."""

    def __init__(self, texts: tuple[str, ...]) -> None:
        self.text = "\n".join(texts)
        self.units = [unit for text in texts for unit in _units(text)]
        self.values = [(value, unit) for unit in self.units for value in unit.values]
        self.topics = frozenset(word[2] for unit in self.units for word in unit.words)
        self.named = Named(texts)
        self.han = len(_HAN.findall(self.text)) > 0
        self.spoken = [unit for unit in self.units if VOICED.search(unit.text)]
        self.grams = Counter(gram for unit in self.units for gram in set(grams(unit.text)))
        self.sums = _sums(texts)
        self.parts = [
            (frozenset(grams(NEGATION.sub("", part))), NEGATION.search(part) is not None, part)
            for unit in self.units
            for part in (unit.text[a:b] for a, b in clauses(unit.text))
        ]


_cited = lru_cache(maxsize=2_000)(_Cited)


def judge_text(
    sentence: str,
    texts: Sequence[str],
    *,
    third: Third | None = None,
    own: Collection[str] = (),
    voiced: bool | None = None,
) -> TextJudgement:
    """
    What the cited `texts` say of `sentence`; without any text every claim is absent.

    `own`: the caller's name and company. `third`: another checker, asked only where everything else is supported.
    `voiced`: whether a dated source of the customer's own words is among the texts; None: told from the texts.
    """
    for text in sorted(own, key=len, reverse=True):
        sentence = sentence.replace(text, "\x00" * len(text)) if text else sentence
    cited = _cited(tuple(text for text in texts if text.strip()))
    same = not cited.units or (_HAN.search(sentence) is not None) == cited.han
    claims = [*_value_claims(sentence, cited), *_name_claims(sentence, cited)]
    share = contained(sentence, cited.grams, len(cited.units)) if same else 1.0
    if not QUESTION.search(sentence) and not _IF.search(sentence):
        claims += _needs(sentence, cited, same=same, voiced=voiced)
        if same and cited.units:
            claims += [*_guards(sentence, cited), *_foreign(sentence, share)]
    outcome = _worst(claims)
    if third is not None and outcome in ("supported", "no_claim") and cited.text:
        score = max(third([(text, sentence) for text in texts]), default=0.0)
        if score < LEAST_THIRD:
            claims.append(TextClaim(sentence, "third", "absent", "the third checker does not agree"))
            outcome = "absent"
    return TextJudgement(outcome, tuple(claims), round(share, 3))


def _worst(claims: Sequence[TextClaim]) -> Outcome:
    outcomes = {claim.outcome for claim in claims}
    order: tuple[Outcome, ...] = ("contradicted", "absent", "supported")
    return next((outcome for outcome in order if outcome in outcomes), "no_claim")


def grams(text: str) -> list[str]:
    """Pairs of Chinese characters and stems of English words, without stock phrases."""
    found = [run[at : at + 2] for run in _HAN.findall(text) for at in range(len(run) - 1)]
    found = [gram for gram in found if gram not in _STOCK]
    return found + [
        re.sub(r"(?:ies|es|s|ing|ed|ly|e)$", "", word.lower())
        for word in _LATIN.findall(text)
        if word.lower() not in _EMPTY
    ]


def contained(sentence: str, known: Counter[str], units: int) -> float:
    """The share of the sentence's own words that the texts have, rare ones weighing more (IDF over the texts' units)."""
    own = set(grams(sentence))
    if not own:
        return 1.0
    weights = {gram: math.log((2 + units) / (1 + known[gram])) for gram in own}
    return sum(weight for gram, weight in weights.items() if known[gram]) / sum(weights.values())


@lru_cache(maxsize=5_000)
def _units(text: str) -> tuple[_Unit, ...]:
    values = mentions(text)
    words = cues(text)
    found: list[_Unit] = []
    for match in _TURN.finditer(text):
        start, end = match.span()
        inside = tuple(value for value in values if start <= value.start < end)
        near = tuple((a - start, b - start, topic) for a, b, topic in words if start <= a < end)
        moved = tuple(_moved(value, start) for value in inside)
        found.append(_Unit(match.group(), moved, near, values if len(_LABEL.findall(text)) > 1 else moved))
    return tuple(found)


def _moved(value: Mention, by: int) -> Mention:
    from dataclasses import replace

    return replace(value, start=value.start - by, end=value.end - by)


def _value_claims(sentence: str, cited: _Cited) -> Iterator[TextClaim]:
    found = [value for value in mentions(sentence) if not value.loose]
    if not found:
        return
    words, parts = cues(sentence), clauses(sentence)
    for value in found:
        states = [(v, unit) for v, unit in cited.values if _same(v, value, unit, cited)]
        kind = value.kind
        if not states:
            if _summed(value, cited) or _window(value, cited):
                yield TextClaim(value.text, kind, "supported")
                continue
            rival = any(v.kind == kind for v, _ in cited.values)
            yield TextClaim(value.text, kind, "contradicted" if rival else "absent", "not in the cited text")
            continue
        clause = next(((a, b) for a, b in parts if a <= value.start < b), (0, len(sentence)))
        topics = nearest(value, [word for word in words if clause[0] <= word[0] < clause[1]], sentence)
        if kind == "code" and not re.search(r"\d{5}", value.canonical):
            topics = frozenset()  # a model says no relation
        if why := _elsewhere(topics, states, cited, kind) or _turned(value, states):
            yield TextClaim(value.text, kind, "contradicted", why)
        elif why := _mispaired(value, _around(value, found, parts), states, cited):
            yield TextClaim(value.text, kind, "contradicted", why)
        elif not hedged(sentence[clause[0] : clause[1]]) and all(_planned(v, unit) for v, unit in states):
            yield TextClaim(value.text, kind, "contradicted", "the text only plans or expects it")
        else:
            yield TextClaim(value.text, kind, "supported")


def _around(value: Mention, found: Sequence[Mention], parts: Sequence[tuple[int, int]]) -> list[Mention]:
    """The other values of the clause, and of those before it up to the one with a day, when it has none of its own."""
    start, end = next(((a, b) for a, b in parts if a <= value.start < b), (0, 0))
    days = [v for v in found if v.kind == "date"]
    if not any(start <= v.start < end for v in days):
        start = max((a for a, b in parts for v in days if a <= v.start < b and b <= value.start), default=0)
    return [v for v in found if v is not value and start <= v.start < end]


def nearest(value: Mention, words: Sequence[tuple[int, int, str]], text: str) -> Topics:
    """The topic of the word nearest to a value, with those that touch it; nothing when there is none."""
    if not words:
        return frozenset()
    ascii_text = _HAN.search(text) is None

    def distance(word: tuple[int, int, str]) -> float:
        gap = value.start - word[1] if word[1] <= value.start else word[0] - value.end
        return gap + (6 if ascii_text and word[0] >= value.end and gap > 4 else 0)

    pick = min(words, key=distance)
    return frozenset({pick[2], *(w[2] for w in words if w[1] == pick[0] or w[0] == pick[1])})


def _same(stated: Mention, said: Mention, unit: _Unit, cited: _Cited) -> bool:
    if said.kind == "date":
        if stated.kind != "date" or stated.first is None or stated.last is None:
            return False
        if stated.yearless and not said.yearless:
            year = str(said.first.year) if said.first else ""
            return same_days((stated.first, stated.last), said, yearless=True) and year in cited.text
        return same_days((stated.first, stated.last), said)
    if not said.numeric:
        return stated.kind == said.kind and stated.canonical == said.canonical
    if not stated.numeric:
        return False
    if stated.kind == said.kind:
        return same_number(stated, said) and same_unit(stated.unit, said.unit)
    if stated.kind == "number":
        return _bare(stated, said, unit)
    return said.kind == "number" and same_number(stated, said)


def _bare(stated: Mention, said: Mention, unit: _Unit) -> bool:
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


def _summed(value: Mention, cited: _Cited) -> bool:
    return value.kind in ("quantity", "number") and value.low in cited.sums


def _window(value: Mention, cited: _Cited) -> bool:
    if value.kind != "window":
        return False
    said = {Decimal(month) for month in value.canonical.split("/")}
    return said <= {v.low for v, unit in cited.values if v.kind == "number" and "月" in unit.text} or said <= {
        Decimal(v.first.month) for v, _ in cited.values if v.kind == "date" and v.first
    }


def _elsewhere(topics: Topics, states: Sequence[tuple[Mention, _Unit]], cited: _Cited, kind: str) -> str:
    """Why the words beside a value do not fit those beside it in the text; "" when they do."""
    if not topics:
        return ""
    around = [nearest(v, [w for w in unit.words if not _cut(unit.text, w, v)], unit.text) for v, unit in states]
    if all(around) and not any(topics & each for each in around):
        everywhere = frozenset(word[2] for _, unit in states for word in unit.words)
        if not topics & (cited.topics if kind == "quantity" else everywhere):
            return "the text states it of another relation"
    if topics & _STRICT and not topics & cited.topics:
        return "the text does not speak of this relation"
    return ""


def _cut(text: str, word: tuple[int, int, str], value: Mention) -> bool:
    between = text[word[1] : value.start] if word[1] <= value.start else text[value.end : word[0]]
    return re.search(r"[，,；;。\n]", between) is not None


def _turned(value: Mention, states: Sequence[tuple[Mention, _Unit]]) -> str:
    """A start that the text gives as an end, or the reverse."""
    if value.kind == "date" and value.edge and all(v.edge and v.edge != value.edge for v, _ in states):
        return "a start is an end in the text"
    return ""


def _mispaired(
    value: Mention, beside: Sequence[Mention], states: Sequence[tuple[Mention, _Unit]], cited: _Cited
) -> str:
    """Where the text has this value it has another day, amount or count beside it than the sentence."""
    for other in beside:
        if other.kind == value.kind or not {other.kind, value.kind} <= _PAIRED:
            continue
        units = [unit for _, unit in states]
        if any(_same(v, other, unit, cited) for unit in units for v in unit.record):
            continue
        if all(
            any(v.kind == other.kind and (v.kind != "date" or not v.yearless) for v in unit.record) for unit in units
        ):
            return f"the text has another {other.kind} beside it"
    return ""


def _planned(value: Mention, unit: _Unit) -> bool:
    part = next((unit.text[a:b] for a, b in clauses(unit.text) if a <= value.start < b), unit.text)
    return hedged(part) and not _ENDS.search(part)


def _name_claims(sentence: str, cited: _Cited) -> Iterator[TextClaim]:
    found = names(sentence)
    people = [name for name in found if name.kind == "person"]
    for name in found:
        if name.kind in ("department", "title") and not _judged(name, people, found, cited):
            continue
        kind = "title" if name.kind == "title" else "organisation" if name.kind == "organisation" else "name"
        if not cited.text or not cited.named.holds(name):
            yield TextClaim(name.text, kind, "absent", "not in the cited text")
        elif name.kind == "title" and (person := _other_holder(name, people, sentence, cited)):
            yield TextClaim(name.text, kind, "contradicted", f"the text gives it to another than {person}")
        else:
            yield TextClaim(name.text, kind, "supported")


def _judged(name: Name, people: Sequence[Name], found: Sequence[Name], cited: _Cited) -> bool:
    if name.kind == "department":
        return cited.named.departments and not any(o.kind == "title" and o.start <= name.start < o.end for o in found)
    if name.text.isascii() == cited.han and not cited.named.has_titles(ascii_only=name.text.isascii()):
        return False  # an English title of a Chinese text cannot be told
    if name.department or (name.text.isascii() and " " in name.rank):
        return True
    return any(max(p.start, name.start) - min(p.end, name.end) <= 8 for p in people)


def _other_holder(title: Name, people: Sequence[Name], sentence: str, cited: _Cited) -> str:
    for person in people:
        between = sentence[min(person.end, title.end) : max(person.start, title.start)]
        if re.search(r"[。；;，,]", between) and not re.fullmatch(r"\s?[，,]\s?(?:the |a |our )?", between):
            continue
        held = [unit for unit in cited.units if person.text in unit.text]
        theirs = [Named([unit.text]) for unit in held]
        with_titles = [named for named in theirs if named.titles]
        if with_titles and not any(named.same_titles(title) for named in with_titles):
            return person.text
    return ""


def _needs(sentence: str, cited: _Cited, *, same: bool, voiced: bool | None) -> Iterator[TextClaim]:
    """A need, worry or motive of the customer stands only where the customer himself said it."""
    for start, end in clauses(sentence):
        clause = sentence[start:end]
        needs, plans = NEED.search(clause), PLAN.search(clause)
        if not (needs or plans) or _NOT_NEED.search(clause) or not CUSTOMER.search(sentence):
            continue
        said = cited.spoken if voiced is None or voiced else []
        if voiced and not said:
            said = cited.units
        if not needs:  # a plan may stand in any text that calls it one
            said = [unit for unit in cited.units if hedged(unit.text)]
        wanted = set(grams(clause)) | (set(grams(sentence)) if len(grams(clause)) < 4 else set[str]())
        held = {gram for unit in said for gram in grams(unit.text)}
        share = len(wanted & held) / len(wanted) if wanted else 1.0
        if not said or (same and share < LEAST_NEED):
            yield TextClaim(clause.strip(), "need", "absent", "no words of the customer say so")
        else:
            yield TextClaim(clause.strip(), "need", "supported")


def _guards(sentence: str, cited: _Cited) -> Iterator[TextClaim]:
    if COMPARISON.search(_PLAIN.sub("", sentence)) and not COMPARISON.search(_PLAIN.sub("", cited.text)):
        yield TextClaim(sentence, "comparison", "absent", "the text compares nothing")
    if demands(sentence) and not demands(cited.text):
        yield TextClaim(sentence, "modality", "absent", "the text demands nothing")
    for start, end in clauses(sentence):
        clause = sentence[start:end]
        told = [clause[a:b] for a, b, topic in cues(clause) if topic in EVENTS and topic not in cited.topics]
        if told and not OFFER.search(clause):
            yield TextClaim(told[0], "relation", "absent", "the text does not speak of it")
        if why := _denied(clause, cited):
            yield TextClaim(clause.strip(), "negation", "contradicted", why)


def _denied(clause: str, cited: _Cited) -> str:
    """Why a denial, or its absence, is not that of the nearest clause of the text; "" when it is."""
    own = frozenset(grams(NEGATION.sub("", clause)))
    if len(own) < 2:
        return ""
    denies = NEGATION.search(clause) is not None
    alike = max((len(own & part) / len(own) for part, negated, _ in cited.parts if negated == denies), default=0.0)
    unlike = max((len(own & part) / len(own) for part, negated, _ in cited.parts if negated != denies), default=0.0)
    if unlike >= 0.5 and unlike > alike + 0.1:
        return "the text affirms it" if denies else "the text denies it"
    if denies and {w[2] for w in cues(clause)} and not any(negated for _, negated, _ in cited.parts):
        return "the text denies nothing"
    return ""


def _foreign(sentence: str, share: float) -> Iterator[TextClaim]:
    if _TALK.search(sentence) or not _ABOUT_THEM.search(sentence) or mentions(sentence) or len(grams(sentence)) < 5:
        return
    if share < LEAST_CONTAINED:
        yield TextClaim(sentence, "words", "absent", "the text is about something else")
