"""Several processes that train one adapter together: each takes its share of the rows, gradients are summed."""

from collections.abc import Sequence
from typing import Protocol

from torch import Tensor


class Parallel(Protocol):
    """What the loop asks of the processes that train together. Every rank calls `sum` and `wait` equally often."""

    @property
    def rank(self) -> int: ...
    @property
    def world(self) -> int: ...
    @property
    def main(self) -> bool: ...
    def sum(self, tensors: Sequence[Tensor]) -> None: ...
    def wait(self) -> None: ...


class _Alone:
    rank, world, main = 0, 1, True

    def sum(self, tensors: Sequence[Tensor]) -> None:
        """Nothing to add."""

    def wait(self) -> None:
        """Nobody to wait for."""


ALONE: Parallel = _Alone()
