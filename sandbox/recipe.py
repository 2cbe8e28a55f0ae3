"""What a training does, in numbers; the same recipe on the same rows gives the same adapter."""

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from governance.errors import Invalid
from sandbox.explained import EXPLAINED, Explained
from sandbox.machine import Machine, parameters_of, this_machine

__all__ = [
    "ADVANCED",
    "EXPLAINED",
    "Explained",
    "Machine",
    "Recipe",
    "RecipeForm",
    "parameters_of",
    "recommend",
    "this_machine",
]

EMBEDDED_PARAMETERS = 268_098_176  # of the embedded Gemma
LARGEST_BATCH = 31  # "LoRA Without Regret": adapters learn worse than full training from 32 rows a step on
WATCHING = ("checkpoint_every", "heldout_rows")  # decide the result only when training may stop early
SAME_RESULT = ("micro_rows",)  # the gradient of a step is the same sum, up to rounding
LATER = ("patience", "packing", "quantized", "compile", "attention")  # left out of the hash at their defaults


@dataclass(frozen=True, slots=True)
class Recipe:
    """LoRA on every linear layer. The rate depends on the step alone: warm-up, then linear decay to a tenth."""

    rank: int = 16
    alpha: int = 32
    learning_rate: float = 6e-4
    warmup: int = 5
    steps: int = 90
    rows_per_step: int = 6
    max_tokens: int = 320
    clip: float = 1.0
    seed: int = 0
    checkpoint_every: int = 10
    heldout_rows: int = 16  # watched while training; the evaluation takes all
    micro_rows: int = 0  # rows of a forward pass, 0: all of a step
    patience: int = 0  # held-out measurements without a better one before it stops, 0: never; the best weights are kept
    packing: bool = False  # only after the contamination test passed on this model
    quantized: bool = False  # QLoRA: the base in 4 bits, on a GPU
    compile: bool = False
    attention: Literal["eager", "sdpa", "flash_attention_2"] = "eager"

    @property
    def hash(self) -> str:
        """What decides the result. A later field counts once it is set: older adapters keep their key."""
        plain = {field.name: field.default for field in fields(self)}
        ignored = {*SAME_RESULT, *(WATCHING if not self.patience else ())}
        decisive = {
            name: value
            for name, value in asdict(self).items()
            if name not in ignored and not (name in LATER and value == plain[name])
        }
        return hashlib.sha256(json.dumps(decisive, sort_keys=True).encode()).hexdigest()

    @property
    def forward_rows(self) -> int:
        """Rows that go through the model at once."""
        return self.micro_rows or self.rows_per_step

    def rate(self, step: int) -> float:
        """For step 1 to `steps`."""
        decay = 1 - 0.9 * (step - 1) / max(1, self.steps)
        return self.learning_rate * min(1.0, step / max(1, self.warmup)) * max(0.1, decay)


