"""Company folder → facts, sources and people in the database. Only this file knows the order of the steps."""

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
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
from rag.blocks import Document
from rag.company import RECORD_FIELDS, Company
from rag.customers import customers, products
from rag.entries import Contact, Desk, Entry, Known, People, make_entry
from rag.extract import statements
from rag.facts import Fact, facts_of, make_fact
from rag.filing import (
    Filed,
    PreparedDocument,
    PreparedExport,
    Problem,
    Seen,
    file_document,
    file_export,
    seen_before,
    sha256,
    store_problems,
)
from rag.passages import Passage, passages_of
from rag.reading import read
from rag.records import read_records
from rag.sources import Source, source_id

__all__ = ["IngestReport", "Problem", "Progress", "ingest", "ingest_document", "make_redactor"]

Progress = Callable[[str, int, int], None]  # file or step, how many rows or files are done, of how many
READER = "1"  # part of every profile hash: a new number makes every file be read again
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
    """`documents`, `sources`, `facts`, `people` and `rows` came in anew; `unchanged` files were not read again."""

    documents: int
    sources: int
    facts: int
    people: int
    rows: int
    unchanged: int
    problems: tuple[Problem, ...]


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
    return IngestReport(run.documents, run.sources, run.facts, run.people, run.rows, run.unchanged, tuple(run.problems))


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
) -> str:
    """One document, e.g. uploaded; returns its id, for the same content the same. Raises UnreadableFile."""
    refuse_size(name, len(content))
    seen = Seen(name, sha256(content), _documents_profile(db, company))
    with reading(db) as tx:
        if found := seen_before(tx, seen):
            return found
    prepared = _prepare_document(db, vault, company, redactor, seen, content, now)
    with db.begin() as tx:
        file_document(tx, vault, company, prepared, channel=channel, actor=actor, now=now)
    return prepared.id


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
        profile = _hash(
            [READER, run.company.id, kind, table.model_dump(), run.company.file.decision_titles]
            + [run.stamps.get(other, "") for other in _NEEDS.get(kind, ())]
        )
        seen = Seen(_title(run.company, kind), sha256(content), profile)
        run.stamps[kind] = _hash([seen.sha256, profile])
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
    id_ = "e_" + _hash([seen.name, seen.sha256])[:24]
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
    paths = sorted(path for path in folder.rglob("*") if path.is_file() and not path.name.startswith((".", "~$")))
    profile = _documents_profile(run.db, run.company)
    for done, path in enumerate(paths, start=1):
        name = path.relative_to(folder).as_posix()
        try:
            _take_document(run, name, _read_bytes(folder, name), profile)
        except XinyanError as refused:
            run.refuse(name, refused)
        run.on_progress("documents", done, len(paths))


def _take_document(run: _Run, name: str, content: bytes, profile: str) -> None:
    seen = Seen(name, sha256(content), profile)
    with reading(run.db) as tx:
        if seen_before(tx, seen):
            run.unchanged += 1
            return
    prepared = _prepare_document(run.db, run.vault, run.company, lambda: run.redactor, seen, content, run.now)
    with run.db.begin() as tx:
        filed = file_document(tx, run.vault, run.company, prepared, channel="folder", actor="ingest", now=run.now)
    run.count(filed)
    run.documents += 1


def _documents_profile(db: Engine, company: Company) -> str:
    """Labels and products: facts of documents depend on both."""
    with reading(db) as tx:
        known = [(product.id, product.name, product.name_en, product.model) for product in products(tx)]
    return _hash([READER, company.id, company.file.documents.model_dump(), company.file.purposes, known])


def _prepare_document(
    db: Engine,
    vault: Vault,
    company: Company,
    redactor: Redactor | Callable[[], Redactor],
    seen: Seen,
    content: bytes,
    now: datetime,
) -> PreparedDocument:
    labels = company.file.documents
    document = read(seen.name, content, [label for group in labels.labels.values() for label in group])
    redact = redactor if isinstance(redactor, Redactor) else redactor()
    document, people = _tokenised(document, redact, seen.sha256, vault)
    id_ = "d_" + seen.sha256[:24]
    cut = passages_of(document.blocks)
    sources = [_source(id_, document, position, passage) for position, passage in enumerate(cut)]
    with reading(db) as tx:
        goods = products(tx)
    facts: list[Fact] = []
    for said in statements(document, labels, goods):
        places = {_place(cut, sources, block, words) for block, words in said.evidence}
        facts += [
            make_fact(
                said.product,
                said.relation,
                said.value,
                said.attributes,
                source=place,
                known_from=now,
                valid_from=said.valid_from,
                valid_to=said.valid_to,
            )
            for place in sorted(places)
        ]
    return PreparedDocument(id_, seen, document, tuple(sources), tuple(facts), people)


def _tokenised(document: Document, redactor: Redactor, scope: str, vault: Vault) -> tuple[Document, People]:
    people: dict[str, dict[str, str]] = {}
    known: dict[str, str] = {}

    def tokenise(text: str) -> str:
        if text not in known:
            known[text], found = redactor.tokenise(text, scope=scope, vault=vault)
            for person, values in found.items():
                people.setdefault(person, {}).update(values)
        return known[text]

    blocks = [replace(block, text=tokenise(block.text), heading=tokenise(block.heading)) for block in document.blocks]
    return replace(document, blocks=tuple(blocks)), people


def _source(document_id: str, document: Document, position: int, passage: Passage) -> Source:
    return Source(
        id=source_id(document_id, str(position), passage.text),
        document=document_id,
        title=document.name,
        kind="passage",
        page=passage.page,
        row=passage.row,
        heading=passage.heading,
        date=document.date,
        text=passage.text,
        hostile=passage.hostile,
        position=position,
    )


def _place(cut: list[Passage], sources: list[Source], block: int, words: str) -> str:
    """The passage that holds the words, else the first one of their block."""
    of_block = [source.id for passage, source in zip(cut, sources, strict=True) if block in passage.blocks]
    holding = [source.id for source in sources if source.id in of_block and words in source.text]
    return (holding or of_block)[0]


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


def _hash(content: object) -> str:
    return hashlib.sha256(json.dumps(content, ensure_ascii=False, sort_keys=True).encode()).hexdigest()
