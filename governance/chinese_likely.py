"""How likely a surname and the one or two characters after it are a person: a small logistic model."""

import math
import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from governance.chinese_cues import FIELD, OF_A_PERSON, ROLE, SAYS, WORDS
from governance.surnames import (
    HAN,
    NOT_NAMES,
    SHORT_TITLES,
    SURNAME,
    TITLES,
    WEAK_SURNAMES,
)

LEAST_GIVEN = -40
GIVEN_FILE = Path(__file__).with_name("given_characters.txt")
HAN_RUN = re.compile(f"{HAN}+")
BEFORE = re.compile(
    rf"(?:(?P<start>^|\n)|(?P<list>[、/|]|和|与|及|跟|同)|(?P<stop>[，,。；;！!？?…~→—])|(?P<colon>[:：])|"
    rf"(?P<quote>[“”\"‘’（(\[【《<])"
    rf"|(?P<field>(?:{FIELD}|{ROLE}|负责|对接|接手|值班|签收|老师|同学|中文名|英文名|全名|名叫|叫作|叫做|名字|户名|姓名)(?:[是为叫]|仍是|还是)?)"
    r"|(?P<time>(?:周|星期|礼拜)[一二三四五六日天]|[今昨明后前]天|[今昨明]晚|上午|下午|晚上|中午|早上|刚才|刚刚|目前|现在|上周|下周|本周|原来|还有|包括|其中|倒是|只有)"
    r"|(?P<call>找|联系|给|问|请|让|由|叫|派|见|等|替|帮|听|约|陪|通知|告诉|拜访|转告|委托|感谢|谢谢|交给|发给|寄给|转给|提醒|麻烦|请教|咨询|经|被|把|对|向|归|劳烦|抄送|@|姓)"
    r"|(?P<be>是|为|成|即|有|如)|(?P<of>的|科|部|处|室|院|办|站|组|公司|中心|医院|那边|这边)|(?P<latin>[0-9A-Za-z)\])）]|\s))$"
)
AFTER = re.compile(
    rf"(?:(?P<end>$|\n)|(?P<list>[、/|]|和|与|及|跟|同)|(?P<stop>[，,。；;！!？?…~])|(?P<title>副?(?:{TITLES}|"
    rf"{SHORT_TITLES}|同学|总工))"
    rf"|(?P<says>{SAYS}|表态|坚持|觉得|回复|回电|反馈|反映|来电|来访|来问|问|讲|回|催|打来|发来|打了|发了)"
    r"|(?P<acts>主动|已经|已|也|都|还|又|就|才|刚|会|将|正|要|想|能|可|不|没|去|来|把|给|跟|在|从|到|被|让|对|向|今|明|昨|下午|上午|现在|目前|上周|下周|本周|那|这|"
    r"拿|带|负责|签|收|做|写|发|提|陪|调|接|退|升|请假|确认|处理|安排|代|看|用|管)"
    rf"|(?P<own>{OF_A_PERSON}|的)|(?P<be>是|为|叫|姓)|(?P<open>[（(:：“\"\[<【])|(?P<close>[)）”\"’\]】》>])|"
    rf"(?P<latin>[0-9A-Za-z]|\s)"
    r"|(?P<thing>医院|公司|路|街|村|镇|区|县|市|大学|学院|科技|医疗|器械|小区|大厦|广场|率|量|度|费|型|式|性|器|仪|机|法|值|期|类|级|号))"
)


@lru_cache(maxsize=1)
def given_characters() -> Mapping[str, int]:
    """Character → how much commoner it is in given names than in text, in tenths of a nat."""
    rows = (line.split() for line in GIVEN_FILE.read_text(encoding="utf-8").splitlines() if not line.startswith("#"))
    return {char: int(score) for score, chars in rows for char in chars}


@lru_cache(maxsize=1)
def vocabulary() -> Mapping[str, int]:
    """Ordinary words of two or three characters → the power of e of their frequency, from jieba's dictionary."""
    spec = find_spec("jieba")
    assert spec is not None
    assert spec.submodule_search_locations is not None
    words: dict[str, int] = {}
    with (Path(spec.submodule_search_locations[0]) / "dict.txt").open(encoding="utf-8") as lines:
        for line in lines:
            word, count, tag = line.rstrip("\n").split(" ")
            if 2 <= len(word) <= 3 and not tag.startswith("nr") and (level := round(math.log(int(count) + 1))) > 1:
                words[word] = level
    return words


def candidates(text: str) -> Iterator[tuple[int, int, int]]:
    """(start, end, characters of the surname): a surname and one or two characters that people are named with."""
    given = given_characters()
    for match in SURNAME.finditer(text):
        yield from _from(text, match.start(), match.end() - match.start(), given)
        if match["compound"]:
            yield from _from(text, match.start(), 1, given)


def _from(text: str, start: int, length: int, given: Mapping[str, int]) -> Iterator[tuple[int, int, int]]:
    first = start + length
    for count in (1, 2):
        if first + count > len(text) or text[first + count - 1] not in given:
            return
        yield start, first + count, length


