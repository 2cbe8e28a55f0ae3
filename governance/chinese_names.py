"""A Presidio recognizer for people in Chinese text: LAC's answer, its doubts, and where a name is expected."""

import re
from collections.abc import Iterable, Iterator, Sequence

from presidio_analyzer import EntityRecognizer, RecognizerResult
from presidio_analyzer.nlp_engine import NlpArtifacts

from governance.chinese_cues import (
    AFTER_FIELD,
    ALONE_IN_LATIN,
    BEFORE_OWN,
    BESIDE_NUMBER,
    CALLS,
    COMPANY_END,
    DOTTED,
    FIELDS,
    FOREIGN_RUN,
    HAN_CHAR,
    HAN_RUN,
    HEADER,
    IN_BRACKETS,
    INTRODUCED,
    LATIN_BEFORE_TITLE,
    LATIN_MEMBER,
    LIKELY,
    LINKS,
    LONE_SURNAME_TURN,
    MEMBER,
    MENTION,
    NAME_AFTER_PROFESSION,
    NAME_BEFORE_SHORT_TITLE,
    NEIGHBOUR_AFTER,
    NEIGHBOUR_BEFORE,
    NEVER_ALONE,
    NICKNAME,
    OVERLONG,
    PAIR,
    PARTICLES,
    PLACE_END,
    PLACE_OR_COMPANY_FOLLOWS,
    POSSIBLE,
    RANK,
    ROLE_ACTS,
    ROLE_BEFORE,
    SAYS,
    SHORT_OFFICE,
    SIGNED,
    SPEAKS,
    SURE_COMPOUND,
    TAIL,
    TITLE,
    TURN,
    UNSURE_FIELD,
    WORDS,
)
from governance.chinese_likely import Likelihood
from governance.chinese_sure import SURE, SurePlaces
from governance.identifiers import half_width
from governance.nlp_engine import ZhArtifacts
from governance.surnames import (
    COMPOUND_SURNAMES,
    EPONYMS,
    FOREIGN,
    NAME,
    NOT_A_NAME_END,
    NOT_NAMES,
    STEMS,
    SURNAME,
    SURNAMES,
    TITLES,
    WEAK_SURNAMES,
)

SURE_NAME = 0.97
LIKELY_NAME = 0.6  # of the model, where no rule expects a name
Span = tuple[int, int, float]  # start, end, score


class ZhPersonRecognizer(EntityRecognizer):
    """What LAC calls a person, what it half sees, and what stands where a person is named; never inside a company."""

    def __init__(self) -> None:
        super().__init__(supported_entities=["PERSON"], supported_language="zh", name="ZhPerson")

    def load(self) -> None: ...

    def analyze(self, text: str, entities: list[str], nlp_artifacts: NlpArtifacts) -> list[RecognizerResult]:
        assert isinstance(nlp_artifacts, ZhArtifacts)
        spans = _Reader(half_width(text), nlp_artifacts).people()
        return [RecognizerResult("PERSON", *span) for span in spans]


