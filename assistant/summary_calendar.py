"""Days, weeks, months and quarters around a day, and how notes count them."""

import calendar
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta

from assistant.summary_festivals import working_later

_DIGITS = {digit: number for number, digit in enumerate("零一二三四五六七八九")} | {
    "两": 2,
    "〇": 0,
    "几": -1,
    "半": -1,
}
_HALF_A_YEAR = 200
Span = tuple[date, date]
Resolve = Callable[[re.Match[str], date], Span | None]


@dataclass(frozen=True, slots=True)
class Rule:
    """
    Words that mean a day. `relative`: found by the day of the note only. `rank`: 0 says which day, 1 repeats its name
    ("Friday, 6 March"), 2 its hour ("周五下班前"): beside a lower rank it says nothing new.
    """

    pattern: re.Pattern[str]
    resolve: Resolve
    relative: bool = True
    rank: int = 0


def number_of(text: str) -> int:
    """三, 两, 十五, 二十, 廿三 or digits."""
    if text.isdigit():
        return int(text)
    text = text.replace("廿", "二十").replace("卅", "三十")
    tens, ten, units = text.partition("十")
    if not ten:
        return _DIGITS[text]
    return (_DIGITS[tens] if tens else 1) * 10 + (_DIGITS[units] if units else 0)


def month_of(year: int, month: int) -> Span:
    return date(year, month, 1), date(year, month, calendar.monthrange(year, month)[1])


def months_later(on: date, months: int) -> Span:
    year, month = divmod(on.year * 12 + on.month - 1 + months, 12)
    return month_of(year, month + 1)


def part_of_month(span: Span, part: str) -> Span:
    """The first, the middle or the last ten days of a month."""
    first, last = span
    if part in ("初", "上旬", "early", "beginning", "start"):
        return first, first.replace(day=10)
    if part in ("中", "中旬", "mid", "middle"):
        return first.replace(day=11), first.replace(day=20)
    if part in ("底", "末", "下旬", "late", "end"):
        return first.replace(day=21), last
    return span


def nearest(on: date, month: int, day: int, *, past: bool = False) -> date:
    """
    That day of this year, the last or the next: the last one so far where the words tell of the past, else the one
    that lies nearest, with a bias for what lies ahead.
    """
    found: list[date] = []
    for year in (on.year, on.year + 1, on.year - 1):
        try:
            found.append(date(year, month, day))
        except ValueError:
            continue
    behind = [each for each in found if (0 if past else 9_999) <= (on - each).days <= _HALF_A_YEAR]
    if behind:
        return max(behind)
    if not found:
        raise ValueError(day)
    middle = on + timedelta(days=125)
    nearest = min(found, key=lambda each: abs((each - middle).days))
    if nearest.year != on.year and not _exists(on.year, month, day):
        raise ValueError(day)  # 2月29日 of a year that has none is a slip, not another year
    return nearest


def _exists(year: int, month: int, day: int) -> bool:
    return day <= calendar.monthrange(year, month)[1]


def one(day: date) -> Span:
    return day, day


def week_of(on: date, weeks: int) -> Span:
    monday = on - timedelta(days=on.weekday()) + timedelta(weeks=weeks)
    return monday, monday + timedelta(days=6)


def part_of_week(span: Span, part: str) -> Span:
    """Early: to Tuesday; mid: to Thursday; late: to Sunday."""
    monday, sunday = span
    if part in ("初", "early", "start", "beginning"):
        return monday, monday + timedelta(days=1)
    if part in ("中", "mid", "middle"):
        return monday + timedelta(days=1), monday + timedelta(days=3)
    return monday, sunday


def quarter_of(year: int, number: int) -> Span:
    return date(year, 3 * number - 2, 1), month_of(year, 3 * number)[1]


def quarter_near(on: date, number: int) -> Span:
    """That of this year, or of the last one when it would lie more than half a year ahead."""
    this = quarter_of(on.year, number)
    return quarter_of(on.year - 1, number) if (this[0] - on).days > 200 else this


def later(on: date, count: int, unit: str) -> date:
    """`count` may be negative, but for working days."""
    unit = unit.lower()
    if "工作日" in unit or "working" in unit or "business" in unit:
        return working_later(on, count)
    if unit in ("天", "日") or unit.startswith("day"):
        return on + timedelta(days=count)
    if "周" in unit or "星期" in unit or "礼拜" in unit or unit.startswith("week"):
        return on + timedelta(weeks=count)
    if unit.startswith("fortnight"):
        return on + timedelta(weeks=2 * count)
    if "小时" in unit or "钟头" in unit or unit.startswith("hour"):
        return on + timedelta(days=count // 24)
    first, last = months_later(on, count)
    return first.replace(day=min(on.day, last.day))


def full_day(match: re.Match[str], _: date) -> Span:
    return one(date(int(match["year"]), int(match["month"]), int(match["day"])))


def weeks_of(which: str) -> int:
    return -which.count("上") if "上" in which else which.count("下")


def day_of_month(on: date, day: int, *, past: bool) -> Span:
    """The next such day from `on` on, or the last one up to it; of the months that have it."""
    for step in range(4):
        first, last = months_later(on, -step if past else step)
        if day <= last.day and ((first.replace(day=day) <= on) if past else (first.replace(day=day) >= on)):
            return one(first.replace(day=day))
    raise ValueError(day)
