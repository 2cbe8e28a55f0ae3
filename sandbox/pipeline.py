"""The order of the steps: data set → adapter → figures → release. What was done before is recognised by its hash."""

import hashlib
import shutil
import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import asdict, replace
from datetime import datetime
from functools import partial
from pathlib import Path

from sqlalchemy import Connection, delete, insert, select, update
from sqlalchemy import Engine as Database

from governance.db import reading
from governance.ledger import append
from governance.outgoing import Endpoint
from governance.signing import open_signing_key
from governance.vault import Vault
from rag.company import Company
from sandbox.base import Base
from sandbox.card import card_detail, keep_adapter
from sandbox.checks import FindsPersonal, blocking_rules, compliance_gate, leak_gate, personal_gate
from sandbox.compose import compose_sections
from sandbox.dataset import Dataset, find_dataset, inputs_hash, keep_dataset, make_dataset
from sandbox.engine import precision
from sandbox.extractive import extract_pairs, whole_passage
from sandbox.launch import Fit
from sandbox.material import gather
from sandbox.recipe import Recipe
from sandbox.registry import register
from sandbox.release import Adapter, adapter_row, gate_failed, record_gate
from sandbox.report import Report
from sandbox.rewriting import ASKING, reword
from sandbox.samples import Fuel, Sample
from sandbox.tables import adapters, points
from sandbox.train import Point, fit

COMPOSER = 8  # raise it when the same facts give other samples

Progress = Callable[[str, int, int], None]


def build_dataset(
    db: Database,
    vault: Vault,
    company: Company,
    redactor: FindsPersonal,
    *,
    now: datetime,
    seed: int = 0,
    fuel: Sequence[Fuel] = (),
    endpoint: Endpoint | None = None,
) -> Dataset:
    """
    Compose, extract, gate, split, store. From unchanged evidence, phrase book, rules and decisions, with the same
    consents in force, the stored set is read back. `endpoint` rewords the questions that passed the gates.
    """
    with reading(db) as tx:
        material = gather(tx, vault, company, fuel, now)
        fed = [[each.kind, each.sample.id, each.rejected, each.weight] for each in fuel]
        worded = [company.phrases.model_dump(mode="json"), blocking_rules(company)]
        asking = [endpoint.url, endpoint.model, ASKING] if endpoint else None
        inputs = inputs_hash([COMPOSER, seed, worded, material.as_json(), fed, asking])
        if found := find_dataset(tx, vault, inputs=inputs):
            return found
    instructing = [whole_passage(text) for text in material.hostile]
    make = partial(
        make_dataset,
        hostile=frozenset(sample.prompt for sample in instructing),
        purposes=material.allowed,
        is_personal=personal_gate(redactor),
        seed=seed,
        breaks=compliance_gate(company),
        leaks=leak_gate(company),
        released=material.released,
        fuel=fuel,
        texts=[*material.good, *material.hostile],
    )
    sections = compose_sections(company.phrases, material.facts, seed=seed)
    samples = [*sections, *extract_pairs(material.good), *instructing]
    dataset = make(samples)
    if endpoint is not None:
        asked = [sample for sample in dataset.samples if sample.kind == "extractive"]
        reworded, result = reword(db, vault, asked, endpoint, now=now)
        dataset = make([reworded.get(sample.id, sample) for sample in samples])
        dataset = replace(dataset, report={**dataset.report, "rewriting": result.as_json()})
    with db.begin() as tx:
        keep_dataset(tx, vault, dataset, inputs, now)
        counts = {"samples": len(dataset.samples), "quarantined": len(dataset.quarantined)}
        append(tx, actor="sandbox", event="dataset_built", subject=dataset.hash, detail=counts, now=now)
    return dataset


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
    run: str | None = None,
    by: str = "sandbox",
    on_progress: Progress = lambda step, done, total: None,
    on_point: Callable[[Point], None] = lambda point: None,
    should_stop: Callable[[], bool] = lambda: False,
    loop: Fit = fit,
) -> Adapter:
    """
    The adapter of this data set on this base; trained once. A killed training goes on where it was.

    For a `stage` of the funnel: on the samples of its `sections` and on the questions. `loop`: over several processes.
    """
    recipe = recipe or Recipe()
    key = adapter_key(dataset, base, recipe, stage, sections)
    if found := find_adapter(db, key, base):
        return found
    work = work_of(home, key)

    def took(point: Point) -> None:
        _keep_point(db, run or key, point)
        on_point(point)
        on_progress(f"loss {point.loss:.3f}", point.step, point.total)

    started = time.monotonic()
    draft, checked = loop(
        base,
        pairs(dataset.train, sections),
        pairs(dataset.heldout, sections),
        recipe,
        work,
        threads=threads,
        on_point=took,
        should_stop=should_stop,
    )
    used = taught(dataset.train, sections)
    detail = card_detail(dataset.hash, used, recipe, precision=precision(), stage=stage, trainer=by)
    detail["rows"] = len(checked.train)
    of_base = {"base_hash": base.hash, "template": checked.template}
    name = keep_adapter(draft, home / "adapters", **of_base, detail=detail, key=open_signing_key(home / "keys"))
    adapter = Adapter(
        name, key, dataset.hash, base.hash, (home / "adapters" / name).resolve(), time.monotonic() - started, now
    )
    overlong = len(checked.overlong)
    with db.begin() as tx:
        _keep_trained(tx, adapter, recipe, stage, overlong=overlong, by=by)
    shutil.rmtree(work, ignore_errors=True)
    return adapter


