"""The guard figures of a gradual release, and the pure decision over what was observed: fine, suspicious, or worse."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np

from rag.company import Bilingual
from sandbox.sequential import LEVELS, Floats, Histogram, histogram, log_e_value, log_e_value_limit, threshold

Arm = Literal["candidate", "baseline"]
Finding = Literal["waiting", "fine", "suspicious", "worse"]
FIGURES = ("edit_distance", "rejection", "verification_failure", "complaint", "latency")
FALSE_ALARMS = 0.05  # the most equal adapters that are ever rolled back, over all figures and all looks
SUSPICIOUS = 10.0  # an e-value from here on keeps the next step back unless a person says why not


@dataclass(frozen=True, slots=True)
class Guard:
    """
    `scale`: from here on an observation counts as 1; `margin`: what a candidate may be worse by, in the same unit.

    `limit`: the most that is allowed where no adapter was in force before, so that there is none to compare with;
    None: compared with the plan's own wording.
    """

    zh: str
    en: str
    scale: float
    margin: float
    limit: float | None = None


GUARDS: Mapping[str, Guard] = {
    "edit_distance": Guard("人工修改幅度", "edited by people", 0.5, 0.02),
    "rejection": Guard("审核驳回率", "rejected in review", 1.0, 0.01),
    "verification_failure": Guard("核验未通过的句子", "sentences that failed verification", 0.25, 0.005, 0.2),
    "complaint": Guard("投诉率", "complaints", 1.0, 0.01),
    "latency": Guard("起草耗时（秒）", "seconds to write", 60.0, 3.0, 45.0),
}


@dataclass(frozen=True, slots=True)
class Observed:
    """`count` observations of one value at one step of the release."""

    share: int
    arm: Arm
    value: float
    count: int = 1


@dataclass(frozen=True, slots=True)
class Verdict:
    """One figure: how many of each arm, their means, and how strongly the evidence says "worse"."""

    figure: str
    candidate: int
    candidate_mean: float
    baseline: int
    baseline_mean: float
    e_value: float
    needed: float  # the e-value at which the candidate is rolled back
    finding: Finding

    def say(self) -> Bilingual:
        """The figure in words."""
        guard, means = GUARDS[self.figure], (self.candidate_mean, self.baseline_mean)
        own, other = ("–" if math.isnan(mean) else f"{mean:.3f}" for mean in means)
        return Bilingual(
            zh=f"{guard.zh}：新 {own}（{self.candidate} 份），旧 {other}（{self.baseline} 份）",
            en=f"{guard.en}: new {own} ({self.candidate}), old {other} ({self.baseline})",
        )


def step_evidence(candidate: Histogram, baseline: Histogram, margin: float) -> Floats:
    """
    The logarithm for one step, in which both arms were seen.

    Half of the wealth is staked: a step with little data in it cannot use up what another one found.
    """
    return np.logaddexp(0.0, log_e_value(candidate, baseline, margin)) - math.log(2)


def judge_figure(figure: str, observed: Iterable[Observed], *, has_baseline: bool) -> Verdict:
    """
    What the observations of one figure say, pure.

    The shadow is one test and what customers saw another, whose evidence multiplies: in the shadow both write every
    script, later different customers. Every figure gets an equal part of the false alarms allowed (Bonferroni).
    """
    guard, found = GUARDS[figure], list(observed)
    arms: dict[tuple[bool, Arm], Histogram] = {}
    for each in found:
        key = (each.share == 0, each.arm)
        arms[key] = arms.get(key, _NOTHING) + each.count * histogram([each.value / guard.scale])
    if not has_baseline and guard.limit is not None:
        total = sum((counts for (_, arm), counts in arms.items() if arm == "candidate"), start=_NOTHING)
        evidence = float(log_e_value_limit(total, guard.limit / guard.scale))
    else:
        margin = guard.margin / guard.scale
        both = [shadow for shadow, arm in arms if arm == "candidate" and (shadow, "baseline") in arms]
        evidence = sum(float(step_evidence(arms[s, "candidate"], arms[s, "baseline"], margin)) for s in both)
    level = FALSE_ALARMS / len(FIGURES)
    (own, own_mean), (other, other_mean) = (_mean(found, arm) for arm in ("candidate", "baseline"))
    finding: Finding = "fine" if own else "waiting"
    if evidence >= threshold(level):
        finding = "worse"
    elif evidence >= math.log(SUSPICIOUS):
        finding = "suspicious"
    return Verdict(figure, own, own_mean, other, other_mean, math.exp(min(evidence, 700.0)), 1 / level, finding)


def storable(figure: str, value: float) -> float | None:
    """As it is kept: few distinct values, so that a long release stays cheap to judge; None for what is none."""
    if not math.isfinite(value) or value < 0 or (figure != "latency" and value > 1):
        return None
    return round(value, 1 if figure == "latency" else 3)


_NOTHING: Histogram = np.zeros(LEVELS + 1, dtype=np.int64)


def _mean(found: list[Observed], arm: Arm) -> tuple[int, float]:
    own = [(each.value, each.count) for each in found if each.arm == arm]
    count = sum(number for _, number in own)
    return count, sum(value * number for value, number in own) / count if count else math.nan
