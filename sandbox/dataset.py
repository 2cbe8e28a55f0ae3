"""The training set: gates before, split by document and customer, content-addressed, sealed at rest."""

import hashlib
import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, insert, select

from governance.errors import Corrupt
from governance.vault import TOKEN, Vault, seal, unseal
from rag.company import Bilingual
from sandbox.samples import Sample, canonical, merkle_root, parse
from sandbox.tables import dataset_samples, datasets

HELD_OUT_PERCENT = 12
FEWEST_HELD_OUT = 2  # units of a kind, as soon as there are three times as many
CONTROL = re.compile(r"<\|?/?[a-z][a-z_]*\|>|<(?:bos|eos|pad|unk|mask|s|/s|start_of_turn|end_of_turn)>|\[/?INST\]")

HOSTILE = Bilingual(zh="含有对模型的指令", en="holds instructions to the model")
PERSONAL = Bilingual(zh="仍像含有个人信息", en="still looks like personal data")
STEERING = Bilingual(zh="含有控制符", en="holds a control token")
PURPOSE = Bilingual(zh="来源未允许用于训练", en="its source may not be used for training")


@dataclass(frozen=True, slots=True)
class Quarantined:
    sample: Sample
    reason: Bilingual


@dataclass(frozen=True, slots=True)
class Dataset:
    """`hash` covers which samples are trained on and which are held out."""

    hash: str
    train: tuple[Sample, ...]
    heldout: tuple[Sample, ...]
    quarantined: tuple[Quarantined, ...]

    @property
    def samples(self) -> tuple[Sample, ...]:
        """Everything that passed the gates."""
        return self.train + self.heldout

    @property
    def unseen(self) -> int:
        """Held-out prompts that no training sample has."""
        known = {sample.prompt for sample in self.train}
        return sum(sample.prompt not in known for sample in self.heldout)


def make_dataset(
    samples: Iterable[Sample],
    *,
    hostile: frozenset[str],
    purposes: Mapping[str, tuple[str, ...]],
    is_personal: Callable[[Sample], bool],
    seed: int,
) -> Dataset:
    """
    Gate and split. `hostile`: prompts from passages that instruct; `purposes`: of each passport.

    No document and no customer is on both sides of the split, and no question with its answer. A section's prompt
    holds no fact of its customer: two customers of whom the same is known share theirs; `unseen` counts the others.
    """
    passed: dict[str, Sample] = {}
    quarantined: list[Quarantined] = []
    for sample in samples:
        if reason := _reason(sample, hostile, purposes, is_personal):
            quarantined.append(Quarantined(sample, reason))
        else:
            passed[sample.id] = sample
    held = _held_out({(s.kind, s.unit) for s in passed.values()}, seed)
    ordered = [passed[key] for key in sorted(passed)]
    heldout = {(s.prompt, s.answer): s for s in ordered if (s.kind, s.unit) in held}
    train = [s for s in ordered if (s.kind, s.unit) not in held]
    train = [s for s in train if s.kind == "section" or (s.prompt, s.answer) not in heldout]
    parts = [tuple(train), tuple(sorted(heldout.values(), key=lambda sample: sample.id))]
    roots = [merkle_root([sample.id for sample in part]) for part in parts]
    return Dataset(hashlib.sha256("/".join(roots).encode()).hexdigest(), parts[0], parts[1], tuple(quarantined))


def is_held_out(unit: str, seed: int) -> bool:
    """By the hash of the document or customer alone: withdrawing one moves no other."""
    return _bucket(unit, seed) % 100 < HELD_OUT_PERCENT


def keep_dataset(tx: Connection, vault: Vault, dataset: Dataset, inputs: str, now: datetime) -> None:
    """Store it under its hash; nothing happens when it is there."""
    if tx.scalar(select(datasets.c.hash).where(datasets.c.hash == dataset.hash)):
        return
    counts = {name: len(getattr(dataset, name)) for name in ("train", "heldout", "quarantined")}
    tx.execute(insert(datasets).values(hash=dataset.hash, inputs=inputs, created_at=now, **counts))
    parts = [("train", s, None) for s in dataset.train] + [("heldout", s, None) for s in dataset.heldout]
    parts += [("quarantine", each.sample, each.reason) for each in dataset.quarantined]
    rows: list[dict[str, Any]] = []
    for position, (part, sample, reason) in enumerate(parts):
        said = {"reason_zh": reason.zh if reason else "", "reason_en": reason.en if reason else ""}
        lineage = {"sample": sample.id, "unit": sample.unit, "passports": list(sample.passports)}
        sealed = seal(vault, canonical(sample))
        rows.append({"dataset": dataset.hash, "position": position, "part": part, "sealed": sealed, **lineage, **said})
    if rows:
        tx.execute(insert(dataset_samples), rows)


