"""The steps of a training: gradients summed over passes and processes, checkpoints, early stop."""

import ctypes
import logging
import math
import resource
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from governance.errors import Conflict, XinyanError
from sandbox.checkpoint import load_newest, save_checkpoint
from sandbox.engine import device
from sandbox.packing import Passes, labelled, plan_batches
from sandbox.parallel import ALONE, Parallel
from sandbox.preflight import Checked, Row
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


def give_back_memory() -> None:
    """Batches of varying shape leave holes that glibc keeps: 5.6 GB after 80 steps of the embedded model."""
    if (trim := getattr(ctypes.CDLL(None), "malloc_trim", None)) is not None:
        trim(0)


def peak_memory_mib() -> float:
    """Of the GPU when there is one, else of this process."""
    if torch.cuda.is_available():
        return torch.cuda.max_memory_allocated() / 2**20
    if (status := Path("/proc/self/status")).exists():  # getrusage would count the parent's memory before exec as well
        return next(
            int(line.split()[1]) / 2**10 for line in status.read_text().splitlines() if line.startswith("VmHWM")
        )
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10)


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


class Loop:
    """The state of one training: model, optimizer, and where it stands."""

    def __init__(
        self,
        model: Any,
        recipe: Recipe,
        data: Checked,
        *,
        pad: int,
        work: Path,
        fingerprint: str,
        parallel: Parallel = ALONE,
    ) -> None:
        self._model, self._recipe, self._data = model, recipe, data
        self._work, self._fingerprint, self._parallel = work, fingerprint, parallel
        self._passes = Passes(model, pad, recipe, data.train)
        self._usual = recipe.rows_per_step * labelled(data.train) / len(data.train)  # teaching tokens of a usual step
        self._weights = {name: weight for name, weight in model.named_parameters() if weight.requires_grad}
        self._optimizer = torch.optim.AdamW(
            list(self._weights.values()), lr=recipe.learning_rate, weight_decay=0.0, fused=True
        )
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
            if whole or not self._passes.packed:  # passes of a few sizes leave no holes
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
        for loss, teaching in self._passes(mine, self._parallel.most):
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
        for start in range(0, len(rows[:: self._parallel.world]), HELDOUT_ROWS):
            for loss, teaching in self._passes(mine[start : start + HELDOUT_ROWS], self._parallel.most):
                total += loss.item() * teaching
        return self._total(total) / labelled(rows)
