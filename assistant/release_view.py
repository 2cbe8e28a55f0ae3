"""What the release tab shows: the registry with its approvals, what is in force, gradual releases, the history."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, func, select

from assistant.i18n import TEXTS, Locale, language_of, tr
from assistant.parts import Parts
from assistant.report_view import share
from assistant.training_view import number, stage_name
from eval.scoring import wilson
from governance.accounts import User
from governance.db import reading
from governance.tables import ledger
from sandbox.registry import Approval, Entry, State, adapters_in, alias_of, trainers_of
from sandbox.rollout import SHARES, Rollout, rollout_view
from sandbox.tables import (
    adapter_states,
    adapters,
    aliases,
    approvals,
    evaluations,
    memorisations,
    observations,
    rollouts,
)

RATES = frozenset({"rejection", "complaint"})
EVENTS = (
    "adapter_trained", "adapter_approval", "adapter_state", "alias_moved", "rollout_started", "rollout_advanced",
    "rollout_ended", "answers_rated",
)  # fmt: skip
MOST_EVENTS, MOST_ADAPTERS, MOST_ROLLOUTS = 60, 50, 20


@dataclass(frozen=True, slots=True)
class EntryRow:
    """`why_not`: the text key of what keeps this user from deciding; empty when he may."""

    adapter: str
    stage_id: str
    stage: str
    state: State
    trainers: tuple[str, ...]
    created_at: datetime
    figures: str
    passed: bool | None
    in_force: tuple[str, ...]
    approvals: tuple[Approval, ...]
    given: int
    needed: int
    why_not: str
    startable: tuple[tuple[int, str], ...]  # shares that a release may begin with
    busy: bool  # takes part in a gradual release


@dataclass(frozen=True, slots=True)
class Force:
    """Which adapter answers in a stage; empty: the plan's own wording."""

    stage_id: str
    stage: str
    adapter: str
    since: datetime | None
    by: str
    own: bool


@dataclass(frozen=True, slots=True)
class GuardRow:
    """One guard figure in both arms: how many, the mean, its 95 % interval; `evidence` reaches 1 at the roll-back."""

    figure: str
    candidate: str
    candidate_n: int
    baseline: str
    baseline_n: int
    finding: str
    evidence: int


@dataclass(frozen=True, slots=True)
class RolloutRow:
    id: str
    stage: str
    candidate: str
    baseline: str
    share: int
    status: str
    reason: str
    by: str
    started_at: datetime
    changed_at: datetime
    seen: int
    needed: int
    steps: tuple[tuple[int, str], ...]
    figures: tuple[GuardRow, ...]
    next_share: int | None
    ready: bool
    verdict: str


@dataclass(frozen=True, slots=True)
class Happened:
    at: datetime
    by: str
    what: str
    subject: str
    reason: str


def registry(parts: Parts, lang: Locale, user: User) -> tuple[EntryRow, ...]:
    """Every adapter, newest first, with what this user may do about it."""
    needed = parts.settings.approvals
    with reading(parts.db) as tx:
        running = list(tx.execute(select(rollouts).where(rollouts.c.status == "running")).mappings())
        rows = [_entry(tx, parts, lang, user, entry, needed, running) for entry in adapters_in(tx)[:MOST_ADAPTERS]]
    return tuple(rows)


def in_force(parts: Parts, lang: Locale) -> tuple[Force, ...]:
    """All stages together first, then each stage; `own` is False where it falls back to the adapter of all stages."""
    found: list[Force] = []
    with reading(parts.db) as tx:
        for stage in ("", *parts.company.phrases.stages):
            query = select(aliases).where(aliases.c.stage == stage).order_by(aliases.c.number.desc()).limit(1)
            row = tx.execute(query).one_or_none()
            name = alias_of(tx, stage) or ""
            own = row is not None and bool(row.adapter)
            found.append(
                Force(
                    stage,
                    stage_name(parts, stage, lang),
                    name,
                    row.at if row else None,
                    row.by if row else "",
                    own,
                )
            )
    return tuple(found)


