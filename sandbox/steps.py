"""The steps of a run, done in its own process; each knows its work again by its hash, so that any may be repeated."""

import sys
import traceback
from collections.abc import Callable, Collection, Mapping
from dataclasses import asdict
from functools import cached_property
from typing import Any

from governance.db import reading
from governance.errors import GateFailed, XinyanError
from rag.company import Bilingual
from sandbox import pipeline
from sandbox.base import Base, Progress
from sandbox.dataset import Dataset
from sandbox.estimate import Estimate, estimate, fitted
from sandbox.recipe import Recipe
from sandbox.release import Adapter
from sandbox.report import report_of
from sandbox.reporter import Reporter
from sandbox.runs import STEPS
from sandbox.session import Session, utc_now

PASSED = Bilingual(zh="评估达标，已登记为候选，等待批准", en="passed: a candidate, waiting for approval")


class Steps:
    """What earlier steps made is made again when a new process begins in the middle: read back, not computed."""

    def __init__(self, session: Session, report: Reporter) -> None:
        self._session, self._report = session, report
        self._work: Mapping[str, Callable[[], Mapping[str, Any]]] = {
            "base": lambda: {"base": self._base.hash},
            "dataset": lambda: {"dataset": self._dataset.hash, "rows": len(self._dataset.train)},
            "estimate": self._estimate,
            "train": lambda: {"adapter": self._adapter.hash},
            "evaluate": self._evaluate,
            "memorise": self._memorise,
            "register": self._register,
        }

    def do(self, step: str) -> dict[str, Any]:
        """The outcome as JSON: done, why it stopped, or refused or failed with the reason in both languages."""
        try:
            self._report.say(STEPS[step])
            made = dict(self._work[step]())
        except GateFailed as gate:
            return _outcome("refused", gate)
        except XinyanError as wrong:
            if asked := self._report.asked():
                return {"outcome": asked}
            return _outcome("failed", wrong)
        except Exception as unforeseen:  # the edge of the process: its row must tell
            sys.stderr.write(_frames(unforeseen))
            return _outcome("failed", XinyanError(reason=_named(unforeseen)))
        sys.stderr.write(f"{utc_now():%H:%M:%S} {step} {' '.join(f'{k}={v}' for k, v in made.items())}\n")
        return {"outcome": "done", **made}

    @cached_property
    def _base(self) -> Base:
        return self._session.base()

    @cached_property
    def _dataset(self) -> Dataset:
        """What may be used now: a consent that was withdrawn while the run was stopped counts."""
        dataset = self._session.dataset()
        before = self._report.run().dataset
        fresh = {} if before in (None, dataset.hash) else {"step": 0}
        self._report.say(STEPS["dataset"], dataset=dataset.hash, **fresh)
        return dataset

    @cached_property
    def _sections(self) -> Collection[str] | None:
        return self._session.sections(self._stage)

    def _recipe(self) -> Recipe:
        """As asked for or chosen before, else as recommended for the data and the machine."""
        if (asked := self._report.run().recipe) is not None:
            return asked
        pairs = pipeline.pairs(self._dataset.train, self._sections)
        return self._session.recommend(self._base, pairs)

    def _estimate(self) -> Mapping[str, Any]:
        """Written to the row with the recipe, before the first step; not for what was trained before."""
        recipe, base, sections = self._recipe(), self._base, self._sections
        key = pipeline.adapter_key(self._dataset, base, recipe, self._stage, sections)
        found = None
        if pipeline.find_adapter(self._session.db, key, base) is None:
            train, held = (pipeline.pairs(part, sections) for part in (self._dataset.train, self._dataset.heldout))
            work = pipeline.work_of(self._session.settings.home, key)
            checked = self._session.check(base, train, held, recipe, work)
            found = estimate(base, checked, recipe, threads=self._session.threads, heldout=len(checked.heldout))
            recipe = fitted(recipe, found)
        self._report.say(_expected(found), recipe=asdict(recipe), estimate=asdict(found) if found else None)
        return {"recipe": recipe.hash[:16], **({"memory_mib": round(found.memory_mib)} if found else {})}

    @cached_property
    def _adapter(self) -> Adapter:
        adapter = pipeline.train(
            self._session.db,
            self._session.settings.home,
            self._base,
            self._dataset,
            threads=self._session.threads,
            now=utc_now(),
            recipe=self._recipe(),
            stage=self._stage,
            sections=self._sections,
            run=self._report.id,
            by=self._report.run().by,
            on_point=lambda point: self._report.progress(point.step, point.total),
            should_stop=self._stops,
        )
        self._report.say(STEPS["train"], adapter=adapter.hash)
        return adapter

    @property
    def _stage(self) -> str:
        return self._report.run().stage

    def _evaluate(self) -> Mapping[str, Any]:
        shown = self._counted("evaluate")
        report = self._session.report(self._base, self._dataset, self._adapter, self._stops, shown)
        return {"value_copy": report.after.value_copy}

    def _memorise(self) -> Mapping[str, Any]:
        shown = self._counted("memorise")
        memory = self._session.memorise(self._base, self._dataset, self._adapter, self._stops, shown)
        return {"passed": memory.passed}

    def _register(self) -> Mapping[str, Any]:
        """As a candidate, with the report as it is now that the memory test is there. Raises GateFailed."""
        with reading(self._session.db) as tx:
            report = report_of(tx, self._session.vault, self._adapter.hash)
        if report is None:
            report = self._session.report(self._base, self._dataset, self._adapter, self._stops)
        pipeline.propose(self._session.db, report, by=self._report.run().by, now=utc_now())
        return {"adapter": self._adapter.hash, "zh": PASSED.zh, "en": PASSED.en}

    def _counted(self, step: str) -> Progress:
        return lambda _part, done, total: self._report.counted(STEPS[step], done, total)

    def _stops(self) -> bool:
        return bool(self._report.asked())


def _expected(found: Estimate | None) -> Bilingual:
    if found is None:
        return Bilingual(zh="此前已训练过，直接使用", en="trained before, taken as it is")
    minutes, memory = max(1, round(found.seconds / 60)), found.memory_mib / 1024
    return Bilingual(
        zh=f"预计约 {minutes} 分钟，内存 {memory:.1f} GB", en=f"about {minutes} minutes and {memory:.1f} GB of memory"
    )


def _outcome(outcome: str, error: XinyanError) -> dict[str, Any]:
    return {"outcome": outcome, "zh": error.say("zh"), "en": error.say("en")}


def _named(error: Exception) -> dict[str, str]:
    name = type(error).__name__
    return {"zh": f"意外中断（{name}），见日志", "en": f"ended unexpectedly ({name}), see the log"}


def _frames(error: Exception) -> str:
    """Where it happened. Not the message: it may quote a sample, and a log holds no content."""
    lines = [f"  {frame.filename}:{frame.lineno} {frame.name}" for frame in traceback.extract_tb(error.__traceback__)]
    return "\n".join([type(error).__name__, *lines]) + "\n"
