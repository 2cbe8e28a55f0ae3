"""A checked row of an export → what it says: citable text, facts, people, consents. Pure but for the redactor."""

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date

from governance.china_ids import is_uscc
from governance.consent import Consent
from governance.errors import BadRecord, IgnoredCell
from governance.vault import normal, person_id, token
from rag import entries_events, entries_facts
from rag.entries_desk import Contact, Desk, Known, People, Stated, Tokenise, Wrong, contact_person
from rag.facts import Fact
from rag.records import Row
from rag.sources import source_id
from rag.turns import names_a_person

__all__ = ["Contact", "Desk", "Entry", "Known", "People", "Tokenise", "contact_person", "digest_of", "make_entry"]

PERSONAL = ("name", "name_en", "phone", "email", "wechat", "note")  # cells of a contact that only the vault holds
FREE_TEXT: Mapping[str, tuple[str, ...]] = {
    "tenders": ("title",),
    "tickets": ("subject",),
    "consents": ("text",),
    "communications": ("subject", "note"),
    "promises": ("text",),
}
_FACTS: Mapping[str, Callable[[Desk, Row, str], Stated]] = {
    "customers": entries_facts.customers,
    "contacts": entries_facts.contacts,
    "titles": entries_facts.titles,
    "products": entries_facts.products,
    "purchases": entries_events.purchases,
    "budgets": entries_events.budgets,
    "tenders": entries_events.tenders,
    "tickets": entries_events.tickets,
    "consents": entries_events.consent_facts,
    "communications": entries_events.communications,
    "promises": entries_events.promises,
    "prices": entries_facts.prices,
}


@dataclass(frozen=True, slots=True)
class Entry:
    """
    `digest` is keyed where the row holds personal cells, so that it betrays none of them. `ignored` cells are wrong
    and left out; the rest of the row counts.
    """

    row: int
    source: str
    digest: str
    text: str
    date: date | None
    people: People
    facts: tuple[Fact, ...]
    consents: tuple[Consent, ...] = ()
    ignored: tuple[BadRecord, ...] = ()


def digest_of(desk: Desk, row: Row) -> str:
    """By which the same row is known again, wherever in the export it stands."""
    raw = json.dumps(dict(row.cells), ensure_ascii=False)
    return hashlib.sha256(person_id(desk.vault, f"row:{desk.export}:{raw}").encode()).hexdigest()


def make_entry(desk: Desk, row: Row, digest: str = "") -> Entry:
    """Raises BadRecord for an unknown customer, contact or product, a bad date or a bad number."""
    digest = digest or digest_of(desk, row)
    cells, ignored = _without_wrong_cells(desk, row)
    cells, people = _without_personal_data(desk, row, cells, digest)
    text = "\n".join(f"{row.headers[field]}：{cell}" for field, cell in cells.items() if cell)
    id_ = source_id(desk.export, digest, text)
    shown = Row(row.number, cells, row.headers)
    try:
        facts, day = _FACTS[desk.kind](desk, shown, id_)
        consents = entries_events.consents(desk, shown, digest) if desk.kind == "consents" else ()
    except Wrong as wrong:
        raise BadRecord(name=desk.export, row=row.number, reason=wrong.reason) from wrong
    return Entry(row.number, id_, digest, text, day, people, facts, consents, ignored)


def _without_wrong_cells(desk: Desk, row: Row) -> tuple[dict[str, str], tuple[BadRecord, ...]]:
    """A customer stays one without a registration number or a parent that is right."""
    cells = dict(row.cells)
    reasons: list[dict[str, str]] = []
    number = row.get("registration")
    if desk.kind == "customers" and len(number) == 18 and not is_uscc(number):
        cells["registration"] = ""  # not even shown: it might be the number of somebody's identity card
        header = row.headers["registration"]
        reasons.append({"zh": f"“{header}”的校验位不对", "en": f"the check digit under '{header}' is wrong"})
    if desk.kind == "customers" and (wrong := desk.known.wrong_parents.get(row.get("id"))):
        reasons.append({"zh": wrong[0], "en": wrong[1]})
    return cells, tuple(IgnoredCell(name=desk.export, row=row.number, reason=reason) for reason in reasons)


def _without_personal_data(desk: Desk, row: Row, cells: dict[str, str], digest: str) -> tuple[dict[str, str], People]:
    people: dict[str, Mapping[str, str]] = {}
    if desk.kind == "contacts":
        person = contact_person(desk.vault, desk.company, row.get("id"))
        kept = {field: cells[field] for field in PERSONAL if cells.get(field)}
        people[person] = kept
        cells.update({field: token(person, field) for field in kept})
    if desk.kind == "promises" and (owner := cells.get("owner", "")) and names_a_person(owner):
        kind = "name" if any("\u4e00" <= letter <= "\u9fff" for letter in owner) else "name_en"
        person = person_id(desk.vault, f"owner:{desk.company.id}:{normal(kind, owner)}")
        people[person] = {kind: owner}
        cells["owner"] = token(person, kind)
    for field in FREE_TEXT.get(desk.kind, ()):
        if cells.get(field):
            cells[field], found = desk.tokenise(cells[field], f"{desk.export}:{digest}")
            people.update(found)
    return cells, people
