"""Chinese words that mean a day or a period."""

import re
from collections.abc import Iterator
from datetime import date, timedelta

from assistant.summary_calendar import (
    Rule,
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
    part_of_week,
    quarter_near,
    quarter_of,
    week_of,
    weeks_of,
)
from assistant.summary_festivals import festival, festivals, first_work_after
from assistant.summary_tense import tells_past

_WEEKDAYS = {name: number % 7 for number, name in enumerate("一二三四五六日1234567")} | {"天": 6}
_N = r"(?:\d{1,3}|[一二两三四五六七八九十]{1,3}|半)"
_ONE = r"(?:\d{1,2}|[一二三四五六七八九十廿卅]{1,3})"
_WEEK = r"(?:周|星期|礼拜)"
_WHICH = r"(?P<which>上上|下下|上|下|本|这|当)"
_PART = r"(?P<part>底|末|初|中旬|上旬|下旬|中(?!心|标|国|午|间|的))"
_UNIT = r"(?P<unit>天|日(?!本)|个?工作日|周|个?星期|个?礼拜|个?月|个?小时|个?钟头)"
# what a period is counted from when it is not the day of the note: 到货后三天内, 自签收之日起七日内
_FROM_ELSE = re.compile(r"(?:[后起]|之日|以来|提前|保修|质保|每|都是|通常|一般|平均|历来|以往)[^，。；\n]{0,6}$")
_SOON = {"今": 0, "明": 1, "后": 2, "大后": 3, "昨": -1, "前": -2, "大前": -3}
_P = re.compile


def _past(match: re.Match[str]) -> bool:
    return tells_past(match.string, *match.span())


def _elsewhere(match: re.Match[str]) -> bool:
    return bool(_FROM_ELSE.search(match.string, max(0, match.start() - 14), match.start()))


def _weekday(match: re.Match[str], on: date) -> Span:
    which, weekday = match["which"] or "", _WEEKDAYS[match["day"]]
    if which:
        return one(week_of(on, weeks_of(which))[0] + timedelta(days=weekday))
    if _past(match):
        return one(on - timedelta(days=(on.weekday() - weekday) % 7))
    return one(on + timedelta(days=(weekday - on.weekday()) % 7))


def _weekend(match: re.Match[str], on: date) -> Span:
    which = match["which"] or ""
    sunday = week_of(on, weeks_of(which))[1]
    if not which and _past(match) and on.weekday() < 5:
        sunday -= timedelta(weeks=1)
    return one(sunday)


def _relative_month(match: re.Match[str], on: date) -> Span:
    return part_of_month(months_later(on, weeks_of(match["which"] or "")), match["part"] or "")


def _named_month(match: re.Match[str], on: date) -> Span:
    month = number_of(match["month"])
    year = {"明年": on.year + 1, "去年": on.year - 1, "今年": on.year, "后年": on.year + 2}.get(match["year"] or "", 0)
    return part_of_month(month_of(year or nearest(on, month, 15, past=_past(match)).year, month), match["part"] or "")


def _year_part(match: re.Match[str], on: date) -> Span:
    year = on.year + {"明": 1, "去": -1, "后": 2, "前": -2}.get(match["which"] or "", 0)
    part = match["part"] or ""
    if part in ("底", "末"):
        return date(year, 12, 1), date(year, 12, 31)
    if part == "初":
        return date(year, 1, 1), date(year, 1, 31)
    return date(year, 1, 1), date(year, 12, 31)


def _within(match: re.Match[str], on: date) -> Span | None:
    count, unit = _counted(match)
    if count <= 0 or _elsewhere(match):
        return None
    if ("小时" in unit or "钟头" in unit) and not re.match(
        r"[^，。；\n]{0,8}[我给您你答复回]", match.string[match.end() :]
    ):
        return None  # how quickly a service answers, no day
    return on, later(on, count, unit)


def _after(match: re.Match[str], on: date) -> Span | None:
    count, unit = _counted(match)
    return None if count <= 0 or _elsewhere(match) or "小时" in unit else one(later(on, count, unit))


def _ago(match: re.Match[str], on: date) -> Span | None:
    count, unit = _counted(match)
    if count <= 0 or _elsewhere(match) or unit.lstrip("个") in ("月", "小时", "钟头", "工作日"):
        return None
    return one(later(on, -count, unit))


