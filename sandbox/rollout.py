"""Gradual release: shadow → 5 → 25 → 100 % of the customers, watched figure by figure, rolled back by itself."""

import hashlib
import hmac
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, Protocol
from uuid import uuid4

from sqlalchemy import ColumnElement, Connection, exists, func, insert, select, update

from governance.errors import Conflict, Invalid, NotFound, Refused
from governance.ledger import append
from rag.company import Bilingual
from sandbox.guards import FIGURES, SUSPICIOUS, Arm, Observed, Verdict, judge_figure, storable
from sandbox.registry import (
    SERVABLE,
    alias_of,
    check_servable,
    checked_reason,
    move_alias,
    previous,
    reason_detail,
    state_of,
    take_turn,
)
from sandbox.tables import aliases, observations, rollouts

__all__ = ["FIGURES", "SHARES", "Arm", "Verdict"]

Status = Literal["running", "done", "rolled_back", "stopped"]
SHARES = (0, 5, 25, 100)  # percent of the customers; 0 is the shadow: the candidate writes too, and nobody sees it
LEAST = {0: 20, 5: 20, 25: 60, 100: 0}  # scripts of the candidate at a step before the next one
AUTOMATIC = "xinyan"  # who rolled back when no person did
BUCKETS = 10_000


class Dividing(Protocol):
    """What decides whom a customer belongs to."""

    @property
    def id(self) -> str: ...
    @property
    def share(self) -> int: ...


@dataclass(frozen=True, slots=True)
class Rollout:
    """A gradual release with all its figures. `seen`: scripts of the candidate at the present share."""

    id: str
    stage: str
    candidate: str
    baseline: str | None
    share: int
    status: Status
    reason: Bilingual
    by: str
    started_at: datetime
    changed_at: datetime
    seen: int
    needed: int
    figures: tuple[Verdict, ...]

    @property
    def next_share(self) -> int | None:
        """Of the next step; None when only the end is left."""
        return SHARES[SHARES.index(self.share) + 1] if self.share < 100 else None


@dataclass(frozen=True, slots=True)
class Choice:
    """Who writes: `adapter` None is the plan's own wording; `shadow` writes too and is not shown."""

    adapter: str | None
    rollout: str | None = None
    arm: Arm = "baseline"
    shadow: str | None = None


def start_rollout(
    tx: Connection,
    stage: str,
    candidate: str,
    *,
    by: str,
    reason: str,
    now: datetime,
    share: int = 0,
    override: bool = False,
) -> str:
    """
    Begin in the shadow, or with 5 %; returns the id. Raises Refused, Conflict, Invalid.

    Straight to more than that takes an `override` with its reason, unless nothing was in force before. A first
    release to everyone is done at once.
    """
    reason = checked_reason(reason)
    if share not in SHARES:
        raise Invalid(reason={"zh": f"比例只能是 {SHARES}", "en": f"the share is one of {SHARES}"})
    take_turn(tx)
    check_servable(tx, stage, candidate)
    baseline = alias_of(tx, stage)
    if baseline == candidate:
        raise Conflict(reason={"zh": "该适配器已在使用", "en": "the adapter is in force already"})
    running = running_rollout(tx, stage)
    if running is not None and running["share"] < 100:
        raise Conflict(reason={"zh": "该阶段已有灰度发布在进行", "en": "a gradual release of this stage is running"})
    if running is not None:
        _end(tx, running["id"], "done", _own(reason), by=by, now=now)
    if share > SHARES[1] and baseline is not None and not override:
        raise _too_soon()
    rollout = "r_" + uuid4().hex[:16]
    status: Status = "done" if share == 100 and baseline is None else "running"
    row = {"id": rollout, "stage": stage, "candidate": candidate, "baseline": baseline, "share": share}
    said = {"reason_zh": reason, "reason_en": reason, "by": by, "started_at": now, "changed_at": now}
    tx.execute(insert(rollouts).values(**row, **said, status=status))
    detail = {"stage": stage, "candidate": candidate, "share": share, "override": override, **reason_detail(reason)}
    append(tx, actor=by, event="rollout_started", subject=rollout, detail=detail, now=now)
    if share == 100:
        move_alias(tx, stage, candidate, reason=reason, by=by, now=now)
    return rollout


