"""What is read around a hit, and which words of it to cite."""

import math
import re
from collections import Counter
from collections.abc import Sequence

from sqlalchemy import Connection

from governance.vault import Vault
from rag.search_question import cleaned
from rag.sources import Source, passages, source
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
    document = passages(tx, vault, hit.document)
    place = next(place for place, each in enumerate(document) if each.id == hit.id)
    low = high = place
    room = characters - len(hit.text)
    open_below, open_above = True, True
    while open_below or open_above:
        if open_below:
            open_below = _joins(document, high + 1, hit, room)
            if open_below:
                high += 1
                room -= len(document[high].text)
        if open_above:
            open_above = _joins(document, low - 1, hit, room)
            if open_above:
                low -= 1
                room -= len(document[low].text)
    return document[low : high + 1]


def _joins(document: Sequence[Source], place: int, hit: Source, room: int) -> bool:
    if not 0 <= place < len(document):
        return False
    other = document[place]
    return other.heading == hit.heading and not other.hostile and len(other.text) <= room


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
