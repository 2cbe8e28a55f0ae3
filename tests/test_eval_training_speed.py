"""The race of training loops: turns, what voids it, the interval; a whole small race against TRL."""

import math
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eval.jsonl import BadData
from eval.race_rows import pairs_of, questions, untrained_model
from eval.training_speed import Job, Run, figures, in_turn, ratio, read_run, resident_mib, timed, void, write_run

GOOD = Run(
    name="ours",
    cpu_s=2.0,
    wall_s=3.0,
    peak_mib=700.0,
    before_mib=400.0,
    tokens=1000,
    supervised=300,
    losses=(3.0, 2.5, 2.0),
    gradients=(1.0, 0.9, 0.8),
    heldout=2.1,
)
speeds = st.lists(st.floats(min_value=1, max_value=1e4), min_size=1, max_size=9)


def test_runs_take_turns_and_each_round_begins_with_the_other() -> None:
    assert in_turn(("a", "b"), 3) == ["a", "b", "b", "a", "a", "b"]


def test_a_run_with_falling_loss_and_gradients_counts() -> None:
    assert void(GOOD) is None


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"gradients": (1.0, 0.0, 1.0)}, "a gradient norm is zero"),
        ({"gradients": (1.0, math.inf, 1.0)}, "no number"),
        ({"losses": (3.0, math.nan, 2.0)}, "no number"),
        ({"heldout": math.nan}, "no number"),
        ({"losses": (3.0, 3.0, 3.0)}, "did not fall"),
        ({"losses": (2.0, 2.5, 3.0)}, "did not fall"),
        ({"losses": (), "gradients": ()}, "no step"),
    ],
)
def test_a_run_that_may_not_have_learnt_voids_the_race(change: dict[str, object], reason: str) -> None:
    broken = replace(GOOD, **change)  # pyright: ignore[reportArgumentType]
    assert reason in str(void(broken))
    found = figures([GOOD], {"packing": [GOOD], "same": [broken]}, "same")
    assert reason in found["void"]
    assert "tokens_per_cpu_s_ratio" not in found
    assert found["ours"]["heldout_loss"] == 2.1


def test_unequal_tokens_void_the_race() -> None:
    found = figures([GOOD], {"same": [replace(GOOD, tokens=1200)]}, "same")
    assert found["void"] == "unequal tokens"
    assert "peak_memory_ratio" not in found


def test_speed_is_against_the_fastest_peer_memory_against_the_leanest_and_loss_at_the_same_steps() -> None:
    ours = [replace(GOOD, cpu_s=cpu) for cpu in (1.0, 2.0, 9.0)]
    fast = [replace(GOOD, cpu_s=cpu, peak_mib=1500.0, heldout=1.9) for cpu in (4.0, 5.0, 6.0)]
    lean = [replace(GOOD, cpu_s=8.0, peak_mib=1400.0, heldout=2.2)]
    found = figures(ours, {"fast": fast, "same": lean}, "same")
    assert found["void"] == ""
    assert (found["tokens_per_cpu_s_ratio"], found["fastest_peer"]) == (2.5, "fast")
    assert found["peak_memory_ratio"] == 0.5
    assert (found["heldout_loss_ours"], found["heldout_loss_peer"]) == (2.1, 2.2)
    assert found["ours"]["supervised_per_cpu_s"] == 150.0
    assert (found["fast"]["losses"], found["fast"]["gradients"]) == ([3.0, 2.0], [0.8, 1.0])
    low, high = found["tokens_per_cpu_s_ratio_95"]
    assert low <= 2.5 <= high


@given(speeds, speeds)
def test_the_interval_holds_the_ratio_and_stays_within_the_extremes(ours: list[float], peers: list[float]) -> None:
    middle, low, high = ratio(ours, peers)
    assert low <= high
    assert min(ours) / max(peers) * 0.999 <= low
    assert high <= max(ours) / min(peers) * 1.001
    assert ratio(ours, peers) == (middle, low, high)


def test_the_rate_warms_up_and_decays_to_a_tenth() -> None:
    job = Job(learning_rate=1e-3, warmup=4)
    rates = [job.rate(step, 100) for step in range(1, 101)]
    assert rates[0] == pytest.approx(0.25e-3)
    assert max(rates) == rates[3]
    assert rates[-1] == pytest.approx(1e-4, rel=0.1)


def test_the_product_recipe_has_the_same_rate() -> None:
    from sandbox.recipe import Recipe

    job, recipe = Job(learning_rate=1e-3, warmup=4), Recipe(learning_rate=1e-3, warmup=4, steps=30)
    assert [job.rate(step, 30) for step in range(1, 31)] == pytest.approx([recipe.rate(step) for step in range(1, 31)])


def test_a_run_is_read_back_as_written(tmp_path: Path) -> None:
    write_run(tmp_path / "run.json", GOOD)
    assert read_run(tmp_path / "run.json") == GOOD


def test_cpu_seconds_and_memory_are_of_this_process() -> None:
    cpu, wall = timed(lambda: sum(range(200_000)))
    assert cpu > 0
    assert wall > 0
    assert 10 < resident_mib() <= resident_mib("VmHWM")


def test_the_answer_of_every_question_stands_in_it() -> None:
    asked = questions(Path("data_samples/documents"), 40)
    assert len(asked) == 40
    assert asked == questions(Path("data_samples/documents"), 40)
    assert all(answer in prompt.replace("\n", "") for prompt, answer in asked)


def test_rows_that_cannot_be_used_are_named(tmp_path: Path) -> None:
    with pytest.raises(BadData):
        questions(tmp_path, 3)
    (tmp_path / "rows.jsonl").write_text('{"prompt": "a", "answer": "b"}\n' * 3, encoding="utf-8")
    with pytest.raises(BadData, match="32"):
        pairs_of(tmp_path)
    (tmp_path / "rows.jsonl").write_text('{"prompt": "a"}\n', encoding="utf-8")
    with pytest.raises(BadData):
        pairs_of(tmp_path)


@pytest.mark.long
def test_a_small_race_against_trl_runs_whole(tmp_path: Path) -> None:
    from eval.run_training_speed import SAME_STEPS, prepare, race

    pairs = questions(Path("data_samples/documents"), 16 + 24)
    folder = untrained_model(tmp_path / "tiny", [a + b for a, b in pairs], layers=2, width=128, words=2000)
    small = prepare(tmp_path / "rows", folder, pairs, Job(rows_per_step=4, passes=2, learning_rate=2e-3))
    found = race(small, SAME_STEPS, 1, {})
    assert found["void"] == ""
    assert found["ours"]["tokens"] == found[SAME_STEPS]["tokens"]
    assert found["ours"]["supervised"] == found[SAME_STEPS]["supervised"]
    assert found["ours"]["steps"] == found[SAME_STEPS]["steps"]
    assert found["ours"]["losses"] == pytest.approx(found[SAME_STEPS]["losses"], rel=0.01)
    assert found["heldout_loss_ours"] == pytest.approx(found["heldout_loss_peer"], rel=0.01)
    assert found["tokens_per_cpu_s_ratio"] > 0
