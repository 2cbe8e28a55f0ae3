"""What is known of a training's memory, by the adapter's key."""

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, delete, insert, select

from eval.memorisation import Memorisation
from sandbox.tables import memorisations


def find_memorisation(tx: Connection, key: str) -> Memorisation | None:
    """None when it has not been tested."""
    body: dict[str, Any] | None = tx.scalar(select(memorisations.c.body).where(memorisations.c.key == key))
    if body is None:
        return None
    values = {name: value for name, value in body.items() if name != "method"}
    for name in ("exposure", "extracted"):
        values[name] = {int(repeats): found for repeats, found in body[name].items()}
    return Memorisation(**values)


def method_of(tx: Connection, key: str) -> str | None:
    """Which method gave the stored figures."""
    body: dict[str, Any] | None = tx.scalar(select(memorisations.c.body).where(memorisations.c.key == key))
    return body["method"] if body else None


def keep_memorisation(tx: Connection, key: str, found: Memorisation, method: str, now: datetime) -> None:
    """In the place of what another method gave."""
    body: dict[str, Any] = {
        name: getattr(found, name) for name in ("planted", "passed", "control", "highest", "passes")
    }
    for name in ("exposure", "extracted"):
        body[name] = {str(repeats): value for repeats, value in getattr(found, name).items()}
    tx.execute(delete(memorisations).where(memorisations.c.key == key))
    tx.execute(insert(memorisations).values(key=key, body={**body, "method": method}, passed=found.passed, at=now))
