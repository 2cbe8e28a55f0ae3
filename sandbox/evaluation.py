"""What an adapter writes for prompts it has not seen, beside the untuned base; measured once, and kept."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Engine as Database
from sqlalchemy import insert, select

from eval.scoring import Asked, Figures, Phrasing, Tally, Wording, figures, mean_loss, score_answer
from governance.db import reading
from governance.errors import Conflict
from governance.ledger import append
from rag.company import Company
from sandbox.base import Progress
from sandbox.compose import LANGUAGES
from sandbox.dataset import Dataset, inputs_hash, questions
from sandbox.engine import Engine, Prompt
from sandbox.release import Adapter
from sandbox.samples import Sample
from sandbox.tables import evaluations

MEASURE = 3  # raise it when the same answers give other figures
SECTIONS, EXTRACTIVE, LOSSES = 48, 16, 32  # questions of an evaluation, and how many of them the loss is taken over
ROWS = 32  # prompts generated at once


def evaluate(
    db: Database,
    engine: Engine,
    company: Company,
    dataset: Dataset,
    adapter: Adapter,
    *,
    now: datetime,
    on_progress: Progress = lambda step, done, total: None,
    should_stop: Callable[[], bool] = lambda: False,
) -> dict[str, Figures]:
    """Figures of the untuned base ("before") and of the adapter ("after") on the same held-out prompts."""
    asked = questions(dataset, sections=SECTIONS, extractive=EXTRACTIVE)
    phrases = company.phrases.model_dump(mode="json")
    measure = inputs_hash([MEASURE, [sample.id for sample in asked], phrases])
    with reading(db) as tx:
        same = (evaluations.c.adapter == adapter.hash) & (evaluations.c.measure == measure)
        row = tx.execute(select(evaluations).where(same)).mappings().one_or_none()
    if row is not None:
        return {"before": _figures(row["before"]), "after": _figures(row["after"])}
    if adapter.hash not in engine.loaded():
        engine.load(adapter.hash, adapter.folder)
    phrasing = {language: Phrasing(_wordings(company, language)) for language in LANGUAGES}
    total, done = 2 * len(asked), 0
    result: dict[str, Figures] = {}
    for when, name in (("before", None), ("after", adapter.hash)):
        tallies: dict[str, list[Tally]] = {"section": [], "extractive": []}
        for part in _batches(engine, asked):
            if should_stop():
                raise Conflict(reason={"zh": "评估已被取消", "en": "the evaluation was cancelled"})
            longest = max(len(engine.pieces(sample.answer)) for sample in part)
            prompts = [Prompt(sample.prompt, name) for sample in part]
            answers = engine.generate(prompts, max_new_tokens=longest * 3 // 2 + 16)
            for sample, answer in zip(part, answers, strict=True):
                wanted = Asked(sample.section, frozenset(sample.slots))
                tally = score_answer(answer.text, wanted, phrasing[sample.language], stopped=answer.stopped)
                tallies[sample.kind].append(tally)
            done += len(part)
            on_progress(when, done, total)
        loss = mean_loss([engine.log_probabilities(Prompt(s.prompt, name), s.answer) for s in asked[:LOSSES]])
        result[when] = replace(figures(tallies["section"], heldout_loss=loss), questions=_asides(tallies["extractive"]))
    with db.begin() as tx:
        if not tx.scalar(select(evaluations.c.adapter).where(same)):
            kept: dict[str, Any] = {when: asdict(each) for when, each in result.items()}
            row = {"adapter": adapter.hash, "measure": measure, "dataset": dataset.hash, "at": now, **kept}
            tx.execute(insert(evaluations).values(**row))
            detail = {"value_copy": result["after"].value_copy, "questions": len(asked)}
            append(tx, actor="sandbox", event="adapter_evaluated", subject=adapter.hash, detail=detail, now=now)
    return result


def _asides(tallies: Sequence[Tally]) -> dict[str, float]:
    """Questions about documents: a small company has too few to learn them from, and no script is written with them."""
    found = figures(tallies, heldout_loss=0.0)
    shares = {name: getattr(found, name) for name in ("value_copy", "unsupported_values", "stop_rate")}
    return {"answers": found.answers, **shares} if tallies else {}


def _batches(engine: Engine, asked: Sequence[Sample]) -> list[list[Sample]]:
    ordered = sorted(asked, key=lambda sample: (len(engine.pieces(sample.answer)), sample.id))
    return [ordered[start : start + ROWS] for start in range(0, len(ordered), ROWS)]


def _wordings(company: Company, language: Any) -> list[Wording]:
    return [
        Wording(section_id, move.id, text)
        for section_id, section in company.phrases.sections.items()
        for move in section.moves
        for text in move.wordings(language)
    ]


def _figures(kept: Mapping[str, Any]) -> Figures:
    values: dict[str, Any] = dict(kept)
    values["intervals"] = {name: (low, high) for name, (low, high) in kept["intervals"].items()}
    return Figures(**values)
