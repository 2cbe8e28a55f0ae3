"""From a talk on a customer's page to the text that records it, where one was filed, and whether it was summarised."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date
from urllib.parse import urlencode

from sqlalchemy import Connection, select

from assistant.summary import EXTRACTOR
from governance.vault import Vault
from rag.customers import customers
from rag.extract_naming import naming_of
from rag.facts import Fact
from rag.sources import of_documents
from rag.tables import documents, files, proposals, sources

KINDS = ("mail", "dialogue")


@dataclass(frozen=True, slots=True)
class Link:
    """`done`: commitments of it were submitted."""

    address: str
    done: bool


def links_of(tx: Connection, vault: Vault, customer: str, talks: Collection[Fact]) -> dict[str, Link]:
    """Fact → its text: the document that states it, else the only one of that day that names this customer alone."""
    found: dict[str, str] = {}
    stated = _documents_of(tx, {fact.source for fact in talks})
    days = _of_days(tx, vault, customer, {fact.valid_from for fact in talks if fact.valid_from})
    for fact in talks:
        day = fact.valid_from
        if fact.source in stated:
            found[fact.id] = stated[fact.source]
        elif day is not None and day in days and sum(each.valid_from == day for each in talks) == 1:
            found[fact.id] = days[day]
    proposed = select(sources.c.document).join(proposals, proposals.c.source == sources.c.id)
    mine = sources.c.document.in_(set(found.values())) & (proposals.c.extractor == EXTRACTOR)
    done = set(tx.scalars(proposed.where(mine)))
    days_of = {fact.id: fact.valid_from for fact in talks}
    return {key: Link(_address(each, customer, days_of[key]), each in done) for key, each in found.items()}


def _documents_of(tx: Connection, ids: Collection[str]) -> dict[str, str]:
    """Source → its document, of those that are conversations and no rows of an export."""
    s, d = sources.c, documents.c
    query = select(s.id, s.document).join(documents, d.id == s.document)
    query = query.where(s.id.in_(ids) & (d.kind.in_(KINDS) | (s.kind == "passage")))
    current = d.id.in_(select(files.c.document)) | d.id.startswith("n_")  # or pasted
    return dict(row.tuple() for row in tx.execute(query.where(current)))


def _of_days(tx: Connection, vault: Vault, customer: str, days: Collection[date]) -> Mapping[date, str]:
    d = documents.c
    query = select(d.id, d.date).where(d.date.in_(days) & d.id.in_(select(files.c.document)))
    talks = d.kind.in_(KINDS) | d.name.regexp_match("纪要|记录|沟通|minutes|call|notes")
    dated = dict(row.tuple() for row in tx.execute(query.where(talks)))
    if not dated:
        return {}
    naming = naming_of(customers(tx), (), (), ())
    texts: dict[str, list[str]] = {id_: [] for id_ in dated}
    for source in of_documents(tx, vault, list(dated)).values():
        texts[source.document] += [source.title, source.text]
    mine = [id_ for id_, said in texts.items() if naming.customers_in(said) == {customer}]
    alone = [id_ for id_ in mine if sum(dated[other] == dated[id_] for other in mine) == 1]
    return {dated[id_]: id_ for id_ in alone}


def _address(document: str, customer: str, day: date | None) -> str:
    asked = {"document": document, "customer": customer.partition(":")[2], "day": day.isoformat() if day else ""}
    return "/summary/?" + urlencode({name: text for name, text in asked.items() if text})
