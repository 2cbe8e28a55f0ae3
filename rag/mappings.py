"""Which column holds which field: proposed by rules, approved, refused and rolled back by people, counted per kind."""

import hashlib
import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from pydantic import ValidationError
from sqlalchemy import Connection, Row, func, insert, select, update

from governance import ledger
from governance.errors import Conflict, Corrupt, Invalid, NotAllowed, NotFound
from rag import tables
from rag.company import RECORD_FIELDS, Company, Table
from rag.mapping_proposal import Export, Headers, Mapped, Match, likely_kind, load_headers, propose_kind
from rag.mapping_sample import samples
from rag.tabular import clean, table_bytes

State = Literal["proposed", "approved", "refused"]
MACHINE = "ingest"  # proposes, and decides nothing
AS_BEFORE = 1.0  # a column that the table in force names too, or that a person named
SHOWN = 60  # characters of a header or a cell that are shown
LONGEST_REASON = 200


@dataclass(frozen=True, slots=True)
class MappingVersion:
    """
    `table` as it is read; everything else is for the screen: no control characters, no more than 60 characters.

    `missing` are required fields without a column: such a version cannot be approved. `in_force`: it is the one that
    is read by.
    """

    id: str
    kind: str
    version: int
    table: Table
    matches: tuple[Match, ...]
    missing: tuple[str, ...]
    unused: tuple[str, ...]
    state: State
    in_force: bool
    proposed_by: str
    proposed_at: datetime
    decided_by: str | None
    decided_at: datetime | None
    note: str


def effective_records(tx: Connection, company: Company) -> Mapping[str, Table]:
    """Per kind the newest approved version, else what company.yaml says; raises Corrupt."""
    records = dict(company.file.records)
    mappings = tables.mappings.c
    query = select(tables.mappings).where(mappings.state == "approved").order_by(mappings.kind, mappings.version)
    for row in tx.execute(query):
        records[row.kind] = _table(row)
    return records


def proposals(tx: Connection) -> list[MappingVersion]:
    """All versions, the newest first: what waits, what is in force and what was decided before."""
    mappings = tables.mappings.c
    rows = tx.execute(select(tables.mappings).order_by(mappings.proposed_at.desc(), mappings.version.desc())).all()
    newest: dict[str, int] = {}
    for row in rows:
        if row.state == "approved":
            newest[row.kind] = max(row.version, newest.get(row.kind, 0))
    return [_version(row, newest.get(row.kind) == row.version) for row in rows]


def propose(
    tx: Connection,
    company: Company,
    kind: str,
    name: str,
    content: bytes | Sequence[Export],
    *,
    by: str,
    now: datetime,
    sheet: str | None = None,
    columns: Mapping[str, str] | None = None,
) -> MappingVersion:
    """
    A version for the file `name` of the company's folder, to be decided by a person; the same again is no new one.

    `content`: the file, or its tables as rag.mapping_sample reads them, for a large file outside the transaction.

    Columns that the table in force names stay, and so do those that a person gives (field → header). Raises Invalid
    for an unknown kind, field or column and for a file in which nothing fits, UnreadableFile.
    """
    if kind not in RECORD_FIELDS:
        listed = ", ".join(RECORD_FIELDS)
        raise Invalid(reason={"zh": f"未知的类别，可用：{listed}", "en": f"unknown kind, use one of {listed}"})
    found = samples(table_bytes(name, content), name) if isinstance(content, bytes) else list(content)
    current = effective_records(tx, company).get(kind)
    headers = load_headers()
    export = _best(found, kind, headers, sheet or (current.sheet if current else None))
    mapped = propose_kind(export, kind, headers, _ids(tx)) if export else None
    if export is None or mapped is None:
        raise Invalid(reason={"zh": f"“{name}”中没有可用的表", "en": f"'{name}' holds no table that could be used"})
    given = _given(columns or {}, kind, export)
    matches = _matches(mapped, given, current)
    if not matches:
        raise Invalid(reason={"zh": f"“{name}”的列与该类别无一相符", "en": f"no column of '{name}' fits that kind"})
    yes = {"yes": current.yes} if current else {}
    table = Table(file=name, sheet=export.sheet, columns={each.field: each.column for each in matches}, **yes)
    return _store(tx, kind, table, matches, export, by=by, now=now)


