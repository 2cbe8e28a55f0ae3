"""`fit` over several processes of this machine, or of several machines: same arguments, same result."""

import multiprocessing
import os
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from multiprocessing import connection
from pathlib import Path
from threading import Thread
from typing import Any, Protocol

from governance import errors
from governance.errors import Invalid, XinyanError
from sandbox.base import Base
from sandbox.parallel import Parallel, joined, lost_process
from sandbox.preflight import Checked, Pair
from sandbox.recipe import Recipe
from sandbox.train import Point, fit

LOOKS_S = 0.5  # how often it is asked whether to stop


class Fit(Protocol):
    """The loop as the pipeline calls it: alone, over processes, or over machines."""

    def __call__(
        self,
        base: Base,
        train: Sequence[Pair],
        heldout: Sequence[Pair],
        recipe: Recipe,
        work: Path,
        *,
        threads: int,
        on_point: Callable[[Point], None],
        should_stop: Callable[[], bool] = lambda: False,
    ) -> tuple[Path, Checked]: ...


@dataclass(frozen=True, slots=True)
class Job:
    """What every process gets. The rows go through a pipe or Ray's store, never through a file."""

    base: Base
    train: Sequence[Pair]
    heldout: Sequence[Pair]
    recipe: Recipe
    work: Path
    threads: int

    def run(self, on_point: Callable[[Point], None], should_stop: Callable[[], bool], parallel: Parallel) -> Checked:
        """As one of them."""
        _, checked = fit(
            self.base,
            self.train,
            self.heldout,
            self.recipe,
            self.work,
            threads=self.threads,
            on_point=on_point,
            should_stop=should_stop,
            parallel=parallel,
        )
        return checked


def job_of(
    base: Base,
    train: Sequence[Pair],
    heldout: Sequence[Pair],
    recipe: Recipe,
    work: Path,
    *,
    threads: int,
    shard: bool,
) -> Job:
    """Raises Invalid for a recipe that a spread base cannot follow."""
    if shard and (recipe.packing or recipe.quantized):
        zh = "分散基础模型时，不能拼接短样本，也不能压缩基础模型，请关闭这些选项"
        en = "a base that is spread over processes can neither pack rows nor be compressed; turn these off"
        raise Invalid(reason={"zh": zh, "en": en})
    return Job(base, tuple(train), tuple(heldout), recipe, work, threads)


@dataclass(frozen=True, slots=True)
class Failure:
    """An error of ours on its way to another process."""

    kind: str
    data: Mapping[str, object]

    @classmethod
    def of(cls, error: XinyanError) -> "Failure":
        return cls(type(error).__name__, error.data)

    def error(self) -> XinyanError:
        """The same error again."""
        return getattr(errors, self.kind, XinyanError)(**self.data)


def over_processes(count: int, *, shard: bool = False) -> Fit:
    """`fit` with `count` processes of this machine, one per GPU where there are GPUs; 1 stays in this process."""
    if count == 1:
        return fit

    def together(
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
        job = job_of(base, train, heldout, recipe, work, threads=max(1, threads // count), shard=shard)
        with tempfile.TemporaryDirectory() as folder:
            members = _Members(job, count, Path(folder) / "meeting", shard)
            try:
                return work / "draft", members.watch(on_point, should_stop)
            finally:
                members.end()

    return together


class _Members:
    """The processes of one training and their pipes."""

    def __init__(self, job: Job, count: int, meeting: Path, shard: bool) -> None:
        spawning = multiprocessing.get_context("spawn")  # a fork would inherit torch's threads
        self._stop = spawning.Event()
        self._wires: list[connection.Connection] = []
        self._processes: list[Any] = []
        for rank in range(count):
            mine, theirs = spawning.Pipe(duplex=False)
            arguments = (job, rank, count, meeting, shard, theirs, self._stop)
            process = spawning.Process(target=_member, args=arguments, daemon=True)
            process.start()
            theirs.close()
            self._wires.append(mine)
            self._processes.append(process)

    def watch(self, on_point: Callable[[Point], None], should_stop: Callable[[], bool]) -> Checked:
        """Until the main one is done. The first error that is not a lost connection is the cause and is raised."""
        done: Checked | None = None
        failures: list[Failure] = []
        open_wires = list(self._wires)
        while open_wires:
            if not self._stop.is_set() and should_stop():
                self._stop.set()
            for wire in connection.wait(open_wires, timeout=LOOKS_S):
                assert isinstance(wire, connection.Connection)
                try:
                    said = wire.recv()
                except EOFError:
                    open_wires.remove(wire)
                    continue
                if isinstance(said, Point):
                    on_point(said)
                elif isinstance(said, Failure):
                    failures.append(said)
                else:
                    done = said
        causes = [each for each in failures if each.kind != "Unavailable"] or failures
        if causes:
            raise causes[0].error()
        if done is None or any(self._exit_codes()):
            raise lost_process()
        return done

    def end(self) -> None:
        """None stays behind, whatever happened."""
        for process in self._processes:
            if process.is_alive():
                process.terminate()
        self._exit_codes()
        for wire in self._wires:
            wire.close()

    def _exit_codes(self) -> list[int | None]:
        for process in self._processes:
            process.join(timeout=10)
            if process.is_alive():
                process.kill()
                process.join()
        return [process.exitcode for process in self._processes]


def _member(
    job: Job, rank: int, world: int, meeting: Path, shard: bool, wire: connection.Connection, stop: Any
) -> None:
    """One process. It ends with its parent: a killed parent leaves nobody training."""
    Thread(target=_end_with_parent, daemon=True).start()
    try:
        with joined(rank, world, meeting, shard=shard) as parallel:
            checked = job.run(wire.send, stop.is_set, parallel)
        if rank == 0:
            wire.send(checked)
    except XinyanError as error:
        wire.send(Failure.of(error))
    finally:
        wire.close()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        connection.wait([parent.sentinel])
        os._exit(1)
