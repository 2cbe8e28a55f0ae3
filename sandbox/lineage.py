"""Lineage in both directions: which adapters saw a record, and which records made an adapter."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, func, select

from governance.errors import NotFound
from governance.tables import passports
from sandbox.tables import adapters, dataset_passports, dataset_samples, sample_passports

PAGE = 100


@dataclass(frozen=True, slots=True)
class Use:
    """
    One data set that holds samples of a record, and an adapter trained on that data set (None: none was).

    `trained` counts samples in the training part; an adapter's steps may have drawn fewer: it saw at most these.
    """

    adapter: str | None
    dataset: str
    samples: int
    trained: int

    @property
    def touched(self) -> bool:
        """Whether the record may have changed the adapter's weights."""
        return self.adapter is not None and self.trained > 0


@dataclass(frozen=True, slots=True)
class Origin:
    """One record behind an adapter."""

    passport: str
    kind: str
    origin: str
    samples: int
    trained: int


@dataclass(frozen=True, slots=True)
class Place:
    """One sample of a record in a data set; `part`: train, heldout or quarantine."""

    dataset: str
    position: int
    sample: str
    part: str
    unit: str


def passports_of_origin(tx: Connection, origin: str) -> list[str]:
    """Every version of a file, or of a row as "contacts.csv#12", newest first; empty for one that never came in."""
    query = select(passports.c.id).where(passports.c.origin == origin).order_by(passports.c.version.desc())
    return list(tx.scalars(query))


def uses_of(tx: Connection, passport: str) -> list[Use]:
    """Where the samples of a record went; quarantined and held-out ones count as well."""
    held, trained = dataset_passports, adapters
    query = (
        select(trained.c.hash, held.c.dataset, held.c.samples, held.c.trained)
        .join(trained, trained.c.dataset == held.c.dataset, isouter=True)
        .where(held.c.passport == passport)
        .order_by(held.c.dataset, trained.c.hash)
    )
    return [Use(row.hash, row.dataset, row.samples, row.trained) for row in tx.execute(query)]


def adapters_of(tx: Connection, passport: str) -> list[str]:
    """The adapters that may have learnt from a record."""
    return sorted({use.adapter for use in uses_of(tx, passport) if use.adapter is not None and use.touched})


def origins_of(
    tx: Connection, adapter: str, *, after: str = "", limit: int = PAGE, trained_only: bool = True
) -> list[Origin]:
    """The records behind an adapter by passport, from the one after `after`. Raises NotFound."""
    held = dataset_passports
    query = (
        select(held, passports.c.kind, passports.c.origin)
        .join(passports, passports.c.id == held.c.passport)
        .where(held.c.dataset == _dataset_of(tx, adapter), held.c.passport > after)
        .order_by(held.c.passport)
        .limit(limit)
    )
    if trained_only:
        query = query.where(held.c.trained > 0)
    return [Origin(row.passport, row.kind, row.origin, row.samples, row.trained) for row in tx.execute(query)]


def count_origins(tx: Connection, adapter: str) -> int:
    """How many records are in the training part of an adapter's data set. Raises NotFound."""
    held = dataset_passports
    query = select(func.count()).where(held.c.dataset == _dataset_of(tx, adapter), held.c.trained > 0)
    return tx.scalar(query) or 0


def places_of(tx: Connection, passport: str, dataset: str, *, after: int = -1, limit: int = PAGE) -> list[Place]:
    """The samples of a record in a data set, in the data set's order, from the one after position `after`."""
    here, sample = sample_passports, dataset_samples
    query = (
        select(sample.c.position, sample.c.sample, sample.c.part, sample.c.unit)
        .join(here, (here.c.dataset == sample.c.dataset) & (here.c.position == sample.c.position))
        .where(here.c.passport == passport, here.c.dataset == dataset, here.c.position > after)
        .order_by(here.c.position)  # the key of sample_passports: SQLite starts there, not at a million samples
        .limit(limit)
    )
    return [Place(dataset, row.position, row.sample, row.part, row.unit) for row in tx.execute(query)]


def passports_of_sample(tx: Connection, sample: str) -> Sequence[str]:
    """Where one sample came from, whatever data set it is in. Raises NotFound."""
    row = tx.execute(select(dataset_samples.c.passports).where(dataset_samples.c.sample == sample).limit(1)).first()
    if row is None:
        raise NotFound(kind={"zh": "样本", "en": "sample"}, name=sample[:12])
    return tuple(row.passports)


def _dataset_of(tx: Connection, adapter: str) -> str:
    found = tx.scalar(select(adapters.c.dataset).where(adapters.c.hash == adapter))
    if found is None:
        raise NotFound(kind={"zh": "适配器", "en": "adapter"}, name=adapter[:12])
    return found
