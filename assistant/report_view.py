"""A candidate's report as the screens show it: sentences first, then every figure beside its limit."""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime

from sqlalchemy import Connection, select

from assistant.i18n import Locale, language_of, tr
from assistant.parts import Parts
from assistant.training_view import number, stage_name
from eval.memorisation import HIGHEST, Memorisation
from eval.scoring import Figures
from governance.db import reading
from sandbox.gate import LANGUAGE
from sandbox.registry import State, state_of
from sandbox.release import THRESHOLDS
from sandbox.report import ARMS, Arm, Blind, Ratings, Report, pairs_to_rate, ratings_of, report_of, say
from sandbox.report_words import name_of
from sandbox.tables import adapters, reports

HIGHER = frozenset({"value_copy", "must_say", "stop_rate", "language"})
GATED = (*asdict(THRESHOLDS), "language", "compliance_hits", "personal_data")
LIMITS: Mapping[str, float] = {
    **asdict(THRESHOLDS),
    "language": LANGUAGE,
    "compliance_hits": 0.0,
    "personal_data": 0.0,
}
OF_STAGES = ("value_copy", "unsupported_values", "must_say", "compliance_hits", "language")
SIDES_PER_PAGE = 4
MOST_CHOICES = 30


@dataclass(frozen=True, slots=True)
class Choice:
    """An adapter that has a report."""

    adapter: str
    stage: str
    state: State
    at: datetime


@dataclass(frozen=True, slots=True)
class FigureRow:
    """`values` in the order of the columns; `passed` None: shown, but not a condition."""

    name: str
    values: tuple[str, ...]
    interval: str
    threshold: str
    passed: bool | None


@dataclass(frozen=True, slots=True)
class StageRow:
    """The candidate per funnel stage; each cell with what it was before, and whether it is worse."""

    stage: str
    answers: int
    cells: tuple[tuple[str, str, bool], ...]


@dataclass(frozen=True, slots=True)
class MemoryRow:
    repeats: int
    exposure: str
    extracted: int
    planted: int


@dataclass(frozen=True, slots=True)
class Answers:
    """One prompt with what each arm wrote, and the plan's own wording."""

    stage: str
    prompt: str
    right: str
    written: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class ReportPage:
    adapter: str
    stage: str
    state: State
    at: datetime
    compared: str
    passed: bool
    sentences: tuple[str, ...]
    arms: tuple[str, ...]
    figures: tuple[FigureRow, ...]
    stages: tuple[StageRow, ...]
    memory: tuple[MemoryRow, ...]
    memory_passed: bool | None
    memory_highest: str
    failed: tuple[str, ...]
    answers: tuple[Answers, ...]
    page: int
    pages: int


@dataclass(frozen=True, slots=True)
class Rating:
    """The next pair to judge; `left` counts what remains, `told` what has been judged by everyone."""

    pair: Blind | None
    remaining: int
    told: Ratings


def choices(parts: Parts, lang: Locale) -> tuple[Choice, ...]:
    """Newest first."""
    query = select(reports.c.adapter, reports.c.at, adapters.c.stage).join(
        adapters, adapters.c.hash == reports.c.adapter
    )
    with reading(parts.db) as tx:
        rows = tx.execute(query.order_by(reports.c.at.desc()).limit(MOST_CHOICES)).all()
        newest = {row.adapter: row for row in reversed(rows)}
        found = [
            Choice(row.adapter, stage_name(parts, row.stage, lang), state_of(tx, row.adapter), row.at)
            for row in sorted(newest.values(), key=lambda row: row.at, reverse=True)
        ]
    return tuple(found)


