"""Chinese words that mean a day or a period."""

import re
from collections.abc import Iterator
from datetime import date, timedelta

from assistant.summary_calendar import (
    Resolve,
    Span,
    day_of_month,
    full_day,
    later,
    month_of,
    months_later,
    nearest,
    number_of,
    one,
    part_of_month,
    quarter_of,
    week_of,
    weeks_of,
)

Rule = tuple[re.Pattern[str], Resolve, bool]
_WEEKDAYS = {name: number for number, name in enumerate("一二三四五六")} | {"日": 6, "天": 6}


_N = r"(?:\d{1,3}|[一二两三四五六七八九十]{1,3})"


_ONE = r"(?:\d{1,2}|[一二三四五六七八九十]{1,3})"


def _weekday(match: re.Match[str], on: date) -> Span:
    which, name = match["which"] or "", match["day"]
    weekday = _WEEKDAYS[name]
    if not which:
        return one(on + timedelta(days=(weekday - on.weekday()) % 7))
    return one(week_of(on, weeks_of(which))[0] + timedelta(days=weekday))


def _relative_month(match: re.Match[str], on: date) -> Span:
    which = match["which"] or ""
    return part_of_month(months_later(on, weeks_of(which)), match["part"] or "")


def _named_month(match: re.Match[str], on: date) -> Span:
    month = number_of(match["month"])
    year = {"明年": on.year + 1, "去年": on.year - 1, "今年": on.year}.get(match["year"] or "", 0)
    span = month_of(year or nearest(on, month, 15).year, month)
    return part_of_month(span, match["part"] or "")


def _year_part(match: re.Match[str], on: date) -> Span:
    year = on.year + {"明": 1, "去": -1}.get(match["which"] or "", 0)
    part = match["part"] or ""
    if part in ("底", "末"):
        return date(year, 12, 1), date(year, 12, 31)
    if part == "初":
        return date(year, 1, 1), date(year, 1, 31)
    return date(year, 1, 1), date(year, 12, 31)


def _within(match: re.Match[str], on: date) -> Span | None:
    count = number_of(match["count"])
    return (on, later(on, count, match["unit"])) if count > 0 else None


def _after(match: re.Match[str], on: date) -> Span:
    return one(later(on, number_of(match["count"]), match["unit"]))


_HOLIDAYS = {"元旦": (1, 1), "五一": (5, 1), "劳动节": (5, 1), "国庆": (10, 1), "国庆节": (10, 1)}


def _holiday(match: re.Match[str], on: date) -> Span:
    month, day = _HOLIDAYS[match["name"]]
    ahead = date(on.year, month, day)
    start = ahead if ahead >= on else date(on.year + 1, month, day)
    if match["count"]:
        return start, later(start, number_of(match["count"]), match["unit"])
    return one(start)


_SOON = {"今": 0, "当": 0, "明": 1, "后": 2, "大后": 3, "昨": -1, "前": -2}