def _counted(match: re.Match[str]) -> tuple[int, str]:
    count, unit = match["count"], match["unit"]
    if count == "半":
        return (15, "天") if "月" in unit else (-1, unit)
    return number_of(count), unit


def _holiday(match: re.Match[str], on: date) -> Span | None:
    start = festival(match["name"], on, past=not match["count"] and _past(match))
    if start is None:
        return None
    if match["count"]:
        return start, later(start, number_of(match["count"]), match["unit"])
    return one(first_work_after(start) if match["work"] is not None else start)


def _period_of_quarter(on: date, which: str) -> Span:
    year, quarter = divmod(on.year * 4 + (on.month - 1) // 3 + weeks_of(which), 4)
    return quarter_of(year, quarter + 1)


def _quarter(match: re.Match[str], on: date) -> Span:
    number = number_of(match["number"])
    year = {"明年": on.year + 1, "去年": on.year - 1, "今年": on.year}.get(match["year"] or "", 0)
    return quarter_of(year, number) if year else quarter_near(on, number)


def _half(match: re.Match[str], on: date) -> Span:
    year = on.year + {"明年": 1, "去年": -1}.get(match["year"] or "", 0)
    if match["half"] == "上":
        return date(year, 1, 1), date(year, 6, 30)
    return date(year, 7, 1), date(year, 12, 31)


def _bare_day(match: re.Match[str], on: date) -> Span:
    which, day = match["which"] or "", number_of(match["day"])
    if which:
        return one(months_later(on, weeks_of(which))[0].replace(day=day))
    return day_of_month(on, day, past=_past(match))


def _numeric(match: re.Match[str], on: date) -> Span:
    return one(nearest(on, int(match["month"]), int(match["day"])))


def chinese() -> Iterator[Rule]:
    """The more that is said the earlier it is tried; whole dates of both languages come first."""
    year = r"(?<!\d)(?P<year>(?:19|20)\d\d)"
    yield Rule(_P(rf"{year}\s?年\s?(?P<month>\d{{1,2}})\s?月\s?(?P<day>\d{{1,2}})\s?[日号]?(?!\d)"), full_day, False)
    yield Rule(_P(rf"{year}[-/.](?P<month>\d{{1,2}})[-/.](?P<day>\d{{1,2}})(?![\d-])"), full_day, False)
    yield Rule(
        _P(rf"{year}年第?(?P<number>[一二三四1-4])季度"),
        lambda m, _: quarter_of(int(m["year"]), number_of(m["number"])),
        False,
    )
    yield Rule(
        _P(rf"{year}年(?P<month>\d{{1,2}})月份?{_PART}?"),
        lambda m, _: part_of_month(month_of(int(m["year"]), int(m["month"])), m["part"] or ""),
        False,
    )
    yield Rule(_P(rf"(?P<year>明年|去年|今年)(?P<month>{_ONE})月(?P<day>{_ONE})[日号]?(?![\d个])"), _day_of_year)
    yield Rule(
        _P(rf"(?<![\d年])(?P<month>{_ONE})月(?P<day>{_ONE})[日号]?(?![\d个台套件盒位名份家])"),
        lambda m, on: one(nearest(on, number_of(m["month"]), number_of(m["day"]), past=_past(m))),
    )
    yield Rule(
        _P(r"(?<![\d./-])(?P<month>\d{1,2})[./](?P<day>\d{1,2})(?=\s?(?:[日号]|之?前|以前|[（(]周|下午|上午))"),
        _numeric,
    )
    yield from _counts()
    yield from _weeks()
    yield from _periods()


def _day_of_year(match: re.Match[str], on: date) -> Span:
    year = on.year + {"明年": 1, "去年": -1}.get(match["year"], 0)
    return one(date(year, number_of(match["month"]), number_of(match["day"])))


def _counts() -> Iterator[Rule]:
    names = "|".join(re.escape(name) for name in festivals() if re.search(r"[\u4e00-\u9fff]", name))
    yield Rule(
        _P(
            rf"(?P<name>{names})节?(?:[前后之]{{0,2}}(?P<count>[一两二三])(?P<unit>周|天|个星期)内"
            r"|(?:假期|长假)?(?:之|以)?后(?:的?第一个工作日|上班第一天|第一天上班)(?P<work>))?"
        ),
        _holiday,
    )
    yield Rule(_P(rf"(?P<count>{_N})\s?{_UNIT}(?:之?内|以内)"), _within)
    yield Rule(_P(rf"(?<![\d第])(?P<count>{_N})\s?{_UNIT}(?:之后|以后|后(?!面|续))"), _after)
    yield Rule(_P(rf"(?<![\d第])(?P<count>{_N})\s?(?P<unit>天|周|个?星期|个?礼拜)(?:之前|以前|前)"), _ago)


def _weeks() -> Iterator[Rule]:
    no_more = r"(?!内|以内|个|次|到周|至周)"
    yield Rule(
        _P(rf"(?<![每\d一两三])(?<!每个){_WHICH}?个?{_WEEK}(?P<day>[一二三四五六日天1-6]){no_more}"), _weekday, rank=1
    )
    yield Rule(_P(rf"{_WHICH}?(?<!一)(?<!每)个?周末"), _weekend)
    yield Rule(
        _P(rf"{_WHICH}个?{_WEEK}(?P<part>初|中(?!旬))?(?!报|例|[一二三四五六日天])"),
        lambda m, on: part_of_week(week_of(on, weeks_of(m["which"])), m["part"] or ""),
    )
    yield Rule(_P(r"(?P<which>上|下下|下|本|这)个?月(?P<day>" + _ONE + r")[日号]"), _bare_day)


def _periods() -> Iterator[Rule]:
    part = f"{_PART}?"
    yield Rule(_P(rf"(?<!几)(?P<which>上上|上|下下|下|本|这|当)个?月份?{part}(?!嫂|亮)"), _relative_month)
    yield Rule(
        _P(r"(?P<which>(?!))?(?<![\d一二三四五六七八九十个每半])月(?P<part>底|末|初|中旬|上旬|下旬|中(?!心|标))"),
        _relative_month,
    )
    yield Rule(_P(r"(?P<which>(?!))?(?P<part>(?!))?(?<![\d一二三四五六七八九十个每])月内"), _relative_month)
    yield Rule(_P(rf"(?P<year>明年|去年|今年|后年)?(?<!\d)(?P<month>{_ONE})月份?{part}(?![\d个])"), _named_month)
    yield Rule(_P(r"(?P<year>明年|去年|今年)?第?(?P<number>[一二三四1-4])季度[末底初]?"), _quarter)
    yield Rule(_P(r"(?P<year>明年|去年|今年)?(?<![A-Za-z])[Qq](?P<number>[1-4])(?!\d)[末底]?"), _quarter)
    yield Rule(_P(r"(?P<which>本|这|下|上)?个?季度?[末底](?!度)|(?P<also>本|这|下|上)个?季度内?"), _this_quarter)
    yield Rule(_P(r"(?P<year>明年|去年|今年)?(?P<half>上|下)半年"), _half)
    yield Rule(_P(r"(?P<which>今|明|去|后)年(?:年?(?P<part>底|末|初))?(?!\d)"), _year_part)
    yield Rule(
        _P(r"(?P<which>(?!))?(?<![今明去后一二两三四五六七八九十几\d半整全每多])年(?P<part>底|末|初)"), _year_part
    )
    yield Rule(
        _P(
            r"(?P<soon>大后|大前|今|明|后|昨|前)(?:天|日|晚|早|儿(?!童|科|子)"
            r"|夜)(?!线|[一两二三四五六七八九十]{1,2}[次回])"
        ),
        lambda m, on: one(on + timedelta(days=_SOON[m["soon"]])),
    )
    yield Rule(
        _P(
            rf"(?<![\d月第])(?P<which>(?!))?(?P<day>{_ONE})号(?!线|楼|泵|机"
            rf"|床|柜|门|院|馆|库|文|令|手|病|诊|样|标|包|电|码|规|房|厅|[A-Za-z])"
        ),
        _bare_day,
    )
    yield Rule(_P(r"(?<![\d月第年])(?P<which>(?!))?(?P<day>\d{1,2})日(?!线)"), _bare_day)
    yield Rule(
        _P(r"下班(?:之?前)|(?<![上下中])[上下]午(?=[给发送到联打回过][^点])|(?<!今)晚上(?=[给发送到联打回])"),
        lambda m, on: one(on),
        rank=2,
    )


def _this_quarter(match: re.Match[str], on: date) -> Span:
    return _period_of_quarter(on, match["which"] or match["also"] or "")
