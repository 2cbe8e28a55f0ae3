"""Rules as data: what a pack holds, with named lists and shared exceptions of packs/rule-words.yaml spelt out."""

import re
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any, Literal, cast

import yaml
from pydantic import BaseModel, ConfigDict, Field, model_validator

from governance.errors import Language
from rag.rule_frames import all_parts

PACKS = Path(__file__).resolve().parent.parent / "packs"
_NAME = re.compile(r"\{([a-z][a-z0-9_]*)\}")


class Edge(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, str_strip_whitespace=True)


class Bilingual(Edge):
    zh: str
    en: str

    def say(self, language: Language) -> str:
        """The text in `language`."""
        return self.zh if language == "zh" else self.en


class Exemption(Edge):
    """
    When a rule does not apply, and why. A pattern with {hit} says what must stand before or behind the words that were
    detected; one without covers them where it overlaps them; `{hit} & a & !b` speaks of their whole sentence.
    """

    id: str
    why: Bilingual
    zh: list[str] = Field(default_factory=list)
    en: list[str] = Field(default_factory=list)

    def patterns(self, language: Language) -> list[str]:
        return self.zh if language == "zh" else self.en


class Rule(Edge):
    """
    One rule of law or of the house. `detect` and `exceptions` hold regular expressions per language over plain text
    (rag/disguise.py): lower case, simplified, half-width. {name} stands for a list of packs/rule-words.yaml; parts
    joined by " & " stand in one sentence in any order, one with "!" before it does not (rag/rule_frames.py).
    """

    id: str
    article: str
    version: str  # date of the text that the rule was written from
    unverified: bool = False  # the article was noted from memory: nobody has looked it up
    severity: Literal["block", "must_say", "review", "hint"]
    detect: dict[Language, list[str]]
    exceptions: list[Exemption] = Field(default_factory=list[Exemption])
    message: Bilingual
    instead: Bilingual
    hits: list[str]  # sentences that must be found
    passes: list[str]  # look-alikes that must not

    @model_validator(mode="before")
    @classmethod
    def _spell_out(cls, raw: Any) -> Any:
        """Names → lists and shared exceptions; exceptions as {zh: […], en: […]} become one without a reason."""
        if not isinstance(raw, dict):
            return raw
        rule = cast(dict[str, Any], raw)
        given = rule.get("exceptions") or []
        if isinstance(given, dict):
            why = {"zh": "规则所列的例外", "en": "an exception that the rule lists"}
            given = [{"id": "listed", "why": why, **cast(dict[str, Any], given)}]
        shared = _rule_words()["exceptions"]
        listed = [shared.get(each, each) if isinstance(each, str) else each for each in cast(list[Any], given)]
        spelt = {"detect": spell_out(rule.get("detect")), "exceptions": [spell_out(each) for each in listed]}
        return {**rule, **spelt}

    @model_validator(mode="after")
    def _patterns_compile(self) -> "Rule":
        exempt = [pattern for each in self.exceptions for pattern in (*each.zh, *each.en)]
        detected = [part for patterns in self.detect.values() for pattern in patterns for part in all_parts(pattern)]
        lifting = [part for pattern in exempt for each in all_parts(pattern) for part in each.split("{hit}")]
        for part in (*detected, *lifting):
            re.compile(part)
        return self


def _rule_words() -> dict[str, Any]:
    """As the file stands: a server reads rules again when somebody changes them."""
    path = PACKS / "rule-words.yaml"
    return _read_words(path, path.stat().st_mtime_ns)


@lru_cache(maxsize=1)
def _read_words(path: Path, stamp: int) -> dict[str, Any]:
    del stamp
    content: Any = yaml.load(path.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader)
    return content


def spell_out(patterns: Any) -> Any:
    """{"zh": […], "en": […]} with every {name} replaced by that language's list; other keys stay."""
    if not isinstance(patterns, dict):
        return patterns
    found = dict(cast(dict[str, Any], patterns))
    for language in ("zh", "en"):
        if isinstance(found.get(language), list):
            found[language] = [_named(str(pattern), language) for pattern in found[language]]
    return found


def _named(pattern: str, language: str) -> str:
    lists: dict[str, str] = _rule_words()["words"][language]
    for _ in range(4):  # lists may name lists
        pattern = _NAME.sub(lambda slot: f"(?:{lists[slot[1]]})" if slot[1] in lists else slot[0], pattern)
    return pattern


class RulePack(Edge):
    id: str
    jurisdiction: str
    name: Bilingual
    rules: Annotated[list[Rule], Field(min_length=1)]


def pack_files(folder: Path) -> list[Path]:
    """Every rule pack that a company may name: its own, then those that Xinyan ships."""
    found = {path.name: path for path in (*PACKS.glob("*.yaml"), *folder.glob("*.yaml")) if _is_pack(path)}
    return [found[name] for name in sorted(found)]


def _is_pack(path: Path) -> bool:
    return re.search(r"(?m)^rules:", path.read_text(encoding="utf-8-sig", errors="replace")) is not None
