"""A folder of documents and exports → a first company.yaml with a confidence per column, for a person to correct."""

import os
import re
import shutil
import tempfile
import unicodedata
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from assistant.profile_text import Findings, profile_text
from governance.errors import BadProfile, Conflict, Invalid, Language, NotFound, UnreadableFile
from rag.archives import members_of, open_workbook, refuse_size, refuse_unreadable
from rag.blocks import label_key
from rag.company import Bilingual, load_company
from rag.confined import shared_reader
from rag.decoding import decode
from rag.mapping_proposal import Export, Headers, Mapped, load_headers, propose
from rag.records import read_grid

MOST_ROWS = 20_000  # of an export are looked at
TABLES = {".csv", ".tsv", ".json", ".jsonl", ".xlsx", ".xlsm", ".txt"}
OURS = {".yaml", ".yml"}
_LABEL = re.compile(r"^[\s\-*•|]*([^\s:：|][^:：|。，,]{1,19}?)\s*[:：]\s*(\S.*)$")


@dataclass(frozen=True, slots=True)
class Proposal:
    """What was proposed. `open` says what only a person can fill in; nothing else is in the way of the first run."""

    path: Path
    text: str
    mapped: tuple[Mapped, ...]
    documents: int
    open: tuple[Bilingual, ...]

    def say(self, language: Language) -> str:
        """What was found, what is open, and what to do next."""
        found = "、".join(each.kind for each in self.mapped) or "–"
        head = Bilingual(
            zh=f"已写入 {self.path.name}：导出表 {found}；文档 {self.documents} 份。",
            en=f"{self.path.name} is written: exports {found}; {self.documents} documents.",
        )
        last = Bilingual(
            zh="请打开文件，核对带“请核对”的行，然后运行：XINYAN_COMPANY=这个文件夹 make demo",
            en="Open it, check the lines marked 'please check', then run: XINYAN_COMPANY=that-folder make demo",
        )
        lines = [head.say(language), *(f"- {each.say(language)}" for each in self.open), last.say(language)]
        return "\n".join(lines)


def new_company(folder: Path, name: str = "", *, overwrite: bool = False) -> Proposal:
    """
    Scan `folder` and write its company.yaml, which load_company accepts; every other file stays as it is.

    Raises NotFound for no folder, Invalid for one without any readable file, Conflict for an existing company.yaml.
    """
    if not folder.is_dir():
        raise NotFound(kind={"zh": "文件夹", "en": "folder"}, name=folder.name or str(folder))
    target = folder / "company.yaml"
    if target.exists() and not overwrite:
        reason = {
            "zh": "文件夹中已有 company.yaml，未改动；如需重新生成，请加 --overwrite",
            "en": "the folder has a company.yaml, which was not changed; add --overwrite to replace it",
        }
        raise Conflict(reason=reason)
    headers = load_headers()
    scan = _scan(folder)
    if not scan.exports and not scan.documents:
        raise Invalid(reason=_nothing(folder, scan))
    mapped = propose(scan.exports, headers)
    findings = _findings(folder, name, scan, mapped, headers)
    text = profile_text(findings, headers)
    _check(folder, text)
    temporary = folder / ".company.yaml.new"
    temporary.write_text(text, encoding="utf-8")
    os.replace(temporary, target)
    return Proposal(target, text, findings.complete, len(findings.documents), findings.open)


@dataclass(frozen=True, slots=True)
class _Scan:
    exports: tuple[Export, ...]
    documents: dict[str, list[str]]  # file → its lines
    unreadable: tuple[UnreadableFile, ...]