def find_dataset(tx: Connection, vault: Vault, *, inputs: str | None = None, hash: str | None = None) -> Dataset | None:  # noqa: A002
    """By what it was built from or by its hash. Raises Corrupt when a stored sample does not have its own hash."""
    condition = datasets.c.inputs == inputs if inputs is not None else datasets.c.hash == hash
    if not (found := tx.scalar(select(datasets.c.hash).where(condition))):
        return None
    query = select(dataset_samples).where(dataset_samples.c.dataset == found).order_by(dataset_samples.c.position)
    parts: dict[str, list[Sample]] = {"train": [], "heldout": []}
    quarantined: list[Quarantined] = []
    for row in tx.execute(query).mappings():
        sample = parse(unseal(vault, row["sealed"]))
        if sample.id != row["sample"]:
            what = {"zh": "训练集", "en": "The training set"}
            reason = {
                "zh": f"样本 {row['sample'][:12]} 与其校验和不符",
                "en": f"sample {row['sample'][:12]} does not fit its hash",
            }
            raise Corrupt(what=what, reason=reason)
        if row["part"] == "quarantine":
            quarantined.append(Quarantined(sample, Bilingual(zh=row["reason_zh"], en=row["reason_en"])))
        else:
            parts[row["part"]].append(sample)
    return Dataset(found, tuple(parts["train"]), tuple(parts["heldout"]), tuple(quarantined))


def questions(dataset: Dataset, *, sections: int, extractive: int) -> list[Sample]:
    """Held-out samples for the evaluation, spread evenly over section types and languages; always the same."""
    chosen: list[Sample] = []
    for kind, wanted in (("section", sections), ("extractive", extractive)):
        lanes: dict[tuple[str, str], list[Sample]] = {}
        for sample in dataset.heldout:
            if sample.kind == kind:
                lanes.setdefault((sample.section or "", sample.language), []).append(sample)
        rounds = max((len(lane) for lane in lanes.values()), default=0)
        chosen += [lane[turn] for turn in range(rounds) for _, lane in sorted(lanes.items()) if turn < len(lane)][
            :wanted
        ]
    return chosen


def _reason(
    sample: Sample,
    hostile: frozenset[str],
    purposes: Mapping[str, tuple[str, ...]],
    is_personal: Callable[[Sample], bool],
) -> Bilingual | None:
    text = f"{sample.prompt}\n{sample.answer}"
    if sample.prompt in hostile:
        return HOSTILE
    if CONTROL.search(text):
        return STEERING
    if any("training" not in purposes.get(passport, ()) for passport in sample.passports):
        return PURPOSE
    if TOKEN.search(text) or is_personal(sample):
        return PERSONAL
    return None


def _held_out(units: set[tuple[str, str]], seed: int) -> set[tuple[str, str]]:
    held = {(kind, unit) for kind, unit in units if is_held_out(unit, seed)}
    for kind in sorted({kind for kind, _ in units}):
        ranked = sorted((unit for each, unit in units if each == kind), key=lambda unit: _bucket(unit, seed))
        if len(ranked) >= 3 * FEWEST_HELD_OUT:
            held |= {(kind, unit) for unit in ranked[:FEWEST_HELD_OUT]}
        elif len(ranked) > 1:
            held |= {(kind, ranked[0])}
    return held


def _bucket(unit: str, seed: int) -> int:
    return int.from_bytes(hashlib.sha256(f"{seed}:{unit}".encode()).digest()[:8], "big")


def inputs_hash(parts: Sequence[object]) -> str:
    """Of plain JSON values."""
    return hashlib.sha256(json.dumps(parts, ensure_ascii=False, sort_keys=True).encode()).hexdigest()
