"""The sample company as tests read it: exports, documents and golden files, without the product's import."""

import csv
import functools
import io
import json
import re
from datetime import date
from pathlib import Path
from typing import Any

import docx
import openpyxl
import pdfplumber
import yaml
from selectolax.lexbor import LexborHTMLParser

from rag.company import _CompanyFile
from rag.reading import read

SAMPLES = Path(__file__).resolve().parent.parent / "data_samples"
DOCUMENTS, GOLDEN = SAMPLES / "documents", SAMPLES / "golden"
TODAY = date(2026, 11, 21)
DECIDES = {"是", "Y"}
Rows = list[dict[str, str]]


@functools.cache
def profile() -> _CompanyFile:
    return _CompanyFile.model_validate(yaml.safe_load((SAMPLES / "company.yaml").read_text(encoding="utf-8")))


def decoded(content: bytes) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode("gb18030")


@functools.cache
def export(kind: str) -> tuple[tuple[str, ...], Rows]:
    """Header and rows by the export's own column names, every row as it stands."""
    table = profile().records[kind]
    path = SAMPLES / table.file
    if path.suffix == ".xlsx":
        sheet = openpyxl.load_workbook(io.BytesIO(path.read_bytes()), read_only=True)[table.sheet or ""]
        header, *cells = [[str(cell or "") for cell in row] for row in sheet.iter_rows(values_only=True)]
        return tuple(header), [dict(zip(header, row, strict=True)) for row in cells]
    if path.suffix == ".json":
        found = json.loads(path.read_text(encoding="utf-8"))
        return tuple(found[0]), found
    reader = csv.DictReader(io.StringIO(decoded(path.read_bytes())))
    rows = list(reader)
    return tuple(reader.fieldnames or ()), rows


@functools.cache
def records(kind: str) -> Rows:
    """Rows by our field names, without the deliberate defects."""
    columns = profile().records[kind].columns
    rows = [{field: row[column] for field, column in columns.items()} for row in export(kind)[1]]
    if kind == "purchases":
        rows = list({row["id"]: row for row in rows if row["date"] != "2025-13-45"}.values())
    return rows


def text_of(path: Path) -> str:
    content = path.read_bytes()
    if path.suffix == ".docx":
        document = docx.Document(io.BytesIO(content))
        cells = [cell.text for table in document.tables for row in table.rows for cell in row.cells]
        return "\n".join([*(paragraph.text for paragraph in document.paragraphs), *cells])
    if path.suffix == ".pdf":
        with pdfplumber.open(io.BytesIO(content)) as pages:
            return "\n".join(page.extract_text() for page in pages.pages)
    if path.suffix == ".xlsx":
        sheets = openpyxl.load_workbook(io.BytesIO(content), read_only=True)
        return "\n".join(str(cell) for sheet in sheets for row in sheet.iter_rows(values_only=True) for cell in row)
    if path.suffix in (".pptx", ".eml"):
        return "\n".join(block.text for block in read(path.name, content).blocks)
    if path.suffix == ".html":
        body = LexborHTMLParser(decoded(content)).body
        return body.text(separator="\n") if body else ""
    return decoded(content)


@functools.cache
def texts() -> dict[str, str]:
    """All but the scans, which tests/test_rag_ocr.py reads."""
    return {path.name: squeezed(text_of(path)) for path in sorted(DOCUMENTS.iterdir()) if "扫描件" not in path.name}


def squeezed(text: str) -> str:
    return re.sub(r"\s+", "", text).casefold()


def golden(name: str) -> Any:
    return json.loads((GOLDEN / name).read_text(encoding="utf-8"))


def questions() -> list[dict[str, Any]]:
    return [json.loads(line) for line in (GOLDEN / "questions.jsonl").read_text(encoding="utf-8").splitlines()]


def trap(name: str) -> dict[str, Any]:
    return next(found for found in golden("traps.json") if found["id"] == name)


def holds(row: dict[str, str], day: date) -> bool:
    return row["from"] <= day.isoformat() and (not row["to"] or row["to"] > day.isoformat())


def deciders(customer: str, day: date) -> Rows:
    at = {row["id"]: row["customer"] for row in records("contacts")}
    posts = [row for row in records("titles") if row["decides"] in DECIDES and at[row["contact"]] == customer]
    return [row for row in posts if holds(row, day)]


def consent_state(contact: str) -> str:
    own = [row for row in records("consents") if row["contact"] == contact and row["purpose"] == "contact"]
    day = TODAY.isoformat()
    if any((row["expires"] or "9") >= day and not row["withdrawn"] and row["given"] <= day for row in own):
        return "live"
    if not own:
        return "absent"
    return "withdrawn" if max(own, key=lambda row: row["given"])["withdrawn"] else "expired"
