"""A database with sources to state facts from, and short ways to state them."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from sqlalchemy import Connection, insert

from governance.vault import open_vault
from rag import tables
from rag.facts import Fact, make_fact
from rag.sources import Source, add_sources

NOW = datetime(2026, 1, 10, 9, tzinfo=UTC)
SOURCES = 8


def moment(days: int) -> datetime:
    return NOW + timedelta(days=days)


def person(number: int) -> str:
    return f"p_{number:016x}"


def with_sources(tx: Connection, folder: Path) -> None:
    """Sources s_0 … of one export."""
    document = {"id": "d_1", "name": "titles.csv", "kind": "export", "language": "zh", "date": None}
    tx.execute(insert(tables.documents).values(**document, sha256="0" * 64, passport="", added_at=NOW))
    rows = [Source(f"s_{n}", "d_1", "titles.csv", "row", None, n, "", None, f"行{n}") for n in range(SOURCES)]
    add_sources(tx, open_vault(folder), rows)


def head(
    who: str,
    since: date | None,
    until: date | None = None,
    *,
    source: int = 0,
    known: datetime = NOW,
    customer: str = "customer:H1",
    department: str = "设备科",
) -> Fact:
    """Who heads the department."""
    attributes = {"customer": customer, "department": department, "decides": "yes"}
    return make_fact(
        who,
        "holds_title",
        "主任",
        attributes,
        source=f"s_{source}",
        known_from=known,
        valid_from=since,
        valid_to=until,
        unique=True,
    )


def propose_merge(tx: Connection, kept: str, merged: str, id_: str = "m_1", at: datetime = NOW) -> None:
    """As a rule would have suggested it."""
    row = {"id": id_, "kept": kept, "merged": merged, "zh": "同号", "en": "same number", "state": "waiting"}
    tx.execute(insert(tables.merges).values(**row, suggested_at=at))
