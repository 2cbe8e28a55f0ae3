"""`python -m eval release`: simulated gradual releases under the product's own rules."""

import math
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from eval.release import Adapter, Outcome, Rules, quantile, simulate
from governance.settings import Settings
from sandbox.guards import FALSE_ALARMS, FIGURES, GUARDS, SUSPICIOUS, step_evidence
from sandbox.rollout import LEAST, SHARES
from sandbox.sequential import close_bound, quick_bound, threshold

RUNS, BAD_RUNS = 2000, 400
BAD = {
    "rejection_10_to_25_percent": Adapter(rejection=0.25),
    "verification_failure_1_to_5_percent": Adapter(verification_failure=0.05),
    "edit_distance_plus_0.1": Adapter(edit_distance=0.25),
}
ALSO = {
    "complaint_1_to_5_percent": Adapter(complaint=0.05),
    "latency_8_to_16_seconds": Adapter(latency=16.0),
    "twice_as_many_rejections": Adapter(rejection=0.20),
}
RULES = Rules(
    SHARES,
    LEAST,
    {name: GUARDS[name].scale for name in FIGURES},
    {name: GUARDS[name].margin / GUARDS[name].scale for name in FIGURES},
    step_evidence,
    quick_bound,
    close_bound,
    threshold(FALSE_ALARMS / len(FIGURES)),
    math.log(SUSPICIOUS),
)


def run(_data: Path | None, _settings: Settings) -> dict[str, Any]:
    """The stated bad adapters, and 2,000 releases of an equal one; seeded, the same figures every time."""
    began, good = time.process_time(), Adapter()
    equal = simulate(RULES, good, good, runs=RUNS, seed=1)
    unlike = simulate(RULES, good, good, runs=RUNS // 2, seed=2, customers=200, spread=0.5)
    found = {
        name: _bad(simulate(RULES, adapter, good, runs=BAD_RUNS, seed=3 + number))
        for number, (name, adapter) in enumerate({**BAD, **ALSO}.items())
    }
    return {
        "bad_rolled_back_within": _worst(found, "requests_p95"),
        "bad_served_at_most": _worst(found, "served_p95"),
        "bad_missed": _worst(found, "missed"),
        "false_rollback_rate": _rate(equal),
        "false_rollback_rate_by_figure": {name: float((equal.figure == name).mean()) for name in FIGURES},
        "false_rollback_rate_unlike_customers": _rate(unlike),
        "simulated_rollouts": RUNS,
        "by_adapter": found,
        "cpu_s": round(time.process_time() - began, 1),
    }


def _bad(outcome: Outcome) -> dict[str, float | None]:
    """Requests of all customers, and scripts of the bad adapter that any of them got, until the roll-back."""
    requests, served = outcome.rolled_back_at, outcome.served
    return {
        "requests_median": _finite(quantile(outcome, requests, 0.5)),
        "requests_p95": _finite(quantile(outcome, requests, 0.95)),
        "served_median": _finite(quantile(outcome, served, 0.5)),
        "served_p95": _finite(quantile(outcome, served, 0.95)),
        "missed": float(np.mean(requests < 0)),
    }


def _finite(value: float) -> float | None:
    """None: more than that part of the releases ended without a roll-back."""
    return value if math.isfinite(value) else None


def _worst(found: Mapping[str, Mapping[str, float | None]], figure: str) -> float | None:
    values = [found[name][figure] for name in BAD]
    known = [value for value in values if value is not None]
    return max(known) if len(known) == len(values) else None


def _rate(outcome: Outcome) -> float:
    return float(np.mean(outcome.rolled_back_at >= 0))
