"""A document as blocks in reading order: tables as lines of "列名：值", one block a row; dialogues one block a turn."""

import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Literal

from governance.errors import Language

BlockKind = Literal["heading", "text", "table", "item", "turn"]
Kind = Literal["text", "markdown", "html", "docx", "xlsx", "pptx", "pdf", "mail", "dialogue", "image"]
Role = Literal["rep", "customer", ""]
# Header cells that say nothing: below them the first column holds the labels.
_HEADERS_OF_PAIRS = frozenset(
    {"项目", "内容", "参数", "指标", "值", "数值", "名称", "说明", "字段", "信息", "要素", "属性"}
    | {"item", "content", "parameter", "value", "field", "details", "description"}
)
_HAN = re.compile(r"[\u4e00-\u9fff]")
_LATIN = re.compile(r"[A-Za-z]+")


@dataclass(frozen=True, slots=True)
class Block:
    """
    `page` from 1 (of a presentation: the slide); `row` is the row of a sheet or table in its file; `heading` is the
    path of headings above. A turn of a dialogue has its words in `text`, who spoke in `speaker`, on whose side in
    `role`; how turns reach the sources stands in rag/turns.py.
    """

    kind: BlockKind
    text: str
    page: int | None = None
    row: int | None = None
    heading: str = ""
    speaker: str = ""
    role: Role = ""


@dataclass(frozen=True, slots=True)
class Document:
    """What was read from one file; `date` is the day that it bears, `unsure` counts illegible lines left out."""

    name: str
    kind: Kind
    language: Language
    blocks: tuple[Block, ...]
    date: date | None
    unsure: int = 0


class Outline:
    """The headings that stand above the place being read; the two innermost make a block's `heading`."""

    def __init__(self) -> None:
        self._levels: list[tuple[int, str]] = []

    def enter(self, level: int, text: str) -> None:
        """A heading closes all of its own level and below."""
        self._levels = [(above, title) for above, title in self._levels if above < level]
        self._levels.append((level, text))

    @property
    def path(self) -> str:
        return " › ".join(title for _, title in self._levels[-2:])


def clean(text: str) -> str:
    """One line per line, without odd spaces."""
    lines = (re.sub(r"[ \t\u00a0\u3000]+", " ", line).strip() for line in text.splitlines())
    return "\n".join(line for line in lines if line)


def label_key(text: str) -> str:
    """How labels are compared: without spaces, marks and case."""
    return re.sub(r"[\s:：.。*（）()]", "", text).casefold()


def table_blocks(
    rows: Iterable[tuple[int | None, Sequence[str]]], labels: Collection[str], *, page: int | None, heading: str
) -> Iterator[Block]:
    """`rows`: number of the row and its cells. `labels`: what documents of this company use as labels."""
    filled = [(number, [clean(cell).replace("\n", " ") for cell in cells]) for number, cells in rows]
    filled = [(number, cells) for number, cells in filled if any(cells)]
    width = max((len(cells) for _, cells in filled), default=0)
    while filled and sum(map(bool, filled[0][1])) == 1 < width:  # a title across the table
        number, cells = filled.pop(0)
        yield Block("text", next(filter(None, cells)), page, number, heading)
    if not filled:
        return
    if width == 1:
        yield from (Block("text", cells[0], page, number, heading) for number, cells in filled)
    elif _holds_pairs([cells for _, cells in filled], width, {label_key(label) for label in labels}):
        yield from _pair_blocks(filled, page, heading)
    else:
        yield from _row_blocks(filled, page, heading)


def _holds_pairs(rows: Sequence[Sequence[str]], width: int, labels: Collection[str]) -> bool:
    """Whether labels stand to the left of their values (two columns, or twice two) instead of above them."""
    if width % 2 or width > 4:
        return False
    header = [label_key(cell) for cell in rows[0]]
    if all(cell in _HEADERS_OF_PAIRS for cell in header):
        return True
    if sum(cell in labels for cell in header[1::2]):
        return False
    return any(label_key(row[0]) in labels for row in rows[1:])


def _pair_blocks(rows: Sequence[tuple[int | None, Sequence[str]]], page: int | None, heading: str) -> Iterator[Block]:
    for number, cells in rows:
        if all(label_key(cell) in _HEADERS_OF_PAIRS for cell in cells):
            continue
        pairs = zip(cells[::2], [*cells[1::2], ""], strict=False)
        lines = [_line(label, cell) for label, cell in pairs if label or cell]
        yield Block("table", "\n".join(lines), page, number, heading)


def _row_blocks(rows: Sequence[tuple[int | None, Sequence[str]]], page: int | None, heading: str) -> Iterator[Block]:
    header = rows[0][1]
    if len(rows) == 1:
        yield Block("text", " ".join(filter(None, header)), page, rows[0][0], heading)
    for number, cells in rows[1:]:
        named = [*header, *[""] * (len(cells) - len(header))]
        lines = [_line(label, cell) for label, cell in zip(named, cells, strict=False) if cell]
        yield Block("table", "\n".join(lines), page, number, heading)


def _line(label: str, cell: str) -> str:
    return f"{label.rstrip(':： ')}：{cell}" if label and cell else label or cell


def language_of(texts: Iterable[str]) -> Language:
    """Chinese, unless Latin words outnumber Chinese characters."""
    text = "\n".join(texts)
    return "zh" if len(_HAN.findall(text)) >= len(_LATIN.findall(text)) else "en"
