"""What is read around a hit, and which words of it to cite."""

import math
import re
from collections import Counter
from collections.abc import Iterator

from sqlalchemy import Connection

from governance.vault import Vault
from rag.search_question import cleaned
from rag.sources import Source, below_one_heading, source
from rag.tokens import tokens_of

_SENTENCE = re.compile(r"[^。！？；!?\n]+?(?:[。！？；!?\n]+|(?<=[a-z0-9)])\.(?=\s|$)|$)")
ENOUGH = 0.8  # of the words that the best sentences carry together; more sentences add only repetition


def around(tx: Connection, vault: Vault, source_id: str, characters: int = 1200) -> list[Source]:
    """
    The passage with its neighbours below the same heading of the same document, in reading order.

    Nearest first, the later of two equally near, until `characters` are full; hostile ones are left out. A row of an
    export stands alone. Raises NotFound.
    """
    hit = source(tx, vault, source_id)
    if hit.kind != "passage":
        return [hit]
    keys = below_one_heading(tx, hit)
    after, before = keys[keys.index(hit.id) + 1 :], keys[: keys.index(hit.id)][::-1]
    sides = [(iter(after), list[Source]()), (iter(before), list[Source]())]
    room, open_sides = characters - len(hit.text), sides
    while open_sides:
        still_open: list[tuple[Iterator[str], list[Source]]] = []
        for waiting, taken in open_sides:
            key = next(waiting, None)
            if key is not None and len((near := source(tx, vault, key)).text) <= room:
                room -= len(near.text)
                taken.append(near)
                still_open.append((waiting, taken))
        open_sides = still_open
    return [*reversed(sides[1][1]), hit, *sides[0][1]]


def spans(question: str, text: str) -> tuple[tuple[int, int], ...]:
    """
    Start and end of the sentences that carry the question's words, in the order of the text; () when none does.

    A word counts more the fewer sentences of the text hold it. Pure; offsets are those of `text`.
    """
    asked = set(tokens_of(cleaned(question)))
    places = [(match.start(), match.end()) for match in _SENTENCE.finditer(text) if match.group().strip()]
    held = [asked & set(tokens_of(text[start:end])) for start, end in places]
    counts = Counter(word for words in held for word in words)
    weights = {word: math.log(1 + len(places) / count) for word, count in counts.items()}
    chosen: list[int] = []
    missing = set(weights)
    while missing:
        best = max(range(len(places)), key=lambda each: (sum(weights[word] for word in held[each] & missing), -each))
        chosen.append(best)
        missing -= held[best]
        if sum(weights[word] for word in missing) <= (1 - ENOUGH) * sum(weights.values()):
            break
    return tuple(_trimmed(text, *places[each]) for each in sorted(chosen))


def _trimmed(text: str, start: int, end: int) -> tuple[int, int]:
    sentence = text[start:end]
    return start + len(sentence) - len(sentence.lstrip()), end - len(sentence) + len(sentence.rstrip())
