"""A rep's desk in small: one customer and three documents, ingested, and who works with them."""

from datetime import UTC, datetime
from pathlib import Path

from assistant.parts import open_parts, silent
from governance import accounts
from governance.settings import Settings
from rag.pipeline import ingest
from tests.small_company import SAMPLES, cut_company

INGESTED = datetime(2026, 11, 20, 8, tzinfo=UTC)


def small_office(folder: Path) -> Path:
    """`company` and `home` in the folder: H001 with three documents, ingested, and the accounts of three people."""
    documents = sorted(path.name for path in (SAMPLES / "documents").iterdir())[:3]
    cut_company(folder / "company", ["H001"], documents)
    parts = open_parts(Settings(company=folder / "company", home=folder / "home"))
    ingest(parts.db, parts.vault, parts.company, now=INGESTED, on_progress=silent)
    with parts.db.begin() as tx:
        for name, role in (("rita", "rep"), ("rolf", "rep"), ("cora", "coordinator")):
            accounts.add_user(tx, name, "correct horse", {role}, name.title(), "zh")
    parts.db.dispose()
    return folder
