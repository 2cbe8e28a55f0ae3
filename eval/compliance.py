"""How well rules find what the law forbids, and how much that it allows they stop, over cases.jsonl."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, cast

from eval.jsonl import at, read_lines

FILE = "cases.jsonl"
SEVERITIES = ("hint", "review", "must_say", "block")  # weakest first
LABELS = ("block", "must_say", "review", "ok")
Language = Literal["zh", "en"]


@dataclass(frozen=True, slots=True)
class Case:
    """`label`: what a rule must say of the text at least; `rule`: the one that should, "" for any."""

    text: str
    language: Language
    packs: tuple[str, ...]
    label: str
    rule: str
    split: str = ""
    kind: str = ""  # rule, look_alike or ordinary in the shipped set


@dataclass(frozen=True, slots=True)
class Answer:
    """The rules that fired on a text: id → severity."""

    rules: Mapping[str, str]

    def joined(self, other: "Answer") -> "Answer":
        """Both, a rule as strong as the stronger of them says."""
        both = [*self.rules.items(), *other.rules.items()]
        return Answer(dict(sorted(both, key=lambda each: SEVERITIES.index(each[1]))))

    def reaches(self, severity: str) -> bool:
        """Whether a rule of at least this severity fired."""
        least = SEVERITIES.index(severity)
        return any(SEVERITIES.index(each) >= least for each in self.rules.values())


def read_cases(folder: Path, packs: Collection[str]) -> list[Case]:
    """The cases of DIR/cases.jsonl; raises BadData with the line, also for a pack that is not among `packs`."""
    needed = {"text": str, "lang": str, "packs": list, "label": str}
    return [_case(number, line, packs) for number, line in read_lines(folder / FILE, needed)]


def _case(number: int, line: Mapping[str, Any], packs: Collection[str]) -> Case:
    if line["lang"] not in ("zh", "en"):
        raise at(FILE, number, "lang 应为 zh 或 en", "lang must be zh or en")
    if line["label"] not in LABELS:
        raise at(FILE, number, f"label 应为 {'、'.join(LABELS)} 之一", f"label must be one of {', '.join(LABELS)}")
    if not line["text"].strip():
        raise at(FILE, number, "text 为空", "text is empty")
    named = [str(pack).partition("@")[0].strip() for pack in cast(list[object], line["packs"])]
    if not named:
        raise at(FILE, number, "packs 为空", "packs is empty")
    if unknown := [pack for pack in named if pack not in packs]:
        shown = ", ".join(unknown)
        raise at(FILE, number, f"没有规则包 {shown}", f"there is no rule pack {shown}")
    rule, split, kind = (line.get(field) or "" for field in ("rule", "split", "kind"))
    if not all(isinstance(each, str) for each in (rule, split, kind)):
        raise at(FILE, number, "rule、split、kind 应为文字", "rule, split and kind must be text")
    return Case(line["text"], line["lang"], tuple(named), line["label"], rule, split, kind)


def figures(cases: Sequence[Case], answers: Sequence[Answer], suffix: str = "") -> dict[str, Any]:
    """
    recall: of what must be found, the share on which a rule of at least that severity fires; rule_exact: the one named.
    over_block: of what is allowed, the share on which a block fires; over_flag: any rule at all.
    """
    pairs = list(zip(cases, answers, strict=True))
    wrong = [(case, answer) for case, answer in pairs if case.label != "ok"]
    named = [(case, answer) for case, answer in wrong if case.rule]
    fine = [answer for case, answer in pairs if case.label == "ok"]
    measured = {
        "recall": _share([answer.reaches(case.label) for case, answer in wrong]),
        "rule_exact": _share([case.rule in answer.rules for case, answer in named]),
        "over_block": _share([answer.reaches("block") for answer in fine]),
        "over_flag": _share([bool(answer.rules) for answer in fine]),
    }
    return {name + suffix: value for name, value in measured.items() if value is not None}


def by_group(cases: Sequence[Case], answers: Sequence[Answer]) -> dict[str, Any]:
    """The figures per language, and per pack and language where a line names one pack only."""
    found: dict[str, Any] = {}
    for language in ("zh", "en"):
        chosen = [(c, a) for c, a in zip(cases, answers, strict=True) if c.language == language]
        found[language] = figures([c for c, _ in chosen], [a for _, a in chosen]) | {"cases": len(chosen)}
        for pack in sorted({c.packs[0] for c, _ in chosen if len(c.packs) == 1}):
            mine = [(c, a) for c, a in chosen if c.packs == (pack,)]
            found[f"{pack}.{language}"] = figures([c for c, _ in mine], [a for _, a in mine]) | {"cases": len(mine)}
    return found


def _share(outcomes: Sequence[bool]) -> float | None:
    return round(sum(outcomes) / len(outcomes), 4) if outcomes else None
