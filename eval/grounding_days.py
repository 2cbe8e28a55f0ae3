"""The days that a text speaks of: whole, without a year, relative to a day, and parts of months and years."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal

from eval.numerals import HAN, han_number
from eval.values import MONTHS

LONE = "day"  # the canonical form of a day of no month
ANY_YEAR = 2000  # the year of days whose year is not said
_SHORT = {name[:3]: number for number, name in enumerate(MONTHS, 1)}
_MONTH_WORD = "|".join([*MONTHS, *(rf"{name[:3]}(?![a-z])" for name in MONTHS if name != "May"), "Sept(?![a-z])"])
_ORDINAL_WORDS = [
    "first",
    "second",
    "third",
    "fourth",
    "fifth",
    "sixth",
    "seventh",
    "eighth",
    "ninth",
    "tenth",
    "eleventh",
    "twelfth",
    "thirteenth",
    "fourteenth",
    "fifteenth",
    "sixteenth",
    "seventeenth",
    "eighteenth",
    "nineteenth",
    "twentieth",
]
_ORDINAL = "|".join(_ORDINAL_WORDS)
_DAY = r"[12]\d|3[01]|0?[1-9]"
_FROM = re.compile(r"(?:自|从|since|from|starting|as of|effective)\s?(?:early |mid-?|late |the )?$", re.IGNORECASE)
_FROM_AFTER = re.compile(r"^\s?(?:起|以来|开始|至今|onwards?)")
_TO = re.compile(
    r"(?:至|到|截至|截止到?|有效期至|到期日为?|until|through|till|expir\w+(?: on| in)?"
    r"|valid to|ends?(?: on| in)?|ended(?: on| in| with)?|to|by)\s?(?:the )?(?:end of )?$",
    re.I,
)
_TO_AFTER = re.compile(r"^\s?(?:到期|届满|截止|过期|为止|止|结束|以前|之前|前)")
_PARTIAL = re.compile(
    rf"(?<![\d\-/.第])(?<!\d年)(?<!\d年 )(?P<m>1[0-2]|0?[1-9])\s?月(?:份)?(?:(?P<d>{_DAY})\s?[日号])?"
    r"(?!\s?[至到\-~—]\s?\d{1,2}\s?月)"
    r"|(?<![\d/.-])(?P<sm>1[0-2]|0?[1-9])/(?P<sd>3[01]|[12]\d|0?[1-9])"
    r"(?= ?[前后日下盘到起止至签送装交验开收发])"
    rf"|(?<![{HAN}第个])(?P<hm>十[一二]?|[一二三四五六七八九元])月(?!份?[票卡报])(?:份)?"
    r"(?:(?P<hd>[二三]?十[一二三四五六七八九]?|[一二三四五六七八九]|\d{1,2})[日号])?"
    rf"|(?:(?<=\W)(?:(?P<d1>{_DAY})(?:st|nd|rd|th)?|(?P<dw>{_ORDINAL})) (?:of )?)?"
    rf"(?<![A-Za-z])(?P<mon>{_MONTH_WORD})\.?(?: (?:the )?(?P<d2>{_DAY})(?:st|nd|rd|th)?(?!\d))?"
    r"(?![A-Za-z])(?!,? (?:19|20)\d{2})(?! (?:to|through|and|until) [A-Z][a-z]+ (?:\d{4}|window))"
)
_BARE_DAY = re.compile(rf"(?<![\d月年第.])(?P<d>{_DAY})\s?[日号](?![楼线机床院])")
_LONE_DAY = re.compile(
    rf"(?<![\d年月第.编A-Za-z])(?P<z>{_DAY})号(?![楼线机床院标门库仓店厅车间柜通窗病手项公文井泵针管色])"
    rf"|(?<= the )(?P<e>{_DAY})(?:st|nd|rd|th)(?=[,.;:]|$)"
)  # the 19th, 12号: of any month
_MONTHLY = re.compile(
    rf"(?:(?P<lm>上个?月|last month)|(?P<tm>本月|这个?月|当月|this month)|(?P<nm>下个?月|next month))"
    rf"(?:的|[，, ]*on the )?(?:(?P<d>{_DAY})(?:[日号]|st|nd|rd|th)(?! (?:{_MONTH_WORD})))?"
    rf"|(?P<dm>{_DAY})(?:st|nd|rd|th) of (?P<which>last|this|next) month",
    re.IGNORECASE,
)
_YEARLY = re.compile(
    r"(?P<y2>前年|the year before last)|(?P<y1>去年|上年度?|上一年度?|last year|the year before)"
    r"|(?P<y0>今年|本年度?|this year)|(?P<n1>明年|来年|下年度?|下一年度?|next year|the coming year)|(?P<n2>后年)",
    re.IGNORECASE,
)
_NAMED_DAYS = re.compile(r"(?P<o>今天|今日|today)|(?P<y>昨天|昨日|yesterday)|(?P<t>明天|明日|tomorrow)", re.IGNORECASE)
_QUARTERLY = re.compile(
    r"(?P<l>上一?个?季度?|last quarter|previous quarter)|(?P<t>本季度|这个?季度|this quarter)"
    r"|(?P<n>下一?个?季度?|next quarter)",
    re.IGNORECASE,
)
_PART_AFTER = re.compile(r"^(?:的|年)?(?P<part>上旬|月?初|头上?|中旬|月?中(?![标心国小])|下旬|月?[底末])")
_PART_BEFORE = re.compile(
    r"(?P<early>early (?:in )?|(?:beginning|start) of )$|(?P<mid>mid[- ]|middle of )$"
    r"|(?P<late>late (?:in )?|end of |close of )$",
    re.IGNORECASE,
)
_CAPITALS = frozenset("JFMASOND")


@dataclass(frozen=True, slots=True)
class Mention:
    """
    A value as said. A number lies in low..high, shown in steps of `step`; a day in first..last.

    `bound`: about, least, most; `edge`: from, to; `yearless`: any year; `loose`: said relative to today ("last year");
    `rough`: a part of a month or year, whose borders nobody knows.
    """

    kind: str
    text: str
    start: int
    end: int
    canonical: str
    low: Decimal = Decimal(0)
    high: Decimal = Decimal(0)
    step: Decimal = Decimal(0)
    unit: str = ""
    bound: str = ""
    first: date | None = None
    last: date | None = None
    edge: str = ""
    yearless: bool = False
    loose: bool = False
    rough: bool = False

    @property
    def numeric(self) -> bool:
        """Whether it counts or measures."""
        return self.kind in ("money", "percent", "quantity", "period", "number")


def days_of(canonical: str) -> tuple[date, date] | None:
    """The first and last day of 2024, 2024-03, 2024-03-12, 2024-Q3, Q3, 2024-H1; None when there is no such day."""
    parts = canonical.split("-")
    year = int(parts.pop(0)) if parts[0].isdigit() else ANY_YEAR
    try:
        if not parts:
            return date(year, 1, 1), date(year, 12, 31)
        if parts[0][0] in "QH":
            size = 3 if parts[0][0] == "Q" else 6
            last = int(parts[0][1]) * size
            return date(year, last - size + 1, 1), _end_of(year, last)
        month = int(parts[0])
        if len(parts) == 1:
            return date(year, month, 1), _end_of(year, month)
        day = date(year, month, int(parts[1]))
    except ValueError:
        return None
    return day, day


def same_days(stated: tuple[date, date], said: Mention, *, yearless: bool = False) -> bool:
    """Whether stated days lie within the days said; of a part of a month or year, whether they meet."""
    if said.first is None or said.last is None:
        return False
    first, last = stated
    begin, end = said.first, said.last
    if said.canonical == LONE:
        return first == last and first.day == begin.day
    if said.yearless or yearless:
        first, last, begin, end = (_in_any_year(day) for day in (first, last, begin, end))
    if said.rough and first != last:
        return first <= end and begin <= last
    return begin <= first and last <= end


def edge_of(before: str, after: str) -> str:
    """Whether a day is said as a start or an end, by the words around it."""
    if _TO.search(before) or _TO_AFTER.match(after):
        return "to"
    return "from" if _FROM.search(before) or _FROM_AFTER.match(after) else ""


def in_part(mention: Mention, text: str) -> Mention:
    """3月底, 2023年中, early March 2024: the part of it."""
    if mention.first is None or mention.last is None or mention.first == mention.last or mention.rough:
        return mention
    days = (mention.last - mention.first).days
    if days > 31 and days < 364:
        return mention
    after, before = _PART_AFTER.match(text[mention.end : mention.end + 4]), None
    if after is None:
        before = _PART_BEFORE.search(text[max(0, mention.start - 14) : mention.start])
    if after is None and before is None:
        return mention
    word = after["part"] if after else ""
    part = (
        (before.lastgroup or "") if before else "mid" if "中" in word else "late" if word[-1] in "底末旬" else "early"
    )
    part = "early" if word == "上旬" else part
    size = max(days, 27)
    borders = {"early": (0, size * 2 // 5), "mid": (size // 4, size * 3 // 4), "late": (size * 3 // 5, days + 1)}[part]
    first, last = (mention.first + timedelta(days=by) for by in borders)
    return replace(mention, first=first, last=last, rough=True, end=mention.end + (after.end() if after else 0))


def partial_days(plain: str) -> list[Mention]:
    """Days and months without a year: 3月12日, 元月, July, the first of July."""
    lone = [_lone(match) for match in _LONE_DAY.finditer(plain)] if "号" in plain or "the " in plain else []
    if "月" not in plain and "/" not in plain and _CAPITALS.isdisjoint(plain):
        return lone
    found = [mention for match in _PARTIAL.finditer(plain) if (mention := _partial(match)) is not None]
    if found and re.search("[日号]", plain):
        for match in _BARE_DAY.finditer(plain):
            before = [m for m in found if m.end <= match.start()]
            if before and before[-1].first:  # 8月23日和27日
                span = days_of(f"{ANY_YEAR}-{before[-1].first.month:02}-{int(match['d']):02}")
                if span and not any(m.start <= match.start() < m.end for m in found):
                    found.append(_day_mention(match, span, f"{span[0]:%m-%d}", yearless=True))
    return [*found, *(day for day in lone if not covering(found, day.start, day.end))]


def relative_days(plain: str, as_of: date | None) -> list[Mention]:
    """Days said from today: 去年, 上月22日, two years ago. Without today, that such words were said."""
    day = as_of or date(ANY_YEAR, 6, 15)
    return [replace(mention, loose=True) if as_of is None else mention for mention in _relative(plain, day)]


def with_year_of(mention: Mention, other: Mention) -> Mention:
    """2024年3月至5月: the second month is of the year of the first."""
    if not mention.yearless or other.yearless or other.first is None or mention.first is None or mention.last is None:
        return mention
    by = other.first.year - mention.first.year
    first, last = (_moved_years(day, by) for day in (mention.first, mention.last))
    return replace(mention, first=first, last=last, yearless=False)


def months_between(first: date, last: date) -> Decimal:
    """How many months lie between two days, in parts."""
    whole = (last.year - first.year) * 12 + last.month - first.month
    return Decimal(whole) + Decimal(last.day - first.day) / 31


def after_months(day: date, months: int) -> date:
    """The day so many months later; of a month without it the last."""
    total = day.year * 12 + day.month - 1 + months
    year, month = total // 12, total % 12 + 1
    return date(year, month, min(day.day, _end_of(year, month).day)) if 1 <= year < 9999 else day


def _end_of(year: int, month: int) -> date:
    return date(year + month // 12, month % 12 + 1, 1) - timedelta(days=1)


def _in_any_year(day: date) -> date:
    return day.replace(year=ANY_YEAR)


def _moved_years(day: date, by: int) -> date:
    try:
        return day.replace(year=day.year + by)
    except ValueError:
        return day.replace(year=day.year + by, day=28)


def _day_mention(
    match: re.Match[str], span: tuple[date, date], canonical: str, *, yearless: bool = False, loose: bool = False
) -> Mention:
    edge = edge_of(
        match.string[max(0, match.start() - 16) : match.start()], match.string[match.end() : match.end() + 8]
    )
    return Mention(
        "date",
        match.group(),
        *match.span(),
        canonical,
        first=span[0],
        last=span[1],
        edge=edge,
        yearless=yearless,
        loose=loose,
    )


def _lone(match: re.Match[str]) -> Mention:
    day = date(ANY_YEAR, 1, int(match["z"] or match["e"]))
    return _day_mention(match, (day, day), LONE, yearless=True)


def _partial(match: re.Match[str]) -> Mention | None:
    if match["mon"] in ("May", "Mar", "Jun", "Dec", "Jan") and not (match["d1"] or match["d2"] or match["dw"]):
        before = match.string[: match.start()]
        if not re.search(
            r"(?:[Ii]n|[Bb]y|of|[Ss]ince|until|[Ff]rom|to|late|early|mid|last|this|next|and|during|-) $", before
        ):
            return None
    month = _SHORT[match["mon"][:3]] if match["mon"] else 0
    if not month:
        month = (
            int(match["sm"] or match["m"])
            if match["sm"] or match["m"]
            else 1
            if match["hm"] == "元"
            else int(han_number(match["hm"]))
        )
    day = int(match["sd"] or match["d"] or match["d1"] or match["d2"] or 0)
    if match["dw"]:
        day = _ORDINAL_WORDS.index(match["dw"]) + 1
    elif match["hd"]:
        day = int(match["hd"]) if match["hd"].isdigit() else int(han_number(match["hd"]))
    span = days_of(f"{ANY_YEAR}-{month:02}" + (f"-{day:02}" if day else ""))
    return _day_mention(match, span, f"{month:02}-{day:02}", yearless=True) if span else None


def _relative(plain: str, day: date) -> Iterator[Mention]:
    lower = plain.lower()
    for match in _YEARLY.finditer(plain) if "年" in plain or "year" in lower else ():
        year = day.year + {"y2": -2, "y1": -1, "y0": 0, "n1": 1, "n2": 2}[match.lastgroup or "y0"]
        yield _day_mention(match, (date(year, 1, 1), date(year, 12, 31)), "year", loose=True)
    for match in _MONTHLY.finditer(plain) if "月" in plain or "month" in lower else ():
        groups = match.groupdict()
        which = (match["which"] or "").lower()[:1] or next(name[0] for name in ("lm", "tm", "nm") if groups[name])
        first = after_months(day.replace(day=1), {"l": -1, "t": 0, "n": 1}[which])
        number = int(match["d"] or match["dm"] or 0)
        last = _end_of(first.year, first.month)
        if number > last.day:
            continue
        exact = first.replace(day=number) if number else None
        yield _day_mention(match, (exact or first, exact or last), "month", loose=exact is None)
    named = "天" in plain or "日" in plain or "day" in lower or "tomorrow" in lower
    for match in _NAMED_DAYS.finditer(plain) if named else ():
        when = day + timedelta(days={"o": 0, "y": -1, "t": 1}[match.lastgroup or "o"])
        yield _day_mention(match, (when, when), "day", loose=True)
    for match in _QUARTERLY.finditer(plain) if "季" in plain or "quarter" in lower else ():
        first = after_months(
            date(day.year, (day.month - 1) // 3 * 3 + 1, 1), {"l": -3, "t": 0, "n": 3}[match.lastgroup or "t"]
        )
        last = after_months(first, 3) - timedelta(days=1)
        yield _day_mention(match, (first, last), "quarter", loose=True)


def covering(mentions: Sequence[Mention], start: int, end: int) -> bool:
    """Whether some mention meets start..end."""
    return any(start < m.end and m.start < end for m in mentions)
