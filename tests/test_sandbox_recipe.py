"""The recipe: older adapters keep their key, defaults follow data and machine, and every field is explained."""

import os
from dataclasses import asdict, fields, replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from governance.errors import Invalid
from sandbox.machine import available_mib
from sandbox.recipe import ADVANCED, EXPLAINED, Machine, Recipe, RecipeForm, parameters_of, recommend
from tests.tiny_model import save_tiny_model

LAPTOP = Machine(2, 20_000, (), True)
GPU = Machine(16, 100_000, (80_000,), True)


def test_the_hash_of_the_default_recipe_is_that_of_adapters_trained_before_the_new_fields() -> None:
    assert Recipe().hash == "c7caa84c7f7b9b086d7fbceef4e137e7ab3c45b684011be5a7955cfa756ebf36"


@pytest.mark.parametrize(
    "change", [{"patience": 2}, {"packing": True}, {"quantized": True}, {"compile": True}, {"attention": "sdpa"}]
)
def test_what_decides_the_result_changes_the_hash(change: dict[str, object]) -> None:
    assert replace(Recipe(), **change).hash != Recipe().hash  # pyright: ignore[reportArgumentType]


def test_how_the_rows_of_a_step_are_cut_and_how_often_it_is_saved_do_not_change_the_hash() -> None:
    assert Recipe(micro_rows=2, checkpoint_every=3, heldout_rows=4).hash == Recipe().hash


def test_with_early_stop_the_measurements_decide_and_count() -> None:
    assert Recipe(patience=2, checkpoint_every=3).hash != Recipe(patience=2).hash
    assert Recipe(patience=2, heldout_rows=8).hash != Recipe(patience=2).hash


@pytest.mark.parametrize("rows", [541, 1000, 5_000, 100_000])
def test_a_laptop_with_enough_rows_gets_the_measured_recipe(rows: int) -> None:
    assert recommend(rows, [120] * rows, LAPTOP) == Recipe(packing=True)


@pytest.mark.parametrize("rows", [1, 7, 30, 134])
def test_few_rows_are_seen_at_most_four_times_and_training_stops_early(rows: int) -> None:
    recipe = recommend(rows, [100] * rows, LAPTOP)
    assert recipe.steps * recipe.rows_per_step < 4 * rows + recipe.rows_per_step
    assert recipe.patience > 0


def test_a_gpu_gets_more_steps_larger_batches_and_the_fused_attention() -> None:
    recipe = recommend(3_000, [100] * 3_000, GPU)
    assert recipe.steps > 90
    assert recipe.rows_per_step == 16
    assert recipe.attention == "sdpa"
    assert recipe.compile
    assert not recipe.quantized


def test_a_base_that_does_not_fit_a_gpu_is_quantized_and_learns_at_a_lower_rate() -> None:
    recipe = recommend(3_000, [100] * 3_000, replace(GPU, gpu_memory_mib=(16_000,)), parameters=7_600_000_000)
    assert recipe.quantized
    assert not recipe.compile
    assert recipe.learning_rate == 2e-4


def test_a_large_adapter_is_only_for_much_data() -> None:
    assert [recommend(rows, [], GPU).rank for rows in (100, 6_000, 50_000)] == [16, 32, 64]


def test_long_rows_raise_the_limit_but_a_few_outliers_do_not() -> None:
    assert recommend(1_000, [100] * 980 + [900] * 20, LAPTOP).max_tokens == 320
    assert recommend(1_000, [400] * 1_000, LAPTOP).max_tokens == 448
    assert recommend(1_000, [50_000] * 1_000, LAPTOP).max_tokens == 1024


@given(
    rows=st.integers(0, 10**6),
    tokens=st.lists(st.integers(1, 10**6), max_size=20),
    cores=st.integers(1, 256),
    gpus=st.lists(st.integers(1, 200_000), max_size=8),
    parameters=st.integers(1, 10**12),
)
def test_every_recommendation_is_within_the_bounds_of_the_form(
    rows: int, tokens: list[int], cores: int, gpus: list[int], parameters: int
) -> None:
    recipe = recommend(rows, tokens, Machine(cores, 1, tuple(gpus), True), parameters=parameters)
    assert RecipeForm.read(asdict(recipe)).to_recipe(Recipe()) == recipe
    assert recipe.rows_per_step < 32
    assert all(0 < recipe.rate(step) <= recipe.learning_rate for step in (1, recipe.steps))


