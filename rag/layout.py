"""Lines on pages → blocks: reading order over columns, lines joined to paragraphs, larger type as headings."""

import re
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from statistics import median

from rag.blocks import Block, Outline, clean, table_blocks

_NUMBER = re.compile(r"^.{0,30}(?:第\s*\d+\s*页|[Pp]age\s+\d+)(?:\s*[/,，]?\s*(?:共\s*\d+\s*页|of\s+\d+))?$")
_ENDS = re.compile(r"[。！？；：.!?;:]$")
_STARTS = re.compile(r"^(?:[-•·]|\d{1,3}[.、)]|[（(]|[一二三四五六七八九十]+、|第.{1,4}[章节条]|[问答QA][：:])")
_FEWEST = 4  # lines on either side of a gutter


@dataclass(frozen=True, slots=True)
class Line:
    """Text at a place; `edge` is the right end of its column. With `rows` it is a table that stands there."""

    text: str
    left: float
    top: float
    right: float
    bottom: float
    size: float
    edge: float = 0.0
    rows: tuple[tuple[str, ...], ...] = ()


Page = Sequence[Line]  # in reading order


def in_reading_order(lines: Sequence[Line]) -> list[Line]:
    """Down the columns where a gutter parts them, else down the page; what crosses the gutter parts what lies above."""
    x = _gutter([line for line in lines if not line.rows])
    if x is None:
        edge = max((line.right for line in lines), default=0.0)
        return [replace(line, edge=edge) for line in sorted(lines, key=lambda line: (line.top, line.left))]
    found: list[Line] = []
    crossing = sorted((line for line in lines if line.left < x < line.right), key=lambda line: line.top)
    above = float("-inf")
    for below in [*(line.top for line in crossing), float("inf")]:
        zone = [line for line in lines if above <= line.top < below and line not in crossing]
        for side in ([line for line in zone if line.right <= x], [line for line in zone if line.left >= x]):
            found += in_reading_order(side)
        found += [replace(line, edge=max(line.right, x)) for line in crossing if line.top == below]
        above = below
    return found


def _gutter(lines: Sequence[Line]) -> float | None:
    """Where a blank strip parts two columns of running text; a list of labels and values is none."""
    if len(lines) < 2 * _FEWEST:
        return None
    first, last = min(line.left for line in lines), max(line.right for line in lines)
    best: tuple[int, float, float] | None = None
    for x in {round(line.left - 1.0, 1) for line in lines}:
        if not first + 0.2 * (last - first) < x < first + 0.8 * (last - first):
            continue
        left = [line for line in lines if line.right <= x]
        right = [line for line in lines if line.left >= x]
        crossing = len(lines) - len(left) - len(right)
        if min(len(left), len(right)) < _FEWEST or crossing * 4 > len(lines):
            continue
        size = median(line.size for line in lines)
        gap = x - max(line.right for line in left)
        full = [_filled(left, x - gap - first), _filled(right, last - x)]
        beside = sum(any(line.top < other.bottom and other.top < line.bottom for other in right) for line in left)
        if gap >= 0.8 * size and min(full) >= 0.6 and beside * 2 >= min(len(left), len(right)):
            best = min(best or (len(lines), 0.0, 0.0), (crossing, -gap, x))
    return best[2] if best else None


def _filled(lines: Sequence[Line], width: float) -> float:
    return median(line.right - line.left for line in lines) / max(width, 1.0)


def blocks_of(pages: Sequence[Page], labels: Collection[str]) -> list[Block]:
    """Page numbers from 1; headers and footers that stand on most pages are left out."""
    sizes = Counter(round(line.size, 1) for page in pages for line in page for _ in line.text)
    body = sizes.most_common(1)[0][0] if sizes else 0.0
    repeated = _running_lines(pages)
    outline, blocks = Outline(), list[Block]()
    for number, page in enumerate(pages, start=1):
        kept = [line for line in page if line.rows or not _runs(line, repeated)]
        blocks += _blocks(number, kept, body, outline, labels)
    return blocks


def _runs(line: Line, repeated: Collection[str]) -> bool:
    return _digitless(line.text) in repeated or bool(_NUMBER.search(line.text))


def _digitless(text: str) -> str:
    return re.sub(r"\d+", "#", text)


def _running_lines(pages: Sequence[Page]) -> set[str]:
    """The first or last line of a page that, but for its number, stands on most pages: headers and footers."""
    if len(pages) < 2:
        return set()
    edges: Counter[str] = Counter()
    for page in pages:
        if texts := [line.text for line in sorted(page, key=lambda line: line.top) if not line.rows]:
            edges.update({_digitless(texts[0]), _digitless(texts[-1])})
    return {text for text, count in edges.items() if count * 2 > len(pages)}


def _blocks(page: int, lines: Page, body: float, outline: Outline, labels: Collection[str]) -> Iterator[Block]:
    paragraph: list[Line] = []
    for line in lines:
        if line.rows:
            yield from _paragraph(paragraph, page, outline)
            rows = [(None, row) for row in line.rows]
            yield from table_blocks(rows, labels, page=page, heading=outline.path)
            continue
        if line.size > body * 1.08 and len(line.text) <= 60:
            yield from _paragraph(paragraph, page, outline)
            outline.enter(-int(line.size * 10), line.text)  # the larger the type, the higher the heading
            yield Block("heading", line.text, page, heading=outline.path)
            continue
        if paragraph and _breaks(paragraph[-1], line):
            yield from _paragraph(paragraph, page, outline)
        paragraph.append(line)
    yield from _paragraph(paragraph, page, outline)


def _breaks(above: Line, line: Line) -> bool:
    """A new paragraph: after a gap, after a line that ends early, or before an item."""
    gap = line.top - above.top > 2.2 * line.size
    short = above.right < above.edge - 3 * line.size
    ended = bool(_ENDS.search(above.text)) and above.right < above.edge - line.size
    return gap or short or ended or bool(_STARTS.match(line.text))


def _paragraph(lines: list[Line], page: int, outline: Outline) -> Iterator[Block]:
    if lines:
        joined = lines[0].text
        for line in lines[1:]:
            latin = joined[-1].isascii() and line.text[0].isascii()
            joined += (" " if latin else "") + line.text
        kind = "item" if re.match(r"^(?:[-•·]|\d{1,3}[.、)])\s?\D", joined) else "text"
        yield Block(kind, clean(joined), page, heading=outline.path)
        lines.clear()
