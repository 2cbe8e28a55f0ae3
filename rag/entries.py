"""A checked row of an export → what it says: citable text, facts, people, consents. Pure but for the redactor."""

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from governance.consent import Consent
from governance.errors import BadRecord
from governance.vault import Vault, person_id, token
from rag.company import Company
from rag.dates import parse_date, parse_month, parse_number
from rag.facts import Fact, make_fact
from rag.records import Row
from rag.sources import source_id

PERSONAL = ("name", "name_en", "phone", "email", "wechat", "note")  # cells of a contact that only the vault holds
FREE_TEXT: Mapping[str, tuple[str, ...]] = {"tenders": ("title",), "tickets": ("subject",), "consents": ("text",)}
People = Mapping[str, Mapping[str, str]]
Tokenise = Callable[[str, str], tuple[str, People]]  # text and scope → tokenised text and the values to keep


@dataclass(frozen=True, slots=True)
class Contact:
    """Where the CRM's contact id leads."""

    person: str
    customer: str
    department: str


@dataclass(frozen=True, slots=True)
class Known:
    """What rows may refer to."""

    customers: frozenset[str]
    contacts: Mapping[str, Contact]


@dataclass(frozen=True, slots=True)
class Entry:
    """`digest` is keyed where the row holds personal cells, so that it betrays none of them."""

    row: int
    source: str
    digest: str
    text: str
    date: date | None
    people: People
    facts: tuple[Fact, ...]
    consents: tuple[Consent, ...] = ()


class _Wrong(Exception):
    def __init__(self, zh: str, en: str) -> None:
        super().__init__(en)
        self.reason = {"zh": zh, "en": en}


@dataclass(frozen=True, slots=True)
class Desk:
    """What reading one export needs to know."""

    company: Company
    vault: Vault
    export: str
    kind: str
    known: Known
    now: datetime
    tokenise: Tokenise


def make_entry(desk: Desk, row: Row) -> Entry:
    """Raises BadRecord for an unknown customer or contact, a bad date or a bad number."""
    raw = json.dumps(dict(row.cells), ensure_ascii=False)
    digest = hashlib.sha256(person_id(desk.vault, f"row:{desk.export}:{raw}").encode()).hexdigest()
    cells, people = _without_personal_data(desk, row, digest)
    text = "\n".join(f"{row.headers[field]}：{cell}" for field, cell in cells.items() if cell)
    id_ = source_id(desk.export, digest, text)
    shown = Row(row.number, cells, row.headers)
    try:
        facts, day = _FACTS[desk.kind](desk, shown, id_)
        consents = _consents(desk, shown, digest) if desk.kind == "consents" else ()
    except _Wrong as wrong:
        raise BadRecord(name=desk.export, row=row.number, reason=wrong.reason) from wrong
    return Entry(row.number, id_, digest, text, day, people, facts, consents)


def _without_personal_data(desk: Desk, row: Row, digest: str) -> tuple[dict[str, str], People]:
    cells = dict(row.cells)
    people: dict[str, Mapping[str, str]] = {}
    if desk.kind == "contacts":
        person = contact_person(desk.vault, desk.company, row.get("id"))
        kept = {field: cells[field] for field in PERSONAL if cells.get(field)}
        people[person] = kept
        cells.update({field: token(person, field) for field in kept})
    for field in FREE_TEXT.get(desk.kind, ()):
        if cells.get(field):
            cells[field], found = desk.tokenise(cells[field], f"{desk.export}:{digest}")
            people.update(found)
    return cells, people


def contact_person(vault: Vault, company: Company, contact: str) -> str:
    """The person id of a contact of the CRM."""
    return person_id(vault, f"contact:{company.id}:{contact}")


def _customers(desk: Desk, row: Row, source: str) -> tuple[tuple[Fact, ...], None]:
    attributes = {field: row.get(field) for field in ("name_en", "aliases", "region", "level", "parent")}
    subject = f"customer:{row.get('id')}"
    return (make_fact(subject, "name", row.get("name"), attributes, source=source, known_from=desk.now),), None


def _contacts(desk: Desk, row: Row, source: str) -> tuple[tuple[Fact, ...], None]:
    customer = _customer(desk, row)
    person = contact_person(desk.vault, desk.company, row.get("id"))
    attributes = {"customer": customer, "department": row.get("department"), "contact": row.get("id")}
    return (make_fact(person, "works_at", customer, attributes, source=source, known_from=desk.now),), None


def _titles(desk: Desk, row: Row, source: str) -> tuple[tuple[Fact, ...], date]:
    contact = _contact(desk, row)
    title = row.get("title")
    if "decides" in row.cells:
        decides = row.get("decides") in desk.company.file.records["titles"].yes
    else:
        decides = title in desk.company.file.decision_titles
    attributes = {
        "customer": contact.customer,
        "department": row.get("department") or contact.department,
        "decides": "yes" if decides else "no",
    }
    since, until = _date(row, "from"), _optional_date(row, "to")
    if until is not None and until <= since:
        raise _Wrong("结束日期不晚于开始日期", "it ends before it begins")
    fact = make_fact(
        contact.person,
        "holds_title",
        title,
        attributes,
        source=source,
        known_from=desk.now,
        valid_from=since,
        valid_to=until,
    )
    return (fact,), since


