"""LoRA, alone or with other processes: deterministic for a seed, resumes after a kill, stops when it gets no better."""

import ctypes
import hashlib
import logging
import math
import random
import resource
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from peft import LoraConfig, get_peft_model
from torch import Tensor
from transformers import AutoModelForCausalLM, AutoTokenizer, BitsAndBytesConfig
from transformers.utils.logging import disable_progress_bar

from governance.errors import Conflict, Unavailable, XinyanError
from sandbox.base import Base
from sandbox.chat import Chat, open_chat
from sandbox.checkpoint import load_newest, save_checkpoint
from sandbox.engine import device, fast_dtype, quiet
from sandbox.loss import AssistantLoss
from sandbox.packing import batch, labelled, plan_batches
from sandbox.parallel import ALONE, Parallel
from sandbox.preflight import Checked, Pair, Row, preflight
from sandbox.recipe import Recipe

HELDOUT_ROWS = 8  # in one forward pass
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Point:
    """
    What the curve shows. `heldout` is None between the steps at which it is measured.

    `tokens_per_s` counts real tokens of the step, without padding; `memory_mib` is the peak until now.
    """

    step: int
    total: int
    loss: float
    heldout: float | None
    rate: float
    gradient: float
    seconds: float
    tokens_per_s: float = 0.0
    memory_mib: float = 0.0


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
    parallel: Parallel = ALONE,
) -> tuple[Path, Checked]:
    """
    Train an adapter; returns the folder that peft wrote and what was trained on. `work` holds the checkpoints.

    Called again after a kill it goes on from the newest whole checkpoint. Of several processes only the main one
    writes, reports, and is asked whether to stop. Raises Invalid (rows), Conflict (stopped), Unavailable (hardware).
    """
    disable_progress_bar()
    torch.set_num_threads(max(1, threads))
    model, chat = open_model(base, recipe)
    needed = pick(train, recipe.steps * recipe.rows_per_step, recipe.seed)
    checked = preflight(base, chat, train, heldout, recipe, work, needed=needed)
    fingerprint = hashlib.sha256(f"{base.hash}{recipe.hash}{checked.hash}".encode()).hexdigest()
    parallel.prepare(model)
    _Run(model, recipe, checked, chat.pad, work, fingerprint, parallel).steps(on_point, should_stop)
    draft = work / "draft"
    if parallel.main:
        model.save_pretrained(draft, safe_serialization=True)
    parallel.wait()
    return draft, checked


def open_model(base: Base, recipe: Recipe) -> tuple[Any, Chat]:
    """The frozen base with a fresh adapter in float32, and its tokenizer. Raises Unavailable."""
    if recipe.quantized and not torch.cuda.is_available():
        what = {"zh": "4 比特量化训练", "en": "Training over a base in 4 bits"}
        raise Unavailable(what=what, remedy={"zh": "需要显卡，请关闭该选项", "en": "it needs a GPU; turn it off"})
    tokenizer = AutoTokenizer.from_pretrained(base.folder, trust_remote_code=False)
    options: dict[str, Any] = {"attn_implementation": recipe.attention, "dtype": fast_dtype()}
    if recipe.quantized:
        options["device_map"] = {"": device()}
        options["quantization_config"] = BitsAndBytesConfig(
            load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_compute_dtype=fast_dtype()
        )
    try:
        frozen: Any = AutoModelForCausalLM.from_pretrained(
            base.folder, trust_remote_code=False, use_safetensors=True, **options
        )
    except ImportError as missing:  # flash_attention_2 or bitsandbytes
        what = {"zh": "所选的注意力或量化实现", "en": "The chosen attention or quantization"}
        raise Unavailable(what=what, remedy=str(missing)[:300]) from missing
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
        model: Any = get_peft_model(frozen if recipe.quantized else frozen.to(device()), lora)
    if recipe.compile:
        for layer in frozen.get_decoder().layers:
            layer.compile(dynamic=True)  # layer by layer: one graph serves all of them
    return model, open_chat(tokenizer, frozen.generation_config.eos_token_id)


def pick(pairs: Sequence[Pair], count: int, seed: int) -> list[Pair]:
    """As many as the steps will see, drawn at random; all when there are fewer."""
    return random.Random(seed).sample(list(pairs), min(count, len(pairs)))


def _linear_names(model: Any) -> list[str]:
    """Last parts of the names of all linear modules but the head."""
    head = model.get_output_embeddings()
    parts = [(name.rsplit(".", 1)[-1], part) for name, part in model.named_modules()]
    linear = {name for name, part in parts if isinstance(part, torch.nn.Linear)}
    return sorted(linear - {name for name, part in parts if part is head})


def give_back_memory() -> None:
    """Batches of varying shape leave holes that glibc keeps: 5.6 GB after 80 steps of the embedded model."""
    if (trim := getattr(ctypes.CDLL(None), "malloc_trim", None)) is not None:
        trim(0)


def peak_memory_mib() -> float:
    """Of the GPU when there is one, else of this process."""
    if torch.cuda.is_available():
        return torch.cuda.max_memory_allocated() / 2**20
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10


