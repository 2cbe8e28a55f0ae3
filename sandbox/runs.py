"""One-click runs: a process of its own, rows that the screens read, cancelling, and going on after the process died."""

import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from threading import Thread
from uuid import uuid4

from sqlalchemy import Connection, insert, select, update
from sqlalchemy import Engine as Database

from governance.db import ROOT, reading
from governance.errors import Conflict, NotFound
from governance.ledger import append
from governance.settings import Settings
from rag.company import Bilingual
from sandbox.tables import runs

ACTIVE = ("waiting", "running")
WAITS_S = 60  # a process that has not begun after this long will not
NOT_DIFFERENT_S = 1.0  # how often a row is written for progress alone

DIED = Bilingual(
    zh="进程已中断；可继续，训练会从最近的检查点接着进行",
    en="the process died; resume it, training goes on from its checkpoint",
)
CANCELLED = Bilingual(zh="已停止", en="stopped")


@dataclass(frozen=True, slots=True)
class Run:
    """`status`: waiting, running, done, refused (below the gate), failed, cancelled."""

    id: str
    status: str
    step: int
    total: int
    message: Bilingual
    started_at: datetime
    finished_at: datetime | None
    by: str
    dataset: str | None
    adapter: str | None

    @property
    def active(self) -> bool:
        return self.status in ACTIVE


def start_run(db: Database, settings: Settings, *, by: str, now: datetime) -> str:
    """Start a process that builds, trains, evaluates and releases; returns the run's id. One at a time: Conflict."""
    refresh_runs(db, now)
    run = uuid4().hex
    with db.begin() as tx:
        if tx.scalar(select(runs.c.id).where(runs.c.status.in_(ACTIVE))):
            raise Conflict(reason={"zh": "已有一次训练正在进行", "en": "a training is already running"})
        said = {"message_zh": "准备中", "message_en": "getting ready", "heartbeat": now, "started_at": now, "by": by}
        tx.execute(insert(runs).values(id=run, status="waiting", step=0, total=0, cancel=False, **said))
        append(tx, actor=by, event="run_started", subject=run, detail={}, now=now)
    _spawn(db, settings, run)
    return run


def resume_run(db: Database, settings: Settings, run: str, *, by: str, now: datetime) -> None:
    """Start the process of a run again that died, failed or was stopped; what it had done is recognised."""
    refresh_runs(db, now)
    with db.begin() as tx:
        if tx.scalar(select(runs.c.id).where(runs.c.status.in_(ACTIVE))):
            raise Conflict(reason={"zh": "已有一次训练正在进行", "en": "a training is already running"})
        if run_of(tx, run).status not in ("failed", "cancelled"):
            raise Conflict(reason={"zh": "这次训练已经结束", "en": "this run has ended"})
        fresh = {"status": "waiting", "cancel": False, "heartbeat": now, "finished_at": None, "pid": None, "born": None}
        tx.execute(
            update(runs).where(runs.c.id == run).values(message_zh="准备中", message_en="getting ready", **fresh)
        )
        append(tx, actor=by, event="run_resumed", subject=run, detail={}, now=now)
    _spawn(db, settings, run)


def cancel_run(db: Database, run: str, *, by: str, now: datetime) -> None:
    """Ask a run to stop after its present step; one whose process is gone is closed at once."""
    with db.begin() as tx:
        if not run_of(tx, run).active:
            raise Conflict(reason={"zh": "这次训练已经结束", "en": "this run has ended"})
        tx.execute(update(runs).where(runs.c.id == run).values(cancel=True))
        append(tx, actor=by, event="run_cancelled", subject=run, detail={}, now=now)
    refresh_runs(db, now)


def refresh_runs(db: Database, now: datetime) -> None:
    """Close the rows of processes that are gone: killed, or never begun."""
    with reading(db) as tx:
        open_rows = list(tx.execute(select(runs).where(runs.c.status.in_(ACTIVE))).mappings())
    for row in open_rows:
        begun = row["pid"] is not None
        waited = (now - row["heartbeat"]).total_seconds()
        alive = _alive(row["pid"], row["born"]) if begun else waited < WAITS_S
        if alive:
            continue
        ended = CANCELLED if row["cancel"] else DIED
        status = "cancelled" if row["cancel"] else "failed"
        with db.begin() as tx:
            _say(tx, row["id"], ended, status=status, finished_at=now)


