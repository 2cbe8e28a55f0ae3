"""Tables of a file, as much of them as a proposal of their columns needs to see."""

from itertools import islice

from rag.archives import open_workbook
from rag.mapping_proposal import Export
from rag.tabular import TableFile, rows_of

MOST_ROWS = 2_000
LONGEST_HEADER = 200


def samples(file: TableFile, name: str) -> list[Export]:
    """Every table with two named columns and a row: one of a CSV or JSON, one of each sheet."""
    if file.form != "xlsx":
        found = [_sample(file, name, None)]
    else:
        with file.open() as raw:
            sheets = open_workbook(file.name, raw).sheetnames
        found = [_sample(file, name, sheet) for sheet in sheets]
    return [each for each in found if each]


def _sample(file: TableFile, name: str, sheet: str | None) -> Export | None:
    lines = (cells for _, cells in rows_of(file, sheet) if cells and any(cells))
    header = next(lines, None)
    if header is None:
        return None
    rows = [cells for cells in islice(lines, MOST_ROWS) if len(cells) == len(header)]
    fit = [column and header.index(column) == place for place, column in enumerate(header)]
    named = [place for place, fits in enumerate(fit) if fits and len(header[place]) <= LONGEST_HEADER]
    if len(named) < 2 or not rows:
        return None
    columns = tuple(tuple(row[place] for row in rows) for place in named)
    return Export(name, sheet, tuple(header[place] for place in named), columns)
