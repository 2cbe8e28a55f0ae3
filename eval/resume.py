"""What kill -9 costs a training: it is killed at random moments, begun again, and its end compared with an unbroken."""

import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

PATIENCE_S = 300.0  # a training that says nothing for this long hangs


@dataclass(frozen=True, slots=True)
class Attempt:
    """A process that trains in a folder, or goes on there. It sends each step's number, at last the result's hash."""

    process: Any
    wire: Connection

    def end(self) -> None:
        """Nothing of it stays."""
        self.process.kill()
        self.process.join()
        self.wire.close()


Start = Callable[[Path], Attempt]


@dataclass(frozen=True, slots=True)
class Kill:
    """When to kill an attempt: after so many seconds, or as soon as it has reported so many steps."""

    after_s: float = PATIENCE_S
    after_steps: int | None = None


@dataclass(frozen=True, slots=True)
class Seen:
    """What an attempt said until it ended. `digest` is the result's hash; `killed`: by us."""

    steps: tuple[int, ...]
    digest: str | None
    killed: bool
    seconds: float


@dataclass(frozen=True, slots=True)
class Trial:
    """`recovered` kills after which the training went on; `lost_steps`: repeated after a kill, the most of any."""

    kills: int
    recovered: int
    runs: int
    identical: int
    lost_steps: int
    broken: int

    @property
    def metrics(self) -> dict[str, float | None]:
        """Shares of kills and of finished runs; None where none finished."""
        return {
            "kills": self.kills,
            "recovered": round(self.recovered / self.kills, 4) if self.kills else 0.0,
            "bit_identical": round(self.identical / self.runs, 4) if self.runs else None,
            "lost_steps": self.lost_steps,
            "runs": self.runs,
        }


def watch(attempt: Attempt, kill: Kill | None) -> Seen:
    """Until it ends, or kill it with SIGKILL."""
    started = time.monotonic()
    steps: list[int] = []
    digest: str | None = None
    due = killed = False
    try:
        while True:
            left = PATIENCE_S if kill is None or due else kill.after_s - (time.monotonic() - started)
            enough = kill is not None and kill.after_steps is not None and len(steps) >= kill.after_steps
            if not due and (enough or not attempt.wire.poll(max(0.0, left))):
                due, killed = True, kill is not None  # without one it hangs, and has failed
                attempt.process.kill()
                attempt.process.join()
            said = attempt.wire.recv()
            if isinstance(said, int):
                steps.append(said)
            else:
                digest = str(said)
    except EOFError:
        pass
    finally:
        attempt.end()
    return Seen(tuple(steps), digest, killed and digest is None, time.monotonic() - started)


def measure(
    start: Start,
    unbroken: Seen,
    folder: Path,
    *,
    kills: int,
    seed: int = 0,
    when: Callable[[random.Random], Kill] | None = None,
) -> Trial:
    """
    Kill `kills` times at random moments, in as many runs as that takes, each run to its end. `when` draws a moment.

    An attempt that breaks off by itself has not recovered from the kill before; its run is given up.
    """
    draw = random.Random(seed)
    done = runs = identical = lost = broken = 0
    # half the training at most, so that a run is hit several times; long enough that each attempt may get somewhere
    most = max(unbroken.seconds * 0.5, 0.5)
    while True:
        work = folder / f"run-{runs + broken}"
        last = 0
        while True:
            kill = (when(draw) if when else Kill(draw.uniform(0.0, most))) if done < kills else None
            seen = watch(start(work), kill)
            if seen.steps:
                lost = max(lost, last - (seen.steps[0] - 1)) if last else lost
                last = seen.steps[-1]
            if seen.killed:
                done += 1
                continue
            break
        whole = seen.digest is not None
        runs, broken = runs + whole, broken + (not whole)
        identical += whole and seen.digest == unbroken.digest
        if done >= kills or broken > kills:
            return Trial(kills, max(0, done - broken), runs, identical, lost, broken)
