"""Suite `import`: a large export is read, is killed half-way and goes on, and is read again with one row changed."""

import csv
import multiprocessing
import os
import resource
import shutil
import signal
import sqlite3
import sys
import tempfile
import time
from datetime import UTC, datetime
from multiprocessing.queues import SimpleQueue
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, func, select

import governance.tables
import rag.tables
from eval.imports import change_first_row, ids_of, write_company, write_profile
from eval.jsonl import BadData
from governance.db import metadata, open_engine, reading
from governance.settings import Settings
from governance.vault import open_vault
from rag.company import load_company
from rag.pipeline import ingest

_TABLES = (governance.tables, rag.tables)  # imported so that the metadata is whole
CUSTOMERS, PURCHASES, SEED = 1_000, 100_000, 20261122
NOW = datetime(2026, 11, 22, tzinfo=UTC)
WAIT_S = 0.02

Result = dict[str, float]


def run(data: Path | None, settings: Settings) -> dict[str, Any]:
    """Every import is a process of its own, so that its memory is its own."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        _prepare(folder, data)
        rows = ids_of(folder / "records" / "purchases.csv")
        bare_s = _bare(folder)
        whole = _import(folder, "whole")
        part = _killed(folder, "killed", len(rows) // 2)
        rest = _import(folder, "killed")
        change_first_row(folder / "records" / "purchases.csv")
        again = _import(folder, "whole")
        facts, distinct = _bought(folder, "killed")
        return {
            "rows": len(rows),
            "rows_per_s": round(whole["rows"] / whole["seconds"]),
            "bare_rows_per_s": round(len(rows) / bare_s),
            "times_bare": round(whole["seconds"] / bare_s, 1),
            "killed_at_row": part,
            "resumed_rows": int(len(rows) - rest["rows"]),
            "missing_rows": len(set(rows)) - distinct,
            "duplicates": facts - distinct,
            "changed_rows": int(again["facts"]),
            "changed_rows_per_s": round(again["rows"] / again["seconds"]),
            "peak_rss_mib": round(max(whole["rss_mib"], rest["rss_mib"], again["rss_mib"])),
        }


def _prepare(folder: Path, data: Path | None) -> None:
    if data is None:
        write_company(folder, customers=CUSTOMERS, purchases=PURCHASES, seed=SEED)
        return
    write_profile(folder)
    for name in ("customers.csv", "purchases.csv"):
        if not (data / name).is_file():
            raise BadData(f"缺少文件 {name}", f"the file {name} is missing")
        shutil.copy(data / name, folder / "records" / name)


def _work(folder: str, name: str, results: "SimpleQueue[Result]") -> None:
    db, vault = _database(Path(folder), name), open_vault(Path(folder) / f"keys-{name}")
    company = load_company(Path(folder))
    start = time.perf_counter()
    report = ingest(db, vault, company, now=NOW)
    seconds = time.perf_counter() - start
    for problem in report.problems[:5]:
        sys.stderr.write(problem.error.say("zh") + "\n")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10)
    results.put({"rows": report.rows, "facts": report.facts, "seconds": seconds, "rss_mib": peak})


def _import(folder: Path, name: str) -> Result:
    context = multiprocessing.get_context("spawn")
    results: SimpleQueue[Result] = context.SimpleQueue()
    process = context.Process(target=_work, args=(str(folder), name, results))
    process.start()
    process.join()
    if results.empty():
        raise BadData("导入进程意外结束", "the importing process ended unexpectedly")
    return results.get()


def _killed(folder: Path, name: str, rows: int) -> int:
    """Start an import and kill it, without any warning, once it has filed half of the rows; the row it had reached."""
    context = multiprocessing.get_context("spawn")
    results: SimpleQueue[Result] = context.SimpleQueue()
    db = _database(folder, name)
    process = context.Process(target=_work, args=(str(folder), name, results))
    process.start()
    done = 0
    while process.is_alive() and done < rows:
        time.sleep(WAIT_S)
        with reading(db) as tx:
            where = rag.tables.imports.c.name == "records/purchases.csv"
            done = tx.scalar(select(rag.tables.imports.c.rows_done).where(where)) or 0
    if process.pid and process.is_alive():
        os.kill(process.pid, signal.SIGKILL)
    process.join()
    db.dispose()
    return done


def _database(folder: Path, name: str) -> Engine:
    db = open_engine(f"sqlite:///{folder / f'{name}.db'}")
    metadata.create_all(db)
    return db


def _bought(folder: Path, name: str) -> tuple[int, int]:
    """How many purchases are known, and of how many orders."""
    facts = rag.tables.facts.c
    with reading(_database(folder, name)) as tx:
        known = select(func.count(), func.count(func.distinct(facts.value))).where(facts.relation == "bought")
        row = tx.execute(known).one()
    return row[0], row[1]


def _bare(folder: Path) -> float:
    """Seconds for nothing but parsing and one INSERT per row: no passport, no encryption, no facts, no resuming."""
    connection = sqlite3.connect(folder / "bare.db")
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA secure_delete=ON")
    start = time.perf_counter()
    with (folder / "records" / "purchases.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = csv.reader(file)
        header = next(rows)
        columns = ", ".join(f"c{number}" for number in range(len(header)))
        connection.execute(f"CREATE TABLE bare ({columns.replace('c0', 'c0 PRIMARY KEY', 1)})")
        marks = ", ".join("?" for _ in header)
        connection.executemany(f"INSERT OR IGNORE INTO bare VALUES ({marks})", (row for row in rows if row))
    connection.commit()
    connection.close()
    return time.perf_counter() - start
