"""What the training board shows: the queue, one run with its curves, the history. Only rows that the worker wrote."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, func, select

from assistant.charts import COLOURS, Chart, Say, Series, draw
from assistant.i18n import Locale, language_of, tr
from assistant.parts import Parts
from governance.db import reading
from governance.errors import NotFound
from rag.tables import files
from sandbox.runs import ACTIVE, OPEN, STEPS, Run, log_tail, queue, recent_runs, run_of, time_left_s
from sandbox.tables import adapters, datasets, points

MOST_RUNS = 30
LOG_LINES = 80
MIB_OF_A_GIB = 1024
PAUSABLE, RESUMABLE = ("waiting", "running"), ("paused", "failed", "cancelled")
CANCELLABLE = ("waiting", "running", "pausing", "paused")


@dataclass(frozen=True, slots=True)
class RunRow:
    """A run in the queue or in the history; `place`: its turn among those that wait, from 1."""

    id: str
    status: str
    stage: str
    by: str
    started_at: datetime
    finished_at: datetime | None
    priority: int
    percent: int
    place: int
    message: str
    adapter: str
    steps: str


@dataclass(frozen=True, slots=True)
class Figure:
    """A number with its name (a text key) and, where there is one, the key of its explanation."""

    name: str
    value: str
    help: str = ""


@dataclass(frozen=True, slots=True)
class Phase:
    """One of the steps of a run: done, active or later."""

    name: str
    state: str


@dataclass(frozen=True, slots=True)
class Board:
    """One run in full."""

    row: RunRow
    active: bool
    phases: tuple[Phase, ...]
    figures: tuple[Figure, ...]
    estimate: str
    left: str
    loss: Chart | None
    small: tuple[tuple[Chart, str], ...]  # each with the key of its explanation
    dataset: str
    log: str
    pausable: bool
    resumable: bool
    cancellable: bool


@dataclass(frozen=True, slots=True)
class Overview:
    """Everything of the board but the chosen run; `documents`: whether there is anything to train on."""

    queue: tuple[RunRow, ...]
    history: tuple[RunRow, ...]
    documents: int
    active: bool


def overview(parts: Parts, lang: Locale) -> Overview:
    """The queue in the order in which it will run, and the newest runs."""
    with reading(parts.db) as tx:
        waiting, recent = queue(tx), recent_runs(tx, MOST_RUNS)
        known = tx.scalar(select(func.count()).select_from(files)) or 0
    rows = _rows(parts, waiting, lang)
    history = _rows(parts, [run for run in recent if run.status not in OPEN], lang)
    return Overview(rows, history, known, any(run.active for run in waiting))


def board(parts: Parts, lang: Locale, asked: str = "") -> Board | None:
    """The run asked for, else the one that is going on, else the newest; None before the first."""
    with reading(parts.db) as tx:
        run = _chosen(tx, asked)
        if run is None:
            return None
        data = tx.execute(select(datasets).where(datasets.c.hash == run.dataset)).one_or_none()
        found = points_of(tx, run)
    row = _rows(parts, [run], lang)[0]
    left = time_left_s(found, run.total) if run.status == "running" and run.total else None
    return Board(
        row=row,
        active=run.active,
        phases=_phases(run, bool(found), lang),
        figures=_figures(run, data, found),
        estimate=estimate_said(run, lang),
        left=tr(lang, "time_left", time=duration(left, lang)) if left is not None else "",
        loss=_loss(found, lang),
        small=_small(found, lang),
        dataset=run.dataset or "",
        log=log_tail(parts.settings, run.id, LOG_LINES),
        pausable=run.status in PAUSABLE,
        resumable=run.status in RESUMABLE,
        cancellable=run.status in CANCELLABLE,
    )


def points_of(tx: Connection, run: Run) -> list[Any]:
    """The curve of a run; one whose adapter had been trained before shows the curve of that training."""
    own = list(tx.execute(select(points).where(points.c.run == run.id).order_by(points.c.step)))
    if own or not run.adapter:
        return own
    key = tx.scalar(select(adapters.c.key).where(adapters.c.hash == run.adapter))
    return list(tx.execute(select(points).where(points.c.run == key).order_by(points.c.step))) if key else []


def duration(seconds: float | None, lang: Locale) -> str:
    """In the one or two units that matter."""
    if seconds is None or seconds != seconds or seconds < 0:
        return "–"
    whole = round(seconds)
    if whole < 60:
        return tr(lang, "seconds_n", n=whole)
    if whole < 3600:
        return tr(lang, "minutes_n", n=round(whole / 60))
    return tr(lang, "hours_n", n=whole // 3600, m=whole % 3600 // 60)


def loss_said(value: float) -> str:
    """Three places are enough, and no zeros at the end."""
    return f"{round(value, 3):g}"


def number(value: float) -> str:
    """Three digits that matter, never in exponents above a millionth."""
    if value == 0:
        return "0"
    if abs(value) >= 1000:
        return f"{value:,.0f}"
    if abs(value) >= 0.001:
        return f"{value:.3g}"
    return f"{value:.1e}".replace("e-0", "e-")


def stage_name(parts: Parts, stage: str, lang: Locale) -> str:
    """A funnel stage in the user's language; the empty one is all of them."""
    stages = parts.company.phrases.stages
    return stages[stage].name.say(language_of(lang)) if stage in stages else stage or tr(lang, "all_stages")


