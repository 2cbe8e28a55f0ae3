"""The folded-away fields of a training as plain values: name, bounds, what is recommended, and what it does."""

from dataclasses import dataclass
from functools import cache
from typing import Any

from sqlalchemy import select

from assistant.i18n import Locale, language_of
from assistant.parts import Parts
from assistant.training_view import number
from governance.db import reading
from sandbox.recipe import ADVANCED, EXPLAINED, Machine, Recipe, RecipeForm, recommend, this_machine
from sandbox.tables import datasets

GPU_ONLY = frozenset({"quantized", "compile", "attention"})
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
    """For the newest training set on this machine; before the first one, the plain recipe."""
    with reading(parts.db) as tx:
        rows = tx.scalar(select(datasets.c.train).order_by(datasets.c.created_at.desc()).limit(1))
    return recommend(rows, (), _machine()) if rows else Recipe()


@cache
def _machine() -> Machine:
    return this_machine()
