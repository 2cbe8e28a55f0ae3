"""The values of a sentence as ranges of numbers and of days, so that what is rounded or partly said can be compared."""

import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from functools import lru_cache

from eval.grounding_days import (
    Mention,
    covering,
    days_of,
    edge_of,
    in_part,
    partial_days,
    relative_days,
    same_days,
    with_year_of,
)
from eval.numerals import WORDS, english
from eval.values import MONTHS, Found, find_values, half_width

__all__ = [
    "UNMARKED",
    "Mention",
    "mentions",
    "rounds_to",
    "same_days",
    "same_number",
    "same_period",
    "same_unit",
    "unit_of",
]

ABOUT_LEAST, ABOUT_MOST = Decimal("1.5"), Decimal("0.66")  # "over 30" may be said of up to 45, "under 30" from 20
_CURRENCIES = (
    ("AUD", re.compile(r"澳元|AUD|A\$|Australian")),
    ("CAD", re.compile(r"加元|CAD|C\$|Canadian")),
    ("CHF", re.compile(r"瑞郎|CHF")),
    ("SGD", re.compile(r"新元|SGD")),
    ("", re.compile(r"cents?$|pence$|\dp$| p$")),
    ("USD", re.compile(r"美元|美金|USD|US\$|\$|dollars?", re.IGNORECASE)),
    ("EUR", re.compile(r"欧元|EUR|€|euros?", re.IGNORECASE)),
    ("JPY", re.compile(r"日元|JPY|yen")),
    ("HKD", re.compile(r"港元|港币|HK")),
    ("GBP", re.compile(r"英镑|GBP|£|pounds?|sterling")),
    ("CNY", re.compile(r"[元圆¥￥块]|人民币|RMB|CNY|yuan|renminbi", re.IGNORECASE)),
    ("CNY", re.compile(r"[万亿千零〇一二两三四五六七八九]")),
)
_SCALES = {
    "万": 10**4, "亿": 10**8, "千": 10**3, "百万": 10**6, "千万": 10**7, "million": 10**6, "thousand": 10**3,
    "billion": 10**9, "bn": 10**9, "mn": 10**6, "k": 10**3, "m": 10**6, "w": 10**4,
}  # fmt: skip
_SCALED = re.compile(
    r"(千万|百万|万|亿|千|million|thousand|billion)|(?<=\d)\s?(bn|mn|[kmw])(?![A-Za-z])", re.IGNORECASE
)
_HAN_COUNT = re.compile(r"^[\d,.\s零〇一二两三四五六七八九十百千万亿多余来]+")
_LAST_WORD = re.compile(r"[A-Za-z][A-Za-z0-9]*$|\"$")
_UNITS = {
    "圆": "元", "boxes": "box", "pcs": "piece", "毫升": "ml", "millilitre": "ml", "milliliter": "ml",
    "升": "litre", "liter": "litre", "公斤": "kg", "千克": "kg", "kilogram": "kg", "kilo": "kg", "克": "gram",
    "毫克": "mg", "毫米": "mm", "微升": "μl", "µl": "μl", "ul": "μl", "g": "gram", "焦": "j", "焦耳": "j",
    "厘米": "cm", "英寸": "inch", "寸": "inch", "inches": "inch", '"': "inch", "人份": "test", "测试": "test",
    "吨": "tonne", "部": "台", "厘米水柱": "cmh2o", "毫米汞柱": "mmhg",
}  # fmt: skip
_NO_UNIT = frozenset("system monitor pump machine device probe bed sensor".split())  # noqa: SIM905
_EN_UNIT = {"unit": "台套个件部支张辆床",
            "set": "套台", "piece": "件个台支", "box": "盒箱", "kit": "盒套", "case": "箱例",
            "bottle": "瓶", "pack": "包", "pair": "双对副", "carton": "箱", "bag": "袋", "reel": "卷", "roll": "卷",
            "pallet": "托托盘板", "vial": "瓶支", "cartridge": "个支", "tray": "盘托"}  # fmt: skip
