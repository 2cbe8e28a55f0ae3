"""The same search on a Qdrant server, for more passages than one machine should hold; payloads are ids only."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray
from qdrant_client import QdrantClient, models
from qdrant_client.http.exceptions import ApiException

from governance.errors import Unavailable
from rag.embeddings import Vectors
from rag.engine_exact import Asked, Rows, Scores
from rag.search_centres import LANGUAGES
from rag.search_scope import Point, Scope
from rag.search_words import Weights

WORDS = "words"
BATCH = 256
_FILTERED = ("customers", "products", "document", "kind", "language", "purposes")
Result = TypeVar("Result")


class QdrantEngine:
    """`collection` belongs to this installation alone: what is not among its points is deleted from it."""

    def __init__(self, url: str, collection: str, sizes: Mapping[str, int]) -> None:
        self._url, self._collection, self._sizes = url, collection, sizes
        self._rows: dict[str, int] = {}
        self._ids: list[str] = []
        self._client = self._tried(lambda: QdrantClient(url=url, check_compatibility=False))

    def close(self) -> None:
        """The connections."""
        self._client.close()

    def fill(self, points: Sequence[Point], words: Iterable[Weights]) -> None:
        """Bring the collection in line with `points`: a server keeps its own between starts."""
        self._ids = [point.id for point in points]
        self._rows = {id_: row for row, id_ in enumerate(self._ids)}
        self._tried(self._create)
        present = set(self._tried(lambda: list(self._stored(None))))
        if vanished := sorted(present - self._rows.keys()):
            selector = models.PointIdsList(points=list(vanished))
            self._tried(lambda: self._client.delete(self._collection, points_selector=selector, wait=True))
        new = [
            _struct(point, weights)
            for point, weights in zip(points, words, strict=True)
            if point.id not in present  # the id holds the text, the tags and the weights' average
        ]
        for part in _batches(new):
            self._tried(lambda part=part: self._client.upsert(self._collection, part, wait=True))

    def missing(self, model: str) -> Rows:
        has = models.Filter(must=[models.HasVectorCondition(has_vector=model)])
        present = self._tried(lambda: {self._rows[id_] for id_ in self._stored(has) if id_ in self._rows})
        return np.array([row for row in range(len(self._ids)) if row not in present], dtype=np.int64)

    def put(self, model: str, rows: Rows, vectors: Vectors) -> None:
        new = [
            models.PointVectors(id=self._ids[row], vector={model: vector.tolist()})
            for row, vector in zip(rows.tolist(), vectors, strict=True)
        ]
        for part in _batches(new):
            self._tried(lambda part=part: self._client.update_vectors(self._collection, part, wait=True))

    def scores(self, asked: Asked, scope: Scope, depth: int) -> Scores:
        """Of the best `depth` of each leg, in each language; each of them is then scored by every leg."""
        legs: dict[str, Any] = {model: vector.tolist() for model, vector in asked.vectors.items()}
        if asked.words is not None and asked.words.ids:
            legs[WORDS] = models.SparseVector(indices=asked.words.ids, values=asked.words.values)
        spoken = [_filter(scope, language) for language in ([scope.language] if scope.language else LANGUAGES)]
        found = self._ask(legs, spoken, depth)
        ids = sorted({id_ for part in found for id_, _ in part if id_ in self._rows})
        if not ids:
            return Scores(np.zeros(0, dtype=np.int64), {m: _none(0) for m in asked.vectors}, _none(0))
        these = _filter(scope, ids=ids)
        places = {id_: place for place, id_ in enumerate(ids)}
        scored = {name: _none(len(ids)) for name in (*asked.vectors, WORDS)}
        for name, part in zip(legs, self._ask(legs, [these], len(ids)), strict=True):
            for id_, score in part:
                scored[name][places[id_]] = score
        words = np.nan_to_num(scored.pop(WORDS), nan=0.0)
        return Scores(np.array([self._rows[id_] for id_ in ids], dtype=np.int64), scored, words)

    def _ask(
        self, legs: Mapping[str, Any], filters: Sequence[models.Filter], depth: int
    ) -> list[list[tuple[str, float]]]:
        """Ids and scores of each leg with each filter, in one request."""
        if not legs:
            return []
        requests = [
            models.QueryRequest(query=query, using=name, filter=each, limit=depth)
            for name, query in legs.items()
            for each in filters
        ]
        answers = self._tried(lambda: self._client.query_batch_points(self._collection, requests))
        return [[(str(point.id), point.score) for point in answer.points] for answer in answers]

    def _create(self) -> None:
        if self._client.collection_exists(self._collection):
            return
        dense = {
            model: models.VectorParams(size=size, distance=models.Distance.COSINE)
            for model, size in self._sizes.items()
        }
        self._client.create_collection(
            self._collection, vectors_config=dense, sparse_vectors_config={WORDS: models.SparseVectorParams()}
        )
        for field in _FILTERED:
            self._client.create_payload_index(self._collection, field, models.PayloadSchemaType.KEYWORD)
        self._client.create_payload_index(self._collection, "date", models.PayloadSchemaType.INTEGER)

    def _stored(self, which: models.Filter | None) -> Iterator[str]:
        offset = None
        while True:
            points, offset = self._client.scroll(
                self._collection, scroll_filter=which, limit=1000, offset=offset, with_payload=False
            )
            yield from (str(point.id) for point in points)
            if offset is None:
                return

    def _tried(self, work: Callable[[], Result]) -> Result:
        """Raises Unavailable when the server cannot be reached or refuses."""
        try:
            return work()
        except (ApiException, OSError, ValueError) as failed:
            what = {"zh": f"检索服务器 {self._url}", "en": f"The search server {self._url}"}
            remedy = {
                "zh": "启动 Qdrant，或清空 XINYAN_QDRANT_URL 改用内置检索",
                "en": "start Qdrant, or empty XINYAN_QDRANT_URL to search in this process",
            }
            raise Unavailable(what=what, remedy=remedy) from failed


def _none(count: int) -> NDArray[np.float32]:
    return np.full(count, np.nan, dtype=np.float32)


def _batches(items: Sequence[Any]) -> Iterator[Sequence[Any]]:
    return (items[start : start + BATCH] for start in range(0, len(items), BATCH))


def _struct(point: Point, weights: Weights) -> models.PointStruct:
    tags = point.tags
    payload: dict[str, Any] = {
        "document": tags.document,
        "kind": tags.kind,
        "language": tags.language,
        "customers": sorted(tags.customers),
        "products": sorted(tags.products),
        "purposes": sorted(tags.purposes),
        "date": tags.day.toordinal() if tags.day else 0,
    }
    words = {WORDS: models.SparseVector(indices=weights.ids, values=weights.values)}
    return models.PointStruct(id=point.id, vector=words, payload=payload)  # pyright: ignore[reportArgumentType]


def _filter(scope: Scope, language: str | None = None, ids: Sequence[str] = ()) -> models.Filter:
    wanted: dict[str, Sequence[str]] = {
        "customers": sorted(scope.customers),
        "products": sorted(scope.products),
        "document": sorted(scope.documents),
        "kind": sorted(scope.kinds),
        "language": [language or scope.language or ""] if language or scope.language else [],
    }
    must: list[Any] = [
        models.FieldCondition(key=key, match=models.MatchAny(any=list(values)))
        for key, values in wanted.items()
        if values
    ]
    must += [
        models.FieldCondition(key="purposes", match=models.MatchValue(value=purpose))
        for purpose in sorted(scope.purposes)
    ]
    if scope.not_after is not None:
        must.append(models.FieldCondition(key="date", range=models.Range(lte=scope.not_after.toordinal())))
    if ids:
        must.append(models.HasIdCondition(has_id=list(ids)))
    return models.Filter(must=must)
