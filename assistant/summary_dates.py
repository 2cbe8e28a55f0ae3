"""Days and periods that a note mentions, resolved against the day of the note; a day that does not exist is none."""

import calendar
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta

_DIGITS = {digit: number for number, digit in enumerate("零一二三四五六七八九")} | {
    "两": 2,
    "〇": 0,
    "几": -1,
    "半": -1,
}
_WEEKDAYS = {name: number for number, name in enumerate("一二三四五六")} | {"日": 6, "天": 6}
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
_N = r"(?:\d{1,3}|[一二两三四五六七八九十]{1,3})"
_ONE = r"(?:\d{1,2}|[一二三四五六七八九十]{1,3})"
_MONTH = (
    r"(?:jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?"
    r"|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)"
)
_COUNT = r"(?:\d{1,3}|one|two|three|four|five|six|seven|eight|nine|ten|twelve|a couple of|an?)"


@dataclass(frozen=True, slots=True)
class When:
    """Characters `start` up to `end` mean the days `first` to `last`; `relative`: found by the day of the note."""

    start: int
    end: int
    first: date
    last: date
    relative: bool = True


Span = tuple[date, date]
_Resolve = Callable[[re.Match[str], date], Span | None]


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


def _number(text: str) -> int:
    if text.isdigit():
        return int(text)
    tens, ten, units = text.partition("十")
    if not ten:
        return _DIGITS[text]
    return (_DIGITS[tens] if tens else 1) * 10 + (_DIGITS[units] if units else 0)


def _month(year: int, month: int) -> Span:
    return date(year, month, 1), date(year, month, calendar.monthrange(year, month)[1])


def _shifted(on: date, months: int) -> Span:
    year, month = divmod(on.year * 12 + on.month - 1 + months, 12)
    return _month(year, month + 1)


def _part(span: Span, part: str) -> Span:
    """The first, the middle or the last ten days of a month."""
    first, last = span
    if part in ("初", "上旬", "early"):
        return first, first.replace(day=10)
    if part in ("中", "中旬", "mid"):
        return first.replace(day=11), first.replace(day=20)
    if part in ("底", "末", "下旬", "late", "end"):
        return first.replace(day=21), last
    return span


def _near(on: date, month: int, day: int) -> date:
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


def _one(day: date) -> Span:
    return day, day


def _week(on: date, weeks: int) -> Span:
    monday = on - timedelta(days=on.weekday()) + timedelta(weeks=weeks)
    return monday, monday + timedelta(days=6)


def _weekday(match: re.Match[str], on: date) -> Span:
    which, name = match["which"] or "", match["day"]
    weekday = _WEEKDAYS[name]
    if not which:
        return _one(on + timedelta(days=(weekday - on.weekday()) % 7))
    return _one(_week(on, _weeks(which))[0] + timedelta(days=weekday))


def _weeks(which: str) -> int:
    return -which.count("上") if "上" in which else which.count("下")


def _relative_month(match: re.Match[str], on: date) -> Span:
    which = match["which"] or ""
    return _part(_shifted(on, _weeks(which)), match["part"] or "")


def _day_of_month(match: re.Match[str], on: date) -> Span:
    which, day = match["which"] or "", _number(match["day"])
    if which:
        return _one(_shifted(on, _weeks(which))[0].replace(day=day))
    first = _shifted(on, 0)[0]
    this = first.replace(day=day) if _exists(first.year, first.month, day) else None
    return _one(this if this and this >= on else _shifted(on, 1)[0].replace(day=day))


def _named_month(match: re.Match[str], on: date) -> Span:
    month = _number(match["month"])
    year = {"明年": on.year + 1, "去年": on.year - 1, "今年": on.year}.get(match["year"] or "", 0)
    span = _month(year or _near(on, month, 15).year, month)
    return _part(span, match["part"] or "")


def _quarter(year: int, number: int) -> Span:
    return date(year, 3 * number - 2, 1), _month(year, 3 * number)[1]


