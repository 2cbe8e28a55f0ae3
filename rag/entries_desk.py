"""What reading the rows of one export needs to know, and how its cells are read."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from governance.vault import Vault, person_id
from rag.company import Company
from rag.dates import parse_date, parse_month, parse_number
from rag.facts import Fact
from rag.records import Row

People = Mapping[str, Mapping[str, str]]
Tokenise = Callable[[str, str], tuple[str, People]]  # text and scope → tokenised text and the values to keep
Stated = tuple[tuple[Fact, ...], date | None]  # the facts of a row and its day


@dataclass(frozen=True, slots=True)
class Contact:
    """Where the CRM's contact id leads."""

    person: str
    customer: str
    department: str


@dataclass(frozen=True, slots=True)
class Known:
    """What rows may refer to. `parents`: of a customer the one above, `wrong_parents`: why another one cannot be it."""

    customers: frozenset[str]
    contacts: Mapping[str, Contact]
    products: frozenset[str] = frozenset()
    parents: Mapping[str, str] = field(default_factory=dict[str, str])
    wrong_parents: Mapping[str, tuple[str, str]] = field(default_factory=dict[str, tuple[str, str]])


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


class Wrong(Exception):
    """Why a row cannot be used; make_entry turns it into a BadRecord."""

    def __init__(self, zh: str, en: str) -> None:
        super().__init__(en)
        self.reason = {"zh": zh, "en": en}


def contact_person(vault: Vault, company: Company, contact: str) -> str:
    """The person id of a contact of the CRM."""
    return person_id(vault, f"contact:{company.id}:{contact}")


def customer_of(desk: Desk, row: Row) -> str:
    """The subject of the customer that the row refers to."""
    subject = f"customer:{row.get('customer')}"
    if subject not in desk.known.customers:
        raise wrong_cell(row, "customer", "已知的客户编号", "a known customer")
    return subject


def product_of(desk: Desk, row: Row) -> str:
    """The subject of the product that the row refers to."""
    subject = f"product:{row.get('product')}"
    if subject not in desk.known.products:
        raise wrong_cell(row, "product", "已知的产品编号", "a known product")
    return subject


def contact_of(desk: Desk, row: Row) -> Contact:
    """The contact that the row refers to."""
    if (contact := desk.known.contacts.get(row.get("contact"))) is None:
        raise wrong_cell(row, "contact", "已知的联系人编号", "a known contact")
    return contact


def day_in(row: Row, field_name: str) -> date:
    """The day in a cell."""
    try:
        return parse_date(row.get(field_name))
    except (ValueError, OverflowError) as wrong:
        raise wrong_cell(row, field_name, "日期", "a date") from wrong


def optional_day_in(row: Row, field_name: str) -> date | None:
    """The day in a cell that may be empty."""
    return day_in(row, field_name) if row.get(field_name) else None


def past_day_in(desk: Desk, row: Row, field_name: str) -> date:
    """The day of something that has happened: it may have dawned somewhere on earth, but not lie ahead."""
    day = day_in(row, field_name)
    if day > (desk.now + timedelta(hours=14)).date():
        header = row.headers[field_name]
        raise Wrong(
            f"“{header}”的值“{day.isoformat()}”：日期在未来", f"{day.isoformat()} under '{header}' lies in the future"
        )
    return day


def number_in(row: Row, field_name: str) -> str:
    """The number in a cell that may be empty, in plain digits."""
    try:
        return parse_number(row.get(field_name)) if row.get(field_name) else ""
    except ValueError as wrong:
        raise wrong_cell(row, field_name, "数字", "a number") from wrong


def month_in(row: Row, field_name: str) -> str:
    """The month in a cell that may be empty, as a number."""
    try:
        return str(parse_month(row.get(field_name))) if row.get(field_name) else ""
    except ValueError as wrong:
        raise wrong_cell(row, field_name, "月份", "a month") from wrong


def wrong_cell(row: Row, field_name: str, zh: str, en: str) -> Wrong:
    """Names the column and shows how its cell begins."""
    header, cell = row.headers[field_name], row.get(field_name)[:40]
    return Wrong(f"“{header}”的值“{cell}”不是{zh}", f"'{cell}' under '{header}' is not {en}")
