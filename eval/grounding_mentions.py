"""The values of a sentence as ranges of numbers and of days, so that what is rounded or partly said can be compared."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal
from functools import lru_cache

from eval.values import MONTHS, Found, find_values, half_width

ABOUT_LEAST, ABOUT_MOST = Decimal("1.5"), Decimal("0.66")  # "over 30" may be said of up to 45, "under 30" from 20
_ANY = 2000  # the year of days whose year is not said
_UNIT = re.compile(r"[^\d\s,.，零〇一二两三四五六七八九十百千万亿]+$")
_CURRENCIES = (
    ("USD", re.compile(r"美元|USD|US\$|\$|dollars?", re.IGNORECASE)),
    ("EUR", re.compile(r"欧元|EUR|€|euros?", re.IGNORECASE)),
    ("JPY", re.compile(r"日元|JPY")),
    ("HKD", re.compile(r"港元|港币|HKD")),
    ("GBP", re.compile(r"英镑|GBP|£")),
)
_SCALES = {"万": 10**4, "亿": 10**8, "千": 10**3, "百万": 10**6, "千万": 10**7, "million": 10**6, "thousand": 10**3}
_SCALED = re.compile(r"(千万|百万|万|亿|千|million|thousand)|(?<=\d)\s?([km])(?![A-Za-z])", re.IGNORECASE)
_MONTH_NUMBERS = {name: number for number, name in enumerate(MONTHS, 1)}
_SAME_UNIT = {"圆": "元", "boxes": "box", "pcs": "piece", "部": "台"}
_EN_UNIT = {"unit": "台套个件部支张辆床",
            "set": "套台", "piece": "件个台支", "box": "盒箱", "kit": "盒套", "case": "箱例",
            "bottle": "瓶", "system": "台套", "monitor": "台", "pump": "台",
            "bed": "张床", "pack": "包盒", "tonne": "吨",
            "pair": "双对副"}  # fmt: skip
_BOUND = re.compile(
    r"(?:(?P<most>不超过|不到|少于|低于|不多于|不高于|至多|不足|最多|under|less than|at most|up to|below|no more than)"
    r"|(?P<least>超过|不少于|不低于|至少|逾|多于|高于|over|more than|at least|no less than|above|exceed\w*)"
    r"|(?P<about>约|大约|大概|近|将近|接近|about|around|approximately|roughly|nearly"
    r"|almost|some|circa)\s?(?:为|是)?)\s?$",
    re.IGNORECASE,
)
_ABOUT_AFTER = re.compile(r"^\s?(?:左右|上下|余|多)")
_JOIN = re.compile(r"^\s?(?:至|到|-|~|～|—|–|―)\s?$|^ (?:to|and|or) $")
_FROM = re.compile(r"(?:自|从|since|from|starting|as of|effective)\s?(?:early |mid-?|late )?$", re.IGNORECASE)
_FROM_AFTER = re.compile(r"^\s?(?:起|以来|开始|至今|onwards?)")
_TO = re.compile(
    r"(?:至|到|截至|截止到?|有效期至|到期日为?|until|through|till|expir\w+(?: on| in)?"
    r"|valid to|ends?(?: on| in)?|to)\s?$",
    re.I,
)
_TO_AFTER = re.compile(r"^\s?(?:到期|届满|截止|过期|为止|止)")
_PARTIAL = re.compile(
    r"(?<![\d\-/.第])(?<!\d年)(?<!\d年 )(?P<m>1[0-2]|0?[1-9])\s?月(?:份)?(?:(?P<d>[12]\d"
    r"|3[01]|0?[1-9])\s?[日号])?(?!\s?[至到\-~—]\s?\d{1,2}\s?月)"
    rf"|(?:(?<=\W)(?P<d1>[12]\d|3[01]|0?[1-9])(?:st|nd|rd|th)? )?(?<![A-Za-z])(?P<mon>{'|'.join(MONTHS)})"
    r"(?: (?P<d2>[12]\d|3[01]|0?[1-9])(?:st|nd|rd"
    r"|th)?(?!\d))?(?![A-Za-z])(?!,? \d{4})(?! (?:to|through|and|until) [A-Z])"
)
_FAR_UNIT = re.compile(
    r"^ (?:[A-Za-z-]*\d[\w-]*,? |[a-z]+ ){1,3}?(units?|sets?|boxes|kits?|monitors?|pumps?|systems?|beds?)(?![A-Za-z])"
)
_FAR = re.compile(
    r"(?<![A-Za-z])(two|three|four|five|six|seven|eight|nine|ten|eleven"
    r"|twelve)(?= (?:[A-Za-z-]*\d[\w-]*,? |[a-z]+ ){1,3}?(units?|sets?|boxes"
    r"|kits?)(?![A-Za-z]))"
)
_CAPITALS = frozenset("JFMASOND")
_SIGNS = frozenset("0123456789０１２３４５６７８９零〇一二两三四五六七八九十百千壹贰叁肆伍陆柒捌玖拾半年月[")
_SOME = re.compile(  # a text without such a sign or word holds no value
    r"(?<![A-Za-z])(?:one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|\w+teen|twenty|thirty|forty|fifty|sixty"
    rf"|ninety|hundred|first|second|third|last|this|next|{'|'.join(MONTHS)})(?![A-Za-z])",
    re.IGNORECASE,
)
_RELATIVE = re.compile(
    r"(?P<ly>去年|上年度?|last year)|(?P<ty>今年|本年度?|this year)|(?P<ny>明年|下年度?|next year)|(?P<by>前年)"
    r"|(?P<lm>上个?月|last month)|(?P<tm>本月|这个月|this month)|(?P<nm>下个?月|next month)", re.IGNORECASE
)  # fmt: skip
_IDLE = re.compile(  # figures that state nothing of anybody
    r"第\s?[\d一二三四五六七八九十]+(?!\s?季度)|\d{1,2}[:：]\d{2}"
    r"|[\d一二两三四五六七八九十]+\s?(?:分钟|点(?:钟|半)?(?=[前后左到开，。]|$)|句)"
    r"|(?:\d+|one|two|three|five|ten|fifteen|twenty|thirty) ?-?(?:minutes?|mins?)(?![A-Za-z])"
    r"|[一二两三四五几]个(?:问题|方面|建议|点|时间|方案|选择|重点|事|想法|部分|阶段|步骤"
    r"|原因|疑问|情况|工作日|星期|钟头)|[一两]件事"
    r"|(?:还剩|剩余|剩下|还有)(?:不到|约|大约)?[\d一二两三四五六七八九十半]+(?:年|个月|天)"
    r"|(?:近|过去|最近|前|未来|今后)[\d一二两三四五六七八九十]+(?:年|个月)|(?:last|past"
    r"|next) (?:\w+ )(?:years?|months?|weeks?)"
    r"|(?m:^\s*\d{1,2}[.、)）](?!\d))|这一年|一年(?=一度|的时间)|一[套批例支台]方案|一起|十分|万一|千万(?=[别不要])"
    r"|\d{1,2} ?(?:a\.?m|p\.?m)\b|one of|one-off|24/7|7[*×x]24"
)


@dataclass(frozen=True, slots=True)
class Mention:
    """
    A value as said. A number lies in low..high, shown in steps of `step`; a day in first..last.

    `bound`: about, least, most; `edge`: from, to; `yearless`: any year; `loose`: said relative to today ("last year").
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

    @property
    def numeric(self) -> bool:
        """Whether it counts or measures."""
        return self.kind in ("money", "percent", "quantity", "period", "number")


