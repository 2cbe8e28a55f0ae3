"""Which rows every step sees, and how they go through the model: packed where it keeps them apart, else padded."""

import logging
import math
import random
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import torch
from torch import Tensor

from sandbox.engine import device
from sandbox.lean import ROWS, lighten
from sandbox.loss import AssistantLoss
from sandbox.preflight import IGNORED, Row
from sandbox.recipe import Recipe

WINDOW = 16  # padded batches that are sorted by length together: little padding, still well mixed
PASS_TOKENS = 768  # packed in one pass on a CPU, about
GRAIN = 64  # passes are filled up to a multiple: a CPU compiles kernels for each size (about 50 ms and 15 MB)
ROUNDING = {torch.float32: 1e-3, torch.bfloat16: 0.05, torch.float16: 0.02}  # between two ways to the same result
PROBE_TOKENS = 48  # of each row of the test at start-up
log = logging.getLogger(__name__)


def plan_batches(lengths: Sequence[int], recipe: Recipe) -> list[list[int]]:
    """Row indices of every step, known before the first: resuming needs only the step's number."""
    order, planned = random.Random(recipe.seed), list[list[int]]()
    while len(planned) < recipe.steps:
        rows = order.sample(range(len(lengths)), len(lengths))
        size = recipe.rows_per_step * WINDOW
        for start in range(0, len(rows), size):
            window = sorted(rows[start : start + size], key=lambda row: (lengths[row], row))
            cut = _level(window, lengths, recipe) if recipe.packing else _alike(window, recipe)
            planned += order.sample(cut, len(cut))
    return planned[: recipe.steps]


def _alike(window: Sequence[int], recipe: Recipe) -> list[list[int]]:
    """Rows of like length together, for little padding."""
    return [list(window[at : at + recipe.rows_per_step]) for at in range(0, len(window), recipe.rows_per_step)]


