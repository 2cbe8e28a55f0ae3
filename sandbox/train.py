"""LoRA on one machine: deterministic for a seed, resumes after a kill, stops when the loss is no number."""

import ctypes
import hashlib
import math
import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from peft import LoraConfig, get_peft_model
from torch import Tensor
from transformers import AutoModelForCausalLM, AutoTokenizer
from transformers.utils.logging import disable_progress_bar

from governance.errors import Conflict, XinyanError
from sandbox.base import Base
from sandbox.chat import open_chat
from sandbox.checkpoint import load_newest, save_checkpoint
from sandbox.engine import device, fast_dtype, quiet
from sandbox.loss import AssistantLoss
from sandbox.preflight import IGNORED, Checked, Pair, Row, check_rows
from sandbox.recipe import Recipe

WINDOW = 16  # batches that are sorted by length together: little padding, still well mixed


@dataclass(frozen=True, slots=True)
class Point:
    """What the curve shows. `heldout` is None between the steps at which it is measured."""

    step: int
    total: int
    loss: float
    heldout: float | None
    rate: float
    gradient: float
    seconds: float


def fit(
    base: Base,
    train: Sequence[Pair],
    heldout: Sequence[Pair],
    recipe: Recipe,
    work: Path,
    *,
    threads: int,
    on_point: Callable[[Point], None],
    should_stop: Callable[[], bool] = lambda: False,
) -> tuple[Path, Checked]:
    """
    Train an adapter; returns the folder that peft wrote and what was trained on. `work` holds the checkpoints.

    Called again after a kill it goes on from the newest whole checkpoint. Raises Invalid (rows), Conflict (stopped).
    """
    disable_progress_bar()
    torch.set_num_threads(max(1, threads))
    tokenizer = AutoTokenizer.from_pretrained(base.folder, trust_remote_code=False)
    frozen: Any = AutoModelForCausalLM.from_pretrained(
        base.folder,
        dtype=fast_dtype(),
        attn_implementation="eager",  # at a hundred tokens a row a tenth faster than the fused kernel on a CPU
        trust_remote_code=False,
        use_safetensors=True,
    )
    chat = open_chat(tokenizer, frozen.generation_config.eos_token_id)
    needed = pick(train, recipe.steps * recipe.rows_per_step, recipe.seed)
    checked = check_rows(chat, needed, heldout[: recipe.heldout_rows], max_tokens=recipe.max_tokens)
    torch.manual_seed(recipe.seed)
    layers = int(frozen.config.num_hidden_layers)
    lora = LoraConfig(
        r=recipe.rank,
        lora_alpha=recipe.alpha,
        lora_dropout=0.0,
        target_modules=_linear_names(frozen),
        layers_to_transform=list(range(layers // 3, layers)),  # nothing flows back through the lower third
        task_type="CAUSAL_LM",
    )
    with quiet():
        model: Any = get_peft_model(frozen.to(device()), lora)  # adapter weights are float32 over the frozen base
    fingerprint = hashlib.sha256(f"{base.hash}{recipe.hash}{checked.hash}".encode()).hexdigest()
    _Run(model, recipe, checked, chat.pad, work, fingerprint).steps(on_point, should_stop)
    draft = work / "draft"
    model.save_pretrained(draft, safe_serialization=True)
    return draft, checked


def pick(pairs: Sequence[Pair], count: int, seed: int) -> list[Pair]:
    """As many as the steps will see, drawn at random; all when there are fewer."""
    return random.Random(seed).sample(list(pairs), min(count, len(pairs)))


def _linear_names(model: Any) -> list[str]:
    """Last parts of the names of all linear modules but the head."""
    head = model.get_output_embeddings()
    parts = [(name.rsplit(".", 1)[-1], part) for name, part in model.named_modules()]
    linear = {name for name, part in parts if type(part) is torch.nn.Linear}
    return sorted(linear - {name for name, part in parts if part is head})


def plan_batches(lengths: Sequence[int], recipe: Recipe) -> list[list[int]]:
    """Row indices of every step, known before the first: resuming needs only the step's number."""
    order, planned = random.Random(recipe.seed), list[list[int]]()
    while len(planned) < recipe.steps:
        rows = order.sample(range(len(lengths)), len(lengths))
        size = recipe.rows_per_step * WINDOW
        for start in range(0, len(rows), size):
            window = sorted(rows[start : start + size], key=lambda row: (lengths[row], row))
            cut = [window[at : at + recipe.rows_per_step] for at in range(0, len(window), recipe.rows_per_step)]
            planned += order.sample(cut, len(cut))
    return planned[: recipe.steps]


def batch(rows: Sequence[Row], pad: int) -> tuple[Tensor, Tensor, Tensor]:
    """Right-padded ids, labels and mask, each (rows, longest)."""
    longest = max(len(row.ids) for row in rows)
    gaps = [longest - len(row.ids) for row in rows]
    ids = [[*row.ids, *[pad] * gap] for row, gap in zip(rows, gaps, strict=True)]
    labels = [[*row.labels, *[IGNORED] * gap] for row, gap in zip(rows, gaps, strict=True)]
    mask = [[1] * len(row.ids) + [0] * gap for row, gap in zip(rows, gaps, strict=True)]
    return tuple(torch.tensor(part, device=device()) for part in (ids, labels, mask))  # pyright: ignore[reportReturnType]


def give_back_memory() -> None:
    """Batches of varying shape leave holes that glibc keeps: 5.6 GB after 80 steps of the embedded model."""
    if (trim := getattr(ctypes.CDLL(None), "malloc_trim", None)) is not None:
        trim(0)


class _Run:
    """The state of one training: model, optimizer, and where it stands."""

    def __init__(self, model: Any, recipe: Recipe, data: Checked, pad: int, work: Path, fingerprint: str) -> None:
        self._model, self._recipe, self._data, self._pad = model, recipe, data, pad
        self._work, self._fingerprint = work, fingerprint
        self._loss = AssistantLoss(model)
        total = sum(label != IGNORED for row in data.train for label in row.labels)
        self._usual = recipe.rows_per_step * total / len(data.train)  # labelled tokens of an average batch
        self._weights = {name: weight for name, weight in model.named_parameters() if weight.requires_grad}
        self._optimizer = torch.optim.AdamW(list(self._weights.values()), lr=recipe.learning_rate, weight_decay=0.0)

    def steps(self, on_point: Callable[[Point], None], should_stop: Callable[[], bool]) -> None:
        planned = plan_batches([len(row.ids) for row in self._data.train], self._recipe)
        done = load_newest(self._work, self._fingerprint, self._weights, self._optimizer)
        started = time.monotonic()
        for step in range(done + 1, self._recipe.steps + 1):
            if should_stop():
                raise Conflict(reason={"zh": "训练已被取消", "en": "the training was cancelled"})
            loss, gradient = self._step(step, [self._data.train[row] for row in planned[step - 1]])
            whole = step == self._recipe.steps or step % self._recipe.checkpoint_every == 0
            if whole:
                save_checkpoint(self._work, step, self._fingerprint, self._weights, self._optimizer)
            heldout = self._heldout() if whole or step == 1 else None
            rate, seconds = self._recipe.rate(step), time.monotonic() - started
            give_back_memory()
            on_point(Point(step, self._recipe.steps, loss, heldout, rate, gradient, seconds))

    def _step(self, step: int, rows: Sequence[Row]) -> tuple[float, float]:
        for group in self._optimizer.param_groups:
            group["lr"] = self._recipe.rate(step)
        self._model.train()
        loss = self._loss(*batch(rows, self._pad))
        labelled = sum(label != IGNORED for row in rows for label in row.labels)
        (loss * (labelled / self._usual)).backward()  # a token counts the same in a short batch and in a long one
        gradient = float(torch.nn.utils.clip_grad_norm_(self._weights.values(), self._recipe.clip))
        if not math.isfinite(value := loss.item()) or not math.isfinite(gradient):
            zh = f"训练在第 {step} 步发散（损失 {value}），请降低学习率后重试"
            en = f"the training diverged at step {step} (loss {value}); lower the learning rate and try again"
            raise XinyanError(reason={"zh": zh, "en": en})
        self._optimizer.step()
        self._optimizer.zero_grad()
        return value, gradient

    @torch.no_grad()
    def _heldout(self) -> float:
        """Mean loss per labelled token over the watched rows."""
        self._model.eval()
        rows = sorted(self._data.heldout, key=lambda row: len(row.ids))
        total, count = 0.0, 0
        for start in range(0, len(rows), 8):
            part = rows[start : start + 8]
            labelled = sum(label != IGNORED for row in part for label in row.labels)
            total += self._loss(*batch(part, self._pad)).item() * labelled
            count += labelled
        return total / count