@lru_cache(maxsize=20_000)
def mentions(text: str, as_of: date | None = None) -> tuple[Mention, ...]:
    """The values of `text` in order; figures of speech are left out. Relative days are read from `as_of`."""
    if _SIGNS.isdisjoint(text) and _SOME.search(text) is None:
        return ()
    found, plain = _plain(text)
    if as_of is not None and (match := _RELATIVE.search(plain)):
        taken = [(m.start, m.end) for m in found]
        told = _relative(plain, as_of, match.start())
        found = (*found, *(m for m in told if not _overlaps(m.start, m.end, taken)))
        return tuple(_joined(sorted(found, key=lambda m: m.start), plain))
    return _whole(text)


@lru_cache(maxsize=20_000)
def _whole(text: str) -> tuple[Mention, ...]:
    found, plain = _plain(text)
    return tuple(_joined(found, plain))


@lru_cache(maxsize=20_000)
def _plain(text: str) -> tuple[tuple[Mention, ...], str]:
    """The values one by one, and the text in half-width."""
    plain = half_width(text)
    idle = [match.span() for match in _IDLE.finditer(plain)]
    signs = set(plain)
    monthly = "月" in signs or not _CAPITALS.isdisjoint(signs)
    partial = [m for m in map(_partial, _PARTIAL.finditer(plain)) if m] if monthly else []
    found: list[Mention] = []
    for value in find_values(text):
        if _inside(value.start, value.end, idle) or plain[value.start - 1 : value.start] == "第":
            continue  # 第二人民医院 does not count two people
        if value.kind == "number" and _inside(value.start, value.end, [(m.start, m.end) for m in partial]):
            continue
        if value.kind == "number" and (far := _FAR_UNIT.match(plain[value.end : value.end + 40])):
            value = replace(find_values(f"{value.text} {far[1]}")[0], start=value.start, end=value.end)  # 3 CY-90 units
        found.append(_mention(value, plain))
    taken = [(m.start, m.end) for m in found]
    for match in _FAR.finditer(plain) if " " in signs else ():
        if not _overlaps(*match.span(1), taken):
            far = find_values(f"{match[1]} {match[2]}")[0]
            found.append(_mention(replace(far, start=match.start(), end=match.end()), plain))
    found += [m for m in partial if not _overlaps(m.start, m.end, taken)]
    return tuple(sorted(found, key=lambda m: m.start)), plain