def advance(
    tx: Connection,
    rollout: str,
    *,
    by: str,
    reason: str,
    now: datetime,
    share: int | None = None,
    override: bool = False,
    seen_share: int | None = None,
) -> Rollout:
    """
    Go on: to the next share, or `share`; from 100 % to the end. Raises NotFound, Conflict, Refused, Invalid.

    Needs enough scripts at the present share and no suspicious figure, or an `override` with its reason; without a
    baseline a person's word is enough. `seen_share`: what the person saw when he decided; another one is a Conflict.
    """
    reason = checked_reason(reason)
    take_turn(tx)
    current = rollout_of(tx, rollout)
    if current.status != "running" or seen_share not in (None, current.share):
        raise _changed()
    target = current.next_share if share is None else share
    if target is None:
        _end(tx, rollout, "done", _own(reason), by=by, now=now)
        return rollout_of(tx, rollout)
    if target not in SHARES or target <= current.share:
        raise Invalid(reason={"zh": "只能提高比例", "en": "the share can only be raised"})
    if not override:
        _check_ready(current, target)
    values = {"share": target, "changed_at": now, "reason_zh": reason, "reason_en": reason}
    same = (rollouts.c.id == rollout) & (rollouts.c.share == current.share) & (rollouts.c.status == "running")
    if not tx.execute(update(rollouts).where(same).values(**values)).rowcount:
        raise _changed()
    detail = {"before": current.share, "share": target, "override": override, **reason_detail(reason)}
    append(tx, actor=by, event="rollout_advanced", subject=rollout, detail=detail, now=now)
    if target == 100:
        check_servable(tx, current.stage, current.candidate)
        move_alias(tx, current.stage, current.candidate, reason=reason, by=by, now=now)
    return rollout_of(tx, rollout)


def roll_back(tx: Connection, stage_or_rollout: str, *, by: str, reason: str, now: datetime) -> str | None:
    """
    End the running release of a stage, or of this id, at once; without one put the adapter before in force again.

    Returns what is in force now; None: the plan's own wording. Raises Conflict when there is nothing to roll back.
    """
    reason = checked_reason(reason)
    take_turn(tx)
    row = _row(tx, stage_or_rollout) if stage_or_rollout.startswith("r_") else running_rollout(tx, stage_or_rollout)
    if row is not None:
        if row["status"] != "running":
            raise _changed()
        _roll_back(tx, row, _own(reason), by=by, now=now)
        return alias_of(tx, row["stage"])
    stage = stage_or_rollout
    own = select(aliases.c.adapter).where(aliases.c.stage == stage).order_by(aliases.c.number.desc()).limit(1)
    if tx.scalar(own) is None:
        raise Conflict(reason={"zh": "该阶段没有可回滚的适配器", "en": "there is nothing to roll back for this stage"})
    move_alias(tx, stage, previous(tx, stage), reason=reason, by=by, now=now)
    return alias_of(tx, stage)


def stop(tx: Connection, rollout: str, *, by: str, reason: str, now: datetime) -> None:
    """End a release without a judgement, before it reached everyone; what was in force stays. Raises Conflict."""
    reason = checked_reason(reason)
    take_turn(tx)
    row = _row(tx, rollout)
    if row["status"] != "running" or row["share"] == 100:
        raise _changed()
    _end(tx, rollout, "stopped", _own(reason), by=by, now=now)


def choose(tx: Connection, stage: str, customer: str) -> Choice | None:
    """Who writes for this customer; the stage's own release or alias goes before that of all stages."""
    row = running_rollout(tx, stage)
    if row is None and stage and not tx.scalar(select(exists().where(aliases.c.stage == stage))):
        row = running_rollout(tx, "")
    if row is None:
        adapter = alias_of(tx, stage)
        return Choice(adapter) if adapter else None
    arm = arm_of(_Divided(row["id"], row["share"]), customer)
    adapter = row["candidate"] if arm == "candidate" else row["baseline"]
    return Choice(adapter, row["id"], arm, row["candidate"] if row["share"] == 0 else None)


def arm_of(rollout: Dividing, customer: str) -> Arm:
    """Sticky, and who is in at 5 % stays in at 25 %; another release draws other customers first."""
    drawn = hmac.new(rollout.id.encode(), customer.encode(), hashlib.sha256).digest()
    return "candidate" if int.from_bytes(drawn[:8], "big") % BUCKETS < rollout.share * BUCKETS // 100 else "baseline"


def observe(
    tx: Connection, rollout: str, *, arm: Arm, script: str, figure: str, value: float, now: datetime
) -> Verdict:
    """
    Append what was seen of a script, judge the figure, and roll back when the candidate is worse.

    The same figure of the same script counts once; a complaint may follow the note that there was none. What comes
    after the end is kept and changes nothing. Raises NotFound, Invalid.
    """
    row = _row(tx, rollout)
    kept = storable(figure, value) if figure in FIGURES and arm in ("candidate", "baseline") else None
    if kept is None:
        raise Invalid(reason={"zh": "不是有效的观测值", "en": "not an observation"})
    same = (observations.c.rollout == rollout) & (observations.c.figure == figure) & (observations.c.arm == arm)
    same &= observations.c.script == script
    if figure == "complaint":
        same &= observations.c.value == kept
    if tx.scalar(select(observations.c.number).where(same)) is None:
        seen = {"arm": arm, "script": script, "figure": figure, "value": kept, "at": now}
        tx.execute(insert(observations).values(rollout=rollout, share=row["share"], **seen))
    verdict = judge_figure(figure, _observed(tx, row, figure), has_baseline=row["baseline"] is not None)
    if row["status"] == "running" and verdict.finding == "worse":
        take_turn(tx)
        said = verdict.say()
        reason = Bilingual(zh=f"自动回滚：{said.zh}", en=f"rolled back automatically: {said.en}")
        _roll_back(tx, row, reason, by=AUTOMATIC, now=now)
    return verdict