def report_page(parts: Parts, lang: Locale, adapter: str, page: int = 1) -> ReportPage | None:
    """None for an adapter that has no report. Raises NotFound for one that does not exist."""
    with reading(parts.db) as tx:
        report = report_of(tx, parts.vault, adapter)
        if report is None:
            return None
        state, stage = state_of(tx, adapter), _stage_of(tx, adapter)
    language = language_of(lang)
    arms: tuple[Arm, ...] = tuple(arm for arm in ARMS if arm in report.arms)
    pages = max(1, -(-len(report.sides) // SIDES_PER_PAGE))
    page = min(max(1, page), pages)
    memory = report.memorisation
    called = {name: each.name for name, each in parts.company.phrases.stages.items()}
    return ReportPage(
        adapter=adapter,
        stage=stage_name(parts, stage, lang),
        state=state,
        at=report.at,
        compared=report.compared or "",
        passed=not report.verdict,
        sentences=tuple(say(report, language, called)),
        arms=arms,
        figures=_figures(report, arms, lang),
        stages=tuple(
            StageRow(stage_name(parts, name, lang), found["candidate"].answers, _cells(found, arms))
            for name, found in report.stages.items()
        ),
        memory=_memory(memory),
        memory_passed=memory.passed if memory else None,
        memory_highest=f"{HIGHEST:.1f}",
        failed=tuple(name_of(each, language, called) for each in report.verdict),
        answers=_answers(parts, report, arms, lang, page),
        page=page,
        pages=pages,
    )


def rating(parts: Parts, adapter: str, by: str) -> Rating:
    """What this person has not judged yet."""
    with reading(parts.db) as tx:
        pairs = pairs_to_rate(tx, parts.vault, adapter, by)
        return Rating(pairs[0] if pairs else None, len(pairs), ratings_of(tx, adapter))


def share(value: float) -> str:
    """A share in percent; a dash for what was not measured."""
    return "–" if math.isnan(value) else f"{value:.1%}"


def _stage_of(tx: Connection, adapter: str) -> str:
    return tx.scalar(select(adapters.c.stage).where(adapters.c.hash == adapter)) or ""


def _figures(report: Report, arms: tuple[Arm, ...], lang: Locale) -> tuple[FigureRow, ...]:
    failed = {each.name for each in report.verdict}
    rows: list[FigureRow] = []
    for name in GATED:
        values = tuple(share(float(getattr(report.arms[arm], name))) for arm in arms)
        high = name in HIGHER
        threshold = tr(lang, "at_least" if high else "at_most", value=f"{LIMITS[name]:.0%}")
        low, top = report.after.intervals.get(name, (math.nan, math.nan))
        interval = "" if math.isnan(low) else f"{low:.0%}–{top:.0%}"
        rows.append(FigureRow(name, values, interval, threshold, not failed & {name, f"released.{name}"}))
    losses = tuple(_plain(report.arms[arm].heldout_loss, "{:.3f}") for arm in arms)
    rows.append(FigureRow("heldout_loss", losses, "", tr(lang, "must_fall"), "heldout_loss" not in failed))
    speeds = tuple(_plain(report.arms[arm].tokens_per_s, "{:.0f}") for arm in arms)
    rows.append(FigureRow("tokens_per_s", speeds, "", "", None))
    leaks = tuple("" if arm != "candidate" else f"{report.leaks}/{report.probes}" for arm in arms)
    rows.append(FigureRow("training_leaks", leaks, "", tr(lang, "at_most", value="0"), not report.leaks))
    return tuple(rows)


def _cells(found: Mapping[Arm, Figures], arms: tuple[Arm, ...]) -> tuple[tuple[str, str, bool], ...]:
    """Candidate, what it is compared with, and whether the candidate is worse."""
    other = found["released" if "released" in arms and "released" in found else "base"]
    cells: list[tuple[str, str, bool]] = []
    for name in OF_STAGES:
        own, before = float(getattr(found["candidate"], name)), float(getattr(other, name))
        worse = own < before if name in HIGHER else own > before
        cells.append((share(own), share(before), worse))
    return tuple(cells)


def _memory(memory: Memorisation | None) -> tuple[MemoryRow, ...]:
    if memory is None:
        return ()
    return tuple(
        MemoryRow(repeats, number(bits), memory.extracted.get(repeats, 0), memory.planted)
        for repeats, bits in sorted(memory.exposure.items())
    )


def _answers(parts: Parts, report: Report, arms: tuple[Arm, ...], lang: Locale, page: int) -> tuple[Answers, ...]:
    shown = report.sides[(page - 1) * SIDES_PER_PAGE : page * SIDES_PER_PAGE]
    return tuple(
        Answers(
            stage_name(parts, side.stage, lang) if side.stage else "",
            side.prompt,
            side.right,
            tuple((arm, side.answers[arm]) for arm in arms if arm in side.answers),
        )
        for side in shown
    )


def _plain(value: float, shape: str) -> str:
    return "–" if math.isnan(value) or math.isinf(value) else shape.format(value)