def run_of(tx: Connection, run: str) -> Run:
    """Raises NotFound."""
    row = tx.execute(select(runs).where(runs.c.id == run)).mappings().one_or_none()
    if row is None:
        raise NotFound(kind={"zh": "训练", "en": "run"}, name=run[:12])
    return Run(
        row["id"],
        row["status"],
        row["step"],
        row["total"],
        Bilingual(zh=row["message_zh"], en=row["message_en"]),
        row["started_at"],
        row["finished_at"],
        row["by"],
        row["dataset"],
        row["adapter"],
    )


def newest_run(tx: Connection) -> Run | None:
    """The one started last."""
    newest = tx.scalar(select(runs.c.id).order_by(runs.c.started_at.desc()).limit(1))
    return run_of(tx, newest) if newest else None


class Reporter:
    """What a run's own process writes about itself. `clock` is given by the composition root."""

    def __init__(self, db: Database, run: str, clock: Callable[[], datetime]) -> None:
        self._db, self._run, self._clock = db, run, clock
        self._last = 0.0

    def begin(self) -> str:
        """Claim the run; returns who started it. Raises Conflict when another process has it."""
        with self._db.begin() as tx:
            run = run_of(tx, self._run)
            if run.status != "waiting":
                raise Conflict(reason={"zh": "这次训练不在等待中", "en": "this run is not waiting"})
            mine = {"pid": os.getpid(), "born": _birth(os.getpid()), "heartbeat": self._clock(), "status": "running"}
            tx.execute(update(runs).where(runs.c.id == self._run).values(**mine))
        return run.by

    def say(self, message: Bilingual, **values: object) -> None:
        """A message, and what else is known by now (dataset, adapter, status)."""
        with self._db.begin() as tx:
            _say(tx, self._run, message, heartbeat=self._clock(), **values)

    def progress(self, step: int, total: int) -> None:
        """Where it stands; at most once a second, the last step always."""
        if step < total and time.monotonic() - self._last < NOT_DIFFERENT_S:
            return
        self._last = time.monotonic()
        with self._db.begin() as tx:
            values = {"step": step, "total": total, "heartbeat": self._clock()}
            tx.execute(update(runs).where(runs.c.id == self._run).values(**values))

    def end(self, status: str, message: Bilingual) -> None:
        """Close the run; one that was asked to stop ends as cancelled."""
        with self._db.begin() as tx:
            if status == "failed" and tx.scalar(select(runs.c.cancel).where(runs.c.id == self._run)):
                status, message = "cancelled", CANCELLED
            _say(tx, self._run, message, status=status, finished_at=self._clock(), heartbeat=self._clock())

    def cancelled(self) -> bool:
        """Whether someone asked it to stop."""
        with reading(self._db) as tx:
            return bool(tx.scalar(select(runs.c.cancel).where(runs.c.id == self._run)))


def environment(settings: Settings) -> dict[str, str]:
    """The settings as the variables that another process reads them from."""
    values = {name: getattr(settings, name) for name in Settings.model_fields}
    shown = {k: str(v.resolve()) if isinstance(v, Path) else str(v) for k, v in values.items()}
    return {f"XINYAN_{name.upper()}": value for name, value in shown.items()}


def _spawn(db: Database, settings: Settings, run: str) -> None:
    log = settings.home / "runs" / f"{run}.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "sandbox", "run", run]
    with log.open("ab") as out:
        process = subprocess.Popen(
            command,
            cwd=ROOT,
            env={**os.environ, **environment(settings)},
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            start_new_session=True,  # closing the web server's terminal does not stop a training
        )
    Thread(target=process.wait, daemon=True).start()  # reaps it, so that a dead child does not look alive
    with db.begin() as tx:
        known = update(runs).where(runs.c.id == run, runs.c.pid.is_(None))
        tx.execute(known.values(pid=process.pid, born=_birth(process.pid)))


def _say(tx: Connection, run: str, message: Bilingual, **values: object) -> None:
    said = {"message_zh": message.zh, "message_en": message.en, **values}
    tx.execute(update(runs).where(runs.c.id == run).values(**said))


def _alive(pid: int, born: str | None) -> bool:
    """Whether this very process still runs, whoever started it."""
    birth = _birth(pid)
    return birth is not None and (born is None or birth == born)


def _birth(pid: int) -> str | None:
    """When the process began, None when it is gone or a zombie; on systems without /proc only that it exists."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rsplit(")", 1)[1].split()
    except OSError:
        if Path("/proc/self/stat").exists():
            return None
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return None
        return "unknown"
    return None if fields[0] == "Z" else fields[19]
