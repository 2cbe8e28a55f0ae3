"""Text → blocks: Markdown, plain text, tables with commas or tabs, and dialogues in any of them."""

import csv
import io
import re
from collections.abc import Collection

from rag.blocks import Block, Outline, clean, table_blocks
from rag.intake import Task
from rag.turns import read_turns, turn_blocks

_TEXT_HEADING = re.compile(
    r"^(?:第[一二三四五六七八九十百\d]+[章节部条]|[一二三四五六七八九十]+、|\d+(?:\.\d+)*[.、 ]\s?(?=\D))"
)
_ITEM = re.compile(r"^\s*(?:[-*•·]\s|\d{1,3}[.)、]\s?|[（(][一二三四五六七八九十\d]{1,3}[）)])")
_WHEN = re.compile(r"时间|日期|time|date|timestamp", re.IGNORECASE)
_WHO = re.compile(r"发送者|发送人|发言人|昵称|姓名|sender|speaker|from|name", re.IGNORECASE)
_WORDS = re.compile(r"(?:消息|聊天|发言)?内容|消息|文本|message|content|text", re.IGNORECASE)


def read_markdown(text: str, task: Task) -> list[Block]:
    """A dialogue, else headings, tables, items and paragraphs."""
    return _talk(text, task) or _markdown(text, task.labels)


def read_text(text: str, task: Task) -> list[Block]:
    """A dialogue, else a table, else headings, items and paragraphs."""
    return _talk(text, task) or _csv(text, task.labels) or _text(text)


def _talk(text: str, task: Task) -> list[Block]:
    """The turns of a dialogue, else nothing."""
    return _chat_table(text) or read_turns([(_plain(line), None) for line in text.split("\n")], task.labels)


def _markdown(text: str, labels: Collection[str]) -> list[Block]:
    outline, blocks = Outline(), list[Block]()
    paragraph, table, fenced = list[str](), list[list[str]](), False

    def flush() -> None:
        if paragraph:
            blocks.append(Block("text", "\n".join(paragraph), heading=outline.path))
            paragraph.clear()
        if table:
            numbered = [(None, row) for row in table if not all(re.fullmatch(r":?-{2,}:?|", cell) for cell in row)]
            blocks.extend(table_blocks(numbered, labels, page=None, heading=outline.path))
            table.clear()

    for line in [*text.split("\n"), ""]:
        stripped = _plain(line)
        if line.lstrip().startswith("```"):
            fenced = not fenced
        elif not fenced and (match := re.match(r"(#{1,6})\s+(.+?)\s*#*$", line)):
            flush()
            outline.enter(len(match[1]), _plain(match[2]))
            blocks.append(Block("heading", _plain(match[2]), heading=outline.path))
        elif not fenced and stripped.startswith("|"):
            if paragraph:
                flush()
            cells = re.split(r"(?<!\\)\|", stripped.strip("|"))
            table.append([cell.strip().replace("\\|", "|") for cell in cells])
        elif not fenced and _ITEM.match(line):
            flush()
            blocks.append(Block("item", clean(_plain(_ITEM.sub("", line, count=1))), heading=outline.path))
        elif not stripped or re.fullmatch(r"[-*_=]{3,}", stripped):
            flush()
        else:
            if table:
                flush()
            paragraph.append(clean(stripped.removeprefix("> ")))
    flush()
    return blocks


def _plain(line: str) -> str:
    """Without emphasis, code marks and link targets."""
    return re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", re.sub(r"\*\*|__|`", "", line)).strip()


def _text(text: str) -> list[Block]:
    outline, blocks, paragraph = Outline(), list[Block](), list[str]()

    def flush() -> None:
        if paragraph:
            blocks.append(Block("text", "\n".join(paragraph), heading=outline.path))
            paragraph.clear()

    for line in [*text.split("\n"), ""]:
        stripped = clean(line)
        if is_heading(stripped):
            flush()
            outline.enter(2, stripped)
            blocks.append(Block("heading", stripped, heading=outline.path))
        elif _ITEM.match(line):
            flush()
            blocks.append(Block("item", stripped, heading=outline.path))
        elif stripped:
            paragraph.append(stripped)
        else:
            flush()
    return blocks


def is_heading(line: str) -> bool:
    """Whether a line is numbered like a heading and short: 一、注册信息."""
    return bool(_TEXT_HEADING.match(line)) and len(line) <= 30 and not re.search(r"[。；;，,：:？?！!.]$|：|。", line)


def _chat_table(text: str) -> list[Block]:
    """A chat export with a column for the sender and one for the words."""
    if not text.count("\n") >= 2 or not _WHO.search(text[:300]):
        return []
    delimiter = "\t" if "\t" in text.split("\n", 1)[0] else ","
    header, *rows = csv.reader(io.StringIO(text), delimiter=delimiter)
    places = [
        next((n for n, cell in enumerate(header) if form.fullmatch(cell.strip())), None) for form in (_WHO, _WORDS)
    ]
    if None in places or len(header) < 2:
        return []
    when = next((n for n, cell in enumerate(header) if _WHEN.fullmatch(cell.strip())), None)
    who, words = (int(place or 0) for place in places)
    filled = [row for row in rows if len(row) == len(header)]
    return turn_blocks((row[when][:10] if when is not None else "", row[who], row[words]) for row in filled)


def _csv(text: str, labels: Collection[str]) -> list[Block]:
    """A table when at least three lines have the same number of two or more commas or tabs; else nothing."""
    lines = [line for line in text.split("\n") if line.strip()]
    for delimiter in ("\t", ","):
        count = lines[0].count(delimiter) if lines else 0
        if len(lines) >= 3 and count >= 2 and all(line.count(delimiter) >= count for line in lines[:20]):
            rows = list(enumerate(csv.reader(io.StringIO(text), delimiter=delimiter), start=1))
            if len({len(cells) for _, cells in rows if any(cells)}) == 1:
                return list(table_blocks(rows, labels, page=None, heading=""))
    return []
