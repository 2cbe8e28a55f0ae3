"""A Presidio recognizer for people in English text: spaCy's answer, pinyin names, and the places where names stand."""

from collections.abc import Iterator, Sequence

from presidio_analyzer import EntityRecognizer, RecognizerResult
from presidio_analyzer.nlp_engine import NlpArtifacts

from governance.english_cues import (
    ACTOR,
    AFTER_LINK,
    ALSO_NAMES,
    APPOSITION,
    BEFORE_MAIL,
    CUE_AFTER,
    CUE_BEFORE,
    FIELD,
    GREETED,
    HEADER,
    IN_CHINESE,
    LATIN_NAME,
    LEADING,
    MEMBER,
    MONTH_AFTER,
    NAME_AFTER_HONORIFIC,
    NAME_PART,
    NOT_A_PERSON,
    NOT_BEFORE_NAME,
    NOT_FIRST_NAMES,
    NOT_PINYIN,
    ORGANISATION_FOLLOWS,
    PINYIN_NAME,
    PINYIN_TITLED,
    PINYIN_UPPER,
    SIGNED,
    SINGLE,
    SPEAKS,
    SPEECH,
    SPOKEN_OF,
    SURNAME_IS,
    THING_FOLLOWS,
    TO_PEOPLE,
)
from governance.latin_names import is_also_a_word, is_family, is_given

Span = tuple[int, int, float]  # start, end, score


class EnPersonRecognizer(EntityRecognizer):
    """spaCy's people and names where names stand, minus what looks like a company, a thing, a model number or "
    "Chinese."""

    def __init__(self) -> None:
        super().__init__(supported_entities=["PERSON"], supported_language="en", name="EnPerson")

    def load(self) -> None: ...

    def analyze(self, text: str, entities: list[str], nlp_artifacts: NlpArtifacts) -> list[RecognizerResult]:
        spans = [(match.start(), match.end(), 0.8) for match in NAME_AFTER_HONORIFIC.finditer(text)]
        for span in nlp_artifacts.entities:
            if span.label_ == "PERSON" and (part := person_part(span.text)):
                start, end = span.start_char + part[0], span.start_char + part[1]
                if ORGANISATION_FOLLOWS.match(text[end:]):
                    continue
                alone = " " not in text[start:end].strip()
                if not alone or SPOKEN_OF.search(text[:start]) or SPEAKS.match(text[end:]):
                    spans.append((start, end, 0.8))
        spans += placed_names(text)
        spans += _single_names(text)
        spans += _first_names(text)
        return [RecognizerResult("PERSON", *span) for span in spans]


def placed_names(text: str) -> Iterator[Span]:
    """Full names where only names stand: pinyin, fields, lists of people, before a mail address, under a letter."""
    for match in PINYIN_NAME.finditer(text):
        if not NOT_PINYIN.match(match[0]) and not ORGANISATION_FOLLOWS.match(text[match.end() :]):
            yield *match.span(), 0.6
    for match in PINYIN_UPPER.finditer(text):
        yield *match.span(), 0.6
    for match in PINYIN_TITLED.finditer(text):
        yield *match.span(), 0.6
    yield from _known_names(text)
    found = [match.span("name") for pattern in (FIELD, BEFORE_MAIL, SIGNED) for match in pattern.finditer(text)]
    for header in HEADER.finditer(text):
        offset = header.start("list")
        found += [(m.start("name") + offset, m.end("name") + offset) for m in MEMBER.finditer(header["list"])]
    for start, end in found:
        if lead := LEADING.match(text[start:end]):
            start += lead.end()
        part = person_part(text[start:end])
        if part and " " in text[start:end] and not ORGANISATION_FOLLOWS.match(text[end:]):
            yield start + part[0], start + part[1], 0.6


def _known_names(text: str) -> Iterator[Span]:
    """Two or more capitalised words, the first a given name: Kenji Morinaga; Grace Bell, the second a name."""
    for match in LATIN_NAME.finditer(text):
        words = [(word.start() + match.start(), word.end() + match.start()) for word in NAME_PART.finditer(match[0])]
        for i, (start, _) in enumerate(words[:-1]):
            first, second = text[slice(*words[i])], text[slice(*words[i + 1])]
            if not (is_given(first) or (is_also_a_word(first) and is_family(second))):
                continue
            end = words[i][1]
            for begun, ended in words[i + 1 :]:
                if NOT_A_PERSON.search(text[begun:ended]) or text[begun:ended] in NOT_FIRST_NAMES - ALSO_NAMES:
                    break
                end = ended
            if end > words[i][1] and not ORGANISATION_FOLLOWS.match(text[end:]):
                yield start, end, 0.6
            break


def _first_names(text: str) -> Iterator[Span]:
    """A first name alone: Yusuf anywhere among words; Hope only after ask, tell, met."""
    for match in (*SINGLE.finditer(text), *AFTER_LINK.finditer(text)):
        name, start, end = match["name"], *match.span("name")
        if not is_given(name) or name in NOT_FIRST_NAMES or ORGANISATION_FOLLOWS.match(text[end:]):
            continue
        if THING_FOLLOWS.match(text, end):
            continue
        if not NOT_BEFORE_NAME.search(text, max(0, start - 24), start) and person_part(name):
            yield start, end, 0.6
    for match in TO_PEOPLE.finditer(text):
        name = match["name"]
        if (is_also_a_word(name) and not MONTH_AFTER.match(text[match.end() :])) or is_family(name):
            yield *match.span("name"), 0.6
    for match in SURNAME_IS.finditer(text):
        yield *match.span("name"), 0.6
    for match in APPOSITION.finditer(text):
        if is_family(match["name"]) or is_also_a_word(match["name"]):
            yield *match.span("name"), 0.6


def latin_names_in_chinese(text: str, begins: Sequence[float]) -> Iterator[Span]:
    """Linda明天回国: a first name alone; a word only where LAC or a neighbour expects a person."""
    for match in IN_CHINESE.finditer(text):
        name, start, end = match["name"], *match.span("name")
        if name in NOT_FIRST_NAMES - ALSO_NAMES or not person_part(name):
            continue
        cues = bool(CUE_BEFORE.search(text, max(0, start - 4), start)) + bool(CUE_AFTER.match(text, end))
        expected = cues + (begins[start] > 0.5)
        if (
            is_given(name)
            or (expected > 1 and is_family(name))
            or (expected and is_also_a_word(name) and len(name) > 3)
        ):
            yield start, end, 0.6


def _single_names(text: str) -> Iterator[Span]:
    for match in GREETED.finditer(text):
        allowed = match["name"] not in NOT_FIRST_NAMES or is_also_a_word(match["name"])
        if allowed and person_part(match["name"]):
            yield *match.span("name"), 0.6
    for match in ACTOR.finditer(text):
        speaks = match["act"] in SPEECH or match["act"].endswith("ing")
        for group in ("name", "other"):
            name = match[group]
            allowed = name and (name not in NOT_FIRST_NAMES or (speaks and is_also_a_word(name)))
            if allowed and (person_part(name) or (speaks and is_also_a_word(name))):
                yield *match.span(group), 0.55


def person_part(name: str) -> tuple[int, int] | None:
    """Where the person is in what looks like one: Mindray [Zhang Wei]; None for a company or a model number."""
    vetoes = list(NOT_A_PERSON.finditer(name))
    if not vetoes:
        return 0, len(name)
    rest = LATIN_NAME.search(name, vetoes[-1].end())  # a company's words come first: Hexin Medical Zhang Wei
    return rest.span() if rest else None
