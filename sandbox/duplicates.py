"""Near duplicates by the Jaccard likeness of their character 3-grams: exact, where MinHash would estimate."""

import math
import zlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

SIZE = 3
ALIKE = (4, 5)  # a likeness of 0.8, as a fraction: compared in whole numbers, so that 0.8 itself counts
WORDS = 8  # of 64 bits each: the print of a row


@dataclass(frozen=True, slots=True)
class Row:
    """`text` is all that the model sees. Two questions to one `source` share its text, so only `asked` is compared."""

    text: str
    asked: str
    source: str = ""


def grams(text: str) -> frozenset[str]:
    """The character 3-grams; a shorter text is its own."""
    return frozenset(text[at : at + SIZE] for at in range(max(1, len(text) - SIZE + 1)))


def alike(left: frozenset[str], right: frozenset[str]) -> bool:
    """Whether the Jaccard likeness is at least 0.8."""
    shared = len(left & right)
    return ALIKE[1] * shared >= ALIKE[0] * (len(left) + len(right) - shared)


def near_duplicates(rows: Sequence[Row]) -> dict[int, int]:
    """
    Place of each row that is left out → place of the earlier, kept row that it is like; of the kept no two are alike.

    Two sets that are alike differ in at most a ninth of their sizes together, and so do the 512 bits that their grams
    are hashed to; no size is more than a quarter above the other. Only rows that pass both are compared in full, and
    none is missed. Every row looks at the prints of all kept ones of about its size: 3 s for 10,000 rows of one size.
    """
    sets = [grams(row.text) for row in rows]
    classes = [_class(len(own)) for own in sets]
    shelves = {name: _Shelf(count) for name, count in Counter(classes).items()}
    left_out: dict[int, int] = {}
    for place, (own, name) in enumerate(zip(sets, classes, strict=True)):
        bits = _print(own)
        shelved = (shelves[other] for other in (name - 1, name, name + 1) if other in shelves)
        near = sorted(other for shelf in shelved for other in shelf.near(bits, len(own)))
        found = next((o for o in near if alike(own, sets[o]) and _is_same_matter(rows[place], rows[o])), None)
        if found is None:
            shelves[name].add(place, bits, len(own))
        else:
            left_out[place] = found
    return left_out


class _Shelf:
    """The kept rows of about one size."""

    def __init__(self, capacity: int) -> None:
        self._bits = np.zeros((capacity, WORDS), np.uint64)  # (rows, words)
        self._heads = np.zeros((2, capacity), np.uint64)
        self._sizes = np.zeros(capacity, np.int64)
        self._places = np.zeros(capacity, np.int64)
        self._count = 0

    def add(self, place: int, bits: "np.ndarray[tuple[int], np.dtype[np.uint64]]", size: int) -> None:
        at = self._count
        self._heads[:, at], self._bits[at], self._sizes[at], self._places[at] = bits[:2], bits, size, place
        self._count += 1

    def near(self, bits: "np.ndarray[tuple[int], np.dtype[np.uint64]]", size: int) -> list[int]:
        """Places of those that may be alike."""
        most = (self._sizes[: self._count] + size) // (ALIKE[0] + ALIKE[1])  # bits that may differ
        first, second = (np.bitwise_count(head[: self._count] ^ bits[at]) for at, head in enumerate(self._heads))
        (left,) = np.nonzero(first + second <= most)  # two words of the print rule out nearly all of them
        apart = np.bitwise_count(self._bits[left] ^ bits).sum(axis=1, dtype=np.int64)
        return self._places[left[apart <= most[left]]].tolist()


def _print(own: frozenset[str]) -> "np.ndarray[tuple[int], np.dtype[np.uint64]]":
    number = 0
    for gram in own:
        number |= 1 << (zlib.crc32(gram.encode()) % (WORDS * 64))
    return np.frombuffer(number.to_bytes(WORDS * 8, "little"), np.uint64)


def _class(size: int) -> int:
    """Sizes of alike rows lie in the same class or in neighbours."""
    return math.floor(math.log(max(1, size)) / math.log(ALIKE[1] / ALIKE[0]) + 1e-9)


def _is_same_matter(row: Row, other: Row) -> bool:
    return not row.source or row.source != other.source or alike(grams(row.asked), grams(other.asked))
