"""Training: the loss is exact, the same seed gives the same adapter, and a kill costs nothing but time."""

import json
import math
import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from peft import LoraConfig, get_peft_model
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM, AutoTokenizer

from governance.errors import Conflict, XinyanError
from sandbox.base import Base
from sandbox.chat import open_chat
from sandbox.engine import quiet
from sandbox.loss import AssistantLoss, _HeadLoss
from sandbox.packing import batch, plan_batches
from sandbox.preflight import Row, encode
from sandbox.recipe import Recipe
from sandbox.train import Point, fit
from tests.tiny_model import save_tiny_model

PAIRS = [
    (f"话术：开场白 {n}\n医院：{{customer}}", f"您好，请问是{{customer}}吗？第{n}句。" * (1 + n % 3)) for n in range(40)
]
RECIPE = Recipe(rank=4, alpha=8, steps=6, rows_per_step=4, checkpoint_every=2, learning_rate=5e-3)


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Base:
    return Base(save_tiny_model(tmp_path_factory.mktemp("base") / "tiny"), "b" * 64, "tiny")


@pytest.fixture(scope="module")
def unbroken(base: Base, tmp_path_factory: pytest.TempPathFactory) -> tuple[bytes, list[Point]]:
    points: list[Point] = []
    draft, _ = run(base, tmp_path_factory.mktemp("unbroken"), on_point=points.append)
    return weights(draft), points


def run(base: Base, work: Path, recipe: Recipe = RECIPE, **options: object) -> tuple[Path, object]:
    options.setdefault("on_point", lambda point: None)
    return fit(base, PAIRS[:30], PAIRS[30:], recipe, work, threads=1, **options)  # pyright: ignore[reportArgumentType]


def weights(draft: Path) -> bytes:
    return (draft / "adapter_model.safetensors").read_bytes()


def loaded(base: Base, **config: object) -> tuple[object, list[Row], int]:
    model = AutoModelForCausalLM.from_pretrained(base.folder, dtype=torch.float32)
    for name, value in config.items():
        setattr(model.config, name, value)
    tokenizer = AutoTokenizer.from_pretrained(base.folder)
    chat = open_chat(tokenizer, model.generation_config.eos_token_id)
    rows = [encode(chat, *pair) for pair in PAIRS[:5]]
    torch.manual_seed(1)
    lora = LoraConfig(r=4, lora_alpha=8, target_modules="all-linear", task_type="CAUSAL_LM", init_lora_weights=False)
    with quiet():
        return get_peft_model(model, lora), rows, chat.pad


def test_the_direct_loss_and_its_gradients_equal_full_logits(base: Base) -> None:
    model, rows, pad = loaded(base)
    ids, labels, mask = batch(rows, pad)
    trained = [weight for weight in model.parameters() if weight.requires_grad]  # pyright: ignore[reportAttributeAccessIssue]
    direct = AssistantLoss(model)
    assert direct.direct
    loss = direct(ids, labels, mask)
    gradients = torch.autograd.grad(loss, trained)
    logits = model(input_ids=ids, attention_mask=mask).logits[:, :-1]  # pyright: ignore[reportCallIssue]
    labelled = labels[:, 1:] != -100
    full = torch.nn.functional.cross_entropy(logits[labelled], labels[:, 1:][labelled])
    expected = torch.autograd.grad(full, trained)
    torch.testing.assert_close(loss, full, rtol=1e-5, atol=1e-5)
    for found, wanted in zip(gradients, expected, strict=True):
        torch.testing.assert_close(found, wanted, rtol=1e-3, atol=1e-6)


def test_a_model_that_caps_its_logits_takes_the_way_over_full_logits(base: Base) -> None:
    model, rows, pad = loaded(base, final_logit_softcapping=30.0)
    capped = AssistantLoss(model)
    assert not capped.direct
    plain, _, _ = loaded(base)
    expected = AssistantLoss(plain)(*batch(rows, pad))
    torch.testing.assert_close(capped(*batch(rows, pad)), expected, rtol=1e-5, atol=1e-5)


def test_the_loss_falls_and_the_rate_depends_on_the_step_alone(unbroken: tuple[bytes, list[Point]]) -> None:
    _, points = unbroken
    assert [point.step for point in points] == [1, 2, 3, 4, 5, 6]
    assert points[-1].loss < points[0].loss
    assert all(point.gradient > 0 for point in points)
    assert [point.rate for point in points] == [RECIPE.rate(step) for step in range(1, 7)]
    assert all(0 < RECIPE.rate(step) <= RECIPE.learning_rate for step in range(1, 7))
    assert [point.step for point in points if point.heldout is not None] == [1, 2, 4, 6]