def rounds_to(value: Decimal, said: Mention) -> bool:
    """
    The declared policy: `value` may be said as the shown digits, rounded half up; "over n" up to half as much more.

    A plain number (no 万, million) without "about" is exact.
    """
    if said.bound == "least":
        return said.low <= value <= said.low * ABOUT_LEAST
    if said.bound == "most":
        return said.low * ABOUT_MOST <= value <= said.low
    if value == said.low:
        return True
    if said.bound == "about" and said.step:
        return abs(value - said.low) * 2 <= said.step
    return bool(said.step) and (value / said.step).quantize(Decimal(1), ROUND_HALF_UP) * said.step == said.low


def same_number(stated: Mention, said: Mention) -> bool:
    """Whether a statement of a source or fact proves a number as it was said; a range only proves itself."""
    if stated.low != stated.high or said.low != said.high:
        return (stated.low, stated.high) == (said.low, said.high)
    return rounds_to(stated.low, said)


def same_unit(stated: str, said: str) -> bool:
    """台 is 台 or unit; an unknown unit is any."""
    if not stated or not said or stated == said:
        return True
    one, other = _SAME_UNIT.get(stated, stated), _SAME_UNIT.get(said, said)
    if one == other:
        return True
    return other in _EN_UNIT.get(one, "") if one.isascii() else other.isascii() and one in _EN_UNIT.get(other, "")


def same_days(stated: tuple[date, date], said: Mention, *, yearless: bool = False) -> bool:
    """Whether stated days lie within the days said."""
    if said.first is None or said.last is None:
        return False
    first, last = stated
    if said.yearless or yearless:
        first, last = _in_any_year(first), _in_any_year(last)
        return _in_any_year(said.first) <= first and last <= _in_any_year(said.last)
    return said.first <= first and last <= said.last


def _in_any_year(day: date) -> date:
    return day.replace(year=_ANY)


def _mention(value: Found, plain: str) -> Mention:
    base = Mention(value.kind, value.text, value.start, value.end, value.canonical)
    before, after = plain[max(0, value.start - 16) : value.start], plain[value.end : value.end + 8]
    if value.kind in ("date", "month", "year", "quarter", "half"):
        span = days_of(value.canonical)
        edge = _edge(before, after)
        yearless = value.kind in ("quarter", "half") and not value.canonical[0].isdigit()
        first, last = span or (None, None)
        return replace(base, kind="date", first=first, last=last, edge=edge, yearless=yearless)
    if not base.numeric:
        return base
    number = Decimal(re.sub(r"[^\d.]", "", value.canonical) or "0")
    match = _BOUND.search(before)
    bound = (match.lastgroup or "") if match else ""
    if not bound and _ABOUT_AFTER.match(after):
        bound = "about"
    unit = unit_of(value)
    return replace(base, low=number, high=number, step=_step(value.text, number, bound), unit=unit, bound=bound)


def unit_of(value: Found) -> str:
    """The currency of an amount, the measure of a period, the word behind a count."""
    if value.kind == "money":
        return next((code for code, words in _CURRENCIES if words.search(value.text)), "CNY")
    if value.kind == "period":
        return value.canonical[-1]
    if value.kind == "quantity" and (match := _UNIT.search(value.text)):
        word = match.group().strip().lower()
        return word.removesuffix("es") if word == "boxes" else word.removesuffix("s") if word.isascii() else word
    return ""


def _step(text: str, number: Decimal, bound: str) -> Decimal:
    """The worth of the last digit shown, where rounding is allowed; 0: exact."""
    if re.search(r"[零壹贰叁肆伍陆柒捌玖]", text):
        return Decimal(0)
    digits = re.search(r"\d[\d,]*(?:\.(\d+))?", text)
    match = _SCALED.search(text)
    if digits and match:
        scale = _SCALES.get((match[1] or "").lower()) or {"k": 10**3, "m": 10**6}[(match[2] or "k").lower()]
        more = re.search(r"[万亿]\d", text)
        return Decimal(0) if more else Decimal(scale) / (10 ** len(digits[1] or ""))
    if bound == "about" and digits and not digits[1] and number:
        zeros = len(str(int(number))) - len(str(int(number)).rstrip("0"))
        return Decimal(10) ** zeros
    return Decimal(1) / 10 ** len(digits[1] or "") if bound == "about" and digits else Decimal(0)


