"""Put one prepared file into the database; the caller's transaction makes it all or nothing."""

import hashlib
from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import Connection, delete, func, insert, select

from governance import ledger
from governance.errors import NotFound, Withdrawn, XinyanError
from governance.passport import issue
from governance.tables import passports
from governance.vault import Vault, keep
from rag import tables
from rag.blocks import Document
from rag.company import Company
from rag.entries_desk import People
from rag.facts import Fact, facts_from, retire, state_facts
from rag.intake import within
from rag.proposals import Proposal, drop_waiting, propose
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
    proposals: tuple[Proposal, ...] = ()
    problems: tuple[Problem, ...] = ()


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
    add_document(tx, prepared.id, seen, document.kind, document, passport.id, now)
    sources = add_sources(tx, vault, [replace(source, passport=passport.id) for source in prepared.sources])
    added, live = state_facts(tx, prepared.facts)
    proposed = propose(tx, prepared.proposals, now)
    drop_waiting(tx, seen.name, kept={source.id for source in prepared.sources})
    retire(tx, earlier - live - proposed.live, now)
    remember(tx, seen, prepared.id, now)
    store_problems(tx, seen.name, prepared.problems, now)
    detail = {"passages": len(prepared.sources), "facts": added, "people": kept, "proposals": proposed.new}
    ledger.append(tx, actor=actor, event="document_added", subject=prepared.id, detail=detail, now=now)
    return Filed(sources, added, kept, prepared.problems)


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
    if not tx.scalar(select(func.count()).where(tables.files.c.document == row.document)):  # no twin states it
        theirs = select(tables.sources.c.title).where(tables.sources.c.document == row.document)
        for title in tx.scalars(theirs.distinct()).all():
            drop_waiting(tx, title)
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
    add_problems(tx, name, problems, now)


def add_problems(tx: Connection, name: str, problems: Iterable[Problem], now: datetime) -> None:
    """Further problems of the file."""
    rows = [
        {"file": name, "row": each.row, "zh": each.error.say("zh"), "en": each.error.say("en"), "at": now}
        for each in problems
    ]
    if rows:
        tx.execute(insert(tables.problems), rows)


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


def _earlier_facts(tx: Connection, name: str, document: str) -> set[str]:
    """What this name states so far, unless another file with the old content still states it."""
    files = tables.files
    old = tx.scalar(select(files.c.document).where(files.c.name == name))
    if old is None:
        return set()
    others = tx.scalar(select(func.count()).where(files.c.document == old, files.c.name != name)) or 0
    return set() if others and old != document else facts_from(tx, name)


def add_document(
    tx: Connection, id_: str, seen: Seen, kind: str, document: Document | None, passport: str, now: datetime
) -> None:
    """One version of a file, once."""
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


def remember(tx: Connection, seen: Seen, document: str, now: datetime) -> None:
    """The same bytes under this name and profile need not be read again."""
    tx.execute(delete(tables.files).where(tables.files.c.name == seen.name))
    row = {"name": seen.name, "sha256": seen.sha256, "profile": seen.profile, "document": document, "at": now}
    tx.execute(insert(tables.files).values(row))
