"""Search in passages: Qdrant with dense vectors and BM25, fused by rank; a vector once computed is kept, sealed."""

import base64
import hashlib
import threading
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from qdrant_client import QdrantClient, models
from sqlalchemy import ColumnElement, Engine, insert, select

from governance.db import reading
from governance.vault import Vault, pseudonymise, seal, unseal
from rag.blocks import language_of
from rag.embeddings import Vectors, embed_all, model_of, open_embedding
from rag.facts import in_parts
from rag.passages import parts
from rag.sources import Source, passages
from rag.tables import vectors as table
from rag.tokens import document_weights, language_of_question, query_weights, tokens_of

DENSE, SPARSE = "text-dense", "text-sparse-new"
CANDIDATES = 50  # of each retriever before they are fused
# Reciprocal rank fusion (Cormack, Clarke and Buettcher, SIGIR 2009). Meaning counts double, k = 20: the best of 36
# settings on the sample questions themselves, most of them one to three questions apart, so no held-out figure.
RANK_CONSTANT, WEIGHTS = 20, [2.0, 1.0]
Mode = Literal["hybrid", "bm25", "dense"]
Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True)
class Hit:
    """A source and its score; scores compare within one search only."""

    source: str
    score: float


class Index:
    """Made by `open_index` or `index_texts`; safe to share between threads."""

    def __init__(self, client: QdrantClient, collection: str, embedding: str, texts: Sequence[str]) -> None:
        self._client, self._collection, self._embedding = client, collection, embedding
        self._language = language_of(texts)
        self._lock = threading.Lock()  # Qdrant in memory is not made for several threads

    def __len__(self) -> int:
        """How many pieces of text it holds."""
        with self._lock:
            return self._client.count(self._collection).count

    def search(self, question: str, *, limit: int = 5, mode: Mode = "hybrid") -> list[Hit]:
        """The best first, each source once. When question and corpus differ in language, only meaning counts."""
        dense = None if mode == "bm25" else open_embedding(self._embedding).query(question).tolist()
        sparse = None if mode == "dense" else self._sparse(question, mode)
        if dense is None and sparse is None:
            return []
        with self._lock:
            points = self._query(dense, sparse, max(CANDIDATES, 3 * limit))
        best: dict[str, float] = {}
        for point in points:
            best.setdefault(str((point.payload or {})["source"]), point.score)
        return [Hit(source, score) for source, score in best.items()][:limit]

    def _sparse(self, question: str, mode: Mode) -> models.SparseVector | None:
        if mode == "hybrid" and language_of_question(question) != self._language:
            return None  # words shared by chance, and model numbers that stand everywhere, only drag meaning down
        indices, values = query_weights(tokens_of(question))
        return models.SparseVector(indices=indices, values=values) if indices else None

    def _query(
        self, dense: list[float] | None, sparse: models.SparseVector | None, depth: int
    ) -> list[models.ScoredPoint]:
        if dense is None or sparse is None:
            query, using = (sparse, SPARSE) if dense is None else (dense, DENSE)
            found = self._client.query_points(
                self._collection, query=query, using=using, limit=depth, with_payload=True
            )
            return found.points
        legs = [
            models.Prefetch(query=dense, using=DENSE, limit=depth),
            models.Prefetch(query=sparse, using=SPARSE, limit=depth),
        ]
        fusion = models.RrfQuery(rrf=models.Rrf(k=RANK_CONSTANT, weights=WEIGHTS))
        found = self._client.query_points(self._collection, prefetch=legs, query=fusion, limit=depth, with_payload=True)
        return found.points


def open_index(
    db: Engine, vault: Vault, *, embedding: str, qdrant_url: str = "", on_progress: Progress | None = None
) -> Index:
    """The passages of all current documents but the hostile ones; embeds only what was never embedded."""
    with reading(db) as tx:
        found = [source for source in passages(tx, vault) if not source.hostile]
    entries = [(source.id, indexed_text(source)) for source in found]
    computed = _vectors(db, vault, embedding, [text for _, text in entries], on_progress or _silent)
    client = QdrantClient(url=qdrant_url) if qdrant_url else QdrantClient(":memory:")
    collection = f"xinyan-{model_of(embedding).id}"
    _fill(client, collection, entries, computed, model_of(embedding).size)
    return Index(client, collection, embedding, [text for _, text in entries])


