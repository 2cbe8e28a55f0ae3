"""Days and periods that a note mentions, resolved against the day of the note; a day that does not exist is none."""

import re
from dataclasses import dataclass, replace
from datetime import date

from assistant.summary_calendar import later, number_of
from assistant.summary_dates_en import english
from assistant.summary_dates_zh import chinese

_RULES = (*chinese(), *english())
_BESIDE = re.compile(r"[\s,，、]*(?:at|on|by|before|之?前|的)?[\s(（【]*")
_THAT = re.compile(
    r"\b(?P<count>one|two|three|four|five|six|\d|a|the)\s+(?P<unit>days?"
    r"|weeks?)\s+(?P<side>before|after)\s+(?:that|then)\b",
    re.IGNORECASE,
)
_WORDS = {"one": "1", "a": "1", "the": "1", "two": "2", "three": "3", "four": "4", "five": "5", "six": "6"}


@dataclass(frozen=True, slots=True)
class When:
    """Characters `start` up to `end` mean the days `first` to `last`; `relative`: found by the day of the note."""

    start: int
    end: int
    first: date
    last: date
    relative: bool = True
    bound: bool = False  # a word for a deadline stands beside it


def mentions(text: str, on: date | None) -> list[When]:
    """All in order, without overlap. Without a day of the note only what names its year can be resolved."""
    found: list[tuple[When, int]] = []
    taken: list[tuple[int, int]] = []
    for rule in _RULES:
        if rule.relative and on is None:
            continue
        for match in rule.pattern.finditer(text):
            if any(start < match.end() and match.start() < end for start, end in taken):
                continue
            try:
                days = rule.resolve(match, on or date.min)
            except (ValueError, OverflowError, KeyError):
                days = None  # 2月30日 is no day; nothing else is read into it
            taken.append(match.span())
            if days is not None:
                found.append((When(*match.span(), *days, rule.relative, _is_bound(text, *match.span())), rule.rank))
    found.sort(key=lambda each: each[0].start)
    kept = [when for place, (when, rank) in enumerate(found) if not _repeats(text, found, place, rank)]
    return sorted([*kept, *_counted_from(text, kept)], key=lambda when: when.start)


def _is_bound(text: str, start: int, end: int) -> bool:
    said = text[start:end]
    return bool(
        re.match(r"\s?(?:[(（][^）)]{1,6}[)）])?\s?(?:之?前|以前|之?内|以内)", text[end:])
        or re.search(r"(?:内|前|底|末)$|\b(?:by|before|within)\b", said, re.IGNORECASE)
        or re.search(
            r"(?:\b(?:by|before|until|than|latest)(?: the)?(?: end of)?|最迟|最晚|不晚于|不迟于|截至|截止)\s*$",
            text[:start],
            re.IGNORECASE,
        )
    )


def _repeats(text: str, found: list[tuple[When, int]], place: int, rank: int) -> bool:
    """Whether it only names again the day beside it: 12月12日（周五）, Friday, 6 March, 明天下班前."""
    if not rank:
        return False
    when = found[place][0]
    for near, other in found[max(0, place - 1) : place + 2]:
        first, second = sorted((when, near), key=lambda each: each.start)
        if other < rank and _BESIDE.fullmatch(text, first.end, second.start):
            return True
    return False


def _counted_from(text: str, known: list[When]) -> list[When]:
    """Two days before that: from the day named last."""
    found: list[When] = []
    for match in _THAT.finditer(text):
        before = [when for when in known if when.end <= match.start()]
        if not before or match.start() - before[-1].end > 200:
            continue
        count = number_of(_WORDS.get(match["count"].lower(), match["count"]))
        step = -count if match["side"].lower() == "before" else count
        day = later(before[-1].last, step, match["unit"])
        found.append(replace(before[-1], start=match.start(), end=match.end(), first=day, last=day))
    return found
