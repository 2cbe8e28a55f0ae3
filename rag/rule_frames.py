"""Where a pattern stands in a text: one regular expression, or a frame of several in one sentence (`a & b & !c`)."""

import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from rag.rule_words import alternatives, words

AND = " & "
OPENING = 3
NEAR = 160  # characters around the detected words that an exception of the whole line looks at
WIDEST_HAN, WIDEST = 60, 170  # characters from the first word of a frame to its last
Span = tuple[int, int]
_END = re.compile(r"[。！？!?\n]|(?<!\bdr)(?<!\bmr)(?<!\bms)(?<!\bmrs)(?<!\bno)(?<!\bprof)\.(?=\s|$)")
_HAN = re.compile(r"[\u3400-\u9fff]")


@dataclass(frozen=True, slots=True)
class _Alternative:
    needs: tuple[str, ...]  # one of these words stands in every match; none: try always
    openings: frozenset[str]  # their first characters
    pattern: re.Pattern[str]


@dataclass(frozen=True, slots=True)
class _Frame:
    parts: tuple[str, ...]
    absent: tuple[str, ...]
    widest: int


def found(pattern: str, text: str) -> Iterator[tuple[Span, ...]]:
    """Each match as the places of its parts, in order: one part for a regular expression."""
    if AND not in pattern:
        yield from ((span,) for span in places(pattern, text))
        return
    frame = _frame(pattern)
    if not all(_may_stand(part, text) for part in frame.parts):
        return
    standing: list[tuple[Span, ...]] = []
    for part in frame.parts:
        standing.append(places(part, text))
        if not standing[-1]:
            return
    ends = _ends(text)
    sorted_in = [_by_sentence(spans, ends) for spans in standing]
    taken = -1
    for number in sorted({each - step for found in sorted_in[:1] for each in found for step in (0, 1)}):
        for last in (number, number + 1):  # within one sentence, else within two of one line
            if number <= taken or (last > number and (not 0 <= number < len(ends) or text[ends[number]] == "\n")):
                continue
            groups = [[*each.get(number, ()), *(each.get(last, ()) if last > number else ())] for each in sorted_in]
            if not all(groups) or any(_in(part, text, ends, (number, last)) for part in frame.absent):
                continue
            if chosen := _closest(groups, frame.widest):
                taken = last
                yield chosen


def _in(part: str, text: str, ends: Sequence[int], sentences: Sequence[int]) -> bool:
    return any(bisect_right(ends, start) in sentences for start, _ in places(part, text))


def stands_in_line(pattern: str, text: str, place: int) -> bool:
    """Whether the line at `place` holds, near it, every part of a frame and none that must be absent."""
    frame = _frame(pattern)
    first, last = text.rfind("\n", 0, place) + 1, text.find("\n", place)
    begin, stop = max(first, place - NEAR), min(last if last >= 0 else len(text), place + NEAR)
    has = [any(begin <= start < stop for start, _ in places(part, text)) for part in (*frame.parts, *frame.absent)]
    return all(has[: len(frame.parts)]) and not any(has[len(frame.parts) :])


def parts_of(pattern: str) -> tuple[str, ...]:
    """The regular expressions of a pattern that must all be found."""
    return _frame(pattern).parts


def all_parts(pattern: str) -> list[str]:
    """Its regular expressions, those that must be absent included."""
    return [part.removeprefix("!") for part in pattern.split(AND)]


@lru_cache(maxsize=4096)
def _frame(pattern: str) -> _Frame:
    parts = [part for part in pattern.split(AND) if part]
    absent = tuple(part[1:] for part in parts if part.startswith("!"))
    widest = WIDEST_HAN if _HAN.search(pattern) else WIDEST
    return _Frame(tuple(part for part in parts if not part.startswith("!")), absent, widest)


def _closest(groups: Sequence[Sequence[Span]], widest: int) -> tuple[Span, ...] | None:
    """One span of each group, none over another, as near to one another as can be."""
    best: tuple[Span, ...] | None = None
    for first in groups[0]:
        chosen = [first]
        for group in groups[1:]:
            free = [each for each in group if all(each[1] <= start or end <= each[0] for start, end in chosen)]
            if not free:
                break
            chosen.append(min(free, key=lambda each: max(each[0] - first[1], first[0] - each[1])))
        else:
            ordered = tuple(sorted(chosen))
            reach = ordered[-1][1] - ordered[0][0]
            if reach <= widest and (best is None or reach < best[-1][1] - best[0][0]):
                best = ordered
    return best


def _by_sentence(spans: Sequence[Span], ends: Sequence[int]) -> dict[int, list[Span]]:
    found: dict[int, list[Span]] = {}
    for span in spans:
        found.setdefault(bisect_right(ends, span[0]), []).append(span)
    return found


@lru_cache(maxsize=512)
def _ends(text: str) -> tuple[int, ...]:
    return tuple(match.start() for match in _END.finditer(text))


@lru_cache(maxsize=8192)
def places(pattern: str, text: str) -> tuple[Span, ...]:
    """Where one regular expression matches; words that lists share are looked for once a text."""
    return tuple(
        match.span()
        for each in _compiled(pattern)
        if not each.needs or _holds(text, each)
        for match in each.pattern.finditer(text)
        if match.end() > match.start()
    )


def _may_stand(pattern: str, text: str) -> bool:
    return any(not each.needs or _holds(text, each) for each in _compiled(pattern))


def _holds(text: str, alternative: _Alternative) -> bool:
    standing = alternative.openings & _pieces(text)
    return bool(standing) and any(
        word[:OPENING] in standing and (len(word) <= OPENING or word in text) for word in alternative.needs
    )


@lru_cache(maxsize=512)
def _pieces(text: str) -> frozenset[str]:
    """Every run of one to OPENING characters: a set answers sooner than a search."""
    return frozenset(text[place : place + size] for size in range(1, OPENING + 1) for place in range(len(text)))


@lru_cache(maxsize=4096)
def _compiled(pattern: str) -> tuple[_Alternative, ...]:
    """The alternatives of a pattern, each tried only where one of its words stands."""
    found = [(tuple(sorted(words(each))), each) for each in alternatives(pattern)]
    return tuple(
        _Alternative(needs, frozenset(word[:OPENING] for word in needs), re.compile(each, re.IGNORECASE))
        for needs, each in found
    )
