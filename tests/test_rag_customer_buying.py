"""What was bought by year with its trend, and when the next budget is applied for; pure functions over facts."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.customer_buying import budget, purchases
from rag.facts import Fact, make_fact

NOW = datetime(2026, 11, 21, 9, tzinfo=UTC)
DAY = NOW.date()


def bought(order: str, day: date, quantity: str = "1", known: datetime = NOW, **more: str) -> Fact:
    said = {"category": "超声", "unit": "台", "quantity": quantity, **more}
    return make_fact("customer:H1", "bought", order, said, source="s_1", known_from=known, valid_from=day)


def months(year: int, first: int, last: int) -> Fact:
    said = {"window_from": str(first), "window_to": str(last)}
    return make_fact("customer:H1", "budget", str(year), said, source="s_1", known_from=NOW)


def test_purchases_are_counted_by_year_and_compared_with_the_year_before() -> None:
    facts = [
        bought("X1", date(2023, 11, 21), "50"),  # three years ago to the day: out
        bought("X2", date(2023, 11, 22), "4"),
        bought("X3", date(2025, 11, 21), "3"),
        bought("X4", date(2025, 11, 22), "2"),
        bought("X5", DAY, "5"),
        bought("X6", DAY + timedelta(days=1), "99"),
    ]
    [line] = purchases(facts, DAY)
    assert (line.last12, line.previous12, line.older12, line.trend) == (7, 3, 4, "up")
    assert (line.last, line.orders) == (DAY, ("X2", "X3", "X4", "X5"))


@pytest.mark.parametrize(
    ("days", "trend"),
    [((0,), "new"), ((0, 800), "up"), ((400,), "down"), ((0, 400), "flat"), ((800,), "flat"), ((0, 400, 401), "down")],
)
def test_the_trend_is_new_only_without_earlier_orders(days: tuple[int, ...], trend: str) -> None:
    [line] = purchases([bought(f"X{n}", DAY - timedelta(days=n)) for n in days], DAY)
    assert line.trend == trend


def test_units_stay_apart_an_order_told_twice_counts_once_and_no_quantity_is_nothing() -> None:
    facts = [bought("X1", DAY, "2", unit="套"), bought("X2", DAY, "3"), bought("X2", DAY, "4", NOW + timedelta(days=1))]
    facts += [bought("X3", DAY, ""), bought("X4", DAY, "viele", unit="台")]
    lines = {line.unit: line for line in purchases(facts, DAY)}
    assert (lines["套"].last12, lines["台"].last12, lines["台"].orders) == (2, 4, ("X2", "X3", "X4"))


@given(
    st.lists(st.tuples(st.integers(0, 1500), st.integers(0, 50), st.sampled_from("ab"))),
    st.dates(date(2020, 1, 1), date(2030, 12, 31)),
)
def test_every_order_of_three_years_is_in_exactly_one_line_and_one_year(
    rows: list[tuple[int, int, str]], day: date
) -> None:
    facts = [
        bought(f"X{n}", day - timedelta(days=age), str(count), category=kind)
        for n, (age, count, kind) in enumerate(rows)
    ]
    lines = purchases(facts, day)
    told = [order for line in lines for order in line.orders]
    assert len(told) == len(set(told))
    recent = {fact.value: int(fact.attributes["quantity"]) for fact in facts if fact.value in told}
    assert sum(line.last12 + line.previous12 + line.older12 for line in lines) == sum(recent.values())
    assert {f"X{n}" for n, (age, _, _) in enumerate(rows) if age < 3 * 365} <= set(told)


@pytest.mark.parametrize(
    ("rows", "day", "told"),
    [
        ([(2027, 10, 11)], date(2026, 11, 30), (2027, date(2026, 10, 1), date(2026, 11, 30), False)),
        ([(2027, 10, 11)], date(2026, 12, 1), (2028, date(2027, 10, 1), date(2027, 11, 30), True)),
        ([(2026, 10, 11), (2027, 9, 10)], date(2025, 12, 1), (2027, date(2026, 9, 1), date(2026, 10, 31), False)),
        ([(2020, 2, 2)], date(2024, 2, 29), (2025, date(2024, 2, 1), date(2024, 2, 29), True)),
        ([(2027, 11, 1)], date(2027, 1, 31), (2027, date(2026, 11, 1), date(2027, 1, 31), False)),
    ],
)
def test_the_next_budget_window_is_known_or_projected(
    rows: list[tuple[int, int, int]], day: date, told: tuple[int, date, date, bool]
) -> None:
    line, against = budget([months(*row) for row in rows], day)
    assert line is not None
    assert ((line.year, line.first, line.last, line.projected), against) == (told, ())


def test_a_budget_without_months_tells_no_window() -> None:
    bare = make_fact("customer:H1", "budget", "2027", {"amount": "5"}, source="s_1", known_from=NOW)
    odd = make_fact("customer:H1", "budget", "x", {"window_from": "13"}, source="s_1", known_from=NOW)
    assert budget([bare, odd], DAY) == (None, ())
