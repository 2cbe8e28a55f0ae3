"""Find the values in a Chinese or English sentence and write each in one canonical form, so that they compare."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

Kind = Literal["date", "month", "year", "window", "period", "money", "percent", "quantity", "code", "person", "number"]

HALF_WIDTH = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F) if chr(code) not in "，。；：？！（）"} | {
    0x3000: 0x20
}
MONTHS = (
    "January February March April May June July August September October November December".split()  # noqa: SIM905
)
_MONTH = "|".join([*MONTHS, *(name[:3] for name in MONTHS)])
_HAN_DIGITS = {char: value for value, char in enumerate("零一二三四五六七八九")} | {"两": 2, "〇": 0}
_HAN = "零〇一二两三四五六七八九十百千"
_UNITS = "台|套|件|支|个|盒|箱|批|人|名|例|次|条|根|张|份|瓶|片|组|辆|只|家|间|床|吨|米|副|把|袋|颗"
_EN_UNITS = (
    r"units?|sets?|pieces?|pcs|boxes|box|kits?|cases?|bottles?|systems?|monitors?|pumps?|beds?|packs?|tonnes?|pairs?"
)
_N = r"\d+(?:,\d{3})*(?:\.\d+)?"
_SCALE = {
    "": 1,
    "千": 10**3,
    "万": 10**4,
    "百万": 10**6,
    "千万": 10**7,
    "亿": 10**8,
    "k": 10**3,
    "million": 10**6,
    "thousand": 10**3,
    "m": 10**6,
}
# Order decides: a longer reading of the same characters comes first. CJK characters are \w, so \b is no boundary.
_PATTERNS: tuple[tuple[Kind, str], ...] = (
    ("person", r"\[\[(?P<person>p_[0-9a-f]{16})\.\w+\]\]"),
    ("code", r"[\u4e00-\u9fff]械注[准进许]\s?\d{8,14}|[\u4e00-\u9fff]械备\s?\d{8,14}"),
    ("date", r"(?P<y>\d{4})\s?年\s?(?P<m>\d{1,2})\s?月\s?(?P<d>\d{1,2})\s?日"),
    ("date", r"(?<!\d)(?P<y>(?:19|20)\d{2})[-/.](?P<m>\d{1,2})[-/.](?P<d>\d{1,2})(?!\d)"),
    ("date", rf"(?P<d>\d{{1,2}})\s(?P<mon>{_MONTH})\.?,?\s(?P<y>\d{{4}})"),
    ("date", rf"(?P<mon>{_MONTH})\.?\s(?P<d>\d{{1,2}}),\s?(?P<y>\d{{4}})"),
    ("month", r"(?P<y>\d{4})\s?年\s?(?P<m>\d{1,2})\s?月(?!\s?\d{1,2}\s?日)"),
    ("month", rf"(?P<mon>{_MONTH})\.?\s(?P<y>(?:19|20)\d{{2}})(?!\d)"),
    ("month", r"(?<![\d-])(?P<y>(?:19|20)\d{2})-(?P<m>0[1-9]|1[0-2])(?![\d-])"),
    ("window", r"(?P<m1>\d{1,2})\s?月\s?(?:至|到|-|—|~)\s?(?P<m2>\d{1,2})\s?月"),
    ("window", rf"(?P<mon1>{_MONTH})\s(?:to|through|and|-)\s(?P<mon2>{_MONTH})(?![a-z])"),
    ("money", rf"[¥￥$€]\s?(?P<n>{_N})\s?(?P<scale>千万|百万|万|亿|千|million|thousand|k|m)?(?:元|人民币)?"),
    ("money", rf"(?P<n>{_N})\s?(?P<scale>千万|百万|万|亿|千)?\s?(?:元|圆|人民币|美元|欧元)"),
    ("money", rf"(?:RMB|CNY|USD|EUR)\s?(?P<n>{_N})\s?(?P<scale>million|thousand|k|m)?(?![A-Za-z])"),
    ("money", rf"(?P<n>{_N})\s?(?P<scale>million|thousand)?\s?(?:yuan|RMB|CNY|USD|EUR)(?![A-Za-z])"),
    ("money", rf"(?P<n>{_N})\s?(?P<scale>千万|百万|万|亿)(?![\u4e00-\u9fff]?[{_UNITS.replace('|', '')}])"),
    ("percent", rf"(?P<n>{_N})\s?(?:%|％|percent)|百分之(?P<han>[{_HAN}\d.]+)"),
    (
        "period",
        rf"(?!(?:19|20)\d{{2}}\s?年)(?<![\d.,])(?P<n>{_N}|[{_HAN}]+)\s?(?P<unit>个月|年(?!\s?\d)(?!以)|天|周|小时)(?=质保|保修|的|内|，|。|；|、|$|免费|整机|延保)",
    ),
    ("period", rf"(?P<n>{_N})[\s-]?(?P<unit>months?|years?|days?|weeks?|hours?)(?![A-Za-z])"),
    ("period", rf"(?P<n>{_N})\s?(?P<unit>个月)"),
    ("year", r"(?<!\d)(?P<y>(?:19|20)\d{2})\s?年(?:度)?"),
    # 一个, 一份, 一件事 and the like are figures of speech, not counts
    ("quantity", rf"(?!一[个份件次家张条片人名组])(?P<n>{_N}|[{_HAN}]+)\s?(?:{_UNITS})"),
    ("quantity", rf"(?P<n>{_N})\s(?:{_EN_UNITS})(?![A-Za-z])"),
    (
        "code",
        r"(?<![A-Za-z0-9])(?=[A-Za-z0-9-]*\d)(?=[A-Za-z0-9-]*[A-Za-z])[A-Za-z0-9]+(?:-[A-Za-z0-9]+)*(?![A-Za-z0-9])",
    ),
    ("year", r"(?<![\d.,-])(?P<y>(?:19|20)\d{2})(?![\d.,-]*\d)"),
    ("number", rf"(?<![A-Za-z0-9]){_N}(?![A-Za-z0-9])"),
)
_VALUE: list[tuple[Kind, re.Pattern[str]]] = [(kind, re.compile(pattern)) for kind, pattern in _PATTERNS]


@dataclass(frozen=True, slots=True)
class Found:
    """A value in a text; `canonical` is the same for every way of writing it."""

    kind: Kind
    text: str
    start: int
    end: int
    canonical: str


def half_width(text: str) -> str:
    """Full-width digits and letters as ASCII, one character for one, so that offsets stay valid."""
    return text.translate(HALF_WIDTH)


def find_values(text: str) -> list[Found]:
    """All values in `text`, left to right, none inside another."""
    plain, taken, found = half_width(text), [False] * len(text), list[Found]()
    for kind, pattern in _VALUE:
        for match in pattern.finditer(plain):
            start, end = match.span()
            if any(taken[start:end]) or (canonical := _canonical(kind, match)) is None:
                continue
            taken[start:end] = [True] * (end - start)
            found.append(Found(kind, text[start:end], start, end, canonical))
    return sorted(found, key=lambda value: value.start)


def canonical_values(text: str) -> set[str]:
    """Every canonical form that `text` supports: a date also supports its month, its year, and its bare numbers."""
    return {form for value in find_values(text) for form in supported_forms(value)}


def supported_forms(value: Found) -> Iterator[str]:
    """What a source that states `value` proves: 2024-03-12 proves 2024-03 and 2024; 2台 proves 2."""
    yield value.canonical
    if value.kind in ("date", "month"):
        parts = value.canonical.split("-")
        yield from ("-".join(parts[:size]) for size in range(1, len(parts)))
    if value.kind in ("quantity", "period", "number") and (number := re.match(r"[\d.]+", value.canonical)):
        yield number.group()


def _canonical(kind: Kind, match: re.Match[str]) -> str | None:
    groups = match.groupdict()
    if kind == "person":
        return groups["person"]
    if kind in ("date", "month", "year"):
        return _calendar(groups)
    if kind == "window":
        first, last = (_month(groups, suffix) for suffix in ("1", "2"))
        return f"{first}/{last}" if first and last else None
    if kind == "code":
        return re.sub(r"\s", "", match.group()).upper()
    if kind == "number":
        return _plain(match.group())
    number = groups.get("n") or groups.get("han") or ""
    amount = _han_number(number) if re.fullmatch(rf"[{_HAN}]+", number) else number.replace(",", "")
    if not re.fullmatch(r"\d+(?:\.\d+)?", amount):
        return None
    if kind == "money":
        return _plain(str(Decimal(amount) * _SCALE[(groups.get("scale") or "").lower()]))
    if kind == "percent":
        return _plain(amount) + "%"
    if kind == "period":
        return _period(Decimal(amount), groups["unit"])
    return _plain(amount)


def _calendar(groups: dict[str, str | None]) -> str | None:
    year, month, day = int(groups["y"] or 0), _month(groups, ""), int(groups.get("d") or 0)
    if "d" in groups:
        return f"{year:04}-{month:02}-{day:02}" if 1 <= month <= 12 and 1 <= day <= 31 else None
    if "m" in groups or "mon" in groups:
        return f"{year:04}-{month:02}" if 1 <= month <= 12 else None
    return f"{year:04}"


def _month(groups: dict[str, str | None], suffix: str) -> int:
    if name := groups.get("mon" + suffix):
        return next(number for number, full in enumerate(MONTHS, 1) if full.startswith(name[:3]))
    return int(groups.get("m" + suffix) or 0)


def _period(amount: Decimal, unit: str) -> str:
    if unit.startswith(("年", "year")):
        return f"{_plain(str(amount * 12))}m"
    letter = {"个": "m", "m": "m", "天": "d", "d": "d", "周": "w", "w": "w", "小": "h", "h": "h"}[unit[0]]
    return f"{_plain(str(amount))}{letter}"


def _plain(number: str) -> str:
    """No thousands separators, no trailing zeros, no leading zeros."""
    value = Decimal(number.replace(",", "")).normalize()
    return format(value, "f")


def _han_number(text: str) -> str:
    """Chinese numerals up to 9999: 两 → 2, 三十六 → 36."""
    total, digit = 0, 0
    for char in text:
        if char in "十百千":
            total += (digit or 1) * {"十": 10, "百": 100, "千": 1000}[char]
            digit = 0
        else:
            digit = _HAN_DIGITS[char]
    return str(total + digit)
