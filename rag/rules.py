"""Which words of a text a rule of law or of the house detects, and which exception covers them."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from governance.errors import Language
from rag.disguise import Plain, plain
from rag.rule_frames import AND, Span, found, stands_in_line
from rag.rule_pack import Exemption, Rule
from rag.rule_words import alternatives

OWN = 9  # characters from a denial to a detected part that holds it
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
    """Either `covers`, or what must stand `before` and `behind` the detected words, or a `frame` in their line."""

    exemption: Exemption
    covers: re.Pattern[str] | None = None
    before: re.Pattern[str] | None = None
    behind: re.Pattern[str] | None = None
    frame: str = ""


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
    """What stands before one of the parts, outside of the others, and behind the last of them."""
    if lift.frame:
        return stands_in_line(lift.frame, text, parts[0][0])
    if lift.covers is not None or (lift.behind is not None and lift.behind.match(text, parts[-1][1]) is None):
        return False
    return lift.before is None or any(_stands_before(lift.before, text, start, parts) for start, _ in parts)


def _stands_before(pattern: re.Pattern[str], text: str, start: int, parts: Sequence[Span]) -> bool:
    match = pattern.search(text, max(0, start - REACH), start)
    return match is not None and not any(
        first < match.start() + OWN and match.start() < last for first, last in parts if last <= start
    )


def _lifts(rule: Rule, language: Language) -> list[_Lift]:
    return [
        _Lift(each, *parts)
        for each in rule.exceptions
        for pattern in each.patterns(language)
        for parts in _surroundings(pattern)
    ]


Surrounding = tuple[re.Pattern[str] | None, re.Pattern[str] | None, re.Pattern[str] | None, str]


@lru_cache(maxsize=4096)
def _surroundings(pattern: str) -> tuple[Surrounding, ...]:
    """What an exception covers, or what must stand before and behind {hit}; one for each alternative with {hit}."""
    if AND in pattern:
        return ((None, None, None, AND.join(part for part in pattern.split(AND) if part != "{hit}")),)
    marked = [each for each in alternatives(pattern) if "{hit}" in each]
    plainly = "|".join(each for each in alternatives(pattern) if "{hit}" not in each)
    sides = [each.split("{hit}", 1) for each in marked]
    around: list[Surrounding] = [
        (None, _regex(rf"(?:{before})\Z") if before else None, _regex(behind) if behind else None, "")
        for before, behind in sides
    ]
    return (*([(_regex(plainly), None, None, "")] if plainly else []), *around)


def _regex(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern, re.IGNORECASE)