def logit(p: float) -> float:
    """Bounded log-odds."""
    p = min(max(p, 1e-4), 1 - 1e-4)
    return math.log(p / (1 - p))


class Likelihood:
    """The features of the candidates in one text that LAC has read."""

    def __init__(
        self,
        text: str,
        words: Mapping[int, tuple[str, str]],
        begins: NDArray[np.float64],
        goes_on: NDArray[np.float64],
    ) -> None:
        self.text, self.words = text, words
        self.begins, self.goes_on = begins.tolist(), goes_on.tolist()
        self.given, self.vocabulary = given_characters(), vocabulary()

    def features(self, start: int, end: int, surname: int) -> dict[str, float]:
        """What is seen of one candidate, by name."""
        return self._reading(start, end, surname) | self._place(start, end, surname)

    def _reading(self, start: int, end: int, surname: int) -> dict[str, float]:
        """What LAC half sees, and what the characters are."""
        text, first = self.text, start + surname
        count = end - first
        scores = [self.given.get(char, LEAST_GIVEN) / 10 for char in text[first:end]]
        goes = self.goes_on[start + 1 : end]
        return {
            "bias": 1.0,
            "begins": logit(self.begins[start]),
            "goes_on": logit(min(goes)),
            "goes_on_mean": logit(sum(goes) / len(goes)),
            "follows": logit(self.goes_on[end] if end < len(text) else 0.0),
            f"given_{count}": sum(scores),
            f"least_{count}": min(scores),
            f"length_{count}": 1.0,
            "weak": float(surname == 1 and text[start] in WEAK_SURNAMES),
            "compound": float(surname == 2),
            "no_start": float(start not in self.words),
            "no_end": float(end not in self.words and end < len(text)),
        }

    def _place(self, start: int, end: int, surname: int) -> dict[str, float]:
        """What stands beside it, and which ordinary words it may be part of."""
        text, words, name, count = self.text, self.vocabulary, self.text[start:end], end - start - surname
        word, tag = self.words.get(start, ("", ""))
        tag = tag if len(word) == end - start else ""
        left, right = self.kinds(start, end)
        return {
            "listed_word": float(name in NOT_NAMES or name[:2] in NOT_NAMES),
            f"whole_{count}": words.get(name, 0) / 5,
            "first_two": words.get(name[:2], 0) / 5 if count == 2 else 0.0,
            "last_two": words.get(name[-2:], 0) / 5 if count == 2 else 0.0,
            "ahead": words.get(text[end - 1 : end + 1], 0) / 5,
            "ahead_3": words.get(text[end - 1 : end + 2], 0) / 5,
            "ahead_name": words.get(text[end - 2 : end + 1], 0) / 5,
            "back": words.get(text[start - 1 : start + 1], 0) / 5 if start else 0.0,
            "back_3": words.get(text[start - 1 : start + 2], 0) / 5 if start else 0.0,
            "whole_ordinary": float(tag in WORDS),
            "whole_place": float(tag in ("LOC", "ns", "ORG", "nt", "nz")),
            "whole_person": float(tag in ("PER", "nr")),
            f"left_{left}": 1.0,
            f"right_{right}": 1.0,
            f"{KINDS.get(left, 'other')}_{KINDS.get(right, 'other')}": 1.0,
            f"word_{KINDS.get(left, 'other')}_{KINDS.get(right, 'other')}": float(name in words),
        }

    def likely(self, least: float) -> Iterator[tuple[int, int, float]]:
        """(start, end, probability) of what is at least so likely a person; of two that overlap, the likelier."""
        found = [
            (probability, start, end)
            for start, end, surname in candidates(self.text)
            if (probability := self.probability(start, end, surname, least)) >= least and not self._is_word(start, end)
        ]
        taken: list[tuple[int, int]] = []
        for probability, start, end in sorted(found, reverse=True):
            if not any(first < end and start < last for first, last in taken):
                taken.append((start, end))
                yield start, end, probability

    def of_listed(self, start: int, end: int) -> float:
        """The probability of a name of two characters that is known to be one; certain where only people are named."""
        before, after = BEFORE.search(self.text, max(0, start - 6), start), AFTER.match(self.text, end)
        if before and before.lastgroup in ("field", "list", "colon"):
            return 1.0
        return 1.0 if after and after.lastgroup in ("title", "says") else self.probability(start, end, 1)

    def kinds(self, start: int, end: int) -> tuple[str, str]:
        """What stands on either side, by kind."""
        before, after = BEFORE.search(self.text, max(0, start - 6), start), AFTER.match(self.text, end)
        return (before and before.lastgroup) or "other", (after and after.lastgroup) or "other"

    def _is_word(self, start: int, end: int) -> bool:
        """高尔夫, 石家庄: an ordinary word of three characters, unless it stands where only people are named."""
        if self.vocabulary.get(self.text[start:end], 0) < 2 or end - start < 3:
            return False
        before, after = BEFORE.search(self.text, max(0, start - 6), start), AFTER.match(self.text, end)
        return not (
            (before and before.lastgroup in ("field", "call")) or (after and after.lastgroup in ("title", "says"))
        )

    def probability(self, start: int, end: int, surname: int, least: float = 0.0) -> float:
        """How likely these characters are a person's name; 0 as soon as it cannot reach `least`."""
        total = _weighted(self._reading(start, end, surname))
        if least and total + BEST_PLACE < math.log(least / (1 - least)):
            return 0.0
        return 1 / (1 + math.exp(-total - _weighted(self._place(start, end, surname))))


