"""A training sample and its content hash; sections, questions and what people wrote are this one shape."""

import hashlib
import json
from dataclasses import dataclass, fields
from typing import Any, Literal

from governance.errors import Language

FuelKind = Literal["approved", "edit", "rejection", "note"]
_LATER = ("document", "page", "source", "place")  # not written when they say nothing: older samples keep their hash


@dataclass(frozen=True, slots=True)
class Sample:
    """
    `slots` are the placeholders that a right answer holds. `unit` is what the split goes by: a document or a customer.

    The way back: `passports` say where the content came from, `document`, `page` and `source` (the passage's id) where
    the answer was read, `place` which characters of the passage it is, `span` where in the prompt's excerpt it lies.
    """

    kind: Literal["section", "extractive", "fuel"]
    language: Language
    prompt: str
    answer: str
    slots: tuple[str, ...]
    section: str | None
    passports: tuple[str, ...]
    unit: str
    span: tuple[int, int] | None = None
    document: str = ""
    page: int | None = None
    source: str = ""
    place: tuple[int, int] | None = None

    @property
    def id(self) -> str:
        """SHA-256 of the canonical JSON."""
        return hashlib.sha256(canonical(self).encode()).hexdigest()


_FIELDS = tuple(field.name for field in fields(Sample))


@dataclass(frozen=True, slots=True)
class Fuel:
    """
    What use gives back: a script approved as the model wrote it, one that a person edited or rejected, a meeting note.

    `sample` holds what should have been written, `rejected` what was written instead of it. `weight`: how often it is
    seen, at most twice; with 0 it only becomes a preference, as a rejection always does.
    """

    kind: FuelKind
    sample: Sample
    rejected: str | None = None
    weight: float = 1.0


@dataclass(frozen=True, slots=True)
class Preference:
    """A person preferred `chosen.answer` to `rejected`, which the model had written for the same prompt."""

    chosen: Sample
    rejected: str

    @property
    def id(self) -> str:
        """SHA-256 of both sides."""
        return hashlib.sha256(f"{self.chosen.id}/{self.rejected}".encode()).hexdigest()


def canonical(sample: Sample) -> str:
    """One line of the canonical JSONL."""
    data = {name: getattr(sample, name) for name in _FIELDS}
    data = {name: value for name, value in data.items() if name not in _LATER or value not in (None, "")}
    return json.dumps(data, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def parse(line: str) -> Sample:
    """The sample of a canonical line."""
    data: dict[str, Any] = json.loads(line)
    data["slots"], data["passports"] = tuple(data["slots"]), tuple(data["passports"])
    for name in ("span", "place"):
        data[name] = tuple(data[name]) if data.get(name) else None
    return Sample(**data)


def merkle_root(ids: list[str]) -> str:
    """One hash for a set of samples, independent of their order."""
    layer = [bytes.fromhex(each) for each in sorted(ids)] or [b""]
    while len(layer) > 1:
        pairs = [b"".join(layer[at : at + 2]) for at in range(0, len(layer), 2)]
        layer = [hashlib.sha256(pair).digest() for pair in pairs]
    return layer[0].hex() if ids else hashlib.sha256(b"").hexdigest()