def test_every_field_has_a_title_and_a_text_in_both_languages_and_can_be_set() -> None:
    names = {field.name for field in fields(Recipe)}
    assert set(EXPLAINED) == names == set(ADVANCED)
    for shown in EXPLAINED.values():
        for text in (shown.title, shown.text):
            assert any("\u4e00" <= each <= "\u9fff" for each in text.zh)
            assert text.en.isascii()


def test_a_field_out_of_bounds_is_refused_by_its_title_in_both_languages() -> None:
    with pytest.raises(Invalid) as refused:
        RecipeForm.read({"rows_per_step": "64", "learning_rate": "fast", "colour": 1})
    assert "“每次学习的样本数”不能大于 31" in refused.value.say("zh")
    assert "'Samples per step' may not be above 31" in refused.value.say("en")
    assert "fast" in refused.value.say("zh")
    assert "no field 'colour'" in refused.value.say("en")


@pytest.mark.parametrize("value", ["nan", "inf", "-1", "0"])
def test_a_rate_that_is_no_number_or_not_positive_is_refused(value: str) -> None:
    with pytest.raises(Invalid):
        RecipeForm.read({"learning_rate": value})


def test_empty_fields_stay_as_recommended_and_contradictions_are_refused() -> None:
    assert RecipeForm.read({"steps": "", "rank": None}).to_recipe(Recipe()) == Recipe()
    assert RecipeForm.read({"steps": "12"}).to_recipe(Recipe()).steps == 12
    with pytest.raises(Invalid, match="Warm-up steps"):
        RecipeForm.read({"steps": 3}).to_recipe(Recipe())
    with pytest.raises(Invalid, match="Samples in memory"):
        RecipeForm.read({"micro_rows": 9}).to_recipe(Recipe())


def test_the_size_of_a_base_is_read_from_the_headers_of_its_files(tmp_path: Path) -> None:
    from transformers import AutoModelForCausalLM

    folder = save_tiny_model(tmp_path / "tiny")
    model = AutoModelForCausalLM.from_pretrained(folder)
    assert parameters_of(folder) == sum(weight.numel() for weight in model.parameters())


def _group(folder: Path, names: tuple[str, str], limit: str, used: str, cache: str) -> None:
    folder.mkdir(parents=True)
    (folder / names[0]).write_text(limit)
    (folder / names[1]).write_text(used)
    (folder / "memory.stat").write_text(f"{cache} {100 * 2**20}\n")


def test_the_limit_of_a_container_counts_and_its_page_cache_is_not_used_memory(tmp_path: Path) -> None:
    meminfo, own = tmp_path / "meminfo", tmp_path / "own"
    meminfo.write_text("MemTotal: 9 kB\nMemAvailable:   4096000 kB\n")
    own.write_text("0::/box/job\n")
    _group(tmp_path / "box" / "job", ("memory.max", "memory.current"), "max", "1", "inactive_file")
    assert available_mib(meminfo, tmp_path, own) == 4000
    (tmp_path / "box" / "memory.max").write_text(str(1000 * 2**20))
    (tmp_path / "box" / "memory.current").write_text(str(700 * 2**20))
    (tmp_path / "box" / "memory.stat").write_text(f"inactive_file {100 * 2**20}\n")
    assert available_mib(meminfo, tmp_path, own) == 400
    own.write_text("9:cpu:/\n4:memory:/job\n")
    names = ("memory.limit_in_bytes", "memory.usage_in_bytes")
    _group(tmp_path / "memory" / "job", names, str(500 * 2**20), str(300 * 2**20), "total_inactive_file")
    assert available_mib(meminfo, tmp_path, own) == 300
    (tmp_path / "memory" / "job" / "memory.limit_in_bytes").write_text("9223372036854771712")
    assert available_mib(meminfo, tmp_path, own) == 4000


def test_available_memory_is_known_without_any_of_the_files(tmp_path: Path) -> None:
    nowhere = tmp_path / "nothing"
    assert available_mib(nowhere, nowhere, nowhere) == os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2**20
