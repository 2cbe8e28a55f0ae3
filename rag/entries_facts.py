"""Rows about who and what there is: customers, contacts, titles, products and prices → facts."""

from datetime import date

from rag.entries_desk import (
    Desk,
    Stated,
    Wrong,
    contact_of,
    contact_person,
    customer_of,
    day_in,
    number_in,
    optional_day_in,
    product_of,
    wrong_cell,
)
from rag.facts import make_fact
from rag.records import Row

_CUSTOMER = ("name_en", "aliases", "region", "level", "registration", "campus", "former_names")


def customers(desk: Desk, row: Row, source: str) -> Stated:
    """The name with what else tells a customer apart, the one above it, and the group that it buys through."""
    subject = f"customer:{row.get('id')}"
    attributes = {field: row.get(field) for field in _CUSTOMER}
    facts = [make_fact(subject, "name", row.get("name"), attributes, source=source, known_from=desk.now)]
    if parent := desk.known.parents.get(row.get("id")):
        facts.append(make_fact(subject, "part_of", f"customer:{parent}", source=source, known_from=desk.now))
    if group := row.get("group"):
        facts.append(make_fact(subject, "purchases_through", f"group:{group}", source=source, known_from=desk.now))
    return tuple(facts), None


def contacts(desk: Desk, row: Row, source: str) -> Stated:
    """Where a person works."""
    customer = customer_of(desk, row)
    person = contact_person(desk.vault, desk.company, row.get("id"))
    attributes = {"customer": customer, "department": row.get("department"), "contact": row.get("id")}
    return (make_fact(person, "works_at", customer, attributes, source=source, known_from=desk.now),), None


def titles(desk: Desk, row: Row, source: str) -> Stated:
    """A post from its first day to the last, which does not count any more."""
    contact, title = contact_of(desk, row), row.get("title")
    file = desk.company.file
    decides = row.get("decides") in file.records["titles"].yes if "decides" in row.cells else None
    attributes = {
        "customer": contact.customer,
        "department": row.get("department") or contact.department,
        "decides": "yes" if (title in file.decision_titles if decides is None else decides) else "no",
    }
    since, until = day_in(row, "from"), optional_day_in(row, "to")
    _refuse_backwards(since, until)
    fact = make_fact(
        contact.person,
        "holds_title",
        title,
        attributes,
        source=source,
        known_from=desk.now,
        valid_from=since,
        valid_to=until,
        unique=desk.company.is_unique_title(title),
    )
    return (fact,), since


def products(desk: Desk, row: Row, source: str) -> Stated:
    """The name, and what it is."""
    subject = f"product:{row.get('id')}"
    attributes = {field: row.get(field) for field in ("name_en", "model", "unit", "category")}
    facts = [make_fact(subject, "name", row.get("name"), attributes, source=source, known_from=desk.now)]
    facts += [
        make_fact(subject, relation, row.get(relation), source=source, known_from=desk.now)
        for relation in ("category", "model")
        if row.get(relation)
    ]
    return tuple(facts), None


def prices(desk: Desk, row: Row, source: str) -> Stated:
    """What a product costs, for one customer or by the list, until the day on which it ends; that may lie ahead."""
    amount = number_in(row, "price")
    if amount.startswith("-"):
        raise wrong_cell(row, "price", "价格", "a price")
    since, until = day_in(row, "from"), optional_day_in(row, "to")
    _refuse_backwards(since, until)
    customer = customer_of(desk, row) if row.get("customer") else ""
    fact = make_fact(
        product_of(desk, row),
        "price",
        amount,
        {"customer": customer, "currency": row.get("currency"), "unit": row.get("unit")},
        source=source,
        known_from=desk.now,
        valid_from=since,
        valid_to=until,
    )
    return (fact,), since


def _refuse_backwards(since: date, until: date | None) -> None:
    if until is not None and until <= since:
        raise Wrong("结束日期不晚于开始日期", "it ends before it begins")
