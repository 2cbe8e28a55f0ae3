"""Training over processes: the result of one, up to rounding; a process that dies ends the run and loses little."""

import multiprocessing
import os
import signal
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from governance.errors import Conflict, Invalid, Unavailable
from sandbox.base import Base
from sandbox.launch import over_processes
from sandbox.parallel import ALONE
from sandbox.recipe import Recipe
from sandbox.train import Point, fit
from tests.tiny_model import save_tiny_model

PAIRS = [
    (f"话术：开场白 {n}\n医院：{{customer}}", f"您好，请问是{{customer}}吗？第{n}句。" * (1 + n % 3)) for n in range(41)
]
# 31 rows, 5 a step: the seventh batch of a round has one row, so that one of two processes has none
RECIPE = Recipe(rank=4, alpha=8, steps=7, rows_per_step=5, checkpoint_every=2, learning_rate=5e-3)

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Base:
    return Base(save_tiny_model(tmp_path_factory.mktemp("base") / "tiny"), "b" * 64, "tiny")


def train(base: Base, work: Path, processes: int, recipe: Recipe = RECIPE, **options: object) -> list[Point]:
    seen: list[Point] = []
    shard = bool(options.pop("shard", False))
    options.setdefault("on_point", seen.append)
    start = over_processes(processes, shard=shard)
    start(base, PAIRS[:31], PAIRS[31:], recipe, work, threads=1, **options)  # pyright: ignore[reportArgumentType]
    return seen


def same(one: Path, other: Path) -> None:
    """Up to rounding: AdamW's first steps go by the sign of a gradient, so single weights near zero may differ."""
    left, right = (load_file(work / "draft" / "adapter_model.safetensors") for work in (one, other))
    assert left.keys() == right.keys()
    for name, weight in left.items():
        assert (right[name] - weight).norm() <= 0.02 * weight.norm(), name
        assert (right[name] - weight).abs().median() <= 1e-5, name


def close(found: Sequence[Point], wanted: Sequence[Point]) -> None:
    assert [point.step for point in found] == [point.step for point in wanted]
    for mine, theirs in zip(found, wanted, strict=True):
        assert mine.loss == pytest.approx(theirs.loss, rel=1e-3)
        assert mine.gradient == pytest.approx(theirs.gradient, rel=1e-2)
        assert (mine.heldout is None) == (theirs.heldout is None)
        if mine.heldout is not None:
            assert mine.heldout == pytest.approx(theirs.heldout, rel=1e-3)


@pytest.fixture(scope="module")
def alone(base: Base, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Point]]:
    work = tmp_path_factory.mktemp("alone")
    return work, train(base, work, 1)


@pytest.mark.parametrize("shard", [False, True])
def test_two_processes_end_where_one_does(
    base: Base, alone: tuple[Path, list[Point]], tmp_path: Path, shard: bool
) -> None:
    close(train(base, tmp_path, 2, shard=shard), alone[1])
    same(tmp_path, alone[0])


def test_a_process_that_is_killed_ends_the_run_and_it_goes_on_from_the_checkpoint(
    base: Base, alone: tuple[Path, list[Point]], tmp_path: Path
) -> None:
    seen: list[int] = []

    def on_point(point: Point) -> None:
        seen.append(point.step)
        if point.step == 3:
            victim = max(multiprocessing.active_children(), key=lambda child: child.pid or 0)
            os.kill(victim.pid or 0, signal.SIGKILL)

    with pytest.raises(Unavailable) as ended:
        train(base, tmp_path, 2, replace(RECIPE, steps=60), on_point=on_point)
    assert "最近的检查点" in ended.value.say("zh")
    assert multiprocessing.active_children() == []
    assert len(seen) < 60
    again = train(base, tmp_path, 2, replace(RECIPE, steps=60))
    assert again[0].step >= seen[-1] - 1
    assert again[-1].step == 60


@pytest.mark.long
def test_a_stop_reaches_all_processes(base: Base, tmp_path: Path) -> None:
    with pytest.raises(Conflict):
        train(base, tmp_path, 2, replace(RECIPE, steps=10_000), should_stop=lambda: any(tmp_path.glob("step-*")))
    assert multiprocessing.active_children() == []


@pytest.mark.long
def test_what_is_refused_in_the_processes_is_refused_here(base: Base, tmp_path: Path) -> None:
    start = over_processes(2)
    with pytest.raises(Invalid, match="training set"):
        start(base, [], PAIRS[:2], RECIPE, tmp_path, threads=1, on_point=lambda point: None)


def test_a_spread_base_refuses_packed_rows_and_four_bits(base: Base, tmp_path: Path) -> None:
    for recipe in (replace(RECIPE, packing=True), replace(RECIPE, quantized=True)):
        with pytest.raises(Invalid, match="spread over processes"):
            train(base, tmp_path, 2, recipe, shard=True)


def _parent(base: Base, work: Path) -> None:
    train(base, work, 2, replace(RECIPE, steps=10_000))


@pytest.mark.long
def test_killing_the_parent_leaves_nobody_training(base: Base, tmp_path: Path) -> None:
    parent = multiprocessing.get_context("spawn").Process(target=_parent, args=(base, tmp_path))
    parent.start()
    while not any(tmp_path.glob("step-*")):
        assert parent.is_alive()
        time.sleep(0.1)
    children = _children(parent.pid or 0)
    assert len(children) >= 2
    os.kill(parent.pid or 0, signal.SIGKILL)
    parent.join()
    deadline = time.monotonic() + 20
    while any(Path(f"/proc/{child}").exists() for child in children) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert [child for child in children if Path(f"/proc/{child}").exists()] == []


def _children(pid: int) -> list[int]:
    found = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [int(child) for child in found]


def test_alone_does_nothing_and_one_process_stays_in_this_one() -> None:
    tensor = torch.tensor([1.0])
    ALONE.sum([tensor])
    ALONE.wait()
    assert tensor.tolist() == [1.0]
    assert ALONE.main
    assert over_processes(1) is fit
