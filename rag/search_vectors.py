"""Vectors once computed are kept, sealed like the texts they were computed from; a broken one is computed anew."""

import base64
import hashlib
import logging
from collections.abc import Iterator, Sequence

import numpy as np
from sqlalchemy import ColumnElement, Engine, delete, insert, select

from governance.db import reading
from governance.errors import Corrupt
from governance.vault import Vault, seal, unseal
from rag.embeddings import Vectors, embed_all, model_of, open_embedding
from rag.facts import in_parts
from rag.tables import vectors as table

log = logging.getLogger(__name__)
CHUNK = 64  # texts that are embedded and stored together: what a killed process loses at most


class KeptVectors:
    """Those of one embedding, by the hash of their text."""

    def __init__(self, db: Engine, vault: Vault, embedding: str) -> None:
        self._db, self._vault, self._embedding, self._model = db, vault, embedding, model_of(embedding)
        self.broken: set[str] = set()  # hashes of stored vectors that do not open or have the wrong size

    def load(self, texts: Sequence[str]) -> dict[int, Vectors]:
        """Position in `texts` → vector, of those that were computed before."""
        hashes = list(map(text_hash, texts))
        known: dict[str, Vectors] = {}
        with reading(self._db) as tx:
            for part in in_parts(sorted(set(hashes))):
                for key, blob in tx.execute(select(table.c.text_hash, table.c.blob).where(self._of(part))):
                    vector = self._opened(blob)
                    if vector is None:
                        self.broken.add(key)
                    else:
                        known[key] = vector
        if self.broken:
            log.warning("stored vectors unreadable, computed anew model=%s count=%d", self._model.id, len(self.broken))
        return {place: known[key] for place, key in enumerate(hashes) if key in known}

    def compute(self, texts: Sequence[str]) -> Iterator[tuple[list[int], Vectors]]:
        """Positions in `texts` and their vectors, chunk by chunk; each chunk is stored before it is given."""
        places: dict[str, list[int]] = {}
        for place, text in enumerate(texts):
            places.setdefault(text, []).append(place)
        distinct, loaded = list(places), open_embedding(self._embedding)
        for start in range(0, len(distinct), CHUNK):
            part = distinct[start : start + CHUNK]
            computed = np.concatenate([batch for _, batch in embed_all(loaded, part)])
            self._store(part, computed)
            at = [(place, row) for row, text in enumerate(part) for place in places[text]]
            yield [place for place, _ in at], computed[[row for _, row in at]]

    def _store(self, texts: Sequence[str], computed: Vectors) -> None:
        rows = dict(zip(map(text_hash, texts), computed, strict=True))
        with self._db.begin() as tx:
            if broken := sorted(rows.keys() & self.broken):
                tx.execute(delete(table).where(self._of(broken)))
            present = set(tx.scalars(select(table.c.text_hash).where(self._of(list(rows)))))
            new = [
                {"text_hash": key, "model": self._model.id, "blob": seal(self._vault, _packed(vector))}
                for key, vector in rows.items()
                if key not in present  # another process may embed the same corpus
            ]
            if new:
                tx.execute(insert(table), new)
        self.broken -= rows.keys()

    def _opened(self, blob: bytes) -> Vectors | None:
        try:
            vector = np.frombuffer(base64.b64decode(unseal(self._vault, blob), validate=True), dtype=np.float32)
        except (Corrupt, ValueError):
            return None
        whole = vector.shape == (self._model.size,) and bool(np.isfinite(vector).all())
        return vector if whole else None

    def _of(self, hashes: Sequence[str]) -> ColumnElement[bool]:
        return (table.c.model == self._model.id) & table.c.text_hash.in_(hashes)


def text_hash(text: str) -> str:
    """Under which the vector of a text is kept."""
    return hashlib.sha256(text.encode()).hexdigest()


def _packed(vector: Vectors) -> str:
    return base64.b64encode(np.ascontiguousarray(vector, dtype=np.float32).tobytes()).decode()