def propose_unmapped(
    tx: Connection, company: Company, name: str, found: Sequence[Export], kinds: Collection[str], *, now: datetime
) -> MappingVersion | None:
    """A version for a file that no table reads, as the likeliest of `kinds`; None when it looks like none of them."""
    headers = load_headers()
    for export in found:
        if kind := likely_kind(export, kinds, headers):
            return propose(tx, company, kind, name, [export], by=MACHINE, now=now, sheet=export.sheet)
    return None


def approve(tx: Connection, id_: str, *, by: str, reason: str, now: datetime) -> None:
    """
    From the next import on the file is read so. Raises NotFound; Conflict when it was decided already or a newer
    version is in force; Invalid while a required field has no column; NotAllowed for the machine.
    """
    row = _row(tx, id_)
    if by in ("", MACHINE):
        raise NotAllowed(user=by or "–", action={"zh": "批准列对应关系", "en": "approve a mapping"})
    if wrong := _table(row).misfit(row.kind):
        raise Invalid(reason={"zh": f"records.{row.kind}{wrong}", "en": f"records.{row.kind}{wrong}"})
    mappings = tables.mappings.c
    newer = (mappings.kind == row.kind) & (mappings.state == "approved") & (mappings.version > row.version)
    if tx.scalar(select(mappings.id).where(newer)):
        raise Conflict(
            reason={"zh": "已有更新的版本生效，请重新提出", "en": "a newer version is in force; propose again"}
        )
    _decide(tx, row, "proposed", "approved", "mapping_approved", by=by, reason=reason, now=now)


def refuse(tx: Connection, id_: str, *, by: str, reason: str, now: datetime) -> None:
    """Nothing changes; the machine does not propose the same again. Raises NotFound, Conflict, Invalid."""
    _decide(tx, _row(tx, id_), "proposed", "refused", "mapping_refused", by=by, reason=_needed(reason), now=now)


def roll_back(tx: Connection, id_: str, *, by: str, reason: str, now: datetime) -> None:
    """An approved version is used no more; the one before it is, or company.yaml. NotFound, Conflict, Invalid."""
    _decide(tx, _row(tx, id_), "approved", "refused", "mapping_rolled_back", by=by, reason=_needed(reason), now=now)


def shown(text: str) -> str:
    """A header or a cell as a screen may show it: one line, visible characters, not long."""
    line = " ".join(clean(text).split())
    return line if len(line) <= SHOWN else line[: SHOWN - 1] + "…"


def _best(found: list[Export], kind: str, headers: Headers, sheet: str | None) -> Export | None:
    """The sheet that is named, else the one that gives the kind the most fields."""
    named = [each for each in found if sheet and each.sheet == sheet]
    return max(named or found, key=lambda each: len(propose_kind(each, kind, headers, {}).matches), default=None)


def _given(columns: Mapping[str, str], kind: str, export: Export) -> dict[str, str]:
    fields = [field for group in RECORD_FIELDS[kind] for field in group]
    for field, column in columns.items():
        if field not in fields or clean(column) not in export.header:
            said = f"{shown(field)}={shown(column)}"
            raise Invalid(reason={"zh": f"没有这个字段或列：{said}", "en": f"no such field or column: {said}"})
    return {field: clean(column) for field, column in columns.items()}


def _matches(mapped: Mapped, given: Mapping[str, str], current: Table | None) -> tuple[Match, ...]:
    """Fields in their order: what a person gave, what was so before, what the columns suggest."""
    kept = {field: clean(column) for field, column in current.columns.items()} if current else {}
    kept = {field: column for field, column in kept.items() if column in mapped.export.header} | dict(given)
    rest = [each for each in mapped.matches if each.field not in kept and each.column not in kept.values()]
    chosen = {field: Match(field, column, AS_BEFORE, ()) for field, column in kept.items()}
    chosen |= {each.field: each for each in rest}
    return tuple(chosen[field] for group in RECORD_FIELDS[mapped.kind] for field in group if field in chosen)


