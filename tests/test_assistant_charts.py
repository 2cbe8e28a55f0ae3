"""Charts: ticks that people read easily, points inside the plot, and a value wherever one points."""

import itertools
import math

from hypothesis import given
from hypothesis import strategies as st

from assistant.charts import HEIGHT, MOST_POINTS, MOST_STOPS, WIDTH, Series, draw, nice_ticks, thinned

POSITIVE = st.floats(1e-9, 1e12)


@given(POSITIVE)
def test_ticks_begin_at_zero_cover_the_top_and_are_few(top: float) -> None:
    ticks = nice_ticks(top)
    assert ticks[0] == 0
    assert ticks[-1] >= top * 0.9998
    assert 2 <= len(ticks) <= 7
    gaps = {round((b - a) / ticks[1], 6) for a, b in itertools.pairwise(ticks)}
    assert gaps == {1.0}


def test_ticks_are_round_numbers() -> None:
    assert nice_ticks(3.02) == [0.0, 1.0, 2.0, 3.0, 4.0]
    assert nice_ticks(0.0006) == [0.0, 0.0002, 0.0004, 0.0006]
    assert nice_ticks(0) == nice_ticks(math.inf) == [0.0]


@given(st.lists(st.tuples(st.integers(1, 500), st.floats(0, 1e6) | st.just(math.nan)), min_size=1))
def test_every_point_lies_in_the_plot(values: list[tuple[int, float]]) -> None:
    ordered = sorted(dict(values).items())
    chart = draw("c", [Series("s", ordered, "#000")], last=500, shown=str, at=str)
    if chart is None:
        assert all(math.isnan(y) for _, y in ordered)
        return
    for pair in chart.lines[0].path[1:].split("L"):
        x, y = map(float, pair.split(","))
        assert 0 <= x <= WIDTH
        assert -0.1 <= y <= HEIGHT
    assert all(0 <= tick.at <= 100 for tick in (*chart.up, *chart.across))


@given(st.integers(1, 5000))
def test_a_long_curve_is_thinned_and_keeps_its_end(count: int) -> None:
    values = [(float(n), 1.0) for n in range(count)]
    kept = thinned(values)
    assert len(kept) <= MOST_POINTS + 1
    assert kept[-1] == values[-1]
    assert kept[0] == values[0]


def test_where_one_points_the_newest_values_are_said() -> None:
    train = Series("train", [(n, 3.0 - n / 100) for n in range(1, 201)], "#111")
    heldout = Series("held out", [(1, 3.0), (100, 2.5)], "#222", dots=True)
    chart = draw("loss", [train, heldout], last=200, shown=lambda y: f"{y:.2f}", at=lambda x: f"step {x:g}")
    assert chart is not None
    assert len(chart.stops) <= MOST_STOPS + 1
    assert chart.stops[-1].said == "step 200 · train 1.00 · held out 2.50"
    assert chart.stops[0].left == 0
    assert round(chart.stops[-1].left + chart.stops[-1].width) == WIDTH
    assert chart.lines[1].dots.count("M") == 2
    assert [line.last for line in chart.lines] == ["1.00", "2.50"]


def test_nothing_to_draw_is_no_chart() -> None:
    assert draw("c", [], last=1, shown=str, at=str) is None
    assert draw("c", [Series("s", [(1, math.nan)], "#000")], last=1, shown=str, at=str) is None
