"""Golden briefs, field by field: what is expected of a customer on a day beside what was found; pure."""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, cast

from eval.jsonl import at, read_lines

GOLDEN = "briefs_360.jsonl"
FIELDS: tuple[str, ...] = (
    "purchases",
    "budget",
    "decision_makers",
    "changes",
    "open_tickets",
    "promises",
    "communications",
    "tenders",
    "certificates",
    "expired",
    "disputed",
    "consent",
    "unknown",
)
ORDERED = frozenset({"decision_makers", "open_tickets", "communications"})  # newest first; other lists are sets
SHOWN = 20  # differences that are printed


@dataclass(frozen=True, slots=True)
class Golden:
    """One customer on one day; `fields` are those that are to be compared. `product` None: all products."""

    line: int
    customer: str
    as_of: date
    product: str | None
    fields: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Difference:
    golden: Golden
    field: str
    found: Any


def read_golden(folder: Path) -> tuple[Golden, ...]:
    """golden/briefs_360.jsonl of a company's folder; raises BadData with the line."""
    kinds = {"customer": str, "as_of": str, "fields": dict}
    found = tuple(_golden(line, row) for line, row in read_lines(folder / "golden" / GOLDEN, kinds))
    if not found:
        raise at(GOLDEN, 1, "没有标准简报", "it holds no golden brief")
    return found


def compare(
    golden: Iterable[Golden], found: Callable[[Golden], Mapping[str, Any]]
) -> tuple[dict[str, Any], list[Difference]]:
    """The metrics, and every field that differs. `found` tells what the product says of the customer on the day."""
    asked = list(golden)
    right = dict.fromkeys(FIELDS, 0)
    total = dict.fromkeys(FIELDS, 0)
    differences: list[Difference] = []
    whole = 0
    for each in asked:
        said = found(each)
        wrong = [field for field in each.fields if not same(field, each.fields[field], said[field])]
        differences += [Difference(each, field, said[field]) for field in wrong]
        whole += not wrong
        for field in each.fields:
            total[field] += 1
            right[field] += field not in wrong
    metrics: dict[str, Any] = {
        "field_exact": _share(sum(right.values()), sum(total.values())),
        "brief_exact": _share(whole, len(asked)),
        "briefs": len(asked),
        "customers": len({each.customer for each in asked}),
        "dates": len({each.as_of for each in asked}),
        "fields": sum(total.values()),
        "by_field": {field: _share(right[field], count) for field, count in total.items() if count},
        "by_date": _by_date(asked, differences),
    }
    return metrics, differences


def same(field: str, expected: object, found: object) -> bool:
    """Whether the two say the same; the order counts only where the newest comes first."""
    return _said(_plain(expected, field in ORDERED)) == _said(_plain(found, field in ORDERED))


def _plain(said: object, ordered: bool) -> object:
    """Numbers as numbers, whatever their kind; a list without an order sorted."""
    if isinstance(said, Mapping):
        entries = cast(Mapping[str, object], said)
        return {name: _plain(each, False) for name, each in entries.items()}
    if isinstance(said, Sequence) and not isinstance(said, str):
        plain = [_plain(each, False) for each in cast(Sequence[object], said)]
        return plain if ordered else sorted(plain, key=_said)
    return float(said) if isinstance(said, int | float) and not isinstance(said, bool) else said


def _said(plain: object) -> str:
    return json.dumps(plain, sort_keys=True)


def _share(part: int, whole: int) -> float:
    """Four digits, and never rounded up to a whole one."""
    return 1.0 if part == whole else int(part / whole * 10_000) / 10_000


def _by_date(asked: Sequence[Golden], differences: Sequence[Difference]) -> dict[str, float]:
    days = sorted({each.as_of for each in asked})
    total = {day: sum(len(each.fields) for each in asked if each.as_of == day) for day in days}
    wrong = {day: sum(each.golden.as_of == day for each in differences) for day in days}
    return {day.isoformat(): _share(total[day] - wrong[day], total[day]) for day in days if total[day]}


def _golden(line: int, row: Mapping[str, Any]) -> Golden:
    product, fields = row.get("product"), cast(dict[str, Any], row["fields"])
    if product is not None and not isinstance(product, str):
        raise at(GOLDEN, line, "product 应为编号或 null", "product must be an id or null")
    unknown = sorted(set(fields) - set(FIELDS))
    if unknown or not fields:
        named = "、".join(unknown) or "–"
        raise at(GOLDEN, line, f"未知的字段：{named}", f"unknown or no fields: {named}")
    try:
        day = date.fromisoformat(row["as_of"])
    except ValueError as wrong:
        raise at(GOLDEN, line, "as_of 应为 YYYY-MM-DD", "as_of must be YYYY-MM-DD") from wrong
    return Golden(line, row["customer"], day, product, fields)
