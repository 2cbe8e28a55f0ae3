"""Suite `ladder`: the embedded base and any model by path, trained on the same data set, asked the same questions."""

import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

from eval.ladder import EMBEDDED, Rung, read_rungs, table
from eval.script import metrics_of
from governance.settings import Settings
from rag.pipeline import ingest, make_redactor
from sandbox import pipeline
from sandbox.dataset import Dataset
from sandbox.engine import open_engine
from sandbox.evaluation import evaluate
from sandbox.recipe import Recipe, parameters_of
from sandbox.session import Session, show_progress, utc_now


def run(data: Path | None, settings: Settings) -> dict[str, Any]:
    """
    Adapters and answers are kept in the home of the settings: a second run computes nothing again.

    The embedded model is trained with the demonstration's recipe, another one with the rate and the row length that
    are recommended for its size and its tokenizer, over the same number of rows.
    """
    rungs = read_rungs(data) if data else [EMBEDDED]
    first = Session(settings.model_copy(update={"base_model": ""}))
    ingest(first.db, first.vault, first.company, now=utc_now(), on_progress=show_progress)
    dataset = first.dataset()
    found = [(rung, *_climb(rung, dataset, settings)) for rung in rungs]
    return table(found) | {"rows": len(dataset.train), "heldout": len(dataset.heldout), "dataset": dataset.hash[:12]}


def _climb(rung: Rung, dataset: Dataset, settings: Settings) -> tuple[dict[str, Any], dict[str, Any]]:
    session = Session(settings.model_copy(update={"base_model": rung.base}))
    base = session.base()
    recipe = Recipe()
    if rung.base:
        wanted = session.recommend(base, pipeline.pairs(dataset.train, None))
        recipe = replace(recipe, learning_rate=wanted.learning_rate, max_tokens=wanted.max_tokens)
    sys.stderr.write(f"ladder: {rung.name} {base.name} {base.hash[:12]}\n")
    adapter = session.train(base, dataset, recipe=recipe)
    engine = open_engine(base, threads=session.threads, keys=session.settings.home / "keys")
    redactor = make_redactor(session.db, session.vault, utc_now())
    report = evaluate(
        session.db,
        session.vault,
        engine,
        session.company,
        redactor,
        dataset,
        adapter,
        now=utc_now(),
        on_progress=show_progress,
    )
    figures = metrics_of(report.after) | metrics_of(report.before, "_base")
    about = {
        "parameters_m": round(parameters_of(base.folder) / 1e6, 1),
        "train_s": round(adapter.seconds, 1),
        "passes": not report.verdict,
        "base": base.hash[:12],
    }
    return figures, about