def test_the_same_seed_gives_the_same_adapter(base: Base, unbroken: tuple[bytes, list[Point]], tmp_path: Path) -> None:
    draft, _ = run(base, tmp_path)
    assert weights(draft) == unbroken[0]


def test_a_stopped_training_goes_on_and_ends_bit_identical(
    base: Base, unbroken: tuple[bytes, list[Point]], tmp_path: Path
) -> None:
    seen: list[int] = []
    with pytest.raises(Conflict):
        run(base, tmp_path, on_point=lambda point: seen.append(point.step), should_stop=lambda: len(seen) >= 3)
    assert seen == [1, 2, 3]
    draft, _ = run(base, tmp_path, on_point=lambda point: seen.append(point.step))
    assert seen == [1, 2, 3, 3, 4, 5, 6]
    assert weights(draft) == unbroken[0]


def test_a_packed_training_learns_as_well_and_resumes_bit_identical(
    base: Base, unbroken: tuple[bytes, list[Point]], tmp_path: Path
) -> None:
    recipe, points, seen = replace(RECIPE, packing=True, micro_rows=3), list[Point](), list[int]()
    whole, _ = run(base, tmp_path / "whole", recipe, on_point=points.append)
    assert points[-1].heldout == pytest.approx(unbroken[1][-1].heldout, rel=0.02)
    for _ in range(2):
        stop = len(seen) + 2
        with pytest.raises(Conflict):
            run(
                base,
                tmp_path / "stopped",
                recipe,
                on_point=lambda point: seen.append(point.step),
                should_stop=lambda stop=stop: len(seen) >= stop,
            )
    draft, _ = run(base, tmp_path / "stopped", recipe, on_point=lambda point: seen.append(point.step))
    assert seen == [1, 2, 3, 4, 5, 6]
    assert weights(draft) == weights(whole)


def test_a_broken_checkpoint_is_passed_over(base: Base, unbroken: tuple[bytes, list[Point]], tmp_path: Path) -> None:
    seen: list[int] = []
    with pytest.raises(Conflict):
        run(base, tmp_path, on_point=lambda point: seen.append(point.step), should_stop=lambda: len(seen) >= 5)
    newest = tmp_path / "step-000004"
    content = bytearray((newest / "moments.safetensors").read_bytes())
    content[-1] ^= 1
    (newest / "moments.safetensors").write_bytes(content)
    draft, _ = run(base, tmp_path, on_point=lambda point: seen.append(point.step))
    assert seen[5:] == [3, 4, 5, 6]
    assert weights(draft) == unbroken[0]


def test_a_checkpoint_of_another_recipe_is_not_used(base: Base, tmp_path: Path) -> None:
    run(base, tmp_path)
    seen: list[int] = []
    other = Recipe(rank=4, alpha=8, steps=2, rows_per_step=4, learning_rate=1e-3)
    run(base, tmp_path, other, on_point=lambda point: seen.append(point.step))
    assert seen == [1, 2]


@pytest.mark.slow
def test_kill_9_costs_no_more_than_the_steps_since_the_checkpoint(
    base: Base, unbroken: tuple[bytes, list[Point]], tmp_path: Path
) -> None:
    code = (
        "import sys; from pathlib import Path; import tests.test_sandbox_train as t; from sandbox.base import Base\n"
        "import time\n"
        "t.run(Base(Path(sys.argv[1]), 'b' * 64, 'tiny'), Path(sys.argv[2]),"
        " on_point=lambda point: (print(point.step, flush=True), time.sleep(0.5)))"
    )
    command = [sys.executable, "-c", code, str(base.folder), str(tmp_path)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=os.environ)
    assert process.stdout is not None
    for line in process.stdout:
        if line.strip() == "3":
            process.send_signal(signal.SIGKILL)
            break
    process.wait(timeout=60)
    process.stdout.close()
    seen: list[int] = []
    draft, _ = run(base, tmp_path, on_point=lambda point: seen.append(point.step))
    assert seen == [3, 4, 5, 6]
    assert weights(draft) == unbroken[0]


def values(draft: Path) -> dict[str, torch.Tensor]:
    return load_file(draft / "adapter_model.safetensors")


def test_a_step_in_parts_gives_the_same_adapter_up_to_rounding(
    base: Base, unbroken: tuple[bytes, list[Point]], tmp_path: Path
) -> None:
    points: list[Point] = []
    run(base, tmp_path / "parts", replace(RECIPE, micro_rows=3), on_point=points.append)
    assert [point.loss for point in points] == pytest.approx([point.loss for point in unbroken[1]], rel=1e-4)
    assert points[-1].heldout == pytest.approx(unbroken[1][-1].heldout, rel=1e-4)
    assert [point.gradient for point in points] == pytest.approx(
        [point.gradient for point in unbroken[1]], rel=1e-2
    )  # bfloat16
    assert all(point.tokens_per_s > 0 and point.memory_mib > 100 for point in points)


