"""A small data set of the sample company and a tiny model to train on it: what tests of evaluation start from."""

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import Engine

from governance.redact import Span
from governance.vault import Vault, open_vault
from rag.company import GROUPS, Company, load_company
from sandbox import pipeline
from sandbox.base import Base, prepare_base
from sandbox.compose import Availability, compose_sections
from sandbox.dataset import Dataset, keep_dataset, make_dataset
from sandbox.recipe import Recipe
from sandbox.release import Adapter
from tests.tiny_model import save_tiny_model

NOW = datetime(2026, 11, 22, tzinfo=UTC)
RECIPE = Recipe(rank=4, alpha=8, steps=2, rows_per_step=4, checkpoint_every=1, max_tokens=900, heldout_rows=2)
SAMPLES = Path(__file__).resolve().parent.parent / "data_samples"


class Redactor:
    """Finds one name and one number; the real one is tested where it lives."""

    def residue(self, text: str) -> list[Span]:
        found = [(text.find("王小明"), 3, "PERSON"), (text.find("13900000000"), 11, "PHONE")]
        return [Span(at, at + length, entity, 1.0) for at, length, entity in found if at >= 0]


@dataclass(frozen=True)
class Small:
    db: Engine
    vault: Vault
    company: Company
    base: Base
    home: Path
    dataset: Dataset

    def adapter(self, seed: int = 0, steps: int = 2) -> Adapter:
        """Trained for a few steps; another seed gives another one."""
        recipe = Recipe(**{**{name: getattr(RECIPE, name) for name in RECIPE.__slots__}, "seed": seed, "steps": steps})
        return pipeline.train(self.db, self.home, self.base, self.dataset, threads=1, now=NOW, recipe=recipe)


def small_dataset(company: Company, customers: int = 8, each: int = 6) -> Dataset:
    """A few sections of each customer."""
    facts = [Availability(f"customer:H{n}", frozenset(GROUPS), frozenset(), ("p1",)) for n in range(customers)]
    chosen = [s for f in facts for s in compose_sections(company.phrases, [f], seed=0)[:each]]
    return make_dataset(
        chosen, hostile=frozenset(), purposes={"p1": ("training",)}, is_personal=lambda sample: False, seed=0
    )


def make_small(db: Engine, folder: Path) -> Small:
    """Everything of it in `folder`."""
    company, vault = load_company(SAMPLES), open_vault(folder / "keys")
    base = prepare_base(str(save_tiny_model(folder / "tiny")), folder, lambda step, done, total: None)
    dataset = small_dataset(company)
    with db.begin() as tx:
        keep_dataset(tx, vault, dataset, "0" * 64, NOW)
    return Small(db, vault, company, base, folder, dataset)
