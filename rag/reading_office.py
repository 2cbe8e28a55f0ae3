"""DOCX and XLSX → blocks."""

import io
import re
from collections.abc import Iterator

from docx import Document as open_docx
from docx.table import Table
from docx.text.paragraph import Paragraph

from rag.archives import open_workbook
from rag.blocks import Block, Outline, clean, table_blocks
from rag.dates import cell_text
from rag.intake import Task

MOST_ROWS = 20_000  # of one sheet


def read_docx(content: bytes, task: Task) -> list[Block]:
    """Paragraphs and tables of the body in order; headings by style."""
    outline, blocks = Outline(), list[Block]()
    for part in open_docx(io.BytesIO(content)).iter_inner_content():
        if isinstance(part, Table):
            blocks += table_blocks(_rows(part), task.labels, page=None, heading=outline.path)
        else:
            blocks += _paragraph(part, outline)
    return blocks


def _paragraph(paragraph: Paragraph, outline: Outline) -> Iterator[Block]:
    text = clean(paragraph.text)
    if not text:
        return
    style = (paragraph.style.name if paragraph.style is not None else "") or ""
    if match := re.match(r"(?:heading|标题)\s*(\d)?|(title)\b", style, re.IGNORECASE):
        title = text.replace("\n", " ")
        outline.enter(0 if match[2] else int(match[1] or 1), title)
        yield Block("heading", title, heading=outline.path)
    else:
        kind = "item" if style.lower().startswith("list") or style.startswith("列") else "text"
        yield Block(kind, text, heading=outline.path)


def _rows(table: Table) -> Iterator[tuple[int | None, list[str]]]:
    for number, row in enumerate(table.rows, start=1):
        cells: list[str] = []
        last: object = None
        for cell in row.cells:  # a merged cell comes once for each column that it spans
            cells.append("" if cell._tc is last else cell.text)  # pyright: ignore[reportPrivateUsage]
            last = cell._tc  # pyright: ignore[reportPrivateUsage]
        yield number, cells


def read_xlsx(content: bytes, task: Task) -> list[Block]:
    """Each sheet is a table below its name as a heading."""
    blocks: list[Block] = []
    for sheet in open_workbook("", content).worksheets:
        rows: list[tuple[int | None, list[str]]] = []
        for number, cells in enumerate(sheet.iter_rows(values_only=True, max_row=MOST_ROWS), start=1):
            texts = [cell_text(cell) for cell in cells]
            while texts and not texts[-1]:
                texts.pop()
            rows.append((number, texts))
        if any(texts for _, texts in rows):
            blocks.append(Block("heading", sheet.title, heading=sheet.title))
            blocks += table_blocks(rows, task.labels, page=None, heading=sheet.title)
    return blocks
