"""The training set: gated, split by document and customer, mixed, content-addressed."""

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import islice
from typing import Any

from sqlalchemy import Connection, Table, delete, insert, select, update

from governance.errors import Corrupt
from governance.vault import Vault, seal, unseal
from rag.company import Bilingual, Rule
from sandbox.coverage import covered
from sandbox.extractive import Text
from sandbox.gates import REASONS, Gates, Quarantined
from sandbox.mixing import MOST_REPEATS, mixed, with_fuel
from sandbox.samples import Fuel, FuelKind, Preference, Sample, canonical, merkle_root, parse
from sandbox.split import is_held_out, split, unit_of
from sandbox.tables import dataset_passports, dataset_reports, dataset_samples, datasets, sample_passports
from sandbox.tables import preferences as preference_rows

__all__ = [
    "Dataset",
    "Quarantined",
    "find_dataset",
    "inputs_hash",
    "is_held_out",
    "keep_dataset",
    "make_dataset",
    "name_of",
    "questions",
]
ROWS_AT_ONCE = 1000


@dataclass(frozen=True, slots=True)
class Dataset:
    """`hash` covers which samples are trained on and which are held out, and the preferences; not the report."""

    hash: str
    train: tuple[Sample, ...]
    heldout: tuple[Sample, ...]
    quarantined: tuple[Quarantined, ...]
    preferences: tuple[Preference, ...] = ()
    report: Mapping[str, Any] = field(default_factory=dict[str, Any])

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
    breaks: Callable[[Sample], Sequence[Rule]] = lambda sample: (),
    leaks: Callable[[Sample], bool] = lambda sample: False,
    released: Mapping[str, frozenset[str]] | None = None,
    fuel: Sequence[Fuel] = (),
    texts: Sequence[Text] = (),
) -> Dataset:
    """
    Gate, split, mix and name. `texts`: the passages behind the samples, for the coverage in the report.

    See `Gates` for what is caught, `split` for what holds across the two sides, `mixing` for the shares.
    """
    gates = Gates(hostile, purposes, is_personal, breaks, leaks, released or {})
    fed = [replace(each, sample=replace(each.sample, kind="fuel")) for each in fuel]
    taught = {each.sample.id: each for each in fed if each.kind != "rejection" and each.weight > 0}
    candidates = {s.id: s for s in (*samples, *(each.sample for each in taught.values()))}
    found = {key: gates.check(sample) for key, sample in candidates.items()}
    kinds: dict[str, FuelKind] = {key: each.kind for key, each in taught.items()}
    repeats = {key: min(MOST_REPEATS, max(1, round(each.weight))) for key, each in taught.items()}
    parts = split((candidates[key] for key, caught in found.items() if caught is None), kinds, seed)
    sides = [_mix(side, kinds, repeats) for side in (parts.train, parts.heldout)]
    train, heldout = (kept for kept, _ in sides)
    held = {unit_of(sample) for sample in parts.heldout}
    wished = [f for f in fed if unit_of(f.sample) not in held and not is_held_out(f.sample.unit, seed)]
    preferences, refused = _preferences(wished, gates)
    quarantined = {caught.sample.id: caught for caught in (*found.values(), *refused) if caught is not None}
    left_out = {**parts.left_out, **{sample.id: "mix" for _, beyond in sides for sample in beyond}}
    kept = {sample.id for sample in (*train, *heldout)}
    report = _report(train, heldout, quarantined, left_out, preferences)
    report["coverage"] = covered(texts, list(candidates.values()), kept, list(quarantined.values()), left_out)
    name = name_of(train, heldout, preferences)
    return Dataset(name, train, heldout, tuple(quarantined.values()), preferences, report)


def name_of(train: Sequence[Sample], heldout: Sequence[Sample], preferences: Sequence[Preference] = ()) -> str:
    """The hash over the Merkle roots of the parts; without preferences the parts are two."""
    parts = [[sample.id for sample in train], [sample.id for sample in heldout], [each.id for each in preferences]]
    roots = [merkle_root(part) for part in parts[: 3 if preferences else 2]]
    return hashlib.sha256("/".join(roots).encode()).hexdigest()


def _mix(
    side: Sequence[Sample], kinds: Mapping[str, FuelKind], repeats: Mapping[str, int]
) -> tuple[tuple[Sample, ...], list[Sample]]:
    kept, beyond = mixed(side)
    written, too_much = with_fuel(kept, [sample for sample in side if sample.id in kinds], kinds, repeats)
    return tuple(sorted([*kept, *written], key=lambda sample: sample.id)), [*beyond, *too_much]


