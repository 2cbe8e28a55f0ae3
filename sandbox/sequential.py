"""A test of two arms that may be looked at after every observation: is the candidate's mean worse, beyond a margin?"""

from collections.abc import Sequence
from functools import cache
from math import log

import numpy as np
from numpy.typing import NDArray

LEVELS = 100  # observations lie on 0, 0.01 … 1, so that a histogram holds all that the test needs
BETS = (0.03, 0.1, 0.3, 0.8)  # shares of the wealth that are staked; a quarter of it on each
GRID = 128  # candidates for the unknown mean of the baseline; finer where means are small

Histogram = NDArray[np.int64]  # (…, LEVELS + 1) counts
Floats = NDArray[np.float64]


def histogram(values: Sequence[float]) -> Histogram:
    """Of values in [0, 1], each at its nearest level."""
    levels = np.rint(np.clip(np.asarray(values, dtype=np.float64), 0, 1) * LEVELS).astype(np.int64)
    return np.bincount(levels, minlength=LEVELS + 1)


def log_e_value(candidate: Histogram, baseline: Histogram, margin: float) -> Floats:
    """
    Natural logarithm of an e-value against "mean of the candidate <= mean of the baseline + margin"; shape (…).

    Under that hypothesis the chance that it EVER reaches log(1 / a) is at most a, however often one looks and in
    whatever order the arms come (Ville's inequality). For each mean m of the baseline: the wealth of bets that the
    candidate's mean exceeds m + margin, times that of bets that the baseline's is below m; the least over all m.
    Source: Waudby-Smith and Ramdas, "Estimating means of bounded random variables by betting", JRSS B 2024, sections
    4.1 and 4.4 (one arm); the product over a nuisance mean as in Turner, Ly and Grünwald, "Generic E-variables for
    exact sequential k-sample tests", JSPI 2024. Between grid points both wealths are monotone, the lower end is taken.
    Not covered: observations that depend on one another within an arm, such as many scripts for one customer.
    """
    above, below = _tables(margin)
    return np.min(_wealth(candidate, above) + _wealth(baseline, below), axis=-1)


def log_e_value_limit(candidate: Histogram, limit: float) -> Floats:
    """The same against "mean of the candidate <= limit", for a release that has no baseline to compare with."""
    return _wealth(candidate, _above(np.array([limit])))[..., 0]


def quick_bound(sizes: Floats, means: Floats, margin: float) -> Floats:
    """
    At least `log_e_value`, from (2, …) numbers and means of candidate and baseline alone; where this is small, the
    rest need not be computed.
    """
    grid = _grid()
    near = grid[np.minimum(np.searchsorted(grid, means[1], side="right"), GRID)] + margin  # the end that is taken
    ratio = np.maximum(means[0], 1e-12) / near
    return np.where(means[0] > means[1], np.maximum(0.0, sizes[0] * np.log(ratio)), 0.0)


def close_bound(candidate: Histogram, baseline: Histogram, margin: float) -> Floats:
    """At least `log_e_value`, and mostly near it: for each row of (rows, LEVELS + 1) at one mean of the baseline."""
    levels = np.arange(LEVELS + 1) / LEVELS
    likely = (candidate @ (levels - margin) + baseline @ levels) / (candidate.sum(-1) + baseline.sum(-1))
    cells = np.clip(np.searchsorted(_grid(), likely, side="right") - 1, 0, GRID - 1)
    both = zip((candidate, baseline), _tables(margin), strict=True)
    return sum((_mixed(np.einsum("rl,lrb->rb", own, table[:, cells])) for own, table in both), np.zeros(len(cells)))


def threshold(level: float) -> float:
    """The logarithm that an e-value must reach for a false alarm rate of at most `level` over all looks."""
    return log(1 / level)


def _wealth(counts: Histogram, table: Floats) -> Floats:
    """Logarithm of the mean over the bets: (…, LEVELS + 1) and (LEVELS + 1, means, bets) give (…, means)."""
    means, bets = table.shape[1:]
    each = (counts @ table.reshape(LEVELS + 1, -1)).reshape(*counts.shape[:-1], means, bets)
    return _mixed(each)


def _mixed(each: Floats) -> Floats:
    """Logarithm of the mean over the last axis of logarithms."""
    most = each.max(-1)
    return most + np.log(np.exp(each - most[..., None]).mean(-1))


@cache
def _tables(margin: float) -> tuple[Floats, Floats]:
    """Growth of the wealth per level, mean and bet: candidate at the upper end of each cell, baseline at the lower."""
    grid = _grid()
    return _above(grid[1:] + margin), _below(grid[:-1])


def _grid() -> Floats:
    return (np.arange(GRID + 1) / GRID) ** 2


def _above(means: Floats) -> Floats:
    levels, bets = np.arange(LEVELS + 1)[:, None, None] / LEVELS, np.array(BETS)
    return np.log(1 - bets + bets * levels / means[:, None])


def _below(means: Floats) -> Floats:
    levels, bets = np.arange(LEVELS + 1)[:, None, None] / LEVELS, np.array(BETS)
    return np.log(1 - bets + bets * (1 - levels) / (1 - means[:, None]))