def _weighted(features: Mapping[str, float]) -> float:
    return sum(WEIGHTS.get(name, 0.0) * value for name, value in features.items())


# What a neighbour amounts to, when both are looked at together
KINDS: Mapping[str, str] = {
    **dict.fromkeys(("call", "field"), "cue"),
    **dict.fromkeys(("start", "stop", "colon", "quote", "end", "close"), "edge"),
    **dict.fromkeys(("says", "title"), "person"),
    **{kind: kind for kind in ("list", "be", "acts", "own", "time")},
}
BEST_PLACE = 3.0  # no place adds more
# Logistic regression over the surnames of some 6,000 texts: the tuned lines, also with other names, and ordinary ones
WEIGHTS: Mapping[str, float] = {
    "bias": -0.41, "begins": 0.37, "goes_on": 0.85, "goes_on_mean": -0.69, "follows": -0.36, "given_1": 0.01,
    "least_1": 0.01, "length_1": -1.13, "weak": -0.52, "compound": 1.62, "no_start": -1.11, "no_end": -2.54,
    "listed_word": -2.81, "first_two": -0.28, "last_two": 0.1, "ahead": -0.51, "ahead_3": -0.1, "ahead_name": 0.6,
    "back": -0.63, "back_3": -0.32, "whole_ordinary": 0.58, "whole_place": 0.78, "whole_person": 0.14,
    "left_other": -1.21, "right_other": -0.73, "other_other": -0.15, "word_other_other": -0.11, "left_stop": 0.32,
    "right_open": -0.5, "edge_other": -1.05, "word_edge_other": 1.3, "given_2": 0.25, "least_2": 0.32,
    "length_2": 0.71, "whole_2": -0.27, "left_of": 0.24, "right_stop": 1.06, "other_edge": -0.73,
    "word_other_edge": 0.15, "left_start": 0.11, "left_field": 0.38, "cue_other": -0.56, "word_cue_other": 0.83,
    "cue_edge": 0.02, "word_cue_edge": 0.95, "right_thing": -1.53, "left_colon": 0.49, "right_own": -0.15,
    "other_own": 0.84, "word_other_own": -0.24, "right_acts": 0.73, "other_acts": -1.34, "word_other_acts": -0.05,
    "left_be": 0.21, "be_other": -0.63, "word_be_other": 0.68, "be_edge": 0.08, "word_be_edge": 0.23,
    "right_title": 1.69, "edge_person": 1.85, "word_edge_person": 0.07, "other_person": -0.78,
    "word_other_person": 0.71, "right_says": 0.42, "left_call": 0.53, "right_be": -0.55, "other_be": -0.01,
    "word_other_be": -0.19, "edge_edge": -0.18, "word_edge_edge": 1.93, "be_person": 0.03, "word_be_person": 0.01,
    "cue_person": 0.72, "word_cue_person": 0.09, "be_acts": 0.72, "word_be_acts": 0.3, "cue_acts": 0.32,
    "word_cue_acts": 0.91, "left_time": 0.42, "time_other": -0.2, "word_time_other": 0.13, "time_acts": 1.04,
    "word_time_acts": 0.39, "edge_acts": 0.05, "word_edge_acts": -0.43, "right_end": -0.09, "right_latin": 0.17,
    "left_latin": -1.26, "right_list": -0.05, "cue_list": 0.35, "word_cue_list": 0.94, "edge_list": -0.14,
    "word_edge_list": 0.14, "cue_own": 0.1, "word_cue_own": 0.25, "other_list": -0.07, "word_other_list": 0.5,
    "left_list": -0.37, "list_other": 0.01, "word_list_other": 0.39, "list_list": -0.71, "word_list_list": -0.29,
    "list_person": 0.87, "word_list_person": -0.22, "list_acts": -0.07, "list_edge": 0.4, "word_list_edge": -0.1,
    "left_quote": -0.28, "right_close": -0.87, "be_own": -0.5, "word_be_own": 0.14, "list_be": -0.44,
    "word_list_be": -0.01, "edge_own": 0.17, "word_edge_own": 0.05, "edge_be": -0.06, "word_edge_be": 0.24,
    "time_person": -0.59, "word_time_person": 0.01, "be_list": 0.52, "word_be_list": 0.23, "time_edge": 0.5,
    "word_time_edge": 0.16, "list_own": -0.43, "word_list_own": -0.14, "time_own": -0.33, "word_time_own": -0.03,
    "cue_be": -0.04, "word_cue_be": -0.01,
}  # fmt: skip
