"""The simulation runs the product's own rules, the same every time, and tells a bad adapter from an equal one."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import Engine

from eval.release import Adapter, Outcome, quantile, simulate
from eval.run_release import BAD, RULES
from sandbox.guards import FIGURES, GUARDS
from sandbox.registry import alias_of, point_alias
from sandbox.rollout import advance, observe, rollout_of, start_rollout
from tests.registered import NOW, add_approved


def test_a_broken_adapter_is_rolled_back_soon_and_an_equal_one_is_not() -> None:
    broken = simulate(RULES, Adapter(rejection=0.9), Adapter(), runs=12, seed=1)
    assert (broken.rolled_back_at > 0).all()
    assert set(broken.figure) == {"rejection"}
    assert (broken.served < broken.rolled_back_at).all()
    equal = simulate(RULES, Adapter(), Adapter(), runs=12, seed=1, watch=50)
    assert (equal.rolled_back_at == -1).all()
    assert set(equal.figure) == {""}


def test_the_same_seed_gives_the_same_figures() -> None:
    once, again = (simulate(RULES, BAD["edit_distance_plus_0.1"], Adapter(), runs=5, seed=7) for _ in range(2))
    assert np.array_equal(once.rolled_back_at, again.rolled_back_at)
    assert not np.array_equal(
        once.rolled_back_at, simulate(RULES, BAD["edit_distance_plus_0.1"], Adapter(), runs=5, seed=8).rolled_back_at
    )


def test_what_was_never_rolled_back_is_not_left_out_of_the_figure() -> None:
    found = Outcome(np.array([10, 20, -1, 30]), np.zeros(4, dtype=np.int64), np.array(["x"] * 4))
    assert quantile(found, found.rolled_back_at, 0.5) == 30
    assert quantile(found, found.rolled_back_at, 0.95) == float("inf")


def test_the_bounds_leave_out_nothing_that_the_test_itself_would_find() -> None:
    plain = replace(
        RULES,
        quick_bound=lambda sizes, means, margin: np.full(sizes.shape[1:], np.inf),
        close_bound=lambda own, other, margin: np.full(len(own), np.inf),
    )
    bad = Adapter(edit_distance=0.4, rejection=0.4)
    found, all_looked_at = (simulate(rules, bad, Adapter(), runs=6, seed=3) for rules in (RULES, plain))
    assert np.array_equal(found.rolled_back_at, all_looked_at.rolled_back_at)
    assert np.array_equal(found.figure, all_looked_at.figure)


@pytest.mark.parametrize("figure", FIGURES)
def test_the_real_release_rolls_back_as_the_simulated_one(db: Engine, tmp_path: Path, figure: str) -> None:
    """The same observations, one by one, through the database and through the arrays."""
    draw, scale = np.random.default_rng(5), GUARDS[figure].scale
    with db.begin() as tx:
        old, new = add_approved(tx, tmp_path, "old"), add_approved(tx, tmp_path, "new")
        point_alias(tx, "", old, by="a", reason="r", now=NOW)
        rollout = start_rollout(tx, "", new, by="a", reason="r", now=NOW, share=5)
        advance(tx, rollout, by="a", reason="r", now=NOW, override=True)
        counts = np.zeros((2, 101), dtype=np.int64)
        for number in range(400):
            arm = int(draw.random() >= 0.25)
            level = int(draw.random() < (0.6 if arm == 0 else 0.05))
            counts[arm, 100 * level] += 1
            seen = {"script": f"s{number}", "figure": figure, "value": level * scale, "now": NOW}
            verdict = observe(tx, rollout, arm="candidate" if arm == 0 else "baseline", **seen)  # pyright: ignore[reportArgumentType]
            both = counts.any(-1).all()
            expected = float(RULES.evidence(counts[0], counts[1], RULES.margins[figure])) if both else 0.0
            assert verdict.e_value == pytest.approx(np.exp(min(expected, 700.0)), rel=1e-9)
            assert (rollout_of(tx, rollout).status == "rolled_back") == (expected >= RULES.worse)
            if expected >= RULES.worse:
                break
        assert rollout_of(tx, rollout).status == "rolled_back"
        assert alias_of(tx) == old
