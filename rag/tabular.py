"""A file that holds a table → its rows one by one: CSV in any encoding, XLSX and JSON; memory stays small."""

import codecs
import csv
import hashlib
import io
import json
import re
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Literal, cast

from governance.errors import UnreadableFile, WrongHeaders
from rag.archives import (
    MOST_BYTES,
    MOST_TABLE_BYTES,
    MOST_TABLE_UNPACKED,
    open_workbook,
    refuse_bomb,
    refuse_size,
    refuse_unreadable,
)
from rag.dates import cell_text
from rag.decoding import decode, decode_line

Cells = list[str] | None  # None: the row has a cell that is too long to be one
Line = tuple[int, Cells]  # number of the row in the file (header = 1) and its cells
CHUNK = 2**20
_ODD = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\u200b-\u200f\u202a-\u202e\u2066-\u2069\ufeff]")
_MARKS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


@dataclass(frozen=True, slots=True)
class TableFile:
    """A file that was looked at once from end to end. `lines` is an estimate of its rows, 0 when there is none."""

    name: str
    sha256: str
    size: int
    lines: int
    form: Literal["csv", "json", "xlsx"]
    encoding: Literal["utf-8", "utf-16", "mixed"]
    open: Callable[[], BinaryIO]
    path: Path | None = None
    stamp: tuple[int, int, int] = (0, 0, 0)

    def refuse_if_changed(self) -> None:
        """Raises UnreadableFile when the file is not the one that was looked at any more."""
        if self.path is not None and (not self.path.is_file() or _stamp(self.path) != self.stamp):
            reason = {"zh": "读取期间文件被改动，请重新导入", "en": "it was changed while it was read; import it again"}
            raise UnreadableFile(name=self.name, reason=reason)


def table_file(name: str, path: Path) -> TableFile:
    """A table on disk, up to 500 MB; raises UnreadableFile."""
    try:
        stamp = _stamp(path)
        refuse_size(name, stamp[1], MOST_TABLE_BYTES)
        return _looked_at(name, lambda: path.open("rb"), MOST_TABLE_BYTES, path, stamp)
    except OSError as broken:
        raise UnreadableFile(name=name, reason={"zh": "无法打开", "en": "it cannot be opened"}) from broken


def table_bytes(name: str, content: bytes) -> TableFile:
    """A table in memory, as large as a document may be; raises UnreadableFile."""
    return _looked_at(name, lambda: io.BytesIO(content), MOST_BYTES)


def rows_of(file: TableFile, sheet: str | None = None) -> Iterator[Line]:
    """Header and rows; `sheet` None means the first one. Raises UnreadableFile, and WrongHeaders for no such sheet."""
    if file.form == "xlsx":
        return _xlsx(file, sheet)
    return _json(file) if file.form == "json" else _csv(file)


def clean(cell: str) -> str:
    """A cell without the characters that nobody sees, such as control and direction marks; line ends stay."""
    cell = cell.strip()
    return cell if cell.isprintable() else _ODD.sub("", cell).strip()


def _stamp(path: Path) -> tuple[int, int, int]:
    stat = path.stat()
    return stat.st_ino, stat.st_size, stat.st_mtime_ns


@dataclass(slots=True)
class _Seen:
    """What is known of the bytes so far."""

    size: int = 0
    lines: int = 0
    utf_8: bool = True
    blank: bool = True
    nul: bool = False

    def add(self, chunk: bytes, decoder: codecs.IncrementalDecoder) -> None:
        self.size += len(chunk)
        self.lines += chunk.count(b"\n")
        self.blank = self.blank and not chunk.strip(b"\x00 \t\r\n")
        self.nul = self.nul or b"\x00" in chunk
        if self.utf_8:
            try:
                decoder.decode(chunk, final=not chunk)
            except UnicodeDecodeError:
                self.utf_8 = False


