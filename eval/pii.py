"""How well personal data is found in texts: precision, recall by type, what is left, over cases.jsonl with spans."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any, cast

from eval.jsonl import BadData, at, read_lines

FILE = "cases.jsonl"
TYPES = (
    *("PERSON", "PHONE", "LANDLINE", "CN_ID", "USCC", "BANK_CARD"),
    *("PASSPORT", "PLATE", "WECHAT", "QQ", "ADDRESS", "EMAIL"),
)
CHECKSUM = ("CN_ID", "USCC", "BANK_CARD")
# What also counts as an answer of the type. LOCATION is what a general model calls an address.
ALSO: Mapping[str, frozenset[str]] = {
    "PHONE": frozenset({"LANDLINE"}),
    "LANDLINE": frozenset({"PHONE"}),
    "ADDRESS": frozenset({"LOCATION"}),
}
SPLITS = ("heldout", "tuning")
# Whether 主任 belongs to a marked 王主任, or Dr. to Dr. Hu, is a convention: a title counts neither for nor against.
TITLE_AFTER = re.compile(
    "副?(?:院长|主任|处长|科长|局长|厅长|校长|会长|部长|站长|所长|组长|书记|护士长|经理|总监|总工程师|总工|工程师|主管|专员|教授|"
    "医生|医师|大夫|护士|护师|药师|技师|老师|师傅|博士|秘书|律师|先生|女士|小姐|同志|董事长|总|工|处|局|科|董|院|哥|姐|叔|姨)"
)
TITLE_BEFORE = re.compile(
    r"(?i)(?:(?:dr|mr|ms|mrs|miss|prof|professor|doctor|director|engineer|head nurse|nurse|sister|manager|"
    r"madam)\b\.?\s*)+"
)


@dataclass(frozen=True, slots=True)
class Mark:
    """A place in a text and what stands there."""

    start: int
    end: int
    type: str


@dataclass(frozen=True, slots=True)
class Case:
    """`marks` in order and without overlap; `contacts`: names of the CRM; `split`: heldout, tuning or empty."""

    text: str
    language: str
    marks: tuple[Mark, ...]
    contacts: tuple[str, ...] = ()
    split: str = ""


@dataclass(slots=True)
class Tally:
    """Counts by type; `said` are answers of our types, `right` those of them that are true."""

    gold: Counter[str] = field(default_factory=Counter)
    found: Counter[str] = field(default_factory=Counter)
    exact: Counter[str] = field(default_factory=Counter)
    said: Counter[str] = field(default_factory=Counter)
    right: Counter[str] = field(default_factory=Counter)
    left: int = 0

    def add(self, case: Case, answers: Sequence[Mark]) -> None:
        """
        Found: answers of the type cover every character but white space. Exact: one answer with the same ends.

        Left: a letter or digit that no answer of any type covers. Right: an answer half of whose characters, or more,
        lie in spans of its type.
        """
        for mark in case.marks:
            solid = _solid(case.text, mark)
            typed = [answer for answer in answers if _same(answer.type, mark.type)]
            self.gold[mark.type] += 1
            self.found[mark.type] += all(_inside(i, typed) for i in solid)
            self.exact[mark.type] += any((a.start, a.end) == (mark.start, mark.end) for a in typed)
            self.left += any(case.text[i].isalnum() and not _inside(i, answers) for i in solid)
        for answer in answers:
            if answer.type in TYPES:
                solid = _solid(case.text, answer)
                true = [mark for mark in case.marks if _same(answer.type, mark.type)]
                self.said[answer.type] += 1
                self.right[answer.type] += 2 * sum(_inside(i, true) for i in solid) >= max(1, len(solid))

    def recall(self, types: Sequence[str] = TYPES) -> float | None:
        """Spans found of those that are there; None when there are none."""
        return _share(_sum(self.found, types), _sum(self.gold, types))

    def precision(self, types: Sequence[str] = TYPES) -> float | None:
        """Answers that are right of those given; None when none were given."""
        return _share(_sum(self.right, types), _sum(self.said, types))

    def leak_rate(self) -> float | None:
        """Spans of which something is left, of all spans."""
        return _share(self.left, self.gold.total())

    def by_type(self) -> dict[str, dict[str, Any]]:
        """precision, recall, exact and the number of spans of every type that occurs."""
        return {
            kind: {
                "precision": self.precision((kind,)),
                "recall": self.recall((kind,)),
                "exact": _share(self.exact[kind], self.gold[kind]),
                "spans": self.gold[kind],
            }
            for kind in TYPES
            if self.gold[kind] or self.said[kind]
        }


def tally(cases: Sequence[Case], answers: Sequence[Sequence[Mark]], split: str = "") -> Tally:
    """All cases, or those of one split, scored."""
    counted = Tally()
    for case, given in zip(cases, answers, strict=True):
        if not split or case.split == split:
            counted.add(case, given)
    return counted


def figures(counted: Tally, suffix: str = "") -> dict[str, Any]:
    """The figures that do not depend on a contact list being there."""
    return {
        f"micro_precision{suffix}": counted.precision(),
        f"micro_recall{suffix}": counted.recall(),
        f"checksum_recall{suffix}": counted.recall(CHECKSUM),
        f"leak_rate{suffix}": counted.leak_rate(),
    }


def read_cases(folder: Path) -> tuple[Case, ...]:
    """cases.jsonl {text, lang, spans: [{start, end, type}], crm_contacts?, split?}; raises BadData with the line."""
    rows = read_lines(folder / FILE, {"text": str, "lang": str, "spans": list})
    cases = tuple(_case(line, row) for line, row in rows)
    if not cases:
        raise BadData(f"{FILE} 没有内容", f"{FILE} holds no line")
    return cases


def _case(line: int, row: Mapping[str, Any]) -> Case:
    text, language, split = row["text"], row["lang"], row.get("split", "")
    if not text.strip():
        raise at(FILE, line, "text 为空", "text is empty")
    if language not in ("zh", "en"):
        raise at(FILE, line, f"lang 应为 zh 或 en，不是 {language}", f"lang must be zh or en, not {language}")
    if split not in ("", *SPLITS):
        raise at(FILE, line, f"split 应为 heldout 或 tuning，不是 {split}", f"split is heldout or tuning, not {split}")
    marks = sorted((_mark(line, text, each) for each in row["spans"]), key=lambda mark: mark.start)
    for one, other in pairwise(marks):
        if other.start < one.end:
            zh, en = f"spans 重叠：{one.start}–{one.end}", f"spans overlap: {one.start}–{one.end}"
            raise at(FILE, line, f"{zh} 与 {other.start}–{other.end}", f"{en} and {other.start}–{other.end}")
    return Case(text, language, tuple(marks), _contacts(line, row.get("crm_contacts", [])), split)


def _mark(line: int, text: str, given: object) -> Mark:
    span = cast(dict[str, Any], given) if isinstance(given, dict) else {}
    start, end, kind = span.get("start"), span.get("end"), span.get("type")
    if type(start) is not int or type(end) is not int:
        raise at(FILE, line, "span 缺少整数 start、end", "a span lacks the whole numbers start and end")
    if kind not in TYPES:
        raise at(FILE, line, f"未知类型 {kind}，可用：{'、'.join(TYPES)}", f"unknown type {kind}; {', '.join(TYPES)}")
    if not 0 <= start < end <= len(text) or not text[start:end].strip():
        zh, en = f"span {start}–{end} 超出文本或为空", f"the span {start}–{end} is empty or outside the text"
        raise at(FILE, line, f"{zh}（长度 {len(text)}）", f"{en} of {len(text)} characters")
    return Mark(start, end, kind)


def _contacts(line: int, given: object) -> tuple[str, ...]:
    """Names: text, or objects whose `name` and `name_en` are names and whose other fields are left alone."""
    names: list[str] = []
    for each in cast(list[object], given) if isinstance(given, list) else [None]:
        fields = cast(dict[str, Any], each) if isinstance(each, dict) else {"name": each}
        found: list[object] = [fields.get("name"), fields.get("name_en", "")]
        if not isinstance(found[0], str) or not found[0].strip() or not isinstance(found[1], str):
            zh, en = (
                "crm_contacts 应为姓名或带 name 的对象的列表",
                "crm_contacts is a list of names or of objects with name",
            )
            raise at(FILE, line, zh, en)
        names += [name for name in found if isinstance(name, str) and name]
    return tuple(names)


def _solid(text: str, mark: Mark) -> list[int]:
    """The places that count: no white space, no title before or after a person's name, unless nothing else is there."""
    start, end = mark.start, mark.end
    if mark.type == "PERSON":
        if before := TITLE_BEFORE.match(text, start, end):
            start = before.end() if before.end() < end else start
        after = next((i for i in range(start + 1, end) if TITLE_AFTER.fullmatch(text, i, end)), end)
        end = after
    return [i for i in range(start, end) if not text[i].isspace()]


def _same(answer: str, wanted: str) -> bool:
    return answer == wanted or answer in ALSO.get(wanted, frozenset())


def _inside(place: int, marks: Sequence[Mark]) -> bool:
    return any(mark.start <= place < mark.end for mark in marks)


def _sum(counter: Counter[str], types: Sequence[str]) -> int:
    return sum(counter[kind] for kind in types)


def _share(part: int, whole: int) -> float | None:
    return round(part / whole, 4) if whole else None
