"""`python -m eval compliance`: the rules of law over sentences, beside a list of their words without exceptions."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from eval.compliance import Answer, Case, by_group, figures, read_cases
from governance.settings import Settings
from rag.company import load_pack
from rag.disguise import plain
from rag.likeness import Strength, judge, strength
from rag.rule_frames import parts_of, places
from rag.rule_pack import Rule, RulePack, pack_files
from rag.rule_words import alternatives, words
from rag.rules import fired

SHIPPED = Path("golden") / "compliance"
TEXT_LENGTH = 2000
LEAST_CPU_S = 1.0
Check = Callable[[Case], Answer]


def run(data: Path | None, settings: Settings) -> dict[str, Any]:
    packs = {path.stem: load_pack(path) for path in pack_files(settings.company)}
    cases = read_cases(data or settings.company / SHIPPED, packs)
    lists = {rule.id: word_list(rule) for pack in packs.values() for rule in pack.rules}

    def by_rules(case: Case) -> Answer:
        rules = [rule for pack in case.packs for rule in packs[pack].rules]
        return Answer({rule.id: rule.severity for rule in rules if fired(rule, case.text, case.language)})

    def by_examples(case: Case) -> Answer:
        rules: dict[str, Strength] = {rule.id: rule.severity for pack in case.packs for rule in packs[pack].rules}
        alike = judge(case.text, case.language, frozenset(rules))
        return Answer({each.rule: strength(rules[each.rule], each) for each in alike})

    def by_words(case: Case) -> Answer:
        text = case.text.lower()
        rules = [rule for pack in case.packs for rule in packs[pack].rules]
        return Answer(
            {r.id: r.severity for r in rules if any(word in text for word in lists[r.id].get(case.language, ()))}
        )

    patterns, theirs = [by_rules(case) for case in cases], [by_words(case) for case in cases]
    ours = [found.joined(by_examples(case)) for case, found in zip(cases, patterns, strict=True)]
    metrics = {**figures(cases, ours), **figures(cases, patterns, "_patterns"), **figures(cases, theirs, "_word_list")}
    metrics |= {"cases": len(cases), "rules": sum(len(pack.rules) for pack in packs.values())}
    for name in sorted({case.split for case in cases} - {""}):
        metrics[name] = _part(cases, ours, theirs, lambda case, name=name: case.split == name)
    metrics |= {"groups": by_group(cases, ours)} | _speed(cases, packs)
    return metrics


def word_list(rule: Rule) -> Mapping[str, frozenset[str]]:
    """The words that stand in a rule's patterns, as a plain list would hold them: no context and no exception."""
    return {
        language: frozenset(
            word
            for pattern in patterns
            for part in parts_of(pattern)
            for each in alternatives(part)
            for word in words(each)
            if len(word.strip()) >= (2 if language == "zh" else 4)
        )
        for language, patterns in rule.detect.items()
    }


def _part(
    cases: Sequence[Case], ours: Sequence[Answer], theirs: Sequence[Answer], chosen: Callable[[Case], bool]
) -> dict[str, Any]:
    places = [place for place, case in enumerate(cases) if chosen(case)]
    mine = [cases[place] for place in places]
    answers = [ours[place] for place in places]
    found = {**figures(mine, answers), **figures(mine, [theirs[place] for place in places], "_word_list")}
    for kind in ("look_alike", "ordinary"):
        kept = [(case, answer) for case, answer in zip(mine, answers, strict=True) if case.kind == kind]
        if kept:
            measured = figures([case for case, _ in kept], [answer for _, answer in kept])
            found |= {f"{name}_{kind}": value for name, value in measured.items()} | {f"cases_{kind}": len(kept)}
    for language in ("zh", "en"):
        kept = [(case, answer) for case, answer in zip(mine, answers, strict=True) if case.language == language]
        if kept:
            found[language] = figures([case for case, _ in kept], [answer for _, answer in kept]) | {"cases": len(kept)}
    return found | {"cases": len(mine)}


def _speed(cases: Sequence[Case], packs: Mapping[str, RulePack]) -> dict[str, Any]:
    """Characters a CPU second, all packs in force, over texts of some 2,000 characters; and the slowest such text."""
    rules = [rule for pack in packs.values() for rule in pack.rules]
    texts = list(_joined(cases))
    for language, text in texts:
        _check(rules, text, language)  # the first call compiles
    read, spent, slowest = 0, 0.0, 0.0
    while texts and spent < LEAST_CPU_S:
        for language, text in texts:
            plain.cache_clear()
            places.cache_clear()
            begun = time.process_time()
            _check(rules, text, language)
            taken = time.process_time() - begun
            read, spent, slowest = (
                read + len(text),
                spent + taken,
                max(slowest, taken / max(1, len(text) / TEXT_LENGTH)),
            )
    return {"chars_per_cpu_s": round(read / spent), "slowest_2000_chars_ms": round(slowest * 1000, 1)} if spent else {}


def _check(rules: Sequence[Rule], text: str, language: Any) -> None:
    for rule in rules:
        fired(rule, text, language)


def _joined(cases: Sequence[Case]) -> Iterator[tuple[str, str]]:
    for language in ("zh", "en"):
        text = ""
        for case in cases:
            if case.language == language:
                text += case.text + "\n"
                if len(text) >= TEXT_LENGTH:
                    yield language, text
                    text = ""
        if text:
            yield language, text