def _preferences(fuel: Sequence[Fuel], gates: Gates) -> tuple[tuple[Preference, ...], list[Quarantined]]:
    """Edits and rejections, both sides gated; what breaks a rule may well be what was rejected."""
    kept: dict[str, Preference] = {}
    refused: list[Quarantined] = []
    for each in fuel:
        if each.kind not in ("edit", "rejection") or not each.rejected or not each.sample.answer:
            continue
        sides = (
            gates.check(each.sample),
            gates.check(replace(each.sample, answer=each.rejected, slots=(), span=None, place=None), spoken=False),
        )
        if caught := [side for side in sides if side is not None]:
            refused += caught
        elif each.rejected != each.sample.answer:
            preference = Preference(each.sample, each.rejected)
            kept[preference.id] = preference
    return tuple(kept[key] for key in sorted(kept)), refused


def _report(
    train: Sequence[Sample],
    heldout: Sequence[Sample],
    quarantined: Mapping[str, Quarantined],
    left_out: Mapping[str, str],
    preferences: Sequence[Preference],
) -> dict[str, Any]:
    """What the admin reads beside the set; plain JSON without content."""
    reasons = Counter(left_out.values())
    samples = (*train, *heldout)
    return {
        "duplicates": reasons["duplicate"],
        "near_duplicates": reasons["near_duplicate"] + reasons["across"],
        "near_duplicates_across": reasons["across"],
        "beyond_mix": reasons["mix"],
        "by_kind": dict(sorted(Counter(sample.kind for sample in samples).items())),
        "by_language": dict(sorted(Counter(sample.language for sample in samples).items())),
        "train_by_kind": dict(sorted(Counter(sample.kind for sample in train).items())),
        "quarantined": dict(sorted(Counter(each.kind for each in quarantined.values()).items())),
        "preferences": len(preferences),
    }


def keep_dataset(tx: Connection, vault: Vault, dataset: Dataset, inputs: str, now: datetime) -> None:
    """
    Store it under its hash. Samples and preferences are never changed; what was kept back and the report are of the
    newest build that gave this set.
    """
    key = datasets.c.hash == dataset.hash
    if tx.scalar(select(datasets.c.hash).where(key)):
        tx.execute(update(datasets).where(key).values(inputs=inputs, quarantined=len(dataset.quarantined)))
        table = dataset_samples.c
        tx.execute(delete(dataset_samples).where(table.dataset == dataset.hash, table.part == "quarantine"))
        for lineage in (dataset_reports, dataset_passports, sample_passports):
            tx.execute(delete(lineage).where(lineage.c.dataset == dataset.hash))
    else:
        counts = {"train": len(dataset.train), "heldout": len(dataset.heldout), "quarantined": len(dataset.quarantined)}
        tx.execute(insert(datasets).values(hash=dataset.hash, inputs=inputs, created_at=now, **counts))
        _insert(tx, dataset_samples, _sample_rows(vault, dataset, caught=False))
        _insert(tx, preference_rows, _preference_rows(vault, dataset))
    _insert(tx, dataset_samples, _sample_rows(vault, dataset, caught=True))
    _keep_lineage(tx, dataset)
    tx.execute(insert(dataset_reports).values(dataset=dataset.hash, report=dict(dataset.report)))


def find_dataset(tx: Connection, vault: Vault, *, inputs: str | None = None, hash: str | None = None) -> Dataset | None:  # noqa: A002
    """By what it was built from or by its hash. Raises Corrupt when a stored sample does not have its own hash."""
    condition = datasets.c.inputs == inputs if inputs is not None else datasets.c.hash == hash
    if not (found := tx.scalar(select(datasets.c.hash).where(condition))):
        return None
    query = select(dataset_samples).where(dataset_samples.c.dataset == found).order_by(dataset_samples.c.position)
    parts: dict[str, list[Sample]] = {"train": [], "heldout": []}
    quarantined: list[Quarantined] = []
    for row in tx.execute(query).mappings():
        sample = open_sample(vault, row["sample"], row["sealed"])
        if row["part"] == "quarantine":
            quarantined.append(kept_back(sample, row))
        else:
            parts[row["part"]].append(sample)
    preferences = _stored_preferences(tx, vault, found)
    if name_of(parts["train"], parts["heldout"], preferences) != found:
        raise corrupt(f"{found[:12]} 的样本有增减", f"samples of {found[:12]} were added or removed")
    report = tx.scalar(select(dataset_reports.c.report).where(dataset_reports.c.dataset == found)) or {}
    return Dataset(found, tuple(parts["train"]), tuple(parts["heldout"]), tuple(quarantined), preferences, report)


