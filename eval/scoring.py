"""How good a written section is: values kept, invented or misplaced, must-say, type, stopping, rules, language."""

import math
import re
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from functools import reduce
from typing import Literal

from eval.values import find_values

Language = Literal["zh", "en"]
PLACEHOLDER = re.compile(r"\{([a-z][a-z0-9_]*)\}")
MASK = "□"
_END = re.compile(r"(?<=[。？！?!])\s*|(?<=\.)\s+|\n+")
_NUMBER = re.compile(r"\d+")
ABOUT = 0.8  # of the nearest move's likeness: as near as that
_HAN = re.compile(r"[\u3400-\u9fff]")
_LATIN = re.compile(r"[A-Za-z0-9]+(?:[-'’][A-Za-z0-9]+)*")
_WORD = re.compile(r"[A-Za-z][a-z]+(?:[-'’][A-Za-z]?[a-z]+)*|[a-z]+[-'’][a-z]+")
MUST = "must_"  # placeholders of sentences that must be said begin so; what they hold is no value


@dataclass(frozen=True, slots=True)
class Wording:
    """One approved way of saying a move, with its {placeholders}."""

    section: str
    move: str
    text: str


@dataclass(frozen=True, slots=True)
class Asked:
    """What an answer had to do. `section` is None for a question, where only the values of the answer are right."""

    section: str | None
    expected: frozenset[str]


@dataclass(frozen=True, slots=True)
class Tally:
    """Counts that add up over answers."""

    expected: int = 0
    copied: int = 0
    said: int = 0
    unsupported: int = 0
    must: int = 0
    must_said: int = 0
    answers: int = 0
    stopped: int = 0
    sections: int = 0
    wrong_type: int = 0
    screened: int = 0
    flagged: int = 0
    searched: int = 0
    personal: int = 0
    languages: int = 0
    spoken: int = 0

    def __add__(self, other: "Tally") -> "Tally":
        return Tally(*(getattr(self, each.name) + getattr(other, each.name) for each in fields(Tally)))


@dataclass(frozen=True, slots=True)
class Figures:
    """
    Shares between 0 and 1; `intervals` are 95 % Wilson intervals of the shares; the loss is per token, in nats.

    `compliance_hits` and `personal_data` are shares of the answers that hold some, `language` of those in the language
    asked; what was not looked for is no number. `questions` holds the same for questions about documents, not gated.
    """

    heldout_loss: float
    value_copy: float
    unsupported_values: float
    must_say: float
    stop_rate: float
    wrong_type: float
    answers: int
    intervals: Mapping[str, tuple[float, float]]
    questions: Mapping[str, float] = field(default_factory=dict[str, float])
    compliance_hits: float = math.nan
    personal_data: float = math.nan
    language: float = math.nan
    tokens_per_s: float = math.nan


