"""QLoRA: refused where there is no GPU; on one the base is in four bits and the loss falls."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from governance.errors import Unavailable
from sandbox.base import Base
from sandbox.recipe import Recipe
from sandbox.train import Point, fit, open_model
from tests.tiny_model import save_tiny_model

PAIRS = [(f"第{n}台的保修期？", f"保修期为{n}个月。") for n in range(20)]
RECIPE = Recipe(rank=4, steps=20, rows_per_step=4, learning_rate=5e-3, quantized=True, attention="sdpa")


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Base:
    return Base(save_tiny_model(tmp_path_factory.mktemp("base") / "tiny", width=128), "b" * 64, "tiny")


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_without_a_gpu_it_is_refused_in_both_languages(base: Base, tmp_path: Path) -> None:
    with pytest.raises(Unavailable) as refused:
        fit(base, PAIRS[:16], PAIRS[16:], RECIPE, tmp_path, threads=1, on_point=lambda point: None)
    assert "显卡" in refused.value.say("zh")
    assert "GPU" in refused.value.say("en")
    assert not any(tmp_path.glob("step-*"))


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_flash_attention_that_is_not_installed_is_refused(base: Base) -> None:
    with pytest.raises(Unavailable):
        open_model(base, replace(RECIPE, quantized=False, attention="flash_attention_2"))


@pytest.mark.gpu
def test_on_a_gpu_the_base_is_in_four_bits_and_the_loss_falls(base: Base, tmp_path: Path) -> None:
    model, _ = open_model(base, RECIPE)
    kinds = {type(weight).__name__ for weight in model.parameters() if not weight.requires_grad}
    assert "Params4bit" in kinds
    assert {weight.dtype for weight in model.parameters() if weight.requires_grad} == {torch.float32}
    points: list[Point] = []
    fit(base, PAIRS[:16], PAIRS[16:], RECIPE, tmp_path, threads=1, on_point=points.append)
    assert points[-1].loss < points[0].loss
    assert all(point.gradient > 0 for point in points)


@pytest.mark.gpu
@pytest.mark.skipif(torch.cuda.device_count() < 2, reason="needs two GPUs")
@pytest.mark.parametrize("shard", [False, True])
def test_two_gpus_end_near_where_one_does(base: Base, tmp_path: Path, shard: bool) -> None:
    from sandbox.launch import over_processes

    plain, ends = replace(RECIPE, quantized=False), list[float]()
    for name, start in (("one", fit), ("two", over_processes(2, shard=shard))):
        points: list[Point] = []
        start(base, PAIRS[:16], PAIRS[16:], plain, tmp_path / name, threads=1, on_point=points.append)
        ends.append(points[-1].loss)
    assert ends[1] == pytest.approx(ends[0], rel=1e-2)
