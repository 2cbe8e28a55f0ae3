"""Suite `lineage`: both directions over a data set of a million samples, in SQLite on this machine's disk."""

import random
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from sqlalchemy import Connection, insert

from eval.jsonl import BadData
from eval.retrieval import percentile
from governance.db import migrate, open_engine, reading
from governance.settings import Settings
from governance.tables import passports
from sandbox.lineage import adapters_of, count_origins, origins_of, places_of, uses_of
from sandbox.tables import adapters, dataset_passports, dataset_samples, datasets, sample_passports

SAMPLES, RECORDS, ADAPTERS = 1_000_000, 50_000, 12
HOT = 0.2  # share of the samples that one record, the profile of all customers, is behind
CHUNK, ASKED = 20_000, 200
NOW = datetime(2026, 1, 1, tzinfo=UTC)


def run(data: Path | None, settings: Settings) -> dict[str, Any]:
    """Metrics: p95 in milliseconds of each question, `samples`, and the seconds that filling the tables took."""
    if data is not None:
        raise BadData("lineage 不接受 --data，规模是固定的", "lineage takes no --data, its size is fixed")
    with TemporaryDirectory() as folder:
        url = f"sqlite:///{folder}/lineage.db"
        migrate(url)
        db, draw = open_engine(url), random.Random(0)
        started = time.perf_counter()
        with db.begin() as tx:
            _fill(tx, draw)
        filled = time.perf_counter() - started
        with reading(db) as tx:
            metrics = _measure(tx, draw)
        db.dispose()
    return {"samples": SAMPLES, "records": RECORDS, **metrics, "fill_s": round(filled, 1)}


def _measure(tx: Connection, draw: random.Random) -> dict[str, float]:
    records = [0, *draw.sample(range(1, RECORDS), ASKED)]  # the hot one among them
    names = [_hash("a", draw.randrange(ADAPTERS)) for _ in range(ASKED)]
    held = _hash("d", 0)
    questions: dict[str, Sequence[Callable[[], object]]] = {
        "adapters_of_record": [
            lambda r=r: (uses_of(tx, _hash("p", r)), adapters_of(tx, _hash("p", r))) for r in records
        ],
        "records_of_adapter": [
            lambda name=name: (count_origins(tx, name), origins_of(tx, name, after=_hash("p", draw.randrange(RECORDS))))
            for name in names
        ],
        "samples_of_record": [lambda r=r: places_of(tx, _hash("p", r), held) for r in records],
    }
    return {f"{name}_p95_ms": round(percentile(_milliseconds(calls), 95), 2) for name, calls in questions.items()} | {
        f"{name}_max_ms": round(max(_milliseconds(calls)), 2) for name, calls in questions.items()
    }


def _milliseconds(calls: Sequence[Callable[[], object]]) -> list[float]:
    taken: list[float] = []
    for call in calls:
        started = time.perf_counter()
        call()
        taken.append((time.perf_counter() - started) * 1000)
    return taken


def _fill(tx: Connection, draw: random.Random) -> None:
    """One data set of all samples, adapters on it, and for each sample one or two records."""
    held = _hash("d", 0)
    counts = {"train": SAMPLES, "heldout": 0, "quarantined": 0}
    tx.execute(insert(datasets), [{"hash": held, "inputs": held, "created_at": NOW, **counts}])
    same = {"dataset": held, "base": _hash("b", 0), "recipe": {}, "folder": "", "seconds": 0.0, "created_at": NOW}
    tx.execute(insert(adapters), [{"hash": _hash("a", n), "key": _hash("k", n), **same} for n in range(ADAPTERS)])
    for rows in _chunks(range(RECORDS)):
        issued = {"kind": "record", "sha256": "", "collected_at": NOW, "channel": "", "purposes": "[]", "version": 1}
        tx.execute(insert(passports), [{"id": _hash("p", n), "origin": f"records.csv#{n}", **issued} for n in rows])
    uses: dict[int, int] = {}
    for rows in _chunks(range(SAMPLES)):
        behind = {n: {draw.randrange(1, RECORDS)} | ({0} if draw.random() < HOT else set()) for n in rows}
        for each in behind.values():
            for record in each:
                uses[record] = uses.get(record, 0) + 1
        said = {"part": "train", "reason_zh": "", "reason_en": "", "sealed": b"x" * 300, "dataset": held}
        tx.execute(
            insert(dataset_samples),
            [
                {"position": n, "sample": _hash("s", n), "unit": f"u{n % 500}", "passports": sorted(behind[n]), **said}
                for n in rows
            ],
        )
        links = [
            {"passport": _hash("p", record), "dataset": held, "position": n}
            for n in rows
            for record in sorted(behind[n])
        ]
        tx.execute(insert(sample_passports), links)
    totals = [{"dataset": held, "passport": _hash("p", n), "samples": c, "trained": c} for n, c in uses.items()]
    for start in range(0, len(totals), CHUNK):
        tx.execute(insert(dataset_passports), totals[start : start + CHUNK])


def _chunks(numbers: range) -> Iterator[range]:
    for start in range(0, len(numbers), CHUNK):
        yield numbers[start : start + CHUNK]


def _hash(kind: str, number: int) -> str:
    """A name of 64 characters that spreads over the index as a hash does."""
    return f"{number * 2654435761 % 2**32:08x}{kind}{number:055x}"
