"""What one command of `python -m sandbox` works with: settings, database, keys, and the steps over them."""

import os
import sys
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import Connection
from sqlalchemy import Engine as Database

from eval.scoring import Figures
from governance.db import migrate, open_engine, reading
from governance.outgoing import endpoint_of
from governance.settings import Settings
from governance.vault import Vault, open_vault
from rag.company import Company, load_company
from rag.pipeline import make_redactor
from sandbox import pipeline
from sandbox.base import Base, Progress, prepare_base
from sandbox.chat import open_chat
from sandbox.dataset import Dataset
from sandbox.evaluation import evaluate, stage_of_adapter
from sandbox.launch import Fit
from sandbox.memorisation import Memorisation, memorise
from sandbox.preflight import Checked, Pair, preflight
from sandbox.recipe import Recipe, parameters_of, recommend, this_machine
from sandbox.release import Adapter, released_adapter
from sandbox.report import Report
from sandbox.samples import Fuel
from sandbox.train import fit, pick

MEASURED = 500  # pairs whose length a recipe is chosen by
Gather = Callable[[Connection, Vault, Company], Sequence[Fuel]]  # what people made of scripts; a folder above knows it


def nothing(_tx: Connection, _vault: Vault, _company: Company) -> Sequence[Fuel]:
    """No material from use."""
    return ()


class Session:
    """Settings, database and keys of one command. `gather` is given by the composition root."""

    def __init__(self, settings: Settings, gather: Gather = nothing) -> None:
        self.settings, self._gather = settings, gather
        self.company: Company = load_company(settings.company)
        migrate(settings.database)
        self.db: Database = open_engine(settings.database)
        self.vault: Vault = open_vault(settings.home / "keys")
        self.threads = settings.threads or len(os.sched_getaffinity(0))

    def base(self) -> Base:
        return prepare_base(self.settings.base_model, self.settings.home, show_progress)

    def dataset(self) -> Dataset:
        redactor = make_redactor(self.db, self.vault, utc_now())
        with reading(self.db) as tx:
            fuel = self._gather(tx, self.vault, self.company)
        endpoint = endpoint_of(self.settings)
        return pipeline.build_dataset(
            self.db, self.vault, self.company, redactor, now=utc_now(), fuel=fuel, endpoint=endpoint
        )

    def sections(self, stage: str) -> Collection[str] | None:
        """What is written in a stage of the funnel; None for all stages together."""
        return frozenset(self.company.phrases.stages[stage].sections) if stage else None

    def recommend(self, base: Base, pairs: Sequence[Pair]) -> Recipe:
        """For these pairs, this base and this machine."""
        from transformers import AutoTokenizer

        tokenizer = AutoTokenizer.from_pretrained(base.folder, trust_remote_code=False)
        some = pick(pairs, MEASURED, 0)
        lengths = [len(ids) for ids in tokenizer([p + a for p, a in some])["input_ids"]] if some else []
        return recommend(len(pairs), lengths, this_machine(), parameters=parameters_of(base.folder))

    def check(self, base: Base, train: Sequence[Pair], heldout: Sequence[Pair], recipe: Recipe, work: Path) -> Checked:
        """The rows that the steps will see. Raises Invalid with the rows that would teach wrongly."""
        from transformers import AutoTokenizer, GenerationConfig

        tokenizer = AutoTokenizer.from_pretrained(base.folder, trust_remote_code=False)
        chat = open_chat(tokenizer, GenerationConfig.from_pretrained(base.folder).eos_token_id)
        needed = pick(train, recipe.steps * recipe.rows_per_step, recipe.seed)
        return preflight(base, chat, train, heldout, recipe, work, needed=needed)

    def train(
        self,
        base: Base,
        dataset: Dataset,
        *,
        stage: str = "",
        recipe: Recipe | None = None,
        by: str = "sandbox",
        loop: Fit = fit,
    ) -> Adapter:
        return pipeline.train(
            self.db,
            self.settings.home,
            base,
            dataset,
            threads=self.threads,
            now=utc_now(),
            recipe=recipe,
            stage=stage,
            sections=self.sections(stage),
            by=by,
            on_progress=show_progress,
            loop=loop,
        )

    def evaluate(
        self,
        base: Base,
        dataset: Dataset,
        adapter: Adapter,
        stop: Callable[[], bool] = lambda: False,
        on_progress: Progress | None = None,
    ) -> Mapping[str, Figures]:
        return self.report(base, dataset, adapter, stop, on_progress).figures

    def report(
        self,
        base: Base,
        dataset: Dataset,
        adapter: Adapter,
        stop: Callable[[], bool] = lambda: False,
        on_progress: Progress | None = None,
    ) -> Report:
        """Beside the adapter now in force."""
        from sandbox.engine import open_engine as open_model

        with reading(self.db) as tx:
            compared = released_adapter(tx, stage_of_adapter(tx, adapter.hash))
        return evaluate(
            self.db,
            self.vault,
            open_model(base, threads=self.threads, keys=self.settings.home / "keys"),
            self.company,
            make_redactor(self.db, self.vault, utc_now()),
            dataset,
            adapter,
            compared=compared,
            now=utc_now(),
            on_progress=on_progress or show_progress,
            should_stop=stop,
        )

    def memorise(
        self,
        base: Base,
        dataset: Dataset,
        adapter: Adapter,
        stop: Callable[[], bool] = lambda: False,
        on_progress: Progress | None = None,
    ) -> Memorisation:
        """What planted strings come out of a shadow of its training."""
        return memorise(
            self.db,
            self.settings.home,
            base,
            self.company,
            dataset,
            adapter,
            threads=self.threads,
            now=utc_now(),
            on_progress=on_progress or show_progress,
            should_stop=stop,
        )


def show_progress(step: str, done: int, total: int) -> None:
    """One line on standard error."""
    sys.stderr.write(f"{step} {done}/{total}\n")
    sys.stderr.flush()


def utc_now() -> datetime:
    """The clock of the command line."""
    return datetime.now(UTC)
