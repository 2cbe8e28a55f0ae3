"""Company folder → facts, sources and people in the database. Only this file knows the order of the steps."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from pathlib import Path

from sqlalchemy import Engine

from governance.consent import redaction_permit
from governance.db import reading
from governance.errors import BadRecord, Invalid, UnreadableFile, XinyanError
from governance.redact import Redactor
from governance.vault import Vault, names
from rag.archives import refuse_size
from rag.company import RECORD_FIELDS, Company
from rag.confined import shared_reader
from rag.customers import customers, products
from rag.entries import Contact, Desk, Entry, Known, People, make_entry
from rag.facts import facts_of
from rag.filing import (
    Filed,
    PreparedExport,
    Problem,
    Seen,
    file_export,
    files_from,
    retire_file,
    seen_before,
    sha256,
    store_problems,
)
from rag.intake import WITHIN, is_within
from rag.originals import originals as list_originals
from rag.originals import read_original
from rag.preparing import READER, digest
from rag.records import read_records
from rag.taking import Intake, Taken

__all__ = [
    "IngestReport",
    "Problem",
    "Progress",
    "Taken",
    "forget_missing",
    "ingest",
    "ingest_document",
    "make_redactor",
    "missing",
    "reread",
]

Progress = Callable[[str, int, int], None]  # file or step, how many rows or files are done, of how many
ROWS_A_STEP = 100
_NEEDS: Mapping[str, tuple[str, ...]] = {  # a change there may make rows here right or wrong
    "contacts": ("customers",),
    "titles": ("contacts",),
    "purchases": ("customers",),
    "budgets": ("customers",),
    "tenders": ("customers",),
    "tickets": ("customers",),
    "consents": ("contacts",),
}


@dataclass(frozen=True, slots=True)
class IngestReport:
    """
    `documents`, `sources`, `facts`, `people` and `rows` came in anew; `unchanged` files were not read again.

    `missing` documents lie no longer in the folder; `forget_missing` retires them.
    """

    documents: int
    sources: int
    facts: int
    people: int
    rows: int
    unchanged: int
    problems: tuple[Problem, ...]
    missing: tuple[str, ...] = ()


@dataclass
class _Run:
    """One ingest: its arguments, the redactor once it is needed, and the counts."""

    db: Engine
    vault: Vault
    company: Company
    now: datetime
    on_progress: Progress
    documents: int = 0
    sources: int = 0
    facts: int = 0
    people: int = 0
    rows: int = 0
    unchanged: int = 0
    problems: list[Problem] = field(default_factory=list[Problem])
    stamps: dict[str, str] = field(default_factory=dict[str, str])
    _harmless: set[str] = field(default_factory=set[str])

    @cached_property
    def redactor(self) -> Redactor:
        return make_redactor(self.db, self.vault, self.now)

    def tokenise(self, text: str, scope: str) -> tuple[str, People]:
        """Exports repeat a few texts thousands of times: one without personal data is analysed once."""
        if text in self._harmless:
            return text, {}
        tokenised, people = self.redactor.tokenise(text, scope=scope, vault=self.vault)
        if tokenised == text:
            self._harmless.add(text)
        return tokenised, people

    def count(self, filed: Filed) -> None:
        self.sources += filed.sources
        self.facts += filed.facts
        self.people += filed.people
        self.problems += filed.problems

    def add(self, taken: Taken) -> None:
        """Count what became of one document."""
        self.unchanged += taken.state == "unchanged"
        if taken.filed is not None:
            self.documents += 1
            self.count(taken.filed)
        if taken.error is not None:
            self.problems.append(Problem(taken.name, None, taken.error))

    def refuse(self, name: str, error: XinyanError) -> None:
        """Note that a file cannot be used; the others go on."""
        problem = Problem(name, None, error)
        self.problems.append(problem)
        with self.db.begin() as tx:
            store_problems(tx, name, [problem], self.now)


def ingest(
    db: Engine, vault: Vault, company: Company, *, now: datetime, on_progress: Progress | None = None
) -> IngestReport:
    """
    Records, then documents. An unchanged file is skipped unread; each file is one transaction, opened only when the
    file is parsed and redacted, so that a killed run leaves nothing half-written and the next one continues.
    """
    run = _Run(db, vault, company, now, on_progress or (lambda step, done, total: None))
    for kind in RECORD_FIELDS:
        if kind in company.file.records:
            _take_export(run, kind)
    _take_documents(run)
    counts = (run.documents, run.sources, run.facts, run.people, run.rows, run.unchanged)
    return IngestReport(*counts, tuple(run.problems), tuple(missing(db, company)))


def ingest_document(
    db: Engine,
    vault: Vault,
    company: Company,
    redactor: Redactor,
    name: str,
    content: bytes,
    *,
    channel: str,
    actor: str,
    now: datetime,
    originals: Path | None = None,
) -> str:
    """One document with all that is attached to it; its id, for the same content the same. Raises UnreadableFile."""
    reader = shared_reader()
    intake = Intake(db, vault, company, lambda: redactor, reader, now, channel, actor, originals)
    taken = [each for each in intake.take(name, content) if each.name == name]
    if not taken:  # an archive is none, only what lies in it
        raise UnreadableFile(name=name, reason={"zh": "压缩包本身不是文件", "en": "an archive is no document"})
    if error := taken[-1].error:
        raise error
    return taken[-1].document


def reread(
    db: Engine,
    vault: Vault,
    company: Company,
    originals: Path,
    *,
    actor: str,
    now: datetime,
    on_progress: Progress | None = None,
) -> list[Taken]:
    """Read every kept original anew, e.g. after labels or parsers changed; the folder's files are `ingest`'s."""
    redactor: list[Redactor] = []

    def made() -> Redactor:
        redactor[:] = redactor or [make_redactor(db, vault, now)]
        return redactor[0]

    with reading(db) as tx:
        known = {name: key for name, key in files_from(tx, "upload").items() if key in list_originals(originals)}
    outer = {name: key for name, key in known.items() if not any(is_within(name, other) for other in known)}
    intake = Intake(db, vault, company, made, shared_reader(), now, "upload", actor, originals, anew=True)
    found: list[Taken] = []
    for done, (name, key) in enumerate(outer.items(), start=1):
        try:
            found += intake.take(name, read_original(originals, vault, key))
        except XinyanError as error:
            found.append(intake.refuse(name, error))
        if on_progress:
            on_progress("originals", done, len(outer))
    return found


def missing(db: Engine, company: Company) -> list[str]:
    """The documents that were read from the company's folder and lie there no longer."""
    folder = company.folder / company.file.documents.folder
    there = {path.relative_to(folder).as_posix() for path in _document_paths(folder)}
    with reading(db) as tx:
        names = files_from(tx, "folder")
    return [name for name in names if name.split(WITHIN, 1)[0] not in there]


