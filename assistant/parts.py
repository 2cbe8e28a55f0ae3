"""Everything that a request needs, opened once: database, keys, company; the heavy parts when they are first used."""

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from threading import RLock

from sqlalchemy import Engine as Database

from governance.db import migrate, open_engine, reading
from governance.redact import Redactor
from governance.settings import Settings
from governance.vault import Vault, open_vault
from rag.company import Company, load_company
from rag.pipeline import make_redactor
from rag.vectors import Index, open_index
from sandbox.base import Base, prepare_base
from sandbox.engine import Engine
from sandbox.engine import open_engine as open_model
from sandbox.release import Adapter, released_adapter

Progress = Callable[[str, int, int], None]


def silent(_step: str, _done: int, _total: int) -> None:
    """For callers that show no progress."""


def utc_now() -> datetime:
    """The clock of the composition roots; everything below them gets `now` as an argument."""
    return datetime.now(UTC)


@dataclass
class Parts:
    """Open with `open_parts`. Attributes that load a model do so once, under a lock."""

    settings: Settings
    db: Database
    vault: Vault
    company: Company
    lock: RLock = field(default_factory=RLock)
    _index: Index | None = None

    @property
    def threads(self) -> int:
        """Torch threads: as set, else the cores that this process may use."""
        return self.settings.threads or len(os.sched_getaffinity(0))

    @property
    def adapters(self) -> Path:
        """Where adapters lie, each in a folder named by its hash."""
        return self.settings.home / "adapters"

    @cached_property
    def redactor(self) -> Redactor:
        """Knows the names of the records as they are now; a later import needs a new one."""
        return make_redactor(self.db, self.vault, utc_now())

    @property
    def index(self) -> Index:
        """The passages in memory; opened on first use."""
        return self.open_index(silent)

    def open_index(self, on_progress: Progress) -> Index:
        """Embed what is new and fill the index, once; later calls return it."""
        with self.lock:
            if self._index is None:
                chosen = self.settings
                self._index = open_index(
                    self.db,
                    self.vault,
                    embedding=chosen.embedding,
                    qdrant_url=chosen.qdrant_url,
                    on_progress=on_progress,
                )
            return self._index

    @cached_property
    def base(self) -> Base:
        """The base model's folder, prepared on first use."""
        return prepare_base(self.settings.base_model, self.settings.home, silent)

    @cached_property
    def engine(self) -> Engine:
        """The base model in this process."""
        return open_model(self.base, threads=self.threads)

    def writer(self) -> tuple[Engine, Adapter] | None:
        """The engine with the released adapter loaded; None when none is released."""
        with reading(self.db) as tx:
            adapter = released_adapter(tx)
        if adapter is None:
            return None
        with self.lock:
            if adapter.hash not in self.engine.loaded():
                self.engine.load(adapter.hash, self.adapters / adapter.hash)
        return self.engine, adapter


def open_parts(settings: Settings) -> Parts:
    """Migrate the database and open what is cheap; raises BadProfile or Corrupt."""
    company = load_company(settings.company)
    settings.home.mkdir(parents=True, exist_ok=True)
    migrate(settings.database)
    return Parts(settings, open_engine(settings.database), open_vault(settings.home / "keys"), company)
