"""Company folder → facts, sources and people in the database. Only this file knows the order of the steps."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cached_property
from pathlib import Path

from sqlalchemy import Engine, exists, select

from governance.consent import redaction_permit
from governance.db import reading
from governance.errors import Invalid, UnreadableFile, WrongHeaders, XinyanError
from governance.redact import Redactor
from governance.vault import Vault, names
from rag import tables
from rag.archives import refuse_size
from rag.company import RECORD_FIELDS, Company
from rag.confined import shared_reader
from rag.customers import customers, products
from rag.entries import Contact, Desk, Known, People
from rag.filing import Filed, Problem, Seen, files_from, retire_file, seen_before, store_problems
from rag.filing_rows import is_interrupted, restart_import
from rag.importing import ROWS_A_BATCH, Imported, Order, Progress, import_rows, placed_customers
from rag.intake import WITHIN, is_within
from rag.mappings import effective_records
from rag.originals import originals as list_originals
from rag.originals import read_original
from rag.preparing import READER, digest
from rag.proposing import propose_new_files, proposed_instead
from rag.tabular import table_file
from rag.taking import Intake, Taken

__all__ = [
    "IngestReport",
    "Problem",
    "Progress",
    "Taken",
    "export_path",
    "forget_missing",
    "ingest",
    "ingest_document",
    "make_redactor",
    "missing",
    "reread",
]

ROWS_READER = (
    "2"  # part of every export's profile: a new number makes all rows be read again; their facts keep their ids
)
HARMLESS = 50_000  # texts without personal data that are remembered, so that a repeated one is not analysed again
_NEEDS: Mapping[str, tuple[str, ...]] = {  # a change there may make rows here right or wrong
    "contacts": ("customers",),
    "titles": ("contacts",),
    "purchases": ("customers",),
    "budgets": ("customers",),
    "tenders": ("customers",),
    "tickets": ("customers",),
    "consents": ("contacts",),
    "communications": ("customers", "contacts"),
    "promises": ("customers",),
    "prices": ("products", "customers"),
}
_OPTIONAL: Mapping[str, str] = {"communications": "contacts", "prices": "customers"}  # a row may do without
_CALLED: Mapping[str, str] = {"customers": "客户", "contacts": "联系人", "products": "产品"}


@dataclass(frozen=True, slots=True)
class IngestReport:
    """
    `documents`, `sources`, `facts`, `people` and `rows` came in anew; `unchanged` files were not read again.

    `missing` documents lie no longer in the folder; `forget_missing` retires them. `resumed`: exports of which an
    earlier run had filed a part.
    """

    documents: int
    sources: int
    facts: int
    people: int
    rows: int
    unchanged: int
    problems: tuple[Problem, ...]
    missing: tuple[str, ...] = ()
    resumed: int = 0


@dataclass
class _Run:
    """One ingest: its arguments, the redactor once it is needed, and the counts."""

    db: Engine
    vault: Vault
    company: Company
    now: datetime
    on_progress: Progress
    rows_a_batch: int
    documents: int = 0
    sources: int = 0
    facts: int = 0
    people: int = 0
    rows: int = 0
    unchanged: int = 0
    resumed: int = 0
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
        if tokenised == text and len(self._harmless) < HARMLESS:
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

    def add_rows(self, imported: Imported) -> None:
        """Count what became of one export."""
        self.rows += imported.rows
        self.resumed += bool(imported.resumed)
        self.count(Filed(imported.sources, imported.facts, imported.people, tuple(imported.problems)))

    def refuse(self, name: str, *errors: XinyanError | None) -> None:
        """Note that an export cannot be used; the others go on."""
        problems = [Problem(name, None, error) for error in errors if error is not None]
        self.problems += problems
        with self.db.begin() as tx:
            restart_import(tx, name)
            store_problems(tx, name, problems, self.now)


def ingest(
    db: Engine,
    vault: Vault,
    company: Company,
    *,
    now: datetime,
    on_progress: Progress | None = None,
    rows_a_batch: int = ROWS_A_BATCH,
) -> IngestReport:
    """
    Records, then documents. An unchanged file is skipped unread. Each document and each batch of rows is one
    transaction, opened only when it is parsed and redacted: a killed run leaves nothing half-written, the next one
    goes on behind its last batch.
    """
    with reading(db) as tx:  # what an administrator approved comes before what company.yaml says
        records = dict(effective_records(tx, company))
    company = replace(company, file=company.file.model_copy(update={"records": records}))
    run = _Run(db, vault, company, now, on_progress or (lambda step, done, total: None), rows_a_batch)
    for kind in RECORD_FIELDS:
        if kind in company.file.records:
            _take_export(run, kind)
    run.problems += propose_new_files(db, company, now)
    _take_documents(run)
    counts = (run.documents, run.sources, run.facts, run.people, run.rows, run.unchanged)
    return IngestReport(*counts, tuple(run.problems), tuple(missing(db, company)), run.resumed)


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
    table, title = run.company.file.records[kind], _title(run.company, kind)
    try:
        file = table_file(title, export_path(run.company.folder, table.file))
    except XinyanError as refused:
        run.refuse(title, refused)
        return
    try:
        seen = Seen(title, file.sha256, _profile(run, kind))
        run.stamps[kind] = digest([seen.sha256, seen.profile])
        with reading(run.db) as tx:
            if seen_before(tx, seen) and not is_interrupted(tx, title):
                run.unchanged += 1
                return
        order = Order(_desk(run, kind, title), table, file, seen, run.rows_a_batch)
        run.add_rows(import_rows(run.db, replace(order, desk=placed_customers(order)), run.on_progress))
    except WrongHeaders as refused:
        run.refuse(title, refused, proposed_instead(run.db, run.company, kind, file, run.now))
    except XinyanError as refused:
        run.refuse(title, refused)


def _profile(run: _Run, kind: str) -> str:
    """On what else than the bytes the facts of an export depend."""
    file = run.company.file
    titles = [file.decision_titles, file.unique_titles if kind == "titles" else []]
    stamps = [run.stamps.get(other, "") for other in _NEEDS.get(kind, ())]
    return digest([READER, ROWS_READER, run.company.id, kind, file.records[kind].model_dump(), *titles, *stamps])


def _title(company: Company, kind: str) -> str:
    """The export's name; with its sheet or kind when one file holds several, so that they do not replace each other."""
    records = company.file.records
    shared = [other for other in records.values() if other.file == records[kind].file]
    return records[kind].file if len(shared) == 1 else f"{records[kind].file}#{records[kind].sheet or kind}"