def forget_missing(db: Engine, company: Company, *, actor: str, now: datetime) -> list[str]:
    """Retire what `missing` names: their facts are no longer known, their passages no longer found."""
    names = missing(db, company)
    for name in names:
        with db.begin() as tx:
            retire_file(tx, name, actor=actor, now=now)
    return names


def make_redactor(db: Engine, vault: Vault, now: datetime) -> Redactor:
    """The redactor with the names of the records; customers and products are never people. Takes seconds."""
    with db.begin() as tx:  # the ledger notes that the names were read
        known = names(tx, vault, redaction_permit("ingest", now))
        companies = [
            name for customer in customers(tx) for name in (customer.name, customer.name_en, *customer.aliases)
        ]
        goods = [name for product in products(tx) for name in (product.name, product.name_en, product.model)]
    return Redactor(known, [name for name in (*companies, *goods) if name])


def _take_export(run: _Run, kind: str) -> None:
    table = run.company.file.records[kind]
    try:
        content = _read_bytes(run.company.folder, table.file)
        profile = digest(
            [READER, run.company.id, kind, table.model_dump(), run.company.file.decision_titles]
            + [run.stamps.get(other, "") for other in _NEEDS.get(kind, ())]
        )
        seen = Seen(_title(run.company, kind), sha256(content), profile)
        run.stamps[kind] = digest([seen.sha256, profile])
        with reading(run.db) as tx:
            if seen_before(tx, seen):
                run.unchanged += 1
                return
        prepared = _prepare_export(run, kind, seen, content)
    except XinyanError as refused:
        run.refuse(_title(run.company, kind), refused)
        return
    with run.db.begin() as tx:
        filed = file_export(tx, run.vault, run.company, prepared, now=run.now)
    run.count(filed)
    run.rows += len(prepared.entries)