def _period_of_quarter(on: date, later: bool) -> Span:
    year, quarter = divmod(on.year * 4 + (on.month - 1) // 3 + later, 4)
    return quarter_of(year, quarter + 1)


def _half(on: date, half: str) -> Span:
    return (date(on.year, 1, 1), date(on.year, 6, 30)) if half == "上" else (date(on.year, 7, 1), date(on.year, 12, 31))


_P = re.compile


def chinese() -> Iterator[Rule]:
    """The more that is said the earlier it is tried; whole dates of both languages come first."""
    yield (
        _P(r"(?<!\d)(?P<year>(?:19|20)\d\d)\s?年\s?(?P<month>\d{1,2})\s?月\s?(?P<day>\d{1,2})\s?[日号]?"),
        full_day,
        False,
    )
    yield _P(r"(?<!\d)(?P<year>(?:19|20)\d\d)[-/.](?P<month>\d{1,2})[-/.](?P<day>\d{1,2})(?![\d-])"), full_day, False
    whole = r"(?P<year>(?:19|20)\d\d)年(?P<month>\d{1,2})月(?P<part>底|末|初|中旬|上旬|下旬)?"
    yield (
        _P(rf"(?<!\d){whole}"),
        lambda m, _: part_of_month(month_of(int(m["year"]), int(m["month"])), m["part"] or ""),
        False,
    )
    yield (
        _P(rf"(?<![\d年])(?P<month>{_ONE})月(?P<day>{_ONE})[日号]?(?![\d个])"),
        lambda m, on: one(nearest(on, number_of(m["month"]), number_of(m["day"]))),
        True,
    )
    yield (
        _P(r"(?P<name>元旦|国庆节?|五一|劳动节)(?:[节前后之]{0,2}(?P<count>[一两二三])(?P<unit>周|天|个星期)内)?"),
        _holiday,
        True,
    )
    yield (
        _P(
            rf"(?<!后)(?P<count>{_N})\s?(?P<unit>天|日|个?工作日|周|个?星期|个?礼拜|个?月|个?小时)"
            r"(?:之?内|以内)"
        ),
        _within,
        True,
    )
    yield _P(rf"(?<![\d第])(?P<count>{_N})\s?(?P<unit>天|个?工作日|周|个?星期|个?月)(?:之?后|以后)"), _after, True
    yield (
        _P(
            r"(?<!每)(?<!每个)(?P<which>上上|下下|上|下|本|这)?个?(?:周|星期|礼拜)(?P<day>[一二三四五六日天])(?!内|以内|个|次)"
        ),
        _weekday,
        True,
    )
    yield (
        _P(r"(?P<which>上|下下|下|本|这)?(?<!一)(?<!每)个?周末"),
        lambda m, on: one(week_of(on, weeks_of(m["which"] or ""))[1]),
        True,
    )
    yield (
        _P(r"(?P<which>上|下下|下|本|这)个?(?:周|星期|礼拜)(?!报|例)"),
        lambda m, on: week_of(on, weeks_of(m["which"])),
        True,
    )
    yield _P(rf"(?P<which>上|下下|下|本|这)个?月(?P<day>{_ONE})[日号]"), day_of_month, True
    yield from _periods()


def _periods() -> Iterator[Rule]:
    part = r"(?P<part>底|末|初|中旬|上旬|下旬|中)?"
    yield _P(rf"(?<!几)(?P<which>上|下下|下|本|这)个?月份?{part}"), _relative_month, True
    yield (
        _P(r"(?P<which>(?!))?(?<![\d一二三四五六七八九十个每])月(?P<part>底|末|初|中旬|上旬|下旬)"),
        _relative_month,
        True,
    )
    yield (
        _P(rf"(?P<year>明年|去年|今年)?(?<!\d)(?P<month>{_ONE})月份?(?P<part>底|末|初|中旬|上旬|下旬|中)?(?![\d个])"),
        _named_month,
        True,
    )
    yield (
        _P(r"第?(?P<number>[一二三四1-4])季度(?:末|底)?"),
        lambda m, on: quarter_of(on.year, number_of(m["number"])),
        True,
    )
    yield (
        _P(r"(?P<which>本|这|下)?个?季度(?:末|底|内)"),
        lambda m, on: _period_of_quarter(on, m["which"] == "下"),
        True,
    )
    yield _P(r"本季度"), lambda m, on: _period_of_quarter(on, later=False), True
    yield _P(r"(?P<half>上|下)半年"), lambda m, on: _half(on, m["half"]), True
    yield _P(r"(?P<which>今|明|去)年(?P<part>底|末|初)?(?!\d)"), _year_part, True
    yield _P(r"(?P<which>(?!))?(?<![今明去一二两三四五六七八九十几\d])年(?P<part>底|末|初)"), _year_part, True
    yield (
        _P(r"(?P<soon>大后|今|当|明|后|昨|前)(?:天|日|晚)(?!线)"),
        lambda m, on: one(on + timedelta(days=_SOON[m["soon"]])),
        True,
    )
    yield _P(r"下班前|(?<![上下中])[上下]午(?=[给发送到联前])"), lambda m, on: one(on), True
    yield _P(r"(?<![\d月])(?P<which>(?!))?(?P<day>\d{1,2})[日号](?!线|楼|泵|机|床|柜)"), day_of_month, True
