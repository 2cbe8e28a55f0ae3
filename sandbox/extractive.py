"""Passages → questions whose answer is a span of the passage: cells, rows, clauses, headings, FAQ, turns, lists."""

import re
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from governance.errors import Language
from governance.vault import TOKEN, pseudonymise
from rag.hostile import bids
from sandbox.dialogue import Turn, answers, introduced, turns
from sandbox.prompt import mask_values, question_prompt, unfilled
from sandbox.samples import Sample

LONGEST_PASSAGE = 140  # characters of a masked passage; about as many tokens in Chinese
LONGEST_ANSWER = 70
MOST_OF_A_PASSAGE = 4
MOST_OF_A_DOCUMENT = 60  # a manual of a thousand pages teaches no more than a few product sheets
_EN_SCALE = 3  # an English token is about three times as long
_LABEL = re.compile(r"^([^：:。，,？?\n]{1,30})[：:]\s*(\S.*)$")
_ASKED = re.compile(r"^(?:问|Q|Question)\s*[：:]\s*(.+)$")
_ANSWERED = re.compile(r"^(?:答|A|Answer)\s*[：:]\s*(.+)$")
_CLAUSE = re.compile(
    r"^(?:第\s?[\d一二三四五六七八九十]+\s?[条章节款]|[一二三四五六七八九十]+、|\d+(?:\.\d+)*[.、]?)\s*"
)
_MARK = re.compile(r"(?:[-–•·*●]|\d{1,2}[.、)）]|[（(][\d一二三四五六七八九十]{1,2}[)）]|[①-⑨])\s*")
_SENTENCE = re.compile(r"[^。！？!?；;]+(?:[。！？!?；;]|$)|[。！？!?；;]")
_SPEECH = re.compile(r"[。？！?!.]$")  # a turn of a conversation, whose label is a speaker
_SECOND_LABEL = re.compile(r"\s\S{1,12}[：:]")  # several cells in one line
_HAN = re.compile(r"[\u4e00-\u9fff]")
_SEAM = "\n\ue000\n"  # no value reaches across it
_PERSON = re.compile(r"\{(person\d+)\}")
_SAYS = {  # form of a pair → how it is asked for
    "zh": {
        "cell": ("“{}”是什么？", "资料里“{}”一项写的是什么？"),
        "row": ("“{1}”为“{2}”的那一行，“{0}”是什么？",),
        "clause": ("关于“{}”，资料里怎么说？",),
        "first": ("关于“{}”，资料首先说了什么？",),
        "title": ("这段资料的标题是什么？",),
        "list": ("“{}”下面列了哪几点？",),
        "item": ("“{}”下面的第{}点是什么？",),
    },
    "en": {
        "cell": ('What does it say under "{}"?', 'What is the "{}"?'),
        "row": ('In the row whose "{1}" is "{2}", what is the "{0}"?',),
        "clause": ('What does the passage say about "{}"?',),
        "first": ('What does the passage say first about "{}"?',),
        "title": ("What is the heading of this passage?",),
        "list": ('Which points are listed under "{}"?',),
        "item": ('What is the {1} point under "{0}"?',),
    },
}
_ORDINALS = {"zh": "一二三四五六七八", "en": ("first", "second", "third", "fourth", "fifth", "sixth")}


@dataclass(frozen=True, slots=True)
class Text:
    """A passage to ask about; people in it are tokens. `source` is its id, `name` its document's."""

    document: str
    passport: str
    heading: str
    text: str
    source: str = ""
    page: int | None = None
    name: str = ""
    people: tuple[str, ...] = ()  # passports of the records of those who are named; an empty one allows nothing

    @property
    def passports(self) -> tuple[str, ...]:
        """Whose consent and purpose count: the document's and those of the people that it names."""
        return (self.passport, *self.people)


@dataclass(frozen=True, slots=True)
class _Line:
    """A line of the passage without the space around it, and where it begins."""

    text: str
    start: int

    @property
    def end(self) -> int:
        return self.start + len(self.text)


@dataclass(frozen=True, slots=True)
class _Pair:
    """The answer is the passage from `start` to `end`."""

    question: str
    start: int
    end: int