_BOUND = re.compile(
    r"(?:(?P<most>不超过|不到|少于|低于|不多于|不高于|至多|不足|最多|最长|under|less than|at most|up to|below"
    r"|no more than)"
    r"|(?P<least>超过|不少于|不低于|至少|逾|多于|高于|over|more than|at least|no less than|above|exceed\w*)"
    r"|(?P<about>约|大约|大概|近|将近|接近|差不多|about|around|approximately|roughly|nearly"
    r"|almost|some|circa|just under|just over)\s?(?:为|是)?)\s?$",
    re.IGNORECASE,
)
_ABOUT_AFTER = re.compile(r"^\s?(?:左右|上下|出头|有余|or so|余|多)")
_MORE_INSIDE = re.compile(r"[多余来](?:千万|百万|万|亿|[\u4e00-\u9fff])")
_JOIN = re.compile(r"^\s?(?:至|到|-|~|～|—|–|―)\s?$|^ (?:to|and|or) $")
_BOTH = re.compile(r"^(?!.*between).* and $", re.IGNORECASE | re.DOTALL)
_FAR_UNIT = re.compile(
    r"^ (?:[A-Za-z-]*\d[\w-]*,? |[a-z]+ ){1,3}?"
    r"(units?|sets?|boxes|kits?|cartons?|pallets?|cases?|bags?|rolls?|reels?|packs?)(?![A-Za-z])"
)
_WORD_COUNT = re.compile(rf"(?<![A-Za-z-])(?i:(?!one )({WORDS})(?P<half> and a half)?)(?![A-Za-z-])")
_MODEL = re.compile(  # a product called by a word and a number: Pneuma 9
    r"(?<![A-Za-z])(?P<word>[A-Z][A-Za-z]*[a-z]{2,}) (?P<n>\d{1,3})(?![\d,.]\d|\d|%|[\w-])(?! (?:Jan|Feb|Mar"
    r"|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec))(?! (?:units?|sets?|boxes|kits?|cartons?|years?"
    r"|months?|days?|hours?|weeks?|minutes?|%|percent|people)(?![A-Za-z]))"
)
UNMARKED = re.compile(r"[\d,.零〇一二两三四五六七八九十百千万亿]+")  # an amount, or a count whose unit stands elsewhere
_NUMBERED = re.compile(r"(?:tender|ticket|project|\bno\.|number|#|编号|单号)\s?$", re.IGNORECASE)
_NUMBER_OF = re.compile(r"\d{3,8}(?:号?标(?!准)|号(?:标|项目|单|合同|工单))")
_ORDINAL_DAY = re.compile(r"\d{1,2}(?:st|nd|rd|th)", re.IGNORECASE)
_NO_MODEL = re.compile(
    r"(?:The|Of|At|In|On|For|From|Since|Until|By|About|Around|Over|Under|Only|Some|All|And|But|With|Within|After|Before"
    r"|Just|Your|Our|Their|Its|These|Those|Nearly|Almost|Roughly|Between|To|Another|Total|Quantity|Tender|Ticket|Order"
    r"|Invoice|Number|Page|Article|Section|Class|Grade|Level|Phase|Lot|Item|Contract|Project|Batch|Clause|Then|Both"
    r"|Usd|Eur|Rmb|Cny|Price|Floor|Building|Bought|Installed|Received|Ordered|Delivered|Hospital|Clinic|Centre"
    r"|Center|University|Institute|Trust|Infirmary"
    r"|Depot|Store|Warehouse|Group|Company|Laboratory|School|Home)$"
    rf"|(?:{'|'.join([*MONTHS, *(name[:3] for name in MONTHS)])})$"
)
_SIGNS = frozenset(
    "0123456789０１２３４５６７８９零〇一二两三四五六七八九十百千壹贰叁肆伍陆柒捌玖拾半年月[昨今明去前后"
)
_SOME = re.compile(  # a text without such a sign or word holds no value
    r"(?<![A-Za-z])(?:one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|\w+teen|twenty|thirty"
    r"|forty|fifty|sixty"
    r"|seventy|eighty|ninety|hundred|first|second|third|last|this|next|today|dozen|half"
    rf"|{'|'.join(MONTHS)}|{'|'.join(name[:3] for name in MONTHS)})",
    re.IGNORECASE,
)
_TALK_NOUN = (
    r"(?:quick|short|small|simple|more|other|main|key|brief)? ?(?:questions?|things?|points?|options?|ideas?"
    r"|topics?|steps?"
    r"|reasons?|ways?|words?|suggestions?|sentences?|choices?|orders|occasions|times|visits|batches|deliveries"
    r"|tickets|calls|invoices|contracts|shipments|quotes|instalments|possibilities|of you|of them|of us)(?![a-z])"
)
_COUNT = r"[\d一二两三四五六七八九十百]+"
_IDLE = re.compile(  # figures that state nothing of anybody
    rf"第\s?{_COUNT}(?!\s?季度)[批次台期个家]?|\d{{1,2}}[:：]\d{{2}}"
    r"|(?m:^\s*\d{1,2}[.、)）](?!\d))|24/7|7[*×x]24"
)
_IDLE_HAN = re.compile(
    r"(?=[\d一二两三四五六七八九十百半几聊占耽打花谈沟抽汇说给用借还剩近过最前未今这那某同当改哪头每千万上下])(?:"
    rf"{_COUNT}\s?(?:点(?:钟|半)?(?=[前后左到开，。]|$)|句)"
    rf"|(?:聊|占用|耽误|打扰|花|谈|沟通|抽|汇报|说|给我|用您|借)[^，。；\d]{{0,5}}?{_COUNT}\s?分钟"
    r"|[一二两三四五几]个(?:问题|方面|建议|点|时间|方案|选择|重点|事|想法|部分|阶段|步骤"
    r"|原因|疑问|情况|工作日|星期|钟头)|[一两]件事"
    rf"|(?:还剩|剩余|剩下|还有)(?:不到|约|大约)?[\d一二两三四五六七八九十半]+(?:年|个月|天)"
    r"|(?:近|过去|最近|前|未来|今后|这|那|过|某|同|当|改|哪|头|每隔?)[\d一二两三四五六七八九十]+(?:年|个?月|天"
    r"|周)|每一?[年月周天日台套]"
    rf"|(?:{_COUNT}|半)\s?(?:年半?|个?半?月|个月|周|星期|天)(?:之?前|以前|之?后|以后|来)"
    r"|这一年|一年(?=一度|的时间)|一起|十分|万一|千万(?=[别不要])"
    r"|(?<=[，,。；、])[一二三四五六七八九]来(?=[，,是])"
    r"|(?<![共仅只买购订装交到供添进租捐换有为是])(?<!了)一\s?(?!年|天|周|小时|个月|个小时)[\u4e00-\u9fff](?!百"
    r"|十|千|万|季|[年月])"
    r"|(?<=年)一\s?[\u4e00-\u9fff]|一个?[年月周天](?=大约|大概|约|要|用|能|平均|下来)"
    r"|(?:最后|头|每)一[天周年]|二楼|[一二三四五六七八九十]楼|[上下]一年)"
)
_IDLE_LATIN = re.compile(
    r"510\(k\)|HbA1c|SpO2|CO2|H2O|O2(?![A-Za-z0-9])|PM2\.5"
    r"|COVID-?\d*|(?<![A-Za-z0-9-])(?:T[34]|B12|3D|4K|5G)(?![A-Za-z0-9-])"
    r"|(?:take|have|spare|need|for|got|in|only|just|about) (?:\d+|one|two|three|five|ten|fifteen|twenty"
    r"|thirty) ?-?(?:minutes?|mins?)(?= of|[.,?]|$| to| for your| on the)"
    r"|(?:last|past|next) (?:\w+ )(?:years?|months?|weeks?)"
    r"|(?<![A-Za-z])(?:\d{1,3}|one|two|three|four|five|six|seven|eight|nine|ten|twelve|an?|half an?|a few"
    r"|some) (?:years?|months?|weeks?|days?|hours?)"
    r" (?:ago|earlier|later|before(?! acc)|after(?![a-z])|afterwards)"
    r"|(?<![A-Za-z])the \d{1,2}(?= (?:is|was|has|does|manages|runs|had|lasts|offers|gives|can)[ .]|[.,;](?!\d))"
    r"|\d{1,2} ?(?:a\.?m|p\.?m)\b|one of|one-off"
    rf"|(?i:(?:{WORDS}|\d) {_TALK_NOUN})"
)
_LATIN, _HAN_SIGN = re.compile("[A-Za-z]"), re.compile("[\u4e00-\u9fff]")