class _Reader:
    """One text with its words; every rule is a method that yields spans."""

    def __init__(self, text: str, artifacts: ZhArtifacts) -> None:
        self.text, self.begins, self.goes_on = text, artifacts.begins, artifacts.goes_on
        self.words = {
            start: (word, tag)
            for start, word, tag in zip(artifacts.tokens_indices, artifacts.lemmas, artifacts.tags, strict=True)
        }
        self.borders = {*self.words, len(text)}
        self.tagged = list(self._tagged(artifacts))
        self.organisations = [(s.start_char, s.end_char) for s in artifacts.entities if s.label_ == "ORGANIZATION"]

    def people(self) -> Iterator[Span]:
        spans = [*self.tagged, *self._dotted(), *self._foreign(), *self._after_profession(), *self._expected()]
        for start, end, score in self._titled():  # 和李伟院长: 和 is a surname, but LAC knows better
            if not any(start < first < end for first, _, _ in self.tagged):
                spans.append((start, end, score))
        spans += self._unexpected()
        spans += [(*match.span(), 0.7) for match in LATIN_BEFORE_TITLE.finditer(self.text)]
        spans += self._listed()
        spans += self._beside(spans)
        neighbours = Likelihood(self.text, self.words, self.begins, self.goes_on)
        spans += self._likely(spans, neighbours)
        turns = list(LONE_SURNAME_TURN.finditer(self.text))
        spans += (sure := SurePlaces(self.words, self.tagged, neighbours)).people()
        offices = [match for match in SHORT_OFFICE.finditer(self.text) if match["name"][0] not in WEAK_SURNAMES]
        spans += [(*match.span("name"), 0.6) for match in offices]
        spans += [(*match.span("name"), 0.6) for match in turns if match["name"] not in WEAK_SURNAMES]
        spans += sure.mentioned_again(spans)
        spans += sure.acting_again(spans)
        return (self._cut(*span) for span in spans if not self._vetoed(*span))

    def _cut(self, start: int, end: int, score: float) -> Span:
        """老李也 is 老李."""
        found = OVERLONG.match(self.text[start:end])
        return (start, start + found.end("name"), score) if found else (start, end, score)

    def _tagged(self, artifacts: ZhArtifacts) -> Iterator[Span]:
        text = self.text
        for entity in artifacts.entities:
            if entity.label_ != "PERSON":
                continue
            start, end = entity.start_char, entity.end_char
            if role := ROLE_BEFORE.match(text[start:end]):
                start += role.end()
            if tail := TAIL.search(text[start:end]):
                end -= len(tail[0])
            name = text[start:end].strip("。 :：")
            start += text[start:end].index(name)
            end = start + len(name)
            before = self.words.get(start - 1, ("", ""))[0]
            if len(name) == 2 and name[0] in "小晓" and len(before) == 1 and before in SURNAMES and before not in LINKS:
                start -= 1
            for compound in (2, 1):  # 东 | 郭晓
                if start >= compound and re.match(COMPOUND_SURNAMES, text[start - compound : end]):
                    start -= compound
                    break
            if len(name) < 2 or not HAN_CHAR.search(name) or name in NOT_NAMES:  # Latin words are left to spaCy
                continue
            if any(char.isdigit() for char in name) or name.endswith(("药监", "氏", "委", "局", "厅", "公司")):
                continue
            yield start, end, 0.85

    def _vetoed(self, start: int, end: int, score: float) -> bool:
        """李惠利医院, 孙公司: what follows makes it a place, a company or a thing; 苏A·31F82 is a plate."""
        follows = self.text[end : end + 6]
        name = self.text[start:end]
        return bool(PLACE_OR_COMPANY_FOLLOWS.match(follows) or COMPANY_END.search(name)) or (
            score != SURE and name in NOT_NAMES | EPONYMS
        )

    def _likelihood(self, start: int, end: int) -> float:
        """How likely LAC finds a name just there."""
        return float(min(self.begins[start], self.goes_on[start + 1 : end].mean())) if end - start > 1 else 0.0

    def _is_word(self, start: int, end: int) -> bool:
        """Whether LAC reads exactly this as one ordinary word."""
        word, tag = self.words.get(start, ("", ""))
        return len(word) == end - start and tag in WORDS

    def _fits(self, start: int, end: int) -> bool:
        """Whether a name may begin and end there for LAC; only what it reads as more than a name is cut."""
        return start in self.borders and end in self.borders

    def _expected(self) -> Iterator[Span]:
        """After a field of a form, a role, a turn of a conversation, or before what only people do."""
        for pattern, sure in (
            (INTRODUCED, True),
            (TURN, False),
            (BESIDE_NUMBER, True),
            (SIGNED, True),
            (MENTION, True),
        ):
            for match in pattern.finditer(self.text):
                start, end = match.span("name")
                if pattern is INTRODUCED and not match["colon"].strip():
                    field = match["field"]
                    sure = (field in FIELDS and not UNSURE_FIELD.search(field)) or (
                        end - start == 3 and match["name"][0] not in PARTICLES and bool(RANK.search(field))
                    )
                if self._believable(start, end, certain=sure):
                    yield start, end, 0.65
        for pattern in (CALLS, SPEAKS, ALONE_IN_LATIN, BEFORE_OWN, ROLE_ACTS):
            for match in pattern.finditer(self.text):
                start, end = match.span("name")
                says = pattern is SPEAKS and re.match(SAYS, self.text[end:]) and match["name"][0] not in WEAK_SURNAMES
                if self._believable(start, end, certain=bool(says)):
                    yield start, end, 0.6
        for match in IN_BRACKETS.finditer(self.text):
            start, end = match.span("name" if match["name"] else "after")
            if self._seen(start, end) and self._believable(start, end, certain=False):
                yield start, end, 0.6
        for match in PAIR.finditer(self.text):
            pair = match.span("name"), match.span("other")
            if all(self._seen(*span) and self.text[slice(*span)] not in NOT_NAMES for span in pair):
                yield from ((*span, 0.6) for span in pair if not self._overlaps_tagged(*span))
        for match in NICKNAME.finditer(self.text):
            start, end = match.span()
            strong = match[0][0] == "阿" or match[0][1] not in WEAK_SURNAMES or match[0][-1] in "哥姐"
            if (strong and self._fits(start, end)) or self._likelihood(start, end) > POSSIBLE:
                yield start, end, 0.6
        yield from ((*match.span(), 0.6) for match in SURE_COMPOUND.finditer(self.text))

    def _believable(self, start: int, end: int, *, certain: bool) -> bool:
        """Certain: the place says it is a person, only stop words and a surname decide. Else LAC must not object."""
        name = self.text[start:end]
        odd = (
            certain and len(name) == 3 and not self._is_word(start, end) and name[-1] not in "科室部处院办组司会市县者"
        )
        common = name[:2] in NOT_NAMES and self.words.get(start, ("", ""))[0] in ("", name[:2])
        if (
            name in NOT_NAMES
            or common
            or (NOT_A_NAME_END.search(name) and not odd and self._likelihood(start, end) < LIKELY)
        ):
            return False
        if certain or self._seen(start, end):
            return True
        if start not in self.borders and AFTER_FIELD.search(self.text, 0, start):  # 家属相|思雨: LAC misread the cue
            return len(name) == 3 and name[0] not in PARTICLES and not HAN_CHAR.match(self.text[end : end + 1])
        return self._fits(start, end) and not self._is_word(start, end) and name[0] not in WEAK_SURNAMES

    def _seen(self, start: int, end: int) -> bool:
        """LAC calls it a person, a place that is none, or thinks of a person."""
        word, tag = self.words.get(start, ("", ""))
        name = self.text[start:end]
        if len(word) == end - start and (tag in ("PER", "nr") or (tag in ("LOC", "nz") and not PLACE_END.search(name))):
            return True
        return self._likelihood(start, end) >= POSSIBLE

    def _overlaps_tagged(self, start: int, end: int) -> bool:
        return any(first < end and start < last for first, last, _ in self.tagged)

    def _unexpected(self) -> Iterator[Span]:
        """Where LAC thinks of a person but decides otherwise."""
        for start in (self.begins > LIKELY / 2).nonzero()[0].tolist():
            surname = SURNAME.match(self.text, start)
            if surname is None or any(first <= start < last for first, last, _ in self.tagged):
                continue
            whole = re.match(NAME, self.text[start : start + 4])
            if whole is None:
                continue
            end = start + len(whole[0])
            while end - 1 > surname.end() and self.goes_on[end - 1] < self.goes_on[surname.end()] / 3:
                end -= 1
            if self._overlaps_tagged(start, end):
                continue
            if self.text[start] == "周" and self.text[start - 1 : start] in ("上", "下", "本", "每"):  # 下周来
                continue
            doubtful = self.text[start] in WEAK_SURNAMES
            enough = self._likelihood(start, end) > (LIKELY * 1.4 if doubtful else LIKELY) and end in self.borders
            if enough and not self._is_word(start, end) and not NOT_A_NAME_END.search(self.text[start:end]):
                yield start, end, 0.55

    def _likely(self, known: Sequence[Span], neighbours: Likelihood) -> Iterator[Span]:
        """What the model of surnames, given names, neighbours and LAC's doubts takes for a person where no rule did."""
        for start, end, score in neighbours.likely(LIKELY_NAME):
            if score < SURE_NAME and NOT_A_NAME_END.search(self.text[start:end]):
                continue
            if not any(first < end and start < last for first, last, _ in known):
                yield start, end, 0.55

    def _listed(self) -> Iterator[Span]:
        """参会：设备科卓亦凡、财务科凤鸣."""
        for header in HEADER.finditer(self.text):
            offset = header.start("list")
            for match in MEMBER.finditer(header["list"]):
                start, end = match.start("name") + offset, match.end("name") + offset
                if match[0][0] in ",，" and self._is_word(start, end):
                    continue
                if self._believable(start, end, certain=True):
                    yield start, end, 0.6
            for match in LATIN_MEMBER.finditer(header["list"]):
                yield match.start("name") + offset, match.end("name") + offset, 0.6

    def _beside(self, known: Iterable[Span]) -> Iterator[Span]:
        """Next to a name in a list, whatever it looks like to LAC; from each that was found to the next."""
        waiting, seen = [(start, end) for start, end, _ in known], {start for start, _, _ in known}
        while waiting:
            start, end = waiting.pop()
            for match in (
                NEIGHBOUR_AFTER.match(self.text, end),
                *(NEIGHBOUR_BEFORE.match(self.text, start - length, start) for length in (5, 4, 3) if length <= start),
            ):
                if match is None:
                    continue
                first, last = match.span("name")
                listed = not {self.text[last : last + 1], self.text[first - 1 : first]}.isdisjoint("、/|")
                begins = last > start or first in self.borders or bool(AFTER_FIELD.search(self.text, 0, first))
                if (
                    first not in seen
                    and begins
                    and self.text[first] not in PARTICLES
                    and self._believable(first, last, certain=listed)
                ):
                    seen.add(first)
                    waiting.append((first, last))
                    yield first, last, 0.6

    def _titled(self) -> Iterator[Span]:
        for title in TITLE.finditer(self.text):
            if span := self._before_title(title):
                yield span
        for match in NAME_BEFORE_SHORT_TITLE.finditer(self.text):
            start, end = match.span()
            doubtful = match[0][0] in (NEVER_ALONE if match[0][-1] in "哥姐叔姨嫂" else WEAK_SURNAMES)
            if self._fits(start, end) and (not doubtful or self._seen(start, end)):
                yield start, end, 0.6

    def _before_title(self, title: re.Match[str]) -> Span | None:
        """The likeliest of the names of one to four characters that may end there; a bare surname with its title."""
        end = title.start()
        found: list[tuple[bool, bool, int, Span]] = []
        for start in range(max(0, end - 4), end):
            name = self.text[start:end]
            surname = SURNAME.match(name)
            if surname is None or not 0 <= len(name) - surname.end() <= 2 or not HAN_RUN.fullmatch(name):
                continue
            weak = name[0] in WEAK_SURNAMES and len(name) > 1
            word, seen = self.words.get(start, ("", ""))[0], self._seen(start, end)
            if start not in self.words and not surname["compound"] and self.begins[start] < POSSIBLE:
                continue
            if weak and word not in (name, name + title[0]) and not seen:
                continue
            if any(first <= start < last and last >= title.end() for first, last in self.organisations):
                continue
            common = name in NOT_NAMES or (name[:2] in NOT_NAMES and word == name[:2])
            if common or (name + title[0])[:2] in NOT_NAMES or NOT_A_NAME_END.search(name[1:]):
                continue
            if title[0] in ("工", "总") and len(name) > 1:
                continue
            if name in NEVER_ALONE and not seen and word != name + title[0]:
                continue
            last = title.end() if len(name) == 1 else end
            found.append((seen, not weak, len(name), (start, last, 0.7)))
        return max(found)[-1] if found else None

    def _after_profession(self) -> Iterator[Span]:
        """副主任医师钱学兵: LAC reads such a name as an ordinary word of its own, or as two."""
        for match in NAME_AFTER_PROFESSION.finditer(self.text):
            start, end = match.span("name")
            if self._fits(start, end) and match["name"][:2] not in NOT_NAMES:
                yield start, end, 0.6

    def _dotted(self) -> Iterator[Span]:
        """阿依古丽·买买提: the dot belongs to a name; its ends are where LAC or the syllables end it."""
        for match in DOTTED.finditer(self.text):
            start, end = match.span()
            first, last = self.text.index("·", start) if "·" in match[0] else self.text.index("•", start), 0
            last = max(self.text.rfind("·", start, end), self.text.rfind("•", start, end))
            while first - start > 1 and self.text[first - 1] in FOREIGN and self.text[start] not in FOREIGN:
                start += 1
            before = max((b for b, e, _ in self.tagged if b < first <= e + 1), default=None, key=lambda b: -b)
            start = (
                min(start if first - start <= 6 else first - 6, first)
                if before is None
                else max(start, min(before, start + 99))
            )
            while start < first - 1 and self.text[start] not in FOREIGN:
                start += 1
            stop = last + 1
            while stop < end and (self.text[stop] in FOREIGN or self.goes_on[stop] > 0.3):
                stop += 1
            if stop == last + 1:  # no syllable of such names: up to where LAC ends a word
                stop = next(
                    (i for i in range(last + 3, min(end, last + 6) + 1) if i in self.borders), min(end, last + 4)
                )
            title = re.search(rf"(?:副)?(?:{TITLES}).*$", self.text[last + 1 : stop])
            stop -= len(title[0]) if title else 0
            if stop > last + 1 and first > start:
                yield start, stop, 0.75

    def _foreign(self) -> Iterator[Span]:
        """扎西顿珠: only syllables that such names are written with, and among them one that is no Chinese word."""
        for match in FOREIGN_RUN.finditer(self.text):
            if stem := STEMS.search(match[0]):
                start, end = match.span()
                while start not in self.borders and start < match.start() + stem.start():
                    start += 1
                while end not in self.borders and end > match.start() + stem.end():
                    end -= 1
                if end - start >= 3:
                    yield start, end, 0.6
