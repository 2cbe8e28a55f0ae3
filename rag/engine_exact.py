"""The embedded search engine: every passage is scored exactly, in memory; nothing lies on disk."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from rag.embeddings import Vectors
from rag.search_scope import Point, Scope, Tags
from rag.search_words import Weights

Rows = NDArray[np.int64]  # positions in the list of points that the engine was filled with
_PARTS = ("customers", "products", "documents", "kinds", "language", "purposes")


@dataclass(frozen=True, slots=True)
class Asked:
    """One question: a vector for each model that takes part, and its words; `words` None leaves them out."""

    vectors: Mapping[str, Vectors]
    words: Weights | None


@dataclass(frozen=True, slots=True)
class Scores:
    """`words` is the coverage of the question; a cosine is NaN where a passage has no vector of that model yet."""

    rows: Rows
    cosines: Mapping[str, NDArray[np.float32]]
    words: NDArray[np.float32]


class SearchEngine(Protocol):
    """What an index searches with. Rows count through the points in the order in which `fill` was given them."""

    def fill(self, points: Sequence[Point], words: Iterable[Weights]) -> None: ...
    def missing(self, model: str) -> Rows: ...  # rows without a vector of this model
    def put(self, model: str, rows: Rows, vectors: Vectors) -> None: ...
    def scores(self, asked: Asked, scope: Scope, depth: int) -> Scores: ...


class ExactEngine:
    """`sizes`: model id → dimensions. Many threads may search while one puts vectors."""

    def __init__(self, sizes: Mapping[str, int]) -> None:
        self._sizes = sizes
        self.fill([], [])

    def fill(self, points: Sequence[Point], words: Iterable[Weights]) -> None:
        """Once, before anything is searched."""
        count = len(points)
        self._vectors = {model: np.zeros((count, size), dtype=np.float32) for model, size in self._sizes.items()}
        self._present = {model: np.zeros(count, dtype=np.bool_) for model in self._sizes}
        self._dates = np.array([(p.tags.day or date.min).toordinal() for p in points], dtype=np.int32)
        self._tagged = _tagged([point.tags for point in points])
        self._postings, self._frequency, self._starts = _postings(words)
        self._all = np.arange(count)

    def missing(self, model: str) -> Rows:
        return np.flatnonzero(~self._present[model])

    def put(self, model: str, rows: Rows, vectors: Vectors) -> None:
        self._vectors[model][rows] = vectors
        self._present[model][rows] = True

    def scores(self, asked: Asked, scope: Scope, depth: int) -> Scores:
        """Of every point within the scope."""
        rows = self._within(scope)
        cosines = {model: self._cosines(model, vector, rows) for model, vector in asked.vectors.items()}
        return Scores(rows, cosines, self._coverage(asked.words)[rows])

    def _within(self, scope: Scope) -> Rows:
        kept: NDArray[np.bool_] | None = None
        for part in _PARTS:
            for group in _groups(part, scope):
                mask = np.zeros(len(self._all), dtype=np.bool_)
                for value in group:
                    mask[self._tagged[part].get(value, self._all[:0])] = True
                kept = mask if kept is None else kept & mask
        if scope.not_after is not None:
            mask = self._dates <= scope.not_after.toordinal()
            kept = mask if kept is None else kept & mask
        return self._all if kept is None else np.flatnonzero(kept)

    def _cosines(self, model: str, vector: Vectors, rows: Rows) -> NDArray[np.float32]:
        few = len(rows) < len(self._all) // 4
        table = self._vectors[model]
        found = table[rows] @ vector if few else (table @ vector)[rows]
        found[~self._present[model][rows]] = np.nan
        return found

    def _coverage(self, words: Weights | None) -> NDArray[np.float32]:
        covered = np.zeros(len(self._all), dtype=np.float32)
        for id_, value in zip(words.ids, words.values, strict=True) if words else ():
            place = int(np.searchsorted(self._starts[0], id_))
            if place < len(self._starts[0]) and self._starts[0][place] == id_:
                part = slice(self._starts[1][place], self._starts[1][place + 1])
                covered[self._postings[part]] += self._frequency[part] * np.float32(value)  # a row once a token
        return covered


def _groups(part: str, scope: Scope) -> list[list[str]]:
    """Of each group any value will do; every purpose is a group of its own."""
    if part == "language":
        return [[scope.language]] if scope.language else []
    if part == "purposes":
        return [[purpose] for purpose in sorted(scope.purposes)]
    values: frozenset[str] = getattr(scope, part)
    return [sorted(values)] if values else []


def _tagged(tags: Sequence[Tags]) -> dict[str, dict[str, Rows]]:
    """Part → value → rows."""
    found: dict[str, dict[str, list[int]]] = {part: {} for part in _PARTS}
    for row, each in enumerate(tags):
        single = {"documents": each.document, "kinds": each.kind, "language": each.language}
        many = {"customers": each.customers, "products": each.products, "purposes": each.purposes}
        for part, value in single.items():
            found[part].setdefault(value, []).append(row)
        for part, values in many.items():
            for value in values:
                found[part].setdefault(value, []).append(row)
    return {part: {value: np.array(rows) for value, rows in values.items()} for part, values in found.items()}


def _postings(
    words: Iterable[Weights],
) -> tuple[Rows, NDArray[np.float32], tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Rows and frequencies ordered by token; and the tokens with where each begins (one more: the end)."""
    texts = list(words)
    tokens = np.fromiter((id_ for text in texts for id_ in text.ids), dtype=np.int64)
    values = np.fromiter((value for text in texts for value in text.values), dtype=np.float32)
    rows = np.repeat(np.arange(len(texts)), [len(text.ids) for text in texts])
    order = np.argsort(tokens, kind="stable")
    distinct, starts = np.unique(tokens[order], return_index=True)
    return rows[order], values[order], (distinct, np.append(starts, len(tokens)).astype(np.int64))