def _year_part(match: re.Match[str], on: date) -> Span:
    year = on.year + {"明": 1, "去": -1}.get(match["which"] or "", 0)
    part = match["part"] or ""
    if part in ("底", "末"):
        return date(year, 12, 1), date(year, 12, 31)
    if part == "初":
        return date(year, 1, 1), date(year, 1, 31)
    return date(year, 1, 1), date(year, 12, 31)


def _later(on: date, count: int, unit: str) -> date:
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
    first, last = _shifted(on, count)
    return first.replace(day=min(on.day, last.day))


def _within(match: re.Match[str], on: date) -> Span | None:
    count = _number(match["count"])
    return (on, _later(on, count, match["unit"])) if count > 0 else None


def _within_en(match: re.Match[str], on: date) -> Span:
    said = match["count"].lower()
    return on, _later(on, int(said) if said.isdigit() else _NUMBERS_EN[said], match["unit"].lower())


def _after(match: re.Match[str], on: date) -> Span:
    return _one(_later(on, _number(match["count"]), match["unit"]))


_HOLIDAYS = {"元旦": (1, 1), "五一": (5, 1), "劳动节": (5, 1), "国庆": (10, 1), "国庆节": (10, 1)}


def _holiday(match: re.Match[str], on: date) -> Span:
    month, day = _HOLIDAYS[match["name"]]
    ahead = date(on.year, month, day)
    start = ahead if ahead >= on else date(on.year + 1, month, day)
    if match["count"]:
        return start, _later(start, _number(match["count"]), match["unit"])
    return _one(start)


def _weekday_en(match: re.Match[str], on: date) -> Span:
    weekday = _DAYS_EN.index(match["day"].lower())
    which = (match["which"] or "").lower()
    if which == "next":
        return _one(_week(on, 1)[0] + timedelta(days=weekday))
    ahead = (weekday - on.weekday()) % 7
    past = which == "last" or (not which and bool(match["on"]) and _tells_past(match))
    return _one(on + timedelta(days=ahead) - timedelta(days=7 if past else 0))


def _tells_past(match: re.Match[str]) -> bool:
    """The survey on Monday went well: it was last Monday."""
    around = match.string[max(0, match.start() - 60) : match.end() + 40]
    return bool(re.search(r"\b(?:was|were|went|had|came|visited|sent|received|did)\b", around, re.IGNORECASE))


