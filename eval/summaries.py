"""Summaries against golden notes: commitments by day, side and words; days; and every value held against its text."""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, cast

from eval.jsonl import at, read_lines

NAME = "cases.jsonl"
SIDES = ("ours", "customer", "both", "unclear")
LEAST_OVERLAP = 0.5
_FIELDS: dict[str, type] = {"id": str, "lang": str, "date": str, "text": str, "commitments": list, "dates": list}


@dataclass(frozen=True, slots=True)
class Promise:
    """`due` is an ISO day, "" for none. `text` "" matches by day and side alone."""

    text: str
    owner: str
    due: str


@dataclass(frozen=True, slots=True)
class Note:
    id: str
    language: str
    kind: str
    day: date | None
    text: str
    promises: tuple[Promise, ...]
    days: tuple[str, ...]
    split: str


@dataclass(frozen=True, slots=True)
class Quote:
    """A piece of a summary that claims to be characters `start` up to `end` of the text."""

    text: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Resolved:
    """A day, ISO, that a summary resolves from the words of `quote`."""

    quote: Quote
    day: str


@dataclass(frozen=True, slots=True)
class Written:
    """What a summary of a note says."""

    promises: tuple[Promise, ...]
    quotes: tuple[Quote, ...]
    days: tuple[Resolved, ...]


@dataclass(frozen=True, slots=True)
class Judged:
    note: Note
    matched: int
    written: int
    missed: tuple[Promise, ...]
    surplus: tuple[Promise, ...]
    days_found: int
    unsupported: tuple[str, ...]


def read_notes(folder: Path) -> list[Note]:
    """`folder`/cases.jsonl; raises BadData with the line."""
    return [_note(number, line) for number, line in read_lines(folder / NAME, _FIELDS)]


def judge(note: Note, written: Written) -> Judged:
    """One golden commitment is met by one of the summary at most."""
    left = list(written.promises)
    missed: list[Promise] = []
    for golden in note.promises:
        met = next((each for each in left if _meets(golden, each)), None)
        if met is None:
            missed.append(golden)
        else:
            left.remove(met)
    found = {each.day for each in written.days}
    return Judged(
        note,
        len(note.promises) - len(missed),
        len(written.promises),
        tuple(missed),
        tuple(left),
        sum(day in found for day in note.days),
        tuple(_unsupported(note, written)),
    )


def figures(judged: Sequence[Judged]) -> dict[str, float | int | None]:
    """The metrics of the suite over these notes."""
    golden = sum(len(each.note.promises) for each in judged)
    written = sum(each.written for each in judged)
    matched = sum(each.matched for each in judged)
    days = sum(len(each.note.days) for each in judged)
    return {
        "commitment_recall": _share(matched, golden),
        "commitment_precision": _share(matched, written),
        "dates_recall": _share(sum(each.days_found for each in judged), days),
        "unsupported_values": sum(len(each.unsupported) for each in judged),
        "notes": len(judged),
        "commitments": golden,
    }


def _share(part: int, whole: int) -> float | None:
    return round(part / whole, 4) if whole else None


def _meets(golden: Promise, given: Promise) -> bool:
    if (golden.due, golden.owner) != (given.due, given.owner):
        return False
    return not golden.text or _overlap(golden.text, given.text) >= LEAST_OVERLAP


def _overlap(golden: str, given: str) -> float:
    """The longest run of the golden words that the given text holds, as a share of them."""
    longest = 0
    ends = [0] * (len(given) + 1)
    for letter in golden:
        row = [0] * (len(given) + 1)
        for place, other in enumerate(given, start=1):
            if letter == other:
                row[place] = ends[place - 1] + 1
                longest = max(longest, row[place])
        ends = row
    return longest / len(golden)


def _unsupported(note: Note, written: Written) -> Iterable[str]:
    """Quotations that do not stand there; days that are neither golden nor written out in the quoted words."""
    for quote in (*written.quotes, *(each.quote for each in written.days)):
        if note.text[quote.start : quote.end] != quote.text or not quote.text:
            yield quote.text
    golden = {*note.days, *(each.due for each in note.promises)}
    for each in written.days:
        if each.day not in golden and not _written_out(each):
            yield each.day
    known = golden | {each.day for each in written.days} | {""}
    yield from (each.due for each in written.promises if each.due not in known)


def _written_out(each: Resolved) -> bool:
    numbers = [int(number) for number in re.findall(r"\d+", each.quote.text)]
    parts = [int(part) for part in each.day.split("-")]
    return bool(numbers) and set(numbers) <= set(parts) and parts[2] in numbers


def _note(number: int, line: dict[str, Any]) -> Note:
    def wrong(zh: str, en: str) -> Exception:
        return at(NAME, number, zh, en)

    try:
        day = date.fromisoformat(line["date"]) if line["date"] else None
    except ValueError as broken:
        raise wrong("date 应为 ISO 日期", "date must be an ISO day") from broken
    promises: list[Promise] = []
    for raw in cast(list[Any], line["commitments"]):
        if not isinstance(raw, dict):
            raise wrong("commitments 的每项应为对象", "each of commitments must be an object")
        each = cast(dict[str, Any], raw)
        text, owner, due = (each.get(name, "") for name in ("text", "owner", "due"))
        if owner not in SIDES or not isinstance(text, str) or not _is_day(due):
            raise wrong("承诺的 owner 或 due 有误", "owner or due of a commitment is wrong")
        if text not in line["text"]:
            raise wrong("承诺的 text 不在原文中", "the text of a commitment is not in the note")
        promises.append(Promise(text, str(owner), str(due or "")))
    if not all(_is_day(each) and each for each in cast(list[Any], line["dates"])):
        raise wrong("dates 应为 ISO 日期的列表", "dates must be a list of ISO days")
    days = tuple(cast(list[str], line["dates"]))
    kind, split = str(line.get("kind", "")), str(line.get("split", ""))
    return Note(line["id"], line["lang"], kind, day, line["text"], tuple(promises), days, split)


def _is_day(value: object) -> bool:
    if value in ("", None):
        return True
    try:
        return isinstance(value, str) and date.fromisoformat(value).isoformat() == value
    except ValueError:
        return False


def by(judged: Sequence[Judged], key: Callable[[Note], str]) -> dict[str, dict[str, float | int | None]]:
    """The figures of each kind of notes."""
    names = dict.fromkeys(key(each.note) for each in judged)
    return {name: figures([each for each in judged if key(each.note) == name]) for name in names if name}
