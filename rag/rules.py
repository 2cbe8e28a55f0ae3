"""Which words of a text a rule of law or of the house detects, and which exception covers them."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from governance.errors import Language
from rag.disguise import Plain, plain
from rag.rule_pack import Exemption, Rule
from rag.rule_words import alternatives, words

REACH = 120  # characters before the words that an exception may look at


@dataclass(frozen=True, slots=True)
class Hit:
    """Words that a rule detects, as they were written; `exemption` is the exception that covers them, if one does."""

    start: int
    end: int
    quoted: str
    exemption: Exemption | None


@dataclass(frozen=True, slots=True)
class _Alternative:
    needs: tuple[str, ...]  # one of these words stands in every match; none: try always
    pattern: re.Pattern[str]


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
    found = list(_matches(rule.detect.get(language, []), read.text))
    if not found:
        return []
    lifts = _lifts(rule, language)
    covered = [
        (lift.exemption, match.span()) for lift in lifts if lift.covers for match in lift.covers.finditer(read.text)
    ]
    return [_hit(text, read, start, end, lifts, covered) for start, end in found]


def detects(patterns: Sequence[str], text: str) -> bool:
    """Whether one of the patterns is found in `text`, exceptions left aside."""
    return next(_matches(patterns, plain(text).text), None) is not None


def _matches(patterns: Sequence[str], text: str) -> Iterator[tuple[int, int]]:
    for pattern in patterns:
        for each in _compiled(pattern):
            if not each.needs or any(word in text for word in each.needs):
                for match in each.pattern.finditer(text):
                    if match.end() > match.start():
                        yield match.span()


def _hit(
    text: str,
    read: Plain,
    start: int,
    end: int,
    lifts: Sequence[_Lift],
    covered: Sequence[tuple[Exemption, tuple[int, int]]],
) -> Hit:
    exemption = next((each for each, (first, last) in covered if first < end and start < last), None)
    if exemption is None:
        exemption = next((lift.exemption for lift in lifts if _surrounds(lift, read.text, start, end)), None)
    begin, stop = read.span(start, end)
    return Hit(begin, stop, text[begin:stop], exemption)


def _surrounds(lift: _Lift, text: str, start: int, end: int) -> bool:
    if lift.covers is not None:
        return False
    if lift.before is not None and not lift.before.search(text, max(0, start - REACH), start):
        return False
    return lift.behind is None or lift.behind.match(text, end) is not None


@lru_cache(maxsize=4096)
def _compiled(pattern: str) -> tuple[_Alternative, ...]:
    """The alternatives of a pattern, each tried only where one of its words stands."""
    return tuple(
        _Alternative(tuple(sorted(words(each))), re.compile(each, re.IGNORECASE)) for each in alternatives(pattern)
    )


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
