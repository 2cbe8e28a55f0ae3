"""PDF → blocks: ruled tables as tables, columns one after the other, pages without text read by OCR, pages kept."""

import io
import itertools
from collections.abc import Sequence
from typing import Any

import pdfplumber
from pdfplumber.page import Page
from pdfplumber.utils.exceptions import PdfminerException

from governance.errors import UnreadableFile
from rag.blocks import Block
from rag.intake import Task, refuse_pages
from rag.layout import Line, blocks_of, in_reading_order

FEWEST_CHARACTERS = 8  # a page with fewer and a picture is a scan
DOTS_PER_INCH = 200
LARGEST_SIDE = 4_000  # pixels of a rendered page


def read_pdf(content: bytes, task: Task) -> list[Block]:
    """Raises UnreadableFile for an encrypted or endless one; whatever pdfplumber raises for a broken one."""
    try:
        document = pdfplumber.open(io.BytesIO(content))
    except PdfminerException as refused:
        if "Password" in repr(refused.args) or "Password" in repr(refused.__context__):
            reason = {"zh": "文件已用密码加密，请去除密码后再上传", "en": "it is encrypted; remove the password"}
            raise UnreadableFile(name="", reason=reason) from refused
        raise
    with document:
        refuse_pages(len(document.pages))
        pages: list[Sequence[Line]] = []
        for number, page in enumerate(document.pages, start=1):
            pages.append(_page(page, task))
            task.on_page(number, len(document.pages))
    return blocks_of(pages, task.labels)


def _page(page: Page, task: Task) -> Sequence[Line]:
    if sum(not char["text"].isspace() for char in page.chars) < FEWEST_CHARACTERS and page.images:
        lines = _scanned(page, task)
    else:
        lines = _printed(page)
    page.close()  # frees the characters; a long document would keep them all
    return lines


def _scanned(page: Page, task: Task) -> list[Line]:
    from rag.reading_scan import recognise  # the models take a second to load

    inches = max(page.width, page.height, 1) / 72
    picture = page.to_image(resolution=int(min(DOTS_PER_INCH, LARGEST_SIDE / inches)) or 1).original
    return recognise(picture, task)


def _printed(page: Page) -> list[Line]:
    tables = page.find_tables()
    boxes = [table.bbox for table in tables]

    def outside(thing: dict[str, Any]) -> bool:
        middle = (thing["top"] + thing["bottom"]) / 2
        across = (thing["x0"] + thing["x1"]) / 2
        return not any(x0 <= across <= x1 and top <= middle <= bottom for x0, top, x1, bottom in boxes)

    text = page.filter(lambda thing: thing["object_type"] != "char" or outside(thing))
    whole = [
        _line(found["text"].strip(), found["chars"]) for found in text.extract_text_lines() if found["text"].strip()
    ]
    grids = [
        Line("", *table.bbox, 0.0, 0.0, tuple(tuple(cell or "" for cell in row) for row in table.extract()))
        for table in tables
    ]
    parted = [part for line in text.extract_text_lines() for part in _parted(line["chars"])]
    columns = in_reading_order([*parted, *grids])
    single = sorted([*parted, *grids], key=lambda line: (line.top, line.left))
    if [line.text for line in columns] == [
        line.text for line in single
    ]:  # one column: spaces in lines stay as they are
        return in_reading_order([*whole, *grids])
    return columns


def _line(text: str, chars: Sequence[dict[str, Any]]) -> Line:
    top, bottom = min(char["top"] for char in chars), max(char["bottom"] for char in chars)
    size = max(char["size"] for char in chars)
    return Line(text, chars[0]["x0"], top, max(char["x1"] for char in chars), bottom, size)


def _parted(chars: Sequence[dict[str, Any]]) -> list[Line]:
    """A line of the page, cut where a gap is wider than the type."""
    parts: list[list[dict[str, Any]]] = [[]]
    ordered = sorted(chars, key=lambda char: char["x0"])
    for before, char in itertools.pairwise([ordered[0], *ordered]):
        if char["x0"] - before["x1"] > 0.9 * char["size"] and parts[-1]:
            parts.append([])
        parts[-1].append(char)
    return [_line(text, part) for part in parts if (text := _text(part))]


def _text(chars: Sequence[dict[str, Any]]) -> str:
    found = ""
    for before, char in itertools.pairwise([chars[0], *chars]):
        gap = char["x0"] - before["x1"] > 0.2 * char["size"] and not found.endswith(" ")
        found += (" " if gap else "") + char["text"]
    return found.strip()
