"""The folded-away fields of a training as plain values: name, bounds, what is recommended, and what it does."""

from dataclasses import dataclass
from functools import cache
from typing import Any

from sqlalchemy import select

from assistant.i18n import Locale, language_of
from assistant.parts import Parts
from assistant.sample_view import token_counts
from assistant.training_view import number
from governance.db import reading
from governance.errors import Conflict
from sandbox.dataset import find_dataset, open_sample
from sandbox.estimate import Estimate, estimate
from sandbox.pipeline import pairs
from sandbox.recipe import ADVANCED, EXPLAINED, Machine, Recipe, RecipeForm, parameters_of, recommend, this_machine
from sandbox.tables import dataset_samples, datasets

GPU_ONLY = frozenset({"quantized", "compile", "attention"})
MEASURED = 200  # samples whose length is counted
USUAL = ("steps", "rows_per_step", "learning_rate", "rank", "max_tokens", "patience")  # the others come after these


@dataclass(frozen=True, slots=True)
class Field:
    """`kind`: integer, number, boolean or choice; bounds are text, empty where there is none."""

    name: str
    title: str
    text: str
    kind: str
    low: str
    high: str
    recommended: str
    choices: tuple[str, ...] = ()


def recipe_fields(parts: Parts, lang: Locale) -> tuple[Field, ...]:
    """Every field that this machine can use, the usual ones first."""
    machine, language = _machine(), language_of(lang)
    plain = recommended_recipe(parts)
    names = [*USUAL, *(name for name in ADVANCED if name not in USUAL)]
    schema: dict[str, Any] = RecipeForm.model_json_schema()["properties"]
    fields: list[Field] = []
    for name in names:
        if name in GPU_ONLY and not machine.gpu_memory_mib:
            continue
        kind = next(each for each in schema[name]["anyOf"] if each.get("type") != "null")
        choices = tuple(kind.get("enum", ()))
        value = getattr(plain, name)
        shown = number(value) if isinstance(value, float) else str(value)
        fields.append(
            Field(
                name,
                EXPLAINED[name].title.say(language),
                EXPLAINED[name].text.say(language),
                "choice" if choices else str(kind["type"]),
                str(kind.get("minimum", "")),
                str(kind.get("maximum", "")),
                shown,
                choices,
            )
        )
    return tuple(fields)


def recommended_recipe(parts: Parts) -> Recipe:
    """For the newest training set on this machine, as the worker chooses it; before the first one, the plain recipe."""
    rows = dataset_samples.c
    with reading(parts.db) as tx:
        newest = select(datasets.c.hash, datasets.c.train).order_by(datasets.c.created_at.desc()).limit(1)
        found = tx.execute(newest).one_or_none()
        if found is None or not found.train:
            return Recipe()
        some = select(rows.sample, rows.sealed).where(rows.dataset == found.hash, rows.part == "train")
        samples = [open_sample(parts.vault, *row) for row in tx.execute(some.order_by(rows.sample).limit(MEASURED))]
    lengths = token_counts(parts.base.folder, [sample.prompt + sample.answer for sample in samples])
    return recommend(found.train, lengths, _machine(), parameters=parameters_of(parts.base.folder))


def expected(parts: Parts, recipe: Recipe, stage: str) -> Estimate:
    """What a training of this recipe would take, from a dry step in a process of its own. Raises Conflict, Invalid."""
    with reading(parts.db) as tx:
        newest = tx.scalar(select(datasets.c.hash).order_by(datasets.c.created_at.desc()).limit(1))
        dataset = find_dataset(tx, parts.vault, hash=newest) if newest else None
    if dataset is None:
        zh, en = "第一次训练会先整理训练集，再估算", "the first training builds the data set, then it estimates"
        raise Conflict(reason={"zh": zh, "en": en})
    stages = parts.company.phrases.stages
    sections = frozenset(stages[stage].sections) if stage in stages else None
    return estimate(parts.base, pairs(dataset.train, sections), recipe, threads=parts.threads)


@cache
def _machine() -> Machine:
    return this_machine()
