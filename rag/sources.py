"""Everything that can be cited: a passage of a document or a row of an export, tokenised and sealed at rest."""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Literal

from sqlalchemy import Connection, bindparam, func, insert, select, update

from governance.errors import NotFound
from governance.vault import Vault, seal, unseal
from rag.facts import in_parts
from rag.tables import documents, files
from rag.tables import sources as table


@dataclass(frozen=True, slots=True)
class Source:
    """`text` refers to people by token. `hostile`: it tries to instruct the reader; kept out of index and training."""

    id: str
    document: str
    title: str
    kind: Literal["passage", "row"]
    page: int | None
    row: int | None
    heading: str
    date: date | None
    text: str
    hostile: bool = False
    passport: str = ""
    position: int = 0


def source_id(owner: str, place: str, text: str) -> str:
    """A content hash; `owner` is a document id or the name of an export, `place` tells equal texts apart."""
    content = json.dumps([owner, place, text], ensure_ascii=False)
    return "s_" + hashlib.sha256(content.encode()).hexdigest()[:24]


def add_sources(tx: Connection, vault: Vault, new: Iterable[Source]) -> int:
    """Append; a row that only moved within its export keeps its id and gets its new place."""
    fresh = {source.id: source for source in new}
    known = {
        key: place
        for part in in_parts(list(fresh))
        for key, *place in tx.execute(select(table.c.id, table.c.document, table.c.row).where(table.c.id.in_(part)))
    }
    rows = [_row(vault, source) for key, source in fresh.items() if key not in known]
    if rows:
        tx.execute(insert(table), rows)
    places = ((key, fresh[key].document, fresh[key].row) for key in known)
    move_sources(tx, [place for place in places if list(place[1:]) != known[place[0]]])
    return len(rows)


def move_sources(tx: Connection, places: Sequence[tuple[str, str, int | None]]) -> None:
    """Sources that are there already, with the document and the row in which they stand now."""
    if places:
        statement = update(table).where(table.c.id == bindparam("key"))
        moved = statement.values(document=bindparam("here"), row=bindparam("at"))
        tx.execute(moved, [{"key": key, "here": document, "at": row} for key, document, row in places])


def source(tx: Connection, vault: Vault, id: str) -> Source:  # noqa: A002
    """Raises NotFound."""
    if found := sources(tx, vault, [id]):
        return found[id]
    raise NotFound(kind={"zh": "出处", "en": "source"}, name=id)


def sources(tx: Connection, vault: Vault, ids: Iterable[str]) -> dict[str, Source]:
    """Those of `ids` that exist."""
    wanted = sorted(set(ids))
    rows = (
        row for part in in_parts(wanted) for row in tx.execute(select(table).where(table.c.id.in_(part))).mappings()
    )
    return {row["id"]: _source(vault, row) for row in rows}


def of_documents(tx: Connection, vault: Vault, ids: Iterable[str]) -> dict[str, Source]:
    """All that can be cited of these documents, in reading order."""
    query = select(table).where(table.c.document.in_(list(ids))).order_by(table.c.document, table.c.position)
    return {row["id"]: _source(vault, row) for row in tx.execute(query).mappings()}


def issued_with(tx: Connection, passports: Iterable[str]) -> dict[str, str]:
    """Passport → the row that came in with it."""
    wanted = sorted(set(passports))
    query = select(table.c.passport, table.c.id)
    return {
        passport: id_
        for part in in_parts(wanted)
        for passport, id_ in tx.execute(query.where(table.c.passport.in_(part)))
    }


def passages(tx: Connection, vault: Vault, document: str | None = None) -> list[Source]:
    """The passages of one document, or of all that are not replaced by a newer version, in reading order."""
    query = select(table).join(documents, documents.c.id == table.c.document).where(table.c.kind == "passage")
    current = select(files.c.document)
    query = query.where(table.c.document == document if document else table.c.document.in_(current))
    ordered = query.order_by(documents.c.name, table.c.document, table.c.position)
    return [_source(vault, row) for row in tx.execute(ordered).mappings()]


def below_one_heading(tx: Connection, hit: Source) -> list[str]:
    """The ids of the passages around the hit with its heading, up to the next heading or hostile one; none is read."""
    columns = table.c.id, table.c.heading, table.c.hostile
    query = select(*columns).where(table.c.document == hit.document, table.c.kind == "passage")
    found: list[str] = []
    for key, heading, hostile in tx.execute(query.order_by(table.c.position)):
        if key == hit.id or (heading == hit.heading and not hostile):
            found.append(key)
        elif hit.id in found:
            break
        else:
            found = []
    return found


def _row(vault: Vault, source: Source) -> Mapping[str, object]:
    return {
        "id": source.id,
        "document": source.document,
        "title": source.title,
        "kind": source.kind,
        "position": source.position,
        "page": source.page,
        "row": source.row,
        "heading": source.heading,
        "date": source.date,
        "hostile": source.hostile,
        "passport": source.passport,
        "sealed": seal(vault, source.text),
    }


def _source(vault: Vault, row: Any) -> Source:
    return Source(
        row["id"],
        row["document"],
        row["title"],
        row["kind"],
        row["page"],
        row["row"],
        row["heading"],
        row["date"],
        unseal(vault, row["sealed"]),
        row["hostile"],
        row["passport"],
        row["position"],
    )


def stamp_of(tx: Connection) -> str:
    """Changes with every file that is read, read anew or retired."""
    columns = files.c
    return str(tx.execute(select(func.count(), func.max(columns.at), func.min(columns.document))).one())
