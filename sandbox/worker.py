"""The worker: a process of its own, one per home, that works through the queue; started when it is needed."""

import fcntl
import json
import logging
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from threading import Event, Thread
from typing import IO, TYPE_CHECKING

from sqlalchemy import Engine as Database
from sqlalchemy import select
from sqlalchemy.exc import OperationalError

from governance.db import ROOT, migrate, open_engine, reading
from governance.errors import Unavailable
from governance.settings import Settings
from sandbox.process import alive, birth, environment
from sandbox.tables import runs

if TYPE_CHECKING:
    from sandbox.jobs import Jobs

log = logging.getLogger(__name__)

TICK_S = 0.5
WATCH_S = 5.0
PATIENCE_S = 20.0  # a step that cannot be broken off sooner is killed and begun again later
HANDOVER_S = 30.0  # a new worker waits this long for one that is just leaving


def worker_pid(home: Path) -> int | None:
    """The worker of this home, if it is alive."""
    try:
        said = json.loads((home / "worker.json").read_text(encoding="utf-8"))
        return int(said["pid"]) if alive(int(said["pid"]), said["born"]) else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def ensure_worker(settings: Settings) -> bool:
    """Start a worker when none is alive; whether one was started. With `worker_idle_minutes` 0 you start it."""
    if not settings.worker_idle_minutes or worker_pid(settings.home) is not None:
        return False
    log = settings.home / "runs" / "worker.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "sandbox.worker", str(settings.worker_idle_minutes * 60)]
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
    Thread(target=process.wait, daemon=True).start()  # reaps it, so that a dead worker does not look alive
    _write(settings.home, process.pid)
    return True


def keep_worker(db: Database, settings: Settings, stop: Event) -> None:
    """For a server: as long as something is to be done there shall be a worker, also when one was killed."""
    while not stop.wait(WATCH_S):
        if has_work(db):
            ensure_worker(settings)


def stop_idle_worker(db: Database, settings: Settings) -> bool:
    """End the worker unless it has something to do; whether it goes on."""
    pid = worker_pid(settings.home)
    if pid is None:
        return False
    if has_work(db):
        return True
    os.kill(pid, signal.SIGTERM)
    return False


def has_work(db: Database) -> bool:
    """Whether a run waits or is going on."""
    with reading(db) as tx:
        return bool(tx.scalar(select(runs.c.id).where(runs.c.status.in_(("waiting", "running", "pausing"))).limit(1)))


def work(db: Database, settings: Settings, *, idle_s: float | None, clock: Callable[[], datetime]) -> bool:
    """Work through the queue until a signal, or until nothing was to do for `idle_s`; False: another one does."""
    if (held := _hold(settings.home)) is None:
        return False
    from sandbox.jobs import Jobs

    stop = Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda _number, _frame: stop.set())
    sqlite = db.dialect.name == "sqlite"
    jobs = Jobs(db, settings, clock, "local" if sqlite else socket.gethostname())
    jobs.start()
    busy = time.monotonic()
    while not stop.wait(TICK_S) and _is_mine(settings.home):
        if _dispatched(jobs):
            busy = time.monotonic()
        elif idle_s is not None and time.monotonic() - busy > idle_s:
            _leave(settings.home)
            if not has_work(db):  # what is queued from now on finds no worker and starts one
                break
            _write(settings.home, os.getpid())
    jobs.stop(patience_s=PATIENCE_S)
    _leave(settings.home)
    held.close()
    return True


def _dispatched(jobs: "Jobs") -> bool:
    """Whether there is something to do; a database that is locked or away for a moment may hold work."""
    try:
        return jobs.dispatch() > 0
    except (OperationalError, Unavailable) as away:
        log.warning("the database did not answer: %s", type(away).__name__)
        return True


def _hold(home: Path) -> IO[bytes] | None:
    """The lock of this home: held until this process ends, however it ends. None when another worker has it."""
    home.mkdir(parents=True, exist_ok=True)
    lock = (home / "worker.lock").open("ab")
    until = time.monotonic() + HANDOVER_S
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if worker_pid(home) not in (None, os.getpid()) or time.monotonic() > until:
                lock.close()
                return None
            time.sleep(0.1)
        else:
            _write(home, os.getpid())
            return lock


def _write(home: Path, pid: int) -> None:
    partial = home / f"worker.json.{os.getpid()}"
    partial.write_text(json.dumps({"pid": pid, "born": birth(pid)}), encoding="utf-8")
    partial.replace(home / "worker.json")


def _is_mine(home: Path) -> bool:
    """False when the home was removed, or lies elsewhere now: nothing is left to work for."""
    return (home / "worker.lock").exists()


def _leave(home: Path) -> None:
    if worker_pid(home) == os.getpid():
        (home / "worker.json").unlink(missing_ok=True)


def main() -> None:
    """`python -m sandbox.worker [SECONDS]`: without the commands, and so without loading a model library."""
    settings = Settings()
    migrate(settings.database)
    idle_s = float(sys.argv[1]) if len(sys.argv) > 1 else None
    work(open_engine(settings.database), settings, idle_s=idle_s, clock=lambda: datetime.now(UTC))


if __name__ == "__main__":
    main()
