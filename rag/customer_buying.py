"""What a customer bought and when its next budget is applied for, as its facts say on one day. Pure."""

import calendar
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import pairwise
from typing import Literal

from rag.customer_lines import Support, support
from rag.facts import Fact

PURCHASE_YEARS = 3
Trend = Literal["new", "up", "down", "flat"]


@dataclass(frozen=True, slots=True)
class PurchaseLine:
    """Quantities of one category in one unit, in the year up to the day and the two years before it."""

    category: str
    unit: str
    last12: float
    previous12: float
    older12: float
    trend: Trend
    last: date
    orders: tuple[str, ...]
    support: Support


@dataclass(frozen=True, slots=True)
class BudgetLine:
    """`first` and `last` day on which the budget of `year` is applied for; `projected`: by the months of an old row."""

    year: int
    first: date
    last: date
    projected: bool
    support: Support


def years_before(day: date, years: int) -> date:
    """The same day of an earlier year; of 29 February the 28th."""
    leap_day = day.month == 2 and day.day == 29
    return day.replace(year=day.year - years, day=28 if leap_day else day.day)


def recent_orders(stated: Iterable[Fact], day: date) -> dict[tuple[str, str], list[tuple[date, Fact]]]:
    """Per category and unit the orders of the last three years, oldest first; one that is told twice counts once."""
    since = years_before(day, PURCHASE_YEARS)
    by_id: dict[str, tuple[date, Fact]] = {}
    for fact in stated:
        if fact.relation == "bought" and fact.valid_from and since < fact.valid_from <= day:
            known = by_id.get(fact.value)
            if known is None or known[1].known_from < fact.known_from:
                by_id[fact.value] = (fact.valid_from, fact)
    rows: dict[tuple[str, str], list[tuple[date, Fact]]] = defaultdict(list)
    for bought in sorted(by_id.values(), key=lambda each: (each[0], each[1].value)):
        attributes = bought[1].attributes
        rows[attributes.get("category", ""), attributes.get("unit", "")].append(bought)
    return rows


def purchases(stated: Iterable[Fact], day: date) -> tuple[PurchaseLine, ...]:
    """The category that was bought last comes first."""
    lines: list[PurchaseLine] = []
    starts = [years_before(day, years) for years in range(PURCHASE_YEARS + 1)]
    for (category, unit), bought in recent_orders(stated, day).items():
        sums = [
            sum(quantity_of(fact) for bought_on, fact in bought if after < bought_on <= until)
            for until, after in pairwise(starts)
        ]
        last = bought[-1][0]
        orders = tuple(fact.value for _, fact in bought)
        told = support(fact for _, fact in bought)
        lines.append(PurchaseLine(category, unit, sums[0], sums[1], sums[2], _trend(sums), last, orders, told))
    return tuple(sorted(lines, key=lambda line: (line.last, line.category, line.unit), reverse=True))


def quantity_of(fact: Fact) -> float:
    """0 when the export does not say."""
    try:
        return float(fact.attributes.get("quantity") or 0)
    except ValueError:
        return 0.0


def _trend(sums: Sequence[float]) -> Trend:
    now, before, older = sums
    if now > 0 and not before and not older:
        return "new"
    return "up" if now > before else "down" if now < before else "flat"


@dataclass(frozen=True, slots=True)
class _Window:
    year: int
    first: date
    last: date
    facts: tuple[Fact, ...]
    disputed: bool


def budget(stated: Iterable[Fact], day: date) -> tuple[BudgetLine | None, tuple[Fact, ...]]:
    """The next window, or the statements of its year when they contradict each other about it."""
    windows = _windows(stated)
    if not windows:
        return None, ()
    coming = [window for window in windows if window.last >= day]
    chosen = min(coming, key=lambda window: (window.last, window.year)) if coming else windows[-1]
    if chosen.disputed:
        return None, chosen.facts
    told = support(chosen.facts)
    if coming:
        return BudgetLine(chosen.year, chosen.first, chosen.last, False, told), ()
    year = max(chosen.year + 1, day.year)
    first, last = _projected(chosen, year)
    while last < day:
        year += 1
        first, last = _projected(chosen, year)
    return BudgetLine(year, first, last, True, told), ()


def _windows(stated: Iterable[Fact]) -> list[_Window]:
    """Of the years whose months are known, oldest first."""
    of_year: dict[int, list[Fact]] = defaultdict(list)
    for fact in stated:
        if fact.relation == "budget" and fact.value.isdigit() and _months(fact):
            of_year[int(fact.value)].append(fact)
    found: list[_Window] = []
    for year, facts in sorted(of_year.items()):
        months = {pair for fact in facts if (pair := _months(fact))}
        first, last = window_days(year, *min(months))
        found.append(_Window(year, first, last, tuple(facts), len(months) > 1))
    return found


def _months(fact: Fact) -> tuple[int, int] | None:
    said = [fact.attributes.get(name, "") for name in ("window_from", "window_to")]
    if not all(month.isdigit() and 1 <= int(month) <= 12 for month in said):
        return None
    return int(said[0]), int(said[1])


def window_days(year: int, first_month: int, last_month: int) -> tuple[date, date]:
    """A budget of a year is applied for in the year before; a window over New Year ends in the year itself."""
    ends = year - 1 if first_month <= last_month else year
    return date(year - 1, first_month, 1), date(ends, last_month, calendar.monthrange(ends, last_month)[1])


def _projected(window: _Window, year: int) -> tuple[date, date]:
    return window_days(year, window.first.month, window.last.month)
