"""Values that follow from stated ones: sums, differences, averages, spans of days, the end of a period."""

import re
from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from decimal import Decimal
from functools import lru_cache
from itertools import combinations

from eval.grounding_days import Mention, after_months, months_between, same_days
from eval.grounding_mentions import UNMARKED, rounds_to, same_unit

_SUM = re.compile(
    r"合计|共|总|加起来|凑|加在一起|拢共|累计|前后|算上|加上|两项|整|in all|total"
    r"|together|altogether|adds? up|combined|sum|worth|between|plus",
    re.IGNORECASE,
)
_DIFFERENCE = re.compile(
    r"比|多|少|高|低|差|剩|余|省|未付|尚|欠|降|涨|增|减|扩|让|便宜|优惠|折|less|more|fewer|below|under|inside"
    r"|above|over|\bup\b|down|left"
    r"|remain\w*|outstanding|saved|difference|increase|grew|rose|fell|short|extra|owe",
    re.IGNORECASE,
)
_RATIO = re.compile(
    r"平均|平摊|分摊|折合|摊|每|单价|倍|一半|人均|per |each|average|a month|a year|monthly|twice|half|apiece|times",
    re.IGNORECASE,
)
_UNTIL = re.compile(
    r"到期|届满|过期|满|止|结束|截|出保|脱保|为止|过了|expir|until|through|end|ran out|runs? out|lapse|over|last",
    re.IGNORECASE,
)
_PASSES = re.compile(
    r"满|刚|剩|还有|已|了|来|至今|不到|left|remain|to go|so far|ago|for|since|over|almost|nearly|just", re.IGNORECASE
)
_FULL = re.compile(r"满|周年|整|到期|anniversary|years? old|turns?", re.IGNORECASE)
APART = re.compile(r"隔|相距|相差|前后|又过|later|apart|after|between", re.IGNORECASE)
_RATES = {
    "a month": re.compile(
        r"每个?月|月均|月租|月费|月薪|(?<![A-Za-z])(?:month_?ly|per month|a month|/month)", re.IGNORECASE
    ),
    "a year": re.compile(
        r"每年|年均|年费|年租|/年|(?<![A-Za-z])(?:annual\w*|yearly|per[_ ]year|a year|/year)", re.IGNORECASE
    ),
    "a day": re.compile(r"每天|每日|日均|(?<![A-Za-z])(?:daily|per day|a day)", re.IGNORECASE),
}
_MOST = 40
_COUNTS = frozenset({"quantity", "number"})


def follows(value: Mention, stated: Sequence[Mention], sentence: str) -> bool:
    """Whether a number follows from stated ones by what the sentence says of it: in all, less, on average."""
    if value.kind == "period" and value.unit == "m":
        return False
    pool = _pool(tuple(m for m in stated if m.numeric and m.low == m.high))
    same = [m for m in pool if _alike(m, value)]
    numbers = list(dict.fromkeys(m.low for m in same))
    results: list[Decimal] = []
    if _SUM.search(sentence):
        amounts = [m.low for m in same]  # two rows of one amount are two
        results += [a + b for a, b in combinations(amounts, 2)]
        results += [a + b + c for a, b, c in combinations(amounts[:12], 3)]
    if _DIFFERENCE.search(sentence):
        results += [abs(a - b) for a, b in combinations(numbers, 2)]
    if _RATIO.search(sentence):
        counts = [m.low for m in pool if m.kind in _COUNTS and m.low]
        results += [a / b for a in numbers for b in (*counts, Decimal(12), Decimal(4)) if b]
        results += [a * b for a in numbers for b in (*counts, Decimal(12)) if value.kind == "money"]
    return any(result > 0 and rounds_to(result, value) for result in results)


def total_of(value: Mention, stated: Sequence[Mention]) -> bool:
    """Whether an amount is a stated unit price times a stated count."""
    prices = [m.low for m in stated if m.kind == "money"][:_MOST]
    counts = [m.low for m in stated if m.kind in _COUNTS][:_MOST]
    return value.kind == "money" and any(
        rounds_to(price * count, value) for price in prices for count in counts if count > 1
    )