@lru_cache(maxsize=20_000)
def mentions(text: str, as_of: date | None = None) -> tuple[Mention, ...]:
    """The values of `text` in order; figures of speech are left out. Relative days are read from `as_of`."""
    if _SIGNS.isdisjoint(text) and _SOME.search(text) is None:
        return ()
    plain = half_width(text)
    found = list(_plain(text))
    told = [
        m for m in relative_days(plain, as_of) if not covering([f for f in found if f.kind != "number"], m.start, m.end)
    ]
    if told:
        found = [*(m for m in found if not covering(told, m.start, m.end)), *told]
    return tuple(_joined(sorted(found, key=lambda m: m.start), plain))


@lru_cache(maxsize=20_000)
def _plain(text: str) -> tuple[Mention, ...]:
    """The values one by one."""
    plain = half_width(text)
    idle = _idle(plain)
    partial = partial_days(plain)
    models = [m for m in _MODEL.finditer(plain) if not _NO_MODEL.match(m["word"])] if " " in plain else []
    found = [Mention("code", m.group(), *m.span(), m.group().upper()) for m in models]
    for value in find_values(text):
        if _inside(value.start, value.end, idle) or plain[value.start - 1 : value.start] == "第":
            continue  # 第二人民医院 does not count two people
        ordinal = value.kind == "code" and _ORDINAL_DAY.fullmatch(value.text)
        if ((value.kind == "number" or ordinal) and covering(partial, value.start, value.end)) or covering(
            found, value.start, value.end
        ):
            continue
        if value.kind == "number" and (far := _FAR_UNIT.match(plain[value.end : value.end + 40])):
            value = replace(find_values(f"{value.text} {far[1]}")[0], start=value.start, end=value.end)  # 3 CY-90 units
        if value.kind == "number" and (
            _NUMBERED.search(plain[: value.start]) or _NUMBER_OF.match(plain[value.start :])
        ):  # tender 57 of 2023
            found.append(Mention("code", value.text, value.start, value.end, value.text))
            continue
        found.append(_mention(value, plain))
    for match in _WORD_COUNT.finditer(plain) if " " in plain else ():
        if not covering(found, *match.span()) and not _overlaps(*match.span(), idle):
            far = _FAR_UNIT.match(plain[match.end() : match.end() + 40])
            number = Decimal(english(match[1])) + (Decimal("0.5") if match["half"] else 0)
            value = Found("quantity" if far else "number", f"{match.group()} {far[1]}" if far else match.group(),
                          *match.span(), f"{number.normalize():f}")  # fmt: skip
            found.append(_mention(value, plain))
    found += [m for m in partial if not covering(found, m.start, m.end) and not _inside(m.start, m.end, idle)]
    return tuple(in_part(m, plain) if m.kind == "date" else m for m in found)


