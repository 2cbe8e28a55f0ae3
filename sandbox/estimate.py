"""What a training will need, before it starts: one dry step at the longest rows, in a process of its own."""

import multiprocessing
import resource
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from governance.errors import Unavailable, XinyanError
from sandbox.base import Base
from sandbox.launch import Failure
from sandbox.machine import MIB, available_mib, training_disk_mib
from sandbox.preflight import Checked, Pair, Row
from sandbox.recipe import Recipe

MARGIN = 1.1  # batches of varying shape leave holes in the heap: a training needs a little more than its dry step
HELDOUT_SHARE = 0.35  # a row that is only measured takes about a third of one that is learnt


@dataclass(frozen=True, slots=True)
class Estimate:
    """`micro_rows` rows of a step fit into memory at once; `memory_mib` with them. `seconds` for the whole training."""

    seconds: float
    memory_mib: float
    micro_rows: int
    disk_mib: float
    tokens_per_s: float


@dataclass(frozen=True, slots=True)
class _Dry:
    """What the child measured of one size."""

    seconds: float  # of a typical step, also for a padded token below
    padded: int
    memory_mib: float
    rows: int
    real: int
    total_padded: int
    heldout_padded: int


def estimate(
    base: Base,
    rows: Sequence[Pair] | Checked,
    recipe: Recipe,
    *,
    threads: int,
    heldout: int | None = None,
    limit_mib: float | None = None,
) -> Estimate:
    """
    Time, memory and disk of training on `rows` (the pairs of the training part). `limit_mib`: None for what is left.

    Halves the rows of a forward pass until they fit; the batch that is learnt from stays the same. Takes as long as
    loading the model and two steps. Raises Unavailable when not even one row fits.
    """
    size = recipe.forward_rows
    given = rows if isinstance(rows, Checked) else tuple(rows)
    while size >= 1:
        found = _measured(base, given, replace(recipe, micro_rows=size), threads, limit_mib)
        if isinstance(found, _Dry):
            return _sum_up(base, recipe, found, heldout)
        size = min(size, found) // 2
    raise _does_not_fit()


def fitted(recipe: Recipe, estimated: Estimate) -> Recipe:
    """The recipe with as many rows at once as fit; unchanged when all do."""
    fits = estimated.micro_rows >= recipe.forward_rows
    return recipe if fits else replace(recipe, micro_rows=estimated.micro_rows)


def _sum_up(base: Base, recipe: Recipe, dry: _Dry, heldout: int | None) -> Estimate:
    measurements = 1 + recipe.steps // max(1, recipe.checkpoint_every)
    watched = recipe.heldout_rows if heldout is None else min(heldout, recipe.heldout_rows)
    held = dry.heldout_padded * watched * measurements * HELDOUT_SHARE
    seconds = (dry.total_padded + held) / dry.padded * dry.seconds
    disk = training_disk_mib(base.folder, recipe.rank, keeps_best=recipe.patience > 0)
    return Estimate(seconds, dry.memory_mib * MARGIN, dry.rows, disk, dry.real / dry.seconds)


def _measured(
    base: Base, rows: Sequence[Pair] | Checked, recipe: Recipe, threads: int, limit_mib: float | None
) -> _Dry | int:
    """From a child; the number of rows it was trying when it died, for the kernel kills what takes too much."""
    spawning = multiprocessing.get_context("spawn")
    mine, theirs = spawning.Pipe(duplex=False)
    limit = available_mib() if limit_mib is None else limit_mib
    process = spawning.Process(target=_child, args=(base, rows, recipe, threads, limit, theirs), daemon=True)
    process.start()
    theirs.close()
    trying = recipe.micro_rows
    try:
        while True:
            said = mine.recv()
            if isinstance(said, _Dry):
                return said
            if isinstance(said, Failure):
                raise said.error()
            trying = said
    except EOFError:
        return trying
    finally:
        process.kill()
        process.join()
        mine.close()


def _child(
    base: Base, rows: Sequence[Pair] | Checked, recipe: Recipe, threads: int, limit_mib: float, wire: Connection
) -> None:
    try:
        _limit(limit_mib)
        wire.send(_dry_steps(base, rows, recipe, threads, limit_mib, wire.send))
    except XinyanError as error:
        wire.send(Failure.of(error))
    finally:
        wire.close()


