"""Find the values in a Chinese or English sentence and write each in one canonical form, so that they compare."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

from eval.numerals import CENT, FORMAL_DIGITS, HAN, HAN_DIGITS, HAN_LARGE, WORDS, han_number, plain, spelled, whole

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
_QUARTERS = {
    word: number
    for number, words in enumerate((("first", "1st"), ("second", "2nd"), ("third", "3rd"), ("fourth", "4th")), 1)
    for word in words
}
_CURRENCY = "人民币|美元|美金|澳元|加元|瑞郎|新元|欧元|日元|港元|港币|英镑"
_UNITS = (
    "人份|人次|例次|测试|托盘|英寸|千瓦|厘米水柱|毫米汞柱|毫升|微升|毫米|厘米|毫克|微克|公斤|(?<!公)斤(?!两)"
    "|焦耳|焦(?!急|点|虑)|分贝|公斤|千克|公里|平方米|台|套|件|支|个|盒"
    "|箱|批|人|名|例|次|条|根|张|份|瓶|片|组|辆|只|家|间|床|吨|米"
    "|副|把|袋|颗|笔|款(?!项)|位(?!置|于)|项(?!目)|卷|罐|桶|升(?![至到为级任高降温值])|克|栋|期(?!限|间)"
    "|单(?![位价独号据])|包(?![括含装])|册|托|捆|听|筒|柜|箱|车"
    "|部(?!门|分|件|长)"
)
_COUNTED = "台套件支个盒箱批人名例次条根张份瓶片组辆只家间床吨米副把袋颗笔款位项卷罐桶升克栋期单包册"
_EN_UNITS = (
    r"units?|sets?|pieces?|pcs|boxes|box|kits?|cases?|bottles?|systems?|monitors?|pumps?|beds?|packs?|tonnes?|pairs?"
    r"|vials?|tests?|cartridges?|reels?|rolls?|bags?|cartons?|pallets?|probes?|machines?|devices?|inch(?:es)?"
    r"|kg|kilograms?|kilos?|grams?|mm|cm|mL|ml|μL|µL|uL|g|mg|μg|J|W|kV|dB|millilit(?:er|re)s?|lit(?:er|re)s?"
    r"|mmHg|cmH2O|kPa|bpm|kVA|kW|Hz|MHz|GB|TB"
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
    "mn": 10**6,
    "bn": 10**9,
    "billion": 10**9,
    "w": 10**4,
}
_PERIODS: tuple[tuple[tuple[str, ...], str, int], ...] = (
    (("年", "y"), "m", 12),
    (("quarter",), "m", 3),
    (("个月", "month"), "m", 1),
    (("天", "日", "day"), "d", 1),
    (("周", "week"), "d", 7),
    (("小时", "个小时", "h"), "h", 1),
    (("分", "min"), "n", 1),
)
_SPOKEN = r"(?P<hy>[一二][〇零九][〇零一二三四五六七八九]{2})年"
_IN_YEAR = r"(?:(?P<y>(?:19|20)\d{2})\s?年?度?的?\s?)?"
_OF_YEAR = r"(?:,? (?:of )?(?P<y2>(?:19|20)\d{2}))?"
_WORDED = (  # one of these is in every number in words
    "one|two|three|four|five|six|seven|eight|nine|ten|eleven|twel|teen|twent|thirt|fort|fift|dozen|hundred|thousand"
)
_SCALES = "million|thousand|billion|bn|mn|k|m"
_AMERICAN = (
    r"yuan|renminbi|RMB|CNY|USD|EUR|HKD|JPY|GBP|AUD|CAD|CHF|SGD|euros?"
    r"|(?:(?:US|Australian|Canadian) )?dollars?|pounds?(?: sterling)?|sterling|yen"
)
# Kind, signs of which a text must hold one (else the pattern is not tried; behind ~ words of which it must), pattern.
# Order decides: a longer reading of the same characters comes first. CJK characters are \w, so \b is no boundary.
_PATTERNS: tuple[tuple[Kind, str, str], ...] = (
    ("person", "[", r"\[\[(?P<person>p_[0-9a-f]{16})\.\w+\]\]"),
    ("code", "械", r"[\u4e00-\u9fff]械注[准进许]\s?\d{8,14}|[\u4e00-\u9fff]械备\s?\d{8,14}"),
    ("date", "日", r"(?P<y>\d{4})\s?年\s?(?P<m>\d{1,2})\s?月\s?(?P<d>\d{1,2})\s?[日号]"),
    (
        "code",
        "-",
        r"(?<![A-Za-z0-9])(?!Mid-|Pre-|Post-"
        r"|Non-)(?=[A-Za-z0-9-]*\d)[A-Z][A-Za-z0-9]*(?:-[A-Za-z0-9]+)+(?![A-Za-z0-9])",
    ),
    ("code", "/", r"(?<![A-Za-z0-9])[A-Z]{1,6}(?: ?\d{2,4})?(?:/\d{1,6}){1,3}(?![A-Za-z0-9/])"),
    ("date", "-", rf"(?<!\d)(?P<d>\d{{1,2}})-(?P<mon>{_MONTH})-(?P<y>(?:19|20)\d{{2}})(?!\d)"),
    ("date", "-/.", r"(?<!\d)(?P<y>(?:19|20)\d{2})[-/.](?P<m>\d{1,2})[-/.](?P<d>\d{1,2})(?!\d)"),
    ("date", "/.", r"(?<![\d./])(?P<d>\d{1,2})[/.](?P<m>\d{1,2})[/.](?P<y>(?:19|20)\d{2})(?![\d/])"),
    ("date", "/", r"(?<![\d/.])(?P<a>\d\d)/(?P<m>0[1-9]|1[0-2])/(?P<c>\d\d)(?![\d/])"),
    ("date", "JFMASOND", rf"(?P<d>\d{{1,2}})(?:st|nd|rd|th)?\s(?:of )?(?P<mon>{_MONTH})\.?,?\s(?P<y>\d{{4}})(?!\d)"),
    (
        "date",
        "JFMASOND",
        rf"(?P<mon>{_MONTH})\.?\s(?:the )?(?P<d>\d{{1,2}})(?:st|nd|rd|th)?,?\s?(?P<y>(?:19|20)\d{{2}})(?!\d)",
    ),
    ("date", "月", r"(?<!\d)(?P<y>[12]\d)年\s?(?P<m>\d{1,2})\s?月\s?(?P<d>\d{1,2})\s?[日号]"),
    ("month", "月", r"(?P<y>\d{4})\s?年\s?(?P<m>\d{1,2})\s?月(?:份)?(?!\s?\d{1,2}\s?日)"),
    ("month", "月", r"(?<!\d)(?P<y>[12]\d)年\s?(?P<m>1[0-2]|[1-9])\s?月(?:份)?(?!\d)"),
    ("month", "JFMASOND", rf"(?P<mon>{_MONTH})\.?,?\s(?:of )?(?P<y>(?:19|20)\d{{2}})(?!\d)"),
    ("year", "-–—~至到", r"(?<![\d-])(?P<y>(?:19|20)\d{2})(?=年?度?\s?[-–—~至到]\s?(?:19|20)\d{2}(?![\d-]))"),
    ("year", "-–—~至到", r"(?<=(?:19|20)\d\d[-–—~至到])\s?(?P<y>(?:19|20)\d{2})(?:年度?)?(?![\d-])(?!年\d)"),
    ("month", "-", r"(?<![\d-])(?P<y>(?:19|20)\d{2})-(?P<m>0[1-9]|1[0-2])(?![\d-])"),
    ("date", "日", rf"{_SPOKEN}(?P<hm>[一二三四五六七八九十]{{1,2}})月(?P<hd>[一二三四五六七八九十]{{1,3}})[日号]"),
    ("month", "年", rf"{_SPOKEN}(?P<hm>[一二三四五六七八九十]{{1,2}})月"),
    ("year", "年", _SPOKEN),
    ("year", "年", r"(?<![\d.,])(?P<y>[12]\d)年(?=[底初末中]|年[底初末中]|[上下]半年|第?[一二三四1-4]季度|Q[1-4])"),
    ("quarter", "季", rf"{_IN_YEAR}(?<![上下])第?(?P<q>[一二三四1-4])季度"),
    ("quarter", "Q", rf"{_IN_YEAR}(?<![A-Za-z0-9])Q(?P<q1>[1-4])(?![A-Za-z0-9-]){_OF_YEAR}"),
    ("quarter", "q", rf"(?P<qw>first|second|third|fourth|1st|2nd|3rd|4th) quarter{_OF_YEAR}"),
    ("half", "半", rf"{_IN_YEAR}(?P<h>[上下])半年"),
    ("half", "h", rf"(?P<hw>first|second) half{_OF_YEAR}"),
    ("half", "H", rf"{_IN_YEAR}(?<![A-Za-z0-9])H(?P<h1>[12])(?![A-Za-z0-9-]){_OF_YEAR}"),
    ("window", "月", r"(?<![\d-])(?P<m1>\d{1,2})\s?月?\s?(?:至|到|-|—|~)\s?(?P<m2>\d{1,2})\s?月"),
    ("window", "JFMASOND", rf"(?P<mon1>{_MONTH})\s(?:to|through|until|-)\s(?P<mon2>{_MONTH})(?![a-z])"),
    ("window", "JFMASOND", rf"(?<=between )(?P<mon1>{_MONTH})\sand\s(?P<mon2>{_MONTH})(?![a-z])"),
    (
        "money",
        "元圆",
        rf"(?P<formal>[{FORMAL_DIGITS}]{{2,}})[元圆](?:[整正]|(?:零?{CENT}角)?(?:零?{CENT}分)?整?)",
    ),
    ("money", "万亿", rf"(?P<large>{HAN_LARGE})(?:元|块|{_CURRENCY})"),
    ("money", "万亿", rf"(?<![{HAN}])(?P<large>(?![万千百]|十分){HAN_LARGE})(?![{_COUNTED}多余]|分之)"),
    ("money", "万千", rf"(?P<n>{_N})万(?P<thousands>[1-9一二三四五六七八九])千?(?:元|块)?(?![\d.万])"),
    ("money", "万亿", rf"(?P<n>{_N})\s?(?P<scale>万|亿)(?P<more>\d{{4}}|\d,\d{{3}})\s?元"),
    (
        "money",
        "¥￥$€£",
        rf"(?:US|HK|A|C)?[¥￥$€£]\s?(?P<n>{_N})(?:\s?(?P<scale>千万|百万|万|亿|千|{_SCALES})(?![A-Za-z]))?(?:元|人民币)?",
    ),
    (
        "money",
        "元圆人美欧日港英块澳加瑞新",
        rf"(?P<n>{_N}|(?<![{HAN}])[{HAN}]+)\s?(?P<scale>千万|百万|万|亿|千)?个?\s?(?:元|圆|块(?=钱|[，。,；;、]"
        rf"|$)|{_CURRENCY})",
    ),
    (
        "money",
        "~cent|pence| p",
        rf"(?i:(?<![A-Za-z\d])(?P<cents>{_N}|{WORDS}) (?:euro ?)?(?:cents?|pence|p))(?![A-Za-z])",
    ),
    (
        "money",
        "RCUEHJGA",
        rf"(?:RMB|CNY|USD|EUR|HKD|JPY|GBP|AUD|CAD|CHF|SGD)\s?(?P<n>{_N})(?:\s?(?P<scale>{_SCALES})(?![A-Za-z]))?(?![A-Za-z\d])",
    ),
    ("money", "yrRCUEHJGAdps", rf"(?P<n>{_N})\s?(?P<scale>{_SCALES})?\s?(?:{_AMERICAN})(?![A-Za-z])"),
    ("money", "mtb", rf"(?<![A-Za-z\d])(?P<n>{_N})\s(?P<scale>million|thousand|billion)(?![A-Za-z])"),
    (
        "money",
        f"~{_WORDED}|half a",
        rf"(?i:(?<![A-Za-z])(?:(?P<half>half a)|(?P<word>{WORDS}))(?: (?P<scale>million|thousand"
        rf"|billion))? )(?:{_AMERICAN})(?![A-Za-z])",
    ),
    ("money", "wW", rf"(?<![A-Za-z\d])(?P<n>{_N})(?P<scale>[wW])(?![A-Za-z\d])"),
    ("money", "万亿", rf"(?P<n>{_N})\s?(?P<scale>千万|百万|万|亿)(?![\u4e00-\u9fff]?[{_COUNTED}])"),
    (
        "money",
        "多余来",
        rf"(?P<n>{_N}|[{HAN}]+)[多余来](?P<scale>千万|百万|万|亿)(?:元|块|{_CURRENCY}|(?![{_COUNTED}]))",
    ),
    ("percent", "%％p百点", rf"(?P<n>{_N})\s?(?:%|％|percent|per cent|个点)|百分之(?P<han>[{HAN}\d.点]+)"),
    ("percent", "~per", rf"(?i:(?<![A-Za-z])(?P<word>{WORDS}) per ?cent)(?![A-Za-z])"),
    ("percent", "成", r"(?<![\u4e00-\u9fff\d])(?P<tenths>[一二三四五六七八九])成(?![立为交功员本分都])"),
    (
        "period",
        "年",
        rf"(?<![\d.,{HAN}])(?P<years>\d{{1,2}}|[{HAN}]+)年(?:零|又|加)?(?P<months>\d{{1,2}}|[{HAN}]+)个月",
    ),
    ("period", "半", rf"(?<![\d.,{HAN}])(?P<years>\d{{1,2}}|[{HAN}]+)年(?P<halves>半)"),
    (
        "period",
        "~year",
        rf"(?P<years>\d{{1,2}}|{WORDS})\syears?(?:,| and)?\s(?P<months>\d{{1,2}}|{WORDS})\smonths?(?![A-Za-z])",
    ),
    (
        "period",
        f"~{_WORDED}",
        rf"(?i:(?<![A-Za-z])(?P<word>{WORDS})[\s-](?P<unit>months?|years?|days?|weeks?|hours?|quarters?"
        rf"|seconds?|minutes?)(?![A-Za-z]))",
    ),
    (
        "period",
        "月年天周时日",
        rf"(?!(?:19|20)\d{{2}}\s?年)(?<![\d.,月])(?P<n>{_N}|[{HAN}]+)\s?(?P<unit>个月|年(?!\s?\d)(?!以)|天"
        rf"|周(?![一二三四五六日末边年围转期])|小时|个小时|日(?=内))"
        r"(?!前|之前|以前|后|之后|以后|来|以来|级|度|代|龄|轮|费|报|会|审|检|度假)",
    ),
    (
        "period",
        "mydwhsq",
        rf"(?<![A-Za-z\d])(?P<n>{_N})[\s-]?(?P<unit>months?|years?|days?|weeks?|hours?|h(?=[\s.,;]|$)|yrs?|hrs?"
        rf"|seconds?|secs?|s(?=[\s.,;]|$)|minutes?|mins?)(?![A-Za-z])",
    ),
    ("period", "分秒", rf"(?P<n>{_N}|(?<![{HAN}])[{HAN}]+)\s?(?P<unit>分钟|秒)"),
    ("period", "月", rf"(?P<n>{_N}|(?<![{HAN}])[{HAN}]+)\s?(?P<unit>个月)"),
    ("period", "多", rf"(?<![\d.,{HAN}])(?P<n>\d{{1,2}}|[{HAN}]+)(?:(?P<unit>年)多(?!\d)|个多(?P<moon>月))"),
    ("year", "年", r"(?<!\d)(?P<y>(?:19|20)\d{2})\s?年(?:度)?"),
    # 一个, 一份, 一件事 and the like are figures of speech, not counts
    ("quantity", "", rf"(?!一[个份件次家张条片人名组])(?P<n>{_N}|[{HAN}]+)[多余来]?[ \u3000]?(?:{_UNITS})"),
    ("quantity", f"~{_WORDED}", rf"(?<![A-Za-z])(?i:(?P<word>{WORDS}))[\s-](?:{_EN_UNITS})(?![A-Za-z])"),
    ("quantity", "", rf"(?<![A-Za-z]-)(?<![A-Za-z0-9])(?P<n>{_N})[\s-]?(?:{_EN_UNITS})(?![A-Za-z0-9])"),
    ("quantity", '"', rf'(?<![A-Za-z\d])(?P<n>{_N})"'),
    (
        "code",
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz",
        r"(?<![A-Za-z0-9])(?=[A-Za-z0-9-]*\d)(?=[A-Za-z0-9-]*[A-Za-z])[A-Za-z0-9]+(?:-[A-Za-z0-9]+)*(?![A-Za-z0-9])",
    ),
    ("year", "", r"(?<![\d.,-])(?P<y>(?:19|20)\d{2})(?![\d.,-]*\d)"),
    ("number", "", rf"(?<![A-Za-z0-9]){_N}(?![A-Za-z0-9])"),
)
_VALUE: list[tuple[Kind, frozenset[str], tuple[str, ...], re.Pattern[str]]] = [
    (
        kind,
        frozenset("" if signs.startswith("~") else signs),
        tuple(signs[1:].split("|")) if signs.startswith("~") else (),
        re.compile(pattern),
    )
    for kind, signs, pattern in _PATTERNS
]
_WORD_SETS = {words for _, _, words, _ in _VALUE if words}


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
    narrow, taken, found = half_width(text), [False] * len(text), list[Found]()
    signs, lower = set(narrow), narrow.lower()
    missing = {words: not any(word in lower for word in words) for words in _WORD_SETS}
    for kind, needed, words, pattern in _VALUE:
        if (needed and needed.isdisjoint(signs)) or (words and missing[words]):
            continue
        for match in pattern.finditer(narrow):
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
        if "a" in groups:  # 23/03/02 in Chinese, 02/03/23 in English
            year, day = (
                (groups["a"], groups["c"])
                if re.search(r"[\u4e00-\u9fff]", match.string)
                else (groups["c"], groups["a"])
            )
            groups = {"y": year, "m": groups["m"], "d": day}
        return _calendar(groups)
    if kind in ("quarter", "half"):
        return _part_of_year(kind, groups)
    if kind == "window":
        first, last = (_month(groups, suffix) for suffix in ("1", "2"))
        return f"{first}/{last}" if first and last else None
    if kind == "code":
        return match.group().upper() if "/" in match.group() else re.sub(r"\s", "", match.group()).upper()
    if kind == "number":
        return plain(match.group())
    if kind == "period" and groups.get("years"):
        rest = 6 if groups.get("halves") else int(whole(groups.get("months") or ""))
        return f"{int(whole(groups['years'] or '')) * 12 + rest}m"
    if kind == "money" and (written := groups.get("formal") or groups.get("large")):
        return spelled(written, match.group())
    if cents := groups.get("cents"):
        return plain(str(Decimal(whole(cents)) / 100))
    if tenths := groups.get("tenths"):
        return f"{HAN_DIGITS[tenths] * 10}%"
    return _counted(kind, groups)


def _counted(kind: Kind, groups: dict[str, str | None]) -> str | None:
    number = groups.get("n") or groups.get("han") or groups.get("word") or ("0.5" if groups.get("half") else "")
    amount = whole(number)
    if not re.fullmatch(r"\d+(?:\.\d+)?", amount):
        return None
    if kind == "money":
        value = Decimal(amount) * _SCALE[(groups.get("scale") or "").lower()]
        if more := (groups.get("more") or "").replace(",", ""):  # 34万5600元; 34万5 is spoken for 34万5千
            value += int(more)
        if thousands := groups.get("thousands"):
            value = value * 10**4 + Decimal(whole(thousands)) * 1000
        return plain(str(value))
    if kind == "percent":
        return plain(amount) + "%"
    if kind == "period":
        return _period(Decimal(amount), groups["unit"] or "个月")
    return plain(amount)


def _part_of_year(kind: Kind, groups: dict[str, str | None]) -> str:
    """2026-Q3, Q3, 2026-H1, H1."""
    year = groups.get("y") or groups.get("y2") or ""
    if kind == "quarter":
        word = groups.get("qw")
        said = groups.get("q") or groups.get("q1") or ""
        part = f"Q{_QUARTERS[word] if word else HAN_DIGITS.get(said, said)}"
    else:
        said = groups.get("h") or groups.get("hw") or groups.get("h1")
        part = "H1" if said in ("上", "first", "1") else "H2"
    return f"{year}-{part}" if year else part


def _calendar(groups: dict[str, str | None]) -> str | None:
    if spoken := groups.get("hy"):
        year = int("".join(str(HAN_DIGITS[char]) for char in spoken))
        month, day = (int(han_number(groups.get(name) or "")) for name in ("hm", "hd"))
        groups = {name: "" for name in ("d", "m") if groups.get(f"h{name}")}
    else:
        year, month, day = int(groups["y"] or 0), _month(groups, ""), int(groups.get("d") or 0)
        year += 2000 if year < 100 else 0
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
    """Months for years and quarters, days for weeks and whole days of hours, hours for whole hours of minutes."""
    for names, letter, times in _PERIODS:
        if unit.startswith(names):
            amount, short = amount * times, letter
            break
    else:
        short = "s"
    for small, large, size in (("s", "n", 60), ("n", "h", 60), ("h", "d", 24)):
        if short == small and amount and amount % size == 0:
            amount, short = amount / size, large
    return f"{plain(str(amount))}{short}"