def _idle(plain: str) -> list[tuple[int, int]]:
    """Where figures stand that state nothing."""
    patterns = [_IDLE]
    if _HAN_SIGN.search(plain):
        patterns.append(_IDLE_HAN)
    if _LATIN.search(plain):
        patterns.append(_IDLE_LATIN)
    return [match.span() for pattern in patterns for match in pattern.finditer(plain)]


def rounds_to(value: Decimal, said: Mention) -> bool:
    """
    The declared policy: `value` may be said as the shown digits, rounded half up; "over n" up to half as much more.

    A plain number (no 万, million) without "about" is exact.
    """
    if said.bound == "more":  # 740多万 ends before 750万
        return said.low <= value < said.low + (said.step or said.low)
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


def same_period(stated: Mention, said: Mention) -> bool:
    """Whether two periods are one: three months are 90 days, a day is 24 hours."""
    if stated.kind != said.kind or said.kind != "period" or stated.low != stated.high or said.low != said.high:
        return False
    order = "mdhn"
    if stated.unit not in order or said.unit not in order:
        return False
    long, short = sorted((stated, said), key=lambda m: order.index(m.unit))
    if (long.unit, short.unit) == ("m", "d"):
        return short.low == long.low * 30 or (long.low % 12 == 0 and short.low == long.low / 12 * 365)
    factor = {("d", "h"): 24, ("h", "n"): 60}.get((long.unit, short.unit))
    return factor is not None and short.low == long.low * factor


