"""How many faulty sentences the two verifiers flag, how many clean ones, and whether they miss the same ones."""

import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, cast

from eval.grounding_facts import Judgement, Statement, judge_facts
from eval.grounding_text import TextJudgement, judge_text
from eval.jsonl import at, read_lines

FILE = "cases.jsonl"
SPLITS = ("tune", "heldout")
# What values can tell. Any other fault (a denial, an invented need, a plan told as done) is of free text.
_STRUCTURED = re.compile(
    r"number|amount|quantit|digit|unit|currenc|date|day|name|person|title|organi[sz]ation"
    r"|hospital|department|period|window|relation"
    r"|code|model|certificate|tense|数字|金额|数量|单位|日期|姓名|人名|职务|机构|医院|期限|时期|关系",
    re.IGNORECASE,
)
_COUNT = re.compile(r"qty|quantit|count|number|数", re.IGNORECASE)
_AMOUNT = re.compile(r"amount|price|fee|total|cost|value|sum|金额|价|费|额", re.IGNORECASE)
_FREE = re.compile(r"negat|pain|motive|need|modal|compar|invent|hedg|否定|痛点|动机|需求|比较", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Case:
    """A line: a sentence with what is known, the texts that it cites, and the fault in it ("" when it is clean)."""

    id: str
    language: str
    as_of: date
    facts: tuple[Statement, ...]
    texts: tuple[str, ...]
    sentence: str
    fault: str
    split: str

    @property
    def structured(self) -> bool:
        """Whether the fault is one of values, names and their relations."""
        return _STRUCTURED.search(self.fault) is not None and _FREE.search(self.fault) is None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What both verifiers say of a line."""

    case: Case
    first: Judgement
    second: TextJudgement

    @property
    def flagged(self) -> bool:
        """Whether either stops the sentence."""
        return stops(self.first, self.second, facts=bool(self.case.facts), texts=bool(self.case.texts))


def stops(first: Judgement, second: TextJudgement, *, facts: bool, texts: bool) -> bool:
    """
    Whether either verifier stops a sentence.

    One that was given nothing to look at does not overrule the other's support, nor does one whose evidence is silent
    on a value or name that the other's states; what contradicts always stops.
    """
    proven = [{(c.text.strip(), c.kind) for c in each.claims if c.outcome == "supported"} for each in (first, second)]
    for own, other, given, support, silent in (
        (first, proven[1], facts, second.outcome, ("absent",)),
        (second, proven[0], texts, first.outcome, ("absent", "contradicted")),
    ):
        wrong = [c for c in own.claims if c.outcome in ("contradicted", "absent")]
        if not given and support == "supported":
            continue
        if any(not (c.unstated and c.outcome in silent and (c.text.strip(), c.kind) in other) for c in wrong):
            return True
    return False


def judge(case: Case) -> Outcome:
    """V1 by the facts alone, V2 by the cited texts alone."""
    return Outcome(
        case,
        judge_facts(case.sentence, case.facts, case.as_of),
        judge_text(case.sentence, case.texts, as_of=case.as_of),
    )


def figures(outcomes: Sequence[Outcome]) -> dict[str, Any]:
    """The metrics over some lines; None where no line counts."""
    structured = [o for o in outcomes if o.case.fault and o.case.structured]
    free = [o for o in outcomes if o.case.fault and not o.case.structured]
    clean = [o for o in outcomes if not o.case.fault]
    both = [o for o in outcomes if o.case.fault and o.case.facts and o.case.texts]
    seen_first = [o for o in structured if o.case.facts]
    seen_second = [o for o in structured if o.case.texts]
    return {
        "structured_recall": share(sum(o.flagged for o in structured), len(structured)),
        "clean_false_alarm": share(sum(o.flagged for o in clean), len(clean)),
        "free_text_recall": share(sum(o.flagged for o in free), len(free)),
        "error_correlation": phi([(not o.first.flagged, not o.second.flagged) for o in both]),
        "v1_recall": share(sum(o.first.flagged for o in seen_first), len(seen_first)),
        "v2_recall": share(sum(o.second.flagged for o in seen_second), len(seen_second)),
        "v1_clean_false_alarm": share(sum(o.first.flagged and bool(o.case.facts) for o in clean), len(clean)),
        "v2_clean_false_alarm": share(sum(o.second.flagged and bool(o.case.texts) for o in clean), len(clean)),
        "structured_faults": len(structured),
        "free_text_faults": len(free),
        "clean_lines": len(clean),
        "both_saw": len(both),
    }


def by_fault(outcomes: Sequence[Outcome]) -> dict[str, dict[str, Any]]:
    """Per fault type: how many lines, and the share that either, V1 and V2 flag."""
    counts = Counter(o.case.fault for o in outcomes if o.case.fault)
    table: dict[str, dict[str, Any]] = {}
    for fault, count in sorted(counts.items()):
        those = [o for o in outcomes if o.case.fault == fault]
        table[fault] = {
            "recall": share(sum(o.flagged for o in those), count),
            "v1": share(sum(o.first.flagged for o in those), count),
            "v2": share(sum(o.second.flagged for o in those), count),
            "lines": count,
        }
    return table


def phi(pairs: Sequence[tuple[bool, bool]]) -> float | None:
    """The correlation of two yes-or-no errors; None where one of them never (or always) errs."""
    table = Counter(pairs)
    a, b, c, d = (table[pair] for pair in ((True, True), (True, False), (False, True), (False, False)))
    scale = math.sqrt((a + b) * (c + d) * (a + c) * (b + d))
    return round((a * d - b * c) / scale, 4) if scale else None


def share(part: int, whole: int) -> float | None:
    """Part of whole; None of nothing."""
    return round(part / whole, 4) if whole else None


def read_cases(folder: Path) -> tuple[Case, ...]:
    """cases.jsonl {id, lang, as_of, facts, sources, sentence, cites, label, fault,"
    " split?}; raises BadData with the line."""
    fields = {"lang": str, "as_of": str, "facts": list, "sources": list, "sentence": str, "cites": list, "label": str}
    cases = tuple(_case(line, row) for line, row in read_lines(folder / FILE, fields))
    if not cases:
        raise at(FILE, 1, "没有内容", "there is no line")
    return cases


def _case(line: int, row: Mapping[str, Any]) -> Case:
    language, label, split = row["lang"], row["label"], row.get("split") or ""
    if language not in ("zh", "en"):
        raise at(FILE, line, f"lang 应为 zh 或 en，不是 {language}", f"lang must be zh or en, not {language}")
    if label not in ("clean", "fault"):
        raise at(FILE, line, f"label 应为 clean 或 fault，不是 {label}", f"label is clean or fault, not {label}")
    if not row["sentence"].strip():
        raise at(FILE, line, "sentence 为空", "sentence is empty")
    as_of = _day(line, "as_of", row["as_of"])
    if as_of is None:
        raise at(FILE, line, "as_of 为空", "as_of is empty")
    texts = _sources(line, row["sources"])
    unknown = [cite for cite in row["cites"] if not isinstance(cite, str) or cite not in texts]
    if unknown:
        raise at(FILE, line, f"cites 引用了不存在的出处 {unknown[0]}", f"cites names {unknown[0]}, which is no source")
    facts = tuple(fact for number, each in enumerate(row["facts"], 1) for fact in _facts(line, number, each))
    fault = str(row.get("fault") or "other") if label == "fault" else ""
    cited = tuple(texts[cite] for cite in dict.fromkeys(row["cites"]))
    return Case(str(row.get("id", line)), language, as_of, facts, cited, row["sentence"], fault, str(split))


def _sources(line: int, given: Sequence[object]) -> dict[str, str]:
    texts: dict[str, str] = {}
    for each in given:
        source = cast(dict[str, Any], each) if isinstance(each, dict) else {}
        if not isinstance(source.get("id"), str) or not isinstance(source.get("text"), str):
            raise at(FILE, line, "source 应有文字 id 与 text", "a source has the texts id and text")
        texts[source["id"]] = source["text"]
    return texts


def _facts(line: int, number: int, given: object) -> list[Statement]:
    """One statement, or one for each entry of a value that is an object."""
    fact = cast(dict[str, Any], given) if isinstance(given, dict) else {}
    if not all(isinstance(fact.get(name), str) for name in ("subject", "relation")) or fact.get("value") is None:
        raise at(
            FILE,
            line,
            f"第 {number} 条 fact 缺少 subject、relation 或 value",
            f"fact {number} lacks subject, relation or value",
        )
    start, end = (_day(line, name, fact.get(name)) for name in ("valid_from", "valid_to"))
    key, value = str(fact.get("id", f"f{number}")), fact["value"]
    entries: list[tuple[str, object]] = [(fact["relation"], value)]
    if isinstance(value, dict):
        told = cast(dict[str, object], value)
        entries = [(f"{fact['relation']}.{name}", _measured(name, told)) for name in told]
    elif isinstance(value, list):
        entries = [(fact["relation"], each) for each in cast(list[object], value)]
    return [Statement(key, fact["subject"], relation, _written(each), start, end) for relation, each in entries]


def _measured(name: str, told: Mapping[str, object]) -> object:
    """A figure of an object with the unit or currency that stands beside it."""
    value, unit, currency = told[name], told.get("unit"), told.get("currency")
    if isinstance(value, int | float) and not isinstance(value, bool):
        if isinstance(unit, str) and _COUNT.search(name):
            return f"{_written(value)} {unit}"
        if isinstance(currency, str) and _AMOUNT.search(name):
            return f"{currency} {_written(value)}"
    return value


def _written(value: object) -> str:
    if isinstance(value, dict) and {"amount", "currency"} == set(cast(dict[str, object], value)):
        return f"{value['currency']} {_written(cast(object, value['amount']))}"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)


def _day(line: int, name: str, given: object) -> date | None:
    if given is None or given == "":
        return None
    try:
        return date.fromisoformat(str(given)[:10])
    except ValueError as wrong:
        raise at(
            FILE, line, f"{name} 应为日期 2026-03-01，不是 {given}", f"{name} is a day 2026-03-01, not {given}"
        ) from wrong
