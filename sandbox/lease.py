"""The worker's hold on a run: taken for one turn, kept by a heartbeat, given back or ended. Rows only, no process."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Literal

from sqlalchemy import Connection, and_, func, or_, select, update
from sqlalchemy import Engine as Database

from governance.db import reading
from governance.ledger import append
from rag.company import Bilingual
from sandbox.process import alive, end_process
from sandbox.runs import ACTIVE, CANCELLED, PAUSED, say
from sandbox.tables import runs

RECOVERIES = 3  # how often a run that got no further is begun again by itself
LEASE = timedelta(minutes=2)  # a worker that was silent for this long has lost its runs to the others
ORPHAN_S = 10  # a process whose worker died ends by itself at once; one that hangs is killed after this

Asked = Literal["", "cancelled", "paused", "superseded"]
Outcome = Mapping[str, Any]  # JSON: "outcome", and "zh" and "en" where there is something to say

BEGUN = Bilingual(zh="准备中", en="getting ready")
BACK = Bilingual(
    zh="后台进程已停止；它一运行，就从检查点自动继续", en="the worker was stopped; the run goes on when one runs"
)


def take(db: Database, run: str, turn: int, now: datetime) -> Outcome | None:
    """
    Begin, or begin again after a death; None when the run is ours. Otherwise what became of it.

    A row that still names a process was broken off: an orphan is ended first, and it counts as a try.
    """
    with reading(db) as tx:
        row = tx.execute(select(runs).where(runs.c.id == run)).mappings().one_or_none()
    if row is None or row["turn"] != turn or row["status"] not in ACTIVE:
        return {"outcome": "superseded"}
    if asked := _asked(row, turn):
        return {"outcome": asked}
    if row["pid"] is not None and alive(row["pid"], row["born"]):
        end_process(row["pid"], row["born"], patience_s=ORPHAN_S)
    if row["pid"] is not None and (lost := broke_off(db, run, turn, "", now)):
        return lost
    with db.begin() as tx:
        ours = and_(runs.c.id == run, runs.c.turn == turn, runs.c.status.in_(ACTIVE))
        if not tx.scalar(select(runs.c.id).where(ours)):
            return {"outcome": "superseded"}
        say(tx, run, BEGUN, status="running", pid=None, born=None, heartbeat=now)
    return None


def asked_of(db: Database, run: str, turn: int) -> Asked:
    """What people want of a run that is being worked on; `superseded`: it is no longer this worker's."""
    with reading(db) as tx:
        row = tx.execute(select(runs).where(runs.c.id == run)).mappings().one_or_none()
    return _asked(row, turn) if row and row["status"] in ("running", "pausing") else "superseded"


def broke_off(db: Database, run: str, turn: int, how: str, now: datetime) -> Outcome | None:
    """Count that its process died; once too often without getting any further, the run has failed."""
    with db.begin() as tx:
        ours = (runs.c.id == run) & (runs.c.turn == turn) & runs.c.status.in_(ACTIVE)
        tries = tx.scalar(select(runs.c.tries).where(ours))
        if tries is None:
            return {"outcome": "superseded"}
        gone = {"tries": tries + 1, "pid": None, "born": None, "heartbeat": now}
        tx.execute(update(runs).where(runs.c.id == run).values(**gone))
    if tries < RECOVERIES:
        return None
    zh = f"在同一处中断了 {tries + 1} 次{how and f'（{how}）'}，请查看日志"
    en = f"broke off {tries + 1} times at the same place{how and f' ({how})'}, see the log"
    if how == "SIGKILL":
        zh, en = (
            f"{zh}；多因内存不足，请减小批量后再继续",
            f"{en}; often for want of memory, resume it with smaller batches",
        )
    return {"outcome": "failed", "zh": zh, "en": en}


def began(db: Database, run: str, turn: int, pid: int, born: str | None, now: datetime) -> None:
    """Name the process that works on the run."""
    with db.begin() as tx:
        ours = update(runs).where(runs.c.id == run, runs.c.turn == turn)
        tx.execute(ours.values(pid=pid, born=born, heartbeat=now))


def beat(db: Database, run: str, turn: int, now: datetime) -> None:
    """The worker is alive and has the run."""
    with db.begin() as tx:
        tx.execute(update(runs).where(runs.c.id == run, runs.c.turn == turn).values(heartbeat=now))


def finish(db: Database, run: str, turn: int, outcome: Outcome, now: datetime) -> None:
    """Write what became of the run; nothing when it is no longer this worker's."""
    status: str = outcome["outcome"]
    if status == "superseded":
        return
    with db.begin() as tx:
        row = tx.execute(select(runs).where(runs.c.id == run, runs.c.turn == turn)).mappings().one_or_none()
        if row is None or row["status"] not in ACTIVE:
            return
        if status == "interrupted" and not (status := _asked(row, turn)):
            _give_back(tx, run)
            return
        said = {"cancelled": CANCELLED, "paused": PAUSED}.get(status)
        message = said or Bilingual(zh=str(outcome["zh"]), en=str(outcome["en"]))
        over = None if status == "paused" else now
        say(tx, run, message, status=status, finished_at=over, heartbeat=now, pid=None, born=None)
        append(tx, actor="sandbox", event="run_ended", subject=run, detail={"status": status}, now=now)


def give_back(db: Database, run: str, turn: int, now: datetime) -> None:
    """Queue a run anew whose worker is gone for good; counts as a try."""
    if lost := broke_off(db, run, turn, "", now):
        finish(db, run, turn, lost, now)
        return
    with db.begin() as tx:
        if tx.scalar(select(runs.c.id).where(runs.c.id == run, runs.c.turn == turn, runs.c.status.in_(ACTIVE))):
            _give_back(tx, run)


def open_rows(tx: Connection) -> list[Mapping[str, Any]]:
    """What is to be worked on; `number` is how many runs were queued before this one."""
    earlier = runs.alias()
    sooner = earlier.c.started_at < runs.c.started_at
    same = and_(earlier.c.started_at == runs.c.started_at, earlier.c.id < runs.c.id)
    number = select(func.count()).select_from(earlier).where(or_(sooner, same)).scalar_subquery().label("number")
    return [dict(row) for row in tx.execute(select(runs, number).where(runs.c.status.in_(ACTIVE))).mappings()]


def _give_back(tx: Connection, run: str) -> None:
    say(tx, run, BACK, status="waiting", turn=runs.c.turn + 1, pid=None, born=None)


def _asked(row: Any, turn: int) -> Asked:
    if row["turn"] != turn:
        return "superseded"
    if row["cancel"]:
        return "cancelled"
    return "paused" if row["status"] == "pausing" else ""
