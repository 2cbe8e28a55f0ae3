"""A generated company with its database and keys, and imports of it that die: for the tests of large exports."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine, func, select

from eval.imports import PURCHASES_HEADER, write_company
from governance.db import metadata, open_engine, reading
from governance.vault import Vault, open_vault
from rag import tables
from rag.company import Company, load_company
from rag.facts import Fact, facts_of
from rag.pipeline import IngestReport, ingest

NOW = datetime(2026, 11, 21, 9, tzinfo=UTC)
LATER = NOW + timedelta(days=1)
HEADER = ",".join(PURCHASES_HEADER)
PURCHASES = "records/purchases.csv"


class Place:
    """A generated company with its database and keys."""

    def __init__(self, folder: Path, purchases: int = 25) -> None:
        self.folder = folder
        write_company(folder, customers=3, purchases=purchases, seed=7)
        self.company: Company = load_company(folder)
        self.vault: Vault = open_vault(folder / "keys")
        self.db: Engine = open_engine(f"sqlite:///{folder / 't.db'}")
        metadata.create_all(self.db)

    @property
    def export(self) -> Path:
        return self.folder / PURCHASES

    def write(self, *rows: str) -> None:
        self.export.write_text("\n".join([HEADER, *rows]) + "\n", encoding="utf-8")

    def lines(self) -> list[str]:
        return self.export.read_text(encoding="utf-8").splitlines()[1:]

    def ingest(self, now: datetime = NOW, batch: int = 10) -> IngestReport:
        return ingest(self.db, self.vault, self.company, now=now, rows_a_batch=batch)

    def kill_in_batch(self, number: int, batch: int = 10) -> None:
        """An ingest that dies while it tells of its progress in that batch of the purchases."""
        told = 0

        def die(step: str, done: int, total: int) -> None:
            nonlocal told
            told += step == PURCHASES
            if told == number:
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            ingest(self.db, self.vault, self.company, now=NOW, on_progress=die, rows_a_batch=batch)

    def bought(self) -> list[Fact]:
        with reading(self.db) as tx:
            return facts_of(tx, "bought")

    def count(self, name: str) -> int:
        with reading(self.db) as tx:
            return tx.scalar(select(func.count()).select_from(metadata.tables[name])) or 0

    def problems(self) -> list[tuple[str, int | None]]:
        with reading(self.db) as tx:
            rows = tx.execute(select(tables.problems).order_by(tables.problems.c.number))
            return [(row.file, row.row) for row in rows]


def order(number: int, *, customer: str = "C00000", day: str = "2025-01-02", amount: str = "100") -> str:
    return f"X{number},{customer},{day},输液泵,P1,1,台,{amount},H{number}"
