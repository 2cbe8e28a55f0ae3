"""The queue of trainings by hand: what the buttons of the admin page do, and the worker itself."""

import argparse
from collections.abc import Callable, Sequence
from datetime import datetime

from sqlalchemy import Engine as Database
from sqlalchemy import select

from governance.db import reading
from governance.errors import Invalid
from sandbox import runs
from sandbox.commands import Commands
from sandbox.recipe import Recipe, RecipeForm
from sandbox.runs import Run, log_tail, queue, recent_runs, resume_run, run_of, time_left_s
from sandbox.session import Session, utc_now
from sandbox.tables import points
from sandbox.worker import work

WHO = "operator"  # whoever may run commands here
CHANGES: dict[str, tuple[str, Callable[..., None]]] = {
    "pause": ("当前一步后暂停 / pause after the present step", runs.pause_run),
    "cancel": ("停止 / stop", runs.cancel_run),
}


def add(commands: Commands) -> None:
    """enqueue, queue, pause, resume, cancel, priority, log, worker."""
    asked = commands.add_parser("enqueue", help="排队训练 / queue a training")
    asked.add_argument("--stage", default="", help="只为一个销售阶段 / for one stage of the funnel only")
    asked.add_argument("--priority", type=int, default=0, help="大者先行 / the larger goes first")
    asked.add_argument("--set", nargs="+", default=[], metavar="NAME=VALUE", help="配方 / fields of the recipe")
    asked.add_argument("--by", default=WHO, help="谁要求的 / who asks for it")
    asked.set_defaults(handle=_enqueue)
    shown = commands.add_parser("queue", help="训练队列 / what runs, waits and is paused")
    shown.add_argument("--all", action="store_true", help="也列出已结束的 / the newest that are over as well")
    shown.set_defaults(handle=_queue)
    for name, (text, change) in CHANGES.items():
        _of_run(commands, name, text).set_defaults(handle=_changes(change))
    _of_run(commands, "resume", "继续 / go on").set_defaults(handle=_resume)
    moved = _of_run(commands, "priority", "优先级 / priority")
    moved.add_argument("priority", type=int, help="-100 … 100")
    moved.set_defaults(handle=_priority)
    log = _of_run(commands, "log", "日志末尾 / the end of a run's log")
    log.add_argument("--lines", type=int, default=200)
    log.set_defaults(handle=_log)
    worker = commands.add_parser("worker", help="处理队列的进程 / the process that works through the queue")
    worker.add_argument(
        "--idle", type=float, metavar="SECONDS", help="空闲多久后结束 / end after this long without work"
    )
    worker.set_defaults(handle=_worker)


def recipe_of(given: Sequence[str]) -> Recipe | None:
    """NAME=VALUE … as a recipe; None when nothing is given. Raises Invalid."""
    if wrong := [each for each in given if "=" not in each]:
        zh, en = f"请写成 名称=值：{wrong[0][:40]}", f"write it as NAME=VALUE: {wrong[0][:40]}"
        raise Invalid(reason={"zh": zh, "en": en})
    fields = dict(each.split("=", 1) for each in given)
    return RecipeForm.read(fields).to_recipe(Recipe()) if fields else None


def _of_run(commands: Commands, name: str, text: str) -> argparse.ArgumentParser:
    parser = commands.add_parser(name, help=text)
    parser.add_argument("run", help="训练编号或其开头 / the id of a run, or its beginning")
    return parser


def _enqueue(session: Session, asked: argparse.Namespace) -> int:
    recipe = recipe_of(asked.set)
    db, settings, stage = session.db, session.settings, asked.stage
    run = runs.enqueue(db, settings, by=asked.by, now=utc_now(), stage=stage, priority=asked.priority, recipe=recipe)
    print(f"run={run}")
    print("已排队 / queued")
    return 0


def _queue(session: Session, asked: argparse.Namespace) -> int:
    runs.refresh_runs(session.db, utc_now())
    with reading(session.db) as tx:
        found = recent_runs(tx, 20) if asked.all else queue(tx)
        for run in found:
            timed = tx.execute(select(points.c.step, points.c.seconds).where(points.c.run == run.id)).all()
            print(_line(run, time_left_s(timed, run.total) if run.status == "running" else None))  # pyright: ignore[reportArgumentType]
    if not found:
        print("队列为空 / the queue is empty")
    return 0


def _line(run: Run, left_s: float | None) -> str:
    shown = {
        "run": run.id,
        "status": run.status,
        "stage": run.stage or "*",
        "priority": run.priority,
        "step": f"{run.step}/{run.total}",
        "dataset": (run.dataset or "-")[:12],
        "adapter": (run.adapter or "-")[:12],
        **({"left_s": round(left_s)} if left_s is not None else {}),
    }
    return f"{' '.join(f'{k}={v}' for k, v in shown.items())}\n  {run.message.zh} / {run.message.en}"


def _full(db: Database, beginning: str) -> str:
    """The id that begins like this; what begins no run, or several, is looked up as it is and not found."""
    with reading(db) as tx:
        known = select(runs.runs.c.id).where(runs.runs.c.id.startswith(beginning, autoescape=True)).limit(2)
        found = list(tx.scalars(known))
        return run_of(tx, found[0] if len(found) == 1 else beginning).id


def _changes(change: Callable[..., None]) -> Callable[[Session, argparse.Namespace], int]:
    def handle(session: Session, asked: argparse.Namespace) -> int:
        run = _full(session.db, asked.run)
        change(session.db, run, by=WHO, now=utc_now())
        return _told(session, run)

    return handle


def _resume(session: Session, asked: argparse.Namespace) -> int:
    run = _full(session.db, asked.run)
    resume_run(session.db, session.settings, run, by=WHO, now=utc_now())
    return _told(session, run)


def _priority(session: Session, asked: argparse.Namespace) -> int:
    run = _full(session.db, asked.run)
    runs.set_priority(session.db, run, asked.priority, by=WHO, now=utc_now())
    return _told(session, run)


def _told(session: Session, run: str) -> int:
    with reading(session.db) as tx:
        print(_line(run_of(tx, run), None))
    return 0


def _log(session: Session, asked: argparse.Namespace) -> int:
    print(log_tail(session.settings, _full(session.db, asked.run), asked.lines))
    return 0


def _worker(session: Session, asked: argparse.Namespace) -> int:
    print("后台进程已启动，Ctrl-C 结束 / the worker is running, Ctrl-C ends it", flush=True)
    clock: Callable[[], datetime] = utc_now
    if not work(session.db, session.settings, idle_s=asked.idle, clock=clock):
        print("已有后台进程在运行 / another worker is running already")
    return 0
