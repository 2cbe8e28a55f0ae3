"""Which rows every step sees, and how they become tensors."""

import random
from collections.abc import Sequence

import torch
from torch import Tensor

from sandbox.engine import device
from sandbox.preflight import IGNORED, Row
from sandbox.recipe import Recipe

WINDOW = 16  # batches that are sorted by length together: little padding, still well mixed


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


def labelled(rows: Sequence[Row]) -> int:
    """Tokens that teach."""
    return sum(label != IGNORED for row in rows for label in row.labels)