EARLY = replace(RECIPE, patience=2, steps=40, learning_rate=0.02, checkpoint_every=1, micro_rows=2)  # soon too far


@pytest.fixture(scope="module")
def stopped(base: Base, tmp_path_factory: pytest.TempPathFactory) -> tuple[bytes, list[Point]]:
    points: list[Point] = []
    draft, _ = run(base, tmp_path_factory.mktemp("stopped"), EARLY, on_point=points.append)
    return weights(draft), points


def test_a_training_that_gets_no_better_stops_and_keeps_its_best(
    base: Base, stopped: tuple[bytes, list[Point]], tmp_path: Path
) -> None:
    measured = [point.heldout for point in stopped[1] if point.heldout is not None]
    best = min(range(len(measured)), key=measured.__getitem__)
    assert len(stopped[1]) < EARLY.steps
    assert len(measured) - 1 - best == EARLY.patience
    at_best: list[bytes] = []

    def keep(point: Point) -> None:
        if point.step == best + 1:
            at_best.append((tmp_path / f"step-{point.step:06d}" / "weights.safetensors").read_bytes())

    draft, _ = run(base, tmp_path, EARLY, on_point=keep)
    (tmp_path / "then.safetensors").write_bytes(at_best[0])
    then = load_file(tmp_path / "then.safetensors")
    for name, value in values(draft).items():
        assert torch.equal(value, then[name.replace(".weight", ".default.weight")])


@pytest.mark.parametrize("after", [2, 4, 6])
def test_a_killed_training_with_early_stop_ends_bit_identical(
    base: Base, stopped: tuple[bytes, list[Point]], tmp_path: Path, after: int
) -> None:
    seen: list[int] = []
    with pytest.raises(Conflict):
        run(base, tmp_path, EARLY, on_point=lambda p: seen.append(p.step), should_stop=lambda: len(seen) >= after)
    draft, _ = run(base, tmp_path, EARLY, on_point=lambda p: seen.append(p.step))
    assert seen == [point.step for point in stopped[1]]
    assert weights(draft) == stopped[0]
    again: list[int] = []  # killed between the last step and the adapter: nothing is trained twice
    draft, _ = run(base, tmp_path, EARLY, on_point=lambda p: again.append(p.step))
    assert again == []
    assert weights(draft) == stopped[0]


def test_a_loss_that_is_no_number_stops_the_training(tmp_path: Path) -> None:
    folder = save_tiny_model(tmp_path / "tiny")
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    model.model.norm.weight.data.fill_(math.nan)
    model.save_pretrained(folder)
    with pytest.raises(XinyanError) as stopped:
        run(Base(folder, "c" * 64, "broken"), tmp_path / "work")
    assert "第 1 步发散" in stopped.value.say("zh")
    assert not (tmp_path / "work" / "draft").exists()


def test_every_batch_is_planned_before_the_first_step() -> None:
    lengths = [20 + 7 * n % 50 for n in range(100)]
    recipe = Recipe(steps=50, rows_per_step=8)
    planned = plan_batches(lengths, recipe)
    assert planned == plan_batches(lengths, recipe)
    assert len(planned) == 50
    first_round = [row for rows in planned[:13] for row in rows]
    assert sorted(first_round) == list(range(100))
    assert plan_batches(lengths, Recipe(steps=50, rows_per_step=8, seed=1)) != planned


def test_checkpoints_hold_no_pickle(base: Base, tmp_path: Path) -> None:
    run(base, tmp_path)
    kept = sorted(folder.name for folder in tmp_path.glob("step-*"))
    assert kept == ["step-000004", "step-000006"]
    names = {path.name for path in (tmp_path / kept[-1]).iterdir()}
    assert names == {"weights.safetensors", "moments.safetensors", "manifest.json"}
    manifest = json.loads((tmp_path / kept[-1] / "manifest.json").read_text(encoding="utf-8"))
    assert manifest["step"] == 6
    assert len(load_file(tmp_path / kept[-1] / "weights.safetensors")) > 0


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_the_loss_is_that_of_full_logits_and_a_certain_answer_costs_nothing(dtype: torch.dtype) -> None:
    torch.manual_seed(0)
    weight, targets = torch.randn(5000, 64).to(dtype), torch.randint(0, 5000, (40,))
    unsure, certain = torch.randn(40, 64).to(dtype), weight[targets] * 0.9
    expected = torch.nn.functional.cross_entropy((unsure @ weight.T).float(), targets)
    torch.testing.assert_close(_HeadLoss.apply(unsure, weight, targets, 40), expected)
    assert 0 <= _HeadLoss.apply(certain, weight, targets, 40) < 1e-5
