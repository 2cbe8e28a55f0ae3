"""English words that mean a day or a period."""

import calendar
import re
from collections.abc import Iterator
from datetime import date, timedelta

from assistant.summary_calendar import (
    Rule,
    Span,
    day_of_month,
    later,
    month_of,
    months_later,
    nearest,
    one,
    part_of_month,
    part_of_week,
    quarter_near,
    quarter_of,
    week_of,
)
from assistant.summary_festivals import festival, festivals
from assistant.summary_tense import tells_past

_DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_DAY = (
    r"(?P<day>mon(?:day)?|tue(?:s(?:day)?)?|wed(?:nesday)?|thu(?:r(?:s(?:day)?)?)?"
    r"|fri(?:day)?|sat(?:urday)?|sun(?:day)?)"
)
_MONTHS = {
    name[:3].lower(): number for number, name in enumerate(calendar.month_name) if name
}  # the names of this module are English unless a locale is set, which the product never does
_NUMBERS = {
    name: number
    for number, name in enumerate(
        ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"]
    )
} | {
    "a": 1,
    "an": 1,
    "couple of": 2,
    "a couple of": 2,
    "the next": 1,
    "fourteen": 14,
    "fifteen": 15,
    "twenty": 20,
    "thirty": 30,
}
_MONTH = (
    r"(?:jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?"
    r"|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)"
)
_COUNT = (
    r"(?P<count>\d{1,3}|a couple of|couple of|"
    + "|".join(sorted((n for n in _NUMBERS if " " not in n), key=len, reverse=True))
    + ")"
)
_UNIT = r"(?P<unit>(?:working |business |calendar )?(?:days?|weeks?|fortnights?|months?|hours?))"
# counted from another event: within two weeks of delivery, ten days after signing
_FROM_ELSE = re.compile(
    r"'?\s*(?:time\s*)?(?:of|from|after|following|before|prior to)\s+(?!now\b|today\b)", re.IGNORECASE
)
_ORDINALS = ("first", "second", "third", "fourth")
_SOON = {
    "day after tomorrow": 2,
    "day before yesterday": -2,
    "this afternoon": 0,
    "this morning": 0,
    "this evening": 0,
    "last night": -1,
    "yesterday": -1,
    "tomorrow": 1,
    "tmrw": 1,
    "tonight": 0,
    "today": 0,
}
_AFTER_DAY = (
    r"(?=\s*(?:$|[.,;:!?)\n\u2013-])|\s+(?:at|by|and|or|but|if|so|to"
    r"|for|in|as|with|is|was|we|i|you|he|she|they|please|then|because"
    r"|when"
    r"|latest|instead|morning|afternoon|evening|of (?:this|next|the"
    r"|last) month|from|the|that|until|till|will|would|should|works?"
    r"|suits?)\b)"
)
_I = re.IGNORECASE


def _p(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern, _I)


def _number(said: str) -> int:
    return int(said) if said.isdigit() else _NUMBERS[said.lower()]


def _past(match: re.Match[str]) -> bool:
    return tells_past(match.string, *match.span())


def _within(match: re.Match[str], on: date) -> Span | None:
    unit = match["unit"].lower().replace("calendar ", "")
    if _FROM_ELSE.match(match.string, match.end()):
        return None
    if unit.startswith("hour") and not re.search(
        r"\b(?:i|we|you)\b|'ll\b", match.string[max(0, match.start() - 60) : match.end() + 40], _I
    ):
        return None  # how quickly a service answers, no day
    return on, later(on, _number(match["count"]), unit)


def _ago(match: re.Match[str], on: date) -> Span | None:
    unit = match["unit"].lower()
    if unit.startswith(("month", "hour", "working", "business")):
        return None
    return one(later(on, -_number(match["count"]), unit))


def _weekday(match: re.Match[str], on: date) -> Span:
    weekday = next(place for place, name in enumerate(_DAYS) if name.startswith(match["day"].lower()[:3]))
    which, week = (match["which"] or "").lower(), (match["week"] or "").lower()
    if "next" in week or "the week after" in week:
        return one(week_of(on, 1)[0] + timedelta(days=weekday))
    if "last" in week:
        return one(week_of(on, -1)[0] + timedelta(days=weekday))
    if "this" in week:
        return one(week_of(on, 0)[0] + timedelta(days=weekday))
    if which == "next":
        return one(week_of(on, 1)[0] + timedelta(days=weekday))
    ahead = (weekday - on.weekday()) % 7
    if week == "week" or match.groupdict().get("later"):
        return one(on + timedelta(days=(ahead or 7) + 7))
    if which in ("last", "previous"):
        return one(on - timedelta(days=(on.weekday() - weekday) % 7 or 7))
    past = which not in ("this", "coming", "this coming") and _past(match)
    return one(on - timedelta(days=(on.weekday() - weekday) % 7) if past else on + timedelta(days=ahead))


