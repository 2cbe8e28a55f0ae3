"""
V2, textual: a sentence against the text of the sources that it cites. It sees texts and never a fact.

Across languages only values and names can be told; what else an English sentence says of a Chinese text is not judged.
"""

import re
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

from eval.grounding_cited import HAN, Cited, Unit, cited_texts, contained, grams, nearest, same_value
from eval.grounding_mentions import Mention, mentions
from eval.grounding_names import Name, Named, names, whom
from eval.grounding_words import (
    COMPARISON,
    CUSTOMER,
    EVENTS,
    NEED,
    NEGATION,
    OFFER,
    PLAN,
    QUESTION,
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
_NOT_NEED = re.compile(
    r"如(?:果|有)?[^，。]{0,6}(?:需要|希望|担心|关注)|(?:我|我们|我这边)(?:也|很|都"
    r"|还)?(?:希望|需要|想|关注|担心)|希望(?:能|可以|有机会|和|跟|与|向|为|给|下|占用|没有"
    r"|对|帮|了解|听|约|我们)"
    r"|不(?:知|知道)[^，。]*|感谢[^，。]*(?:信任|关注|支持)|(?:if|whether"
    r"|should) [^,.]*(?:need|want|concern|worr|hop)\w*|(?:we|i)(?: would| do)? (?:hope"
    r"|need|want|care|'d like)\w*|no need|need(?:s)? (?:to be )?(?:installed|signed)"
    r"|thank\w* [^,.]*|满意度",
    re.IGNORECASE,
)
_PAIRED = frozenset({"date", "money", "quantity"})
LEAST_ALIKE = 0.5  # of the words of a clause, in the clause of the text that it is held against
_TALK = re.compile(r"我|咱|请|(?<![A-Za-z])(?:i|we|our|us|let|please|thank\w*)(?![A-Za-z])", re.IGNORECASE)
_ABOUT_THEM = re.compile(
    r"贵院|贵科|贵司|医院|科室|院方|院里|你们|(?<![A-Za-z])(?:your|hospital|customer"
    r"|clinic|ward|department)(?![A-Za-z])",
    re.I,
)
_IF = re.compile(
    r"如果|若(?!干)|假如|(?<![主需])要是|万一|(?<![A-Za-z])(?:if|whether|unless)(?![A-Za-z])", re.IGNORECASE
)
_ENDS = re.compile(r"到期|届满|过期|为止|有效|expir|valid|end", re.IGNORECASE)
_STRICT = EVENTS | frozenset({"accept", "warranty", "maintain", "tender", "pay", "training", "discount", "budget"})
_PLAIN = re.compile(
    r"more than (?:\d|one|two)|less than \d|no (?:more|less|later|fewer) than|rather than"
    r"|other than|最近|最后|最新|更换|更新",
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
    cited = cited_texts(tuple(text for text in texts if text.strip()))
    same = not cited.units or (HAN.search(sentence) is not None) == cited.han
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
    if "contradicted" in outcomes:
        return "contradicted"
    return "absent" if "absent" in outcomes else "supported" if "supported" in outcomes else "no_claim"


def _value_claims(sentence: str, cited: Cited) -> Iterator[TextClaim]:
    found = [value for value in mentions(sentence) if not value.loose]
    if not found:
        return
    words, parts = cues(sentence), clauses(sentence)
    for value in found:
        states = [(v, unit) for v, unit in cited.values if same_value(v, value, unit, cited)]
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
        if (why := _elsewhere(topics, states, cited, kind) or _turned(value, states)) or (
            why := _mispaired(value, _around(value, found, parts), states, cited)
        ):
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


def _summed(value: Mention, cited: Cited) -> bool:
    return value.kind in ("quantity", "number") and value.low in cited.sums


def _window(value: Mention, cited: Cited) -> bool:
    if value.kind != "window":
        return False
    said = {Decimal(month) for month in value.canonical.split("/")}
    return said <= {v.low for v, unit in cited.values if v.kind == "number" and "月" in unit.text} or said <= {
        Decimal(v.first.month) for v, _ in cited.values if v.kind == "date" and v.first
    }


def _elsewhere(topics: Topics, states: Sequence[tuple[Mention, Unit]], cited: Cited, kind: str) -> str:
    """Why the words beside a value do not fit those beside it in the text; "" when they do."""
    if not topics:
        return ""
    around = [_near(v, unit) for v, unit in states]
    if all(around) and not any(topics & each for each in around):
        everywhere = frozenset(word[2] for _, unit in states for word in unit.words)
        if not topics & (cited.topics if kind == "quantity" else everywhere):
            return "the text states it of another relation"
    if topics & _STRICT and not topics & cited.topics:
        return "the text does not speak of this relation"
    return ""


def _near(value: Mention, unit: Unit) -> Topics:
    """The topic beside a value; a day may open the sentence: 2024年3月12日，…采购."""
    beside = [w for w in unit.words if not _cut(unit.text, w, value)]
    return nearest(value, beside or (unit.words if value.kind == "date" else ()), unit.text)


def _cut(text: str, word: tuple[int, int, str], value: Mention) -> bool:
    between = text[word[1] : value.start] if word[1] <= value.start else text[value.end : word[0]]
    return re.search(r"[，,；;。\n]", between) is not None


def _turned(value: Mention, states: Sequence[tuple[Mention, Unit]]) -> str:
    """A start that the text gives as an end, or the reverse."""
    if value.kind == "date" and value.edge and all(v.edge and v.edge != value.edge for v, _ in states):
        return "a start is an end in the text"
    return ""


def _mispaired(value: Mention, beside: Sequence[Mention], states: Sequence[tuple[Mention, Unit]], cited: Cited) -> str:
    """Where the text has this value it has another day, amount or count beside it than the sentence."""
    for other in beside:
        if other.kind == value.kind or not {other.kind, value.kind} <= _PAIRED:
            continue
        units = [unit for _, unit in states]
        if any(same_value(v, other, unit, cited) for unit in units for v in unit.record):
            continue
        if all(
            any(v.kind == other.kind and (v.kind != "date" or not v.yearless) for v in unit.record) for unit in units
        ):
            return f"the text has another {other.kind} beside it"
    return ""


def _planned(value: Mention, unit: Unit) -> bool:
    part = next((unit.text[a:b] for a, b in clauses(unit.text) if a <= value.start < b), unit.text)
    return hedged(part) and not _ENDS.search(part)


def _name_claims(sentence: str, cited: Cited) -> Iterator[TextClaim]:
    found = names(sentence)
    people, stranger = whom(found, cited.named)
    if stranger is not None:
        yield TextClaim(stranger.text, "name", "absent", "not in the cited text")
    for name in found:
        if name.kind == "person" and name not in people:
            continue
        if name.kind in ("department", "title") and not _judged(name, people, found, cited):
            continue
        kind = "title" if name.kind == "title" else "organisation" if name.kind == "organisation" else "name"
        if not cited.text or not cited.named.holds(name):
            yield TextClaim(name.text, kind, "absent", "not in the cited text")
        elif name.kind == "title" and (person := _other_holder(name, people, sentence, cited)):
            yield TextClaim(name.text, kind, "contradicted", f"the text gives it to another than {person}")
        else:
            yield TextClaim(name.text, kind, "supported")


def _judged(name: Name, people: Sequence[Name], found: Sequence[Name], cited: Cited) -> bool:
    if name.kind == "department":
        return cited.named.departments and not any(o.kind == "title" and o.start <= name.start < o.end for o in found)
    if name.text.isascii() == cited.han and not cited.named.has_titles(ascii_only=name.text.isascii()):
        return False  # an English title of a Chinese text cannot be told
    if name.department or (name.text.isascii() and " " in name.rank):
        return True
    return any(max(p.start, name.start) - min(p.end, name.end) <= 8 for p in people if p.kind == "person")


def _other_holder(title: Name, people: Sequence[Name], sentence: str, cited: Cited) -> str:
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


def _needs(sentence: str, cited: Cited, *, same: bool, voiced: bool | None) -> Iterator[TextClaim]:
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


def _guards(sentence: str, cited: Cited) -> Iterator[TextClaim]:
    if COMPARISON.search(_PLAIN.sub("", sentence)) and not COMPARISON.search(_PLAIN.sub("", cited.text)):
        yield TextClaim(sentence, "comparison", "absent", "the text compares nothing")
    if demands(sentence) and not demands(cited.text):
        yield TextClaim(sentence, "modality", "absent", "the text demands nothing")
    for start, end in clauses(sentence):
        clause = sentence[start:end]
        told = [clause[a:b] for a, b, topic in cues(clause) if topic in EVENTS and topic not in cited.topics]
        if told and not OFFER.search(clause):
            yield TextClaim(told[0], "relation", "absent", "the text does not speak of it")
        why, stated = _denied(clause, cited)
        if why or stated:
            yield TextClaim(clause.strip(), "negation", "contradicted" if why else "supported", why)


def _denied(clause: str, cited: Cited) -> tuple[str, bool]:
    """Why a denial, or the lack of one, is not that of the nearest clause; and whether the text denies it too."""
    own = frozenset(grams(NEGATION.sub("", clause)))
    if len(own) < 2:
        return "", False
    denies = NEGATION.search(clause) is not None
    alike = max((len(own & part) / len(own) for part, negated, _ in cited.parts if negated == denies), default=0.0)
    unlike = max((len(own & part) / len(own) for part, negated, _ in cited.parts if negated != denies), default=0.0)
    if unlike >= LEAST_ALIKE and unlike > alike + 0.1:
        return ("the text affirms it" if denies else "the text denies it"), False
    if denies and cues(clause) and not any(negated for _, negated, _ in cited.parts):
        return "the text denies nothing", False
    return "", denies and alike >= LEAST_ALIKE


def _foreign(sentence: str, share: float) -> Iterator[TextClaim]:
    if _TALK.search(sentence) or not _ABOUT_THEM.search(sentence) or mentions(sentence) or len(grams(sentence)) < 5:
        return
    if share < LEAST_CONTAINED:
        yield TextClaim(sentence, "words", "absent", "the text is about something else")
