"""Which words of a text a rule of law or of the house detects, and which exception covers them."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from governance.errors import Language
from rag.disguise import Plain, plain
from rag.rule_frames import Span, found
from rag.rule_pack import Exemption, Rule
from rag.rule_words import alternatives

REACH = 120  # characters before the words that an exception may look at


@dataclass(frozen=True, slots=True)
class Hit:
    """Words that a rule detects, as they were written; `exemption` is the exception that covers them, if one does."""

    start: int
    end: int
    quoted: str
    exemption: Exemption | None


@dataclass(frozen=True, slots=True)
class _Lift:
    """Either `covers`, or what must stand `before` and `behind` the detected words."""

    exemption: Exemption
    covers: re.Pattern[str] | None
    before: re.Pattern[str] | None
    behind: re.Pattern[str] | None


def fired(rule: Rule, text: str, language: Language) -> list[str]:
    """The words of `text` that `rule` detects and none of its exceptions covers."""
    return list(dict.fromkeys(hit.quoted for hit in judged(rule, text, language) if hit.exemption is None))


def judged(rule: Rule, text: str, language: Language) -> list[Hit]:
    """Everything that `rule` detects in `text`, with the exception that covers it."""
    read = plain(text)
    matches = [parts for pattern in rule.detect.get(language, []) for parts in found(pattern, read.text)]
    if not matches:
        return []
    lifts = _lifts(rule, language)
    covered = [
        (lift.exemption, match.span()) for lift in lifts if lift.covers for match in lift.covers.finditer(read.text)
    ]
    return [_hit(text, read, parts, lifts, covered) for parts in matches]


def detects(patterns: Sequence[str], text: str) -> bool:
    """Whether one of the patterns is found in `text`, exceptions left aside."""
    return any(next(found(pattern, plain(text).text), None) for pattern in patterns)


def _hit(
    text: str,
    read: Plain,
    parts: Sequence[Span],
    lifts: Sequence[_Lift],
    covered: Sequence[tuple[Exemption, Span]],
) -> Hit:
    exemption = next(
        (each for each, (first, last) in covered if any(first < end and start < last for start, end in parts)), None
    )
    if exemption is None:
        exemption = next((lift.exemption for lift in lifts if _surrounds(lift, read.text, parts)), None)
    begin, stop = read.span(parts[0][0], parts[-1][1])
    return Hit(begin, stop, text[begin:stop], exemption)


def _surrounds(lift: _Lift, text: str, parts: Sequence[Span]) -> bool:
    """What stands before one of the parts, outside of the others, and behind it."""
    return lift.covers is None and any(_stands_at(lift, text, start, end, parts) for start, end in parts)


def _stands_at(lift: _Lift, text: str, start: int, end: int, parts: Sequence[Span]) -> bool:
    if lift.before is not None:
        match = lift.before.search(text, max(0, start - REACH), start)
        if match is None or any(first <= match.start() < last for first, last in parts):
            return False
    return lift.behind is None or lift.behind.match(text, end) is not None


def _lifts(rule: Rule, language: Language) -> list[_Lift]:
    return [
        _Lift(each, *parts)
        for each in rule.exceptions
        for pattern in each.patterns(language)
        for parts in _surroundings(pattern)
    ]


@lru_cache(maxsize=4096)
def _surroundings(pattern: str) -> tuple[tuple[re.Pattern[str] | None, ...], ...]:
    """What an exception covers, or what must stand before and behind {hit}; one for each alternative with {hit}."""
    marked = [each for each in alternatives(pattern) if "{hit}" in each]
    plainly = "|".join(each for each in alternatives(pattern) if "{hit}" not in each)
    found = [each.split("{hit}", 1) for each in marked]
    around = [
        (None, _regex(rf"(?:{before})\Z") if before else None, _regex(behind) if behind else None)
        for before, behind in found
    ]
    return (*([(_regex(plainly), None, None)] if plainly else []), *around)


def _regex(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern, re.IGNORECASE)
