"""Suite `verification`: sentences with and without faults, judged by the facts (V1) and by the cited texts (V2)."""

import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from eval.verification import SPLITS, Case, Outcome, by_fault, figures, judge, read_cases
from governance.settings import Settings

SHIPPED = Path("golden") / "verification"
LEAST_CPU_S = 1.0


def run(data: Path | None, settings: Settings) -> dict[str, Any]:
    cases = read_cases(data or settings.company / SHIPPED)
    judged = [judge(case) for case in cases]
    metrics = figures(judged) | {"sentences_per_cpu_s": _speed(cases), "lines": len(cases)}
    for split in SPLITS:
        if those := [each for each in judged if each.case.split == split]:
            metrics[split] = figures(those)
    for language in ("zh", "en"):
        if those := [each for each in judged if each.case.language == language]:
            metrics[language] = figures(those)
    metrics["faults"] = by_fault(judged)
    if heldout := [each for each in judged if each.case.split == "heldout"]:
        metrics["faults_heldout"] = by_fault(heldout)
    return metrics


def wrong(judged: Sequence[Outcome]) -> list[Outcome]:
    """Faults that were missed and clean lines that were flagged."""
    return [each for each in judged if each.flagged != bool(each.case.fault)]


def _speed(cases: Sequence[Case]) -> int:
    """Sentences a CPU second, both verifiers, nothing remembered from before."""
    spent, done = 0.0, 0
    while spent < LEAST_CPU_S:
        forget()
        begun = time.process_time()
        for case in cases:
            judge(case)
        spent += time.process_time() - begun
        done += len(cases)
    return round(done / spent)


def forget() -> None:
    """Empty what the verifiers remember of texts and facts."""
    for name, module in list(sys.modules.items()):
        if not name.startswith("eval.grounding"):
            continue
        for remembered in vars(module).values():
            if clear := getattr(remembered, "cache_clear", None):
                clear()