def _products(desk: Desk, row: Row, source: str) -> tuple[tuple[Fact, ...], None]:
    subject = f"product:{row.get('id')}"
    attributes = {field: row.get(field) for field in ("name_en", "model", "unit", "category")}
    facts = [make_fact(subject, "name", row.get("name"), attributes, source=source, known_from=desk.now)]
    facts += [
        make_fact(subject, relation, row.get(relation), source=source, known_from=desk.now)
        for relation in ("category", "model")
        if row.get(relation)
    ]
    return tuple(facts), None


def _purchases(desk: Desk, row: Row, source: str) -> tuple[tuple[Fact, ...], date]:
    attributes = {field: row.get(field) for field in ("category", "product", "unit", "contract")}
    attributes |= {field: _number(row, field) for field in ("quantity", "amount")}
    return _event(desk, row, source, "bought", "date", attributes)


def _budgets(desk: Desk, row: Row, source: str) -> tuple[tuple[Fact, ...], date]:
    try:
        year = int(float(row.get("year").removesuffix("年度").removesuffix("年")))
        start, end = date(year, 1, 1), date(year + 1, 1, 1)
    except ValueError as wrong:
        raise _wrong(row, "year", "年份", "a year") from wrong
    attributes = {field: _month(row, field) for field in ("window_from", "window_to")} | {
        "amount": _number(row, "amount")
    }
    fact = make_fact(
        _customer(desk, row),
        "budget",
        str(year),
        attributes,
        source=source,
        known_from=desk.now,
        valid_from=start,
        valid_to=end,
    )
    return (fact,), start


def _tenders(desk: Desk, row: Row, source: str) -> tuple[tuple[Fact, ...], date]:
    closes = _optional_date(row, "closes")
    attributes = {field: row.get(field) for field in ("title", "category", "result", "winner")}
    attributes |= {"closes": closes.isoformat() if closes else "", "amount": _number(row, "amount")}
    return _event(desk, row, source, "tender", "published", attributes, closes)


def _tickets(desk: Desk, row: Row, source: str) -> tuple[tuple[Fact, ...], date]:
    attributes = {field: row.get(field) for field in ("subject", "product", "status")}
    return _event(desk, row, source, "ticket", "opened", attributes, _optional_date(row, "closed"))


def _consent_facts(desk: Desk, row: Row, source: str) -> tuple[tuple[Fact, ...], date]:
    _contact(desk, row)
    return (), _date(row, "given")


def _event(
    desk: Desk,
    row: Row,
    source: str,
    relation: str,
    dated: str,
    attributes: Mapping[str, str],
    until: date | None = None,
) -> tuple[tuple[Fact, ...], date]:
    """A fact of a customer whose value is the record's id and that begins on the day in column `dated`."""
    customer, day = _customer(desk, row), _date(row, dated)
    fact = make_fact(
        customer,
        relation,
        row.get("id"),
        attributes,
        source=source,
        known_from=desk.now,
        valid_from=day,
        valid_to=until,
    )
    return (fact,), day


_FACTS: Mapping[str, Callable[[Desk, Row, str], tuple[tuple[Fact, ...], date | None]]] = {
    "customers": _customers,
    "contacts": _contacts,
    "titles": _titles,
    "products": _products,
    "purchases": _purchases,
    "budgets": _budgets,
    "tenders": _tenders,
    "tickets": _tickets,
    "consents": _consent_facts,
}


def _consents(desk: Desk, row: Row, digest: str) -> tuple[Consent, ...]:
    """The last day still counts, so the consent expires with the day after. Its passport is issued later."""
    last, withdrawn = _optional_date(row, "expires"), _optional_date(row, "withdrawn")
    consent = Consent(
        subject=_contact(desk, row).person,
        purpose=row.get("purpose"),
        given_at=_midnight(_date(row, "given")),
        expires_at=_midnight(last + timedelta(days=1)) if last else None,
        withdrawn_at=_midnight(withdrawn) if withdrawn else None,
        channel=row.get("channel"),
        text_hash=hashlib.sha256(row.get("text").encode()).hexdigest() if row.get("text") else None,
        passport=digest,
    )
    return (consent,)


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), tzinfo=UTC)


def _customer(desk: Desk, row: Row) -> str:
    subject = f"customer:{row.get('customer')}"
    if subject not in desk.known.customers:
        raise _wrong(row, "customer", "已知的客户编号", "a known customer")
    return subject


def _contact(desk: Desk, row: Row) -> Contact:
    if (contact := desk.known.contacts.get(row.get("contact"))) is None:
        raise _wrong(row, "contact", "已知的联系人编号", "a known contact")
    return contact


def _date(row: Row, field: str) -> date:
    try:
        return parse_date(row.get(field))
    except ValueError as wrong:
        raise _wrong(row, field, "日期", "a date") from wrong


def _optional_date(row: Row, field: str) -> date | None:
    return _date(row, field) if row.get(field) else None


def _number(row: Row, field: str) -> str:
    try:
        return parse_number(row.get(field)) if row.get(field) else ""
    except ValueError as wrong:
        raise _wrong(row, field, "数字", "a number") from wrong


def _month(row: Row, field: str) -> str:
    try:
        return str(parse_month(row.get(field))) if row.get(field) else ""
    except ValueError as wrong:
        raise _wrong(row, field, "月份", "a month") from wrong


def _wrong(row: Row, field: str, zh: str, en: str) -> _Wrong:
    header, cell = row.headers[field], row.get(field)[:40]
    return _Wrong(f"“{header}”的值“{cell}”不是{zh}", f"'{cell}' under '{header}' is not {en}")
