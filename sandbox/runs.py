"""Runs as people see them: queued, paused, resumed, cancelled. Rows say what is wanted; the worker makes it so."""

import itertools
import re
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol
from uuid import uuid4

from sqlalchemy import Connection, case, insert, select, update
from sqlalchemy import Engine as Database

from governance.db import reading
from governance.errors import Conflict, Invalid, NotFound
from governance.ledger import append
from governance.settings import Settings
from rag.company import Bilingual, load_company
from sandbox.process import alive
from sandbox.recipe import Recipe
from sandbox.tables import runs
from sandbox.worker import ensure_worker

ACTIVE = ("waiting", "running", "pausing")
OPEN = (*ACTIVE, "paused")
HIGHEST = 100  # priorities reach from -100 to 100
SILENT_S = 30  # a run that nobody has worked on for this long waits again

STEPS: Mapping[str, Bilingual] = {  # what a run goes through, in this order
    "base": Bilingual(zh="准备基础模型", en="preparing the base model"),
    "dataset": Bilingual(zh="整理训练集", en="building the training set"),
    "estimate": Bilingual(zh="估算时间和内存", en="estimating time and memory"),
    "train": Bilingual(zh="训练", en="training"),
    "evaluate": Bilingual(zh="评估", en="evaluating"),
    "memorise": Bilingual(zh="记忆测试", en="testing its memory"),
    "register": Bilingual(zh="登记", en="registering"),
}
QUEUED = Bilingual(zh="排队中", en="waiting in the queue")
DIED = Bilingual(
    zh="进程已中断；后台进程一运行，就从最近的检查点自动继续",
    en="interrupted; it goes on from its last checkpoint by itself as soon as a worker runs",
)
CANCELLED = Bilingual(zh="已停止", en="stopped")
PAUSING = Bilingual(zh="当前一步完成后暂停", en="pausing after the present step")
PAUSED = Bilingual(zh="已暂停，内存已释放；可随时继续", en="paused, its memory is free; resume it at any time")


@dataclass(frozen=True, slots=True)
class Run:
    """
    `status`: waiting, running, pausing, paused, done, refused (below the gate), failed, cancelled.

    `stage`: whom the adapter is for, empty for all. `recipe` None: chosen when it begins. `estimate`: see `Estimate`.
    """

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
    stage: str
    priority: int
    recipe: Recipe | None
    estimate: Mapping[str, Any] | None
    turn: int
    tries: int

    @property
    def active(self) -> bool:
        return self.status in ACTIVE


class Timed(Protocol):
    """What the time left is computed from: a point of the curve or its row."""

    @property
    def step(self) -> int: ...
    @property
    def seconds(self) -> float: ...


def enqueue(
    db: Database,
    settings: Settings,
    *,
    by: str,
    now: datetime,
    stage: str = "",
    priority: int = 0,
    recipe: Recipe | None = None,
) -> str:
    """Queue a run and see to it that a worker is there; its id. Several may wait. Raises Invalid."""
    _check_priority(priority)
    if stage and stage not in (known := load_company(settings.company).phrases.stages):
        names = ", ".join(known)
        zh, en = f"没有“{stage[:40]}”这个阶段，可用：{names}", f"there is no stage '{stage[:40]}', use one of: {names}"
        raise Invalid(reason={"zh": zh, "en": en})
    run = uuid4().hex
    with db.begin() as tx:
        said = {"message_zh": QUEUED.zh, "message_en": QUEUED.en, "heartbeat": now, "started_at": now, "by": by}
        asked = {"stage": stage, "priority": priority, "recipe": asdict(recipe) if recipe else None}
        tx.execute(insert(runs).values(id=run, status="waiting", step=0, total=0, cancel=False, **said, **asked))
        detail = {"stage": stage, "priority": priority, "recipe": recipe.hash if recipe else None}
        append(tx, actor=by, event="run_enqueued", subject=run, detail=detail, now=now)
    ensure_worker(settings)
    return run


