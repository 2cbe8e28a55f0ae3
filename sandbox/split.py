"""What is held out: by the hash of the document or customer, and nothing like it is trained on."""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from sandbox.duplicates import Row, near_duplicates
from sandbox.samples import FuelKind, Sample

HELD_OUT_PERCENT = 12
FEWEST_HELD_OUT = 2  # units of a kind, as soon as there are three times as many

Unit = tuple[str, str]  # "document" or "customer", and which


@dataclass(frozen=True, slots=True)
class Split:
    """`left_out`: sample → why: "duplicate", "near_duplicate", or "across", alike over the split."""

    train: tuple[Sample, ...]
    heldout: tuple[Sample, ...]
    left_out: Mapping[str, str]


def split(samples: Iterable[Sample], written: Mapping[str, FuelKind], seed: int) -> Split:
    """
    Train and held-out. `written`: of which kind a fuel sample is.

    What holds: no document and no customer is on both sides; no two samples are equal; of questions and fuel no two are
    alike (`near_duplicates`), within a side or across. The side of a document or customer is decided by its own id and
    the seed, never by another one: withdrawing one moves no other from held-out to train. From train to held-out one is
    moved only where fewer than two of its kind fall below the percentage, so that the next in rank stand in for them.
    Duplicates move nobody: of samples that are alike the one with the smallest id stays, on the side of its own
    document, and when that document is withdrawn, the next one comes in, on the side of its own.
    """
    passed = {sample.id: sample for sample in samples}
    held = held_out({unit_of(sample) for sample in passed.values()}, seed)
    ordered = sorted(passed.values(), key=lambda s: (written.get(s.id) == "approved", s.id))
    left_out: dict[str, str] = {}
    first: dict[tuple[str, str], Sample] = {}
    for sample in ordered:
        if first.setdefault((sample.prompt, sample.answer), sample) is not sample:
            left_out[sample.id] = "duplicate"
    compared = [sample for sample in first.values() if sample.kind != "section"]
    for place, other in near_duplicates([_row(sample) for sample in compared]).items():
        across = (unit_of(compared[place]) in held) != (unit_of(compared[other]) in held)
        left_out[compared[place].id] = "across" if across else "near_duplicate"
    kept = [sample for sample in ordered if sample.id not in left_out]
    sides = ([s for s in kept if unit_of(s) not in held], [s for s in kept if unit_of(s) in held])
    train, heldout = (tuple(sorted(side, key=lambda sample: sample.id)) for side in sides)
    return Split(train, heldout, left_out)


def unit_of(sample: Sample) -> Unit:
    """What the split goes by; a customer's fuel is on the side of the customer's sections."""
    return ("document" if sample.kind == "extractive" else "customer", sample.unit)


def is_held_out(unit: str, seed: int) -> bool:
    """By the hash of the document or customer alone."""
    return _bucket(unit, seed) < HELD_OUT_PERCENT


def held_out(units: set[Unit], seed: int) -> set[Unit]:
    """Those below the percentage, and the next in rank where these are too few to measure on."""
    held: set[Unit] = set()
    for kind in {kind for kind, _ in units}:
        ranked = sorted(((_bucket(u, seed), _digest(u, seed), u) for k, u in units if k == kind))
        fewest = FEWEST_HELD_OUT if len(ranked) >= 3 * FEWEST_HELD_OUT else min(1, len(ranked) - 1)
        held |= {(kind, u) for at, (bucket, _, u) in enumerate(ranked) if bucket < HELD_OUT_PERCENT or at < fewest}
    return held


def _bucket(unit: str, seed: int) -> int:
    return int.from_bytes(_digest(unit, seed)[:8], "big") % 100


def _digest(unit: str, seed: int) -> bytes:
    return hashlib.sha256(f"{seed}:{unit}".encode()).digest()


def _row(sample: Sample) -> Row:
    asked = sample.prompt.rsplit("\n", 1)[-1]
    return Row(f"{sample.prompt}\n{sample.answer}", f"{asked}\n{sample.answer}", sample.source)
