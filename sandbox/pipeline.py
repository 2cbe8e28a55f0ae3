"""The order of the steps: data set → adapter → figures → release. What was done before is recognised by its hash."""

import hashlib
import shutil
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Protocol

from sqlalchemy import Engine as Database
from sqlalchemy import delete, insert, select, update

from eval.scoring import Figures, sentences
from governance.db import reading
from governance.ledger import append
from governance.redact import Span
from governance.vault import Vault
from rag.company import Company
from sandbox.base import Base
from sandbox.card import keep_adapter
from sandbox.compose import compose_sections
from sandbox.dataset import Dataset, find_dataset, inputs_hash, keep_dataset, make_dataset
from sandbox.extractive import extract_pairs, whole_passage
from sandbox.material import availabilities, purposes, texts
from sandbox.recipe import Recipe
from sandbox.release import Adapter, adapter_row, gate_failed, record_release
from sandbox.samples import Sample
from sandbox.tables import adapters, datasets, points
from sandbox.train import Point, fit

COMPOSER = 7  # raise it when the same facts give other samples

Progress = Callable[[str, int, int], None]


class FindsPersonal(Protocol):
    """What the gate needs of a redactor."""

    def residue(self, text: str) -> Sequence[Span]: ...


def build_dataset(
    db: Database, vault: Vault, company: Company, redactor: FindsPersonal, *, now: datetime, seed: int = 0
) -> Dataset:
    """Compose, extract, gate, split, store. From unchanged evidence and phrase book the stored set is read back."""
    with reading(db) as tx:
        good, hostile = texts(tx, vault)
        facts = availabilities(tx, vault, company)
        allowed = purposes(tx, [t.passport for t in (*good, *hostile)] + [p for each in facts for p in each.passports])
        content = [[t.document, t.passport, t.heading, t.text] for t in (*good, *hostile)]
        known = [[a.customer, sorted(a.known), sorted(a.disputed), list(a.passports)] for a in facts]
        inputs = inputs_hash([COMPOSER, seed, company.phrases.model_dump(mode="json"), content, known, allowed])
        if found := find_dataset(tx, vault, inputs=inputs):
            return found
    instructing = [whole_passage(text) for text in hostile]
    asked = [sample for text in good for sample in extract_pairs(text)]
    dataset = make_dataset(
        [*compose_sections(company.phrases, facts, seed=seed), *asked, *instructing],
        hostile=frozenset(sample.prompt for sample in instructing),
        purposes=allowed,
        is_personal=_personal(redactor),
        seed=seed,
    )
    with db.begin() as tx:
        if tx.scalar(select(datasets.c.hash).where(datasets.c.hash == dataset.hash)):
            tx.execute(update(datasets).where(datasets.c.hash == dataset.hash).values(inputs=inputs))
        keep_dataset(tx, vault, dataset, inputs, now)
        counts = {"samples": len(dataset.samples), "quarantined": len(dataset.quarantined)}
        append(tx, actor="sandbox", event="dataset_built", subject=dataset.hash, detail=counts, now=now)
    return dataset


def _personal(redactor: FindsPersonal) -> Callable[[Sample], bool]:
    """
    The gate for personal data. A section holds approved wordings and placeholders only: what reads like a name there
    ("我会盯着处理") is none, but a number in it would be one. Everything is looked at once, for wordings repeat.
    """

    @cache
    def entities(text: str) -> frozenset[str]:
        return frozenset("KNOWN" if span.known else span.entity for span in redactor.residue(text))

    def is_personal(sample: Sample) -> bool:
        if sample.kind == "section":
            return any(entities(wording) - {"PERSON"} for wording in sentences(sample.answer))
        return bool(entities(sample.prompt) or entities(sample.answer))

    return is_personal


def train(
    db: Database,
    home: Path,
    base: Base,
    dataset: Dataset,
    *,
    threads: int,
    now: datetime,
    recipe: Recipe | None = None,
    stage: str = "",
    sections: Collection[str] | None = None,
    by: str = "sandbox",
    run: str | None = None,
    on_progress: Progress = lambda step, done, total: None,
    on_point: Callable[[Point], None] = lambda point: None,
    should_stop: Callable[[], bool] = lambda: False,
) -> Adapter:
    """The adapter of this data set on this base; trained once. A killed training goes on where it was."""
    recipe = recipe or Recipe()
    made_of = [dataset.hash, base.hash, recipe.hash, *([stage, *sorted(sections or ())] if stage else [])]
    key = hashlib.sha256("/".join(made_of).encode()).hexdigest()
    if found := find_adapter(db, key, base):
        return found
    work = home / "training" / key[:16]

    def took(point: Point) -> None:
        _keep_point(db, run or key, point)
        on_point(point)
        on_progress(f"loss {point.loss:.3f}", point.step, point.total)

    started = time.monotonic()
    draft, checked = fit(
        base,
        _pairs(taught(dataset.train, sections)),
        _pairs(taught(dataset.heldout, sections)),
        recipe,
        work,
        threads=threads,
        on_point=took,
        should_stop=should_stop,
    )
    detail = {"dataset": dataset.hash, "recipe": recipe.hash, "rank": recipe.rank, "rows": len(checked.train)}
    name = keep_adapter(draft, home / "adapters", base_hash=base.hash, template=checked.template, detail=detail)
    adapter = Adapter(
        name, key, dataset.hash, base.hash, (home / "adapters" / name).resolve(), time.monotonic() - started, now
    )
    with db.begin() as tx:
        if not tx.scalar(select(adapters.c.hash).where(adapters.c.hash == name)):
            same_key = update(adapters).where(adapters.c.key == key)  # its folder was lost, and training gave another
            tx.execute(same_key.values(key=adapters.c.hash))
            row = {**asdict(adapter), "folder": str(adapter.folder), "recipe": asdict(recipe), "stage": stage}
            tx.execute(insert(adapters).values(**row))
            said = {"dataset": dataset.hash, "steps": recipe.steps, "overlong": len(checked.overlong)}
            append(tx, actor="sandbox", event="adapter_trained", subject=name, detail=said, now=now)
    shutil.rmtree(work, ignore_errors=True)
    return adapter


def find_adapter(db: Database, key: str, base: Base) -> Adapter | None:
    """The adapter that was trained from the same, if its folder is still whole; a broken one is trained again."""
    with reading(db) as tx:
        row = tx.execute(select(adapters).where(adapters.c.key == key)).mappings().one_or_none()
    if row is None:
        return None
    adapter = adapter_row(row)
    return adapter if (adapter.folder / "card.json").is_file() else None


def release(db: Database, adapter: Adapter, evaluation: Mapping[str, Figures], *, by: str, now: datetime) -> None:
    """Put the adapter in force, or raise GateFailed; the decision is kept with its figures either way."""
    with db.begin() as tx:
        failed = record_release(tx, adapter, evaluation, by=by, now=now)
    if failed:
        raise gate_failed(failed)


def taught(samples: Sequence[Sample], sections: Collection[str] | None) -> list[Sample]:
    """The samples of these sections, and the questions; None: all."""
    return [each for each in samples if sections is None or each.section is None or each.section in sections]


def _pairs(samples: Sequence[Sample]) -> list[tuple[str, str]]:
    return [(sample.prompt, sample.answer) for sample in samples]


def _keep_point(db: Database, run: str, point: Point) -> None:
    with db.begin() as tx:
        tx.execute(delete(points).where(points.c.run == run, points.c.step >= point.step))  # a resumed run repeats some
        tx.execute(insert(points).values(run=run, **asdict(point)))
