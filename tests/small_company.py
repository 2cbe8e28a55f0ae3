"""A company of a few customers and documents, cut from the sample company: quick, and real all the same."""

import csv
import io
import shutil
from collections.abc import Collection
from pathlib import Path

import openpyxl
import yaml

from rag.company import Company, load_company

SAMPLES = Path(__file__).resolve().parent.parent / "data_samples"


def cut_company(folder: Path, customers: Collection[str], documents: Collection[str]) -> Company:
    """Copy the profile, the rows of `customers` (ids) and the named documents to `folder`."""
    (folder / "records").mkdir(parents=True)
    (folder / "documents").mkdir()
    profile = yaml.safe_load((SAMPLES / "company.yaml").read_text(encoding="utf-8"))
    for name in ("company.yaml", profile.get("phrase_book", "phrases.yaml")):
        if (SAMPLES / name).is_file():
            shutil.copy(SAMPLES / name, folder / name)
    for name in documents:
        shutil.copy(SAMPLES / "documents" / name, folder / "documents" / Path(name).name)
    tables = profile["records"]
    contacts = _keep(folder, tables["contacts"], "customer", set(customers))
    people = {row[tables["contacts"]["columns"]["id"]] for row in contacts}
    for kind, table in tables.items():
        if kind == "customers":
            _keep(folder, table, "id", set(customers))
        elif kind == "titles":
            _keep(folder, table, "contact", people)
        elif kind == "consents":
            _keep(folder, table, "contact", people, prolong=str(table["columns"]["expires"]))
        elif kind != "contacts" and "customer" in table["columns"]:
            _keep(folder, table, "customer", set(customers))
        elif kind == "products":
            shutil.copy(SAMPLES / table["file"], folder / table["file"])
    return load_company(folder)


def _keep(
    folder: Path, table: dict[str, dict[str, str]], field: str, wanted: set[str], prolong: str = ""
) -> list[dict[str, str]]:
    """Copy an export with only the rows whose `field` is wanted; what lives past 2026 lives on. Returns those rows."""
    name, column = str(table["file"]), table["columns"][field]
    if name.endswith(".xlsx"):
        return _keep_sheet(folder / name, SAMPLES / name, column, wanted)
    text = (SAMPLES / name).read_bytes()
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            lines = text.decode(encoding)
            break
        except UnicodeDecodeError:
            continue
    reader = csv.DictReader(io.StringIO(lines))
    rows = [row for row in reader if row[column] in wanted]
    for row in rows:
        if prolong and row[prolong] > "2027":
            row[prolong] = "2099-12-31"
    with (folder / name).open("w", encoding="utf-8", newline="") as out:
        writer = csv.DictWriter(out, list(reader.fieldnames or ()), extrasaction="ignore")
        writer.writeheader()
        writer.writerows(rows)
    return rows


def _keep_sheet(target: Path, source: Path, column: str, wanted: set[str]) -> list[dict[str, str]]:
    book = openpyxl.load_workbook(source)
    for sheet in book.worksheets:
        for number in range(sheet.max_row, 0, -1):
            cells = [str(cell.value) for cell in sheet[number]]
            if column not in cells and not wanted & set(cells) and any(cell.value for cell in sheet[number]):
                sheet.delete_rows(number)
    book.save(target)
    return []
