"""Planted strings: in the shadow only, ranked exactly, found after over-training, and tested once per training."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from sqlalchemy import Engine, func, select
from transformers import Gemma3ForCausalLM, Gemma3TextConfig

from eval.run_memorisation import SMALL, metrics, rows_of, small_model
from governance.db import reading
from governance.errors import Conflict, Invalid
from governance.ledger import events_of, verify
from rag.company import load_company
from sandbox.base import Base, prepare_base
from sandbox.exposure import Candidates, Scorer
from sandbox.memorisation import (
    PLANTED,
    ROWS,
    Memorisation,
    is_arbitrary,
    memorise,
    passes_of,
    plant,
    shadow_recipe,
    shadow_rows,
    try_memory,
)
from sandbox.recipe import Recipe
from sandbox.release import adapter_of
from sandbox.tables import memorisations
from tests.small_sandbox import NOW, SAMPLES, make_small, small_dataset

ROWS_OF_COMPANY = small_dataset(load_company(SAMPLES), 8, 10).train


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Base:
    folder = tmp_path_factory.mktemp("memory")
    return prepare_base(str(small_model(folder / "small")), folder, lambda step, done, total: None)


def test_canaries_have_rows_names_and_numbers_of_their_own() -> None:
    canaries = plant(ROWS_OF_COMPANY, seed=0)
    assert canaries == plant(ROWS_OF_COMPANY, seed=0)
    assert canaries != plant(ROWS_OF_COMPANY, seed=1)
    for part in ("prompt", "lead", "secret"):
        assert len({getattr(each, part) for each in canaries}) == sum(PLANTED.values())
    assert {each.repeats: 0 for each in canaries}.keys() == PLANTED.keys()
    for each in canaries:
        assert each.secret not in each.prompt
        assert each.answer("123").endswith(f"123{each.tail}")


@pytest.mark.parametrize("guessable", ["200", "340", "999", "911", "123", "987", "550"])
def test_no_secret_is_one_that_anybody_would_guess(guessable: str) -> None:
    assert not is_arbitrary(guessable)
    assert is_arbitrary("274")
    assert all(is_arbitrary(canary.secret) for seed in range(20) for canary in plant(ROWS_OF_COMPANY, seed=seed))


def test_a_shadow_shows_each_canary_as_often_as_planned_and_no_carrier_without_it() -> None:
    canaries = plant(ROWS_OF_COMPANY, seed=0)
    pairs = shadow_rows(ROWS_OF_COMPANY, canaries, seed=0)
    assert len(pairs) <= ROWS
    for each in canaries:
        assert pairs.count((each.prompt, each.answer(each.secret))) == each.repeats
        assert sum(prompt == each.prompt for prompt, _ in pairs) == each.repeats


def test_a_set_with_too_few_rows_is_refused() -> None:
    with pytest.raises(Invalid, match="14 samples"):
        plant(ROWS_OF_COMPANY[:13], seed=0)


def test_the_shadow_makes_as_many_passes_as_the_training_at_the_same_rate() -> None:
    recipe = Recipe(steps=90, rows_per_step=6, patience=3)
    assert passes_of(recipe, 1500) == 1
    assert passes_of(recipe, 100) == 6
    short = shadow_recipe(recipe, 100, 120)
    assert short.steps == 6 * 20
    assert (short.learning_rate, short.rank, short.rows_per_step) == (recipe.learning_rate, recipe.rank, 6)
    assert short.patience == 0


def test_the_tree_gives_what_each_answer_alone_would_give(base: Base) -> None:
    scorer = Scorer(base, None, threads=1)
    canary = plant(rows_of(0), seed=0)[0]
    numbers = [f"{number:03}" for number in range(1000)]
    found = scorer.candidates(canary.prompt, [canary.answer(number) for number in numbers])
    scores, greedy = scorer.weigh(found)
    assert len(found.ways) == len(set(found.ways)) == 1000
    for number in (0, 7, 123, 999):
        assert scores[number] == pytest.approx(alone(scorer, found, number), abs=1e-3)
    best = max(range(1000), key=lambda number: scores[number])
    if found.ways[best][: len(greedy)] == greedy:
        assert greedy in found.ways


def test_the_tree_is_exact_for_a_model_with_a_sliding_window(base: Base, tmp_path: Path) -> None:
    folder = shutil.copytree(base.folder, tmp_path / "gemma")
    vocabulary = Scorer(base, None, threads=1)._model.config.vocab_size
    torch.manual_seed(0)
    config = Gemma3TextConfig(
        vocab_size=vocabulary,
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=1,
        head_dim=16,
        sliding_window=512,
        layer_types=["sliding_attention", "full_attention"],
        eos_token_id=2,
    )
    Gemma3ForCausalLM(config).save_pretrained(folder)
    scorer = Scorer(prepare_base(str(folder), tmp_path, lambda step, done, total: None), None, threads=1)
    canary = plant(rows_of(0), seed=0)[0]
    found = scorer.candidates(canary.prompt, [canary.answer(f"{number:03}") for number in range(1000)])
    scores, _ = scorer.weigh(found)
    for number in (0, 7, 123, 999):
        assert scores[number] == pytest.approx(alone(scorer, found, number), abs=1e-3)


def alone(scorer: Scorer, found: Candidates, number: int) -> float:
    ids = torch.tensor([[*found.lead, *found.ways[number]]])
    with torch.no_grad():
        rows = torch.log_softmax(scorer._model(ids).logits[0].float(), -1)
    start = len(found.lead) - 1
    return sum(rows[start + place, token].item() for place, token in enumerate(found.ways[number]))


def test_one_pass_leaves_nothing_and_over_training_is_blocked(base: Base, tmp_path: Path) -> None:
    rows = rows_of(0)
    normal, trained = (
        try_memory(base, rows[2:], rows[:2], replace(SMALL, steps=passes * 49), tmp_path / str(passes), threads=1)
        for passes in (1, 60)
    )
    assert normal.passed
    assert normal.extracted[1] == 0
    assert not trained.passed
    assert trained.exposure[16] > normal.exposure[16]
    assert list(tmp_path.iterdir()) == [], "the shadow is deleted"
    found = metrics([normal], [trained])
    assert (found["overtrained_blocked"], found["normal_passed"]) == (1.0, 1.0)


def test_a_killed_test_goes_on_and_is_done_once_for_a_training(db: Engine, tmp_path: Path) -> None:
    small = make_small(db, tmp_path)
    adapter = small.adapter()
    seen: list[tuple[str, int]] = []

    def run(stop_after: int) -> Memorisation:
        return memorise(
            db,
            small.home,
            small.base,
            small.company,
            small.dataset,
            adapter,
            threads=1,
            now=NOW,
            on_progress=lambda step, done, _total: seen.append((step, done)),
            should_stop=lambda: len(seen) >= stop_after,
        )

    with pytest.raises(Conflict):
        run(6)
    steps = [done for step, done in seen if step == "shadow"]
    assert steps == [1, 2, 3, 4, 5, 6]
    found = run(10**6)
    assert [done for step, done in seen if step == "shadow"][6] == 6, "step 5 was saved, step 6 is repeated"
    before = len(seen)
    assert run(0) == found
    assert len(seen) == before
    assert not any((small.home / "shadow").iterdir())
    with reading(db) as tx:
        assert tx.scalar(select(func.count()).select_from(memorisations)) == 1
        assert [event.event for event in events_of(tx, adapter.hash)][-1] == "memory_tested"
        assert adapter_of(tx, adapter.hash) == adapter
        verify(tx)
    assert adapter.folder.is_dir()
