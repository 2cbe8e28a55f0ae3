"""One export → its rows, read one by one through the column mapping; a bad row is named and the rest goes on."""

import hashlib
from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass

from governance.errors import BadRecord, UnreadableFile, WrongHeaders
from rag.company import RECORD_FIELDS, Table
from rag.decoding import REPLACED
from rag.refused_columns import refuse_columns
from rag.tabular import Cells, Line, TableFile, clean, rows_of, table_bytes

LONGEST_CELL = 20_000  # characters; a longer one is a file in a cell, or a quote that was never closed
LONGEST_ID = 100
_IDS = ("id", "customer", "contact", "product")  # what others refer to, and what names an entity

Grid = list[tuple[int, list[str]]]


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
    """All rows of a small export; raises UnreadableFile and WrongHeaders."""
    found = list(read_rows(table_bytes(name, content), kind, table))
    return [row for row in found if isinstance(row, Row)], [row for row in found if isinstance(row, BadRecord)]


def read_rows(file: TableFile, kind: str, table: Table, *, after: int = 0) -> Iterator[Row | BadRecord]:
    """
    The rows behind number `after`; earlier ones only count as what a duplicate repeats.

    Raises UnreadableFile and WrongHeaders at once; incomplete, ragged, undecodable and duplicate rows are BadRecords.
    """
    header, lines = _header(file, table.sheet)
    wanted = {field: clean(column) for field, column in table.columns.items()}
    if missing := [column for column in wanted.values() if column not in header]:
        found = [column for column in header if column]
        raise WrongHeaders(name=file.name, missing=_listed(missing), found=_listed(found))
    positions = {field: header.index(column) for field, column in wanted.items()}
    ordered = dict(sorted(positions.items(), key=lambda item: item[1]))
    return _checked(file.name, kind, header, ordered, lines, after)


def read_grid(name: str, content: bytes, sheet: str | None = None) -> tuple[list[str], Grid]:
    """Header and rows of a small table; `sheet` None means the first one. Raises UnreadableFile."""
    header, lines = _header(table_bytes(name, content), sheet)
    return header, [(number, cells) for number, cells in lines if cells is not None]


def _header(file: TableFile, sheet: str | None) -> tuple[list[str], Iterator[Line]]:
    """The first row that is not empty, and those behind it."""
    lines = rows_of(file, sheet)
    header = next((cells for _, cells in lines if cells and any(cells)), None)
    if header is None:
        raise UnreadableFile(name=file.name, reason={"zh": "没有内容", "en": "it is empty"})
    refuse_columns(file.name, header)
    return header, lines


def _checked(
    name: str, kind: str, header: Sequence[str], positions: Mapping[str, int], lines: Iterator[Line], after: int
) -> Generator[Row | BadRecord]:
    headers = {field: header[position] for field, position in positions.items()}
    seen: dict[str | bytes, int] = {}
    for number, cells in lines:
        if cells is not None and not any(cells):
            continue
        reason = _fault(cells, len(header))
        if reason is None and cells is not None:
            row = Row(number, {field: cells[position] for field, position in positions.items()}, headers)
            reason = _missing(row, kind) or _odd_id(row) or _duplicate(row, kind, seen)
            if reason is None:
                if number > after:
                    yield row
                continue
        if number > after:
            yield BadRecord(name=name, row=number, reason=reason)


def _listed(columns: Sequence[str]) -> str:
    return "、".join(column[:40] for column in columns[:30]) or "–"


def _fault(cells: Cells, width: int) -> dict[str, str] | None:
    if cells is None or any(len(cell) > LONGEST_CELL for cell in cells):
        return {"zh": "单元格过长，可能缺少结束引号", "en": "a cell is too long; perhaps a quote is not closed"}
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


def _odd_id(row: Row) -> dict[str, str] | None:
    for field in _IDS:
        cell = row.get(field)
        if len(cell) > LONGEST_ID or "\n" in cell or "\t" in cell:
            header = row.headers[field]
            return {"zh": f"“{header}”不像编号", "en": f"what stands under '{header}' is no id"}
    return None


def _duplicate(row: Row, kind: str, seen: dict[str | bytes, int]) -> dict[str, str] | None:
    """A million ids are kept as they are (some 130 MB); rows without one by their hash."""
    by_id = "id" in RECORD_FIELDS[kind][0]
    key = row.get("id") if by_id else hashlib.blake2b("\x1f".join(row.cells.values()).encode(), digest_size=16).digest()
    first = seen.setdefault(key, row.number)
    if first == row.number:
        return None
    what = ("编号与", "the same id as") if by_id else ("与", "a duplicate of")
    return {"zh": f"{what[0]}第 {first} 行重复", "en": f"{what[1]} row {first}"}
