"""A training sample and its content hash; both kinds, sections and questions, are this one shape."""

import hashlib
import json
from dataclasses import asdict, dataclass
from typing import Any, Literal

from governance.errors import Language


@dataclass(frozen=True, slots=True)
class Sample:
    """
    `slots` are the placeholders that a right answer holds. `unit` is what the split goes by: a document or a customer.

    `span`: where in the masked passage the answer lies. `passports`: where the content came from.
    """

    kind: Literal["section", "extractive"]
    language: Language
    prompt: str
    answer: str
    slots: tuple[str, ...]
    section: str | None
    passports: tuple[str, ...]
    unit: str
    span: tuple[int, int] | None = None

    @property
    def id(self) -> str:
        """SHA-256 of the canonical JSON."""
        return hashlib.sha256(canonical(self).encode()).hexdigest()


def canonical(sample: Sample) -> str:
    """One line of the canonical JSONL."""
    return json.dumps(asdict(sample), ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def parse(line: str) -> Sample:
    """The sample of a canonical line."""
    data: dict[str, Any] = json.loads(line)
    data["slots"], data["passports"] = tuple(data["slots"]), tuple(data["passports"])
    data["span"] = tuple(data["span"]) if data["span"] else None
    return Sample(**data)


def merkle_root(ids: list[str]) -> str:
    """One hash for a set of samples, independent of their order."""
    layer = [bytes.fromhex(each) for each in sorted(ids)] or [b""]
    while len(layer) > 1:
        pairs = [b"".join(layer[at : at + 2]) for at in range(0, len(layer), 2)]
        layer = [hashlib.sha256(pair).digest() for pair in pairs]
    return layer[0].hex() if ids else hashlib.sha256(b"").hexdigest()
