"""Before the start: time, memory and disk from one dry step; fewer rows at once when memory is short."""

from dataclasses import replace
from pathlib import Path

import pytest

from governance.errors import Unavailable, XinyanError
from sandbox.base import Base
from sandbox.estimate import Estimate, estimate, fitted
from sandbox.machine import training_disk_mib
from sandbox.recipe import Recipe
from sandbox.train import Point, fit
from tests.tiny_model import save_tiny_model

pytestmark = pytest.mark.slow
PAIRS = [(f"话术：开场白 {n}\n医院：{{customer}}", f"您好，第{n}句。" * (4 + n % 9)) for n in range(40)]
RECIPE = Recipe(rank=4, steps=12, rows_per_step=8, checkpoint_every=6, max_tokens=2000)


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Base:
    return Base(save_tiny_model(tmp_path_factory.mktemp("base") / "tiny"), "b" * 64, "tiny")


@pytest.fixture(scope="module")
def wide(tmp_path_factory: pytest.TempPathFactory) -> Base:
    """Rows that take much memory: attention over long rows."""
    folder = save_tiny_model(tmp_path_factory.mktemp("base") / "wide", num_attention_heads=16, num_key_value_heads=16)
    return Base(folder, "d" * 64, "wide")


LONG = [(f"第{n}条", "保修期为十二个月。" * 40) for n in range(8)]


def test_the_estimate_is_near_what_the_training_takes(base: Base, tmp_path: Path) -> None:
    found = estimate(base, PAIRS, RECIPE, threads=1)
    points: list[Point] = []
    fit(base, PAIRS, [("问", "答案")], RECIPE, tmp_path, threads=1, on_point=points.append)
    assert found.micro_rows == 8
    assert fitted(RECIPE, found) == RECIPE
    assert 0.1 < found.seconds / points[-1].seconds < 10  # other work on the machine; the order of magnitude holds
    assert 100 < found.memory_mib < 2000
    assert found.tokens_per_s > 0


def test_packed_rows_are_estimated_as_they_are_trained(base: Base) -> None:
    found = estimate(base, PAIRS, replace(RECIPE, packing=True), threads=1)
    assert found.micro_rows == 8
    assert found.seconds > 0


def test_the_disk_is_what_the_checkpoints_take(base: Base, tmp_path: Path) -> None:
    fit(base, PAIRS, [("问", "答案")], RECIPE, tmp_path, threads=1, on_point=lambda point: None)
    taken = sum(path.stat().st_size for path in tmp_path.rglob("*") if path.is_file()) / 2**20
    planned = training_disk_mib(base.folder, RECIPE.rank, keeps_best=False)
    assert taken <= planned
    assert planned - 16 < 4 * taken + 1


@pytest.mark.long
def test_the_rows_are_halved_until_they_fit_and_the_batch_stays(wide: Base) -> None:
    recipe = replace(RECIPE, steps=2)
    roomy = estimate(wide, LONG, recipe, threads=1)
    assert roomy.micro_rows == 8
    tight = estimate(wide, LONG, recipe, threads=1, limit_mib=roomy.memory_mib * 0.8)
    assert tight.micro_rows in (1, 2, 4)
    assert tight.memory_mib <= roomy.memory_mib * 0.8
    cut = fitted(recipe, tight)
    assert cut.rows_per_step == 8
    assert cut.micro_rows == tight.micro_rows
    assert cut.hash == recipe.hash


def test_when_not_one_row_fits_it_says_what_to_do(wide: Base) -> None:
    with pytest.raises(Unavailable) as refused:
        estimate(wide, LONG, replace(RECIPE, rows_per_step=2), threads=1, limit_mib=120)
    assert "一条样本也放不下" in refused.value.say("zh")
    assert "smaller base model" in refused.value.say("en")


def test_without_a_usable_row_it_says_so(base: Base) -> None:
    with pytest.raises(XinyanError, match="no row can be used"):
        estimate(base, [("问", "")], RECIPE, threads=1)


def test_a_recipe_is_only_changed_where_memory_is_short() -> None:
    roomy = Estimate(1.0, 1.0, 8, 1.0, 1.0)
    assert fitted(RECIPE, roomy) is RECIPE
    assert fitted(RECIPE, replace(roomy, micro_rows=2)).micro_rows == 2
    assert fitted(replace(RECIPE, micro_rows=4), replace(roomy, micro_rows=4)).micro_rows == 4
