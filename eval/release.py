"""Simulated gradual releases, all at once: how soon a worse adapter is rolled back, and how rarely an equal one is."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

Counts = NDArray[np.int64]
Floats = NDArray[np.float64]
LEVELS = 100
SENTENCES = 12  # of a script; each may fail verification


@dataclass(frozen=True, slots=True)
class Rules:
    """The product's own decision, given in: what is simulated is what runs."""

    shares: Sequence[int]
    least: Mapping[int, int]
    scales: Mapping[str, float]
    margins: Mapping[str, float]  # in parts of the scale
    evidence: Callable[[Counts, Counts, float], Floats]
    quick_bound: Callable[[Floats, Floats, float], Floats]  # neither is below `evidence` before half of it is staked
    close_bound: Callable[[Counts, Counts, float], Floats]
    worse: float  # logarithms of e-values
    suspicious: float


@dataclass(frozen=True, slots=True)
class Adapter:
    """What an adapter's scripts are like."""

    rejection: float = 0.10
    edit_distance: float = 0.15
    verification_failure: float = 0.01  # per sentence
    complaint: float = 0.01
    latency: float = 8.0  # seconds, log-normal with a standard deviation of a third


@dataclass(frozen=True, slots=True)
class Outcome:
    """Per simulated release: requests until the roll-back (-1: none), scripts that customers got, and the figure."""

    rolled_back_at: Counts
    served: Counts
    figure: NDArray[np.str_]


@dataclass(slots=True)
class _State:
    """Of all releases at once, (runs,) or (figures, arms, runs, levels)."""

    counts: Counts
    sizes: Floats  # of the counts, (figures, arms, runs)
    totals: Floats  # sums of the levels, likewise
    frozen: Floats  # evidence of the steps before, (figures, runs)
    step: Counts
    seen: Counts  # scripts of the candidate at the present step
    watched: Counts  # requests since everyone has it
    outcome: Outcome
    running: NDArray[np.bool_] = field(init=False)

    def __post_init__(self) -> None:
        self.running = np.ones(len(self.step), dtype=bool)

    def take(self, place: int, arm: int, runs: Counts, levels: Counts) -> None:
        """One observation of each of these runs."""
        self.counts[place, arm, runs, levels] += 1
        self.sizes[place, arm, runs] += 1
        self.totals[place, arm, runs] += levels / LEVELS


def simulate(
    rules: Rules,
    candidate: Adapter,
    baseline: Adapter,
    *,
    runs: int,
    seed: int,
    customers: int = 400,
    spread: float = 0.0,
    watch: int = 500,
    most: int = 5000,
) -> Outcome:
    """
    Every release begins in the shadow, goes on as soon as it may, and is judged after every single observation.

    A person would wait longer; more looks and fewer scripts per step are the harder case. `spread`: customers differ
    in how often they reject, so that scripts of one customer depend on one another, which the test does not allow for.
    """
    draw = np.random.default_rng(seed)
    names = tuple(rules.scales)
    places = draw.random((runs, customers))  # whom the sticky draw takes first
    moods = np.clip(1 + spread * draw.standard_normal((runs, customers)), 0.05, None)
    state = _State(
        np.zeros((len(names), 2, runs, LEVELS + 1), dtype=np.int64),
        np.zeros((len(names), 2, runs)),
        np.zeros((len(names), 2, runs)),
        np.zeros((len(names), runs)),
        np.zeros(runs, dtype=np.int64),
        np.zeros(runs, dtype=np.int64),
        np.zeros(runs, dtype=np.int64),
        Outcome(np.full(runs, -1), np.zeros(runs, dtype=np.int64), np.full(runs, "", dtype="<U24")),
    )
    for request in range(1, most + 1):
        live = np.flatnonzero(state.running)
        if not len(live):
            break
        who = draw.integers(customers, size=len(live))
        share = np.asarray(rules.shares)[state.step[live]]
        own = places[live, who] * 100 < share
        mood = moods[live, who]
        for arm, adapter in ((0, candidate), (1, baseline)):
            shown = own if arm == 0 else ~own
            shadow = (share == 0) if arm == 0 else np.zeros(len(live), dtype=bool)
            values = _values(draw, adapter, mood, len(live))
            for place, name in enumerate(names):
                visible = shown if name in ("rejection", "edit_distance", "complaint") else shown | shadow
                for value, kept in values[name]:
                    levels = np.rint(np.clip(value / rules.scales[name], 0, 1) * LEVELS).astype(np.int64)
                    chosen = visible & kept
                    state.take(place, arm, live[chosen], levels[chosen])
        state.seen[live] += own | (share == 0)
        state.outcome.served[live] += own
        _judge(rules, names, state, live, request)
        _advance(rules, names, state, watch)
    return state.outcome