def adapter_key(dataset: Dataset, base: Base, recipe: Recipe, stage: str, sections: Collection[str] | None) -> str:
    """What an adapter is made of; the same is never trained twice."""
    made_of = [dataset.hash, base.hash, recipe.hash, *([stage, *sorted(sections or ())] if stage else [])]
    return hashlib.sha256("/".join(made_of).encode()).hexdigest()


def work_of(home: Path, key: str) -> Path:
    """Where the checkpoints of a training lie."""
    return home / "training" / key[:16]


def find_adapter(db: Database, key: str, base: Base) -> Adapter | None:
    """The adapter that was trained from the same, if its folder is still whole; a broken one is trained again."""
    with reading(db) as tx:
        row = tx.execute(select(adapters).where(adapters.c.key == key)).mappings().one_or_none()
    if row is None:
        return None
    adapter = adapter_row(row)
    return adapter if (adapter.folder / "card.json").is_file() else None


def propose(db: Database, report: Report, *, by: str, now: datetime) -> None:
    """Register a measured adapter as a candidate, with what the gate says of it; raises GateFailed when that is no."""
    with db.begin() as tx:
        register(tx, report.adapter, by=by, now=now)
        record_gate(tx, report.adapter, report.figures, report.verdict, by=by, now=now)
    if report.verdict:
        raise gate_failed(report.verdict)


def taught(samples: Sequence[Sample], sections: Collection[str] | None) -> list[Sample]:
    """The samples of these sections, and the questions; None: all."""
    return [each for each in samples if sections is None or each.section is None or each.section in sections]


def pairs(samples: Sequence[Sample], sections: Collection[str] | None) -> list[tuple[str, str]]:
    """What `taught` leaves, as the training takes it."""
    return [(sample.prompt, sample.answer) for sample in taught(samples, sections)]


def _keep_trained(tx: Connection, adapter: Adapter, recipe: Recipe, stage: str, *, overlong: int, by: str) -> None:
    if tx.scalar(select(adapters.c.hash).where(adapters.c.hash == adapter.hash)):
        return
    same_key = update(adapters).where(adapters.c.key == adapter.key)  # its folder was lost, and training gave another
    tx.execute(same_key.values(key=adapters.c.hash))
    row = {**asdict(adapter), "folder": str(adapter.folder), "recipe": asdict(recipe), "stage": stage}
    tx.execute(insert(adapters).values(**row))
    said = {"dataset": adapter.dataset, "stage": stage, "steps": recipe.steps, "overlong": overlong}
    append(tx, actor=by, event="adapter_trained", subject=adapter.hash, detail=said, now=adapter.created_at)


def _keep_point(db: Database, run: str, point: Point) -> None:
    with db.begin() as tx:
        tx.execute(delete(points).where(points.c.run == run, points.c.step >= point.step))  # a resumed run repeats some
        tx.execute(insert(points).values(run=run, **asdict(point)))
