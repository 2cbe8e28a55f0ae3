"""Bytes → Document: Markdown, text, HTML, DOCX, XLSX, PDF; told apart by what is inside, not by the file's ending."""

import csv
import io
import re
from collections.abc import Callable, Collection, Sequence
from datetime import date

from governance.errors import UnreadableFile
from rag.archives import members_of, refuse_unreadable
from rag.blocks import Block, Document, Outline, clean, language_of, table_blocks
from rag.dates import find_date
from rag.decoding import REPLACED, decode
from rag.reading_html import read_html
from rag.reading_office import read_docx, read_xlsx
from rag.reading_pdf import read_pdf

__all__ = ["Block", "Document", "read"]

_HTML = re.compile(r"<(?:!doctype html|html|head|body|table|div|p|h[1-6])\b", re.IGNORECASE)
_CHARSET = re.compile(rb"<meta[^>]{0,200}charset=[\"']?\s*(gb2312|gbk|gb18030)", re.IGNORECASE)
_MARKDOWN = re.compile(r"^(?:#{1,6} |\|.+\|\s*$|[*-] |> |```|\[[^\]]+\]\()|\*\*", re.MULTILINE)
_TEXT_HEADING = re.compile(
    r"^(?:第[一二三四五六七八九十百\d]+[章节部条]|[一二三四五六七八九十]+、|\d+(?:\.\d+)*[.、 ]\s?(?=\D))"
)
_ITEM = re.compile(r"^\s*(?:[-*•·]\s|\d{1,3}[.)、]\s?|[（(][一二三四五六七八九十\d]{1,3}[）)])")
_DATE_LABEL = re.compile(
    r"(?:^|[\s。.|])(?:编制|文件|制表|填报|印制|签发|发布|修订|更新|会议|通话|发送|报告|生效|施行)?(?:日期|时间)"
    r"\s*[:：]\s*(.{6,40})|\b(?:date|issued|effective from|updated|status of the list)\s*[:：]\s*(.{6,40})",
    re.IGNORECASE | re.MULTILINE,
)
_Reader = Callable[[bytes, Collection[str]], list[Block]]


def read(name: str, content: bytes, labels: Collection[str] = ()) -> Document:
    """
    Raises UnreadableFile: empty, encrypted, broken, larger than 50 MB, bomb-like, without text, of an unknown type.

    `labels` are the labels that this company's documents use; with them a table of pairs is told from one with headers.
    """
    refuse_unreadable(name, content)
    kind, reader = _reader(name, content)
    try:
        blocks = reader(content, labels)
    except UnreadableFile as refused:
        raise UnreadableFile(name=name, reason=refused.data["reason"]) from refused
    except Exception as broken:  # the edge to parsers of foreign files, which raise whatever they like
        raise UnreadableFile(name=name, reason={"zh": "文件已损坏", "en": "it is broken"}) from broken
    blocks = [block for block in blocks if block.text.strip()]
    if not blocks:
        reason = {"zh": "没有可读的文字（可能是扫描件）", "en": "it holds no readable text (perhaps a scan)"}
        raise UnreadableFile(name=name, reason=reason)
    language = language_of(block.text for block in blocks)
    return Document(name, kind, language, tuple(blocks), _date_of(name, blocks))  # pyright: ignore[reportArgumentType]


def _reader(name: str, content: bytes) -> tuple[str, _Reader]:
    if b"%PDF-" in content[:1024]:
        return "pdf", read_pdf
    if content.startswith(b"PK\x03\x04"):
        members = members_of(content)
        if "word/document.xml" in members:
            return "docx", read_docx
        if "xl/workbook.xml" in members:
            return "xlsx", read_xlsx
        raise _unknown(name)
    text = decode(content)
    if "\x00" in text or text.count(REPLACED) > len(text) // 20:
        raise _unknown(name)
    if _HTML.search(text[:2000]):
        return "html", lambda _, labels: read_html(_html_text(content, text), labels)
    if _MARKDOWN.search(text):
        return "markdown", lambda _, labels: _markdown(text, labels)
    return "text", lambda _, labels: _csv(text, labels) or _text(text)


def _unknown(name: str) -> UnreadableFile:
    reason = {
        "zh": "不支持这种类型，支持 md、txt、docx、pdf、xlsx、html",
        "en": "its type is unknown; use md, txt, docx, pdf, xlsx or html",
    }
    return UnreadableFile(name=name, reason=reason)


def _html_text(content: bytes, decoded: str) -> str:
    return content.decode("gb18030", errors="replace") if _CHARSET.search(content[:2000]) else decoded


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
        if _is_heading(stripped):
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


def _is_heading(line: str) -> bool:
    return bool(_TEXT_HEADING.match(line)) and len(line) <= 30 and not re.search(r"[。；;，,：:？?！!.]$|：|。", line)


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


def _date_of(name: str, blocks: Sequence[Block]) -> date | None:
    """The first day that a label such as 编制日期 names, else the one in the file's name, else one near the top."""
    running = [block.text for block in blocks if block.kind != "table"]
    for text in [*running[:20], *running[-3:]]:
        for match in _DATE_LABEL.finditer(text):
            if day := find_date(match[1] or match[2]):
                return day
    return find_date(name) or find_date("\n".join(running[:4]))