def quantile(outcome: Outcome, values: Counts, share: float) -> float:
    """Over all releases; infinite when more than that part were never rolled back."""
    late = np.where(outcome.rolled_back_at >= 0, values, np.inf)
    return float(np.quantile(late, share, method="higher"))


def _values(
    draw: np.random.Generator, adapter: Adapter, mood: Floats, count: int
) -> dict[str, list[tuple[Floats, NDArray[np.bool_]]]]:
    """Of one script each: the values of a figure, and of which scripts there are any."""
    always = np.ones(count, dtype=bool)
    rejected = draw.random(count) < np.minimum(1, adapter.rejection * mood)
    edited = draw.beta(12 * adapter.edit_distance, 12 * (1 - adapter.edit_distance), count)
    complained = (draw.random(count) < adapter.complaint) & ~rejected
    failed = draw.binomial(SENTENCES, adapter.verification_failure, count) / SENTENCES
    seconds = adapter.latency * np.exp(draw.normal(-0.053, 0.325, count))
    return {
        "rejection": [(rejected.astype(np.float64), always)],
        "edit_distance": [(edited, ~rejected)],
        "verification_failure": [(failed, always)],
        "complaint": [(np.zeros(count), ~rejected), (np.ones(count), complained)],
        "latency": [(seconds, always)],
    }


def _judge(rules: Rules, names: Sequence[str], state: _State, live: Counts, request: int) -> None:
    """Roll back where a figure says so; what the cheap bound rules out is not computed."""
    for place, name in enumerate(names):
        live = live[state.running[live]]
        sizes = state.sizes[place][:, live]
        means = state.totals[place][:, live] / np.maximum(sizes, 1)
        most = rules.quick_bound(sizes, means, rules.margins[name])
        near = live[(_staked(most) >= rules.worse - state.frozen[place, live]) & sizes.all(0)]
        for stage in (rules.close_bound, rules.evidence):
            if not len(near):
                break
            found = stage(state.counts[place, 0, near], state.counts[place, 1, near], rules.margins[name])
            found = _staked(found) if stage is rules.close_bound else found
            near = near[found >= rules.worse - state.frozen[place, near]]
        state.running[near] = False
        state.outcome.rolled_back_at[near] = request
        state.outcome.figure[near] = name


def _staked(evidence: Floats) -> Floats:
    """A bound, as half of the wealth makes it."""
    return np.logaddexp(0, evidence) - np.log(2)


def _advance(rules: Rules, names: Sequence[str], state: _State, watch: int) -> None:
    last = len(rules.shares) - 1
    everyone = state.running & (state.step == last)
    state.watched[everyone] += 1
    state.running[everyone & (state.watched >= watch)] = False
    least = np.array([rules.least[share] for share in rules.shares])
    ready = np.flatnonzero(state.running & (state.step < last) & (state.seen >= least[state.step]))
    if not len(ready):
        return
    evidence = np.zeros((len(names), len(ready)))
    for place, name in enumerate(names):
        both = state.sizes[place][:, ready].all(0)
        own, other = state.counts[place, 0, ready[both]], state.counts[place, 1, ready[both]]
        evidence[place, both] = rules.evidence(own, other, rules.margins[name])
    fine = (state.frozen[:, ready] + evidence < rules.suspicious).all(0)
    going = ready[fine]
    apart = state.step[going] == 0  # the shadow is a test of its own, what customers saw another
    state.frozen[:, going[apart]] += evidence[:, fine][:, apart]
    for each in (state.counts, state.sizes, state.totals):
        each[:, :, going[apart]] = 0
    state.step[going] += 1
    state.seen[going] = 0