def other_rate(stated: Iterable[str], sentence: str, value: Mention) -> str:
    """A month where all that is stated is a year, or the reverse: 每年6,800元 of a monthly rent; "" where it agrees."""
    if value.kind not in ("money", "quantity", "number"):
        return ""
    near = sentence[max(0, value.start - 16) : value.end + 16]
    said = {name for name, words in _RATES.items() if words.search(near)}
    told = [{name for name, words in _RATES.items() if words.search(text)} for text in stated]
    if len(said) == 1 and told and all(len(each) == 1 for each in told) and not any(said & each for each in told):
        return next(iter(said))
    return ""


def spans(value: Mention, starts: Iterable[date], ends: Iterable[date]) -> bool:
    """Whether a period lies between two of these days: 2025-03-01 to 2027-02-28 is two years."""
    if value.kind != "period" or value.unit not in ("m", "d"):
        return False
    for first in starts:
        for last in ends:
            if last <= first:
                continue
            if value.unit == "d" and abs((last - first).days - value.low) <= (1 if value.low > 3 else 0):
                return True
            if value.unit == "m" and (abs(months_between(first, last) - value.low) < Decimal("0.12")):
                return True
    return False


def passes(value: Mention, days: Iterable[date], said: Iterable[Mention], as_of: date | None, sentence: str) -> bool:
    """Whether so much time lies between a known day and today, or a day that is said: full four years next month."""
    if value.kind != "period" or value.unit not in ("m", "d") or not _PASSES.search(sentence):
        return False
    size = 12 if value.unit == "m" and value.low % 12 == 0 else 1
    months = int(value.low) if value.unit == "m" and value.low == value.low.to_integral_value() else 0
    spoken = [(m.first, m.last) for m in said if m.kind == "date" and m.first and m.last and not m.yearless]
    for day in days:
        if (
            months
            and _FULL.search(sentence)
            and (end := after_months(day, months))
            and any(first <= end <= last and (last - first).days < 93 for first, last in spoken)
        ):
            return True
        if as_of is None or day == as_of:
            continue
        first, last = min(day, as_of), max(day, as_of)
        gone = months_between(first, last) if value.unit == "m" else Decimal((last - first).days)
        off = gone - value.low
        slack = Decimal(size) / 10 if value.unit == "m" else Decimal(1)
        over, under = "多" in value.text or value.bound in ("more", "least"), value.bound in ("about", "most")
        if (0 <= off < size and over) or (under and abs(off) <= slack) or abs(off) < Decimal("0.12"):
            return True
    return False


def since(value: Mention, starts: Iterable[date], as_of: date) -> bool:
    """Whether so much time has passed since one of these days: in post for two years."""
    if value.kind != "period" or value.unit != "m" or value.low < 12:
        return False
    step = 12 if value.low % 12 == 0 else 1
    return any(
        start < as_of
        and int(months_between(start, as_of) / step) * step in (value.low, value.low - step)
        and months_between(start, as_of) / step > value.low / step - Decimal("0.5")
        for start in starts
    )


def ends(value: Mention, starts: Iterable[date], periods: Iterable[Mention], sentence: str) -> bool:
    """Whether a day is the end of a stated period from a stated start; the last day or the one after."""
    if value.kind != "date" or not (value.edge == "to" or _UNTIL.search(sentence)):
        return False
    lengths = [
        int(m.low) for m in periods if m.kind == "period" and m.unit == "m" and m.low == m.low.to_integral_value()
    ]
    for start in starts:
        for months in lengths:
            end = after_months(start, months)
            if any(same_days((day, day), value) for day in (end, end - timedelta(days=1))):
                return True
    return False


@lru_cache(maxsize=5_000)
def _pool(stated: tuple[Mention, ...]) -> tuple[Mention, ...]:
    return stated[:_MOST]


def _alike(stated: Mention, value: Mention) -> bool:
    if stated.kind == value.kind:
        return same_unit(stated.unit, value.unit)
    if value.kind == "money" and stated.kind in _COUNTS and UNMARKED.fullmatch(value.text):
        return True
    return {stated.kind, value.kind} <= _COUNTS or {stated.kind, value.kind} == {"money", "number"}
