"""The data passport: where a document or a record came from, through which channel, and what it may be used for."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from sqlalchemy import Connection, func, insert, select

from governance.errors import NotFound
from governance.tables import passports

Kind = Literal["document", "record"]
ROWS_A_QUERY = 400


@dataclass(frozen=True, slots=True)
class Passport:
    """`origin` is the file name, for a record with its row ("contacts.csv#12"). `version` counts per origin, from 1."""

    id: str
    kind: Kind
    origin: str
    sha256: str
    collected_at: datetime
    channel: str
    purposes: tuple[str, ...]
    text_hash: str | None
    version: int

    def permits(self, purpose: str) -> bool:
        """Whether the data may be used for `purpose`."""
        return purpose in self.purposes


def issue(
    tx: Connection,
    *,
    kind: Kind,
    origin: str,
    sha256: str,
    purposes: Sequence[str],
    channel: str,
    now: datetime,
    text_hash: str | None = None,
) -> Passport:
    """The passport of this content from this origin; the same again gives the same one, with its first date."""
    allowed = _allowed(purposes)
    id_ = _id(kind, origin, sha256, allowed, channel, text_hash)
    if not tx.scalar(select(passports.c.id).where(passports.c.id == id_)):
        same_origin = (passports.c.kind == kind) & (passports.c.origin == origin)
        version = 1 + (tx.scalar(select(func.max(passports.c.version)).where(same_origin)) or 0)
        tx.execute(
            insert(passports).values(
                id=id_,
                kind=kind,
                origin=origin,
                sha256=sha256,
                collected_at=now,
                channel=channel,
                purposes=allowed,
                text_hash=text_hash,
                version=version,
            )
        )
    return passport_of(tx, id_)


def issue_records(
    tx: Connection, content: Sequence[tuple[str, str]], *, purposes: Sequence[str], channel: str, now: datetime
) -> list[str]:
    """The ids of the passports of many records, each given as origin and hash; every origin may stand there once."""
    allowed = _allowed(purposes)
    ids = [_id("record", origin, sha256, allowed, channel, None) for origin, sha256 in content]
    known: set[str] = set()
    versions: dict[str, int] = {}
    for start in range(0, len(ids), ROWS_A_QUERY):
        part = slice(start, start + ROWS_A_QUERY)
        known.update(tx.scalars(select(passports.c.id).where(passports.c.id.in_(ids[part]))))
        origins = [origin for origin, _ in content[part]]
        same_origin = (passports.c.kind == "record") & passports.c.origin.in_(origins)
        newest = select(passports.c.origin, func.max(passports.c.version)).where(same_origin)
        versions.update((row[0], row[1]) for row in tx.execute(newest.group_by(passports.c.origin)))
    rows = [
        {
            "id": id_,
            "kind": "record",
            "origin": origin,
            "sha256": sha256,
            "collected_at": now,
            "channel": channel,
            "purposes": allowed,
            "text_hash": None,
            "version": 1 + versions.get(origin, 0),
        }
        for id_, (origin, sha256) in zip(ids, content, strict=True)
        if id_ not in known
    ]
    if rows:
        tx.execute(insert(passports), rows)
    return ids


def _allowed(purposes: Sequence[str]) -> str:
    return json.dumps(sorted(set(purposes)), ensure_ascii=False)


def _id(kind: Kind, origin: str, sha256: str, allowed: str, channel: str, text_hash: str | None) -> str:
    key = json.dumps([kind, origin, sha256, allowed, channel, text_hash], ensure_ascii=False)
    return hashlib.sha256(key.encode()).hexdigest()


def passport_of(tx: Connection, id: str) -> Passport:  # noqa: A002  the contract's name
    """The passport with this id; raises NotFound."""
    row = tx.execute(select(passports).where(passports.c.id == id)).one_or_none()
    if row is None:
        raise NotFound(kind={"zh": "数据护照", "en": "data passport"}, name=id)
    return Passport(
        id=row.id,
        kind=row.kind,
        origin=row.origin,
        sha256=row.sha256,
        collected_at=row.collected_at,
        channel=row.channel,
        purposes=tuple(json.loads(row.purposes)),
        text_hash=row.text_hash,
        version=row.version,
    )
