"""English words that mean a day or a period."""

import calendar
import re
from collections.abc import Iterator
from datetime import date, timedelta

from assistant.summary_calendar import (
    Resolve,
    Span,
    day_of_month,
    later,
    month_of,
    months_later,
    nearest,
    one,
    part_of_month,
    quarter_of,
    week_of,
)

Rule = tuple[re.Pattern[str], Resolve, bool]
_DAYS_EN = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


_MONTHS_EN = {
    name[:3].lower(): number for number, name in enumerate(calendar.month_name) if name
}  # the names of this module are English unless a locale is set, which the product never does


_NUMBERS_EN = {
    name: number
    for number, name in enumerate(
        ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"]
    )
} | {"a": 1, "an": 1, "couple of": 2, "a couple of": 2}


_MONTH = (
    r"(?:jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?"
    r"|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)"
)


_COUNT = r"(?:\d{1,3}|one|two|three|four|five|six|seven|eight|nine|ten|twelve|a couple of|an?)"


def _within_en(match: re.Match[str], on: date) -> Span:
    said = match["count"].lower()
    return on, later(on, int(said) if said.isdigit() else _NUMBERS_EN[said], match["unit"].lower())


def _weekday_en(match: re.Match[str], on: date) -> Span:
    weekday = _DAYS_EN.index(match["day"].lower())
    which = (match["which"] or "").lower()
    if which == "next":
        return one(week_of(on, 1)[0] + timedelta(days=weekday))
    ahead = (weekday - on.weekday()) % 7
    past = which == "last" or (not which and bool(match["on"]) and _tells_past(match))
    return one(on + timedelta(days=ahead) - timedelta(days=7 if past else 0))


def _tells_past(match: re.Match[str]) -> bool:
    """The survey on Monday went well: it was last Monday."""
    around = match.string[max(0, match.start() - 60) : match.end() + 40]
    return bool(re.search(r"\b(?:was|were|went|had|came|visited|sent|received|did)\b", around, re.IGNORECASE))


def _period_en(match: re.Match[str], on: date) -> Span:
    which, unit = match["which"].lower(), match["unit"].lower()
    step = {"this": 0, "the": 0, "next": 1, "last": -1}[which]
    if unit == "week":
        span = week_of(on, step)
    elif unit == "month":
        span = months_later(on, step)
    elif unit == "quarter":
        year, quarter = divmod(on.year * 4 + (on.month - 1) // 3 + step, 4)
        span = quarter_of(year, quarter + 1)
    else:
        span = date(on.year + step, 1, 1), date(on.year + step, 12, 31)
    return span


_BEFORE_MAY = re.compile(r"\b(?:in|by|until|of|since|for|last|next|before|after) $", re.IGNORECASE)


def _month_en(match: re.Match[str], on: date) -> Span | None:
    name = match["month"]
    if not name[0].isupper():
        return None
    if (
        name == "May"
        and not match["part"]
        and not match["year"]
        and not _BEFORE_MAY.search(match.string, 0, match.start())
    ):
        return None  # May I ask
    month = _MONTHS_EN[name[:3].lower()]
    year = int(match["year"]) if match["year"] else nearest(on, month, 15).year
    part = (match["part"] or "").lower()
    return part_of_month(month_of(year, month), "end" if "end" in part else part.strip(" -").removesuffix(" of"))


def _day_en(match: re.Match[str], on: date) -> Span:
    month, day = _MONTHS_EN[match["month"][:3].lower()], int(match["day"])
    return one(date(int(match["year"]), month, day) if match["year"] else nearest(on, month, day))


_SOON_EN = {
    "today": 0,
    "tonight": 0,
    "this afternoon": 0,
    "this morning": 0,
    "this evening": 0,
    "tomorrow": 1,
    "day after tomorrow": 2,
    "the day after tomorrow": 2,
    "yesterday": -1,
}


_P = re.compile


def english() -> Iterator[Rule]:
    """The more that is said the earlier it is tried."""
    i = re.IGNORECASE
    ordinal = r"(?P<day>\d{1,2})(?:st|nd|rd|th)?"
    year = r"(?:,?\s+(?P<year>(?:19|20)\d\d))"
    yield _P(rf"\b{ordinal}\s+(?:of\s+)?(?P<month>{_MONTH})\b\.?{year}", i), _day_en, False
    yield _P(rf"\b(?P<month>{_MONTH})\.?\s+{ordinal}{year}", i), _day_en, False
    bare = r"(?P<year>(?!))?"
    yield _P(rf"\b{ordinal}\s+(?:of\s+)?(?P<month>{_MONTH})\b{bare}", i), _day_en, True
    yield _P(rf"\b(?P<month>{_MONTH})\.?\s+{ordinal}\b{bare}", i), _day_en, True
    yield (
        _P(
            rf"\b(?:within|in)\s+(?:the next\s+)?(?P<count>{_COUNT})\s+(?P<unit>(?:working |business )?"
            r"(?:day|week|month|hour)s?)\b",
            i,
        ),
        _within_en,
        True,
    )
    soon = "|".join(sorted(_SOON_EN, key=len, reverse=True))
    yield _P(rf"\b(?P<soon>{soon})\b", i), lambda m, on: one(on + timedelta(days=_SOON_EN[m["soon"].lower()])), True
    yield _P(rf"\b(?P<on>on\s+)?(?:(?P<which>this|next|last)\s+)?(?P<day>{'|'.join(_DAYS_EN)})\b", i), _weekday_en, True
    yield (
        _P(
            r"\b(?:end of\s+)?(?P<which>this|next|last|the)\s+(?P<unit>week|month|quarter|year)\b"
            r"(?! after| before| of)",
            i,
        ),
        _period_en,
        True,
    )
    yield _P(rf"\b(?P<part>end of |mid-|mid |early |late )?(?P<month>{_MONTH})\b{year}?", i), _month_en, True
    yield _P(r"\b(?P<which>(?!))?(?:the\s+)?(?P<day>\d{1,2})(?:st|nd|rd|th)\b", i), day_of_month, True
