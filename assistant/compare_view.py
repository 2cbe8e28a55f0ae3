"""Runs side by side: their curves in one chart, and a table of recipes and figures with the differences marked."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import Connection, Row, select

from assistant.charts import COLOURS, Chart, Series, draw
from assistant.i18n import Locale, language_of, tr
from assistant.parts import Parts
from assistant.training_view import duration, loss_said, number, points_of, stage_name
from governance.db import reading
from governance.errors import NotFound
from sandbox.recipe import EXPLAINED, Recipe
from sandbox.runs import Run, run_of
from sandbox.tables import adapters, datasets, evaluations

FEWEST, MOST = 2, 4
SHARES = ("value_copy", "unsupported_values", "must_say", "stop_rate", "wrong_type")


@dataclass(frozen=True, slots=True)
class CompareRow:
    """One line of the table; `differs`: not the same in all runs."""

    label: str
    values: tuple[str, ...]
    differs: bool


@dataclass(frozen=True, slots=True)
class Compared:
    """A run in the comparison."""

    id: str
    colour: str
    name: str


@dataclass(frozen=True, slots=True)
class Comparison:
    runs: tuple[Compared, ...]
    loss: Chart | None
    heldout: Chart | None
    outcome: tuple[CompareRow, ...]
    recipe: tuple[CompareRow, ...]


@dataclass(frozen=True, slots=True)
class _Found:
    run: Run
    points: Sequence[Row[Any]]
    recipe: Mapping[str, Any]
    data: Row[Any] | None
    adapter: Row[Any] | None
    figures: Mapping[str, Any]


def comparison(parts: Parts, lang: Locale, asked: Sequence[str]) -> Comparison | None:
    """Two to four runs in the order asked for; None when fewer of them exist."""
    with reading(parts.db) as tx:
        found = [each for run in dict.fromkeys(asked) if (each := _find(tx, run)) is not None][:MOST]
    if len(found) < FEWEST:
        return None
    names = [f"{stage_name(parts, each.run.stage, lang)} {each.run.id[:6]}" for each in found]
    runs = tuple(Compared(e.run.id, COLOURS[n], names[n]) for n, e in enumerate(found))
    return Comparison(
        runs,
        _overlaid("loss_train", lambda row: row.loss, found, runs, lang),
        _overlaid("loss_heldout", lambda row: row.heldout, found, runs, lang, dots=True),
        _outcome(found, parts, lang),
        _recipes(found, lang),
    )


def _find(tx: Connection, name: str) -> _Found | None:
    try:
        run = run_of(tx, name)
    except NotFound:
        return None
    adapter = tx.execute(select(adapters).where(adapters.c.hash == run.adapter)).one_or_none()
    data = tx.execute(select(datasets).where(datasets.c.hash == run.dataset)).one_or_none()
    newest = select(evaluations.c.after).where(evaluations.c.adapter == run.adapter)
    figures: Mapping[str, Any] = tx.scalar(newest.order_by(evaluations.c.at.desc()).limit(1)) or {}
    recipe: Mapping[str, Any] = adapter.recipe if adapter else asdict(run.recipe) if run.recipe else {}
    return _Found(run, points_of(tx, run), {**asdict(Recipe()), **recipe} if recipe else {}, data, adapter, figures)


def _overlaid(
    name: str,
    value: Callable[[Row[Any]], float | None],
    found: Sequence[_Found],
    runs: Sequence[Compared],
    lang: Locale,
    *,
    dots: bool = False,
) -> Chart | None:
    series: list[Series] = []
    for each, run in zip(found, runs, strict=True):
        values = [(row.step, held) for row in each.points if (held := value(row)) is not None]
        series.append(Series(run.name, values, run.colour, dots=dots))
    last = max((row.total for each in found for row in each.points), default=0)
    say: Callable[[float], str] = lambda step: tr(lang, "steps", n=f"{step:g}")  # noqa: E731
    return draw(tr(lang, name), series, last=last, shown=loss_said, at=say, zoom=True)


def _outcome(found: Sequence[_Found], parts: Parts, lang: Locale) -> tuple[CompareRow, ...]:
    def of(label: str, say: Callable[[_Found], str]) -> CompareRow:
        return _row(tr(lang, label), [say(each) for each in found])

    rows = [
        of("state", lambda e: tr(lang, f"run_{e.run.status}")),
        of("stage", lambda e: stage_name(parts, e.run.stage, lang)),
        of("dataset", lambda e: (e.run.dataset or "–")[:12]),
        of("samples", lambda e: f"{e.data.train:,}" if e.data else "–"),
        of("time_taken", lambda e: duration(e.adapter.seconds, lang) if e.adapter else "–"),
        of("loss_train", lambda e: f"{e.points[-1].loss:.3f}" if e.points else "–"),
        of("loss_heldout", lambda e: _lowest(e.points)),
    ]
    rows += [of(f"figure_{name}", lambda e, name=name: _share(e.figures.get(name))) for name in SHARES]
    return tuple(rows)


def _recipes(found: Sequence[_Found], lang: Locale) -> tuple[CompareRow, ...]:
    rows: list[CompareRow] = []
    for name in asdict(Recipe()):
        label = EXPLAINED[name].title.say(language_of(lang)) if name in EXPLAINED else name
        rows.append(_row(label, [_plain(each.recipe.get(name), lang) for each in found]))
    return tuple(sorted(rows, key=lambda row: not row.differs))


def _row(label: str, values: Sequence[str]) -> CompareRow:
    return CompareRow(label, tuple(values), len(set(values)) > 1)


def _lowest(points: Sequence[Row[Any]]) -> str:
    measured = [row.heldout for row in points if row.heldout is not None]
    return f"{min(measured):.3f}" if measured else "–"


def _share(value: object) -> str:
    return f"{value:.1%}" if isinstance(value, float | int) else "–"


def _plain(value: object, lang: Locale) -> str:
    if value is None:
        return "–"
    if isinstance(value, bool):
        return tr(lang, "yes" if value else "no")
    return number(value) if isinstance(value, float) else str(value)
