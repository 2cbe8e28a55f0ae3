"""By which names an entity may be found: id, registration, names, former names, aliases, model; kept as an index."""

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import Connection, insert, select

from rag.tables import entity_names, facts, retirements

if TYPE_CHECKING:
    from rag.facts import Fact

KINDS = ("id", "registration", "name", "alias", "former")  # the first that fits decides
LIST_MARKS = re.compile(r"[;；、|，]")
LONGEST = 200


@dataclass(frozen=True, slots=True)
class Named:
    """An entity that bears a name; `kind` says as what, one of KINDS."""

    entity: str
    kind: str


def plain(text: str) -> str:
    """How names are compared: half-width, lower case, without spaces."""
    return re.sub(r"\s+", "", unicodedata.normalize("NFKC", text)).casefold()


def listed(text: str) -> list[str]:
    """The entries of a cell that lists several."""
    return [part.strip() for part in LIST_MARKS.split(text) if part.strip()]


def names_of(fact: "Fact") -> list[tuple[str, str]]:
    """The names that a `name` fact gives its subject, the strongest first."""
    attributes = fact.attributes
    names = (fact.value, attributes.get("name_en", ""), attributes.get("model", ""))
    said: list[tuple[str, str]] = [(fact.subject.partition(":")[2], "id")]
    said.append((attributes.get("registration", ""), "registration"))
    said += [(text, "name") for text in names]
    said += [(text, "alias") for text in listed(attributes.get("aliases", ""))]
    said += [(text, "former") for text in listed(attributes.get("former_names", ""))]
    return said


def remember_names(tx: Connection, new: Iterable["Fact"]) -> None:
    """Index the names of facts that were just added."""
    rows = [
        {"plain": key, "entity": fact.subject, "kind": kind, "fact": fact.id}
        for fact in new
        if fact.relation == "name"
        for key, kind in {plain(text)[:LONGEST]: kind for text, kind in reversed(names_of(fact))}.items()
        if key
    ]
    if rows:
        tx.execute(insert(entity_names), rows)


def named(tx: Connection, text: str, prefix: str) -> list[Named]:
    """
    Who is called so, of the entities whose id begins with `prefix`; the strongest kind only.

    A name from a fact that was retired since is a former name: a hospital is still found under its old one.
    """
    key = plain(text).removeprefix(prefix)[:LONGEST]
    query = (
        select(entity_names.c.entity, entity_names.c.kind, retirements.c.at)
        .join(facts, facts.c.id == entity_names.c.fact)
        .outerjoin(retirements, retirements.c.fact == facts.c.id)
        .where(entity_names.c.plain == key, entity_names.c.entity.startswith(prefix, autoescape=True))
    )
    found: dict[str, set[str]] = {}
    for row in tx.execute(query) if key else ():
        if row.at is None:
            found.setdefault(row.kind, set()).add(row.entity)
        elif row.kind == "name":
            found.setdefault("former", set()).add(row.entity)
    best = next((kind for kind in KINDS if kind in found), None)
    return [Named(entity, best) for entity in sorted(found[best])] if best else []
