"""Cases of the latency suite and its figures: the wait for the plan, the first section and the whole script."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from eval.jsonl import at, read_lines
from eval.retrieval import percentile

CASES = "cases.jsonl"
_OPTIONAL = ("product",)


@dataclass(frozen=True, slots=True)
class Case:
    """A script to be written: an id, name or alias of a customer, a stage, perhaps a product."""

    line: int
    customer: str
    stage: str
    product: str
    language: Literal["zh", "en"]


@dataclass(frozen=True, slots=True)
class Waited:
    """Seconds from the click until the plan's wording, the first section, and the whole script were there."""

    plan: float
    first_section: float
    script: float


def read_cases(folder: Path) -> list[Case]:
    """cases.jsonl of `folder`; raises BadData with the line."""
    found: list[Case] = []
    for line, row in read_lines(folder / CASES, {"customer": str, "stage": str, "language": str}):
        if row["language"] not in ("zh", "en"):
            raise at(CASES, line, "language 应为 zh 或 en", "language must be zh or en")
        if not isinstance(row.get("product", ""), str):
            raise at(CASES, line, "product 应为文字", "product must be text")
        if unknown := set(row) - {"customer", "stage", "language", *_OPTIONAL}:
            raise at(CASES, line, f"未知字段 {sorted(unknown)}", f"unknown field {sorted(unknown)}")
        found.append(Case(line, row["customer"], row["stage"], row.get("product", ""), row["language"]))
    if not found:
        raise at(CASES, 1, "没有用例", "there is no case")
    return found


def figures(waited: Mapping[str, Sequence[Waited]], chosen: str) -> dict[str, float]:
    """
    Percentiles of the product's way without a suffix, of the other ways with theirs, and the ratio of the whole script.

    `waited`: way → its runs over the same cases, taken in turn, so that what else the machine does meets all alike.
    """
    found = {
        "plan_p50_s": _at(50, [each.plan for runs in waited.values() for each in runs]),
        "first_section_p50_s": _at(50, [each.first_section for each in waited[chosen]]),
        "first_section_p95_s": _at(95, [each.first_section for each in waited[chosen]]),
        "script_p50_s": _at(50, [each.script for each in waited[chosen]]),
        "script_p95_s": _at(95, [each.script for each in waited[chosen]]),
    }
    for way, runs in waited.items():
        found[f"first_section_p50_s_{way}"] = _at(50, [each.first_section for each in runs])
        found[f"script_p50_s_{way}"] = _at(50, [each.script for each in runs])
    if "batch" in waited and "each" in waited:
        pairs = zip(waited["each"], waited["batch"], strict=True)
        ratios = sorted(one.script / together.script for one, together in pairs)
        found["each_to_batch"] = _at(50, ratios)
    return found


def _at(part: int, seconds: Sequence[float]) -> float:
    return round(percentile(list(seconds), part), 3)
