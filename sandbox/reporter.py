"""What the process behind a run writes about itself, and how it learns that it should stop."""

import time
from collections.abc import Callable
from datetime import datetime

from sqlalchemy import Engine as Database
from sqlalchemy import case, update

from governance.db import reading
from rag.company import Bilingual
from sandbox.lease import Asked, asked_of
from sandbox.runs import Run, run_of, say
from sandbox.tables import runs

NOT_DIFFERENT_S = 1.0  # how often a row is written for progress alone


class Reporter:
    """`clock` is given by the composition root. Only the worker writes how a run ends."""

    def __init__(self, db: Database, run: str, turn: int, clock: Callable[[], datetime]) -> None:
        self._db, self.id, self._turn, self._clock = db, run, turn, clock
        self._last = 0.0
        self._interrupted = False

    def interrupt(self) -> None:
        """The worker is being stopped."""
        self._interrupted = True

    def run(self) -> Run:
        """The row as it is now."""
        with reading(self._db) as tx:
            return run_of(tx, self.id)

    def say(self, message: Bilingual, **values: object) -> None:
        """A message, and what else is known by now: dataset, adapter, recipe, estimate."""
        with self._db.begin() as tx:
            say(tx, self.id, message, heartbeat=self._clock(), **values)

    def progress(self, step: int, total: int) -> None:
        """Where the training stands; at most once a second, the last step always. Getting further ends the tries."""
        if self._recent(step, total):
            return
        further = runs.c.step < step
        values = {"step": case((further, step), else_=runs.c.step), "tries": case((further, 0), else_=runs.c.tries)}
        with self._db.begin() as tx:
            ours = update(runs).where(runs.c.id == self.id, runs.c.turn == self._turn)
            tx.execute(ours.values(total=total, heartbeat=self._clock(), **values))

    def counted(self, message: Bilingual, done: int, total: int) -> None:
        """A message with a count behind it, at most once a second."""
        if not self._recent(done, total):
            self.say(Bilingual(zh=f"{message.zh} {done}/{total}", en=f"{message.en} {done}/{total}"))

    def asked(self) -> Asked | str:
        """Why it should stop; empty when it should go on."""
        return asked_of(self._db, self.id, self._turn) or ("interrupted" if self._interrupted else "")

    def _recent(self, done: int, total: int) -> bool:
        if done < total and time.monotonic() - self._last < NOT_DIFFERENT_S:
            return True
        self._last = time.monotonic()
        return False
