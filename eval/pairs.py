"""How well questions were made from documents: grounded in their words, not the same again, and at what cost."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

CHUNK, OVERLAP = 1200, 200  # characters: what tools without structure cut documents into
GENERIC = {"zh": "这段资料讲了什么？", "en": "What does this passage say?"}
CHARACTERS_A_PAGE = 1500  # of a format without pages
_PLACEHOLDER = re.compile(r"\{[a-z][a-z0-9_]*\}")
_OPENS = re.compile(
    r"(?:^|[\n：:。！？!?；;]|\.\s)[\s\d\W]*$"
)  # nothing but marks since a line, label or sentence began
_CLOSES = re.compile(r"[。！？!?.；;]\s*$")
_FIRST = re.compile(r"[^。！？!?\n]*?(?:[。！？!?\n]|\.(?=\s)|$)")
_HAN = re.compile(r"[\u4e00-\u9fff]")


@dataclass(frozen=True, slots=True)
class Pair:
    """`text` is the source that the answer stands in, from `start` to `end`; `said` is the answer as it is trained."""

    question: str
    said: str
    text: str
    start: int
    end: int


def is_grounded(pair: Pair) -> bool:
    """
    Whether the answer is what stands at its offsets, placeholders standing for values, and is no half sentence.

    A span begins where a line, a labelled value or a sentence begins, and ends where one ends.
    """
    span = pair.text[pair.start : pair.end]
    if not span.strip() or not 0 <= pair.start < pair.end <= len(pair.text):
        return False
    parts = [re.escape(part) for part in _PLACEHOLDER.split(pair.said)]
    if not re.fullmatch(".+?".join(parts), span, re.DOTALL):
        return False
    before, after = pair.text[: pair.start], pair.text[pair.end :]
    closed = not after.strip(" ") or after.lstrip(" ")[:1] == "\n" or bool(_CLOSES.search(span))
    return bool(_OPENS.search(before[-40:] if len(before) > 40 else "\n" + before)) and closed


def chunk_pairs(text: str) -> list[Pair]:
    """The baseline: pieces of fixed size with one generic question, answered by the first sentence of the piece."""
    language = "zh" if len(_HAN.findall(text)) * 3 > len(text) else "en"
    pairs: list[Pair] = []
    for start in range(0, max(1, len(text)), CHUNK - OVERLAP):
        piece = text[start : start + CHUNK]
        lead = len(piece) - len(piece.lstrip())
        found = _FIRST.match(piece, lead)
        if found and (said := found[0].rstrip()):
            pairs.append(Pair(GENERIC[language], said, text, start + lead, start + lead + len(said)))
        if start + CHUNK >= len(text):
            break
    return pairs


def pages_of(text: str, last_page: int | None) -> int:
    """As many as the format counts, else one for every 1,500 characters."""
    return last_page or max(1, -(-len(text) // CHARACTERS_A_PAGE))


def measured(pairs: Sequence[Pair], repeated: int, pages: int, cpu_s: float, suffix: str = "") -> dict[str, Any]:
    """`repeated`: how many of the pairs are equal or nearly equal to another. A share of no pairs is 0."""
    count = len(pairs)
    grounded = sum(map(is_grounded, pairs))
    return {
        f"pages_per_cpu_s{suffix}": round(pages / max(cpu_s, 1e-9), 2),
        f"grounded_share{suffix}": round(grounded / count, 4) if count else 0.0,
        f"unique_share{suffix}": round((count - repeated) / count, 4) if count else 0.0,
        f"pairs{suffix}": count,
        f"pairs_per_page{suffix}": round(count / pages, 2) if pages else 0.0,
    }