def _dry_steps(
    base: Base,
    given: Sequence[Pair] | Checked,
    recipe: Recipe,
    threads: int,
    limit_mib: float,
    trying: Callable[[int], None],
) -> _Dry:
    import torch
    from transformers.utils.logging import disable_progress_bar

    from sandbox.packing import plan_batches
    from sandbox.train import give_back_memory, open_model

    disable_progress_bar()
    torch.set_num_threads(max(1, threads))
    trying(recipe.micro_rows)
    model, chat = open_model(base, replace(recipe, compile=False))
    rows = _rows(chat, given, recipe)
    longest = sorted(rows, key=lambda row: -len(row.ids))
    for size in _halves(recipe.micro_rows):
        trying(size)
        step = _Step(model, chat.pad, replace(recipe, micro_rows=size, compile=False), rows)
        _reset_peak()
        if step.fits(longest[:size]) and (memory := _peak_mib()) * MARGIN <= limit_mib:
            planned = plan_batches([len(row.ids) for row in rows], recipe)
            shapes = [step.slots([rows[at] for at in part]) for part in planned]
            usual = sorted(range(len(planned)), key=lambda at: shapes[at])[len(planned) // 2]
            part = [rows[at] for at in planned[usual]]
            started = time.perf_counter()
            step.fits(part)
            taken = time.perf_counter() - started
            real = sum(len(row.ids) for row in part)
            held = len(longest[len(longest) // 2].ids)
            return _Dry(taken, shapes[usual], memory, size, real, sum(shapes), held)
        give_back_memory()
    raise _does_not_fit()


class _Step:
    """A step without its consequences."""

    def __init__(self, model: Any, pad: int, recipe: Recipe, rows: Sequence[Row]) -> None:
        import torch

        from sandbox.packing import Passes

        self._passes = Passes(model, pad, recipe, rows)
        weights = [weight for weight in model.parameters() if weight.requires_grad]
        self._optimizer = torch.optim.AdamW(weights, lr=0.0, weight_decay=0.0)
        model.train()

    def slots(self, rows: Sequence[Row]) -> int:
        """Tokens that are computed, with padding where there is some."""
        lengths = [len(row.ids) for row in rows]
        return sum(lengths) if self._passes.packed else len(rows) * max(lengths)

    def fits(self, rows: Sequence[Row]) -> bool:
        """Forward, backward and the optimizer's state; False when the memory does not suffice."""
        import torch

        try:
            for loss, _ in self._passes(rows):
                loss.backward()
            self._optimizer.step()
        except (torch.OutOfMemoryError, MemoryError):
            return False
        except RuntimeError as failed:  # what the allocator of a processor raises has no type of its own
            if not any(said in str(failed).lower() for said in ("alloc", "memory")):
                raise
            return False
        finally:
            self._optimizer.zero_grad()
        return True


def _rows(chat: Any, given: Sequence[Pair] | Checked, recipe: Recipe) -> Sequence[Row]:
    """The rows that the steps will see; what a pre-flight would refuse is not its matter."""
    from sandbox.preflight import inspect_tokens
    from sandbox.train import pick

    if isinstance(given, Checked):
        return given.train
    needed = pick(given, recipe.steps * recipe.rows_per_step, recipe.seed)
    found = [
        inspect_tokens(chat, (("user", prompt), ("assistant", answer)), "train", None) for prompt, answer in needed
    ]
    rows = [row for row in found if isinstance(row, Row) and len(row.ids) <= recipe.max_tokens]
    if not rows:
        reason = {"zh": "没有可用的样本，请先检查训练集", "en": "no row can be used; check the training set first"}
        raise XinyanError(reason=reason)
    return rows


def _halves(size: int) -> Iterator[int]:
    while size >= 1:
        yield size
        size //= 2


def _limit(mib: float) -> None:
    """An allocation beyond it fails in this process, instead of the kernel ending some other one."""
    import torch

    if not torch.cuda.is_available() and hasattr(resource, "RLIMIT_DATA"):
        most = int(mib * MIB)
        resource.setrlimit(resource.RLIMIT_DATA, (most, most))


def _reset_peak() -> None:
    import torch

    if torch.cuda.is_available():
        torch.cuda.reset_peak_memory_stats()
    with suppress(OSError):  # else the peak also counts what loading took
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")


def _peak_mib() -> float:
    import torch

    if torch.cuda.is_available():
        return torch.cuda.max_memory_allocated() / MIB
    with suppress(OSError):
        for line in Path("/proc/self/status").read_text(encoding="utf-8").splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _does_not_fit() -> Unavailable:
    what = {"zh": "足够的内存（一条样本也放不下）", "en": "Enough memory (not even one row fits)"}
    remedy = {
        "zh": "关闭其他程序，减小“单条样本的长度上限”，或换用更小的基础模型",
        "en": "close other programs, lower 'Longest sample', or use a smaller base model",
    }
    return Unavailable(what=what, remedy=remedy)
