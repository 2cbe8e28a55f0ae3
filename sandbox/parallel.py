"""Several processes that train one adapter together: each takes its share of the rows, gradients are summed."""

import os
import sys
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any, Protocol

import torch
import torch.distributed as dist
from torch import Tensor

from governance.errors import Unavailable
from sandbox.engine import device

WAITS_S = 600  # a process that has not answered for this long is taken for dead


class Parallel(Protocol):
    """What the loop asks of the processes that train together. Every rank calls `sum` and `wait` equally often."""

    @property
    def rank(self) -> int: ...
    @property
    def world(self) -> int: ...
    @property
    def main(self) -> bool: ...
    def prepare(self, model: Any) -> None: ...
    def most(self, count: int) -> int: ...
    def sum(self, tensors: Sequence[Tensor]) -> None: ...
    def wait(self) -> None: ...


class _Alone:
    rank, world, main = 0, 1, True

    def prepare(self, model: Any) -> None:
        """Nothing to share."""

    def most(self, count: int) -> int:
        """Nobody makes more."""
        return count

    def sum(self, tensors: Sequence[Tensor]) -> None:
        """Nothing to add."""

    def wait(self) -> None:
        """Nobody to wait for."""


ALONE: Parallel = _Alone()


class Together:
    """
    The present process group of torch, whoever started it: `joined` through accelerate, or Ray Train.

    The adapter is small (some megabytes), so every process holds all of it and its optimizer state: one sum per step,
    plain checkpoints, and the same weights everywhere. With `shard` the frozen base is spread over the processes
    (FSDP2, layer by layer) for a base that does not fit one GPU; embeddings and head stay whole, for the loss
    projects assistant positions through the head directly.
    """

    def __init__(self, *, shard: bool = False) -> None:
        self.rank, self.world = dist.get_rank(), dist.get_world_size()
        self.main = self.rank == 0
        self._shard = shard

    def prepare(self, model: Any) -> None:
        """Once after the model is made: everyone starts with the main process's adapter; the base is spread."""
        trained = [weight for weight in model.parameters() if weight.requires_grad]
        with _talking():
            for weight in trained:
                dist.broadcast(weight.data, 0)
        if self._shard:
            _spread(model, set(trained))

    def most(self, count: int) -> int:
        """How many passes each process makes: the same over a spread base, for its layers are gathered together."""
        if not self._shard:
            return count
        figure = torch.tensor([count], device=device())
        with _talking():
            dist.all_reduce(figure, dist.ReduceOp.MAX)
        return int(figure)

    def sum(self, tensors: Sequence[Tensor]) -> None:
        """In place, each replaced by the sum over all processes; one message per kind of number."""
        kinds: dict[torch.dtype, list[Tensor]] = {}
        for tensor in tensors:
            kinds.setdefault(tensor.dtype, []).append(tensor)
        for same in kinds.values():
            flat = torch.cat([tensor.reshape(-1) for tensor in same])
            with _talking():
                dist.all_reduce(flat)
            for tensor, part in zip(same, flat.split([tensor.numel() for tensor in same]), strict=True):
                tensor.copy_(part.view_as(tensor))

    def wait(self) -> None:
        """Until all are here."""
        with _talking():
            dist.barrier()


@contextmanager
def joined(rank: int, world: int, meeting: Path, *, shard: bool = False) -> Generator[Together]:
    """
    This process as one of `world` on this machine, through accelerate. `meeting`: a file in which they find each other.

    No port is opened to the outside: they meet through a file and talk over the loopback interface.
    """
    from accelerate import PartialState

    here = {"RANK": rank, "WORLD_SIZE": world, "LOCAL_RANK": rank, "LOCAL_WORLD_SIZE": world}
    os.environ.update({name: str(value) for name, value in here.items()})
    os.environ.update(MASTER_ADDR="127.0.0.1", MASTER_PORT="0")  # read by accelerate, used by nobody
    if sys.platform == "linux":
        os.environ["GLOO_SOCKET_IFNAME"] = "lo"
    state: Any = PartialState(
        cpu=not torch.cuda.is_available(),
        init_method=meeting.resolve().as_uri(),
        rank=rank,
        world_size=world,
        timeout=timedelta(seconds=WAITS_S),
    )
    try:
        yield Together(shard=shard)
    finally:
        state.destroy_process_group()


def _spread(model: Any, trained: set[Any]) -> None:
    """Each decoder layer gathers its frozen weights when it is computed and gives them back after it."""
    from torch.distributed.device_mesh import init_device_mesh
    from torch.distributed.fsdp import fully_shard

    kind = "cuda" if torch.cuda.is_available() else "cpu"
    mesh = init_device_mesh(kind, (dist.get_world_size(),))
    for layer in model.get_base_model().get_decoder().layers:
        fully_shard(layer, mesh=mesh, ignored_params=trained)


@contextmanager
def _talking() -> Generator[None]:
    """A process that died shows as a broken connection at the others."""
    try:
        yield
    except RuntimeError as broken:
        raise lost_process() from broken


def lost_process() -> Unavailable:
    """What every other process says when one has died."""
    what = {"zh": "共同训练的另一个进程（已中断）", "en": "Another process of this training (it ended)"}
    remedy = {
        "zh": "重新开始同一训练，会从最近的检查点继续",
        "en": "start the same training again, it goes on from its newest checkpoint",
    }
    return Unavailable(what=what, remedy=remedy)
