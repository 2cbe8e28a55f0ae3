"""Put one prepared file into the database; the caller's transaction makes it all or nothing."""

import hashlib
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import Connection, delete, func, insert, select

from governance import consent, ledger
from governance.errors import BadRecord, NotFound, Withdrawn, XinyanError
from governance.passport import issue
from governance.tables import passports
from governance.vault import Vault, keep
from rag import tables
from rag.blocks import Document
from rag.company import Company
from rag.entries import Entry, People
from rag.facts import Fact, facts_from, in_parts, retire, state_facts
from rag.intake import within
from rag.sources import Source, add_sources


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong with a file, or with one row of it."""

    name: str
    row: int | None
    error: XinyanError


@dataclass(frozen=True, slots=True)
class Seen:
    """Which bytes were read under which profile; the same again need not be read."""

    name: str
    sha256: str
    profile: str


@dataclass(frozen=True, slots=True)
class PreparedDocument:
    """A document after parsing, redaction, cutting and extraction; nothing in it is personal but `people`."""

    id: str
    seen: Seen
    document: Document
    sources: tuple[Source, ...]
    facts: tuple[Fact, ...]
    people: People


@dataclass(frozen=True, slots=True)
class PreparedExport:
    """An export after parsing and redaction."""

    id: str
    seen: Seen
    entries: tuple[Entry, ...]
    problems: tuple[BadRecord, ...]


@dataclass(frozen=True, slots=True)
class Filed:
    """What came in anew."""

    sources: int
    facts: int
    people: int
    problems: tuple[Problem, ...]


def sha256(content: bytes) -> str:
    """In hex."""
    return hashlib.sha256(content).hexdigest()


def seen_before(tx: Connection, seen: Seen) -> str | None:
    """The document that these bytes gave under this name and profile."""
    row = tx.execute(select(tables.files).where(tables.files.c.name == seen.name)).one_or_none()
    return row.document if row and (row.sha256, row.profile) == (seen.sha256, seen.profile) else None


def same_content(tx: Connection, seen: Seen) -> tuple[str, str] | None:
    """Name and document of another file that brought these bytes, read under the same profile."""
    same = (tables.files.c.sha256 == seen.sha256) & (tables.files.c.profile == seen.profile)
    row = tx.execute(select(tables.files).where(same).order_by(tables.files.c.name)).first()
    return (row.name, row.document) if row else None


def file_document(
    tx: Connection,
    vault: Vault,
    company: Company,
    prepared: PreparedDocument,
    *,
    channel: str,
    actor: str,
    now: datetime,
) -> Filed:
    """Its passages and facts; what an earlier version under the same name stated and this one does not is retired."""
    seen, document = prepared.seen, prepared.document
    earlier = _earlier_facts(tx, seen.name, prepared.id)
    passport = issue(
        tx,
        kind="document",
        origin=seen.name,
        sha256=seen.sha256,
        purposes=company.file.purposes,
        channel=channel,
        now=now,
    )
    kept = _keep_all(tx, vault, prepared.people, passport.id, now)
    _add_document(tx, prepared.id, seen, document.kind, document, passport.id, now)
    sources = add_sources(tx, vault, [replace(source, passport=passport.id) for source in prepared.sources])
    added, live = state_facts(tx, prepared.facts)
    retire(tx, earlier - live, now)
    _remember(tx, seen, prepared.id, now)
    store_problems(tx, seen.name, (), now)
    detail = {"passages": len(prepared.sources), "facts": added, "people": kept}
    ledger.append(tx, actor=actor, event="document_added", subject=prepared.id, detail=detail, now=now)
    return Filed(sources, added, kept, ())


def file_export(tx: Connection, vault: Vault, company: Company, prepared: PreparedExport, *, now: datetime) -> Filed:
    """The rows that changed; facts of rows that vanished are retired. A row about a withdrawn person is a problem."""
    seen = prepared.seen
    problems = [Problem(seen.name, int(str(bad.data["row"])), bad) for bad in prepared.problems]
    known = _known_sources(tx, [entry.source for entry in prepared.entries])
    _add_document(tx, prepared.id, seen, "export", None, "", now)
    sources, kept, kept_entries = list[Source](), 0, list[Entry]()
    for entry in prepared.entries:
        passport = known.get(entry.source, "")
        if not passport:
            try:
                passport, people = _admit(tx, vault, company, seen.name, entry, now)
                kept += people
            except Withdrawn as withdrawn:
                reason = {"zh": withdrawn.say("zh"), "en": withdrawn.say("en")}
                problems.append(Problem(seen.name, entry.row, BadRecord(name=seen.name, row=entry.row, reason=reason)))
                continue
        kept_entries.append(entry)
        sources.append(_row_source(prepared.id, seen.name, entry, passport))
    new_sources = add_sources(tx, vault, sources)
    earlier = facts_from(tx, seen.name)
    added, live = state_facts(tx, (fact for entry in kept_entries for fact in entry.facts))
    retire(tx, earlier - live, now)
    _remember(tx, seen, prepared.id, now)
    store_problems(tx, seen.name, problems, now)
    detail = {"rows": len(prepared.entries), "facts": added, "people": kept, "problems": len(problems)}
    ledger.append(tx, actor="ingest", event="export_added", subject=prepared.id, detail=detail, now=now)
    return Filed(new_sources, added, kept, tuple(problems))


def files_from(tx: Connection, channel: str) -> dict[str, str]:
    """Name → hash of the documents that came in through this channel, and are not replaced."""
    query = (
        select(tables.files.c.name, tables.files.c.sha256)
        .join(tables.documents, tables.documents.c.id == tables.files.c.document)
        .join(passports, passports.c.id == tables.documents.c.passport)
        .where(passports.c.channel == channel)
        .order_by(tables.files.c.name)
    )
    return {row.name: row.sha256 for row in tx.execute(query)}


def retire_file(tx: Connection, name: str, *, actor: str, now: datetime) -> None:
    """What the file states is no longer known, its passages are no longer found; raises NotFound."""
    row = tx.execute(select(tables.files).where(tables.files.c.name == name)).one_or_none()
    if row is None:
        raise NotFound(kind={"zh": "文件", "en": "file"}, name=name)
    retired = retire(tx, _earlier_facts(tx, name, ""), now)
    tx.execute(delete(tables.files).where(tables.files.c.name == name))
    tx.execute(delete(tables.problems).where(tables.problems.c.file == name))
    detail = {"file": name, "facts": retired}
    ledger.append(tx, actor=actor, event="document_retired", subject=row.document, detail=detail, now=now)


def retire_inner(tx: Connection, outer: str, kept: Collection[str], *, actor: str, now: datetime) -> None:
    """The files within `outer` that its new version does not hold any more."""
    start = within(outer, "")
    names = tx.scalars(select(tables.files.c.name).where(tables.files.c.name.startswith(start, autoescape=True))).all()
    for name in names:
        if not any(name == each or name.startswith((f"{each} (", within(each, ""))) for each in kept):
            retire_file(tx, name, actor=actor, now=now)


def store_problems(tx: Connection, name: str, problems: Iterable[Problem], now: datetime) -> None:
    """For the admin page: the problems that this file has now, instead of those that it had."""
    tx.execute(delete(tables.problems).where(tables.problems.c.file == name))
    rows = [
        {"file": name, "row": each.row, "zh": each.error.say("zh"), "en": each.error.say("en"), "at": now}
        for each in problems
    ]
    if rows:
        tx.execute(insert(tables.problems), rows)


def _admit(tx: Connection, vault: Vault, company: Company, export: str, entry: Entry, now: datetime) -> tuple[str, int]:
    passport = issue(
        tx,
        kind="record",
        origin=f"{export}#{entry.row}",
        sha256=entry.digest,
        purposes=company.file.purposes,
        channel="export",
        now=now,
    )
    for person, values in entry.people.items():
        keep(tx, vault, person, values, passport=passport.id, now=now)
    for given in entry.consents:
        consent.record(tx, replace(given, passport=passport.id))
    return passport.id, len(entry.people)


def _keep_all(tx: Connection, vault: Vault, people: People, passport: str, now: datetime) -> int:
    """A person who was forgotten stays so: the text keeps the token, which shows as withdrawn."""
    kept = 0
    for person, values in people.items():
        try:
            keep(tx, vault, person, values, passport=passport, now=now)
            kept += 1
        except Withdrawn:
            continue
    return kept


def _row_source(document: str, export: str, entry: Entry, passport: str) -> Source:
    return Source(
        id=entry.source,
        document=document,
        title=export,
        kind="row",
        page=None,
        row=entry.row,
        heading="",
        date=entry.date,
        text=entry.text,
        passport=passport,
        position=entry.row,
    )


def _earlier_facts(tx: Connection, name: str, document: str) -> set[str]:
    """What this name states so far, unless another file with the old content still states it."""
    files = tables.files
    old = tx.scalar(select(files.c.document).where(files.c.name == name))
    if old is None:
        return set()
    others = tx.scalar(select(func.count()).where(files.c.document == old, files.c.name != name)) or 0
    return set() if others and old != document else facts_from(tx, name)


def _add_document(
    tx: Connection, id_: str, seen: Seen, kind: str, document: Document | None, passport: str, now: datetime
) -> None:
    if tx.scalar(select(tables.documents.c.id).where(tables.documents.c.id == id_)):
        return
    row = {
        "id": id_,
        "name": seen.name,
        "kind": kind,
        "language": document.language if document else "zh",
        "date": document.date if document else None,
        "sha256": seen.sha256,
        "passport": passport,
        "added_at": now,
    }
    tx.execute(insert(tables.documents).values(row))


def _remember(tx: Connection, seen: Seen, document: str, now: datetime) -> None:
    tx.execute(delete(tables.files).where(tables.files.c.name == seen.name))
    row = {"name": seen.name, "sha256": seen.sha256, "profile": seen.profile, "document": document, "at": now}
    tx.execute(insert(tables.files).values(row))


def _known_sources(tx: Connection, ids: Sequence[str]) -> Mapping[str, str]:
    """Source → passport, of those that are there already."""
    columns = (tables.sources.c.id, tables.sources.c.passport)
    queries = (select(*columns).where(tables.sources.c.id.in_(part)) for part in in_parts(ids))
    return {key: passport for query in queries for key, passport in tx.execute(query)}
