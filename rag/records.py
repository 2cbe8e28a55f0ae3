"""One export → its rows: CSV, JSON or XLSX bytes and the column mapping; a bad row is named and the rest goes on."""

import csv
import io
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from governance.errors import BadRecord, UnreadableFile, WrongHeaders
from rag.archives import open_workbook, refuse_unreadable
from rag.company import RECORD_FIELDS, Table
from rag.dates import cell_text
from rag.decoding import REPLACED, decode

Grid = list[tuple[int, list[str]]]  # number of the row in the file (header = 1) and its cells


@dataclass(frozen=True, slots=True)
class Row:
    """One checked row: our field → its cell, and the export's own header of each field, in the file's order."""

    number: int
    cells: Mapping[str, str]
    headers: Mapping[str, str]

    def get(self, field: str) -> str:
        """The cell, "" when the export has no such column."""
        return self.cells.get(field, "")


def read_records(name: str, content: bytes, kind: str, table: Table) -> tuple[list[Row], list[BadRecord]]:
    """Raises UnreadableFile and WrongHeaders; incomplete, ragged, undecodable and duplicate rows are BadRecords."""
    header, grid = read_grid(name, content, table.sheet)
    if missing := [column for column in table.columns.values() if column not in header]:
        raise WrongHeaders(name=name, missing=_listed(missing), found=_listed([column for column in header if column]))
    positions = {field: header.index(column) for field, column in table.columns.items()}
    ordered = dict(sorted(positions.items(), key=lambda item: item[1]))
    headers = {field: header[position] for field, position in ordered.items()}
    rows: list[Row] = []
    bad: list[BadRecord] = []
    seen: dict[tuple[str, ...], int] = {}
    for number, cells in grid:
        if not any(cells):
            continue
        if reason := _fault(cells, len(header)):
            bad.append(BadRecord(name=name, row=number, reason=reason))
            continue
        row = Row(number, {field: cells[position] for field, position in ordered.items()}, headers)
        if reason := _missing(row, kind) or _duplicate(row, kind, seen):
            bad.append(BadRecord(name=name, row=number, reason=reason))
        else:
            rows.append(row)
    return rows, bad


def _listed(columns: Sequence[str]) -> str:
    return "、".join(columns) or "–"


def _fault(cells: Sequence[str], width: int) -> dict[str, str] | None:
    if len(cells) != width:
        return {"zh": f"应有 {width} 列，实际 {len(cells)} 列", "en": f"{len(cells)} cells where {width} are expected"}
    if any(REPLACED in cell for cell in cells):
        return {"zh": "字符编码无法识别", "en": "its encoding is neither UTF-8 nor GB18030"}
    return None


def _missing(row: Row, kind: str) -> dict[str, str] | None:
    empty = [row.headers[field] for field in RECORD_FIELDS[kind][0] if not row.get(field)]
    if not empty:
        return None
    return {"zh": f"“{_listed(empty)}”为空", "en": f"{', '.join(empty)} is empty"}


def _duplicate(row: Row, kind: str, seen: dict[tuple[str, ...], int]) -> dict[str, str] | None:
    by_id = "id" in RECORD_FIELDS[kind][0]
    key = (row.get("id"),) if by_id else tuple(row.cells.values())
    first = seen.setdefault(key, row.number)
    if first == row.number:
        return None
    what = ("编号与", "the same id as") if by_id else ("与", "a duplicate of")
    return {"zh": f"{what[0]}第 {first} 行重复", "en": f"{what[1]} row {first}"}


def read_grid(name: str, content: bytes, sheet: str | None = None) -> tuple[list[str], Grid]:
    """Header and rows of a CSV, JSON or XLSX table; `sheet` None means the first one. Raises UnreadableFile."""
    refuse_unreadable(name, content)
    if content.startswith(b"PK\x03\x04"):
        grid = list(_xlsx(name, content, sheet))
    else:
        text = decode(content)
        if "\x00" in text:
            raise UnreadableFile(name=name, reason={"zh": "不是表格文件", "en": "it is not a table"})
        grid = _json(name, text) if text.lstrip()[:1] in ("[", "{") else list(_csv(name, text))
    while grid and not any(grid[0][1]):
        grid.pop(0)
    if not grid:
        raise UnreadableFile(name=name, reason={"zh": "没有内容", "en": "it is empty"})
    return grid[0][1], grid[1:]


def _csv(name: str, text: str) -> Iterator[tuple[int, list[str]]]:
    first = text.lstrip("\n").split("\n", 1)[0]
    delimiter = max((",", "\t", ";"), key=first.count)
    try:
        for number, cells in enumerate(csv.reader(io.StringIO(text), delimiter=delimiter), start=1):
            yield number, [cell.strip() for cell in cells]
    except csv.Error as broken:
        raise UnreadableFile(name=name, reason={"zh": f"不是有效的 CSV（{broken}）", "en": str(broken)}) from broken


def _xlsx(name: str, content: bytes, sheet: str | None) -> Iterator[tuple[int, list[str]]]:
    workbook = open_workbook(name, content)
    if sheet and sheet not in workbook.sheetnames:
        found = _listed(workbook.sheetnames)
        raise WrongHeaders(name=name, missing=f"[{sheet}]", found=found)
    chosen = workbook[sheet] if sheet else workbook.worksheets[0]
    width = 0
    for number, cells in enumerate(chosen.iter_rows(values_only=True), start=1):
        texts = [cell_text(cell) for cell in cells]
        while texts and len(texts) > width and not texts[-1]:
            texts.pop()
        width = width or len(texts)
        yield number, texts + [""] * (width - len(texts))


def _json(name: str, text: str) -> Grid:
    records = _objects(name, text)
    header = list(dict.fromkeys(key for record in records for key in record))
    rows = [(number, [_json_cell(record.get(key)) for key in header]) for number, record in enumerate(records, start=1)]
    return [(0, header), *rows]


def _json_cell(value: object) -> str:
    if isinstance(value, list):
        return "；".join(cell_text(item) for item in cast(list[object], value))
    if isinstance(value, bool):
        return "true" if value else "false"
    return json.dumps(value, ensure_ascii=False) if isinstance(value, dict) else cell_text(value)


def _objects(name: str, text: str) -> list[dict[str, Any]]:
    """The objects of a list, of the only list inside an object, or of one object a line."""
    try:
        loaded: Any = json.loads(text)
    except json.JSONDecodeError as broken:
        lines = [line for line in text.split("\n") if line.strip()]
        try:
            loaded = [json.loads(line) for line in lines]
        except json.JSONDecodeError:
            reason = {"zh": f"不是有效的 JSON（第 {broken.lineno} 行）", "en": f"not valid JSON (line {broken.lineno})"}
            raise UnreadableFile(name=name, reason=reason) from broken
    if isinstance(loaded, dict):
        lists = [value for value in cast(dict[str, Any], loaded).values() if isinstance(value, list)]
        loaded = lists[0] if len(lists) == 1 else [loaded]
    records = cast(list[Any], loaded)
    if not records or not all(isinstance(record, dict) for record in records):
        raise UnreadableFile(name=name, reason={"zh": "应为对象列表", "en": "a list of objects is expected"})
    return cast(list[dict[str, Any]], records)