def _level(window: Sequence[int], lengths: Sequence[int], recipe: Recipe) -> list[list[int]]:
    """Steps of about equal tokens: round by round, the longest row left goes to the step that has the least."""
    cut: list[list[int]] = [[] for _ in range(-(-len(window) // recipe.rows_per_step))]
    longest_first = list(reversed(window))
    for start in range(0, len(window), len(cut)):
        least_first = sorted(range(len(cut)), key=lambda at: (sum(lengths[row] for row in cut[at]), at))
        for at, row in zip(least_first, longest_first[start : start + len(cut)], strict=False):
            cut[at].append(row)
    return cut


def batch(rows: Sequence[Row], pad: int) -> tuple[Tensor, Tensor, Tensor]:
    """Right-padded ids, labels and mask, each (rows, longest)."""
    longest = max(len(row.ids) for row in rows)
    gaps = [longest - len(row.ids) for row in rows]
    ids = [[*row.ids, *[pad] * gap] for row, gap in zip(rows, gaps, strict=True)]
    labels = [[*row.labels, *[IGNORED] * gap] for row, gap in zip(rows, gaps, strict=True)]
    mask = [[1] * len(row.ids) + [0] * gap for row, gap in zip(rows, gaps, strict=True)]
    return tuple(torch.tensor(part, device=device()) for part in (ids, labels, mask))  # pyright: ignore[reportReturnType]


def packed(rows: Sequence[Row], pad: int = 0, grain: int = 1) -> tuple[Tensor, Tensor, None, list[int]]:
    """Ids and labels of all rows one behind the other, (1, tokens), no mask, and where each row ends."""
    ends = [sum(len(row.ids) for row in rows[: at + 1]) for at in range(len(rows))]
    ids = [token for row in rows for token in row.ids]
    labels = [label for row in rows for label in (IGNORED, *row.labels[1:])]  # no row teaches how the next begins
    if gap := -len(ids) % grain:  # a row of its own that teaches nothing
        ids, labels, ends = [*ids, *[pad] * gap], [*labels, *[IGNORED] * gap], [*ends, len(ids) + gap]
    return torch.tensor([ids], device=device()), torch.tensor([labels], device=device()), None, ends


def fill(rows: Sequence[Row], tokens: int, count: int) -> list[list[Row]]:
    """Passes of about `tokens` and at most `count` rows, as level as may be: the longest first, to the emptiest."""
    total = sum(len(row.ids) for row in rows)
    passes: list[list[Row]] = [[] for _ in range(max(1, round(total / tokens), -(-len(rows) // count)))]
    filled = [0] * len(passes)
    for row in sorted(rows, key=lambda row: -len(row.ids)):
        at = min((at for at in range(len(passes)) if len(passes[at]) < count), key=filled.__getitem__)
        passes[at].append(row)
        filled[at] += len(row.ids)
    return [part for part in passes if part]


def labelled(rows: Sequence[Row]) -> int:
    """Tokens that teach."""
    return sum(label != IGNORED for row in rows for label in row.labels)


class Passes:
    """The rows of a step through the model, pass by pass: the losses of all passes are those of one large batch."""

    def __init__(self, model: Any, pad: int, recipe: Recipe, probe: Sequence[Row]) -> None:
        self._loss, self._pad, self._count = AssistantLoss(model), pad, recipe.micro_rows
        slow = device().type == "cpu"
        self._tokens, self._grain = (PASS_TOKENS, GRAIN) if slow else (1 << 30, 1)
        self._shortest = min(probe, key=lambda row: len(row.ids))
        self.packed = recipe.packing and _pack(model, self._loss, pad, recipe, probe)

    def __call__(
        self, rows: Sequence[Row], most: Callable[[int], int] = lambda count: count
    ) -> Iterator[tuple[Tensor, int]]:
        """
        The mean loss per labelled token of each pass, and how many these are. Use each before the next is made.

        `most`: how many passes every process has to make; those beyond our own count for nothing.
        """
        parts = self._split(rows)
        spare = [[self._shortest]] * (most(len(parts)) - len(parts))
        for at, part in enumerate([*parts, *spare]):
            teaching = labelled(part) if at < len(parts) else 0
            if self.packed:
                yield self._loss(*packed(part, self._pad, self._grain)), teaching
            else:
                yield self._loss(*batch(part, self._pad)), teaching

    def _split(self, rows: Sequence[Row]) -> list[list[Row]]:
        count = self._count or max(1, len(rows))
        if self.packed:
            return fill(rows, self._tokens, count)
        return [list(rows[start : start + count]) for start in range(0, len(rows), count)]


def _pack(model: Any, loss: AssistantLoss, pad: int, recipe: Recipe, probe: Sequence[Row]) -> bool:
    """Make the model ready for packed rows when it passes the contamination test, or leave it as it was."""
    rows = _probes(probe)
    weights = [weight for weight in model.parameters() if weight.requires_grad]
    model.eval()
    ids, labels, mask = batch(rows, pad)
    states = loss.states(ids, mask)
    gradient = _flat(torch.autograd.grad(loss.of(states, labels), weights))
    padded = states.detach()[mask.bool()]
    undo = _prepare(model, recipe)
    loss.light = not recipe.compile
    try:
        leak = None if undo is not None else "its attention cannot be told where rows end"
        leak = leak or _leak(loss, rows, weights, padded, gradient)
    except (LookupError, TypeError, ValueError) as unfit:  # a model that takes no positions, or passes other options on
        leak = str(unfit)
    if leak is None:
        return True
    log.warning("packing refused, rows are padded instead: %s", leak)
    for step in undo or ():
        step()
    loss.light = False
    return False


def _prepare(model: Any, recipe: Recipe) -> list[Callable[[], None]] | None:
    """Lighter layers, and on a CPU the attention row by row; how to undo it. None when the model takes neither."""
    undo = list[Callable[[], None]]()
    if not recipe.compile:
        undo.append(lighten(model))
        if device().type == "cpu":
            base = model.get_base_model()
            before = base.config._attn_implementation
            try:
                base.set_attn_implementation(ROWS)
            except ValueError:
                undo[0]()
                return None
            undo.append(lambda: base.set_attn_implementation(before))
    return undo


def _leak(
    loss: AssistantLoss, rows: Sequence[Row], weights: Sequence[Tensor], padded: Tensor, gradient: Tensor
) -> str | None:
    """
    What is wrong with packing on this very model, None when nothing is.

    What one row says must not change one bit of what the next one gets; against rows side by side, padded and through
    untouched layers, states and gradients may differ by rounding only.
    """
    ids, labels, mask, ends = packed(rows)
    states = loss.states(ids, mask, ends)
    together = states.detach()[0]
    with torch.no_grad():
        changed = loss.states(torch.cat([ids[:, : ends[0]].flip(1), ids[:, ends[0] :]], 1), mask, ends)[0]
    if not torch.equal(together[ends[0] :], changed[ends[0] :]):
        return "a row changes the states of the next one"
    limit = ROUNDING[together.dtype]
    if (off := _distance(padded, together)) > limit:
        return f"states differ by {off:.1e} from those of padded rows"
    found = torch.autograd.grad(loss.of(states, labels), weights)
    if (off := _distance(gradient, _flat(found))) > limit:
        return f"gradients differ by {off:.1e} from those of padded rows"
    return None


def _probes(rows: Sequence[Row]) -> list[Row]:
    """The two longest rows, cut around where the answer begins."""
    found = list[Row]()
    for row in sorted(rows, key=lambda row: -len(row.ids))[:2]:
        begins = next(at for at, label in enumerate(row.labels) if label != IGNORED)
        cut = slice(max(0, begins - PROBE_TOKENS // 2), begins + PROBE_TOKENS // 2)
        found.append(Row(row.ids[cut], row.labels[cut]))
    return [found[0], found[-1]]


def _flat(parts: Sequence[Tensor]) -> Tensor:
    return torch.cat([part.reshape(-1) for part in parts])


def _distance(wanted: Tensor, found: Tensor) -> float:
    """Relative; infinite for numbers that are none."""
    off = float((wanted - found).float().norm() / wanted.float().norm().clamp_min(1e-12))
    return off if math.isfinite(off) else math.inf
