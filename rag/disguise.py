"""Text as it is meant: full-width, traditional, spaced-out and misspelt words brought back, each with its place."""

import re
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import yaml

from rag.rule_pack import PACKS

HAN = r"\u3400-\u4dbf\u4e00-\u9fff"
_UNSEEN = re.compile(r"[\u00ad\u034f\u200b-\u200f\u202a-\u202e\u2060-\u2064\ufe00-\ufe0f\ufeff\u20e3]+")
_WIDE = re.compile(r"[\u2460-\u24ff\u2100-\u218f\u3200-\u33ff\ufb00-\ufb06\U0001d400-\U0001d7ff\U0001f100-\U0001f16f]")
_BETWEEN = re.compile(
    rf"(?<=[{HAN}])[ \t\u3000\u00a0*·•・.\-_~^|/\\+=#&`'\u2500-\u27bf\u2b00-\u2bff\ufe45\U0001f000-\U0001faff]{{1,4}}"
    rf"(?=[{HAN}])"
)
_MIXED = re.compile(
    rf"(?<=[{HAN}])[ *·.\-_~^|/]{{1,2}}(?=[a-z]{{1,6}}(?![a-z]))|(?<![a-z])(?<=[a-z])[*·\-_~^|]{{1,2}}(?=[{HAN}])"
)
_SPELT = re.compile(r"(?<![a-z])(?:[a-z0-9@$][ .*_~\-]){3,}[a-z0-9](?![a-z0-9])")
_MARKS = re.compile(rf"(?<=[{HAN}”）])[,;!?:](?! ?[a-z0-9])|[,;!?](?=[{HAN}])")
_FULL = {",": "，", ";": "；", "!": "！", "?": "？", ":": "："}
_KEPT = "，；！？：（）"


@dataclass(frozen=True, slots=True)
class Plain:
    """`text` in lower case; character i of it stands for `starts[i]` up to `ends[i]` of what was written."""

    text: str
    starts: tuple[int, ...]
    ends: tuple[int, ...]

    def span(self, start: int, end: int) -> tuple[int, int]:
        """Where characters `start` up to `end` of `text` stand in what was written."""
        return (self.starts[start], self.ends[end - 1]) if end > start else (0, 0)


@dataclass(frozen=True, slots=True)
class _Tables:
    letters: Mapping[int, str]  # one character for one
    inside: Mapping[str, str]  # figures and signs inside a word of letters
    leet: re.Pattern[str]
    spellings: Mapping[str, str]  # variant → word
    variant: re.Pattern[str]


@lru_cache(maxsize=1)
def _tables() -> _Tables:
    content: Any = yaml.load((PACKS / "disguise.yaml").read_text(encoding="utf-8"), Loader=yaml.CSafeLoader)
    letters = {ord(pair[0]): pair[1] for pair in content["traditional"].split()}
    letters |= {ord(odd): usual for odd, usual in content["look_alikes"].items()}
    for code in (*range(0xFF01, 0xFF5F), *range(0xFFE0, 0xFFE7), 0x3000):
        usual = unicodedata.normalize("NFKC", chr(code))
        if chr(code) not in _KEPT and len(usual) == 1:
            letters[code] = usual.lower()
    letters |= {code: chr(code).lower() for code in range(ord("A"), ord("Z") + 1)}
    spellings = {variant: word for word, said in content["spellings"].items() for variant in said.split()}
    longest_first = sorted(spellings, key=len, reverse=True)
    bounded = [rf"(?<![a-z]){re.escape(v)}(?![a-z])" if v.isascii() else re.escape(v) for v in longest_first]
    inside: dict[str, str] = content["inside_words"]
    leet = re.compile(rf"(?<=[a-z])[{re.escape(''.join(inside))}]{{1,2}}(?=[a-z]{{2}})|(?<=[a-z]{{2}})[@$01](?=[a-z])")
    return _Tables(letters, inside, leet, spellings, re.compile("|".join(bounded)))


@lru_cache(maxsize=512)
def plain(text: str) -> Plain:
    """`text` without its disguises; pure, and the same text is worked out once."""
    tables = _tables()
    found = Plain(text.translate(tables.letters), tuple(range(len(text))), tuple(range(1, len(text) + 1)))
    found = _replaced(found, _UNSEEN, lambda _: "")
    found = _replaced(found, _WIDE, lambda match: unicodedata.normalize("NFKC", match[0]).lower())
    found = _replaced(found, _BETWEEN, lambda _: "")
    found = _replaced(found, _MIXED, lambda _: "")
    found = _replaced(found, _MARKS, lambda match: _FULL[match[0]])
    found = _replaced(found, _SPELT, lambda match: re.sub(r"[ .*_~\-]", "", match[0]))
    found = _replaced(found, tables.leet, lambda match: "".join(tables.inside[sign] for sign in match[0]))
    return _replaced(found, tables.variant, lambda match: tables.spellings[match[0]])


def _replaced(found: Plain, pattern: re.Pattern[str], change: Callable[[re.Match[str]], str]) -> Plain:
    if pattern.search(found.text) is None:
        return found
    parts: list[str] = []
    starts: list[int] = []
    ends: list[int] = []
    last = 0
    for match in pattern.finditer(found.text):
        begin, stop, new = match.start(), match.end(), change(match)
        parts += [found.text[last:begin], new]
        starts += [*found.starts[last:begin], *[found.starts[begin]] * len(new)]
        ends += [*found.ends[last:begin], *[found.ends[stop - 1]] * len(new)]
        last = stop
    parts.append(found.text[last:])
    return Plain("".join(parts), (*starts, *found.starts[last:]), (*ends, *found.ends[last:]))
