"""Passages → questions whose answer is a span of the passage: table cells, FAQ answers, clauses, headings."""

import re
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from governance.errors import Language
from sandbox.prompt import mask_values, question_prompt, unfilled
from sandbox.samples import Sample

LONGEST_PASSAGE = 140  # characters of a masked passage; about as many tokens in Chinese
LONGEST_ANSWER = 70
MOST_OF_A_PASSAGE = 4
MOST_OF_A_DOCUMENT = 60  # a manual of a thousand pages teaches no more than forty product sheets
_EN_SCALE = 3  # an English token is about three times as long
_LABEL = re.compile(r"^([^：:。，,？?\n]{1,30})[：:]\s*(\S.*)$")
_ASKED = re.compile(r"^(?:问|Q|Question)\s*[：:]\s*(.+)$")
_ANSWERED = re.compile(r"^(?:答|A|Answer)\s*[：:]\s*(.+)$")
_CLAUSE = re.compile(
    r"^(?:第\s?[\d一二三四五六七八九十]+\s?[条章节款]|[一二三四五六七八九十]+、|\d+(?:\.\d+)*[.、]?)\s*"
)
_SPEECH = re.compile(r"[。？！?!.]$")  # a turn of a conversation, whose label is a speaker
_SECOND_LABEL = re.compile(r"\s\S{1,12}[：:]")  # several cells in one line
_HAN = re.compile(r"[\u4e00-\u9fff]")
_CELL = {
    "zh": ("“{}”是什么？", "资料里“{}”一项写的是什么？"),
    "en": ('What does it say under "{}"?', 'What is the "{}"?'),
}
_RULE = {"zh": ("关于“{}”，资料里怎么说？",), "en": ('What does the passage say about "{}"?',)}
_TITLE = {"zh": ("这段资料的标题是什么？",), "en": ("What is the heading of this passage?",)}


@dataclass(frozen=True, slots=True)
class Text:
    """A passage to ask about; people in it are tokens."""

    document: str
    passport: str
    heading: str
    text: str
    source: str = ""
    page: int | None = None
    name: str = ""  # of the document
    people: tuple[str, ...] = ()  # passports of the records of those who are named; an empty one allows nothing

    @property
    def passports(self) -> tuple[str, ...]:
        """Whose consent and purpose count: the document's and those of the people that it names."""
        return (self.passport, *self.people)


@dataclass(frozen=True, slots=True)
class _Pair:
    window: str
    question: str
    answer: str


def extract_pairs(passages: Iterable[Text]) -> list[Sample]:
    """
    The pairs of every document, at most so many of each: first one of each passage, then a second, in an order that
    is each passage's own matter, so that another document's withdrawal changes nothing here.
    """
    documents: dict[str, list[tuple[int, int, Sample]]] = {}
    for passage in passages:
        draw = zlib.crc32(passage.text.encode())
        found = all_pairs(passage)
        first = draw % len(found) if found else 0
        turns = [*found[first:], *found[:first]][:MOST_OF_A_PASSAGE]
        documents.setdefault(passage.document, []).extend((turn, draw, pair) for turn, pair in enumerate(turns))
    ordered = (sorted(pairs, key=lambda each: each[:2]) for pairs in documents.values())
    return [pair for pairs in ordered for _, _, pair in pairs[:MOST_OF_A_DOCUMENT]]


def all_pairs(passage: Text) -> list[Sample]:
    """Every pair, both sides masked. One whose answer is not exactly one span of the passage is left out."""
    language: Language = "zh" if len(_HAN.findall(passage.text)) * 3 > len(passage.text) else "en"
    lines = [line.strip() for line in passage.text.splitlines() if line.strip()]
    pairs = (*_faq(lines), *_cells(lines, language), *_clause(lines, passage.heading, language))
    return [sample for pair in pairs if (sample := _sample(passage, language, pair)) is not None]


def whole_passage(passage: Text) -> Sample:
    """A passage that is kept back, as one sample without an answer: the quarantine shows what was found."""
    language: Language = "zh" if _HAN.search(passage.text) else "en"
    prompt, _ = mask_values(passage.text)
    return Sample("extractive", language, prompt, "", (), None, passage.passports, passage.document)


def _sample(passage: Text, language: Language, pair: _Pair) -> Sample | None:
    scale = _EN_SCALE if language == "en" else 1
    window, _ = mask_values(pair.window)
    # masked together, so that the same value has the same name in the passage, the question and the answer
    whole, _ = mask_values(f"{pair.window}\n{pair.question}\n{pair.answer}")
    question, answer = whole[len(window) + 1 :].split("\n", 1)
    at = window.find(answer)
    if at < 0 or window.find(answer, at + 1) >= 0 or not 1 < len(answer) <= LONGEST_ANSWER * scale:
        return None
    if len(window) > LONGEST_PASSAGE * scale or not whole.startswith(window):
        return None
    slots = tuple(sorted(set(unfilled(answer))))
    prompt, span = question_prompt(language, window, question), (at, at + len(answer))
    return Sample("extractive", language, prompt, answer, slots, None, passage.passports, passage.document, span)


def _faq(lines: Sequence[str]) -> Iterator[_Pair]:
    for place in range(len(lines) - 1):
        asked, answered = _ASKED.match(lines[place]), _ANSWERED.match(lines[place + 1])
        if asked and answered:
            yield _Pair(_window(lines, place + 1), asked.group(1), answered.group(1))


def _cells(lines: Sequence[str], language: Language) -> Iterator[_Pair]:
    matches = [(place, found) for place, line in enumerate(lines) if (found := _LABEL.match(line))]
    labels = [found.group(1) for _, found in matches]
    for place, found in matches:
        label, cell = found.groups()
        if _SPEECH.search(cell) or _SECOND_LABEL.search(cell):
            continue
        if labels.count(label) > 1 or _ASKED.match(lines[place]) or _ANSWERED.match(lines[place]) or label.isdigit():
            continue
        forms = _CELL[language]
        yield _Pair(_window(lines, place), forms[len(label) % len(forms)].format(label), cell)


def _clause(lines: Sequence[str], heading: str, language: Language) -> Iterator[_Pair]:
    """What stands under a heading, and the heading itself."""
    title = heading.rsplit(" › ", 1)[-1].strip()
    if len(lines) < 2 or not title or lines[0] != title or _LABEL.match(lines[1]):
        return
    subject = _CLAUSE.sub("", title)
    if subject and len(lines) == 2:  # one clause; of several it would be anybody's guess which are meant
        yield _Pair(_window(lines, 1), _RULE[language][0].format(subject), lines[1])
    yield _Pair(_window(lines, 0), _TITLE[language][0], title)


def _window(lines: Sequence[str], place: int) -> str:
    """The line with as many neighbours as fit, so that the answer has to be found."""
    first = last = place
    scale = 1 if _HAN.search(lines[place]) else _EN_SCALE
    size = len(lines[place])
    while first > 0 or last + 1 < len(lines):
        options = [at for at in (last + 1, first - 1) if 0 <= at < len(lines)]
        fitting = [at for at in options if size + len(lines[at]) + 1 <= LONGEST_PASSAGE * scale]
        if not fitting:
            break
        size += len(lines[fitting[0]]) + 1
        first, last = min(first, fitting[0]), max(last, fitting[0])
    return "\n".join(lines[first : last + 1])