def _period(match: re.Match[str], on: date) -> Span | None:
    which, unit, part = match["which"].lower(), match["unit"].lower(), (match["part"] or "").lower()
    if which == "the" and not part:
        return None
    step = {"this": 0, "the": 0, "next": 1, "last": -1, "previous": -1, "current": 0, "coming": 1, "following": 1}[
        which
    ]
    named = next((name for name in ("early", "beginning", "start", "mid", "late", "end") if name in part), "")
    if unit == "week":
        return part_of_week(week_of(on, step), named)
    if unit == "month":
        return part_of_month(months_later(on, step), named)
    if unit == "quarter":
        year, quarter = divmod(on.year * 4 + (on.month - 1) // 3 + step, 4)
        return quarter_of(year, quarter + 1)
    if unit == "weekend":
        sunday = week_of(on, step)[1]
        return one(sunday)
    return date(on.year + step, 1, 1), date(on.year + step, 12, 31)


def _weekend(match: re.Match[str], on: date) -> Span:
    sunday = week_of(on, 0)[1]
    return one(sunday - timedelta(weeks=1) if on.weekday() < 5 and _past(match) else sunday)


_BEFORE_MAY = re.compile(r"\b(?:in|by|until|of|since|for|last|next|before|after|during|from|and|or|through) $", _I)


def _month(match: re.Match[str], on: date) -> Span | None:
    name = match["month"]
    part = (match["part"] or "").lower().strip(" -")
    bare = not part and not match["year"] and not match["which"]
    if (
        name.islower()
        and (bare or name in ("may", "march"))
        and name
        not in (
            "january",
            "february",
            "april",
            "june",
            "july",
            "august",
            "september",
            "october",
            "november",
            "december",
        )
    ):
        return None
    if (
        name.lower()
        in ("may", "march", "mar", "jan", "dec", "sept", "sep", "oct", "nov", "feb", "apr", "aug", "jun", "jul")
        and bare
        and not _BEFORE_MAY.search(match.string, 0, match.start())
    ):
        return None  # May I ask
    month = _MONTHS[name[:3].lower()]
    which = (match["which"] or "").lower()
    year = int(match["year"]) if match["year"] else nearest(on, month, 15, past=_past(match)).year
    if which:
        year = (
            on.year + (month <= on.month)
            if which == "next"
            else on.year - (month >= on.month)
            if which == "last"
            else on.year
        )
    if "half" in part:
        first, last = month_of(year, month)
        return (first, first.replace(day=15)) if "first" in part else (first.replace(day=16), last)
    part = next((known for known in ("end", "mid", "early", "late", "beginning", "start") if known in part), "")
    return part_of_month(month_of(year, month), part)


def _day(match: re.Match[str], on: date) -> Span:
    month, day = _MONTHS[match["month"][:3].lower()], int(match["last"] or match["day"])
    return one(date(int(match["year"]), month, day) if match["year"] else nearest(on, month, day, past=_past(match)))


def _bare_day(match: re.Match[str], on: date) -> Span:
    month = (match["of"] or "").lower()
    step = 1 if "next" in month else -1 if "last" in month else 0
    if month:
        return one(months_later(on, step)[0].replace(day=int(match["day"])))
    return day_of_month(on, int(match["day"]), past=_past(match))


def _numeric(match: re.Match[str], on: date) -> Span | None:
    """17/10/2025 and 10/17: only where one reading is a day, or both are the same."""
    a, b = int(match["a"]), int(match["b"])
    year = int(match["year"]) if match["year"] else 0
    read = {(day, month) for day, month in ((a, b), (b, a)) if 1 <= month <= 12 and 1 <= day <= 31}
    if len(read) != 1:
        return None
    day, month = read.pop()
    return one(date(year, month, day) if year else nearest(on, month, day, past=_past(match)))


def _holiday(match: re.Match[str], on: date) -> Span | None:
    day = festival(match["name"], on, past=_past(match))
    return one(day) if day else None


def _quarter(match: re.Match[str], on: date) -> Span:
    said = (match["n"] or match["word"]).lower()
    number = int(said[0]) if said[0].isdigit() else _ORDINALS.index(said) + 1
    return quarter_of(int(match["year"]), number) if match["year"] else quarter_near(on, number)


def english() -> Iterator[Rule]:
    """The more that is said the earlier it is tried."""
    ordinal = r"(?P<day>\d{1,2})(?:st|nd|rd|th)?(?:\s?(?:-|\u2013|to|and)\s?(?P<last>\d{1,2})(?:st|nd|rd|th)?)?"
    year = r"(?:,?\s+(?P<year>(?:19|20)\d\d))"
    bare = r"(?P<year>(?!))?"
    yield Rule(_p(rf"\b{ordinal}[^\S\n]+(?:of\s+)?(?P<month>{_MONTH})\b\.?{year}"), _day, False)
    yield Rule(_p(rf"\b(?P<month>{_MONTH})\.?[^\S\n]+{ordinal}{year}"), _day, False)
    yield Rule(_p(rf"\b{ordinal}[^\S\n]+(?:of\s+)?(?P<month>{_MONTH})\b{bare}"), _day)
    yield Rule(_p(rf"\b(?P<month>{_MONTH})\.?[^\S\n]+{ordinal}\b{bare}(?!\s*(?:units?|pumps?|%|monitors?))"), _day)
    yield Rule(_p(r"(?<![\d/.-])(?P<a>\d{1,2})[/.](?P<b>\d{1,2})[/.](?P<year>20\d\d)(?!\d)"), _numeric, False)
    yield Rule(_p(r"(?<=by |on )(?P<a>\d{1,2})/(?P<b>\d{1,2})(?P<year>(?!))?(?![\d/])"), _numeric)
    quarter = r"(?:q(?P<n>[1-4])|(?P<word>first|second|third|fourth|[1-4](?:st|nd|rd|th)) quarter)"
    yield Rule(_p(rf"\b(?:end of )?(?:the )?{quarter}(?:(?: of)? (?P<year>20\d\d))?\b"), _quarter)
    yield Rule(
        _p(
            rf"(?:\b(?:by|on|until|till|before|after|from|since|of|the|around)\s+)(?:the\s+)?(?P<day>\d{{1,2}})"
            rf"(?:st|nd|rd|th)\b{_AFTER_DAY}(?P<of>\s+of (?:this|next|the|last) month)?"
        ),
        _bare_day,
    )
    yield from _counts()
    yield from _names()
    part = (
        r"(?P<part>(?:the )?(?:very )?(?:end of |beginning of |start of |middle of |first half of |second half of )"
        r"|mid[- ]|early (?:in )?|late (?:in )?)?"
    )
    yield Rule(_p(rf"\b{part}(?P<which>next |last |this )?(?P<month>{_MONTH})\b{year}?"), _month)
    yield Rule(
        _p(
            r"\b(?:by |before )?(?:eod|cob|(?:the )?(?:end|close) of (?:the "
            r"|this )?(?:day|play|business|working day))\b"
        ),
        lambda m, on: one(on),
        rank=2,
    )


def _counts() -> Iterator[Rule]:
    yield Rule(
        _p(rf"\b(?:within|inside|in|over)\s+(?:the (?:next|coming)\s+)?{_COUNT}\s+{_UNIT}\b(?:'s?)?(?:\s+time)?"),
        _within,
    )
    yield Rule(_p(rf"\b{_COUNT}\s+{_UNIT}(?:'s?)?\s+(?:from (?:now|today)|hence)\b"), _within)
    yield Rule(_p(rf"\b{_COUNT}\s+{_UNIT}\s+ago\b"), _ago)
    soon = "|".join(sorted(_SOON, key=len, reverse=True))
    yield Rule(_p(rf"\b(?:the )?(?P<soon>{soon})\b"), lambda m, on: one(on + timedelta(days=_SOON[m["soon"].lower()])))


def _names() -> Iterator[Rule]:
    week = r"(?:,?\s+(?P<week>(?:of )?(?:next|this|last) week|the week after(?! next)|week)\b)?"
    yield Rule(_p(rf"\b(?P<week>(?:next|this|last) week),?\s+(?:on\s+)?(?P<which>(?!))?{_DAY}\b"), _weekday)
    yield Rule(
        _p(
            rf"\b(?P<later>a week (?:on|from) )?(?:(?P<which>this coming|this"
            rf"|next|last|previous|coming)\s+)?(?<!every )(?<!each ){_DAY}\b(?!s\b"
            rf"|\.\w){week}"
        ),
        _weekday_named,
        rank=1,
    )
    part = r"(?P<part>(?:the )?(?:end|beginning|start|middle) of\s+|(?:early|mid|late|later)[- ](?:in )?)?"
    yield Rule(
        _p(
            rf"\b{part}(?P<which>this|next|last|previous|the current|the coming"
            rf"|the)\s+(?:calendar )?(?P<unit>week|month|quarter|year|(?<!the )weekend)\b(?!\s*(?:after next"
            rf"|before last|of\b)|'s)(?! after| before)"
        ),
        _period,
    )
    yield Rule(_p(r"\bend[- ]of[- ](?P<which>month|year|quarter)\b"), _end_of)
    yield Rule(_p(r"\bthe week after next\b"), lambda m, on: week_of(on, 2))
    yield Rule(_p(r"\b(?:the |at |over the )weekend\b"), _weekend)
    yield Rule(_p(r"\b(?:by |at )?(?P<which>month|year|quarter)[- ]end\b"), _end_of)
    names = "|".join(re.escape(name) for name in festivals() if not re.search(r"[\u4e00-\u9fff]", name))
    yield Rule(_p(rf"\b(?P<name>{names})\b"), _holiday)


def _weekday_named(match: re.Match[str], on: date) -> Span | None:
    """Sat and sun are words as well."""
    short = match["day"]
    if short.lower() in ("sat", "sun", "wed", "mon", "fri", "tue", "thu") and not short[0].isupper():
        return None if short.lower() in ("sat", "sun", "wed") else _weekday(match, on)
    return _weekday(match, on)


def _end_of(match: re.Match[str], on: date) -> Span:
    unit = match["which"].lower()
    if unit == "month":
        return part_of_month(months_later(on, 0), "end")
    return quarter_near(on, (on.month + 2) // 3) if unit == "quarter" else (date(on.year, 12, 1), date(on.year, 12, 31))
