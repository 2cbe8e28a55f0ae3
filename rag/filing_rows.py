"""The rows of an export into the database, batch by batch; the caller's transaction makes a batch all or nothing."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import Connection, bindparam, delete, func, insert, select, update

from governance import consent, ledger
from governance.errors import BadRecord, Invalid, Withdrawn
from governance.keeping import keep_new
from governance.passport import issue_records
from governance.tables import passports
from governance.vault import Vault, keep
from rag import tables
from rag.company import Company
from rag.entries import Entry
from rag.facts import in_parts, retire, state_facts
from rag.filing import Filed, Problem, Seen, add_document, add_problems, remember
from rag.sources import Source, add_sources, move_sources

MOST_PROBLEMS = 1_000  # rows of one export that are listed as wrong; whoever has more has another problem

_live = tables.facts.outerjoin(tables.retirements, tables.retirements.c.fact == tables.facts.c.id)


@dataclass(frozen=True, slots=True)
class Batch:
    """Some rows of an export. `unchanged`: sources that are in already, with the rows where they stand now."""

    entries: Sequence[Entry]
    unchanged: Sequence[tuple[str, int]]
    problems: Sequence[BadRecord]
    last_row: int


def rows_done(tx: Connection, seen: Seen) -> int:
    """The last row that an interrupted import of these very bytes has filed; 0 when there is none."""
    imports = tables.imports.c
    same = (imports.name == seen.name) & (imports.sha256 == seen.sha256) & (imports.profile == seen.profile)
    return tx.scalar(select(imports.rows_done).where(same)) or 0


def begin_import(tx: Connection, seen: Seen, document: str, now: datetime) -> None:
    """Note that these bytes are being read, unless an interrupted import of them goes on; problems are told anew."""
    if rows_done(tx, seen):
        return
    imports = tables.imports
    add_document(tx, document, seen, "export", None, "", now)
    tx.execute(delete(imports).where(imports.c.name == seen.name))
    values = {"name": seen.name, "sha256": seen.sha256, "profile": seen.profile, "document": document}
    tx.execute(insert(imports).values(**values, rows_done=0, started_at=now, at=now))
    tx.execute(delete(tables.problems).where(tables.problems.c.file == seen.name))


def is_interrupted(tx: Connection, name: str) -> bool:
    """Whether an import of this export was begun and not ended."""
    return bool(tx.scalar(select(tables.imports.c.name).where(tables.imports.c.name == name)))


def restart_import(tx: Connection, name: str) -> None:
    """An import that cannot go on starts over when it can: the problems that it told were replaced."""
    tx.execute(update(tables.imports).where(tables.imports.c.name == name).values(rows_done=0))


def known_rows(tx: Connection, seen: Seen) -> dict[bytes, str]:
    """Digest → source of the rows that the last version of this export stated under the same profile."""
    files, sources = tables.files, tables.sources
    row = tx.execute(select(files).where(files.c.name == seen.name)).one_or_none()
    if row is None or row.profile != seen.profile:
        return {}
    stating = select(tables.facts.c.source).select_from(_live).where(tables.retirements.c.fact.is_(None))
    query = (
        select(passports.c.sha256, sources.c.id)
        .join(sources, sources.c.passport == passports.c.id)
        .where(sources.c.document == row.document, sources.c.title == seen.name, sources.c.id.in_(stating))
    )
    return {bytes.fromhex(digest): source for digest, source in tx.execute(query)}


def file_batch(
    tx: Connection, vault: Vault, company: Company, seen: Seen, document: str, batch: Batch, now: datetime
) -> Filed:
    """What is new in these rows; a row about a withdrawn person is a problem and is not kept."""
    known = _known_sources(tx, [entry.source for entry in batch.entries])
    fresh = [entry for entry in batch.entries if entry.source not in known]
    again = [entry for entry in batch.entries if entry.source in known]
    issued, people, refused = _admit(tx, vault, company, seen.name, fresh, now)
    kept = [entry for entry in fresh if entry.source in issued]
    new = add_sources(tx, vault, [_source(document, seen.name, entry, issued[entry.source]) for entry in kept])
    places = [(entry.source, document, entry.row) for entry in again if known[entry.source] != (document, entry.row)]
    move_sources(tx, [*places, *((source, document, row) for source, row in batch.unchanged)])
    earlier = _facts_of_sources(tx, known)
    added, live = state_facts(tx, (fact for entry in (*kept, *again) for fact in entry.facts))
    retire(tx, earlier - live, now)
    _renew_slots(tx, again)
    problems = [Problem(seen.name, int(str(bad.data["row"])), bad) for bad in [*batch.problems, *refused]]
    problems += [Problem(seen.name, entry.row, bad) for entry in (*kept, *again) for bad in entry.ignored]
    told = _list_problems(tx, seen.name, sorted(problems, key=lambda each: each.row or 0), now)
    done = update(tables.imports).where(tables.imports.c.name == seen.name)
    tx.execute(done.values(rows_done=batch.last_row, at=now))
    return Filed(new, added, people, told)


def end_import(tx: Connection, seen: Seen, document: str, detail: Mapping[str, int], now: datetime) -> int:
    """All rows are in: what the rows that vanished stated is retired, and the export counts as read."""
    sources, facts = tables.sources, tables.facts
    gone = (
        select(facts.c.id)
        .select_from(_live.join(sources, sources.c.id == facts.c.source))
        .where(sources.c.title == seen.name, sources.c.kind == "row", sources.c.document != document)
        .where(tables.retirements.c.fact.is_(None))
    )
    retired = retire(tx, list(tx.scalars(gone)), now)
    remember(tx, seen, document, now)
    tx.execute(delete(tables.imports).where(tables.imports.c.name == seen.name))
    ledger.append(tx, actor="ingest", event="export_added", subject=document, detail=detail, now=now)
    return retired


def _admit(
    tx: Connection, vault: Vault, company: Company, export: str, fresh: Sequence[Entry], now: datetime
) -> tuple[dict[str, str], int, list[BadRecord]]:
    """Source → passport of those that may come in, the number of people, and the rows that may not."""
    content = [(f"{export}#{entry.row}", entry.digest) for entry in fresh]
    ids = issue_records(tx, content, purposes=company.file.purposes, channel="export", now=now)
    pairs = list(zip(fresh, ids, strict=True))
    wanted = [(person, values, passport) for entry, passport in pairs for person, values in entry.people.items()]
    new = keep_new(tx, vault, wanted, now=now)
    issued: dict[str, str] = {}
    refused: list[BadRecord] = []
    kept = 0
    for entry, passport in pairs:
        try:
            for person, values in entry.people.items():
                if (person, passport) not in new:
                    keep(tx, vault, person, values, passport=passport, now=now)
        except Withdrawn as withdrawn:
            reason = {"zh": withdrawn.say("zh"), "en": withdrawn.say("en")}
            refused.append(BadRecord(name=export, row=entry.row, reason=reason))
            continue
        for given in entry.consents:
            consent.record(tx, replace(given, passport=passport))
        kept += len(entry.people)
        issued[entry.source] = passport
    return issued, kept, refused


def _source(document: str, export: str, entry: Entry, passport: str) -> Source:
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


def _known_sources(tx: Connection, ids: Sequence[str]) -> dict[str, tuple[str, int | None]]:
    """Source → document and row, of those that are there already."""
    sources = tables.sources.c
    return {
        key: (document, row)
        for part in in_parts(ids)
        for key, document, row in tx.execute(
            select(sources.id, sources.document, sources.row).where(sources.id.in_(part))
        )
    }


def _facts_of_sources(tx: Connection, ids: Collection[str]) -> set[str]:
    """What these sources state and is not retired."""
    stated = select(tables.facts.c.id).select_from(_live).where(tables.retirements.c.fact.is_(None))
    return {fact for part in in_parts(list(ids)) for fact in tx.scalars(stated.where(tables.facts.c.source.in_(part)))}


def _renew_slots(tx: Connection, again: Sequence[Entry]) -> None:
    """The company may have changed which titles are unique; the slot follows, the statement stays what it was."""
    facts = tables.facts
    wanted = {fact.source: fact.slot for entry in again for fact in entry.facts if fact.relation == "holds_title"}
    rows = [
        {"key": key, "now": wanted[source]}
        for part in in_parts(list(wanted))
        for key, source, slot in tx.execute(
            select(facts.c.id, facts.c.source, facts.c.slot).where(
                facts.c.source.in_(part), facts.c.relation == "holds_title"
            )
        )
        if slot != wanted[source]
    ]
    if rows:
        tx.execute(update(facts).where(facts.c.id == bindparam("key")).values(slot=bindparam("now")), rows)


def _list_problems(tx: Connection, name: str, problems: Sequence[Problem], now: datetime) -> tuple[Problem, ...]:
    if not problems:
        return ()
    there = tx.scalar(select(func.count()).where(tables.problems.c.file == name)) or 0
    told = list(problems[: max(0, MOST_PROBLEMS - there)])
    if there <= MOST_PROBLEMS < there + len(problems):
        reason = {
            "zh": f"“{name}”出错的行超过 {MOST_PROBLEMS} 行，其余不再逐行列出",
            "en": f"more than {MOST_PROBLEMS} rows of '{name}' are wrong; the others are not listed",
        }
        told.append(Problem(name, None, Invalid(reason=reason)))
    add_problems(tx, name, told, now)
    return tuple(told)