def gradual(parts: Parts, lang: Locale) -> tuple[RolloutRow, ...]:
    """What runs first, then what is over, newest first."""
    with reading(parts.db) as tx:
        found = rollout_view(tx)[:MOST_ROLLOUTS]
        rows = [_rollout(tx, parts, lang, each) for each in found]
    return tuple(sorted(rows, key=lambda row: row.status != "running"))


def history(parts: Parts, lang: Locale) -> tuple[Happened, ...]:
    """The ledger's events about adapters and releases, newest first, with the reasons that the tables hold."""
    query = select(ledger).where(ledger.c.event.in_(EVENTS)).order_by(ledger.c.sequence.desc()).limit(MOST_EVENTS)
    with reading(parts.db) as tx:
        rows = tx.execute(query).mappings().all()
        reasons = _reasons(tx, language_of(lang))
    return tuple(_happened(row, reasons, lang) for row in rows)


def _entry(
    tx: Connection, parts: Parts, lang: Locale, user: User, entry: Entry, needed: int, running: Sequence[Any]
) -> EntryRow:
    trainers = trainers_of(tx, entry.adapter)
    given = sum(each.decision == "approve" for each in entry.approvals)
    fresh = alias_of(tx, entry.stage) is None
    startable: list[tuple[int, str]] = []
    servable = entry.state in ("approved", "released") and entry.stage not in entry.stages
    if servable and not any(row["stage"] == entry.stage and row["share"] < 100 for row in running):
        startable = [(each, tr(lang, f"start_{each}")) for each in (0, 5, *((100,) if fresh else ()))]
    return EntryRow(
        adapter=entry.adapter,
        stage_id=entry.stage,
        stage=stage_name(parts, entry.stage, lang),
        state=entry.state,
        trainers=tuple(sorted(trainers)),
        created_at=entry.created_at,
        figures=_short_figures(tx, entry.adapter, lang),
        passed=entry.passed,
        in_force=tuple(stage_name(parts, each, lang) for each in entry.stages),
        approvals=entry.approvals,
        given=given,
        needed=needed,
        why_not=_why_not(tx, entry, user, trainers),
        startable=tuple(startable),
        busy=any(entry.adapter in (row["candidate"], row["baseline"]) for row in running),
    )


def _why_not(tx: Connection, entry: Entry, user: User, trainers: set[str]) -> str:
    """What `approve` would refuse, said before anyone tries."""
    if entry.state != "candidate":
        return "decided_already"
    if user.name in trainers:
        return "own_adapter"
    if any(each.by == user.name for each in entry.approvals):
        return "own_vote"
    if not entry.passed:
        return "below_gate" if entry.passed is False else "not_measured"
    key = tx.scalar(select(adapters.c.key).where(adapters.c.hash == entry.adapter))
    memory = tx.scalar(select(memorisations.c.passed).where(memorisations.c.key == key))
    return "" if memory else "memory_missing" if memory is None else "memory_failed"


def _short_figures(tx: Connection, adapter: str, lang: Locale) -> str:
    query = select(evaluations.c.after).where(evaluations.c.adapter == adapter).order_by(evaluations.c.at.desc())
    after: Mapping[str, Any] | None = tx.scalar(query.limit(1))
    if not after:
        return ""
    names = ("value_copy", "unsupported_values")
    said = [f"{tr(lang, f'short_{name}')} {share(float(after[name]))}" for name in names if after.get(name) is not None]
    return " · ".join(said)


