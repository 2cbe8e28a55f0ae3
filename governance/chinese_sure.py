"""Names of people in Chinese text where nothing else can stand, whatever words they read like."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

from governance.chinese_cues import (
    ADDRESSED,
    IS_SOMEBODY,
    NO_GENTLEMAN,
    NOBODY,
    SHORT_MENTION,
    SPOKEN,
    SURNAME_ONLY,
    SURNAMES_WITH_TITLE,
    TWO_PEOPLE,
    WORDS,
)
from governance.chinese_likely import Likelihood
from governance.surnames import NOT_NAMES, SURNAME, WEAK_SURNAMES

SURE = 0.72  # the score of a name that may be any word
Span = tuple[int, int, float]  # start, end, score


class SurePlaces:
    """The words of one text, what LAC tagged in it, and the model of neighbours."""

    def __init__(self, words: Mapping[int, tuple[str, str]], tagged: Sequence[Span], neighbours: Likelihood) -> None:
        self.text, self.words, self.tagged, self.neighbours = neighbours.text, words, tagged, neighbours
        self.borders = {*words, len(self.text)}

    def people(self) -> Iterator[Span]:
        """All of them."""
        yield from self.words_that_speak()
        yield from self.sharing_a_title()
        yield from self.surely()

    def words_that_speak(self) -> Iterator[Span]:
        """让成功去跟进，成功说约好了: a word that is a name here speaks once and is spoken of as a person again."""
        places: dict[str, list[tuple[int, bool, bool]]] = {}
        for start, (word, tag) in self.words.items():
            if len(word) == 2 and tag in WORDS and SURNAME.match(word) and not NOBODY.search(word):
                speaks = bool(SPOKEN.match(self.text, start + 2))
                spoken_of = self.neighbours.kinds(start, start + 2)[0] in ("call", "field")
                places.setdefault(word, []).append((start, speaks, spoken_of))
        for found in places.values():
            if any(speaks for _, speaks, _ in found) and sum(speaks + of for _, speaks, of in found) > 1:
                yield from ((start, start + 2, SURE) for start, _, _ in found)

    def surely(self) -> Iterator[Span]:
        """Where nothing but a name can stand, whatever it reads like: 明月和江南两位老师, 姓别, 应先生."""
        for match in TWO_PEOPLE.finditer(self.text):
            yield from ((*match.span(group), SURE) for group in ("name", "other") if match.start(group) in self.borders)
        for match in IS_SOMEBODY.finditer(self.text):
            if match["name"] not in NOT_NAMES and match.end("name") in self.borders:
                yield *match.span("name"), 0.6
        yield from ((*match.span("name"), 0.6) for match in SURNAME_ONLY.finditer(self.text))
        for match in ADDRESSED.finditer(self.text):
            start = match.start()
            if match["name"] not in NO_GENTLEMAN and not self._overlaps_tagged(start, start + 1):
                yield *match.span(), 0.6

    def sharing_a_title(self) -> Iterator[Span]:
        """张、李两位主任."""
        for match in SURNAMES_WITH_TITLE.finditer(self.text):
            places = [i for i in range(*match.span("names")) if self.text[i] not in "、/和与"]
            if not any(self.text[i] in WEAK_SURNAMES for i in places):
                yield from ((i, i + 1, 0.6) for i in places if not self._overlaps_tagged(i, i + 1))

    def acting_again(self, known: Iterable[Span]) -> Iterator[Span]:
        """高兴说先放着，高兴会签收: whoever was named once does something again."""
        names = {self.text[start:end] for start, end, _ in known if end - start == 2}
        for name in names:
            if SURNAME.match(name) and not SHORT_MENTION.fullmatch(name):
                for match in re.finditer(re.escape(name), self.text):
                    fits = match.start() in self.borders and match.end() in self.borders
                    if fits and self.neighbours.kinds(*match.span())[1] in ("says", "acts", "title", "own"):
                        yield *match.span(), 0.55

    def mentioned_again(self, known: Iterable[Span]) -> Iterator[Span]:
        """任总 in the next sentence, where LAC reads another word, but not in 责任总额."""
        mentions = {self.text[start:end] for start, end, _ in known}
        for mention in mentions:
            if SHORT_MENTION.fullmatch(mention):
                for match in re.finditer(re.escape(mention) + "(?![额计量部体数公监裁作程单具业人])", self.text):
                    yield *match.span(), 0.55

    def _overlaps_tagged(self, start: int, end: int) -> bool:
        return any(first < end and start < last for first, last, _ in self.tagged)
