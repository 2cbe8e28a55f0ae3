"""Days, weeks, months and quarters around a day, and how notes count them."""

import calendar
import re
from collections.abc import Callable
from datetime import date, timedelta

_DIGITS = {digit: number for number, digit in enumerate("零一二三四五六七八九")} | {
    "两": 2,
    "〇": 0,
    "几": -1,
    "半": -1,
}


Span = tuple[date, date]


Resolve = Callable[[re.Match[str], date], Span | None]


def number_of(text: str) -> int:
    if text.isdigit():
        return int(text)
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
    if part in ("初", "上旬", "early"):
        return first, first.replace(day=10)
    if part in ("中", "中旬", "mid"):
        return first.replace(day=11), first.replace(day=20)
    if part in ("底", "末", "下旬", "late", "end"):
        return first.replace(day=21), last
    return span


def nearest(on: date, month: int, day: int) -> date:
    """Of this year, the last and the next the one that lies nearest, with a bias for what lies ahead."""
    found: list[date] = []
    for year in (on.year, on.year + 1, on.year - 1):
        try:
            found.append(date(year, month, day))
        except ValueError:
            continue
    if not found:
        raise ValueError(day)
    middle = on + timedelta(days=60)
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


def quarter_of(year: int, number: int) -> Span:
    return date(year, 3 * number - 2, 1), month_of(year, 3 * number)[1]


def later(on: date, count: int, unit: str) -> date:
    if unit in ("天", "日") or unit.startswith("day"):
        return on + timedelta(days=count)
    if unit in ("周", "星期", "个星期", "礼拜", "个礼拜") or unit.startswith("week"):
        return on + timedelta(weeks=count)
    if "小时" in unit or unit.startswith("hour"):
        return on + timedelta(days=count // 24)
    if "工作日" in unit or "working" in unit or "business" in unit:
        day = on
        while count:
            day += timedelta(days=1)
            count -= day.weekday() < 5
        return day
    first, last = months_later(on, count)
    return first.replace(day=min(on.day, last.day))


def full_day(match: re.Match[str], _: date) -> Span:
    return one(date(int(match["year"]), int(match["month"]), int(match["day"])))


def weeks_of(which: str) -> int:
    return -which.count("上") if "上" in which else which.count("下")


def day_of_month(match: re.Match[str], on: date) -> Span:
    which, day = match["which"] or "", number_of(match["day"])
    if which:
        return one(months_later(on, weeks_of(which))[0].replace(day=day))
    first = months_later(on, 0)[0]
    this = first.replace(day=day) if _exists(first.year, first.month, day) else None
    return one(this if this and this >= on else months_later(on, 1)[0].replace(day=day))
