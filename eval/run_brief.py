"""Suite `brief`: a company's exports and documents, read as the product reads them, against its golden briefs."""

import sys
from collections.abc import Mapping
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Any

from sqlalchemy import Connection

import governance.tables
import rag.tables
from eval.brief import GOLDEN, SHOWN, Difference, Golden, compare, read_golden
from eval.jsonl import at
from eval.retrieval import percentile
from governance.db import migrate, open_engine, reading
from governance.errors import Conflict, NotFound
from governance.settings import Settings
from governance.vault import Vault, open_vault
from rag.company import Company, load_company
from rag.customer_360 import Customer360, customer_360
from rag.customers import find_customer
from rag.pipeline import ingest

_TABLES = (governance.tables, rag.tables)  # imported so that the metadata is whole


def run(data: Path | None, settings: Settings) -> dict[str, Any]:
    folder = data or settings.company
    golden = read_golden(folder)
    company = load_company(folder)
    latest = datetime.combine(max(each.as_of for each in golden) + timedelta(days=1), time(), tzinfo=UTC)
    with TemporaryDirectory() as home:
        url = f"sqlite:///{home}/brief.db"
        migrate(url)
        db, vault = open_engine(url), open_vault(Path(home))
        try:
            report = ingest(db, vault, company, now=max(latest, datetime.now(UTC)))
            with reading(db) as tx:
                metrics = _measure(tx, vault, company, golden)
        finally:
            db.dispose()
    return metrics | {"facts": report.facts, "problems": len(report.problems)}


def _measure(tx: Connection, vault: Vault, company: Company, golden: tuple[Golden, ...]) -> dict[str, Any]:
    seconds: list[float] = []

    def found(asked: Golden) -> Mapping[str, Any]:
        try:
            customer = find_customer(tx, asked.customer)
            started = perf_counter()
            known = customer_360(tx, vault, company, customer, product=asked.product, as_of=asked.as_of)
            seconds.append(perf_counter() - started)
        except (NotFound, Conflict) as wrong:
            raise at(GOLDEN, asked.line, wrong.say("zh"), wrong.say("en")) from wrong
        return fields_of(known)

    metrics, differences = compare(golden, found)
    for difference in differences[:SHOWN]:
        sys.stderr.write(_shown(difference))
    milliseconds = [1000 * each for each in seconds]
    return metrics | {f"p{part}_ms": round(percentile(milliseconds, part), 2) for part in (50, 95)}


def fields_of(known: Customer360) -> dict[str, Any]:
    """As the golden file writes it: bare ids, ISO days."""
    budget = known.budget
    return {
        "purchases": [
            {
                "category": line.category,
                "unit": line.unit,
                "last12": line.last12,
                "previous12": line.previous12,
                "older12": line.older12,
                "trend": line.trend,
                "last": line.last.isoformat(),
                "orders": sorted(line.orders),
            }
            for line in known.purchases
        ],
        "budget": budget
        and {
            "year": budget.year,
            "from": budget.first.isoformat(),
            "to": budget.last.isoformat(),
            "projected": budget.projected,
        },
        "decision_makers": [
            {
                "contact": line.contact,
                "title": line.title,
                "department": line.department,
                "since": line.since and line.since.isoformat(),
            }
            for line in known.decision_makers
        ],
        "changes": [
            {"contact": line.contact, "title": line.title, "event": line.event, "date": line.day.isoformat()}
            for line in known.changes
        ],
        "open_tickets": [line.id for line in known.open_tickets],
        "consent": {line.contact: line.consent for line in known.decision_makers},
        "communications": [line.id for line in known.communications],
        "unknown": list(known.unknown),
        **_offered(known),
        **_promised(known),
    }


def _promised(known: Customer360) -> dict[str, Any]:
    return {
        "promises": [
            {"id": line.id, "due": line.due and line.due.isoformat(), "overdue": line.overdue}
            for line in known.promises
        ],
        "tenders": [
            {
                "id": line.id,
                "blackout_from": line.blackout_from and line.blackout_from.isoformat(),
                "blackout_to": line.blackout_to and line.blackout_to.isoformat(),
            }
            for line in known.tenders
        ],
    }


def _offered(known: Customer360) -> dict[str, Any]:
    return {
        "certificates": [
            {"product": _bare(line.product), "number": line.number, "until": line.until.isoformat()}
            for line in known.certificates
        ],
        "expired": [_bare(line.product) for line in known.expired],
        "disputed": [{"product": _bare(line.product), "relation": line.relation} for line in known.contradictions],
    }


def _bare(subject: str) -> str:
    return subject.partition(":")[2]


def _shown(difference: Difference) -> str:
    golden = difference.golden
    expected = golden.fields[difference.field]
    return f"{golden.customer} {golden.as_of} {difference.field}: {expected} ≠ {difference.found}\n"