def extract_pairs(passages: Iterable[Text]) -> list[Sample]:
    """
    The pairs of every document, at most so many of each: first one of each passage, then a second, in an order that
    is each passage's own matter, so that another document's withdrawal changes nothing here.
    """
    documents: dict[str, list[Text]] = {}
    for passage in passages:
        documents.setdefault(passage.document, []).append(passage)
    kept: list[Sample] = []
    for own in documents.values():
        ours = introduced(passage.text for passage in own)
        drawn: list[tuple[int, int, Sample]] = []
        for passage in own:
            draw = zlib.crc32(passage.text.encode())
            found = all_pairs(passage, ours)
            first = draw % len(found) if found else 0
            drawn += [(turn, draw, pair) for turn, pair in enumerate([*found[first:], *found[:first]])]
        drawn = [each for each in drawn if each[0] < MOST_OF_A_PASSAGE]
        kept += [pair for _, _, pair in sorted(drawn, key=lambda each: each[:2])[:MOST_OF_A_DOCUMENT]]
    return kept


def all_pairs(passage: Text, ours: frozenset[str] = frozenset()) -> list[Sample]:
    """Every pair, both sides masked. One whose answer is not exactly one span of the passage is left out."""
    said = TOKEN.sub("", passage.text)
    language: Language = "zh" if len(_HAN.findall(said)) * 3 > len(said) else "en"
    lines = list(_lines(passage.text))
    spoken = turns([line.text for line in lines])
    pairs = [*_faq(lines)]
    if spoken and not pairs:
        pairs += _said(lines, spoken, ours)
    else:
        pairs += [*_cells(lines, language), *_clause(passage, lines, language)]
    made = (_sample(passage, language, lines, pair) for pair in pairs)
    return list({(sample.prompt, sample.answer): sample for sample in made if sample is not None}.values())


def whole_passage(passage: Text) -> Sample:
    """A passage that is kept back, as one sample without an answer: the quarantine shows what was found."""
    language: Language = "zh" if _HAN.search(passage.text) else "en"
    masked, slots = mask_values(passage.text)
    return Sample(
        "extractive",
        language,
        _typed(masked, slots, language),
        "",
        (),
        None,
        passage.passports,
        passage.document,
        document=passage.document,
        page=passage.page,
        source=passage.source,
    )


def _sample(passage: Text, language: Language, lines: Sequence[_Line], pair: _Pair) -> Sample | None:
    scale = _EN_SCALE if language == "en" else 1
    start, end = _window(passage.text, lines, pair, scale)
    raw = passage.text[start:end]
    # masked together, so that the same value has the same name in the passage, the question and the answer
    asked = _SEAM.join((raw, pair.question, passage.text[pair.start : pair.end], ""))
    masked, slots = mask_values(asked)
    if masked.count(_SEAM) != 3:
        return None
    window, question, answer, _ = (_typed(part, slots, language) for part in masked.split(_SEAM))
    at = window.find(answer)
    if at < 0 or window.find(answer, at + 1) >= 0 or not 1 < len(answer) <= LONGEST_ANSWER * scale:
        return None
    if len(window) > LONGEST_PASSAGE * scale or len(window) <= len(answer):
        return None
    if bids(raw[pair.start - start : pair.end - start]):
        return None  # whoever learns to say it might do it
    return Sample(
        kind="extractive",
        language=language,
        prompt=question_prompt(language, window, question),
        answer=answer,
        slots=tuple(sorted(set(unfilled(answer)))),
        section=None,
        passports=passage.passports,
        unit=passage.document,
        span=(at, at + len(answer)),
        document=passage.document,
        page=passage.page,
        source=passage.source,
        place=(pair.start, pair.end),
    )


def _typed(masked: str, slots: dict[str, str], language: Language) -> str:
    """People and what belongs to them as 人员1, 电话1 or Person 1: the same one has one number in all of a sample."""
    tokens = {name: text for name, text in slots.items() if TOKEN.fullmatch(text)}
    shown = dict(zip(tokens, pseudonymise("\n".join(tokens.values()), language).split("\n"), strict=False))
    return _PERSON.sub(lambda found: shown.get(found[1], found[0]), masked)


def _lines(text: str) -> Iterator[_Line]:
    at = 0
    for line in text.split("\n"):
        if words := line.strip():
            yield _Line(words, at + line.index(words))
        at += len(line) + 1