def _scan(folder: Path) -> _Scan:
    exports: list[Export] = []
    documents: dict[str, list[str]] = {}
    unreadable: list[UnreadableFile] = []
    for path in sorted(folder.rglob("*")):
        relative = path.relative_to(folder)
        if not path.is_file() or any(part.startswith((".", "~$")) for part in relative.parts):
            continue
        if path.suffix.lower() in OURS:
            continue
        name = relative.as_posix()
        try:
            refuse_size(name, path.stat().st_size)
            content = path.read_bytes()
            refuse_unreadable(name, content)
            found = _exports(name, content)
            exports += found
            if not found or path.suffix.lower() in {".xlsx", ".txt"}:
                document = shared_reader().read(name, content).document  # None: a ZIP, which is nothing by itself
                blocks = document.blocks if document else ()
                documents[name] = [line for block in blocks for line in block.text.split("\n")]
        except UnreadableFile as refused:
            unreadable.append(refused)
        except OSError as broken:
            reason = {"zh": "无法打开", "en": "it cannot be opened"}
            unreadable.append(UnreadableFile(name=name, reason=reason | {"cause": str(broken.errno)}))
    return _Scan(tuple(exports), documents, tuple(unreadable))


def _exports(name: str, content: bytes) -> list[Export]:
    """The tables of a file: one of a CSV or JSON, one of each sheet; none when it looks like prose."""
    suffix = PurePosixPath(name).suffix.lower()
    if suffix not in TABLES:
        return []
    if content.startswith(b"PK\x03\x04"):
        if "xl/workbook.xml" not in members_of(content):
            return []
        sheets = open_workbook(name, content).sheetnames
        found = [_export(name, content, sheet) for sheet in sheets]
        return [each for each in found if each]
    if suffix == ".txt" and not _looks_like_table(decode(content)):
        return []
    export = _export(name, content, None)
    return [export] if export else []


def _export(name: str, content: bytes, sheet: str | None) -> Export | None:
    try:
        header, grid = read_grid(name, content, sheet)
    except UnreadableFile:
        if sheet is None:
            raise
        return None  # an empty sheet of a workbook
    rows = [cells for _, cells in grid[:MOST_ROWS] if any(cells) and len(cells) == len(header)]
    named = [position for position, column in enumerate(header) if column and header.index(column) == position]
    if len(named) < 2 or not rows or len(named) < len(header) / 2:
        return None
    cells = tuple(tuple(row[position] for row in rows) for position in named)
    return Export(name, sheet, tuple(header[position] for position in named), cells)


def _looks_like_table(text: str) -> bool:
    """Three or more columns in each of the first lines, by the same mark."""
    lines = [line for line in text.split("\n") if line.strip()][:6]
    return len(lines) > 1 and any(
        lines[0].count(mark) >= 2 and len({line.count(mark) for line in lines}) == 1 for mark in (",", "\t", ";")
    )


def _findings(folder: Path, name: str, scan: _Scan, mapped: Sequence[Mapped], headers: Headers) -> Findings:
    used = {each.export.file for each in mapped}
    documents = {file: lines for file, lines in scan.documents.items() if file not in used}
    place, outside = _documents_folder(list(documents), used)
    labels, unknown, certificates = _labels(documents, headers)
    shown = name or unicodedata.normalize("NFC", folder.resolve().name)
    complete = tuple(each for each in mapped if not each.missing)
    return Findings(
        id=_slug(shown) or _slug(folder.resolve().name) or "company",
        name=shown,
        complete=complete,
        incomplete=tuple(each for each in mapped if each.missing),
        other=tuple(export for export in scan.exports if export.file not in used and export.file not in documents),
        documents=tuple(documents),
        documents_folder=place,
        outside=outside,
        labels=labels,
        unknown_labels=unknown,
        certificate_pattern=_pattern(certificates),
        words=" ".join([*(column for each in mapped for column in each.export.header), *_said(documents)]),
        unreadable=scan.unreadable,
        headers_cover=tuple(headers.kinds),
    )


def _said(documents: dict[str, list[str]]) -> list[str]:
    return [line for lines in documents.values() for line in lines[:200]]


