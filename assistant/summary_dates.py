"""Days and periods that a note mentions, resolved against the day of the note; a day that does not exist is none."""

from dataclasses import dataclass
from datetime import date

from assistant.summary_dates_en import english
from assistant.summary_dates_zh import chinese

_RULES = (*chinese(), *english())


@dataclass(frozen=True, slots=True)
class When:
    """Characters `start` up to `end` mean the days `first` to `last`; `relative`: found by the day of the note."""

    start: int
    end: int
    first: date
    last: date
    relative: bool = True


def mentions(text: str, on: date | None) -> list[When]:
    """All in order, without overlap. Without a day of the note only what names its year can be resolved."""
    found: list[When] = []
    taken: list[tuple[int, int]] = []
    for pattern, resolve, relative in _RULES:
        if relative and on is None:
            continue
        for match in pattern.finditer(text):
            if any(start < match.end() and match.start() < end for start, end in taken):
                continue
            taken.append(match.span())
            try:
                days = resolve(match, on or date.min)
            except (ValueError, OverflowError, KeyError):
                continue  # 2月30日 is no day; nothing else is read into it
            if days is not None:
                found.append(When(match.start(), match.end(), *days, relative))
    return sorted(found, key=lambda when: when.start)
