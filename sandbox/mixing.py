"""How much of what goes into training: sections dominate, and the model does not eat its own output."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence

from sandbox.samples import FuelKind, Sample

EXTRACTIVE_PERCENT = 20  # of sections and questions together: the share that the recipe's 90 steps were tuned with
FUEL_PERCENT = 20  # of all that is trained on
OWN_PERCENT = 10  # of all that is trained on: what the model wrote and nobody changed
MOST_REPEATS = 2


def mixed(samples: Sequence[Sample]) -> tuple[list[Sample], list[Sample]]:
    """Kept and left out: every section, and of the questions a fifth of the whole; all of them without a section."""
    sections = [sample for sample in samples if sample.kind == "section"]
    asked = [sample for sample in samples if sample.kind == "extractive"]
    room = len(sections) * EXTRACTIVE_PERCENT // (100 - EXTRACTIVE_PERCENT) if sections else len(asked)
    fair = in_turn(asked)
    return [*sections, *fair[:room]], fair[room:]


def with_fuel(
    samples: Sequence[Sample], fuel: Sequence[Sample], kinds: Mapping[str, FuelKind], repeats: Mapping[str, int]
) -> tuple[list[Sample], list[Sample]]:
    """
    Kept, with its repeats, and left out. Fuel is at most a fifth of the result, and what was approved as the model
    wrote it at most a tenth; what people changed or wrote goes first.
    """
    human = [s for s in in_turn(fuel) if kinds[s.id] != "approved"]
    own = [s for s in in_turn(fuel) if kinds[s.id] == "approved"]
    room = len(samples) * FUEL_PERCENT // (100 - FUEL_PERCENT)
    kept = _fitting(human, repeats, room)
    others = len(samples) + len(kept)
    kept += _fitting(own, repeats, min(room - len(kept), others * OWN_PERCENT // (100 - OWN_PERCENT)))
    taken = {sample.id for sample in kept}
    return kept, [sample for sample in (*human, *own) if sample.id not in taken]


def in_turn(samples: Iterable[Sample]) -> list[Sample]:
    """One of each document or customer, then a second of each: the first so many are not all of the largest."""
    lanes: dict[str, list[Sample]] = {}
    for sample in sorted(samples, key=_draw):
        lanes.setdefault(sample.unit, []).append(sample)
    ranked = [(turn, _draw(sample), sample) for lane in lanes.values() for turn, sample in enumerate(lane)]
    return [sample for _, _, sample in sorted(ranked, key=lambda each: each[:2])]


def _fitting(samples: Sequence[Sample], repeats: Mapping[str, int], room: int) -> list[Sample]:
    """Each once as long as there is room, then the repeats."""
    kept = list(samples[: max(0, room)])
    again = [sample for sample in kept for _ in range(min(MOST_REPEATS, repeats[sample.id]) - 1)]
    return kept + again[: max(0, room - len(kept))]


def _draw(sample: Sample) -> tuple[str, str]:
    """At random, and the same for a question that is only worded in another way."""
    place = f"{sample.source}/{sample.place}" if sample.source else sample.id
    return hashlib.sha256(place.encode()).hexdigest(), sample.id
