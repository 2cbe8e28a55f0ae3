"""Passages as they are searched: their text below its heading, what they are filtered by, and who may not be found."""

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from sqlalchemy import Connection, Engine, select

from governance.db import reading
from governance.tables import passports
from governance.vault import Vault, pseudonymise
from rag.blocks import language_of
from rag.facts import in_parts
from rag.hostile import is_hostile
from rag.search_mentions import Mentions, names_of
from rag.search_scope import Tags
from rag.sources import Source, passages
from rag.tables import documents


@dataclass(frozen=True, slots=True)
class Entry:
    """`text` is embedded; words are also found in `title`. Neither leaves the process."""

    source: str
    text: str
    title: str
    tags: Tags

    @classmethod
    def plain(cls, source: str, text: str, title: str = "") -> "Entry":
        """A text that is filtered by nothing but its language."""
        return cls(source, text, title, Tags(language_of([text])))


def entries_of(db: Engine, vault: Vault, names: Mapping[str, str] | None) -> list[Entry]:
    """All current passages whose passport permits retrieval, without the hostile ones, in reading order."""
    with reading(db) as tx:
        found = [source for source in passages(tx, vault) if not source.hostile]
        purposes = _purposes(tx, {source.passport for source in found})
        kinds = _kinds(tx, {source.document for source in found})
        called = names_of(tx) if names is None else names
    allowed = [source for source in found if "retrieval" in purposes.get(source.passport, ())]
    mentions = Mentions(called)
    entries: list[Entry] = []
    for source in allowed:
        text = indexed_text(source)
        named = mentions.of(f"{source.heading}\n{source.text}") | _inherited(mentions.of(source.title))
        tags = Tags(
            language_of([text]),
            source.document,
            kinds[source.document],
            source.date,
            frozenset(each for each in named if each.startswith("customer:")),
            frozenset(each for each in named if each.startswith("product:")),
            purposes[source.passport],
        )
        entries.append(Entry(source.id, text, _called(source.title), tags))
    return entries


def indexed_text(source: Source) -> str:
    """What is searched in: the passage below its heading, or below the file's name; people under pseudonyms."""
    above = [title for title in source.heading.split(" › ") if title and title not in source.text[:120]]
    return pseudonymise("\n".join([*(above if source.heading else [_called(source.title)]), source.text]), "zh")


def _called(title: str) -> str:
    """The file's name as it is searched in; one that gives orders is only shown."""
    return "" if is_hostile(title) else title.rsplit(".", 1)[0]


def _inherited(of_title: frozenset[str]) -> frozenset[str]:
    """A document whose title names one customer is about this customer throughout; products it names are as well."""
    customers = {each for each in of_title if each.startswith("customer:")}
    return of_title if len(customers) == 1 else of_title - customers


def _purposes(tx: Connection, ids: Collection[str]) -> dict[str, frozenset[str]]:
    columns = (passports.c.id, passports.c.purposes)
    queries = (select(*columns).where(passports.c.id.in_(part)) for part in in_parts(sorted(ids)))
    return {id_: frozenset(json.loads(allowed)) for query in queries for id_, allowed in tx.execute(query)}


def _kinds(tx: Connection, ids: Collection[str]) -> dict[str, str]:
    queries = (select(documents.c.id, documents.c.kind).where(documents.c.id.in_(p)) for p in in_parts(sorted(ids)))
    return {id_: kind for query in queries for id_, kind in tx.execute(query)}
