"""PDF → blocks: ruled tables as tables, lines joined to paragraphs, larger type as headings, page numbers kept."""

import io
import re
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import pdfplumber
from pdfplumber.page import Page
from pdfplumber.utils.exceptions import PdfminerException

from governance.errors import UnreadableFile
from rag.blocks import Block, Outline, clean, table_blocks

MOST_PAGES = 500
_NUMBER = re.compile(r"^.{0,30}(?:第\s*\d+\s*页|[Pp]age\s+\d+)(?:\s*[/,，]?\s*(?:共\s*\d+\s*页|of\s+\d+))?$")
_ENDS = re.compile(r"[。！？；：.!?;:]$")
_STARTS = re.compile(r"^(?:[-•·]|\d{1,3}[.、)]|[（(]|[一二三四五六七八九十]+、|第.{1,4}[章节条]|[问答QA][：:])")


@dataclass(frozen=True, slots=True)
class _Line:
    text: str
    top: float
    size: float
    right: float


def read_pdf(content: bytes, labels: Collection[str]) -> list[Block]:
    """Raises UnreadableFile for an encrypted or endless one; whatever pdfplumber raises for a broken one."""
    try:
        document = pdfplumber.open(io.BytesIO(content))
    except PdfminerException as refused:
        if "Password" in repr(refused.args) or "Password" in repr(refused.__context__):
            reason = {"zh": "文件已用密码加密，请去除密码后再上传", "en": "it is encrypted; remove the password"}
            raise UnreadableFile(name="", reason=reason) from refused
        raise
    with document:
        if len(document.pages) > MOST_PAGES:
            reason = {"zh": f"超过 {MOST_PAGES} 页，请拆分", "en": f"it has more than {MOST_PAGES} pages; split it"}
            raise UnreadableFile(name="", reason=reason)
        pages = [_page(page) for page in document.pages]
    sizes = Counter(round(line.size, 1) for lines, _ in pages for line in lines for _ in line.text)
    body = sizes.most_common(1)[0][0] if sizes else 0.0
    repeated = _running_lines([lines for lines, _ in pages])
    outline, blocks = Outline(), list[Block]()
    for number, (lines, tables) in enumerate(pages, start=1):
        kept = [line for line in lines if _digitless(line.text) not in repeated and not _NUMBER.search(line.text)]
        blocks += _blocks(number, kept, tables, body, outline, labels)
    return blocks


def _page(page: Page) -> tuple[list[_Line], list[tuple[float, list[list[str]]]]]:
    tables = page.find_tables()
    boxes = [table.bbox for table in tables]

    def outside(thing: dict[str, Any]) -> bool:
        middle = (thing["top"] + thing["bottom"]) / 2
        across = (thing["x0"] + thing["x1"]) / 2
        return not any(x0 <= across <= x1 and top <= middle <= bottom for x0, top, x1, bottom in boxes)

    found = page.filter(lambda thing: thing["object_type"] != "char" or outside(thing)).extract_text_lines()
    lines = [
        _Line(line["text"].strip(), line["top"], max(char["size"] for char in line["chars"]), line["x1"])
        for line in found
        if line["text"].strip()
    ]
    cells = [(table.bbox[1], [[cell or "" for cell in row] for row in table.extract()]) for table in tables]
    page.close()  # frees the characters; a long document would keep them all
    return lines, cells


def _digitless(text: str) -> str:
    return re.sub(r"\d+", "#", text)


def _running_lines(pages: Sequence[Sequence[_Line]]) -> set[str]:
    """The first or last line of a page that, but for its number, stands on most pages: headers and footers."""
    if len(pages) < 2:
        return set()
    edges = Counter(text for lines in pages if lines for text in {_digitless(lines[i].text) for i in (0, -1)})
    return {text for text, count in edges.items() if count * 2 > len(pages)}


def _blocks(
    page: int,
    lines: Sequence[_Line],
    tables: Sequence[tuple[float, list[list[str]]]],
    body: float,
    outline: Outline,
    labels: Collection[str],
) -> Iterator[Block]:
    waiting = sorted(tables, key=lambda table: table[0])
    paragraph: list[_Line] = []
    right = max((line.right for line in lines), default=0.0)
    for line in lines:
        while waiting and waiting[0][0] < line.top:
            yield from _paragraph(paragraph, page, outline)
            yield from _table(waiting.pop(0)[1], page, outline, labels)
        if line.size > body * 1.08 and len(line.text) <= 60:
            yield from _paragraph(paragraph, page, outline)
            outline.enter(-int(line.size * 10), line.text)  # the larger the type, the higher the heading
            yield Block("heading", line.text, page, heading=outline.path)
            continue
        if paragraph and _breaks(paragraph[-1], line, right):
            yield from _paragraph(paragraph, page, outline)
        paragraph.append(line)
    yield from _paragraph(paragraph, page, outline)
    for _, rows in waiting:
        yield from _table(rows, page, outline, labels)


def _breaks(above: _Line, line: _Line, right: float) -> bool:
    """A new paragraph: after a gap, after a line that ends early, or before an item."""
    gap = line.top - above.top > 2.2 * line.size
    short = above.right < right - 3 * line.size
    ended = bool(_ENDS.search(above.text)) and above.right < right - line.size
    return gap or short or ended or bool(_STARTS.match(line.text))


def _paragraph(lines: list[_Line], page: int, outline: Outline) -> Iterator[Block]:
    if lines:
        joined = lines[0].text
        for line in lines[1:]:
            latin = joined[-1].isascii() and line.text[0].isascii()
            joined += (" " if latin else "") + line.text
        kind = "item" if re.match(r"^(?:[-•·]|\d{1,3}[.、)])\s?\D", joined) else "text"
        yield Block(kind, clean(joined), page, heading=outline.path)
        lines.clear()


def _table(rows: list[list[str]], page: int, outline: Outline, labels: Collection[str]) -> Iterator[Block]:
    yield from table_blocks([(None, row) for row in rows], labels, page=page, heading=outline.path)
