"""Checkpoints of a training: safetensors and JSON, written whole or not at all, each file with its checksum."""

import json
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from governance.errors import Unavailable
from sandbox.card import file_sha256

KEPT = 2
WEIGHTS, MOMENTS, MANIFEST = "weights.safetensors", "moments.safetensors", "manifest.json"


def save_checkpoint(
    work: Path, step: int, fingerprint: str, weights: Mapping[str, Tensor], optimizer: torch.optim.Optimizer
) -> None:
    """
    Temporary folder, fsync, rename; then all but the newest two go. Raises Unavailable when it cannot be written.

    A kill at any moment leaves the older ones whole, and of this one all or nothing that counts.
    """
    partial = work / f"partial-{os.getpid()}"
    try:
        for stale in work.glob("partial-*"):
            shutil.rmtree(stale, ignore_errors=True)  # left by a killed process
        partial.mkdir(parents=True)
        _write(partial, step, fingerprint, weights, optimizer)
        target = work / f"step-{step:06d}"
        shutil.rmtree(target, ignore_errors=True)  # a broken one that was passed over
        partial.rename(target)
        _sync(work)
    except (OSError, SafetensorError) as failed:
        shutil.rmtree(partial, ignore_errors=True)
        raise _not_written(work, failed) from failed
    for old in sorted(work.glob("step-*"))[:-KEPT]:
        shutil.rmtree(old, ignore_errors=True)


def load_newest(work: Path, fingerprint: str, weights: Mapping[str, Tensor], optimizer: torch.optim.Optimizer) -> int:
    """Put weights and optimizer back from the newest whole checkpoint of this very training; its step, 0 for none."""
    for folder in sorted(work.glob("step-*"), reverse=True):
        if (manifest := _read(folder)) is None or manifest["fingerprint"] != fingerprint:
            continue
        saved, moments = load_file(folder / WEIGHTS), load_file(folder / MOMENTS)
        state: dict[str, dict[str, Tensor]] = {}
        for key, value in moments.items():
            kind, name = key.split(":", 1)
            state.setdefault(name, {})[kind] = value
        with torch.no_grad():
            for name, weight in weights.items():
                weight.copy_(saved[name])
                if name in state:
                    put = {k: v if k == "step" else v.to(weight.device) for k, v in state[name].items()}
                    optimizer.state[weight] = put
        return int(manifest["step"])
    return 0


def _write(
    partial: Path, step: int, fingerprint: str, weights: Mapping[str, Tensor], optimizer: torch.optim.Optimizer
) -> None:
    save_file({name: weight.detach().contiguous() for name, weight in weights.items()}, partial / WEIGHTS)
    moments: dict[str, Tensor] = {}
    for name, weight in weights.items():
        if weight in optimizer.state:  # not the best weights of early stopping
            for key, value in optimizer.state[weight].items():
                moments[f"{key}:{name}"] = value.detach().contiguous()
    save_file(moments, partial / MOMENTS)
    files = {name: file_sha256(partial / name) for name in (WEIGHTS, MOMENTS)}
    manifest = {"step": step, "fingerprint": fingerprint, "files": files}
    (partial / MANIFEST).write_text(json.dumps(manifest), encoding="utf-8")
    for name in (WEIGHTS, MOMENTS, MANIFEST):
        _sync(partial / name)


def _read(folder: Path) -> Mapping[str, Any] | None:
    """The manifest when every file is what it says; None for a checkpoint that a kill or a full disk broke."""
    try:
        manifest: dict[str, Any] = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        files = manifest["files"]
        whole = all(file_sha256(folder / name) == files[name] for name in (WEIGHTS, MOMENTS))
        return manifest if whole and isinstance(manifest["step"], int) and manifest["fingerprint"] else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _not_written(work: Path, failed: Exception) -> Unavailable:
    free = shutil.disk_usage(work).free // 2**20 if work.exists() else 0
    what = {
        "zh": f"保存训练进度的磁盘空间（剩余 {free} MB；{failed}）",
        "en": f"Disk space for the training's progress ({free} MB left; {failed})",
    }
    remedy = {
        "zh": "清理磁盘后继续训练，会从上一个检查点接着进行",
        "en": "free some and resume the training, it goes on from the checkpoint before",
    }
    return Unavailable(what=what, remedy=remedy)


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