def _rollout(tx: Connection, parts: Parts, lang: Locale, each: Rollout) -> RolloutRow:
    bad = next((v for v in each.figures if v.finding in ("worse", "suspicious")), None)
    enough = each.seen >= each.needed
    language = language_of(lang)
    verdict = tr(lang, "verdict_fine")
    if bad is not None:
        verdict = f"{tr(lang, f'finding_{bad.finding}')}{tr(lang, 'colon')}{bad.say().say(language)}"
    elif not enough:
        verdict = tr(lang, "verdict_waiting", seen=each.seen, needed=each.needed)
    elif each.baseline is None:
        verdict = tr(lang, "verdict_alone")
    steps = tuple((at, "done" if at < each.share else "active" if at == each.share else "later") for at in SHARES)
    return RolloutRow(
        id=each.id,
        stage=stage_name(parts, each.stage, lang),
        candidate=each.candidate,
        baseline=each.baseline or "",
        share=each.share,
        status=each.status,
        reason=each.reason.say(language),
        by=each.by,
        started_at=each.started_at,
        changed_at=each.changed_at,
        seen=each.seen,
        needed=each.needed,
        steps=steps,
        figures=_guards(tx, each, lang),
        next_share=each.next_share,
        ready=bad is None and enough,
        verdict=verdict,
    )


def _guards(tx: Connection, each: Rollout, lang: Locale) -> tuple[GuardRow, ...]:
    spread = _spread(tx, each.id)
    return tuple(
        GuardRow(
            figure=v.figure,
            candidate=_mean(v.figure, v.candidate, v.candidate_mean, spread.get((v.figure, "candidate"), 0.0)),
            candidate_n=v.candidate,
            baseline=_mean(v.figure, v.baseline, v.baseline_mean, spread.get((v.figure, "baseline"), 0.0)),
            baseline_n=v.baseline,
            finding=tr(lang, f"finding_{v.finding}"),
            evidence=min(100, max(0, round(100 * math.log(max(v.e_value, 1.0)) / math.log(v.needed)))),
        )
        for v in each.figures
    )


def _spread(tx: Connection, rollout: str) -> dict[tuple[str, str], float]:
    """Standard deviation of each figure in each arm."""
    o = observations.c
    sums = select(
        o.figure, o.arm, func.count().label("n"), func.avg(o.value).label("m"), func.avg(o.value * o.value).label("s")
    )
    rows = tx.execute(sums.where(o.rollout == rollout).group_by(o.figure, o.arm))
    return {(row.figure, row.arm): math.sqrt(max(0.0, row.s - row.m * row.m)) for row in rows}


def _mean(figure: str, count: int, mean: float, spread: float) -> str:
    """With its 95 % interval: Wilson's for rates, the normal one for the others."""
    if not count or math.isnan(mean):
        return "–"
    if figure in RATES:
        low, high = wilson(round(mean * count), count)
        return f"{mean:.1%} ({low:.0%}–{high:.0%})"
    half = 1.96 * spread / math.sqrt(count)
    if figure == "latency":
        return f"{number(mean)} s ± {number(half)}"
    return f"{mean:.1%} ± {half:.1%}"


Reasons = Mapping[tuple[str, str], str]  # who and when → why


def _reasons(tx: Connection, language: str) -> Reasons:
    found: dict[tuple[str, str], str] = {}
    for table in (adapter_states, aliases, approvals):
        newest = select(table.c.by, table.c.at, table.c.reason).order_by(table.c.at.desc()).limit(4 * MOST_EVENTS)
        found |= {(row.by, row.at.isoformat(timespec="microseconds")): row.reason for row in tx.execute(newest)}
    newest = select(rollouts).order_by(rollouts.c.changed_at.desc()).limit(4 * MOST_EVENTS)
    for row in tx.execute(newest):
        reason = row.reason_zh if language == "zh" else row.reason_en
        found.setdefault(("", row.changed_at.isoformat(timespec="microseconds")), reason)
    return found


def _happened(row: Any, reasons: Reasons, lang: Locale) -> Happened:
    detail: Mapping[str, Any] = json.loads(row["detail"])
    key = f"happened_{row['event']}"
    state = detail.get("state") or detail.get("status") or ""
    said = tr(lang, f"state_{state}") if f"state_{state}" in TEXTS else str(state)
    share_now = detail.get("share")
    what = tr(lang, key) if key in TEXTS else str(row["event"])
    extra = said or (f"{share_now}%" if share_now is not None else "")
    reason = reasons.get((row["actor"], row["at"])) or reasons.get(("", row["at"]), "")
    return Happened(datetime.fromisoformat(row["at"]), row["actor"], f"{what} {extra}".strip(), row["subject"], reason)