def resume_run(db: Database, settings: Settings, run: str, *, by: str, now: datetime) -> None:
    """Queue a paused, failed or stopped run again; what it had done is recognised. Raises NotFound or Conflict."""
    with db.begin() as tx:
        status = run_of(tx, run).status
        if status not in ("paused", "failed", "cancelled"):
            raise _not_now(status)
        fresh = {"status": "waiting", "cancel": False, "heartbeat": now, "finished_at": None, "pid": None, "tries": 0}
        say(tx, run, QUEUED, turn=runs.c.turn + 1, **fresh)
        append(tx, actor=by, event="run_resumed", subject=run, detail={}, now=now)
    ensure_worker(settings)


def pause_run(db: Database, run: str, *, by: str, now: datetime) -> None:
    """Stop after the present step and keep the checkpoint; a waiting run pauses at once. Raises NotFound, Conflict."""
    with db.begin() as tx:
        status = run_of(tx, run).status
        if status == "waiting":
            say(tx, run, PAUSED, status="paused", pid=None)
        elif status == "running":
            say(tx, run, PAUSING, status="pausing")
        else:
            raise _not_now(status)
        append(tx, actor=by, event="run_paused", subject=run, detail={}, now=now)
    refresh_runs(db, now)


def cancel_run(db: Database, run: str, *, by: str, now: datetime) -> None:
    """Stop a run after its present step; one that nothing works on is closed at once. Raises NotFound or Conflict."""
    with db.begin() as tx:
        status = run_of(tx, run).status
        if status in ("waiting", "paused"):
            say(tx, run, CANCELLED, status="cancelled", cancel=True, pid=None, finished_at=now)
        elif status in ("running", "pausing"):
            tx.execute(update(runs).where(runs.c.id == run).values(cancel=True))
        else:
            raise _not_now(status)
        append(tx, actor=by, event="run_cancelled", subject=run, detail={}, now=now)
    refresh_runs(db, now)


def set_priority(db: Database, run: str, priority: int, *, by: str, now: datetime) -> None:
    """The larger goes first. Of a run that waits or is paused. Raises NotFound, Conflict or Invalid."""
    _check_priority(priority)
    with db.begin() as tx:
        status = run_of(tx, run).status
        if status not in ("waiting", "paused"):
            raise _not_now(status)
        tx.execute(update(runs).where(runs.c.id == run).values(priority=priority, turn=runs.c.turn + 1))
        append(tx, actor=by, event="run_priority", subject=run, detail={"priority": priority}, now=now)


def refresh_runs(db: Database, now: datetime) -> None:
    """Let the rows of processes that are gone say so: stopped or paused as asked, else waiting for a worker."""
    with reading(db) as tx:
        rows = list(tx.execute(select(runs).where(runs.c.status.in_(("running", "pausing")))).mappings())
    for row in rows:
        silent = (now - row["heartbeat"]).total_seconds() > SILENT_S
        if alive(row["pid"], row["born"]) or (row["pid"] is None and not silent):
            continue
        message, ended = DIED, {"status": "waiting"}
        if row["cancel"]:
            message, ended = CANCELLED, {"status": "cancelled", "finished_at": now, "pid": None}
        elif row["status"] == "pausing":
            message, ended = PAUSED, {"status": "paused", "pid": None}
        elif not silent:
            continue  # the worker is starting another process
        with db.begin() as tx:
            same = (runs.c.id == row["id"]) & (runs.c.turn == row["turn"]) & (runs.c.status == row["status"])
            if tx.scalar(select(runs.c.id).where(same)):
                say(tx, row["id"], message, **ended)


def run_of(tx: Connection, run: str) -> Run:
    """Raises NotFound."""
    row = tx.execute(select(runs).where(runs.c.id == run)).mappings().one_or_none()
    if row is None:
        raise NotFound(kind={"zh": "训练", "en": "run"}, name=run[:12])
    return _run(row)