def _window(text: str, lines: Sequence[_Line], pair: _Pair, scale: int) -> tuple[int, int]:
    """The answer's lines, of long ones its sentences, with as many neighbours as fit: it has to be found."""
    pieces: list[tuple[int, int]] = []
    for line in lines:
        if len(line.text) <= LONGEST_PASSAGE * scale:
            pieces.append((line.start, line.end))
        else:
            pieces += [(line.start + m.start(), line.start + m.end()) for m in _SENTENCE.finditer(line.text)]
    inside = [at for at, (start, end) in enumerate(pieces) if start < pair.end and pair.start < end]
    first, last = inside[0], inside[-1]
    while True:
        options = [(first, last + 1)] if last + 1 < len(pieces) else []
        options += [(first - 1, last)] if first else []
        fitting = [(a, b) for a, b in options if _length(text[pieces[a][0] : pieces[b][1]]) <= LONGEST_PASSAGE * scale]
        if not fitting:
            return pieces[first][0], pieces[last][1]
        first, last = fitting[0]


def _length(text: str) -> int:
    return len(TOKEN.sub("人员1", text))


def _faq(lines: Sequence[_Line]) -> Iterator[_Pair]:
    for line, below in pairwise(lines):
        asked, answered = _ASKED.match(line.text), _ANSWERED.match(below.text)
        if asked and answered:
            yield _Pair(asked[1], below.start + answered.start(1), below.end)


def _said(lines: Sequence[_Line], spoken: Sequence[Turn], ours: frozenset[str]) -> Iterator[_Pair]:
    for asked, answered in answers(spoken, ours):
        line = lines[answered.place]
        yield _Pair(asked.words, line.start + answered.at, line.end)


def _cells(lines: Sequence[_Line], language: Language) -> Iterator[_Pair]:
    """Every labelled value; in a row of a table also asked for by the row's first cell, and the row as a whole."""
    matches = [(place, found) for place, line in enumerate(lines) if (found := _LABEL.match(line.text))]
    labels = [found[1] for _, found in matches]
    is_row = len(matches) == len(lines) > 2 and len(set(labels)) == len(labels) and len(matches[0][1][2]) <= 20
    for turn, (place, found) in enumerate(matches):
        label, cell = found.groups()
        if _SPEECH.search(cell) or _SECOND_LABEL.search(cell):
            continue
        line = lines[place]
        if labels.count(label) > 1 or _ASKED.match(line.text) or _ANSWERED.match(line.text) or label.isdigit():
            continue
        if is_row and turn % 2:
            question = _ask(language, "row", label, *matches[0][1].groups())
        else:
            question = _ask(language, "cell", label)
        yield _Pair(question, line.start + found.start(2), line.end)


def _clause(passage: Text, lines: Sequence[_Line], language: Language) -> Iterator[_Pair]:
    """What stands under a heading: all of it, its beginning, its points one by one; and the heading itself."""
    title = passage.heading.rsplit(" › ", 1)[-1].strip()
    if len(lines) < 2 or not title or lines[0].text != title or _LABEL.match(lines[1].text):
        return
    subject, body = _CLAUSE.sub("", title), lines[1:]
    if subject and len(body) == 1:  # one clause; of several it would be anybody's guess which are meant
        asks = subject.endswith(("？", "?"))
        yield _Pair(subject if asks else _ask(language, "clause", subject), body[0].start, body[0].end)
        first = _SENTENCE.match(body[0].text)
        if first and 0 < first.end() < len(body[0].text) and not asks:
            yield _Pair(_ask(language, "first", subject), body[0].start, body[0].start + first.end())
    elif subject and not any(_LABEL.match(line.text) or _ASKED.match(line.text) for line in body):
        yield _Pair(_ask(language, "list", subject), body[0].start, body[-1].end)
        for ordinal, line in zip(_ORDINALS[language], body, strict=False):
            mark = _MARK.match(line.text)
            yield _Pair(_ask(language, "item", subject, ordinal), line.start + (mark.end() if mark else 0), line.end)
    yield _Pair(_ask(language, "title"), lines[0].start, lines[0].end)


def _ask(language: Language, form: str, *words: str) -> str:
    forms = _SAYS[language][form]
    return forms[len(words[0]) % len(forms) if words else 0].format(*words)