def days_of(canonical: str) -> tuple[date, date] | None:
    """The first and last day of 2024, 2024-03, 2024-03-12, 2024-Q3, Q3, 2024-H1; None when there is no such day."""
    parts = canonical.split("-")
    year = int(parts.pop(0)) if parts[0].isdigit() else _ANY
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


def _end_of(year: int, month: int) -> date:
    return date(year + month // 12, month % 12 + 1, 1) - timedelta(days=1)


def _edge(before: str, after: str) -> str:
    if _TO.search(before) or _TO_AFTER.match(after):
        return "to"
    return "from" if _FROM.search(before) or _FROM_AFTER.match(after) else ""


def _partial(match: re.Match[str]) -> Mention | None:
    if (
        match["mon"] == "May"
        and not match["d1"]
        and not match["d2"]
        and not re.search(
            r"(?:in|by|of|since|until|from|to|late|early|mid|last|this|next) $", match.string[: match.start()]
        )
    ):
        return None
    month = _MONTH_NUMBERS[match["mon"]] if match["mon"] else int(match["m"])
    day = int(match["d"] or match["d1"] or match["d2"] or 0)
    span = days_of(f"{_ANY}-{month:02}" + (f"-{day:02}" if day else ""))
    if span is None:
        return None
    edge = _edge(match.string[max(0, match.start() - 16) : match.start()], match.string[match.end() : match.end() + 8])
    text = f"{month:02}-{day:02}"
    return Mention(
        "date", match.group(), match.start(), match.end(), text, first=span[0], last=span[1], edge=edge, yearless=True
    )


def _relative(plain: str, as_of: date, start: int) -> list[Mention]:
    found: list[Mention] = []
    for match in _RELATIVE.finditer(plain, start):
        name = match.lastgroup or ""
        if name[1] == "y":
            year = as_of.year + {"l": -1, "t": 0, "n": 1, "b": -2}[name[0]]
            span = date(year, 1, 1), date(year, 12, 31)
        else:
            months = as_of.year * 12 + as_of.month - 1 + {"l": -1, "t": 0, "n": 1}[name[0]]
            span = date(months // 12, months % 12 + 1, 1), _end_of(months // 12, months % 12 + 1)
        found.append(Mention("date", match.group(), *match.span(), name, first=span[0], last=span[1], loose=True))
    return found


def _joined(found: Sequence[Mention], plain: str) -> list[Mention]:
    """Ranges of numbers as one mention (10至12台); of two days the first is a start, the second an end."""
    kept: list[Mention] = []
    for mention in found:
        last = kept[-1] if kept else None
        if (
            last is not None
            and last.loose
            and mention.yearless
            and plain[last.end : mention.start].strip() in ("", "的")
        ):
            kept[-1] = _with_year(mention, replace(last, yearless=False))  # 去年3月
            continue
        if last is None or not _JOIN.match(plain[last.end : mention.start]):
            kept.append(mention)
            continue
        if last.kind == mention.kind == "date":
            kept[-1] = replace(last, edge="from")
            kept.append(_with_year(replace(mention, edge="to"), last))
        elif mention.numeric and last.kind in ("number", mention.kind) and mention.kind != "number":
            scale = _SCALED.search(mention.text) if last.kind == "number" else None
            factor = _SCALES.get((scale[1] or "").lower(), 1) if scale else 1
            text = plain[last.start : mention.end]
            low = (
                last.low * factor
                if not (mention.kind == "period" and mention.canonical.endswith("m") and "年" in mention.text)
                else last.low * 12
            )
            kept[-1] = replace(mention, text=text, start=last.start, low=low, step=Decimal(0))
        else:
            kept.append(mention)
    return kept


def _with_year(mention: Mention, other: Mention) -> Mention:
    """2024年3月至5月: the second month is of the year of the first."""
    if not mention.yearless or other.yearless or other.first is None or mention.first is None or mention.last is None:
        return mention
    year = other.first.year
    return replace(
        mention, first=mention.first.replace(year=year), last=mention.last.replace(year=year), yearless=False
    )


def _inside(start: int, end: int, spans: Sequence[tuple[int, int]]) -> bool:
    return any(first <= start and end <= last for first, last in spans)


def _overlaps(start: int, end: int, spans: Sequence[tuple[int, int]]) -> bool:
    return any(start < last and first < end for first, last in spans)
