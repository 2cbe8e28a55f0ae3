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

from sandbox.card import file_sha256

KEPT = 2
WEIGHTS, MOMENTS, MANIFEST = "weights.safetensors", "moments.safetensors", "manifest.json"


def save_checkpoint(
    work: Path, step: int, fingerprint: str, weights: Mapping[str, Tensor], optimizer: torch.optim.Optimizer
) -> None:
    """Temporary folder, fsync, rename; then all but the newest two go."""
    partial = work / f"partial-{os.getpid()}"
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    save_file({name: weight.detach().contiguous() for name, weight in weights.items()}, partial / WEIGHTS)
    moments: dict[str, Tensor] = {}
    for name, weight in weights.items():
        for key, value in optimizer.state[weight].items():
            moments[f"{key}:{name}"] = value.detach().contiguous()
    save_file(moments, partial / MOMENTS)
    files = {name: file_sha256(partial / name) for name in (WEIGHTS, MOMENTS)}
    manifest = {"step": step, "fingerprint": fingerprint, "files": files}
    (partial / MANIFEST).write_text(json.dumps(manifest), encoding="utf-8")
    for name in (WEIGHTS, MOMENTS, MANIFEST):
        _sync(partial / name)
    target = work / f"step-{step:06d}"
    shutil.rmtree(target, ignore_errors=True)
    partial.rename(target)
    _sync(work)
    for old in sorted(work.glob("step-*"))[:-KEPT]:
        shutil.rmtree(old, ignore_errors=True)


def load_newest(work: Path, fingerprint: str, weights: Mapping[str, Tensor], optimizer: torch.optim.Optimizer) -> int:
    """Put weights and optimizer back from the newest whole checkpoint of this very training; its step, 0 for none."""
    for folder in sorted(work.glob("step-*"), reverse=True):
        if (manifest := _read(folder)) is None or manifest["fingerprint"] != fingerprint:
            continue
        saved, moments = load_file(folder / WEIGHTS), load_file(folder / MOMENTS)
        with torch.no_grad():
            for name, weight in weights.items():
                weight.copy_(saved[name])
                state = {key.split(":", 1)[0]: value for key, value in moments.items() if key.split(":", 1)[1] == name}
                optimizer.state[weight] = {k: v if k == "step" else v.to(weight.device) for k, v in state.items()}
        return int(manifest["step"])
    return 0


def _read(folder: Path) -> Mapping[str, Any] | None:
    """The manifest when every file is what it says; None for a checkpoint that a kill or a full disk broke."""
    try:
        manifest: dict[str, Any] = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        whole = all(file_sha256(folder / name) == digest for name, digest in manifest["files"].items())
        return manifest if whole and {WEIGHTS, MOMENTS} <= manifest["files"].keys() else None
    except (OSError, ValueError, KeyError, SafetensorError):
        return None


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
