"""Everything that a request needs, opened once: database, keys, company; the heavy parts when they are first used."""

import os
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from threading import RLock, Thread

from sqlalchemy import Engine as Database

from assistant.comply_recheck import Rechecks
from governance.db import migrate, open_engine, reading
from governance.errors import Conflict, XinyanError
from governance.redact import Redactor
from governance.settings import Settings
from governance.signing import trusted_keys
from governance.vault import Vault, open_vault
from rag.company import Company, load_company
from rag.pipeline import make_redactor
from rag.sources import stamp_of
from rag.vectors import Index, open_index
from sandbox.base import Base, prepare_base
from sandbox.card import verify_statement
from sandbox.engine import Engine
from sandbox.engine import open_engine as open_model
from sandbox.registry import LONGEST_REASON, check_approved, is_tainted
from sandbox.rollout import AUTOMATIC, Arm, choose, roll_back

Progress = Callable[[str, int, int], None]


def silent(_step: str, _done: int, _total: int) -> None:
    """For callers that show no progress."""


def start_thread(work: Callable[[], None]) -> None:
    """For what nobody waits for; it ends with the process."""
    Thread(target=work, daemon=True).start()


def utc_now() -> datetime:
    """The clock of the composition roots; everything below them gets `now` as an argument."""
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Writer:
    """
    `adapter` None: this customer gets the plan's own wording while `rollout` compares it with a candidate.

    `shadow`: the candidate that writes the same plan after the visible script, seen by nobody.
    """

    engine: Engine
    adapter: str | None
    rollout: str | None = None
    arm: Arm = "baseline"
    shadow: str | None = None


@dataclass
class Parts:
    """Open with `open_parts`. Attributes that load a model do so once, under a lock."""

    settings: Settings
    db: Database
    vault: Vault
    company: Company
    lock: RLock = field(default_factory=RLock)
    run_later: Callable[[Callable[[], None]], None] = start_thread
    rechecks: Rechecks = field(default_factory=Rechecks)  # what the rules of today say of the live scripts
    _index: Index | None = None
    _indexed: str = ""  # the stamp of the documents that the index holds

    @property
    def threads(self) -> int:
        """Torch threads: as set, else the cores that this process may use."""
        return self.settings.threads or len(os.sched_getaffinity(0))

    @property
    def adapters(self) -> Path:
        """Where adapters lie, each in a folder named by its hash."""
        return self.settings.home / "adapters"

    @property
    def keys(self) -> Path:
        """Where the master key, the signing key and the trusted public keys lie."""
        return self.settings.home / "keys"

    @cached_property
    def redactor(self) -> Redactor:
        """Knows the names of the records as they are now; a later import needs a new one."""
        return make_redactor(self.db, self.vault, utc_now())

    def renew(self, *, names: bool) -> None:
        """After an import: passages, and with records also the names of people, are read anew on their next use."""
        with self.lock:
            self._indexed = ""
            if names:
                self.__dict__.pop("redactor", None)

    def open_index(self, on_progress: Progress, *, background: bool = False) -> Index:
        """
        The index of the documents as they are now; later calls return it until an import changed them.

        `background`: at once, found by word from the start and by meaning as the vectors are computed.
        """
        with self.lock:
            with reading(self.db) as tx:
                stamp = stamp_of(tx)
            if self._index is None or self._indexed != stamp:
                if self._index is not None:
                    self._index.close()
                chosen = self.settings
                self._index = open_index(
                    self.db,
                    self.vault,
                    embedding=chosen.embedding,
                    qdrant_url=chosen.qdrant_url,
                    on_progress=on_progress,
                    background=background,
                )
                self._indexed = stamp
            elif not background:
                self._index.wait()
            return self._index

    @cached_property
    def base(self) -> Base:
        """The base model's folder, prepared on first use."""
        return prepare_base(self.settings.base_model, self.settings.home, silent)

    @cached_property
    def engine(self) -> Engine:
        """The base model in this process."""
        return open_model(self.base, threads=self.threads, keys=self.keys)

    def waits_for_model(self, stage: str, customer: str) -> bool:
        """Whether this script's writer must be loaded first: seconds, once after a start or a release."""
        with reading(self.db) as tx:
            chosen = choose(tx, stage, customer)
        if chosen is None or chosen.adapter is None:
            return False
        return "engine" not in self.__dict__ or chosen.adapter not in self.engine.loaded()

    def writer(self, stage: str = "", customer: str = "") -> Writer | None:
        """
        Who writes for this customer in this stage: the adapter in force, or the arm of a gradual release.

        None: the plan's own wording, and no release runs. Only what is approved and signed is loaded; what was
        tainted since is thrown out.
        """
        with reading(self.db) as tx:
            chosen = choose(tx, stage, customer)
        if chosen is None:
            return None
        try:
            if chosen.adapter is not None:
                self.load(chosen.adapter)
        except XinyanError as wrong:
            if chosen.arm == "baseline" or chosen.rollout is None:
                raise
            self._withdraw(chosen.rollout, wrong)
            return self.writer(stage, customer)
        return Writer(self.engine, chosen.adapter, chosen.rollout, chosen.arm, chosen.shadow)

    def _withdraw(self, rollout: str, wrong: XinyanError) -> None:
        """A candidate that does not load must not cost a customer his script."""
        reason = f"{type(wrong).__name__}: {wrong.say('zh')}"[:LONGEST_REASON]
        with suppress(Conflict), self.db.begin() as tx:  # somebody was quicker
            roll_back(tx, rollout, by=AUTOMATIC, reason=reason, now=utc_now())

    def load(self, adapter: str) -> None:
        """Load an approved adapter for serving; raises NotFound, Corrupt, Refused."""
        with self.lock:
            with reading(self.db) as tx:
                gone = [name for name in self.engine.loaded() if is_tainted(tx, name)]
                check_approved(tx, adapter)
            for name in gone:
                self.engine.unload(name)
            folder = self.adapters / adapter
            verify_statement(folder, adapter, trusted=trusted_keys(self.keys))
            if adapter not in self.engine.loaded():
                self.engine.load(adapter, folder)


def open_parts(settings: Settings) -> Parts:
    """Migrate the database and open what is cheap; raises BadProfile or Corrupt."""
    company = load_company(settings.company)
    settings.home.mkdir(parents=True, exist_ok=True)
    migrate(settings.database)
    return Parts(settings, open_engine(settings.database), open_vault(settings.home / "keys"), company)
