"""A test that may be looked at all the time: an equal candidate rarely reaches the line, a worse one soon does."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sandbox.sequential import (
    LEVELS,
    close_bound,
    histogram,
    log_e_value,
    log_e_value_limit,
    quick_bound,
    threshold,
)

NOTHING = np.zeros(LEVELS + 1, dtype=np.int64)
AXIS = np.arange(LEVELS + 1) / LEVELS
some = st.lists(st.floats(0, 1), min_size=1, max_size=60)
values = st.lists(st.floats(0, 1), max_size=60)


def crossed(candidate: float, baseline: float, margin: float, *, share: float, runs: int, length: int) -> float:
    """The share of runs in which the line was crossed at any look, after every single observation."""
    draw, line = np.random.default_rng(3), threshold(0.05)
    counts = np.zeros((2, runs, LEVELS + 1), dtype=np.int64)
    ever = np.zeros(runs, dtype=bool)
    rows = np.arange(runs)
    for _ in range(length):
        arm = (draw.random(runs) >= share).astype(int)
        value = draw.random(runs) < np.where(arm == 0, candidate, baseline)
        counts[arm, rows, value * LEVELS] += 1
        sizes = counts.sum(-1).astype(np.float64)
        bound = quick_bound(sizes, counts @ AXIS / np.maximum(sizes, 1), margin)
        look = np.flatnonzero(~ever & counts.any(-1).all(0) & (bound >= line))
        if len(look):
            ever[look] |= log_e_value(counts[0, look], counts[1, look], margin) >= line
    return float(ever.mean())


def test_an_equal_candidate_rarely_crosses_at_any_look() -> None:
    """At the edge of the hypothesis, where a false alarm is likeliest: worse by exactly the margin."""
    assert crossed(0.12, 0.10, 0.02, share=0.25, runs=400, length=300) <= 0.05
    assert crossed(0.10, 0.10, 0.02, share=0.25, runs=400, length=300) <= 0.05


def test_a_clearly_worse_candidate_crosses() -> None:
    assert crossed(0.5, 0.1, 0.02, share=0.5, runs=50, length=150) >= 0.95


@settings(max_examples=60, deadline=None)
@given(own=some, other=some, margin=st.sampled_from([0.01, 0.05, 0.2]))
def test_the_bounds_are_never_below(own: list[float], other: list[float], margin: float) -> None:
    a, b = histogram(own), histogram(other)
    sizes = np.array([[len(own)], [len(other)]], dtype=np.float64)
    means = np.array([[a @ AXIS], [b @ AXIS]]) / sizes
    exact = float(log_e_value(a, b, margin))
    assert exact <= float(quick_bound(sizes, means, margin)[0]) + 1e-9
    assert exact <= float(close_bound(a[None], b[None], margin)[0]) + 1e-9


@settings(max_examples=60, deadline=None)
@given(own=values, other=values)
def test_evidence_grows_with_the_difference_alone(own: list[float], other: list[float]) -> None:
    a, b = histogram(own), histogram(other)
    evidence = float(log_e_value(a, b, 0.05))
    assert math.isfinite(evidence)
    assert evidence >= float(log_e_value(a, b, 0.1)) - 1e-9
    if own and other and np.mean(own) + 0.02 < np.mean(other):
        assert evidence < threshold(0.5)


def test_without_observations_there_is_no_evidence() -> None:
    assert float(log_e_value(NOTHING, NOTHING, 0.05)) == pytest.approx(0)
    assert float(log_e_value_limit(NOTHING, 0.2)) == pytest.approx(0)


def test_a_limit_needs_no_baseline() -> None:
    assert float(log_e_value_limit(histogram([0.9] * 30), 0.2)) > threshold(0.01)
    assert float(log_e_value_limit(histogram([0.19] * 500), 0.2)) < 0


def test_the_order_does_not_matter_and_batches_equal_single_ones() -> None:
    draw = np.random.default_rng(0)
    own, other = draw.random(40), draw.random(90) * 0.5
    one = log_e_value(histogram(list(own)), histogram(list(other)), 0.05)
    turned = log_e_value(histogram(list(own[::-1])), histogram(list(other[::-1])), 0.05)
    both = log_e_value(np.stack([histogram(list(own))] * 2), np.stack([histogram(list(other)), NOTHING]), 0.05)
    assert float(one) == float(turned) == pytest.approx(float(both[0]))
