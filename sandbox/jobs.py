"""Durable workflows (DBOS): one per turn of a run, a recorded step per stage of the work, a child for the memory."""

import os
import time
from collections.abc import Callable, Mapping
from datetime import datetime
from threading import Event
from typing import Any

from dbos import DBOS, DBOSConfig, DBOSPortableJSONSerializer
from sqlalchemy import Engine as Database
from sqlalchemy.engine import make_url

from governance.db import reading
from governance.settings import Settings
from sandbox import lease
from sandbox.child import Child
from sandbox.runs import HIGHEST, STEPS, log_path

QUEUE, WORKFLOW = "training", "run"
VERSION = "1"  # raise it when the steps change: what was begun under another version is begun anew
SPAN = 10_000_000  # runs of one priority
POLL_S = 0.5
ENDED = frozenset({"SUCCESS", "ERROR", "CANCELLED", "MAX_RECOVERY_ATTEMPTS_EXCEEDED"})


def database_of(settings: Settings) -> str:
    """Beside the records: the same PostgreSQL (schema dbos), or a SQLite file below home."""
    if make_url(settings.database).get_backend_name() == "sqlite":
        return f"sqlite:///{(settings.home / 'jobs.db').resolve()}"
    return make_url(settings.database).set(drivername="postgresql").render_as_string(hide_password=False)


def ticket(priority: int, number: int) -> int:
    """The place in the queue, 1 first: by priority, then by when the run was queued first."""
    return (HIGHEST - priority) * SPAN + min(number, SPAN - 1) + 1


class Jobs:
    """The rows of the runs say what should be done; this hands each turn of a run to DBOS, once."""

    def __init__(self, db: Database, settings: Settings, clock: Callable[[], datetime], executor: str) -> None:
        self._db, self._settings, self._clock, self._executor = db, settings, clock, executor
        self._stopping = Event()
        self._child: Child | None = None
        self._at: tuple[str, int] | None = None  # the run and the turn that are being worked on

    def start(self) -> None:
        """Open the job database and go on with what was interrupted. Nothing is sent anywhere; nothing is pickled."""
        for name in [name for name in os.environ if name.startswith("DBOS")]:
            del os.environ[name]  # a variable of theirs could switch their cloud on
        config: DBOSConfig = {
            "name": "xinyan",
            "system_database_url": database_of(self._settings),
            "application_version": VERSION,
            "executor_id": self._executor,
            "serializer": DBOSPortableJSONSerializer(),
            "enable_otlp": False,
            "log_level": "WARNING",
            "notification_listener_polling_interval_sec": 5.0,
        }
        DBOS(config=config)
        DBOS.workflow(name=WORKFLOW, max_recovery_attempts=None)(self._workflow())  # tries are counted in the row
        DBOS.listen_queues([QUEUE])
        DBOS.launch()
        DBOS.register_queue(QUEUE, worker_concurrency=1, polling_interval_sec=POLL_S, on_conflict="always_update")

    def dispatch(self) -> int:
        """Hand over what is new, queue anew what was lost; how many runs are to be worked on."""
        now = self._clock()
        with reading(self._db) as tx:
            rows = lease.open_rows(tx)
        for row in rows:
            run, turn = row["id"], row["turn"]
            key = f"{run}.{turn}"
            known = DBOS.get_workflow_status(key)
            if known is None:
                place = ticket(row["priority"], row["number"])
                options: Any = {"workflow_name": WORKFLOW, "queue_name": QUEUE, "workflow_id": key, "priority": place}
                DBOS.enqueue_workflow_with_options(options, run, turn)
            elif (run, turn) == self._at:
                lease.beat(self._db, run, turn, now)
            elif known.status in ENDED or (known.status == "PENDING" and self._lost(known.executor_id, row, now)):
                lease.give_back(self._db, run, turn, now)
        return len(rows)

    def stop(self, *, patience_s: float) -> None:
        """Let the present run end its step and wait again, then close. What takes too long is killed."""
        self._stopping.set()
        if (child := self._child) is not None:
            child.interrupt()
        self._wait(patience_s)
        if (child := self._child) is not None:
            child.kill()
        self._wait(patience_s)
        DBOS.destroy()

    def _wait(self, patience_s: float) -> None:
        until = time.monotonic() + patience_s
        while self._at is not None and time.monotonic() < until:
            time.sleep(0.05)

    def _lost(self, executor: str | None, row: Mapping[str, Any], now: datetime) -> bool:
        return executor != self._executor and now - row["heartbeat"] > lease.LEASE

    def _workflow(self) -> Callable[[str, int], str]:
        def run(run: str, turn: int) -> str:
            self._at = (run, turn)
            try:
                outcome: lease.Outcome | None = {"outcome": "interrupted"} if self._stopping.is_set() else None
                outcome = outcome or lease.take(self._db, run, turn, self._clock()) or self._steps(run, turn)
                lease.finish(self._db, run, turn, outcome, self._clock())
            finally:
                self._at = None
            return outcome["outcome"]

        return run

    def _steps(self, run: str, turn: int) -> lease.Outcome:
        """Each step is recorded when it is done; after a death the recorded ones are not done again."""
        outcome: dict[str, Any] = {}
        try:
            for step in STEPS:
                outcome = DBOS.run_step({"name": step}, self._step, run, turn, step)
                if outcome["outcome"] != "done":
                    return outcome
        finally:
            self._end_child()
        return outcome

    def _step(self, run: str, turn: int, step: str) -> dict[str, Any]:
        while True:
            if asked := lease.asked_of(self._db, run, turn):
                return {"outcome": asked}
            if self._stopping.is_set():
                return {"outcome": "interrupted"}
            if self._child is None:
                self._child = Child(self._settings, run, turn, log_path(self._settings.home, run))
                lease.began(self._db, run, turn, self._child.pid, self._child.born, self._clock())
            if (answer := self._child.ask(step)) is not None:
                return answer
            how = self._end_child()
            if self._stopping.is_set():
                return {"outcome": "interrupted"}
            if lost := lease.broke_off(self._db, run, turn, how, self._clock()):
                return dict(lost)

    def _end_child(self) -> str:
        child, self._child = self._child, None
        return child.end() if child else ""