def _documents_folder(documents: Sequence[str], exports: set[str]) -> tuple[str, tuple[str, ...]]:
    """The folder below which the documents lie and no export does, and the documents outside it."""
    candidates = {
        parent.as_posix() for file in documents for parent in PurePosixPath(file).parents if parent.as_posix() != "."
    }
    clean = [each for each in candidates if not any(export.startswith(f"{each}/") for export in exports)]
    count = {each: sum(file.startswith(f"{each}/") for file in documents) for each in clean}
    if not count:
        return "documents", tuple(documents)
    best = min(count, key=lambda each: (-count[each], -len(each), each))
    return best, tuple(file for file in documents if not file.startswith(f"{best}/"))


def _labels(
    documents: dict[str, list[str]], headers: Headers
) -> tuple[dict[str, list[str]], tuple[str, ...], list[str]]:
    """Labels per relation as the documents write them, frequent labels that mean nothing to us, and certificates."""
    relation_of = {label_key(label): relation for relation, names in headers.labels.items() for label in names}
    counts: Counter[str] = Counter()
    written: dict[str, Counter[str]] = {}
    certificates: list[str] = []
    for lines in documents.values():
        for line in lines:
            if not (match := _LABEL.match(line)):
                continue
            label, value = match[1].strip(), match[2].strip()
            relation = relation_of.get(label_key(label))
            if relation is None:
                counts[label] += 1
                continue
            written.setdefault(relation, Counter())[label] += 1
            if relation == "certificate":
                certificates.append(re.split(r"[\s，,；;（(。]", value, maxsplit=1)[0])
    labels = {relation: [label for label, _ in written[relation].most_common()] for relation in written}
    ordered = {relation: labels[relation] for relation in headers.labels if relation in labels}
    return ordered, tuple(label for label, count in counts.most_common(12) if count > 1), certificates


def _pattern(certificates: Sequence[str]) -> str:
    """A regular expression that fits the certificate numbers found: digits are generalised, the rest is literal."""
    numbers = [each for each in certificates if re.search(r"\d", each)]
    shapes = Counter(
        "".join(rf"\d{{{len(part)}}}" if part.isdigit() else re.escape(part) for part in re.findall(r"\d+|\D+", each))
        for each in numbers
    )
    if not shapes or len(shapes) > 4:
        return ""
    return "|".join(shape for shape, _ in shapes.most_common())


def _slug(text: str) -> str:
    """An id for company.yaml, "" when the text has no Latin letters to make one of."""
    slug = re.sub(r"[^a-z0-9]+", "-", unicodedata.normalize("NFKD", text).casefold()).strip("-")[:40].strip("-")
    return slug if re.fullmatch(r"[a-z][a-z0-9-]{1,40}", slug) else ""


def _check(folder: Path, text: str) -> None:
    """Raises BadProfile when load_company would not take the text; the folder itself is not touched."""
    with tempfile.TemporaryDirectory() as temporary:
        for own in folder.glob("*.yaml"):
            shutil.copy(own, temporary)
        (Path(temporary) / "company.yaml").write_text(text, encoding="utf-8")
        try:
            load_company(Path(temporary))
        except BadProfile as wrong:
            if wrong.data["path"] == "company.yaml":
                raise
            reason = {"zh": f"请先改正 {wrong.data['path']}", "en": f"correct {wrong.data['path']} first"}
            raise Invalid(reason=reason) from wrong


def _nothing(folder: Path, scan: _Scan) -> dict[str, str]:
    refused = [f"{each.data['name']}" for each in scan.unreadable]
    if refused:
        listed = "、".join(refused[:5])
        return {
            "zh": f"文件夹“{folder.name}”中没有可读的文件（无法读取：{listed}）",
            "en": f"the folder '{folder.name}' holds no readable file (unreadable: {listed})",
        }
    return {
        "zh": f"文件夹“{folder.name}”是空的：请放入导出表（csv、json、xlsx）和文档后再运行",
        "en": f"the folder '{folder.name}' is empty: put exports (csv, json, xlsx) and documents into it first",
    }
