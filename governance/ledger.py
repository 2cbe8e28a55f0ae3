"""The append-only, hash-chained record of who did what to whose data: ids and counts, never content."""

import hashlib
import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, insert, select, update

from governance.errors import Corrupt
from governance.tables import ledger, ledger_head

Scalar = str | int | float | bool | None
FIRST = "0" * 64
_SUBJECTS_A_QUERY = 500
LONGEST_TEXT = 200  # characters; longer text would be content, and content does not belong here


@dataclass(frozen=True, slots=True)
class Event:
    """One link of the chain."""

    sequence: int
    at: datetime
    actor: str
    event: str
    subject: str
    detail: Mapping[str, Scalar]
    hash: str


def _canonical(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False)


def _link(row: Sequence[object]) -> str:
    """The hash over sequence, at, actor, event, subject, detail and the previous hash."""
    return hashlib.sha256(_canonical(list(row)).encode()).hexdigest()


def append(tx: Connection, *, actor: str, event: str, subject: str, detail: Mapping[str, Scalar], now: datetime) -> int:
    """Add an event in the caller's writing transaction; returns its sequence number, from 1."""
    if tx.get_execution_options().get("reads"):
        raise RuntimeError("the ledger needs a writing transaction: engine.begin(), not reading(engine)")
    if long := [key for key, value in detail.items() if isinstance(value, str) and len(value) > LONGEST_TEXT]:
        raise ValueError(f"the ledger holds ids and counts, not content: {long}")
    at = now.astimezone(UTC).isoformat(timespec="microseconds")
    head = tx.execute(select(ledger_head.c.sequence, ledger_head.c.hash).with_for_update()).one_or_none()
    sequence, previous = (head.sequence + 1, head.hash) if head else (1, FIRST)
    text = _canonical(dict(detail))
    link = _link((sequence, at, actor, event, subject, text, previous))
    row = {"sequence": sequence, "at": at, "actor": actor, "event": event, "subject": subject, "detail": text}
    tx.execute(insert(ledger).values(**row, previous=previous, hash=link))
    new_head = {"sequence": sequence, "hash": link}
    tx.execute(update(ledger_head).values(**new_head) if head else insert(ledger_head).values(id=1, **new_head))
    return sequence


def events_of(tx: Connection, subject: str) -> list[Event]:
    """What happened to a subject, oldest first."""
    rows = tx.execute(select(ledger).where(ledger.c.subject == subject).order_by(ledger.c.sequence))
    return [_event(row) for row in rows]


def latest(tx: Connection, subjects: Iterable[str], events: Collection[str]) -> dict[str, Event]:
    """Subject → the last of these events that happened to it."""
    asked, found = sorted(set(subjects)), dict[str, Event]()
    for start in range(0, len(asked), _SUBJECTS_A_QUERY):
        part = ledger.c.subject.in_(asked[start : start + _SUBJECTS_A_QUERY])
        query = select(ledger).where(part, ledger.c.event.in_(events)).order_by(ledger.c.sequence)
        found.update((row.subject, _event(row)) for row in tx.execute(query))
    return found


def _event(row: Any) -> Event:
    at = datetime.fromisoformat(row.at)
    return Event(row.sequence, at, row.actor, row.event, row.subject, json.loads(row.detail), row.hash)


def verify(tx: Connection) -> None:
    """
    Raise Corrupt with the sequence number of the first link that was edited, removed or moved.

    Covered: any change to any row, the last rows included. Not covered: whoever may write the database can compute a
    whole new chain; that takes a witness outside.
    """
    sequence, previous = 0, FIRST
    for row in tx.execute(select(ledger).order_by(ledger.c.sequence)):
        sequence += 1
        content = (row.sequence, row.at, row.actor, row.event, row.subject, row.detail, row.previous)
        if row.sequence != sequence or row.previous != previous or row.hash != _link(content):
            raise _broken(sequence)
        previous = row.hash
    heads = [tuple(head) for head in tx.execute(select(ledger_head.c.sequence, ledger_head.c.hash))]
    if heads != ([(sequence, previous)] if sequence else []):
        raise _broken(sequence + 1)


def _broken(sequence: int) -> Corrupt:
    return Corrupt(
        what={"zh": "台账", "en": "The ledger"},
        reason={"zh": f"第 {sequence} 条与哈希链不符", "en": f"event {sequence} does not fit the hash chain"},
        sequence=sequence,
    )