def _store(
    tx: Connection, kind: str, table: Table, matches: tuple[Match, ...], export: Export, *, by: str, now: datetime
) -> MappingVersion:
    content = {
        "table": table.model_dump(),
        "confidence": {each.field: each.confidence for each in matches},
        "others": {each.field: list(each.others) for each in matches},
        "unused": [column for column in export.header if column not in table.columns.values()],
    }
    mappings = tables.mappings
    for row in tx.execute(select(mappings).where(mappings.c.kind == kind).order_by(mappings.c.version.desc())):
        if row.content["table"] == content["table"] and (by == MACHINE or row.state == "proposed"):
            return _version(row, in_force=False)
    version = 1 + (tx.scalar(select(func.max(mappings.c.version)).where(mappings.c.kind == kind)) or 0)
    key = json.dumps([kind, version, content], ensure_ascii=False, sort_keys=True)
    id_ = "c_" + hashlib.sha256(key.encode()).hexdigest()[:24]
    values = {"content": content, "state": "proposed", "proposed_by": by, "proposed_at": now}
    tx.execute(insert(mappings).values(id=id_, kind=kind, version=version, **values))
    detail = {"kind": kind, "version": version, "columns": len(matches), "unused": len(content["unused"])}
    ledger.append(tx, actor=by, event="mapping_proposed", subject=id_, detail=detail, now=now)
    return _version(_row(tx, id_), in_force=False)


def _decide(
    tx: Connection, row: Row[Any], expected: State, state: State, event: str, *, by: str, reason: str, now: datetime
) -> None:
    values = {"state": state, "decided_by": by, "decided_at": now, "note": _short(reason)}
    own = (tables.mappings.c.id == row.id) & (tables.mappings.c.state == expected)
    if not tx.execute(update(tables.mappings).where(own).values(**values)).rowcount:
        raise Conflict(reason={"zh": "该版本已由他人处理，请刷新", "en": "this version was decided already; reload"})
    detail = {"kind": row.kind, "version": row.version, "reason": _short(reason)}
    ledger.append(tx, actor=by, event=event, subject=row.id, detail=detail, now=now)


def _needed(reason: str) -> str:
    if not reason.strip():
        raise Invalid(reason={"zh": "请写明理由", "en": "give a reason"})
    return reason


def _short(reason: str) -> str:
    text = " ".join(clean(reason).split())
    if len(text) > LONGEST_REASON:
        limit = LONGEST_REASON
        raise Invalid(reason={"zh": f"理由不超过 {limit} 个字", "en": f"a reason has at most {limit} characters"})
    return text


def _ids(tx: Connection) -> dict[str, set[str]]:
    """What columns of references may refer to, as far as it is known."""
    facts = tables.facts.c
    subjects = tx.scalars(select(facts.subject).where(facts.relation == "name").distinct())
    known: dict[str, set[str]] = {}
    for subject in subjects:
        kind, _, id_ = subject.partition(":")
        known.setdefault(f"{kind}s", set()).add(id_)
    return known


def _row(tx: Connection, id_: str) -> Row[Any]:
    found = tx.execute(select(tables.mappings).where(tables.mappings.c.id == id_)).one_or_none()
    if found is None:
        raise NotFound(kind={"zh": "列对应版本", "en": "version of a mapping"}, name=shown(id_))
    return found


def _table(row: Row[Any]) -> Table:
    try:
        return Table.model_validate(row.content["table"])
    except (ValidationError, KeyError, TypeError) as wrong:
        what = {"zh": f"列对应版本 {row.id}", "en": f"The mapping {row.id}"}
        raise Corrupt(what=what, reason={"zh": "内容无法识别", "en": "its content is malformed"}) from wrong


def _version(row: Row[Any], in_force: bool) -> MappingVersion:
    table, content = _table(row), row.content
    matches = tuple(
        Match(
            field,
            shown(column),
            float(content["confidence"].get(field, 0)),
            tuple(shown(other) for other in content["others"].get(field, [])[:5]),
        )
        for field, column in table.columns.items()
    )
    return MappingVersion(
        id=row.id,
        kind=row.kind,
        version=row.version,
        table=table,
        matches=matches,
        missing=tuple(field for field in RECORD_FIELDS[row.kind][0] if field not in table.columns),
        unused=tuple(shown(column) for column in content["unused"][:40]),
        state=row.state,
        in_force=in_force,
        proposed_by=row.proposed_by,
        proposed_at=row.proposed_at,
        decided_by=row.decided_by,
        decided_at=row.decided_at,
        note=row.note or "",
    )