def index_texts(texts: Mapping[str, str], *, embedding: str) -> Index:
    """The same search over plain texts, key → text; a long text is found by its best part."""
    entries = [(key, part) for key, text in texts.items() for part in (parts(text) if text.strip() else [])]
    model = open_embedding(embedding)
    batches = [batch for _, batch in embed_all(model, [text for _, text in entries])]
    computed = np.concatenate(batches) if batches else np.zeros((0, model.size), dtype=np.float32)
    client = QdrantClient(":memory:")
    _fill(client, "texts", entries, computed, model.size)
    return Index(client, "texts", embedding, [text for _, text in entries])


def indexed_text(source: Source) -> str:
    """What is searched in: the passage below its heading, or below the file's name; people under pseudonyms."""
    above = [title for title in source.heading.split(" › ") if title and title not in source.text[:120]]
    return pseudonymise(
        "\n".join([*(above if source.heading else [source.title.rsplit(".", 1)[0]]), source.text]), "zh"
    )


def _vectors(db: Engine, vault: Vault, embedding: str, texts: Sequence[str], on_progress: Progress) -> Vectors:
    """(n, d); stored after every batch, so that a killed run has lost little."""
    model = model_of(embedding)
    hashes = [hashlib.sha256(text.encode()).hexdigest() for text in texts]
    known = _stored(db, vault, model.id, sorted(set(hashes)))
    missing = {key: text for key, text in zip(hashes, texts, strict=True) if key not in known}
    if missing:
        keys, loaded = list(missing), open_embedding(embedding)
        for start, batch in embed_all(loaded, list(missing.values())):
            rows = dict(zip(keys[start : start + len(batch)], batch, strict=True))
            with db.begin() as tx:
                present = set(tx.scalars(select(table.c.text_hash).where(_of(model.id, list(rows)))))
                new = [
                    {"text_hash": key, "model": model.id, "blob": seal(vault, _packed(vector))}
                    for key, vector in rows.items()
                    if key not in present  # another process may embed the same corpus
                ]
                if new:
                    tx.execute(insert(table), new)
            known.update(rows)
            on_progress("embedding", start + len(batch), len(keys))
    return np.asarray([known[key] for key in hashes], dtype=np.float32).reshape(len(hashes), model.size)


def _silent(step: str, done: int, total: int) -> None:
    pass


def _stored(db: Engine, vault: Vault, model: str, hashes: Sequence[str]) -> dict[str, Vectors]:
    known: dict[str, Vectors] = {}
    with reading(db) as tx:
        for part in in_parts(hashes):
            for key, blob in tx.execute(select(table.c.text_hash, table.c.blob).where(_of(model, part))):
                known[key] = np.frombuffer(base64.b64decode(unseal(vault, blob)), dtype=np.float32)
    return known


def _of(model: str, hashes: Sequence[str]) -> ColumnElement[bool]:
    return (table.c.model == model) & table.c.text_hash.in_(hashes)


def _packed(vector: Vectors) -> str:
    return base64.b64encode(np.ascontiguousarray(vector, dtype=np.float32).tobytes()).decode()


def _fill(
    client: QdrantClient, collection: str, entries: Sequence[tuple[str, str]], computed: Vectors, size: int
) -> None:
    """Bring the collection in line with `entries`: a server keeps its points between starts."""
    if not client.collection_exists(collection):
        client.create_collection(
            collection,
            vectors_config={DENSE: models.VectorParams(size=size, distance=models.Distance.COSINE)},
            sparse_vectors_config={SPARSE: models.SparseVectorParams(modifier=models.Modifier.IDF)},
        )
    ids = [str(uuid.uuid5(uuid.NAMESPACE_OID, f"{key}\n{text}")) for key, text in entries]
    present = _present(client, collection)
    if vanished := list(present - set(ids)):
        client.delete(collection, points_selector=models.PointIdsList(points=list(vanished)))
    tokens = [tokens_of(text) for _, text in entries]
    average = sum(map(len, tokens)) / len(tokens) if tokens else 1.0
    points = [
        _point(id_, key, computed[place].tolist(), document_weights(tokens[place], average))
        for place, (id_, (key, _)) in enumerate(zip(ids, entries, strict=True))
        if id_ not in present
    ]
    for start in range(0, len(points), 256):
        client.upsert(collection, points[start : start + 256])


def _point(id_: str, source: str, dense: list[float], sparse: tuple[list[int], list[float]]) -> models.PointStruct:
    indices, values = sparse
    vector: dict[str, Any] = {DENSE: dense, SPARSE: models.SparseVector(indices=indices, values=values)}
    return models.PointStruct(id=id_, vector=vector, payload={"source": source})


def _present(client: QdrantClient, collection: str) -> set[str]:
    found: set[str] = set()
    offset = None
    while True:
        points, offset = client.scroll(collection, limit=1000, offset=offset, with_payload=False)
        found |= {str(point.id) for point in points}
        if offset is None:
            return found
