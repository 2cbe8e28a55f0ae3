"""The raw exports of the sample company, read without the product: what the golden answers are worked out from."""

import csv
import io
import json
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import openpyxl

Row = dict[str, str]


@dataclass(frozen=True, slots=True)
class Exports:
    """The rows of every export as they stand, by the customer or contact that they are about."""

    customers: list[str]
    workplaces: dict[str, str]
    titles: list[Row]
    purchases: dict[str, list[Row]]
    budgets: dict[str, list[Row]]
    tenders: dict[str, list[Row]]
    tickets: dict[str, list[Row]]
    communications: dict[str, list[Row]]
    promises: dict[str, list[Row]]
    consents: dict[str, list[Row]]
    facts: dict[str, Any]


def read_exports(company: Path) -> Exports:
    """The exports of the sample company; none of the product's readers is used."""
    records = company / "records"

    def of_customer(name: str) -> dict[str, list[Row]]:
        return _by(_csv(records / name), "客户编号")

    facts: dict[str, Any] = json.loads((company / "golden" / "facts.json").read_text(encoding="utf-8"))
    return Exports(
        customers=[row["客户编号"] for row in _csv(records / "customers.csv")],
        workplaces={row["联系人编号"]: row["客户编号"] for row in _csv(records / "contacts.csv")},
        titles=_csv(records / "titles.csv"),
        purchases=of_customer("purchases.csv"),
        budgets=_by(_sheet(records / "budgets.xlsx"), "客户编号"),
        tenders=of_customer("tenders.csv"),
        tickets=of_customer("tickets.csv"),
        communications=of_customer("communications.csv"),
        promises=of_customer("promises.csv"),
        consents=_by(_csv(records / "consents.csv"), "联系人编号"),
        facts=facts,
    )


def _csv(path: Path) -> list[Row]:
    content = path.read_bytes()
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = content.decode("gb18030")
    return list(csv.DictReader(io.StringIO(text)))


def _sheet(path: Path) -> list[Row]:
    book = openpyxl.load_workbook(io.BytesIO(path.read_bytes()), read_only=True)
    header, *rows = [
        ["" if cell is None else str(cell) for cell in row]
        for row in book[book.sheetnames[0]].iter_rows(values_only=True)
    ]
    return [dict(zip(header, row, strict=True)) for row in rows]


def _by(rows: Iterable[Row], column: str) -> dict[str, list[Row]]:
    found: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        found[row[column]].append(row)
    return found
