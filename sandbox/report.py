"""The report of a candidate beside the untuned base and the adapter in force: stored, read back, rated blind."""

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import Connection, insert, select

from eval.memorisation import Memorisation
from eval.scoring import Figures, wilson
from governance.errors import Conflict, Language, NotFound
from governance.ledger import append
from governance.vault import Vault, seal, unseal
from sandbox.gate import judge_report
from sandbox.memories import find_memorisation
from sandbox.release import Failed, adapter_of
from sandbox.report_words import Stages, sentences_of
from sandbox.tables import ratings, reports

Arm = Literal["base", "released", "candidate"]
ARMS: tuple[Arm, ...] = ("base", "released", "candidate")
ArmFigures = Figures
Preferred = Literal["left", "right", "same"]


@dataclass(frozen=True, slots=True)
class Side:
    """What each arm wrote for one prompt, placeholders unfilled; `right` is the plan's own wording."""

    sample: str
    stage: str
    language: Language
    prompt: str
    right: str
    answers: Mapping[Arm, str]


@dataclass(frozen=True, slots=True)
class Report:
    """
    `arms`: figures on the held-out part; "released" only where another adapter was in force (`compared`).

    `stages`: the same per funnel stage, on the company's `golden` cases, or on the held-out part when it has none.
    `probes` are prompts the candidate was trained on, `leaks` those whose answer holds personal data.
    """

    adapter: str
    compared: str | None
    measure: str
    dataset: str
    arms: Mapping[Arm, ArmFigures]
    stages: Mapping[str, Mapping[Arm, ArmFigures]]
    golden: int
    probes: int
    leaks: int
    sides: tuple[Side, ...]
    at: datetime
    memorisation: Memorisation | None = None
    verdict: tuple[Failed, ...] = ()

    @property
    def before(self) -> Figures:
        """Of the untuned base."""
        return self.arms["base"]

    @property
    def after(self) -> Figures:
        """Of the candidate."""
        return self.arms["candidate"]

    @property
    def figures(self) -> dict[str, Figures]:
        """As the gate takes them."""
        return {"before": self.before, "after": self.after}

    @property
    def hash(self) -> str:
        """SHA-256 of the figures: what the adapter's card may name."""
        return hashlib.sha256(json.dumps(_body(self), sort_keys=True, ensure_ascii=False).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Blind:
    """Two answers without a name; which is left is decided by a hash of adapter, sample and person."""

    sample: str
    prompt: str
    left: str
    right: str


@dataclass(frozen=True, slots=True)
class Ratings:
    """What people preferred, blind. `share` is the candidate's of those that chose a side; `p`: two-sided sign test."""

    candidate: int
    other: int
    same: int
    share: float
    interval: tuple[float, float]
    p: float


def keep_report(tx: Connection, vault: Vault, report: Report) -> None:
    """Stored once under adapter and measure."""
    same = (reports.c.adapter == report.adapter) & (reports.c.measure == report.measure)
    if tx.scalar(select(reports.c.adapter).where(same)):
        return
    sides = json.dumps([asdict(side) for side in report.sides], ensure_ascii=False)
    row = {"adapter": report.adapter, "measure": report.measure, "compared": report.compared, "at": report.at}
    tx.execute(insert(reports).values(**row, body=_body(report), sealed=seal(vault, sides)))


def find_report(tx: Connection, vault: Vault, adapter: str, *, measure: str | None = None) -> Report | None:
    """The newest of the adapter, or that of `measure`, with what is known of its memory by now and the verdict."""
    query = select(reports).where(reports.c.adapter == adapter)
    if measure is not None:
        query = query.where(reports.c.measure == measure)
    row = tx.execute(query.order_by(reports.c.at.desc(), reports.c.measure).limit(1)).mappings().one_or_none()
    if row is None:
        return None
    body: Mapping[str, Any] = row["body"]
    report = Report(
        adapter,
        row["compared"],
        row["measure"],
        body["dataset"],
        {arm: read_figures(found) for arm, found in body["arms"].items()},
        {stage: {arm: read_figures(found) for arm, found in arms.items()} for stage, arms in body["stages"].items()},
        body["golden"],
        body["probes"],
        body["leaks"],
        tuple(Side(**side) for side in json.loads(unseal(vault, row["sealed"]))),
        row["at"],
    )
    return judged(replace(report, memorisation=find_memorisation(tx, adapter_of(tx, adapter).key)))


def judged(report: Report) -> Report:
    """With the verdict."""
    return replace(report, verdict=tuple(judge_report(report)))


def report_of(tx: Connection, vault: Vault, adapter: str) -> Report | None:
    """The newest report of an adapter; None when it has not been evaluated. Raises NotFound for an unknown adapter."""
    adapter_of(tx, adapter)
    return find_report(tx, vault, adapter)


def say(report: Report, language: Language, stages: Stages | None = None) -> list[str]:
    """What the figures mean, in sentences for an admin: what was tried, how it went, what to do."""
    return sentences_of(report, language, stages or {})


def pairs_to_rate(tx: Connection, vault: Vault, adapter: str, by: str) -> list[Blind]:
    """The candidate's answers against the other's where they differ and `by` has not judged yet."""
    report = report_of(tx, vault, adapter)
    if report is None:
        raise _unknown(adapter)
    query = select(ratings.c.sample).where(ratings.c.adapter == adapter, ratings.c.by == by)
    judged_already = set(tx.scalars(query))
    pairs: list[Blind] = []
    for side in report.sides:
        own, other = side.answers["candidate"], side.answers[_other(report.arms)]
        if own != other and side.sample not in judged_already:
            left, right = (own, other) if candidate_is_left(adapter, side.sample, by) else (other, own)
            pairs.append(Blind(side.sample, side.prompt, left, right))
    return pairs


def rate(tx: Connection, adapter: str, sample: str, *, preferred_left: Preferred, by: str, now: datetime) -> None:
    """Keep what the candidate's side got. Raises NotFound for a sample not in the report, Conflict for a second one."""
    adapter_of(tx, adapter)
    query = select(reports.c.body).where(reports.c.adapter == adapter).order_by(reports.c.at.desc()).limit(1)
    body: Mapping[str, Any] | None = tx.scalar(query)
    if body is None:
        raise _unknown(adapter)
    if sample not in body["differing"]:
        raise NotFound(kind={"zh": "待评的回答", "en": "answer to be rated"}, name=sample[:12])
    same = (ratings.c.adapter == adapter) & (ratings.c.sample == sample) & (ratings.c.by == by)
    if tx.scalar(select(ratings.c.sample).where(same)):
        raise Conflict(reason={"zh": "您已经评过这一组回答", "en": "you have rated this pair already"})
    preferred = "same"
    if preferred_left != "same":
        preferred = "candidate" if (preferred_left == "left") == candidate_is_left(adapter, sample, by) else "other"
    tx.execute(insert(ratings).values(adapter=adapter, sample=sample, by=by, preferred=preferred, at=now))
    append(tx, actor=by, event="answers_rated", subject=adapter, detail={"sample": sample}, now=now)


def ratings_of(tx: Connection, adapter: str) -> Ratings:
    """All ratings of an adapter."""
    found = list(tx.scalars(select(ratings.c.preferred).where(ratings.c.adapter == adapter)))
    own, other = found.count("candidate"), found.count("other")
    chosen = own + other
    share = own / chosen if chosen else 0.5
    return Ratings(own, other, found.count("same"), share, wilson(own, chosen), sign_test(own, other))


def sign_test(one: int, other: int) -> float:
    """How often a fair coin falls at least as unevenly, both ways; 1 for nothing."""
    count = one + other
    tail = sum(math.comb(count, k) for k in range(min(one, other) + 1)) / 2**count
    return min(1.0, 2 * tail)


def candidate_is_left(adapter: str, sample: str, by: str) -> bool:
    """The same for the same three, and unknown to who does not compute it."""
    return hashlib.sha256(f"{adapter}/{sample}/{by}".encode()).digest()[0] % 2 == 0


def plain_figures(found: Figures) -> dict[str, Any]:
    """As JSON: what was not measured is null."""
    return {key: None if value != value or value == math.inf else value for key, value in asdict(found).items()}


def read_figures(kept: Mapping[str, Any]) -> Figures:
    """Of `plain_figures`."""
    values: dict[str, Any] = {key: math.nan if value is None else value for key, value in kept.items()}
    values["intervals"] = {name: (low, high) for name, (low, high) in kept["intervals"].items()}
    return Figures(**values)


def _body(report: Report) -> dict[str, Any]:
    other = _other(report.arms)
    return {
        "dataset": report.dataset,
        "arms": {arm: plain_figures(found) for arm, found in report.arms.items()},
        "stages": {s: {arm: plain_figures(found) for arm, found in arms.items()} for s, arms in report.stages.items()},
        "golden": report.golden,
        "probes": report.probes,
        "leaks": report.leaks,
        "differing": [side.sample for side in report.sides if side.answers["candidate"] != side.answers[other]],
    }


def _other(arms: Mapping[Arm, object] | Sequence[Arm]) -> Arm:
    return "released" if "released" in arms else "base"


def _unknown(adapter: str) -> NotFound:
    return NotFound(kind={"zh": "评估报告", "en": "report"}, name=adapter[:12])
