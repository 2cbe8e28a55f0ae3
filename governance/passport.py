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
    allowed = json.dumps(sorted(set(purposes)), ensure_ascii=False)
    key = json.dumps([kind, origin, sha256, allowed, channel, text_hash], ensure_ascii=False)
    id_ = hashlib.sha256(key.encode()).hexdigest()
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