class Phrasing:
    """The approved wordings of one language, ready for comparison."""

    def __init__(self, wordings: Iterable[Wording]) -> None:
        self._sentences: list[tuple[str, str, Counter[str], float]] = []
        self._slots: dict[tuple[str, str], set[str]] = {}
        self._literals: dict[str, set[str]] = {}
        for wording in wordings:
            key = (wording.section, wording.move)
            self._slots.setdefault(key, set()).update(PLACEHOLDER.findall(wording.text))
            literal = {value.canonical for value in find_values(masked(wording.text))}
            self._literals.setdefault(wording.section, set()).update(literal)
            for sentence in sentences(wording.text):
                grams = ngrams(masked(sentence))
                self._sentences.append((*key, grams, _norm(grams)))

    def carried(self, sentence: str, section: str | None) -> set[str]:
        """
        The placeholders of the move that a sentence says: of the moves about as near as the nearest (masked, the first
        purchase reads like the second) the one that holds most of the sentence's own; the asked section first at a tie.
        """
        grams, own = ngrams(masked(sentence)), set(PLACEHOLDER.findall(sentence))
        norm = _norm(grams)
        likeness: dict[tuple[str, str], float] = {}
        for key_section, move, known, known_norm in self._sentences:
            key = (key_section, move)
            likeness[key] = max(likeness.get(key, 0.0), _cosine(grams, norm, known, known_norm))
        nearest = max(likeness.values(), default=0.0)
        near = [key for key, value in likeness.items() if value >= ABOUT * nearest]
        best = max(near, key=lambda key: (len(own & self._slots[key]), key[0] == section, likeness[key]), default=None)
        return self._slots[best] if best else set()

    def nearest_section(self, text: str, asked: str) -> str:
        """The section whose wordings its sentences resemble most; the asked one at a tie, "" for no text."""
        totals: Counter[str] = Counter()
        for sentence in sentences(text):
            grams = ngrams(masked(sentence))
            norm = _norm(grams)
            best: dict[str, float] = {}
            for section, _, known, known_norm in self._sentences:
                best[section] = max(best.get(section, 0.0), _cosine(grams, norm, known, known_norm))
            for section, likeness in best.items():
                totals[section] += likeness * len(sentence)  # pyright: ignore[reportArgumentType]
        if not totals or max(totals.values()) <= 0:
            return ""
        return max(totals, key=lambda section: (round(totals[section], 6), section == asked))

    def literals(self, section: str | None) -> set[str]:
        """Values that the approved wordings of a section hold as plain text."""
        return self._literals.get(section or "", set())


def score_answer(
    output: str,
    asked: Asked,
    phrasing: Phrasing,
    *,
    stopped: bool,
    flagged: bool | None = None,
    personal: bool | None = None,
    language: Language | None = None,
) -> Tally:
    """
    Count one answer. `flagged`: a rule fired; `personal`: it holds personal data; None: nobody looked.

    Expected values that occur are copied. A value in the output is unsupported when it was not expected, stands in a
    sentence that is nearest to a move that does not carry it, or is plain text where only placeholders were given.
    """
    used = set(PLACEHOLDER.findall(output))
    values = {slot for slot in asked.expected if not slot.startswith(MUST)}
    must = asked.expected - values
    said, unsupported = _values(output, asked, phrasing)
    wrong = asked.section is not None and phrasing.nearest_section(output, asked.section) != asked.section
    return Tally(
        expected=len(values),
        copied=len(values & used),
        said=said,
        unsupported=unsupported,
        must=len(must),
        must_said=len(must & used),
        answers=1,
        stopped=int(stopped),
        sections=int(asked.section is not None),
        wrong_type=int(wrong),
        screened=int(flagged is not None),
        flagged=int(flagged or False),
        searched=int(personal is not None),
        personal=int(personal or False),
        languages=int(language is not None),
        spoken=int(language is not None and speaks(output, language)),
    )


def figures(tallies: Iterable[Tally], *, heldout_loss: float, tokens_per_s: float = math.nan) -> Figures:
    """The shares over all answers; a share of nothing is 1 for what should be there and 0 for what should not."""
    total = reduce(Tally.__add__, tallies, Tally())
    counted = {
        "value_copy": (total.copied, total.expected, 1.0),
        "unsupported_values": (total.unsupported, total.said, 0.0),
        "must_say": (total.must_said, total.must, 1.0),
        "stop_rate": (total.stopped, total.answers, 1.0),
        "wrong_type": (total.wrong_type, total.sections, 0.0),
        "compliance_hits": (total.flagged, total.screened, math.nan),
        "personal_data": (total.personal, total.searched, math.nan),
        "language": (total.spoken, total.languages, math.nan),
    }
    shares = {name: part / whole if whole else empty for name, (part, whole, empty) in counted.items()}
    looked = {name: shares[name] == shares[name] for name in counted}
    intervals = {name: wilson(part, whole) for name, (part, whole, _) in counted.items() if looked[name]}
    return Figures(
        heldout_loss,
        shares["value_copy"],
        shares["unsupported_values"],
        shares["must_say"],
        shares["stop_rate"],
        shares["wrong_type"],
        total.answers,
        intervals,
        compliance_hits=shares["compliance_hits"],
        personal_data=shares["personal_data"],
        language=shares["language"],
        tokens_per_s=tokens_per_s,
    )


