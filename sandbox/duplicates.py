"""Near duplicates by the Jaccard likeness of their character 3-grams: an exact join, where MinHash would estimate."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

SIZE = 3
ALIKE = (4, 5)  # a likeness of 0.8, as a fraction: compared in whole numbers, so that 0.8 itself counts


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

    Two sets with a likeness of t share one of the rarest n - ceil(t n) + 1 grams of each (Chaudhuri, Ganti and Kaushik,
    ICDE 2006; Bayardo, Ma and Srikant, WWW 2007), so only rows that meet there are compared, and none is missed.
    """
    sets = [grams(row.text) for row in rows]
    counts = Counter(gram for each in sets for gram in each)
    index: dict[str, list[int]] = {}
    left_out: dict[int, int] = {}
    for place, own in enumerate(sets):
        rarest = sorted(own, key=lambda gram: (counts[gram], gram))
        prefix = rarest[: len(own) - -(-ALIKE[0] * len(own) // ALIKE[1]) + 1]
        near = dict.fromkeys(other for gram in prefix for other in index.get(gram, ()))
        found = next((o for o in near if alike(own, sets[o]) and _is_same_matter(rows[place], rows[o])), None)
        if found is not None:
            left_out[place] = found
            continue
        for gram in prefix:
            index.setdefault(gram, []).append(place)
    return left_out


def _is_same_matter(row: Row, other: Row) -> bool:
    return not row.source or row.source != other.source or alike(grams(row.asked), grams(other.asked))