def _looked_at(
    name: str,
    open_: Callable[[], BinaryIO],
    most: int,
    path: Path | None = None,
    stamp: tuple[int, int, int] = (0, 0, 0),
) -> TableFile:
    hashed, seen, decoder = hashlib.sha256(), _Seen(), codecs.getincrementaldecoder("utf-8")()
    with open_() as file:
        head = file.read(CHUNK)
        chunk = head
        while True:
            hashed.update(chunk)
            seen.add(chunk, decoder)
            if not chunk or seen.size > most:
                break
            chunk = file.read(CHUNK)
        refuse_size(name, seen.size, most)
        if seen.blank:
            raise UnreadableFile(name=name, reason={"zh": "文件是空的", "en": "it is empty"})
        file.seek(0)
        if archive := head.startswith(b"PK\x03\x04"):
            refuse_bomb(name, file, seen.size, MOST_TABLE_UNPACKED)
        else:
            refuse_unreadable(name, head)
    wide = head.startswith(_MARKS)
    if seen.nul and not wide and not archive:
        raise UnreadableFile(name=name, reason={"zh": "不是表格文件", "en": "it is not a table"})
    form = "xlsx" if archive else "json" if decode(head[:4096]).lstrip()[:1] in ("[", "{") else "csv"
    if form == "json":
        refuse_size(name, seen.size, MOST_BYTES)
    encoding = "utf-16" if wide else "utf-8" if seen.utf_8 else "mixed"
    lines = 0 if archive else seen.lines
    return TableFile(name, hashed.hexdigest(), seen.size, lines, form, encoding, open_, path, stamp)


def _csv(file: TableFile) -> Generator[Line]:
    first = next((line for line in _lines(file) if line.strip()), "")
    reader = csv.reader(_lines(file), delimiter=max((",", "\t", ";"), key=first.count))
    number = 0
    while True:
        number += 1
        try:
            yield number, [clean(cell) for cell in next(reader)]
        except StopIteration:
            return
        except csv.Error:  # a cell of over 128 KB, most often a quote that is never closed; the reader goes on after it
            yield number, None


def _lines(file: TableFile) -> Generator[str]:
    """Lines with a newline at their end, whatever ended them in the file."""
    with file.open() as raw:
        if file.encoding != "mixed":
            encoding = "utf-16" if file.encoding == "utf-16" else "utf-8-sig"
            with io.TextIOWrapper(raw, encoding=encoding, errors="replace", newline=None) as text:
                yield from text
            return
        for number, line in enumerate(raw):
            one = decode_line(line.removeprefix(codecs.BOM_UTF8) if number == 0 else line)
            yield from io.StringIO(one.replace("\r\n", "\n").replace("\r", "\n"))


def _xlsx(file: TableFile, sheet: str | None) -> Generator[Line]:
    with file.open() as raw:
        workbook = open_workbook(file.name, raw)
        if sheet and sheet not in workbook.sheetnames:
            raise WrongHeaders(name=file.name, missing=f"[{sheet}]", found="、".join(workbook.sheetnames) or "–")
        chosen = workbook[sheet] if sheet else workbook.worksheets[0]
        width = 0
        for number, cells in enumerate(chosen.iter_rows(values_only=True), start=1):
            texts = [clean(cell_text(cell)) for cell in cells]
            while texts and len(texts) > width and not texts[-1]:
                texts.pop()
            width = width or len(texts)
            yield number, texts + [""] * (width - len(texts))


def _json(file: TableFile) -> Generator[Line]:
    with file.open() as raw:
        text = decode(raw.read())
    records = _objects(file.name, text)
    header = list(dict.fromkeys(key for record in records for key in record))
    yield 0, [clean(key) for key in header]
    for number, record in enumerate(records, start=1):
        yield number, [clean(_json_cell(record.get(key))) for key in header]


def _json_cell(value: object) -> str:
    if isinstance(value, list):
        return "；".join(cell_text(item) for item in cast(list[object], value))
    if isinstance(value, bool):
        return "true" if value else "false"
    return json.dumps(value, ensure_ascii=False) if isinstance(value, dict) else cell_text(value)


def _objects(name: str, text: str) -> list[dict[str, Any]]:
    """The objects of a list, of the only list inside an object, or of one object a line."""
    try:
        loaded: Any = json.loads(text)
    except (json.JSONDecodeError, RecursionError) as broken:
        lines = [line for line in text.split("\n") if line.strip()]
        try:
            loaded = [json.loads(line) for line in lines]
        except (json.JSONDecodeError, RecursionError):
            line = broken.lineno if isinstance(broken, json.JSONDecodeError) else 1
            reason = {"zh": f"不是有效的 JSON（第 {line} 行）", "en": f"not valid JSON (line {line})"}
            raise UnreadableFile(name=name, reason=reason) from broken
    if isinstance(loaded, dict):
        lists = [value for value in cast(dict[str, Any], loaded).values() if isinstance(value, list)]
        loaded = lists[0] if len(lists) == 1 else [loaded]
    records = cast(list[Any], loaded)
    if not records or not all(isinstance(record, dict) for record in records):
        raise UnreadableFile(name=name, reason={"zh": "应为对象列表", "en": "a list of objects is expected"})
    return cast(list[dict[str, Any]], records)
