"""Cases of sections to be written, and the figures of what was written for them; given outputs need no model."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from eval.jsonl import BadData, at, read_lines
from eval.scoring import Asked, Figures, Phrasing, Tally, score_answer
from eval.scoring import figures as figures_of

CASES = "cases.jsonl"


@dataclass(frozen=True, slots=True)
class Case:
    """One section to write from the known fact groups. `output` is what a model wrote, with its placeholders."""

    line: int
    language: Literal["zh", "en"]
    stage: str
    section: str
    groups: tuple[str, ...]
    disputed: tuple[str, ...]
    output: str | None
    stopped: bool


def read_cases(folder: Path) -> tuple[Case, ...]:
    """cases.jsonl of `folder`; raises BadData with the line. Either every case has an output or none has."""
    kinds = {"language": str, "stage": str, "section": str, "groups": list}
    cases = tuple(_case(line, row) for line, row in read_lines(folder / CASES, kinds))
    if not cases:
        raise BadData(f"{CASES} 没有用例", f"{CASES} holds no case")
    written = [case.output is not None for case in cases]
    if any(written) and not all(written):
        line = cases[written.index(False)].line
        raise at(
            CASES, line, "缺少 output：要么全部给出，要么都不给", "output is missing: give it for all cases or for none"
        )
    return cases


def figures_by(asked: Sequence[Asked], outputs: Sequence[tuple[str, bool]], phrasings: Sequence[Phrasing]) -> Figures:
    """The figures over all answers; `outputs` are texts and whether each ended by itself; one phrasing per answer."""
    tallies: list[Tally] = [
        score_answer(text, what, phrasing, stopped=stopped)
        for what, (text, stopped), phrasing in zip(asked, outputs, phrasings, strict=True)
    ]
    return figures_of(tallies, heldout_loss=float("nan"))


def metrics_of(found: Figures, suffix: str = "") -> dict[str, Any]:
    """As plain numbers, rounded; a loss that was not measured is left out."""
    raw = asdict(found)
    intervals: Mapping[str, tuple[float, float]] = raw.pop("intervals")
    questions: Mapping[str, float] = raw.pop("questions")
    raw |= {f"questions_{name}": value for name, value in questions.items()}
    metrics = {name + suffix: _rounded(value) for name, value in raw.items() if value == value}
    return metrics | {f"{name}{suffix}_95": [_rounded(end) for end in ends] for name, ends in intervals.items()}


def _case(line: int, row: Mapping[str, Any]) -> Case:
    if row["language"] not in ("zh", "en"):
        raise at(CASES, line, "language 应为 zh 或 en", "language must be zh or en")
    disputed, output, stopped = row.get("disputed", []), row.get("output"), row.get("stopped", True)
    if not isinstance(disputed, list) or not all(isinstance(each, str) for each in [*row["groups"], *disputed]):
        raise at(CASES, line, "groups 和 disputed 应为文字列表", "groups and disputed must be lists of text")
    if output is not None and not isinstance(output, str):
        raise at(CASES, line, "output 应为文字", "output must be text")
    if not isinstance(stopped, bool):
        raise at(CASES, line, "stopped 应为 true 或 false", "stopped must be true or false")
    given = tuple(row["groups"]), tuple(str(each) for each in disputed)
    return Case(line, row["language"], row["stage"], row["section"], *given, output, stopped)


def _rounded(value: float) -> float:
    return round(value, 4)
