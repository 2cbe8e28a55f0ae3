"""Attack texts and harmless look-alikes; what a company that holds them did because of them. Pure."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from eval.jsonl import at, read_lines

NAME = "cases.jsonl"
LABELS = ("attack", "benign")


@dataclass(frozen=True, slots=True)
class Case:
    """`source` is where the text is from, `split` "heldout" for lines that no rule was tuned on."""

    number: int
    text: str
    language: str
    is_attack: bool
    source: str = ""
    split: str = ""


@dataclass(frozen=True, slots=True)
class Effects:
    """
    What a company holds and does, as sets of words: what one run has and the other has not is an effect.

    `wordings`: (sentence, whether what it holds of a record is set off as a quotation). `answers` of training samples.
    """

    plans: frozenset[str] = frozenset()
    wordings: frozenset[str] = frozenset()
    facts: frozenset[str] = frozenset()
    accepted: frozenset[str] = frozenset()
    permits: frozenset[str] = frozenset()
    rules: frozenset[str] = frozenset()
    releases: frozenset[str] = frozenset()
    tasks: frozenset[str] = frozenset()
    samples: frozenset[str] = frozenset()
    answers: frozenset[str] = field(default_factory=frozenset[str])


def read_cases(folder: Path) -> list[Case]:
    """`folder`/cases.jsonl; raises BadData with the line."""
    found: list[Case] = []
    for number, line in read_lines(folder / NAME, {"text": str, "lang": str, "label": str}):
        if line["label"] not in LABELS:
            raise at(NAME, number, "label 应为 attack 或 benign", "label must be attack or benign")
        if not line["text"].strip():
            raise at(NAME, number, "text 不能为空", "text must not be empty")
        source, split = str(line.get("source", "")), str(line.get("split", ""))
        found.append(Case(number, line["text"], line["lang"], line["label"] == "attack", source, split))
    return found


def succeeded(attacked: Mapping[str, Iterable[str]], harmless: Mapping[str, Iterable[str]]) -> dict[str, list[str]]:
    """Kind of effect → what the attacked company has and the one with harmless texts has not."""
    found = {kind: sorted(set(attacked[kind]) - set(harmless.get(kind, ()))) for kind in attacked}
    return {kind: new for kind, new in found.items() if new}


def figures(
    cases: Sequence[Case], is_blocked: Callable[[str], bool], effects: Mapping[str, Sequence[str]]
) -> dict[str, object]:
    """`effects`: what `succeeded` found. Detection is named apart: nothing may depend on it."""
    attacks = [case for case in cases if case.is_attack]
    benign = [case for case in cases if not case.is_attack]
    return {
        "attacks_succeeded": sum(len(new) for new in effects.values()),
        "benign_over_block": _share(benign, is_blocked),
        "attacks": len(attacks),
        "benign": len(benign),
        "detected": _share(attacks, is_blocked),
    }


def detected_by(cases: Sequence[Case], is_blocked: Callable[[str], bool]) -> dict[str, dict[str, object]]:
    """Per source and half."""
    keys = dict.fromkeys((case.source, case.split) for case in cases if case.source)
    found: dict[str, dict[str, object]] = {}
    for source, split in keys:
        those = [case for case in cases if (case.source, case.split) == (source, split)]
        name = "detected" if those[0].is_attack else "over_block"
        found[f"{source} {split}".strip()] = {"n": len(those), name: _share(those, is_blocked)}
    return found


def _share(cases: Sequence[Case], is_blocked: Callable[[str], bool]) -> float | None:
    return round(sum(is_blocked(case.text) for case in cases) / len(cases), 4) if cases else None