class _Best:
    """The weights of the lowest held-out loss; tensors only, so a checkpoint holds them like any other."""

    def __init__(self, weights: Mapping[str, Tensor], patience: int) -> None:
        self._weights, self._patience = weights, patience
        self._state = torch.tensor([math.inf, 0.0], dtype=torch.float64)  # its loss; measurements since
        self._kept = {name: weight.detach().clone() for name, weight in weights.items()} if patience else {}

    @property
    def tensors(self) -> Mapping[str, Tensor]:
        """What a checkpoint keeps."""
        kept = {f"best:{name}": weight for name, weight in self._kept.items()}
        return {**kept, "best": self._state} if self._patience else {}

    @property
    def over(self) -> bool:
        """Whether the last `patience` measurements brought nothing better."""
        return 0 < self._patience <= self._state[1]

    def measured(self, loss: float) -> None:
        """Keep the weights as they are now when they are the best so far."""
        if loss < self._state[0]:
            self._state.copy_(torch.tensor([loss, 0.0]))
            self._copy(self._weights, self._kept)
        else:
            self._state[1] += 1

    def put_back(self) -> None:
        """Into the model; nothing without early stopping."""
        if self._patience and math.isfinite(self._state[0]):
            self._copy(self._kept, self._weights)

    @torch.no_grad()
    def _copy(self, source: Mapping[str, Tensor], target: Mapping[str, Tensor]) -> None:
        for name, weight in target.items():
            weight.copy_(source[name])


class _Run:
    """The state of one training: model, optimizer, and where it stands."""

    def __init__(
        self, model: Any, recipe: Recipe, data: Checked, pad: int, work: Path, fingerprint: str, parallel: Parallel
    ) -> None:
        self._model, self._recipe, self._data, self._pad = model, recipe, data, pad
        self._work, self._fingerprint, self._parallel = work, fingerprint, parallel
        self._loss = AssistantLoss(model)
        self._usual = recipe.rows_per_step * labelled(data.train) / len(data.train)  # teaching tokens of a usual step
        self._weights = {name: weight for name, weight in model.named_parameters() if weight.requires_grad}
        self._optimizer = torch.optim.AdamW(list(self._weights.values()), lr=recipe.learning_rate, weight_decay=0.0)
        self._best = _Best(self._weights, recipe.patience)

    def steps(self, on_point: Callable[[Point], None], should_stop: Callable[[], bool]) -> None:
        """All that are left; the weights are then the last ones, or the best ones with early stopping."""
        recipe, started = self._recipe, time.monotonic()
        planned = plan_batches([len(row.ids) for row in self._data.train], recipe)
        kept = {**self._weights, **self._best.tensors}
        done = load_newest(self._work, self._fingerprint, kept, self._optimizer)
        for step in range(done + 1, recipe.steps + 1):
            if self._best.over:
                log.info("stopped before step=%s, nothing better since %s measurements", step, recipe.patience)
                break
            if self._total(float(self._parallel.main and should_stop())):
                raise Conflict(reason={"zh": "训练已被取消", "en": "the training was cancelled"})
            rows, before = [self._data.train[row] for row in planned[step - 1]], time.perf_counter()
            loss, gradient = self._step(step, rows)
            speed = sum(len(row.ids) for row in rows) / (time.perf_counter() - before)
            whole = step == recipe.steps or step % recipe.checkpoint_every == 0
            heldout = self._heldout() if whole or step == 1 else None
            if heldout is not None:
                self._best.measured(heldout)
            if whole:
                self._save(step, kept)
            give_back_memory()
            if self._parallel.main:
                seconds, memory = time.monotonic() - started, peak_memory_mib()
                on_point(Point(step, recipe.steps, loss, heldout, recipe.rate(step), gradient, seconds, speed, memory))
        self._best.put_back()

    def _save(self, step: int, kept: Mapping[str, Tensor]) -> None:
        if self._parallel.main:
            save_checkpoint(self._work, step, self._fingerprint, kept, self._optimizer)
        self._parallel.wait()

    def _step(self, step: int, rows: Sequence[Row]) -> tuple[float, float]:
        for group in self._optimizer.param_groups:
            group["lr"] = self._recipe.rate(step)
        self._model.train()
        mine, total = rows[self._parallel.rank :: self._parallel.world], 0.0
        size = self._recipe.micro_rows or len(rows)
        for start in range(0, len(mine), size):
            part = mine[start : start + size]
            teaching = labelled(part)
            loss = self._loss(*batch(part, self._pad))
            (loss * (teaching / self._usual)).backward()  # a token counts the same in a short batch and in a long one
            total += loss.item() * teaching
        value = self._total(total) / labelled(rows)
        self._sum_gradients()
        gradient = float(torch.nn.utils.clip_grad_norm_(self._weights.values(), self._recipe.clip))
        if not math.isfinite(value) or not math.isfinite(gradient):
            zh = f"训练在第 {step} 步发散（损失 {value}），请降低学习率后重试"
            en = f"the training diverged at step {step} (loss {value}); lower the learning rate and try again"
            raise XinyanError(reason={"zh": zh, "en": en})
        self._optimizer.step()
        self._optimizer.zero_grad()
        return value, gradient

    def _sum_gradients(self) -> None:
        """Over all processes, also one that had no row in a short last batch."""
        if self._parallel.world > 1:
            for weight in self._weights.values():
                weight.grad = torch.zeros_like(weight) if weight.grad is None else weight.grad
            self._parallel.sum([weight.grad for weight in self._weights.values() if weight.grad is not None])

    def _total(self, mine: float) -> float:
        """The sum of every process's figure."""
        figure = torch.tensor([mine], dtype=torch.float64, device=device())
        self._parallel.sum([figure])
        return float(figure)

    @torch.no_grad()
    def _heldout(self) -> float:
        """Mean loss per labelled token over the watched rows."""
        self._model.eval()
        rows = sorted(self._data.heldout, key=lambda row: len(row.ids))
        mine, total = rows[self._parallel.rank :: self._parallel.world], 0.0
        for start in range(0, len(mine), HELDOUT_ROWS):
            part = mine[start : start + HELDOUT_ROWS]
            total += self._loss(*batch(part, self._pad)).item() * labelled(part)
        return self._total(total) / labelled(rows)
