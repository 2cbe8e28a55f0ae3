"""What the admin page shows of training, evaluation and release: only rows that the training process wrote."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, func, select

from assistant.i18n import Locale, tr
from assistant.parts import Parts
from governance.db import reading
from rag.tables import files
from sandbox.release import THRESHOLDS
from sandbox.runs import ACTIVE
from sandbox.tables import adapters, datasets, evaluations, points, releases, runs

AT_LEAST = frozenset({"value_copy", "must_say", "stop_rate"})
FIGURES = ("value_copy", "unsupported_values", "must_say", "stop_rate", "wrong_type", "heldout_loss")
TRAIN_COLOUR, HELDOUT_COLOUR = "#0f766e", "#b45309"
MOST_POINTS = 300


@dataclass(frozen=True, slots=True)
class Curve:
    """`points` are SVG coordinates in a box of 100 by 40; `last` is the newest value."""

    name: str
    colour: str
    points: str
    last: str


@dataclass(frozen=True, slots=True)
class Curves:
    lines: tuple[Curve, ...]
    ticks: tuple[str, ...]  # from top to bottom
    last_step: int


@dataclass(frozen=True, slots=True)
class Training:
    """The newest run; `id` is empty before the first."""

    id: str
    state: str
    running: bool
    message: str
    percent: int
    samples: int
    heldout: int
    quarantined: int
    dataset: str
    started: datetime | None
    curves: Curves
    documents: int


@dataclass(frozen=True, slots=True)
class FigureRow:
    name: str
    before: str
    after: str
    threshold: str
    passed: bool


@dataclass(frozen=True, slots=True)
class Released:
    hash: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Evaluation:
    """The newest evaluation beside its thresholds; `failed` names in plain words what keeps the adapter back."""

    adapter: str
    figures: tuple[FigureRow, ...]
    failed: str
    released: Released | None


def training(parts: Parts, lang: Locale) -> Training:
    """The newest run and its curve."""
    with reading(parts.db) as tx:
        run = tx.execute(select(runs).order_by(runs.c.started_at.desc()).limit(1)).one_or_none()
        documents = tx.scalar(select(func.count()).select_from(files)) or 0
        if run is None:
            return Training("", "none", False, "", 0, 0, 0, 0, "", None, Curves((), (), 0), documents)
        data = tx.execute(select(datasets).where(datasets.c.hash == run.dataset)).one_or_none()
        keys = [run.id]
        if run.adapter and (key := tx.scalar(select(adapters.c.key).where(adapters.c.hash == run.adapter))):
            keys.append(key)  # trained before: its curve is kept under the adapter's key, or under that run
        found = tx.execute(select(points).where(points.c.run.in_(keys)).order_by(points.c.step)).all()
    running = run.status in ACTIVE
    return Training(
        id=run.id,
        state=run.status,
        running=running,
        message=run.message_zh if lang == "zh-CN" else run.message_en,
        percent=min(100, 100 * run.step // run.total) if run.total else 0,
        samples=data.train if data else 0,
        heldout=data.heldout if data else 0,
        quarantined=data.quarantined if data else 0,
        dataset=run.dataset or "",
        started=run.started_at,
        curves=curves(found),
        documents=documents,
    )


def curves(rows: Sequence[Row[Any]]) -> Curves:
    """Loss and held-out loss over the steps, thinned to what a screen can show."""
    thin = max(1, len(rows) // MOST_POINTS)
    shown = [row for number, row in enumerate(rows) if number % thin == 0 or row is rows[-1] or row.heldout is not None]
    if not shown:
        return Curves((), (), 0)
    last = max(row.total for row in shown)
    top = max([row.loss for row in shown] + [row.heldout for row in shown if row.heldout is not None]) * 1.05 or 1.0
    series = {
        ("loss_train", TRAIN_COLOUR): [(row.step, row.loss) for row in shown],
        ("loss_heldout", HELDOUT_COLOUR): [(row.step, row.heldout) for row in shown if row.heldout is not None],
    }
    drawn = tuple(
        Curve(
            name,
            colour,
            " ".join(f"{100 * step / max(last, 1):.2f},{40 * (1 - value / top):.2f}" for step, value in line),
            f"{line[-1][1]:.3f}",
        )
        for (name, colour), line in series.items()
        if line
    )
    return Curves(drawn, tuple(f"{top * share:.1f}" for share in (1, 0.5, 0)), last)


def evaluation(parts: Parts, lang: Locale) -> Evaluation:
    """Before and after of the newest candidate, and what is released."""
    with reading(parts.db) as tx:
        newest = tx.execute(select(evaluations).order_by(evaluations.c.at.desc()).limit(1)).one_or_none()
        passed = select(releases).where(releases.c.passed).order_by(releases.c.number.desc()).limit(1)
        row = tx.execute(passed).one_or_none()
    released = Released(row.adapter, row.at) if row else None
    if newest is None:
        return Evaluation("", (), "", released)
    rows = tuple(_figure(name, newest.before, newest.after, lang) for name in FIGURES)
    failed = tr(lang, "semicolon").join(
        tr(lang, "failed_figure", figure=tr(lang, f"figure_{each.name}"), value=each.after, needs=each.threshold)
        for each in rows
        if not each.passed
    )
    return Evaluation(newest.adapter, rows, failed, released)


def _figure(name: str, before: Mapping[str, float], after: Mapping[str, float], lang: Locale) -> FigureRow:
    if name == "heldout_loss":
        shown = [f"{each[name]:.3f}" for each in (before, after)]
        return FigureRow(name, shown[0], shown[1], tr(lang, "must_fall"), after[name] < before[name])
    needs = float(asdict(THRESHOLDS)[name])
    low = name in AT_LEAST
    threshold = tr(lang, "at_least" if low else "at_most", value=f"{needs:.0%}")
    passed = after[name] >= needs if low else after[name] <= needs
    return FigureRow(name, f"{before[name]:.1%}", f"{after[name]:.1%}", threshold, passed)
