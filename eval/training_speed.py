"""The race of two training loops: runs in turn, ratios of medians with a bootstrap interval, void without proof."""

import json
import math
import random
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Any

DRAWS = 2000  # of the bootstrap
IGNORED = -100  # the label of a position that teaches nothing
Encoded = tuple[Sequence[int], Sequence[int]]  # ids, labels


@dataclass(frozen=True, slots=True)
class Job:
    """What both loops get: the same model, rows, adapter, optimizer, rate, and number of passes over the rows."""

    base: str = ""  # folder of the model
    rows: str = ""  # JSON file of [ids, labels] for each row
    adapter: str = ""  # folder to write, in peft's format
    rank: int = 16
    alpha: int = 32
    learning_rate: float = 2e-4
    warmup: int = 3
    rows_per_step: int = 8
    passes: int = 2
    seed: int = 0
    order: tuple[int, ...] = ()  # rows as our steps see them, all passes one after the other

    def rate(self, step: int, steps: int) -> float:
        """Of step 1 to `steps`: warm-up, then linear decay to a tenth."""
        return self.learning_rate * min(1.0, step / self.warmup) * max(0.1, 1 - 0.9 * (step - 1) / steps)


@dataclass(frozen=True, slots=True)
class Run:
    """One race of one loop, its own process. Imports, the model's loading and the rows' encoding are not timed."""

    name: str
    cpu_s: float
    wall_s: float
    peak_mib: float  # resident, of the whole process
    before_mib: float  # resident before the first step
    tokens: int  # without padding
    supervised: int
    losses: tuple[float, ...]
    gradients: tuple[float, ...]
    heldout: float = math.nan

    @property
    def speed(self) -> float:
        """Real tokens per CPU-second."""
        return self.tokens / self.cpu_s


def read_job(path: Path) -> Job:
    return Job(**json.loads(path.read_text(encoding="utf-8")))


def read_rows(path: str) -> list[Encoded]:
    """Token ids and labels of every row."""
    return [(ids, labels) for ids, labels in json.loads(Path(path).read_text(encoding="utf-8"))]


def write_run(path: Path, run: Run) -> None:
    path.write_text(json.dumps(asdict(run)), encoding="utf-8")


def read_run(path: Path) -> Run:
    content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    series: dict[str, Any] = {name: tuple(content[name]) for name in ("losses", "gradients")}
    return Run(**content | series)


def resident_mib(field: str = "VmRSS") -> float:
    """Of this process; `VmHWM` is its peak. getrusage would count the parent's memory before exec as well."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith(f"{field}:"))


def timed(work: Callable[[], object]) -> tuple[float, float]:
    """CPU-seconds of this process with all its threads, and wall seconds."""
    cpu, wall = time.process_time(), time.perf_counter()
    work()
    return time.process_time() - cpu, time.perf_counter() - wall


def in_turn(names: Sequence[str], rounds: int) -> list[str]:
    """A-B-A-B, so that what else the machine does hits both alike; every other round starts with the other."""
    return [name for turn in range(rounds) for name in (names if turn % 2 == 0 else tuple(reversed(names)))]


def void(run: Run) -> str | None:
    """Why the figures of a run count for nothing, in one phrase; None when they count."""
    if not run.gradients or not run.losses:
        return "no step was made"
    if not all(math.isfinite(value) for value in (*run.gradients, *run.losses, run.heldout)):
        return "a loss or a gradient norm is no number"
    if min(run.gradients) <= 0:
        return "a gradient norm is zero"
    third = max(1, len(run.losses) // 3)
    if len(run.losses) > 1 and sum(run.losses[-third:]) >= sum(run.losses[:third]):
        return "the loss did not fall"
    return None


def ratio(ours: Sequence[float], peers: Sequence[float], *, seed: int = 0) -> tuple[float, float, float]:
    """Median over median, with the 95 % interval of a bootstrap over the runs."""
    draw = random.Random(seed)
    drawn = sorted(
        median(draw.choices(ours, k=len(ours))) / median(draw.choices(peers, k=len(peers))) for _ in range(DRAWS)
    )
    return median(ours) / median(peers), drawn[int(0.025 * DRAWS)], drawn[int(0.975 * DRAWS)]


def figures(ours: Sequence[Run], peers: Mapping[str, Sequence[Run]], same: str) -> dict[str, Any]:
    """
    One race, each figure the hardest on us: speed against the fastest of the peer's ways, memory against its leanest.

    The held-out losses are compared with the way `same`, in which the peer saw the very rows of each of our steps.
    `void` names what makes all of it worthless; then there are no ratios.
    """
    everyone = [*ours, *(run for runs in peers.values() for run in runs)]
    reasons = [f"{run.name}: {reason}" for run in everyone if (reason := void(run))]
    if len({(run.tokens, run.supervised) for run in everyone}) > 1:
        reasons.append("unequal tokens")
    found: dict[str, Any] = {"void": "; ".join(reasons)}
    if not reasons:
        fastest = max(peers, key=lambda name: median(run.speed for run in peers[name]))
        leanest = min(median(run.peak_mib for run in runs) for runs in peers.values())
        speed, low, high = ratio([run.speed for run in ours], [run.speed for run in peers[fastest]])
        found |= {
            "tokens_per_cpu_s_ratio": round(speed, 2),
            "tokens_per_cpu_s_ratio_95": [round(low, 2), round(high, 2)],
        }
        found |= {
            "peak_memory_ratio": round(median(run.peak_mib for run in ours) / leanest, 3),
            "fastest_peer": fastest,
        }
        found["heldout_loss_ours"] = round(median(run.heldout for run in ours), 4)
        found["heldout_loss_peer"] = round(median(run.heldout for run in peers[same]), 4)
    return found | {name: summary(runs) for name, runs in {"ours": ours, **peers}.items()}


def summary(runs: Sequence[Run]) -> dict[str, Any]:
    """Of one loop: medians over its runs; losses and gradient norms of the first, for they are the same every time."""
    first = runs[0]
    return {
        "heldout_loss": round(median(run.heldout for run in runs), 4),
        "tokens_per_cpu_s": round(median(run.speed for run in runs), 1),
        "supervised_per_cpu_s": round(median(run.supervised / run.cpu_s for run in runs), 1),
        "peak_mib": round(median(run.peak_mib for run in runs)),
        "before_mib": round(median(run.before_mib for run in runs)),
        "wall_s": round(median(run.wall_s for run in runs), 1),
        "tokens": first.tokens,
        "supervised": first.supervised,
        "steps": len(first.losses),
        "losses": [round(first.losses[0], 3), round(first.losses[-1], 3)] if first.losses else [],
        "gradients": [round(min(first.gradients), 3), round(max(first.gradients), 3)] if first.gradients else [],
        "runs": len(runs),
    }