def newest_run(tx: Connection) -> Run | None:
    """The one queued last."""
    return next(iter(recent_runs(tx, 1)), None)


def recent_runs(tx: Connection, limit: int = 20) -> list[Run]:
    """Newest first."""
    query = select(runs).order_by(runs.c.started_at.desc(), runs.c.id.desc()).limit(limit)
    return [_run(row) for row in tx.execute(query).mappings()]


def queue(tx: Connection) -> list[Run]:
    """What is not over: what runs, then what waits in the order in which it will run, then what is paused."""
    group = case((runs.c.status == "waiting", 1), (runs.c.status == "paused", 2), else_=0)
    order = (group, runs.c.priority.desc(), runs.c.started_at, runs.c.id)
    return [_run(row) for row in tx.execute(select(runs).where(runs.c.status.in_(OPEN)).order_by(*order)).mappings()]


def log_tail(settings: Settings, run: str, lines: int = 200) -> str:
    """The end of what its processes wrote: ids and counts, no content. Raises NotFound for what is no run's id."""
    if not re.fullmatch(r"[0-9a-f]{32}", run):
        raise NotFound(kind={"zh": "训练", "en": "run"}, name=run[:12])
    try:
        with log_path(settings.home, run).open("rb") as file:
            size = file.seek(0, 2)
            file.seek(max(0, size - 400 * lines))
            text = file.read().decode("utf-8", errors="replace")
    except FileNotFoundError:
        return ""
    return "\n".join(text.splitlines()[-lines:])


def log_path(home: Path, run: str) -> Path:
    """Where the processes of a run write."""
    return home / "runs" / f"{run}.log"


def time_left_s(points: Sequence[Timed], total: int) -> float | None:
    """Seconds until the last step, from the median of a step so far; None before the second step."""
    ordered = sorted(points, key=lambda point: point.step)
    gaps = [
        (later.seconds - sooner.seconds) / (later.step - sooner.step)
        for sooner, later in itertools.pairwise(ordered)
        if later.step > sooner.step and later.seconds > sooner.seconds  # the clock of a resumed run begins anew
    ]
    return statistics.median(gaps) * max(0, total - ordered[-1].step) if gaps else None


def say(tx: Connection, run: str, message: Bilingual, **values: object) -> None:
    """Write a message, and what else is known by now, to a run's row."""
    said = {"message_zh": message.zh, "message_en": message.en, **values}
    tx.execute(update(runs).where(runs.c.id == run).values(**said))


def _run(row: Any) -> Run:
    names = ("id", "status", "step", "total", "started_at", "finished_at", "by", "dataset", "adapter")
    values = {name: row[name] for name in (*names, "stage", "priority", "estimate", "turn", "tries")}
    recipe = Recipe(**row["recipe"]) if row["recipe"] else None
    return Run(message=Bilingual(zh=row["message_zh"], en=row["message_en"]), recipe=recipe, **values)


def _check_priority(priority: int) -> None:
    if not -HIGHEST <= priority <= HIGHEST:
        zh, en = f"优先级应在 -{HIGHEST} 到 {HIGHEST} 之间", f"a priority lies between -{HIGHEST} and {HIGHEST}"
        raise Invalid(reason={"zh": zh, "en": en})


def _not_now(status: str) -> Conflict:
    said = {
        "waiting": ("这次训练还在排队", "this run is still waiting"),
        "running": ("这次训练正在进行", "this run is going on"),
        "pausing": ("这次训练正在暂停，请稍候", "this run is pausing, wait a moment"),
        "paused": ("这次训练已暂停", "this run is paused"),
        "failed": ("这次训练已中断，可以继续", "this run has failed; it can be resumed"),
    }
    zh, en = said.get(status, ("这次训练已经结束", "this run has ended"))
    return Conflict(reason={"zh": zh, "en": en})