def open_sample(vault: Vault, id_: str, sealed: bytes) -> Sample:
    """Raises Corrupt when the stored sample does not have its own hash."""
    sample = parse(unseal(vault, sealed))
    if sample.id != id_:
        raise corrupt(f"样本 {id_[:12]} 与其校验和不符", f"sample {id_[:12]} does not fit its hash")
    return sample


def kept_back(sample: Sample, row: Mapping[Any, Any]) -> Quarantined:
    """A stored sample in quarantine; rows of earlier versions say what was caught in words only."""
    reason = Bilingual(zh=row["reason_zh"], en=row["reason_en"])
    caught = row["caught"] or [kind for kind, said in REASONS.items() if said == reason] or ["purpose"]
    return Quarantined(sample, reason, tuple(caught))


def corrupt(zh: str, en: str) -> Corrupt:
    """The error for a stored set that contradicts itself."""
    return Corrupt(what={"zh": "训练集", "en": "The training set"}, reason={"zh": zh, "en": en})


def questions(dataset: Dataset, *, sections: int, extractive: int) -> list[Sample]:
    """Held-out samples for the evaluation, spread evenly over section types and languages; always the same."""
    chosen: list[Sample] = []
    for kind, wanted in (("section", sections), ("extractive", extractive)):
        lanes: dict[tuple[str, str], list[Sample]] = {}
        for sample in dataset.heldout:
            if sample.kind == kind:
                lanes.setdefault((sample.section or "", sample.language), []).append(sample)
        rounds = max((len(lane) for lane in lanes.values()), default=0)
        spread = [lane[turn] for turn in range(rounds) for _, lane in sorted(lanes.items()) if turn < len(lane)]
        chosen += spread[:wanted]
    return chosen


def inputs_hash(parts: Sequence[object]) -> str:
    """Of plain JSON values."""
    return hashlib.sha256(json.dumps(parts, ensure_ascii=False, sort_keys=True).encode()).hexdigest()


def _insert(tx: Connection, table: Table, rows: Iterable[Mapping[str, Any]]) -> None:
    """In pieces, so that a large set is never in memory twice."""
    remaining = iter(rows)
    while chunk := list(islice(remaining, ROWS_AT_ONCE)):
        tx.execute(insert(table), chunk)


def _sample_rows(vault: Vault, dataset: Dataset, *, caught: bool) -> Iterator[dict[str, Any]]:
    """The two parts of the set, or what was kept back, behind them."""
    parts: list[tuple[str, Sample, Quarantined | None]] = [("train", s, None) for s in dataset.train]
    parts += [("heldout", s, None) for s in dataset.heldout]
    parts += [("quarantine", each.sample, each) for each in dataset.quarantined]
    for position, (part, sample, why) in enumerate(parts):
        if (why is not None) == caught:
            yield {
                "dataset": dataset.hash,
                "position": position,
                "sample": sample.id,
                "part": part,
                "unit": sample.unit,
                "passports": list(sample.passports),
                "reason_zh": why.reason.zh if why else "",
                "reason_en": why.reason.en if why else "",
                "caught": list(why.caught) if why else None,
                "sealed": seal(vault, canonical(sample)),
            }


def _preference_rows(vault: Vault, dataset: Dataset) -> Iterator[dict[str, Any]]:
    for position, each in enumerate(dataset.preferences):
        sealed = seal(vault, json.dumps([canonical(each.chosen), each.rejected], ensure_ascii=False))
        lineage = {"unit": each.chosen.unit, "passports": list(each.chosen.passports)}
        yield {"dataset": dataset.hash, "position": position, **lineage, "sealed": sealed}


def _stored_preferences(tx: Connection, vault: Vault, dataset: str) -> tuple[Preference, ...]:
    query = select(preference_rows.c.sealed).where(preference_rows.c.dataset == dataset)
    found = (json.loads(unseal(vault, sealed)) for sealed in tx.scalars(query.order_by(preference_rows.c.position)))
    return tuple(Preference(parse(chosen), rejected) for chosen, rejected in found)


def _keep_lineage(tx: Connection, dataset: Dataset) -> None:
    """Record → how many samples, and which; an empty passport is nobody's record."""
    every = [*dataset.samples, *(each.sample for each in dataset.quarantined)]
    places = [
        (passport, position) for position, sample in enumerate(every) for passport in set(sample.passports) if passport
    ]
    held = Counter(passport for passport, _ in places)
    trained = Counter(passport for passport, position in places if position < len(dataset.train))
    own = {"dataset": dataset.hash}
    _insert(tx, sample_passports, ({**own, "passport": passport, "position": at} for passport, at in places))
    counts = ({**own, "passport": key, "samples": held[key], "trained": trained[key]} for key in sorted(held))
    _insert(tx, dataset_passports, counts)
