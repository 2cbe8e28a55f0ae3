"""What the admin sees of a training set: size, mixture, coverage of the documents, and what was kept back."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select

from assistant.i18n import TEXTS, Locale, language_of, tr
from assistant.parts import Parts
from governance.db import reading
from rag.tables import documents
from sandbox.quarantine import Held, quarantine
from sandbox.tables import dataset_reports, datasets

HELD_PER_PAGE = 10
MOST_SETS = 20
KINDS = ("hostile", "control", "purpose", "leak", "personal", "compliance")


@dataclass(frozen=True, slots=True)
class Share:
    """One part of a whole."""

    name: str
    count: int
    percent: float


@dataclass(frozen=True, slots=True)
class Section:
    """`left_out`: reasons in words with their counts."""

    name: str
    passages: int
    pairs: int
    left_out: str


@dataclass(frozen=True, slots=True)
class Covered:
    """A document: how many of its sections gave at least one pair."""

    name: str
    passages: int
    pairs: int
    percent: int
    sections: tuple[Section, ...]


@dataclass(frozen=True, slots=True)
class SetRow:
    hash: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Summary:
    """One data set; `sets` are the others there are, newest first."""

    hash: str
    created_at: datetime
    train: int
    heldout: int
    quarantined: int
    duplicates: int
    near_duplicates: int
    preferences: int
    kinds: tuple[Share, ...]
    languages: tuple[Share, ...]
    coverage: tuple[Covered, ...]
    sets: tuple[SetRow, ...]


@dataclass(frozen=True, slots=True)
class HeldRow:
    sample: str
    kind: str
    reason: str
    text: str
    document: str
    resolvable: bool
    decision: str


@dataclass(frozen=True, slots=True)
class HeldPage:
    """What was kept back; `kinds` counts what is undecided, `kind` is the filter, empty for all."""

    rows: tuple[HeldRow, ...]
    kinds: tuple[Share, ...]
    kind: str
    page: int
    pages: int
    total: int
    undecided: int


def chosen_set(tx: Connection, asked: str) -> str:
    """The data set asked for, else the newest; empty before the first."""
    newest = select(datasets.c.hash).order_by(datasets.c.created_at.desc()).limit(1)
    if asked and tx.scalar(select(datasets.c.hash).where(datasets.c.hash == asked)):
        return asked
    return tx.scalar(newest) or ""


def summary(parts: Parts, lang: Locale, asked: str = "") -> Summary | None:
    """None before the first data set."""
    with reading(parts.db) as tx:
        name = chosen_set(tx, asked)
        if not name:
            return None
        row = tx.execute(select(datasets).where(datasets.c.hash == name)).one()
        report: Mapping[str, Any] = (
            tx.scalar(select(dataset_reports.c.report).where(dataset_reports.c.dataset == name)) or {}
        )
        newest = select(datasets.c.hash, datasets.c.created_at).order_by(datasets.c.created_at.desc())
        sets = tuple(SetRow(each.hash, each.created_at) for each in tx.execute(newest.limit(MOST_SETS)))
    return Summary(
        hash=row.hash,
        created_at=row.created_at,
        train=row.train,
        heldout=row.heldout,
        quarantined=row.quarantined,
        duplicates=int(report.get("duplicates", 0)),
        near_duplicates=int(report.get("near_duplicates", 0)),
        preferences=int(report.get("preferences", 0)),
        kinds=_shares(report.get("by_kind", {}), "sample", lang),
        languages=_shares(report.get("by_language", {}), "language", lang),
        coverage=coverage(report.get("coverage", ()), lang),
        sets=sets,
    )


def coverage(rows: Sequence[Mapping[str, Any]], lang: Locale) -> tuple[Covered, ...]:
    """Per document, those with the most passages first."""
    found: dict[str, list[Mapping[str, Any]]] = {}
    for row in rows:
        found.setdefault(str(row.get("name") or row["document"]), []).append(row)
    covered = [
        Covered(
            name=name,
            passages=sum(row["passages"] for row in own),
            pairs=sum(row["pairs"] for row in own),
            percent=round(100 * sum(row["pairs"] > 0 for row in own) / len(own)),
            sections=tuple(
                Section(str(row["section"]), row["passages"], row["pairs"], _left_out(row.get("left_out", {}), lang))
                for row in own
            ),
        )
        for name, own in found.items()
    ]
    return tuple(sorted(covered, key=lambda each: (-each.passages, each.name)))


def held_page(parts: Parts, lang: Locale, dataset: str, kind: str = "", page: int = 1) -> HeldPage:
    """What waits for a decision first, then what has one."""
    with reading(parts.db) as tx:
        held = quarantine(tx, parts.vault, dataset) if dataset else []
        wanted = {each.document for each in held}
        named = select(documents.c.id, documents.c.name).where(documents.c.id.in_(wanted))
        names = {row.id: row.name for row in tx.execute(named)}
    waiting = [each for each in held if each.decision is None]
    counts = {name: sum(each.kind == name for each in waiting) for name in KINDS}
    kind = kind if kind in KINDS else ""
    shown = [each for each in held if not kind or each.kind == kind]
    shown.sort(key=lambda each: (each.decision is not None, not each.resolvable))
    pages = max(1, -(-len(shown) // HELD_PER_PAGE))
    page = min(max(1, page), pages)
    rows = shown[(page - 1) * HELD_PER_PAGE : page * HELD_PER_PAGE]
    return HeldPage(
        rows=tuple(_held(each, names, lang) for each in rows),
        kinds=tuple(Share(name, count, 0.0) for name, count in counts.items() if count or name == kind),
        kind=kind,
        page=page,
        pages=pages,
        total=len(held),
        undecided=len(waiting),
    )


def undecided(tx: Connection, parts: Parts, dataset: str, kind: str) -> list[str]:
    """The samples of a kind (of all kinds when empty) that nobody has decided about."""
    held = quarantine(tx, parts.vault, dataset)
    return [each.sample_id for each in held if each.decision is None and kind in ("", each.kind)]


def _held(held: Held, names: Mapping[str, str], lang: Locale) -> HeldRow:
    return HeldRow(
        held.sample_id,
        held.kind,
        held.reason.say(language_of(lang)),
        held.text,
        names.get(held.document, held.document),
        held.resolvable,
        held.decision or "",
    )


def _shares(counts: Mapping[str, int], family: str, lang: Locale) -> tuple[Share, ...]:
    total = sum(counts.values()) or 1
    shares = [
        Share(_word(f"{family}_{name}", name, lang), count, 100 * count / total) for name, count in counts.items()
    ]
    return tuple(sorted(shares, key=lambda share: -share.count))


def _left_out(reasons: Mapping[str, int], lang: Locale) -> str:
    said = [f"{_word(f'left_out_{name}', name, lang)} {count}" for name, count in reasons.items()]
    return tr(lang, "semicolon").join(said)


def _word(key: str, name: str, lang: Locale) -> str:
    return tr(lang, key) if key in TEXTS else name
