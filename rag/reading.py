"""Bytes → Document: text, Markdown, HTML, office, PDF, mail, chats, scans; told apart by content, not by ending."""

import re
from collections.abc import Callable, Collection, Sequence
from datetime import date

from governance.errors import UnreadableFile
from rag.archives import members_of, refuse_unreadable
from rag.blocks import Block, Document, Kind, language_of
from rag.dates import find_date
from rag.decoding import REPLACED, decode
from rag.intake import Reading, Task
from rag.reading_html import read_html
from rag.reading_mail import is_mail, read_mail
from rag.reading_text import read_markdown, read_text
from rag.turns import read_turns
from rag.unpacking import unpack

__all__ = ["Block", "Document", "read", "read_parts"]

_HTML = re.compile(r"<(?:!doctype html|html|head|body|table|div|p|h[1-6])\b", re.IGNORECASE)
_CHARSET = re.compile(rb"<meta[^>]{0,200}charset=[\"']?\s*(gb2312|gbk|gb18030)", re.IGNORECASE)
_MARKDOWN = re.compile(r"^(?:#{1,6} |\|.+\|\s*$|[*-] |> |```|\[[^\]]+\]\()|\*\*", re.MULTILINE)
_UNTIL = re.compile(r"有效期|到期|截止|期限|until|expir|\bdue\b", re.IGNORECASE)
_DATE_LABEL = re.compile(
    r"(?:^|[\s。.|])(?:编制|文件|制表|填报|印制|签发|发布|修订|更新|会议|通话|发送|报告|生效|施行)?(?:日期|时间)"
    r"\s*[:：]\s*(.{6,40})|\b(?:date|issued|effective from|updated|status of the list)\s*[:：]\s*(.{6,40})",
    re.IGNORECASE | re.MULTILINE,
)
_PICTURES = (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"II*\x00", b"MM\x00*", b"BM")
_Reader = Callable[[bytes, Task], list[Block]]


def read(name: str, content: bytes, labels: Collection[str] = ()) -> Document:
    """
    Raises UnreadableFile: empty, encrypted, broken, larger than 50 MB, bomb-like, without text, of an unknown type.

    `labels` are the labels that this company's documents use; with them a table of pairs is told from one with headers.
    """
    if document := read_parts(Task(name, labels), content).document:
        return document
    raise _unknown(name)


def read_parts(task: Task, content: bytes) -> Reading:
    """Like `read`, and what is attached; for hostile files only in a process of its own (rag/confined.py)."""
    refuse_unreadable(task.name, content)
    kind, reader = _reader(task.name, content)
    if reader is None:
        unpack(content, task)
        return Reading(None, tuple(task.attachments), tuple(task.refused))
    try:
        blocks = reader(content, task)
    except UnreadableFile as refused:
        raise UnreadableFile(name=task.name, reason=refused.data["reason"]) from refused
    except MemoryError:
        raise
    except Exception as broken:  # the edge to parsers of foreign files, which raise whatever they like
        raise UnreadableFile(name=task.name, reason={"zh": "文件已损坏", "en": "it is broken"}) from broken
    blocks = [block for block in blocks if block.text.strip()]
    if kind in ("docx", "html", "pdf") and (turns := _spoken(blocks, task.labels)):
        blocks = turns
    if any(block.kind == "turn" for block in blocks):
        kind = "dialogue"
    if not blocks and not task.attachments:
        raise UnreadableFile(name=task.name, reason=_nothing_read(kind, task.unsure))
    language = language_of(block.text for block in blocks)
    document = Document(task.name, kind, language, tuple(blocks), _date_of(task.name, blocks), task.unsure)
    return Reading(document if blocks else None, tuple(task.attachments), tuple(task.refused))


def _nothing_read(kind: Kind, unsure: int) -> dict[str, str]:
    if kind == "image" or unsure:
        return {
            "zh": "文字识别（OCR）没有认出文字，可能过于模糊，请重新扫描",
            "en": "OCR found no legible text in it; scan it again, sharper",
        }
    return {"zh": "没有可读的文字（可能是扫描件）", "en": "it holds no readable text (perhaps a scan)"}


def _reader(name: str, content: bytes) -> tuple[Kind, _Reader | None]:
    """By what is inside; each parser is imported when a file needs it. None: an archive of documents."""
    if b"%PDF-" in content[:1024]:
        from rag.reading_pdf import read_pdf

        return "pdf", read_pdf
    if content.startswith(b"PK\x03\x04"):
        return _office(name, members_of(content))
    if content.startswith(_PICTURES) or (content[:4] == b"RIFF" and content[8:12] == b"WEBP"):
        from rag.reading_scan import read_image

        return "image", read_image
    if is_mail(content):
        return "mail", read_mail
    return _written(name, content)


def _office(name: str, members: Collection[str]) -> tuple[Kind, _Reader | None]:
    if "word/document.xml" in members:
        from rag.reading_office import read_docx

        return "docx", read_docx
    if "xl/workbook.xml" in members:
        from rag.reading_office import read_xlsx

        return "xlsx", read_xlsx
    if "ppt/presentation.xml" in members:
        from rag.reading_slides import read_pptx

        return "pptx", read_pptx
    if "META-INF/MANIFEST.MF" in members or "mimetype" in members or "AndroidManifest.xml" in members:
        raise _unknown(name)  # programs, books and OpenDocument are archives too
    return "text", None


def _written(name: str, content: bytes) -> tuple[Kind, _Reader]:
    text = decode(content)
    if "\x00" in text or text.count(REPLACED) > len(text) // 20:
        raise _unknown(name)
    if _HTML.search(text[:2000]):
        return "html", lambda _, task: read_html(_html_text(content, text), task.labels)
    if _MARKDOWN.search(text):
        return "markdown", lambda _, task: read_markdown(text, task)
    return "text", lambda _, task: read_text(text, task)


def _spoken(blocks: Sequence[Block], labels: Collection[str]) -> list[Block]:
    """A transcript in a file of another format: turns, when the document is running text and most of it is spoken."""
    if any(block.kind == "table" for block in blocks):
        return []
    return read_turns([(line, block.page) for block in blocks for line in block.text.split("\n")], labels)


def _unknown(name: str) -> UnreadableFile:
    kinds = "md, txt, docx, pdf, xlsx, pptx, html, eml, png, jpg, tiff, zip"
    reason = {
        "zh": f"不支持这种类型，支持 {kinds.replace(', ', '、')}",
        "en": f"its type is unknown; use one of {kinds}",
    }
    return UnreadableFile(name=name, reason=reason)


def _html_text(content: bytes, decoded: str) -> str:
    return content.decode("gb18030", errors="replace") if _CHARSET.search(content[:2000]) else decoded


def _date_of(name: str, blocks: Sequence[Block]) -> date | None:
    """
    The first day that a label such as 编制日期 names, else the one in the file's name, else one near the top.

    A day until which something is valid is never the document's own.
    """
    running = [block.text for block in blocks if block.kind != "table"]
    for text in [*running[:20], *running[-3:]]:
        for match in _DATE_LABEL.finditer(text):
            if day := find_date(match[1] or match[2]):
                return day
    top = [line for text in running[:4] for line in text.split("\n") if not _UNTIL.search(line)]
    return find_date(name) or find_date("\n".join(top))
