"""Festivals that notes name instead of a day (packs/festivals.yaml), and the working days around them."""

from datetime import date, timedelta
from functools import lru_cache
from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict

from rag.call_hours import CallHours, Hours
from rag.rule_pack import PACKS


class _Festivals(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    fixed: dict[str, str]
    yearly: dict[str, list[date]]


@lru_cache(maxsize=1)
def _known() -> _Festivals:
    content: Any = yaml.load((PACKS / "festivals.yaml").read_text(encoding="utf-8"), Loader=yaml.CSafeLoader)
    return _Festivals.model_validate(content)


@lru_cache(maxsize=1)
def _hours() -> Hours:
    return CallHours().of()


def festivals() -> tuple[str, ...]:
    """Their names, the longest first."""
    return tuple(sorted([*_known().fixed, *_known().yearly], key=lambda name: (-len(name), name)))


def festival(name: str, on: date, *, past: bool) -> date | None:
    """The next one on or after that day, or the last one before it; None where the year is not listed."""
    known, called = _known(), name.casefold().replace("\u2019", "'")
    if called in known.fixed:
        month, day = (int(part) for part in known.fixed[called].split("-"))
        found = [date(year, month, day) for year in (on.year - 1, on.year, on.year + 1)]
    else:
        found = known.yearly.get(called, [])
    ahead = [day for day in found if day >= on]
    behind = [day for day in found if day <= on]
    return (max(behind) if behind else None) if past else (min(ahead) if ahead else None)


def working_later(on: date, count: int) -> date:
    """`count` working days after that day; weekends and the holidays of packs/call-hours.yaml do not count."""
    known, day = _hours(), on
    for _ in range(4_000):
        if not count:
            break
        day += timedelta(days=1)
        count -= known.is_working(day)
    return day


def first_work_after(festive: date) -> date:
    """The first working day after a festival and the days off that belong to it."""
    known, day = _hours(), festive + timedelta(days=1)
    while not known.is_working(day):
        day += timedelta(days=1)
    return day
