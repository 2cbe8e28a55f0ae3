"""Suite `resume`: counts kills, repeated steps and differing ends rightly, and our loop survives a few kills."""

import multiprocessing
import random
import time
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path

import pytest

from eval.jsonl import BadData
from eval.resume import Attempt, Kill, Seen, Trial, measure, watch
from eval.run_resume import RECIPE, run, start_ours
from governance.settings import Settings

STEPS, EVERY = 30, 5


def after_seven(draw: random.Random) -> Kill:
    """Beyond the first checkpoint."""
    return Kill(after_steps=7)


def counting(work: Path, wire: Connection, how: str) -> None:
    """A training that only counts: its result is the sum of its steps, its checkpoint two numbers."""
    work.mkdir(parents=True, exist_ok=True)
    kept = work / "kept"
    if how == "breaks" and kept.exists():
        raise SystemExit(3)
    done, total = (int(each) for each in kept.read_text().split()) if kept.exists() else (0, 0)
    if how == "forgets":
        total = 0
    for step in range(done + 1, STEPS + 1):
        total += step
        time.sleep(0.02)
        if step % EVERY == 0:
            (work / "partial").write_text(f"{step} {total}")
            (work / "partial").rename(kept)
        wire.send(step)
    wire.send(str(total))


def start(how: str, work: Path) -> Attempt:
    spawning = multiprocessing.get_context("spawn")
    mine, theirs = spawning.Pipe(duplex=False)
    process = spawning.Process(target=counting, args=(work, theirs, how), daemon=True)
    process.start()
    theirs.close()
    return Attempt(process, mine)


def trial(how: str, folder: Path, kills: int = 4) -> Trial:
    unbroken = watch(start("counts", folder / "unbroken"), None)
    assert unbroken.digest == str(STEPS * (STEPS + 1) // 2)
    assert unbroken.steps == tuple(range(1, STEPS + 1))
    return measure(partial(start, how), unbroken, folder, kills=kills, when=after_seven)


@pytest.mark.slow
def test_a_training_that_keeps_its_state_recovers_from_every_kill(tmp_path: Path) -> None:
    found = trial("counts", tmp_path)
    assert found.metrics["kills"] == 4
    assert found.metrics["recovered"] == 1.0
    assert found.metrics["bit_identical"] == 1.0
    assert 0 <= found.lost_steps <= EVERY


@pytest.mark.slow
def test_a_training_that_forgets_ends_otherwise_and_is_found_out(tmp_path: Path) -> None:
    unbroken = Seen(tuple(range(1, STEPS + 1)), "465", False, 4.0)
    found = measure(partial(start, "forgets"), unbroken, tmp_path, kills=3, when=after_seven)
    assert found.metrics["recovered"] == 1.0
    assert found.identical < found.runs


@pytest.mark.slow
def test_a_training_that_cannot_go_on_has_not_recovered(tmp_path: Path) -> None:
    unbroken = Seen(tuple(range(1, STEPS + 1)), "465", False, 4.0)
    found = measure(partial(start, "breaks"), unbroken, tmp_path, kills=3, when=after_seven)
    assert found.broken > 0
    assert found.metrics["recovered"] != 1.0


def test_without_a_kill_or_a_run_nothing_is_claimed() -> None:
    assert Trial(0, 0, 0, 0, 0, 0).metrics["recovered"] == 0.0
    assert Trial(3, 0, 0, 0, 0, 3).metrics["bit_identical"] is None


def test_the_suite_takes_no_data(tmp_path: Path) -> None:
    with pytest.raises(BadData):
        run(tmp_path, Settings())


@pytest.mark.long
def test_our_loop_ends_with_the_same_bits_after_kills(tmp_path: Path) -> None:
    begin = start_ours(tmp_path / "base")
    unbroken = watch(begin(tmp_path / "unbroken"), None)
    found = measure(begin, unbroken, tmp_path / "killed", kills=3)
    assert found.metrics["recovered"] == 1.0
    assert found.metrics["bit_identical"] == 1.0
    assert found.lost_steps <= RECIPE.checkpoint_every
