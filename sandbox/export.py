"""A data set as files that other tools read: canonical JSON Lines, with a manifest that names and proves them."""

import hashlib
import json
import os
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Engine

from governance.db import reading
from governance.errors import Conflict, NotFound
from governance.ledger import append
from governance.vault import Vault
from sandbox.dataset import Dataset, corrupt, find_dataset, name_of
from sandbox.samples import Preference, canonical, parse

PARTS = ("train", "heldout", "preferences")


def export_jsonl(db: Engine, vault: Vault, dataset_hash: str, folder: Path, *, by: str, now: datetime) -> Path:
    """
    `train.jsonl`, `heldout.jsonl`, `preferences.jsonl` (left out when there are none) and `manifest.json` in `folder`.

    Every line holds what is hashed and nothing else, so that the name can be computed from the files: `verify_export`.
    Raises NotFound for an unknown data set, Conflict for a folder that holds another export or other files.
    """
    with reading(db) as tx:
        dataset = find_dataset(tx, vault, hash=dataset_hash)
    if dataset is None:
        raise NotFound(kind={"zh": "训练集", "en": "data set"}, name=dataset_hash[:64])
    folder.mkdir(parents=True, exist_ok=True)
    if any(path.name not in {*(f"{part}.jsonl" for part in PARTS), "manifest.json"} for path in folder.iterdir()):
        raise Conflict(reason={"zh": f"文件夹 {folder.name} 不是空的", "en": f"the folder {folder.name} is not empty"})
    lines = {
        "train": [canonical(sample) for sample in dataset.train],
        "heldout": [canonical(sample) for sample in dataset.heldout],
        "preferences": [_preference_line(each) for each in dataset.preferences],
    }
    files = {f"{part}.jsonl": _write(folder / f"{part}.jsonl", lines[part]) for part in PARTS if lines[part]}
    for part in PARTS:
        if not lines[part]:
            (folder / f"{part}.jsonl").unlink(missing_ok=True)
    text = json.dumps(_manifest(dataset, files, now), ensure_ascii=False, indent=2, sort_keys=True)
    _write(folder / "manifest.json", [text])
    with db.begin() as tx:
        counts = {part: len(lines[part]) for part in PARTS}
        append(tx, actor=by, event="dataset_exported", subject=dataset.hash, detail=counts, now=now)
    return folder


def verify_export(folder: Path) -> str:
    """The name of the data set, computed from the files' lines. Raises Corrupt when it is not the manifest's."""
    try:
        manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
        stored = {part: _read(folder / f"{part}.jsonl") for part in PARTS}
        train, heldout = ([parse(line) for line in stored[part]] for part in ("train", "heldout"))
        preferred = [json.loads(line) for line in stored["preferences"]]
        preferences = [Preference(parse(json.dumps(row["sample"])), row["rejected"]) for row in preferred]
    except (OSError, ValueError, TypeError, KeyError) as broken:
        raise corrupt(f"导出的文件不可读（{type(broken).__name__}）", f"the export is unreadable: {broken}") from broken
    name = name_of(train, heldout, preferences)
    if name != manifest["dataset"]:
        raise corrupt("导出的文件与其名称不符", "the exported files do not have the name in their manifest")
    return name


def _manifest(dataset: Dataset, files: dict[str, str], now: datetime) -> dict[str, Any]:
    return {
        "dataset": dataset.hash,
        "exported_at": now.isoformat(),
        "files": files,
        "samples": {"train": len(dataset.train), "heldout": len(dataset.heldout)},
        "preferences": len(dataset.preferences),
        "name": "sha256 over the Merkle roots of the sha256 of the lines of train, heldout and, if any, preferences",
    }


def _preference_line(each: Preference) -> str:
    """With the columns that preference training asks for; `sample` is what is hashed."""
    row = {
        "prompt": each.chosen.prompt,
        "chosen": each.chosen.answer,
        "rejected": each.rejected,
        "sample": json.loads(canonical(each.chosen)),
    }
    return json.dumps(row, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def _write(path: Path, lines: Iterable[str]) -> str:
    """Written whole or not at all; returns the SHA-256 of the file."""
    content = "".join(f"{line}\n" for line in lines).encode()
    partial = path.with_suffix(path.suffix + ".part")
    with partial.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)
    return hashlib.sha256(content).hexdigest()


def _read(path: Path) -> list[str]:
    text = path.read_bytes().decode() if path.exists() else ""  # split at \n alone: U+2028 may stand inside a line
    return text.split("\n")[:-1]
