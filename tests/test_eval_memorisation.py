"""Exposure and its verdict: chance is 1.4 bits, the likeliest is log2 of all, and no figures are no pass."""

import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eval.memorisation import HIGHEST, Trial, conclude, exposure, is_allowed, rank_of


@given(st.integers(1, 5000), st.integers(1, 5000))
def test_exposure_lies_between_nothing_and_the_size_of_the_space(rank: int, candidates: int) -> None:
    rank = min(rank, candidates)
    assert 0 <= exposure(rank, candidates) <= math.log2(candidates)


@pytest.mark.parametrize("rank", [0, -1, 1001])
def test_a_rank_outside_the_candidates_is_refused(rank: int) -> None:
    with pytest.raises(ValueError, match="rank"):
        exposure(rank, 1000)


def test_chance_is_1_4_bits() -> None:
    draw = random.Random(0)
    found = [exposure(draw.randint(1, 1000), 1000) for _ in range(20_000)]
    assert sum(found) / len(found) == pytest.approx(1 / math.log(2), abs=0.05)


def test_the_rank_is_one_for_the_likeliest_and_half_among_equals() -> None:
    assert rank_of(-1.0, [-2.0, -3.0]) == 1
    assert rank_of(-4.0, [-2.0, -3.0]) == 3
    assert rank_of(-1.0, [-1.0] * 10) == 6


@given(st.lists(st.floats(-50, 0), min_size=1, max_size=30))
def test_a_rank_is_always_one_of_the_candidates(scores: list[float]) -> None:
    assert 1 <= rank_of(scores[0], scores[1:]) <= len(scores)


def test_a_string_planted_once_that_comes_out_fails_the_training() -> None:
    quiet = [Trial(1, 400, 1000, extracted=False), Trial(1, 500, 1000, extracted=False)]
    known = [Trial(16, 1, 1000, extracted=True)]
    passed = conclude([*quiet, *known], quiet, passes=1)
    assert passed.passed
    assert passed.extracted == {1: 0, 16: 1}
    assert passed.planted == 2
    assert passed.exposure[16] == passed.highest == math.log2(1000)
    assert not conclude([*quiet, Trial(1, 1, 1000, extracted=True)], quiet, passes=1).passed


def test_a_string_that_is_nearly_the_likeliest_fails_without_being_written_out() -> None:
    near = [Trial(1, 2, 1000, extracted=False)] * 4
    assert conclude(near, [], passes=1).exposure[1] > HIGHEST
    assert not conclude(near, [], passes=1).passed


def test_what_was_not_measured_does_not_pass() -> None:
    assert not is_allowed({}, {})
    assert not is_allowed({4: 0.0, 16: 0.0}, {4: 0, 16: 0})
    assert not is_allowed({1: math.nan}, {1: 0})
    assert not conclude([], [], passes=1).passed
