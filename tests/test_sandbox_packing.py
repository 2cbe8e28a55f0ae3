"""Packing: rows behind one another get what they get alone, or it is refused; lighter layers change rounding only."""

import logging
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from peft import LoraConfig, get_peft_model
from transformers import AutoModelForCausalLM, AutoTokenizer, Gemma3ForCausalLM, Gemma3TextConfig

from sandbox.base import Base
from sandbox.chat import open_chat
from sandbox.engine import quiet
from sandbox.lean import ROWS, lighten
from sandbox.loss import AssistantLoss
from sandbox.packing import Passes, batch, fill, labelled, packed, plan_batches
from sandbox.preflight import Row, encode
from sandbox.recipe import Recipe
from tests.tiny_model import save_tiny_model

PAIRS = [
    (f"话术：开场白 {n}\n医院：{{customer}}" * (1 + n % 4), f"您好，请问是{{customer}}吗？第{n}句。") for n in range(6)
]
PACKED = Recipe(packing=True)
lengths = st.lists(st.integers(min_value=1, max_value=60), min_size=1, max_size=40)


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Base:
    return Base(save_tiny_model(tmp_path_factory.mktemp("base") / "tiny"), "b" * 64, "tiny")


def adapted(model: Any) -> Any:
    torch.manual_seed(1)
    lora = LoraConfig(r=4, lora_alpha=8, target_modules="all-linear", task_type="CAUSAL_LM", init_lora_weights=False)
    with quiet():
        return get_peft_model(model, lora)


def llama(base: Base) -> tuple[Any, list[Row], int]:
    model = AutoModelForCausalLM.from_pretrained(base.folder, dtype=torch.float32, attn_implementation="eager")
    chat = open_chat(AutoTokenizer.from_pretrained(base.folder), model.generation_config.eos_token_id)
    return adapted(model), [encode(chat, *pair) for pair in PAIRS], chat.pad


def gemma() -> Any:
    """Norms around one, another activation, normed queries, a sliding window shorter than the rows, one key head."""
    torch.manual_seed(3)
    config = Gemma3TextConfig(
        vocab_size=600,
        hidden_size=64,
        intermediate_size=96,
        num_hidden_layers=3,
        num_attention_heads=4,
        num_key_value_heads=1,
        head_dim=16,
        sliding_window=8,
        layer_types=["sliding_attention", "full_attention", "sliding_attention"],
        attn_implementation="eager",
    )
    model = Gemma3ForCausalLM(config)
    for name, weight in model.named_parameters():
        if "norm" in name:
            torch.nn.init.normal_(weight, std=0.3)
    return adapted(model)


def gradients(model: Any, loss: torch.Tensor) -> list[torch.Tensor]:
    trained = [weight for weight in model.parameters() if weight.requires_grad]
    return [*torch.autograd.grad(loss, trained)]


@pytest.mark.parametrize("family", ["llama", "gemma"])
def test_packed_rows_give_the_loss_and_gradients_of_padded_rows(base: Base, family: str) -> None:
    model, rows, pad = llama(base)
    if family == "gemma":
        model = gemma()
    plain = AssistantLoss(model)
    wanted = plain(*batch(rows, pad))
    expected = gradients(model, wanted)
    passes = Passes(model, pad, PACKED, rows)
    assert passes.packed
    assert model.get_base_model().config._attn_implementation == ROWS
    parts = [(loss * teaching, teaching) for loss, teaching in passes(rows)]
    assert sum(teaching for _, teaching in parts) == labelled(rows)
    found = torch.stack([loss for loss, _ in parts]).sum() / labelled(rows)
    torch.testing.assert_close(found, wanted, rtol=1e-5, atol=1e-5)
    for mine, theirs in zip(gradients(model, found), expected, strict=True):
        torch.testing.assert_close(mine, theirs, rtol=1e-3, atol=1e-6)


@pytest.mark.parametrize("family", ["llama", "gemma"])
def test_every_layer_of_a_family_is_made_lighter_and_back(base: Base, family: str) -> None:
    model = gemma() if family == "gemma" else llama(base)[0]
    undo = lighten(model)
    lighter = [part for part in model.modules() if "forward" in vars(part)]
    names = {type(part).__name__ for part in lighter}
    assert {"Linear", "Gemma3MLP" if family == "gemma" else "LlamaMLP"} <= names
    assert any("RMSNorm" in name for name in names)
    undo()
    assert not any("forward" in vars(part) for part in model.modules())


