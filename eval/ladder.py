"""Cases of the quality ladder: base models that are trained on the same data set and asked the same questions."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from eval.jsonl import at, read_lines

CASES = "cases.jsonl"
SHOWN = ("value_copy", "unsupported_values", "must_say", "stop_rate", "wrong_type", "heldout_loss")


@dataclass(frozen=True, slots=True)
class Rung:
    """`base`: a folder or a hub name, "" for the embedded model. `name` prefixes its figures."""

    name: str
    base: str


EMBEDDED = Rung("embedded", "")


def read_rungs(folder: Path) -> list[Rung]:
    """cases.jsonl of `folder`, the embedded model before them; raises BadData with the line."""
    found = [EMBEDDED]
    for line, row in read_lines(folder / CASES, {"name": str, "base": str}):
        if unknown := set(row) - {"name", "base"}:
            raise at(CASES, line, f"未知字段 {sorted(unknown)}", f"unknown field {sorted(unknown)}")
        if not row["name"].isidentifier() or row["name"] in {rung.name for rung in found}:
            raise at(
                CASES,
                line,
                "name 应为字母、数字和下划线，且不重复",
                "name must be letters, digits and underscores, and used once",
            )
        found.append(Rung(row["name"], row["base"]))
    if len(found) == 1:
        raise at(CASES, 1, "没有用例", "there is no case")
    return found


def table(rungs: Sequence[tuple[Rung, Mapping[str, Any], Mapping[str, Any]]]) -> dict[str, Any]:
    """Per rung the figures before and after training, with its name in front; and what it cost."""
    metrics: dict[str, Any] = {}
    for rung, figures, about in rungs:
        metrics |= {f"{rung.name}_{name}": figures[name] for name in SHOWN if name in figures}
        metrics |= {f"{rung.name}_{name}_base": figures[f"{name}_base"] for name in SHOWN if f"{name}_base" in figures}
        metrics |= {f"{rung.name}_{name}": value for name, value in about.items()}
    return metrics