def _desk(run: _Run, kind: str, title: str) -> Desk:
    """Raises Invalid when what the rows refer to is not there at all: every one of them would be wrong."""
    known = _known(run.db)
    there = {"customers": known.customers, "contacts": known.contacts, "products": known.products}
    if lacking := [other for other in _NEEDS.get(kind, ()) if not there[other] and _OPTIONAL.get(kind) != other]:
        named = "、".join(_CALLED[other] for other in lacking)
        raise Invalid(
            reason={
                "zh": f"“{title}”依赖的{named}表不可用，未读取",
                "en": f"'{title}' was not read, because the table of {', '.join(lacking)} is not usable",
            }
        )
    return Desk(run.company, run.vault, title, kind, known, run.now, run.tokenise)


def _known(db: Engine) -> Known:
    """By the ids of the exports themselves, whatever was merged since."""
    facts = tables.facts.c
    gone = exists().where(tables.retirements.c.fact == facts.id)
    with reading(db) as tx:
        named = set(tx.scalars(select(facts.subject).where(facts.relation == "name", ~gone)))
        places = tx.execute(
            select(facts.subject, facts.value, facts.attributes).where(facts.relation == "works_at", ~gone)
        ).all()
    contacts = {
        row.attributes["contact"]: Contact(row.subject, row.value, row.attributes.get("department", ""))
        for row in places
    }
    customers, products = ({id_ for id_ in named if id_.startswith(kind)} for kind in ("customer:", "product:"))
    return Known(frozenset(customers), contacts, frozenset(products))


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


def export_path(folder: Path, name: str) -> Path:
    """Raises UnreadableFile: missing, or outside the folder."""
    path = (folder / name).resolve()
    if not path.is_relative_to(folder.resolve()) or not path.is_file():
        raise UnreadableFile(name=name, reason={"zh": "文件不存在", "en": "it does not exist"})
    return path


def _read_bytes(folder: Path, name: str) -> bytes:
    """Raises UnreadableFile: missing, outside the folder, empty, too large."""
    path = export_path(folder, name)
    refuse_size(name, path.stat().st_size)
    try:
        return path.read_bytes()
    except OSError as broken:
        raise UnreadableFile(name=name, reason={"zh": "无法打开", "en": "it cannot be opened"}) from broken
