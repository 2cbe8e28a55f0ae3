"""What the computer offers a training: cores, memory that may still be used, GPUs, free disk."""

import json
import math
import os
import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

MIB = 2**20
CGROUPS = Path("/sys/fs/cgroup")
LAYER = re.compile(r"\.layers\.(\d+)\.")


@dataclass(frozen=True, slots=True)
class Machine:
    """`memory_mib` is what is available now; `bf16`: whether it computes in bfloat16."""

    cores: int
    memory_mib: int
    gpu_memory_mib: tuple[int, ...]
    bf16: bool


def this_machine() -> Machine:
    """As it is now. Importing torch takes seconds the first time."""
    import torch

    from sandbox.engine import fast_dtype

    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    gpus = tuple(torch.cuda.mem_get_info(number)[0] // MIB for number in range(count))
    return Machine(len(os.sched_getaffinity(0)), available_mib(), gpus, fast_dtype() == torch.bfloat16)


def available_mib(
    meminfo: Path = Path("/proc/meminfo"), cgroups: Path = CGROUPS, own: Path = Path("/proc/self/cgroup")
) -> int:
    """The least of what the system has left and what the container's limits leave."""
    left = [_meminfo(meminfo)]
    for limit, used in _limits(cgroups, own):
        left.append((limit - used) // MIB)
    return max(0, min(left))


def _meminfo(path: Path) -> int:
    """MemAvailable; systems without it answer with all their memory."""
    try:
        for line in path.read_text(encoding="utf-8").splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) // 1024
    except OSError:
        pass
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // MIB


def _limits(cgroups: Path, own: Path) -> list[tuple[int, int]]:
    """(limit, used) in bytes of every group this process is in, both versions of cgroups; page cache is not "used"."""
    try:
        lines = own.read_text(encoding="utf-8").splitlines()
    except OSError:
        return []
    found: list[tuple[int, int]] = []
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if controllers == "":
            root, names, cache = cgroups, ("memory.max", "memory.current"), "inactive_file"
        elif "memory" in controllers.split(","):
            root, cache = cgroups / "memory", "total_inactive_file"
            names = ("memory.limit_in_bytes", "memory.usage_in_bytes")
        else:
            continue
        folder = root / path.lstrip("/")
        for group in (folder, *folder.parents):
            if (pair := _pair(group, names, cache)) is not None:
                found.append(pair)
            if group == root:
                break
    return found


def _pair(group: Path, names: tuple[str, str], cache: str) -> tuple[int, int] | None:
    try:
        limit, used = ((group / name).read_text(encoding="utf-8").strip() for name in names)
        stat = dict(line.split() for line in (group / "memory.stat").read_text(encoding="utf-8").splitlines())
    except (OSError, ValueError):
        return None
    if limit == "max" or int(limit) >= 2**60:  # version 1 writes "no limit" as a very large number
        return None
    return int(limit), max(0, int(used) - int(stat.get(cache, 0)))


def parameters_of(folder: Path) -> int:
    """Number of weights of a base model, from the headers of its safetensors files: nothing is loaded."""
    return sum(math.prod(shape) for _, shape in _shapes(folder))


def _shapes(folder: Path) -> Iterator[tuple[str, list[int]]]:
    for path in sorted(folder.glob("*.safetensors")):
        with path.open("rb") as file:
            (length,) = struct.unpack("<Q", file.read(8))
            header = json.loads(file.read(min(length, 100 * MIB)))
        for name, entry in header.items():
            if name != "__metadata__":
                yield name, [int(side) for side in entry["shape"]]


def weights_mib(folder: Path) -> float:
    """Size of a base model's weights on disk."""
    return sum(path.stat().st_size for path in folder.glob("*.safetensors")) / MIB


def adapter_parameters(folder: Path, rank: int) -> int:
    """Of an adapter on every linear layer of the upper two thirds; from the headers of the base's weights."""
    sides: list[tuple[int, int]] = []
    for name, shape in _shapes(folder):
        if (place := LAYER.search(name)) and len(shape) == 2:
            sides.append((int(place.group(1)), sum(shape)))
    layers = max((layer for layer, _ in sides), default=-1) + 1
    return rank * sum(total for layer, total in sides if layer >= layers // 3)


def training_disk_mib(folder: Path, rank: int, *, keeps_best: bool) -> float:
    """Three checkpoints (two kept, one being written) of weights and moments, the best ones, the adapter twice."""
    copies = 3 * 3 + (3 if keeps_best else 0) + 2
    return 4 * adapter_parameters(folder, rank) * copies / MIB + 16