def recommend(
    rows: int, tokens: Sequence[int], machine: Machine, *, parameters: int = EMBEDDED_PARAMETERS, seed: int = 0
) -> Recipe:
    """
    Good defaults for `rows` of these lengths on this machine; `parameters` is the size of the base model.

    Measured: `Recipe()` with packing, for the embedded base and a thousand rows or more on two cores. The rest follows
    "LoRA Without Regret": all linear layers, a rate that does not depend on the rank, fewer than 32 rows a step.
    """
    plain = Recipe(seed=seed)
    gpu = min(machine.gpu_memory_mib, default=0)
    size = 16 if gpu else plain.rows_per_step
    steps = _steps(rows, size, machine)
    seen_again = steps * size > rows
    recipe = replace(
        plain,
        rank=_rank(rows) if gpu else plain.rank,
        learning_rate=_rate(parameters, plain),
        steps=steps,
        warmup=max(1, min(plain.warmup if steps < 200 else steps // 20, steps // 10)),
        rows_per_step=min(size, LARGEST_BATCH),
        max_tokens=_max_tokens(tokens, plain.max_tokens, 2048 if gpu else 1024),
        checkpoint_every=max(2, min(plain.checkpoint_every, steps // 4)) if steps <= 200 else steps // 20,
        patience=3 if seen_again else 0,  # rows that are never seen twice cannot be learnt by heart
        packing=not gpu,  # on two cores 1.4 times as fast as padded rows at equal loss; not measured on a GPU
    )
    if not gpu:
        return recipe
    quantized = 2 * parameters / 2**20 * 1.25 > 0.8 * gpu  # bfloat16 weights and a quarter for a row's activations
    return replace(
        recipe,
        attention="sdpa",
        heldout_rows=64,
        quantized=quantized,
        compile=steps >= 200 and not quantized,  # compiling takes about a minute
    )


def _steps(rows: int, size: int, machine: Machine) -> int:
    """A GPU goes over the rows twice; two cores have time for 540 rows. Nobody goes over them more than four times."""
    if machine.gpu_memory_mib:
        wanted = min(2 * max(rows, 240), 48_000)
    else:
        wanted = Recipe().steps * Recipe().rows_per_step * min(4, max(1, machine.cores // 2))
        wanted = min(wanted, max(rows, Recipe().steps * Recipe().rows_per_step))
    return max(1, math.ceil(min(wanted, 4 * max(1, rows)) / size))


def _rank(rows: int) -> int:
    """A large adapter only pays for much data; with little they begin alike."""
    return 16 if rows < 5_000 else 32 if rows < 20_000 else 64


def _rate(parameters: int, plain: Recipe) -> float:
    """About ten times the rate of full training, which falls with the model's size."""
    if parameters < 600_000_000:
        return plain.learning_rate
    return 3e-4 if parameters < 4_000_000_000 else 2e-4


def _max_tokens(tokens: Sequence[int], plain: int, most: int) -> int:
    """The usual limit unless it would leave out more than a twentieth of the rows; then in steps of 64."""
    if not tokens or sum(count > plain for count in tokens) * 20 <= len(tokens):
        return plain
    needed = sorted(tokens)[max(0, math.ceil(0.98 * len(tokens)) - 1)]
    return max(plain, min(most, math.ceil(needed / 64) * 64))


class RecipeForm(BaseModel):
    """The folded-away fields of a training; what is left empty stays as recommended."""

    model_config = ConfigDict(extra="forbid", strict=False)

    rank: Annotated[int, Field(ge=1, le=256)] | None = None
    alpha: Annotated[int, Field(ge=1, le=512)] | None = None
    learning_rate: Annotated[float, Field(ge=1e-6, le=1e-2, allow_inf_nan=False)] | None = None
    warmup: Annotated[int, Field(ge=0, le=1_000)] | None = None
    steps: Annotated[int, Field(ge=1, le=100_000)] | None = None
    rows_per_step: Annotated[int, Field(ge=1, le=LARGEST_BATCH)] | None = None
    max_tokens: Annotated[int, Field(ge=16, le=8_192)] | None = None
    clip: Annotated[float, Field(ge=0.01, le=100, allow_inf_nan=False)] | None = None
    seed: Annotated[int, Field(ge=0, le=2**31 - 1)] | None = None
    checkpoint_every: Annotated[int, Field(ge=1, le=10_000)] | None = None
    heldout_rows: Annotated[int, Field(ge=1, le=1_000)] | None = None
    micro_rows: Annotated[int, Field(ge=0, le=LARGEST_BATCH)] | None = None
    patience: Annotated[int, Field(ge=0, le=100)] | None = None
    packing: bool | None = None
    quantized: bool | None = None
    compile: bool | None = None
    attention: Literal["eager", "sdpa", "flash_attention_2"] | None = None

    @classmethod
    def read(cls, given: Mapping[str, Any]) -> "RecipeForm":
        """Of what a screen or a file gives; empty text counts as not given. Raises Invalid in both languages."""
        try:
            return cls(**{name: value for name, value in given.items() if value not in ("", None)})
        except ValidationError as wrong:
            raise _invalid([(str(each["loc"][0]), each) for each in wrong.errors()]) from wrong

    def to_recipe(self, base: Recipe) -> Recipe:
        """`base` with what was filled in. Raises Invalid when fields contradict each other."""
        recipe = replace(base, **self.model_dump(exclude_none=True))
        if recipe.micro_rows > recipe.rows_per_step:
            raise _contradiction("micro_rows", "rows_per_step")
        if recipe.warmup > recipe.steps:
            raise _contradiction("warmup", "steps")
        return recipe


ADVANCED = tuple(RecipeForm.model_fields)  # every field is advanced: the recommended recipe needs none of them


def _invalid(wrong: Sequence[tuple[str, Any]]) -> Invalid:
    zh: list[str] = []
    en: list[str] = []
    for name, error in wrong:
        shown = EXPLAINED.get(name)
        bound: Mapping[str, Any] = error.get("ctx", {})
        if shown is None:
            zh.append(f"没有“{name[:40]}”这一项")
            en.append(f"there is no field '{name[:40]}'")
        elif "ge" in bound or "le" in bound:
            least, most = bound.get("ge"), bound.get("le")
            zh.append(f"“{shown.title.zh}”不能{f'小于 {least}' if most is None else f'大于 {most}'}")
            en.append(f"'{shown.title.en}' may not be {f'below {least}' if most is None else f'above {most}'}")
        else:
            zh.append(f"“{shown.title.zh}”的值“{str(error.get('input'))[:40]}”不可用")
            en.append(f"'{shown.title.en}' cannot be '{str(error.get('input'))[:40]}'")
    return Invalid(reason={"zh": "；".join(zh), "en": "; ".join(en)})


def _contradiction(larger: str, smaller: str) -> Invalid:
    one, other = EXPLAINED[larger].title, EXPLAINED[smaller].title
    zh, en = f"“{one.zh}”不能大于“{other.zh}”", f"'{one.en}' may not be larger than '{other.en}'"
    return Invalid(reason={"zh": zh, "en": en})
