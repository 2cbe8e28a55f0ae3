"""What a script is: sentences bound to sources, with what was checked, replaced and found. Stored as one JSON value."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal

from pydantic import TypeAdapter

from governance.errors import Language
from rag.company import Bilingual

Check = Literal["supported", "no_claim", "unverified"]
Origin = Literal["adapter", "plan", "edited"]


@dataclass(frozen=True, slots=True)
class Sentence:
    """`text` is filled, with people as tokens; `masked` still has its {placeholders}."""

    text: str
    masked: str
    move: str  # "" when a person wrote it
    sources: tuple[str, ...]
    phrase: str  # the approved wording it follows, as section.move@version; "" when it follows none
    structured: Check
    source: Check
    origin: Origin
    facts: tuple[str, ...] = ()  # behind the values in it; older versions stored none


@dataclass(frozen=True, slots=True)
class ScriptSection:
    id: str
    title: str
    sentences: tuple[Sentence, ...]


@dataclass(frozen=True, slots=True)
class Replaced:
    """`before`: what the adapter wrote ("": it left the sentence out); `after`: what stands there now ("": nothing)."""

    section: str
    before: str
    after: str
    reason: Bilingual


@dataclass(frozen=True, slots=True)
class Finding:
    """A rule that fired, with the words that it fired on."""

    rule: str
    article: str
    version: str
    severity: Literal["block", "must_say", "review", "hint"]
    message: Bilingual
    instead: Bilingual
    quoted: str
    section: str


@dataclass(frozen=True, slots=True)
class Given:
    """A value that the brief held, with the facts and sources behind it."""

    slot: str
    text: str
    facts: tuple[str, ...]
    sources: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Planned:
    """A section as it was planned: its moves, what was known and disputed, and the outline that the model was given."""

    id: str
    moves: tuple[str, ...]
    groups: tuple[str, ...]
    disputed: tuple[str, ...]
    outline: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Inputs:
    """
    All that a script was written from, so that it can be written again as of its day. `sources` are SHA-256 of their
    texts; `phrases`, `rules` and `cues` are digests of the content, whatever version it calls itself.
    """

    written_at: datetime
    representative: str
    values: tuple[Given, ...]
    unknown: tuple[str, ...]
    sources: Mapping[str, str]
    plan: tuple[Planned, ...]
    base: str  # hash of the base model; "" without an adapter
    seed: int
    way: str
    longest: int  # tokens of a section
    phrases: str
    rules: str
    cues: str


@dataclass(frozen=True, slots=True)
class Rewrite:
    """One section written once more at the wish of a person; `turn` is the number of the try, from 1."""

    section: str
    reason: str
    turn: int
    seed: int
    by: str
    at: datetime
    undone: bool = False


@dataclass(frozen=True, slots=True)
class Script:
    """The body of a script as of a day. `unknowns` are labels of what the brief did not know or could not trust."""

    language: Language
    customer: str
    customer_name: str
    stage: str
    product: str
    as_of: date
    phrase_version: str
    adapter: str | None
    sections: tuple[ScriptSection, ...]
    unknowns: tuple[Bilingual, ...]
    notices: tuple[Bilingual, ...]
    replaced: tuple[Replaced, ...]
    findings: tuple[Finding, ...]
    rollout: str | None = None  # the gradual release it was written under
    arm: Literal["candidate", "baseline"] = "baseline"
    inputs: Inputs | None = None  # older versions stored none
    rewrites: tuple[Rewrite, ...] = ()  # oldest first; undoing one does not give the try back
    restores: str | None = None  # the earlier version whose text this one holds again

    @property
    def sources(self) -> tuple[str, ...]:
        """Every cited source once, in the order of first use: the numbers of the evidence."""
        return tuple(
            dict.fromkeys(source for section in self.sections for line in section.sentences for source in line.sources)
        )


_JSON = TypeAdapter(Script)


def to_json(script: Script) -> str:
    """Canonical enough to be stored and read back equal."""
    return _JSON.dump_json(script).decode()


def from_json(text: str) -> Script:
    """The inverse of `to_json`."""
    return _JSON.validate_json(text)
