"""Adapters as the registry meets them: real signed folders with a few bytes for weights, measured and tested."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, insert, select

from governance.ledger import append
from governance.signing import open_signing_key
from sandbox.card import CONFIG, WEIGHTS, keep_adapter
from sandbox.registry import approve, register
from sandbox.tables import adapters, datasets, memorisations, releases

NOW = datetime(2026, 11, 22, tzinfo=UTC)
BASE, DATASET, TEMPLATE = "b" * 64, "d" * 64, "{{ messages }}"


def add_adapter(
    tx: Connection,
    home: Path,
    label: str,
    *,
    trainer: str = "trainer",
    stage: str = "",
    passed: bool | None = True,
    memory: bool | None = True,
    trained: Path | None = None,
    base: str = BASE,
    template: str = TEMPLATE,
) -> str:
    """
    A candidate; `passed` and `memory` are what the gate and the memory test said, None: nothing yet. `trained`: the
    folder of real weights for this `base`.
    """
    draft = trained or home / "drafts" / label
    if trained is None:
        draft.mkdir(parents=True)
        (draft / CONFIG).write_text(json.dumps({"base_model_name_or_path": "x"}), encoding="utf-8")
        (draft / WEIGHTS).write_bytes(label.encode())
    detail = {"dataset": DATASET, "trainer": trainer, "stage": stage}
    key = open_signing_key(home / "keys")
    name = keep_adapter(draft, home / "adapters", base_hash=base, template=template, detail=detail, key=key)
    if not tx.scalar(select(datasets.c.hash)):
        counts = {"train": 1, "heldout": 1, "quarantined": 0}
        tx.execute(insert(datasets).values(hash=DATASET, inputs="i" * 64, created_at=NOW, **counts))
    row = {"hash": name, "key": name[::-1], "dataset": DATASET, "base": base, "recipe": {}, "stage": stage}
    folder = str(home / "adapters" / name)
    tx.execute(insert(adapters).values(**row, folder=folder, seconds=1.0, created_at=NOW))
    append(tx, actor=trainer, event="adapter_trained", subject=name, detail={}, now=NOW)
    register(tx, name, by=trainer, now=NOW)
    if passed is not None:
        said = {"figures": {}, "failed": [] if passed else ["value_copy 0.500 (>= 0.950)"]}
        tx.execute(insert(releases).values(adapter=name, passed=passed, by=trainer, at=NOW, **said))
    if memory is not None:
        tx.execute(insert(memorisations).values(key=name[::-1], body={}, passed=memory, at=NOW))
    return name


def add_approved(tx: Connection, home: Path, label: str, *, stage: str = "", **more: Any) -> str:
    """Approved by two people; `more` as of add_adapter."""
    name = add_adapter(tx, home, label, stage=stage, **more)
    for by in ("cora", "carl"):
        approve(tx, name, by=by, reason="reads well", now=NOW, needed=2)
    return name
