"""Whether a sales call may be made now, why not, and when next, by the clock and calendar of the called party."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cache
from typing import Literal
from zoneinfo import ZoneInfo

from sqlalchemy import Connection

from assistant.script import Finding
from governance.errors import Language
from rag.call_hours import Hours, calendars
from rag.company import Company
from rag.facts import facts_about

FARTHEST = 400  # days that are looked through for the next window
WEEKDAYS = {
    "zh": ("周一", "周二", "周三", "周四", "周五", "周六", "周日"),
    "en": ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"),
}


@dataclass(frozen=True, slots=True)
class CallState:
    """
    `start` and `end` are of the window that is open or of the next one, as the clock of the called party shows them.
    `unverified`: nobody has checked article and days; `unknown`: no holidays are entered for that time.
    """

    may_call: bool
    why: Literal["open", "hour", "weekend", "holiday"]
    at: datetime
    start: datetime | None
    end: datetime | None
    article: str
    version: str
    unverified: bool
    unknown: bool


@cache
def hours() -> dict[str, Hours]:
    """Region → its hours as they are shipped."""
    return calendars({})


def hours_for(tx: Connection, company: Company, customer: str) -> Hours:
    """The calendar of a customer (id), by its region in the records."""
    named = facts_about(tx, customer, as_of=None, relation="name")
    return company.file.call_hours.of(named[-1].attributes.get("region", "") if named else "")


def local(now: datetime, hours: Hours) -> datetime:
    """An aware time as the clock of the called party shows it."""
    return now.astimezone(ZoneInfo(hours.zone))


def call_state(now: datetime, hours: Hours) -> CallState:
    """Of an aware moment."""
    at = local(now, hours)
    start, end = next(((a, b) for a, b in _windows(at.date(), hours) if b > at), (None, None))
    open_ = start is not None and start <= at
    day = at.date()
    why = "open" if open_ else "hour"
    if not open_ and not hours.is_working(day):
        why = "holiday" if hours.is_holiday(day) else "weekend"
    last = (start or at).date()
    unknown = hours.known_until is not None and last > hours.known_until
    return CallState(open_, why, at, start, end, hours.article, hours.law_version, hours.unverified, unknown)


def may_call(now: datetime, hours: Hours) -> Finding | None:
    """None when a call may be made at this aware moment; else why not and when."""
    state = call_state(now, hours)
    if state.may_call:
        return None
    return Finding(
        rule="call-hours",
        article=hours.article,
        version=hours.law_version,
        severity="review",
        message=hours.message,
        instead=hours.instead,
        quoted=state.at.strftime("%Y-%m-%d %H:%M"),
        section="",
    )


def say_moment(moment: datetime, language: Language) -> str:
    """A day with its weekday and the time: 2026-11-23（周一）08:30."""
    weekday = WEEKDAYS[language][moment.weekday()]
    day, hour = moment.strftime("%Y-%m-%d"), moment.strftime("%H:%M")
    return f"{day}（{weekday}）{hour}" if language == "zh" else f"{weekday} {day} {hour}"


def _windows(first: date, hours: Hours) -> Iterator[tuple[datetime, datetime]]:
    zone = ZoneInfo(hours.zone)
    for day in (first + timedelta(days=n) for n in range(FARTHEST)):
        if hours.is_working(day):
            for start, end in sorted(hours.windows):
                yield datetime.combine(day, start, zone), datetime.combine(day, end, zone)