def wilson(part: int, whole: int) -> tuple[float, float]:
    """95 % interval of a share; (0, 1) for nothing. Source: Wilson, JASA 22 (1927), 209-212."""
    if not whole:
        return (0.0, 1.0)
    z, share = 1.959964, part / whole
    middle = share + z * z / (2 * whole)
    spread = z * math.sqrt(share * (1 - share) / whole + z * z / (4 * whole * whole))
    scale = 1 + z * z / whole
    return (max(0.0, (middle - spread) / scale), min(1.0, (middle + spread) / scale))


def speaks(text: str, language: Language) -> bool:
    """
    Whether every sentence that can be told is in `language`; one of placeholders, numbers and codes alone cannot.

    A Chinese word is counted as two characters; Latin words with a digit or a capital inside (CY-90, cTnI, XP) are
    codes and belong to no language.
    """
    for sentence in sentences(PLACEHOLDER.sub(" ", text)):
        han = len(_HAN.findall(sentence)) / 2
        latin = sum(_WORD.fullmatch(word) is not None for word in _LATIN.findall(sentence))
        if han != latin and (han > latin) != (language == "zh"):
            return False
    return True


def sentences(text: str) -> list[str]:
    """Cut after a full stop, question or exclamation mark, and at line ends."""
    return [part.strip() for part in _END.split(text) if part and part.strip()]


def masked(text: str) -> str:
    """The text with one sign for every placeholder."""
    return PLACEHOLDER.sub(MASK, text)


def ngrams(text: str) -> Counter[str]:
    """Counts of the character 2- and 3-grams."""
    plain = f" {text.lower()} "
    return Counter(plain[at : at + size] for size in (2, 3) for at in range(len(plain) - size + 1))


def _values(output: str, asked: Asked, phrasing: Phrasing) -> tuple[int, int]:
    """How many values the output holds, and how many of them are not supported."""
    said = unsupported = 0
    approved = phrasing.literals(asked.section)
    for sentence in sentences(output):
        slots = PLACEHOLDER.findall(sentence)
        carried = phrasing.carried(sentence, asked.section) if asked.section is not None and slots else set[str]()
        carried = carried | _renumbered(carried, slots)
        for slot in slots:
            misplaced = asked.section is not None and not slot.startswith(MUST) and slot not in carried
            said += 1
            unsupported += slot not in asked.expected or misplaced
        plain = [value for value in find_values(masked(sentence)) if value.canonical not in approved]
        said += len(plain)
        unsupported += len(plain)
    return said, unsupported


def _renumbered(carried: Collection[str], slots: Collection[str]) -> set[str]:
    """
    What the move of a numbered record carries, under the number that the sentence uses throughout.

    The second purchase may be told in the words approved for the third (buy3_year says buy2_year as well): the relation
    is the same. A sentence that mixes numbers gets nothing.
    """
    numbers = {number for slot in slots for number in _NUMBER.findall(slot)}
    if len(numbers) != 1:
        return set()
    (number,) = numbers
    return {_NUMBER.sub(number, slot) for slot in carried}


def _norm(grams: Counter[str]) -> float:
    return math.sqrt(sum(count * count for count in grams.values()))


def _cosine(left: Counter[str], left_norm: float, right: Counter[str], right_norm: float) -> float:
    if not left_norm or not right_norm:
        return 0.0
    small, large = (left, right) if len(left) < len(right) else (right, left)
    return sum(count * large[gram] for gram, count in small.items() if gram in large) / (left_norm * right_norm)


def mean_loss(log_probabilities: Sequence[Sequence[float]]) -> float:
    """Per token over all answers."""
    count = sum(len(row) for row in log_probabilities)
    return -sum(sum(row) for row in log_probabilities) / count if count else math.inf