def estimate_said(run: Run, lang: Locale) -> str:
    """What was estimated before the first step; empty when nothing was."""
    return expected_said(run.estimate, lang) if run.estimate and run.estimate.get("seconds") else ""


def expected_said(found: Mapping[str, Any], lang: Locale) -> str:
    """An estimate in words: time, memory, disk."""
    time, memory = duration(float(found["seconds"]), lang), f"{float(found.get('memory_mib', 0)) / MIB_OF_A_GIB:.1f}"
    return tr(lang, "estimated", time=time, memory=memory, rows=found.get("micro_rows", "–"))


def _chosen(tx: Connection, asked: str) -> Run | None:
    if asked:
        try:
            return run_of(tx, asked)
        except NotFound:
            asked = ""
    going = [run for run in queue(tx) if run.active]
    return next(iter(going), None) or next(iter(recent_runs(tx, 1)), None)


def _rows(parts: Parts, found: Sequence[Run], lang: Locale) -> tuple[RunRow, ...]:
    waiting = [run.id for run in found if run.status == "waiting"]
    return tuple(
        RunRow(
            id=run.id,
            status=run.status,
            stage=stage_name(parts, run.stage, lang),
            by=run.by,
            started_at=run.started_at,
            finished_at=run.finished_at,
            priority=run.priority,
            percent=min(100, 100 * run.step // run.total) if run.total else 0,
            place=waiting.index(run.id) + 1 if run.id in waiting else 0,
            message=run.message.say(language_of(lang)),
            adapter=run.adapter or "",
            steps=f"{run.step}/{run.total}" if run.total else "",
        )
        for run in found
    )


def _phases(run: Run, trained: bool, lang: Locale) -> tuple[Phase, ...]:
    """Which steps lie behind the run: its message names the present one."""
    names = list(STEPS)
    said = [step.zh for step in STEPS.values()]
    at = next((n for n, text in enumerate(said) if run.message.zh.startswith(text)), None)
    if run.status in ("done", "refused"):
        at = len(names)
    elif at is None:
        at = names.index("train") if trained else -1
    language = language_of(lang)
    states = [
        "done" if n < at else "active" if n == at and run.status in ACTIVE else "later" for n in range(len(names))
    ]
    return tuple(Phase(STEPS[name].say(language), state) for name, state in zip(names, states, strict=True))


def _figures(run: Run, data: Row[Any] | None, found: Sequence[Row[Any]]) -> tuple[Figure, ...]:
    figures: list[Figure] = []
    if run.total:
        figures.append(Figure("step", f"{run.step}/{run.total}", "help_step"))
    if found:
        heldout = [row.heldout for row in found if row.heldout is not None]
        figures.append(Figure("loss_train", f"{found[-1].loss:.3f}", "help_loss"))
        if heldout:
            figures.append(Figure("loss_heldout", f"{heldout[-1]:.3f}", "help_heldout"))
        if found[-1].tokens_per_s:
            figures.append(Figure("tokens_per_s", number(found[-1].tokens_per_s), "help_tokens_per_s"))
        if found[-1].memory_mib:
            figures.append(Figure("memory", f"{found[-1].memory_mib / MIB_OF_A_GIB:.1f} GiB", "help_memory"))
    if data is not None:
        figures.append(Figure("samples", f"{data.train:,}", "help_samples"))
        figures.append(Figure("heldout", f"{data.heldout:,}", "help_heldout_samples"))
        figures.append(Figure("quarantined", f"{data.quarantined:,}", "help_quarantine"))
    return tuple(figures)


def _loss(found: Sequence[Row[Any]], lang: Locale) -> Chart | None:
    train = Series(tr(lang, "loss_train"), [(row.step, row.loss) for row in found], COLOURS[0])
    measured = [(row.step, row.heldout) for row in found if row.heldout is not None]
    heldout = Series(tr(lang, "loss_heldout"), measured, COLOURS[1], dots=True)
    return _chart("loss", [train, heldout], found, lang, loss_said, zoom=True)


def _small(found: Sequence[Row[Any]], lang: Locale) -> tuple[tuple[Chart, str], ...]:
    drawn: list[tuple[Chart, str]] = []
    for name, column, shown in (
        ("learning_rate", "rate", number),
        ("gradient", "gradient", number),
        ("tokens_per_s", "tokens_per_s", number),
        ("memory", "memory_mib", _gib),
    ):
        unit = MIB_OF_A_GIB if name == "memory" else 1
        values = [(row.step, float(getattr(row, column)) / unit) for row in found]
        if not any(value for _, value in values):
            continue  # a run from before this figure was kept
        chart = _chart(name, [Series(tr(lang, name), values, COLOURS[0])], found, lang, shown, ticks=2)
        if chart is not None:
            drawn.append((chart, f"help_{name}"))
    return tuple(drawn)


def _gib(gibibytes: float) -> str:
    return f"{gibibytes:.2g} GiB"


def _chart(
    name: str,
    series: Sequence[Series],
    found: Sequence[Row[Any]],
    lang: Locale,
    shown: Say,
    *,
    ticks: int = 4,
    zoom: bool = False,
) -> Chart | None:
    last = max((row.total for row in found), default=0)
    said: Say = lambda step: tr(lang, "steps", n=f"{step:g}")  # noqa: E731
    return draw(tr(lang, name), series, last=last, shown=shown, at=said, ticks=ticks, zoom=zoom)