def rollout_of(tx: Connection, rollout: str) -> Rollout:
    """Raises NotFound."""
    return _view(tx, _row(tx, rollout))


def rollout_view(tx: Connection) -> list[Rollout]:
    """All of them, newest first."""
    rows = tx.execute(select(rollouts).order_by(rollouts.c.started_at.desc(), rollouts.c.id)).mappings().all()
    return [_view(tx, row) for row in rows]


def running_rollout(tx: Connection, stage: str) -> Any | None:
    """The row of the stage's own release that runs."""
    query = select(rollouts).where(rollouts.c.stage == stage, rollouts.c.status == "running")
    return tx.execute(query.order_by(rollouts.c.started_at.desc()).limit(1)).mappings().one_or_none()


@dataclass(frozen=True, slots=True)
class _Divided:
    id: str
    share: int


def _row(tx: Connection, rollout: str) -> Any:
    row = tx.execute(select(rollouts).where(rollouts.c.id == rollout)).mappings().one_or_none()
    if row is None:
        raise NotFound(kind={"zh": "灰度发布", "en": "gradual release"}, name=rollout[:20])
    return row


def _view(tx: Connection, row: Any) -> Rollout:
    has = row["baseline"] is not None
    figures = tuple(judge_figure(figure, _observed(tx, row, figure), has_baseline=has) for figure in FIGURES)
    o = observations.c
    written = _counted(row) & (o.share == row["share"]) & (o.arm == "candidate")
    seen = tx.scalar(select(func.count(o.script.distinct())).where(written)) or 0
    values = {name: value for name, value in row.items() if name not in ("reason_zh", "reason_en")}
    reason = Bilingual(zh=row["reason_zh"], en=row["reason_en"])
    return Rollout(**values, reason=reason, seen=seen, needed=LEAST[row["share"]] if has else 0, figures=figures)


def _observed(tx: Connection, row: Any, figure: str) -> list[Observed]:
    o = observations.c
    query = select(o.share, o.arm, o.value, func.count()).where(_counted(row), o.figure == figure)
    rows = tx.execute(query.group_by(o.share, o.arm, o.value).order_by(o.share, o.arm, o.value))
    return [Observed(share, arm, value, count) for share, arm, value, count in rows]


def _counted(row: Any) -> ColumnElement[bool]:
    """Of an ended release only what was seen before its end."""
    own = observations.c.rollout == row["id"]
    return own if row["status"] == "running" else own & (observations.c.at <= row["changed_at"])


def _check_ready(current: Rollout, target: int) -> None:
    if bad := [each for each in current.figures if each.finding in ("suspicious", "worse")]:
        said = bad[0].say()
        zh = f"{said.zh}，证据强度 {bad[0].e_value:.0f} ≥ {SUSPICIOUS:.0f}；请继续观察，或写明理由强制推进"
        en = f"{said.en}, evidence {bad[0].e_value:.0f} >= {SUSPICIOUS:.0f}; wait, or override with a reason"
        raise Refused(reason={"zh": zh, "en": en})
    if current.baseline is None:
        return
    if target != current.next_share:
        raise _too_soon()
    if current.seen < current.needed:
        zh = f"当前比例下只有 {current.seen} 份话术，至少需要 {current.needed} 份；也可写明理由强制推进"
        en = f"only {current.seen} scripts at this share, {current.needed} are needed; or override with a reason"
        raise Refused(reason={"zh": zh, "en": en})


def _roll_back(tx: Connection, row: Any, reason: Bilingual, *, by: str, now: datetime) -> None:
    _end(tx, row["id"], "rolled_back", reason, by=by, now=now)
    if row["share"] == 100:
        fit = row["baseline"] is not None and state_of(tx, row["baseline"]) in SERVABLE
        target = row["baseline"] if fit else previous(tx, row["stage"])
        move_alias(tx, row["stage"], target, reason=reason.en[:500], by=by, now=now)


def _end(tx: Connection, rollout: str, status: Status, reason: Bilingual, *, by: str, now: datetime) -> None:
    values = {"status": status, "changed_at": now, "reason_zh": reason.zh, "reason_en": reason.en}
    same = (rollouts.c.id == rollout) & (rollouts.c.status == "running")
    if not tx.execute(update(rollouts).where(same).values(**values)).rowcount:
        raise _changed()
    detail = {"status": status, **reason_detail(reason.zh)}
    append(tx, actor=by, event="rollout_ended", subject=rollout, detail=detail, now=now)


def _own(reason: str) -> Bilingual:
    """A person's words are not translated."""
    return Bilingual(zh=reason, en=reason)


def _too_soon() -> Refused:
    zh, en = (
        "不能跳过步骤；如确有必要，请写明理由强制推进",
        "no step may be left out; override with a reason if it must be",
    )
    return Refused(reason={"zh": zh, "en": en})


def _changed() -> Conflict:
    zh, en = "该灰度发布的状态已变化，请刷新页面", "the gradual release is in another state by now; reload"
    return Conflict(reason={"zh": zh, "en": en})
