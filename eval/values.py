"""Find the values in a Chinese or English sentence and write each in one canonical form, so that they compare."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

Kind = Literal[
    "date", "month", "year", "quarter", "half", "window", "period", "money", "percent", "quantity", "code", "person",
    "number",
]  # fmt: skip

HALF_WIDTH = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F) if chr(code) not in "，。；：？！（）"} | {
    0x3000: 0x20
}
MONTHS = (
    "January February March April May June July August September October November December".split()  # noqa: SIM905
)
_MONTH = "|".join([*MONTHS, *(name[:3] for name in MONTHS)])
_HAN_DIGITS = {char: value for value, char in enumerate("零一二三四五六七八九")} | {"两": 2, "〇": 0}
_HAN = "零〇一二两三四五六七八九十百千"
_FORMAL = str.maketrans("壹贰貳叁參肆伍陆陸柒捌玖拾佰仟萬億圆", "一二二三三四五六六七八九十百千万亿元")
_FORMAL_DIGITS = "零壹贰貳叁參肆伍陆陸柒捌玖拾佰仟萬億万亿"
_HAN_LARGE = rf"[{_HAN}]+[万亿](?:[{_HAN}]+[万]?)*[{_HAN}]*"
_WORDS = {
    word: number
    for number, word in enumerate(
        "one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen "  # noqa: SIM905
        "eighteen nineteen twenty".split(),
        1,
    )
} | {"thirty": 30, "forty": 40, "fifty": 50, "sixty": 60, "ninety": 90, "hundred": 100}
_WORD = "|".join(sorted(_WORDS, key=len, reverse=True))
_QUARTERS = {
    word: number
    for number, words in enumerate((("first", "1st"), ("second", "2nd"), ("third", "3rd"), ("fourth", "4th")), 1)
    for word in words
}
_CENT = "[壹贰叁肆伍陆柒捌玖]"
_CURRENCY = "人民币|美元|欧元|日元|港元|港币|英镑"
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
_SPOKEN = r"(?P<hy>[一二][〇零九][〇零一二三四五六七八九]{2})年"
_IN_YEAR = r"(?:(?P<y>(?:19|20)\d{2})\s?年?度?的?\s?)?"
_OF_YEAR = r"(?:,? (?:of )?(?P<y2>(?:19|20)\d{2}))?"
_AMERICAN = r"yuan|renminbi|RMB|CNY|USD|EUR|HKD|JPY|GBP|euros?|dollars?|US dollars?"
# Kind, signs of which a text must hold one (else the pattern is not tried), pattern.
# Order decides: a longer reading of the same characters comes first. CJK characters are \w, so \b is no boundary.
_PATTERNS: tuple[tuple[Kind, str, str], ...] = (
    ("person", "[", r"\[\[(?P<person>p_[0-9a-f]{16})\.\w+\]\]"),
    ("code", "械", r"[\u4e00-\u9fff]械注[准进许]\s?\d{8,14}|[\u4e00-\u9fff]械备\s?\d{8,14}"),
    ("date", "日", r"(?P<y>\d{4})\s?年\s?(?P<m>\d{1,2})\s?月\s?(?P<d>\d{1,2})\s?[日号]"),
    ("date", "-/.", r"(?<!\d)(?P<y>(?:19|20)\d{2})[-/.](?P<m>\d{1,2})[-/.](?P<d>\d{1,2})(?!\d)"),
    ("date", "JFMASOND", rf"(?P<d>\d{{1,2}})(?:st|nd|rd|th)?\s(?P<mon>{_MONTH})\.?,?\s(?P<y>\d{{4}})"),
    ("date", "JFMASOND", rf"(?P<mon>{_MONTH})\.?\s(?P<d>\d{{1,2}})(?:st|nd|rd|th)?,\s?(?P<y>\d{{4}})"),
    ("month", "月", r"(?P<y>\d{4})\s?年\s?(?P<m>\d{1,2})\s?月(?:份)?(?!\s?\d{1,2}\s?日)"),
    ("month", "JFMASOND", rf"(?P<mon>{_MONTH})\.?\s(?P<y>(?:19|20)\d{{2}})(?!\d)"),
    ("month", "-", r"(?<![\d-])(?P<y>(?:19|20)\d{2})-(?P<m>0[1-9]|1[0-2])(?![\d-])"),
    ("date", "日", rf"{_SPOKEN}(?P<hm>[一二三四五六七八九十]{{1,2}})月(?P<hd>[一二三四五六七八九十]{{1,3}})[日号]"),
    ("month", "年", rf"{_SPOKEN}(?P<hm>[一二三四五六七八九十]{{1,2}})月"),
    ("year", "年", _SPOKEN),
    ("quarter", "季", rf"{_IN_YEAR}第?(?P<q>[一二三四1-4])季度"),
    ("quarter", "Q", rf"{_IN_YEAR}(?<![A-Za-z0-9])Q(?P<q1>[1-4])(?![A-Za-z0-9-]){_OF_YEAR}"),
    ("quarter", "q", rf"(?P<qw>first|second|third|fourth|1st|2nd|3rd|4th) quarter{_OF_YEAR}"),
    ("half", "半", rf"{_IN_YEAR}(?P<h>[上下])半年"),
    ("half", "h", rf"(?P<hw>first|second) half{_OF_YEAR}"),
    ("half", "H", rf"{_IN_YEAR}(?<![A-Za-z0-9])H(?P<h1>[12])(?![A-Za-z0-9-]){_OF_YEAR}"),
    ("window", "月", r"(?<![\d-])(?P<m1>\d{1,2})\s?月?\s?(?:至|到|-|—|~)\s?(?P<m2>\d{1,2})\s?月"),
    ("window", "JFMASOND", rf"(?P<mon1>{_MONTH})\s(?:to|through|and|until|-)\s(?P<mon2>{_MONTH})(?![a-z])"),
    (
        "money",
        "元圆",
        rf"(?P<formal>[{_FORMAL_DIGITS}]{{2,}})[元圆](?:[整正]|(?:零?{_CENT}角)?(?:零?{_CENT}分)?整?)",
    ),
    ("money", "万亿", rf"(?P<large>{_HAN_LARGE})(?:元|{_CURRENCY})"),
    ("money", "万亿", rf"(?P<n>{_N})\s?(?P<scale>万|亿)(?P<more>\d{{4}}|\d,\d{{3}})\s?元"),
    (
        "money",
        "¥￥$€£",
        rf"[¥￥$€£]\s?(?P<n>{_N})\s?(?P<scale>千万|百万|万|亿|千|million|thousand|k|m)?(?:元|人民币)?",
    ),
    ("money", "元圆人美欧日港英", rf"(?P<n>{_N})\s?(?P<scale>千万|百万|万|亿|千)?\s?(?:元|圆|{_CURRENCY})"),
    (
        "money",
        "RCUEHJG",
        rf"(?:RMB|CNY|USD|EUR|HKD|JPY|GBP)\s?(?P<n>{_N})\s?(?P<scale>million|thousand|k|m)?(?![A-Za-z])",
    ),
    ("money", "yrRCUEHJGd", rf"(?P<n>{_N})\s?(?P<scale>million|thousand)?\s?(?:{_AMERICAN})(?![A-Za-z])"),
    ("money", "万亿", rf"(?P<n>{_N})\s?(?P<scale>千万|百万|万|亿)(?![\u4e00-\u9fff]?[{_UNITS.replace('|', '')}])"),
    ("percent", "%％p百", rf"(?P<n>{_N})\s?(?:%|％|percent)|百分之(?P<han>[{_HAN}\d.]+)"),
    (
        "period",
        "年",
        rf"(?<![\d.,{_HAN}])(?P<years>\d{{1,2}}|[{_HAN}]+)年(?:零|又|加)?(?P<months>\d{{1,2}}|[{_HAN}]+)个月",
    ),
    ("period", "半", rf"(?<![\d.,{_HAN}])(?P<years>\d{{1,2}}|[{_HAN}]+)年(?P<halves>半)"),
    (
        "period",
        "y",
        rf"(?P<years>\d{{1,2}}|{_WORD})\syears?(?:,| and)?\s(?P<months>\d{{1,2}}|{_WORD})\smonths?(?![A-Za-z])",
    ),
    (
        "period",
        "mydwh",
        rf"(?<![A-Za-z])(?P<word>{_WORD})[\s-](?P<unit>months?|years?|days?|weeks?|hours?)(?![A-Za-z])",
    ),
    (
        "period",
        "月年天周时",
        rf"(?!(?:19|20)\d{{2}}\s?年)(?<![\d.,])(?P<n>{_N}|[{_HAN}]+)\s?(?P<unit>个月|年(?!\s?\d)(?!以)|天|周|小时)"
        r"(?=质保|保修|的|内|，|。|；|、|$|免费|整机|延保|维保|不变|起|（|\(|；|！)",
    ),
    ("period", "mydwh", rf"(?P<n>{_N})[\s-]?(?P<unit>months?|years?|days?|weeks?|hours?)(?![A-Za-z])"),
    ("period", "月", rf"(?P<n>{_N}|(?<![{_HAN}])[{_HAN}]+)\s?(?P<unit>个月)"),
    ("year", "年", r"(?<!\d)(?P<y>(?:19|20)\d{2})\s?年(?:度)?"),
    # 一个, 一份, 一件事 and the like are figures of speech, not counts
    ("quantity", "", rf"(?!一[个份件次家张条片人名组])(?P<n>{_N}|[{_HAN}]+)\s?(?:{_UNITS})"),
    ("quantity", "stxmp", rf"(?<![A-Za-z])(?P<word>{_WORD})\s(?:{_EN_UNITS})(?![A-Za-z])"),
    ("quantity", "usbpckm", rf"(?<![A-Za-z]-)(?<![A-Za-z0-9])(?P<n>{_N})\s(?:{_EN_UNITS})(?![A-Za-z])"),
    (
        "code",
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz",
        r"(?<![A-Za-z0-9])(?=[A-Za-z0-9-]*\d)(?=[A-Za-z0-9-]*[A-Za-z])[A-Za-z0-9]+(?:-[A-Za-z0-9]+)*(?![A-Za-z0-9])",
    ),
    ("year", "", r"(?<![\d.,-])(?P<y>(?:19|20)\d{2})(?![\d.,-]*\d)"),
    ("number", "", rf"(?<![A-Za-z0-9]){_N}(?![A-Za-z0-9])"),
)
_VALUE: list[tuple[Kind, frozenset[str], re.Pattern[str]]] = [
    (kind, frozenset(signs), re.compile(pattern)) for kind, signs, pattern in _PATTERNS
]


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
    signs = set(plain)
    for kind, needed, pattern in _VALUE:
        if needed and needed.isdisjoint(signs):
            continue
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
    if kind in ("quarter", "half"):
        return _part_of_year(kind, groups)
    if kind == "window":
        first, last = (_month(groups, suffix) for suffix in ("1", "2"))
        return f"{first}/{last}" if first and last else None
    if kind == "code":
        return re.sub(r"\s", "", match.group()).upper()
    if kind == "number":
        return _plain(match.group())
    if kind == "period" and groups.get("years"):
        rest = 6 if groups.get("halves") else int(_whole(groups.get("months") or ""))
        return f"{int(_whole(groups['years'] or '')) * 12 + rest}m"
    if kind == "money" and (written := groups.get("formal") or groups.get("large")):
        return _spelled(written, match.group())
    return _counted(kind, groups)


def _counted(kind: Kind, groups: dict[str, str | None]) -> str | None:
    number = groups.get("n") or groups.get("han") or groups.get("word") or ""
    amount = _whole(number)
    if not re.fullmatch(r"\d+(?:\.\d+)?", amount):
        return None
    if kind == "money":
        value = Decimal(amount) * _SCALE[(groups.get("scale") or "").lower()]
        if more := (groups.get("more") or "").replace(",", ""):  # 34万5600元; 34万5 is spoken for 34万5千
            value += int(more)
        return _plain(str(value))
    if kind == "percent":
        return _plain(amount) + "%"
    if kind == "period":
        return _period(Decimal(amount), groups["unit"] or "")
    return _plain(amount)


def _whole(number: str) -> str:
    if number in _WORDS:
        return str(_WORDS[number])
    return _han_number(number) if re.fullmatch(rf"[{_HAN}]+", number) else number.replace(",", "")


def _spelled(written: str, whole: str) -> str | None:
    """叁拾肆万伍仟陆佰元整 and 三十四万五千六百元 → 345600."""
    plain = written.translate(_FORMAL)
    if not re.fullmatch(rf"[{_HAN}万亿]+", plain):
        return None
    total, part = 0, ""
    for char in plain:
        if char == "亿":
            total, part = (total + int(_han_number(part or "一"))) * 10**8, ""
        elif char == "万":
            total, part = total + int(_han_number(part or "一")) * 10**4, ""
        else:
            part += char
    cents = Decimal(total + int(_han_number(part)))
    for digit, sign in re.findall(r"([壹贰叁肆伍陆柒捌玖])([角分])", whole):
        cents += Decimal(_han_number(digit.translate(_FORMAL))) / (10 if sign == "角" else 100)
    return _plain(str(cents))


def _part_of_year(kind: Kind, groups: dict[str, str | None]) -> str:
    """2026-Q3, Q3, 2026-H1, H1."""
    year = groups.get("y") or groups.get("y2") or ""
    if kind == "quarter":
        word = groups.get("qw")
        said = groups.get("q") or groups.get("q1") or ""
        part = f"Q{_QUARTERS[word] if word else _HAN_DIGITS.get(said, said)}"
    else:
        said = groups.get("h") or groups.get("hw") or groups.get("h1")
        part = "H1" if said in ("上", "first", "1") else "H2"
    return f"{year}-{part}" if year else part


def _calendar(groups: dict[str, str | None]) -> str | None:
    if spoken := groups.get("hy"):
        year = int("".join(str(_HAN_DIGITS[char]) for char in spoken))
        month, day = (int(_han_number(groups.get(name) or "")) for name in ("hm", "hd"))
        groups = {name: "" for name in ("d", "m") if groups.get(f"h{name}")}
    else:
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