def same_unit(stated: str, said: str) -> bool:
    """台 is 台 or unit; an unknown unit is any."""
    if not stated or not said or stated == said:
        return True
    one, other = _UNITS.get(stated, stated), _UNITS.get(said, said)
    if one == other:
        return True
    return other in _EN_UNIT.get(one, "") if one.isascii() else other.isascii() and one in _EN_UNIT.get(other, "")


def _mention(value: Found, plain: str) -> Mention:
    base = Mention(value.kind, value.text, value.start, value.end, value.canonical)
    before, after = plain[max(0, value.start - 16) : value.start], plain[value.end : value.end + 8]
    if value.kind in ("date", "month", "year", "quarter", "half"):
        span = days_of(value.canonical)
        edge = edge_of(before, after)
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
    if not bound and _MORE_INSIDE.search(value.text):
        bound = "more"
    unit = unit_of(value)
    return replace(base, low=number, high=number, step=_step(value.text, number, bound), unit=unit, bound=bound)


def unit_of(value: Found) -> str:
    """The currency of an amount, the measure of a period, the word behind a count."""
    if value.kind == "money":
        return next((code for code, words in _CURRENCIES if words.search(value.text)), "CNY")
    if value.kind == "period":
        return value.canonical[-1]
    if value.kind != "quantity":
        return ""
    if match := _LAST_WORD.search(value.text):
        word = match.group().lower()
        word = _UNITS.get(word) or (word if len(word) < 4 else word.removesuffix("s"))
        word = _UNITS.get(word, word)
        return "" if word in _NO_UNIT else word
    word = _HAN_COUNT.sub("", value.text).strip()
    return _UNITS.get(word, word)


def _step(text: str, number: Decimal, bound: str) -> Decimal:
    """The worth of the last digit shown, where rounding is allowed; 0: exact."""
    if re.search(r"[零壹贰叁肆伍陆柒捌玖]", text):
        return Decimal(0)
    digits = re.search(r"\d[\d,]*(?:\.(\d+))?", text)
    if not digits and bound in ("about", "more") and number == int(number):
        return Decimal(10) ** _zeros(str(int(number)))
    match = _SCALED.search(text)
    if digits and match:
        scale = _SCALES[(match[1] or match[2]).lower()]
        if (more := re.search(r"[万亿](\d*)", text)) and more[1]:
            return Decimal(1000) if len(more[1]) == 1 else Decimal(0)
        zeros = _zeros(digits.group()) if bound in ("about", "more") and not digits[1] else 0
        return Decimal(scale) * 10**zeros / (10 ** len(digits[1] or ""))
    if bound in ("about", "more") and digits and not digits[1] and number:
        return Decimal(10) ** _zeros(str(int(number)))
    return Decimal(1) / 10 ** len(digits[1] or "") if bound == "about" and digits else Decimal(0)


def _zeros(digits: str) -> int:
    plain = digits.replace(",", "")
    return len(plain) - len(plain.rstrip("0"))


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
            kept[-1] = replace(with_year_of(mention, replace(last, yearless=False)), start=last.start)  # 去年3月
            continue
        if last is not None and last.yearless and mention.loose and plain[last.end : mention.start] in (" ", " of "):
            kept[-1] = replace(with_year_of(last, mention), end=mention.end)  # April last year
            continue
        if last is None or not _JOIN.match(plain[last.end : mention.start]):
            kept.append(mention)
            continue
        if last.kind == mention.kind == "date" and _BOTH.search(plain[max(0, last.start - 12) : mention.start]):
            kept.append(mention)  # in May and June
        elif last.kind == mention.kind == "date":
            kept[-1] = replace(last, edge="from")
            kept.append(with_year_of(replace(mention, edge="to"), last))
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


def _inside(start: int, end: int, spans: Sequence[tuple[int, int]]) -> bool:
    return any(first <= start and end <= last for first, last in spans)


def _overlaps(start: int, end: int, spans: Sequence[tuple[int, int]]) -> bool:
    return any(start < last and first < end for first, last in spans)
