"""Curves as plain geometry: shares of a plot's width and height, nice ticks, and what to say where one points."""

import math
from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

WIDTH, HEIGHT = 1000, 400  # the box of the SVG, stretched to the plot; labels are HTML and keep their size
MOST_POINTS, MOST_STOPS = 300, 60
COLOURS = ("#0f766e", "#b45309", "#1d4ed8", "#a21caf")

Values = Sequence[tuple[float, float]]
Say = Callable[[float], str]


@dataclass(frozen=True, slots=True)
class Series:
    """`values`: (x, y) by rising x. Dots are for figures that are measured now and then."""

    name: str
    values: Values
    colour: str
    dots: bool = False
    dashed: bool = False


@dataclass(frozen=True, slots=True)
class Line:
    """`path` and `dots` are SVG path data in the box of WIDTH by HEIGHT."""

    name: str
    colour: str
    path: str
    dots: str
    dashed: bool
    last: str


@dataclass(frozen=True, slots=True)
class Tick:
    """`at`: percent from the left, or from the top."""

    at: float
    text: str


@dataclass(frozen=True, slots=True)
class Stop:
    """A strip of the plot (in units of the box) and the values in it, in words."""

    left: float
    width: float
    middle: float
    said: str


@dataclass(frozen=True, slots=True)
class Chart:
    title: str
    lines: tuple[Line, ...]
    across: tuple[Tick, ...]
    up: tuple[Tick, ...]
    stops: tuple[Stop, ...]


def draw(
    title: str, series: Sequence[Series], *, last: float, shown: Say, at: Say, ticks: int = 4, zoom: bool = False
) -> Chart | None:
    """
    A chart from zero to the largest value and to `last`; None when there is nothing to draw.

    `shown` says a value, `at` a place on the way across. Values that are no number are left out. With `zoom` the axis
    begins above zero where all values lie in the upper half: a small fall of a large loss is seen as well.
    """
    kept = [(each, _finite(each.values)) for each in series]
    kept = [(each, values) for each, values in kept if values]
    if not kept:
        return None
    highest = max(max(y for _, y in values) for _, values in kept)
    lowest = min(min(y for _, y in values) for _, values in kept)
    steps = ticks_between(lowest, highest, ticks) if zoom and lowest > highest / 2 else nice_ticks(highest, ticks)
    low, top, width = steps[0], steps[-1], max(last, 1.0)
    height = (top - low) or 1.0
    lines = tuple(_line(each, values, low, height, width, shown) for each, values in kept)
    up = tuple(Tick(round(100 * (1 - (value - low) / height), 2), shown(value)) for value in steps)
    marks = [value for value in nice_ticks(width, 5) if value <= width]
    across = tuple(Tick(round(100 * value / width, 2), f"{value:g}") for value in marks)
    return Chart(title, lines, across, up, _stops(kept, width, shown, at))


def nice_ticks(top: float, count: int = 4) -> list[float]:
    """From zero up, a step of 1, 2, 2.5 or 5 times a power of ten; the last one is not below `top`."""
    if not top > 0 or not math.isfinite(top):
        return [0.0]
    rough = top / count
    power = 10.0 ** math.floor(math.log10(rough))
    step = next((size * power for size in (1, 2, 2.5, 5) if size * power >= rough * 0.999), 10 * power)
    number = math.ceil(top / step * 0.9999)
    return [round(step * at, 12) for at in range(number + 1)]


def ticks_between(low: float, high: float, count: int = 4) -> list[float]:
    """From at most `low` to at least `high` in round steps."""
    step = nice_ticks(max(high - low, high / 1000), count)[1]
    first, last = math.floor(low / step), math.ceil(high / step)
    return [round(step * at, 12) for at in range(first, max(last, first + 1) + 1)]


def thinned(values: Values, most: int = MOST_POINTS) -> list[tuple[float, float]]:
    """Every n-th value and the last one."""
    each = max(1, math.ceil(len(values) / most))
    return [pair for number, pair in enumerate(values) if number % each == 0 or number == len(values) - 1]


def _finite(values: Values) -> list[tuple[float, float]]:
    return [(x, y) for x, y in values if math.isfinite(y) and y >= 0]


def _line(series: Series, values: Values, low: float, height: float, width: float, shown: Say) -> Line:
    places = [(WIDTH * x / width, HEIGHT * (1 - (y - low) / height)) for x, y in thinned(values)]
    path = "M" + "L".join(f"{x:.1f},{y:.1f}" for x, y in places)
    dots = "".join(f"M{x:.1f},{y:.1f}h0" for x, y in places) if series.dots or len(places) == 1 else ""
    return Line(series.name, series.colour, path, dots, series.dashed, shown(values[-1][1]))


def _stops(
    kept: Sequence[tuple[Series, list[tuple[float, float]]]], width: float, shown: Say, at: Say
) -> tuple[Stop, ...]:
    """One strip per place that has a value, at most MOST_STOPS; each says the value that held there."""
    places = [
        x for x, _ in thinned([(x, 0.0) for x in sorted({x for _, values in kept for x, _ in values})], MOST_STOPS)
    ]
    edges = [0.0, *((a + b) / 2 for a, b in pairwise(places)), width]
    found: list[Stop] = []
    for number, x in enumerate(places):
        said = [f"{each.name} {shown(value)}" for each, values in kept if (value := _held(values, x)) is not None]
        left, right = WIDTH * edges[number] / width, WIDTH * edges[number + 1] / width
        text = " · ".join((at(x), *said))
        found.append(Stop(round(left, 1), round(right - left, 1), round(WIDTH * x / width, 1), text))
    return tuple(found)


def _held(values: Values, x: float) -> float | None:
    """The newest value at or before `x`."""
    number = bisect_right([at for at, _ in values], x)
    return values[number - 1][1] if number else None