def test_one_row_cannot_change_a_bit_of_the_next(base: Base) -> None:
    model, rows, pad = llama(base)
    assert Passes(model, pad, PACKED, rows).packed
    loss = AssistantLoss(model)
    loss.light = True
    ids, _, mask, ends = packed(rows)
    other = ids.clone()
    other[:, : ends[1]] = ids[:, : ends[1]].flip(1)
    before, after = loss.states(ids, mask, ends), loss.states(other, mask, ends)
    assert torch.equal(before[:, ends[1] :], after[:, ends[1] :])
    assert not torch.equal(before[:, : ends[1]], after[:, : ends[1]])


def test_packing_is_refused_for_a_model_that_looks_ahead(base: Base, caplog: pytest.LogCaptureFixture) -> None:
    _, rows, pad = llama(base)
    model = gemma()
    model.get_base_model().config.use_bidirectional_attention = True
    plain = AssistantLoss(model)(*batch(rows, pad))
    with caplog.at_level(logging.WARNING):
        passes = Passes(model, pad, PACKED, rows)
    assert not passes.packed
    assert "packing refused, rows are padded instead" in caplog.text
    assert model.get_base_model().config._attn_implementation == "eager"
    assert not any("forward" in vars(part) for part in model.modules())
    ((loss, teaching),) = passes(rows)
    assert teaching == labelled(rows)
    torch.testing.assert_close(loss, plain)


def test_packing_is_refused_for_an_attention_with_capped_scores(base: Base) -> None:
    model, rows, pad = llama(base)
    for layer in model.get_base_model().model.layers:
        forward = layer.self_attn.forward
        layer.self_attn.forward = lambda *given, _next=forward, **options: _next(*given, softcap=50.0, **options)
    assert not Passes(model, pad, PACKED, rows).packed


def test_a_pass_is_filled_up_with_a_row_that_teaches_nothing(base: Base) -> None:
    _, rows, pad = llama(base)
    ids, labels, mask, ends = packed(rows[:2], pad, 1000)
    assert mask is None
    assert ids.shape == labels.shape == (1, 1000)
    assert ends == [len(rows[0].ids), len(rows[0].ids) + len(rows[1].ids), 1000]
    assert int((labels != -100).sum()) == labelled(rows[:2])


@given(lengths, st.integers(min_value=1, max_value=80), st.integers(min_value=1, max_value=10))
def test_filling_loses_and_repeats_no_row(sizes: list[int], tokens: int, count: int) -> None:
    rows = [Row(tuple([at] * size), tuple([at] * size)) for at, size in enumerate(sizes)]
    passes = fill(rows, tokens, count)
    assert sorted(row.ids[0] for part in passes for row in part) == list(range(len(rows)))
    totals = [sum(len(row.ids) for row in part) for part in passes]
    assert all(0 < len(part) <= count for part in passes)
    assert all(total <= 1.5 * tokens + max(sizes) for total in totals) or -(-len(sizes) // count) == len(passes)


@given(lengths, st.integers(min_value=1, max_value=9), st.booleans())
def test_a_round_of_steps_sees_every_row_once(sizes: list[int], rows_per_step: int, packing: bool) -> None:
    steps = -(-len(sizes) // rows_per_step)
    recipe = Recipe(steps=steps, rows_per_step=rows_per_step, packing=packing)
    planned = plan_batches(sizes, recipe)
    assert sorted(row for rows in planned for row in rows) == list(range(len(sizes)))
    assert all(0 < len(rows) <= rows_per_step for rows in planned)
    assert planned == plan_batches(sizes, recipe)


def test_packed_steps_hold_about_equal_tokens() -> None:
    sizes = [20 + 13 * n % 300 for n in range(128)]
    recipe = Recipe(steps=16, rows_per_step=8, packing=True)
    totals = [sum(sizes[row] for row in rows) for rows in plan_batches(sizes, recipe)]
    assert max(totals) <= 1.1 * min(totals)


@pytest.mark.gpu
def test_packing_on_a_gpu_keeps_rows_apart(tmp_path: Path) -> None:
    folder = save_tiny_model(tmp_path / "tiny")
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.bfloat16, attn_implementation="sdpa").cuda()
    chat = open_chat(AutoTokenizer.from_pretrained(folder), model.generation_config.eos_token_id)
    assert Passes(adapted(model), chat.pad, PACKED, [encode(chat, *pair) for pair in PAIRS]).packed