def _period_en(match: re.Match[str], on: date) -> Span:
    which, unit = match["which"].lower(), match["unit"].lower()
    step = {"this": 0, "the": 0, "next": 1, "last": -1}[which]
    if unit == "week":
        span = _week(on, step)
    elif unit == "month":
        span = _shifted(on, step)
    elif unit == "quarter":
        year, quarter = divmod(on.year * 4 + (on.month - 1) // 3 + step, 4)
        span = _quarter(year, quarter + 1)
    else:
        span = date(on.year + step, 1, 1), date(on.year + step, 12, 31)
    return span


def _month_en(match: re.Match[str], on: date) -> Span | None:
    name = match["month"]
    if not name[0].isupper():
        return None
    month = _MONTHS_EN[name[:3].lower()]
    year = int(match["year"]) if match["year"] else _near(on, month, 15).year
    part = (match["part"] or "").lower()
    return _part(_month(year, month), "end" if "end" in part else part.strip(" -").removesuffix(" of"))


def _day_en(match: re.Match[str], on: date) -> Span:
    month, day = _MONTHS_EN[match["month"][:3].lower()], int(match["day"])
    return _one(date(int(match["year"]), month, day) if match["year"] else _near(on, month, day))


def _full(match: re.Match[str], _: date) -> Span:
    return _one(date(int(match["year"]), int(match["month"]), int(match["day"])))


_SOON = {"今": 0, "当": 0, "明": 1, "后": 2, "大后": 3, "昨": -1, "前": -2}
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


def _rules() -> Iterator[tuple[re.Pattern[str], _Resolve, bool]]:
    """The more that is said the earlier it is tried: what one rule takes no other reads again."""
    i = re.IGNORECASE
    yield (
        _P(r"(?<!\d)(?P<year>(?:19|20)\d\d)\s?年\s?(?P<month>\d{1,2})\s?月\s?(?P<day>\d{1,2})\s?[日号]?"),
        _full,
        False,
    )
    yield _P(r"(?<!\d)(?P<year>(?:19|20)\d\d)[-/.](?P<month>\d{1,2})[-/.](?P<day>\d{1,2})(?![\d-])"), _full, False
    ordinal = r"(?P<day>\d{1,2})(?:st|nd|rd|th)?"
    year = r"(?:,?\s+(?P<year>(?:19|20)\d\d))"
    yield _P(rf"\b{ordinal}\s+(?:of\s+)?(?P<month>{_MONTH})\b\.?{year}", i), _day_en, False
    yield _P(rf"\b(?P<month>{_MONTH})\.?\s+{ordinal}{year}", i), _day_en, False
    whole = r"(?P<year>(?:19|20)\d\d)年(?P<month>\d{1,2})月(?P<part>底|末|初|中旬|上旬|下旬)?"
    yield _P(rf"(?<!\d){whole}"), lambda m, _: _part(_month(int(m["year"]), int(m["month"])), m["part"] or ""), False
    bare = r"(?P<year>(?!))?"
    yield _P(rf"\b{ordinal}\s+(?:of\s+)?(?P<month>{_MONTH})\b{bare}", i), _day_en, True
    yield _P(rf"\b(?P<month>{_MONTH})\.?\s+{ordinal}\b{bare}", i), _day_en, True
    yield (
        _P(rf"(?<![\d年])(?P<month>{_ONE})月(?P<day>{_ONE})[日号]?(?![\d个])"),
        lambda m, on: _one(_near(on, _number(m["month"]), _number(m["day"]))),
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
        _P(r"(?P<which>上上|下下|上|下|本|这)?个?(?:周|星期|礼拜)(?P<day>[一二三四五六日天])(?!内|以内|个|次)"),
        _weekday,
        True,
    )
    yield (
        _P(r"(?P<which>上|下下|下|本|这)?(?<!一)(?<!每)个?周末"),
        lambda m, on: _one(_week(on, _weeks(m["which"] or ""))[1]),
        True,
    )
    yield (
        _P(r"(?P<which>上|下下|下|本|这)个?(?:周|星期|礼拜)(?!报|例)"),
        lambda m, on: _week(on, _weeks(m["which"])),
        True,
    )
    yield _P(rf"(?P<which>上|下下|下|本|这)个?月(?P<day>{_ONE})[日号]"), _day_of_month, True
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
        lambda m, on: _quarter(on.year, _number(m["number"])),
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
        lambda m, on: _one(on + timedelta(days=_SOON[m["soon"]])),
        True,
    )
    yield _P(r"下班前|(?<![上下中])[上下]午(?=[给发送到联前])"), lambda m, on: _one(on), True
    yield _P(r"(?<![\d月])(?P<which>(?!))?(?P<day>\d{1,2})[日号](?!线|楼|泵|机|床|柜)"), _day_of_month, True
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
    yield _P(rf"\b(?P<soon>{soon})\b", i), lambda m, on: _one(on + timedelta(days=_SOON_EN[m["soon"].lower()])), True
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
    yield _P(r"\b(?P<which>(?!))?(?:the\s+)?(?P<day>\d{1,2})(?:st|nd|rd|th)\b", i), _day_of_month, True


def _period_of_quarter(on: date, later: bool) -> Span:
    year, quarter = divmod(on.year * 4 + (on.month - 1) // 3 + later, 4)
    return _quarter(year, quarter + 1)


def _half(on: date, half: str) -> Span:
    return (date(on.year, 1, 1), date(on.year, 6, 30)) if half == "上" else (date(on.year, 7, 1), date(on.year, 12, 31))


_RULES = tuple(_rules())