def _title(company: Company, kind: str) -> str:
    """The export's name; with its sheet or kind when one file holds several, so that they do not replace each other."""
    tables = company.file.records
    shared = [other for other in tables.values() if other.file == tables[kind].file]
    return tables[kind].file if len(shared) == 1 else f"{tables[kind].file}#{tables[kind].sheet or kind}"


def _prepare_export(run: _Run, kind: str, seen: Seen, content: bytes) -> PreparedExport:
    rows, bad = read_records(seen.name, content, kind, run.company.file.records[kind])
    known = _known(run.db)
    needed = _NEEDS.get(kind, ())
    if ("customers" in needed and not known.customers) or ("contacts" in needed and not known.contacts):
        raise Invalid(
            reason={
                "zh": f"“{seen.name}”依赖的{'客户' if 'customers' in needed else '联系人'}表不可用，未读取",
                "en": f"'{seen.name}' was not read, because the table of {needed[0]} is not usable",
            }
        )
    desk = Desk(run.company, run.vault, seen.name, kind, known, run.now, run.tokenise)
    entries: list[Entry] = []
    for done, row in enumerate(rows, start=1):
        try:
            entries.append(make_entry(desk, row))
        except BadRecord as wrong:
            bad.append(wrong)
        if done % ROWS_A_STEP == 0 or done == len(rows):
            run.on_progress(seen.name, done, len(rows))
    id_ = "e_" + digest([seen.name, seen.sha256])[:24]
    return PreparedExport(id_, seen, tuple(entries), tuple(sorted(bad, key=lambda wrong: int(str(wrong.data["row"])))))


def _known(db: Engine) -> Known:
    with reading(db) as tx:
        ids = frozenset(customer.id for customer in customers(tx))
        contacts = {
            fact.attributes["contact"]: Contact(fact.subject, fact.value, fact.attributes.get("department", ""))
            for fact in facts_of(tx, "works_at")
        }
    return Known(ids, contacts)


def _take_documents(run: _Run) -> None:
    folder = run.company.folder / run.company.file.documents.folder
    paths = _document_paths(folder)
    intake = Intake(run.db, run.vault, run.company, lambda: run.redactor, shared_reader(), run.now, "folder", "ingest")
    for done, path in enumerate(paths, start=1):
        name = path.relative_to(folder).as_posix()
        try:
            for taken in intake.take(name, _read_bytes(folder, name)):
                run.add(taken)
        except XinyanError as refused:
            run.add(intake.refuse(name, refused))
        run.on_progress("documents", done, len(paths))


def _document_paths(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file() and not path.name.startswith((".", "~$")))


def _read_bytes(folder: Path, name: str) -> bytes:
    """Raises UnreadableFile: missing, outside the folder, empty, too large."""
    path = (folder / name).resolve()
    if not path.is_relative_to(folder.resolve()) or not path.is_file():
        raise UnreadableFile(name=name, reason={"zh": "文件不存在", "en": "it does not exist"})
    refuse_size(name, path.stat().st_size)
    try:
        return path.read_bytes()
    except OSError as broken:
        raise UnreadableFile(name=name, reason={"zh": "无法打开", "en": "it cannot be opened"}) from broken
