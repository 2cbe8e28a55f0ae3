"""Search in passages by meaning and by word, within a scope; a vector once computed is kept, sealed."""

import hashlib
import json
import logging
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from threading import Event, Thread
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from governance.errors import XinyanError
from governance.vault import Vault
from rag.embeddings import READ, Vectors, embed_all, model_of, models_of, open_embedding
from rag.engine_exact import Asked, ExactEngine, Rows, Scores, SearchEngine
from rag.engine_qdrant import QdrantEngine
from rag.passages import LONGEST, parts
from rag.search_centres import Centres
from rag.search_entries import Entry, entries_of, indexed_text
from rag.search_question import cleaned, gist
from rag.search_scope import EVERYTHING, Point, Scope
from rag.search_vectors import KeptVectors
from rag.search_words import Vocabulary
from rag.tokens import language_of_question, tokens_of

__all__ = ["EVERYTHING", "Hit", "Index", "Mode", "Progress", "Scope", "index_texts", "indexed_text", "open_index"]

log = logging.getLogger(__name__)
HEADING = 100  # characters above a passage that are no reason to cut it
CANDIDATES = 50  # of each retriever, where an engine does not score everything
# A hybrid score is a sum in units of the spread of the first model's cosines: that cosine, half of USE's, and four
# times the covered share of the question to the power of 1.5, so that few shared words weigh little. Found on the 86
# sample questions and two corpora of other trades; the neighbouring settings differ by one to three questions. Of two
# passages that say the same, the reader wants the one in his language: it gets OWN more, where Centres took that off.
SECOND, WORDS, SHARPNESS, OWN = 0.5, 4.0, 1.5, 0.15
Mode = Literal["hybrid", "bm25", "dense"]
Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True)
class Hit:
    """A source and its score; scores compare within one search only."""

    source: str
    score: float


class Index:
    """Made by `open_index` or `index_texts`; safe to share between threads."""

    def __init__(
        self,
        entries: Sequence[Entry],
        engine: SearchEngine,
        embedding: str,
        words: Callable[[str], list[str]] = tokens_of,
    ) -> None:
        tokens = [words(f"{entry.title}\n{entry.text}") for entry in entries]
        self._vocabulary = Vocabulary(tokens)
        self._points = [_point(entry, self._vocabulary.average) for entry in entries]
        self._engine, self._embedding = engine, embedding
        self._models = {name: model_of(name) for name in models_of(embedding)}
        self._centres = Centres([point.tags.language for point in self._points], model_of(embedding).size)
        self._held = {name: np.zeros(len(entries), dtype=np.bool_) for name in self._models}
        self._stop, self._worker = Event(), Thread()
        self.failure: XinyanError | SQLAlchemyError | None = None  # why the background gave up, if it did
        engine.fill(self._points, map(self._vocabulary.passage, tokens))

    def __len__(self) -> int:
        """How many pieces of text it holds."""
        return len(self._points)

    @property
    def progress(self) -> tuple[int, int]:
        """How many pieces are found by meaning too, and how many there are; by word all are found from the start."""
        return min(int(held.sum()) for held in self._held.values()), len(self)

    def search(self, question: str, *, limit: int = 5, mode: Mode = "hybrid", scope: Scope = EVERYTHING) -> list[Hit]:
        """The best first, each source once; nothing for a question without any letter or digit."""
        text = cleaned(question)
        if not text or not self._points:
            return []
        words = None if mode == "dense" else self._vocabulary.question(tokens_of(text))
        asked = Asked({} if mode == "bm25" else self._embedded(text, mode), words)
        scores = self._engine.scores(asked, scope, max(CANDIDATES, 3 * limit))
        total = self._total(scores, asked, mode)
        if mode == "hybrid" and self._models[self._embedding].apart:
            own = self._centres.speak(language_of_question(text), scores.rows)
            total = np.where(own & (total > 0), total * (1 + OWN), total)
        return self._best(scores.rows, total, limit)

    def put(self, name: str, rows: Rows, vectors: Vectors, *, held: bool = False) -> None:
        """Vectors of one embedding for these pieces, numbered as they were given; `held`: the engine has them."""
        if name == self._embedding:
            self._centres.add(rows, vectors)
        if not held:
            self._engine.put(self._models[name].id, rows, vectors)
        self._held[name][rows] = True

    def take(self, kept: Mapping[str, KeptVectors], texts: Sequence[str]) -> None:
        """The vectors that were computed before."""
        for name, store in kept.items():
            missing = np.zeros(len(self), dtype=np.bool_)
            missing[self._engine.missing(self._models[name].id)] = True
            known = store.load(texts)
            for held in (False, True):
                rows = np.array([row for row in known if missing[row] != held], dtype=np.int64)
                if len(rows):
                    self.put(name, rows, np.stack([known[row] for row in rows.tolist()]), held=held)

    def embed(self, kept: Mapping[str, KeptVectors], texts: Sequence[str], on_progress: Progress) -> None:
        """What has no vector yet; stored batch by batch, so that a killed run has lost little."""
        done, total = 0, sum(int((~held).sum()) for held in self._held.values())
        for name, store in kept.items():
            rows = np.flatnonzero(~self._held[name])
            for places, vectors in store.compute([texts[row] for row in rows.tolist()]):
                self.put(name, rows[places], vectors)
                done += len(places)
                on_progress("embedding", done, total)
                if self._stop.is_set():
                    return

    def work(self, task: Callable[[], None]) -> None:
        """Do it beside the searches; `failure` says when it could not be done."""

        def run() -> None:
            try:
                task()
            except (XinyanError, SQLAlchemyError) as failed:
                log.warning("indexing stopped reason=%s", type(failed).__name__)
                self.failure = failed

        self._worker = Thread(target=run, daemon=True, name="xinyan-index")
        self._worker.start()

    def wait(self, seconds: float | None = None) -> bool:
        """Whether the background is through."""
        if self._worker.ident is not None:
            self._worker.join(seconds)
        return not self._worker.is_alive()

    def close(self) -> None:
        """Ends the work in the background after the batch at hand; what is done is kept."""
        self._stop.set()
        self.wait()

    def _embedded(self, text: str, mode: Mode) -> dict[str, Vectors]:
        """The model that reads slowly gets the gist, the others the beginning."""
        short = gist(text, self._vocabulary.rarity)
        names = [self._embedding] if mode == "dense" else list(self._models)
        reads = {name: short if self._models[name].slow else text[:READ] for name in names}
        return {self._models[name].id: open_embedding(name).query(reads[name]) for name in names}

    def _total(self, scores: Scores, asked: Asked, mode: Mode) -> NDArray[np.float32]:
        """Of each row; minus infinity where nothing speaks for it."""
        if mode == "bm25":
            return np.where(scores.words > 0, scores.words, -np.inf)
        main = self._models[self._embedding]
        cosines = scores.cosines[main.id]
        if mode == "dense":
            return np.where(np.isnan(cosines), -np.inf, cosines)
        total = WORDS * scores.words**SHARPNESS
        unknown = scores.words <= 0
        for name, model in self._models.items():
            found = scores.cosines[model.id]
            if model.apart and name == self._embedding:
                found = found - self._centres.offsets(asked.vectors[model.id], scores.rows)
            weight = (1 if name == self._embedding else SECOND) / model.spread
            lacks = np.isnan(found)
            if not lacks.all():  # a passage that has no vector yet is taken for an average one
                total = total + weight * np.where(lacks, found[~lacks].mean(), found)
            unknown &= lacks
        return np.where(unknown, -np.inf, total)

    def _best(self, rows: Rows, total: NDArray[np.float32], limit: int) -> list[Hit]:
        best: dict[str, float] = {}
        depth = min(len(rows), max(CANDIDATES, 10 * limit))
        while True:
            top = np.argpartition(-total, depth - 1)[:depth] if depth < len(rows) else np.arange(len(rows))
            for place in top[np.lexsort((rows[top], -total[top]))].tolist():
                if total[place] > -np.inf:
                    best.setdefault(self._points[rows[place]].source, float(total[place]))
            if len(best) >= limit or depth == len(rows):
                return [Hit(source, score) for source, score in best.items()][:limit]
            depth = len(rows)  # one long text fills the best places with its pieces


def open_index(
    db: Engine,
    vault: Vault,
    *,
    embedding: str,
    qdrant_url: str = "",
    on_progress: Progress | None = None,
    names: Mapping[str, str] | None = None,
    background: bool = False,
) -> Index:
    """
    The passages of all current documents that may be searched, but the hostile ones; embeds what never was embedded.

    `names`: how customers and products are called → their ids, for `Scope`; by default the graph's. `background`:
    returns as soon as words are found, and embeds in a thread (`Index.progress`); what a killed one did is kept.
    """
    entries = entries_of(db, vault, names)
    models = {model_of(name).id: model_of(name).size for name in models_of(embedding)}
    ours = hashlib.blake2b(" ".join(models).encode(), key=vault.lookup_key, digest_size=8)
    collection = f"xinyan-{ours.hexdigest()}"  # of this installation: another one's points are not ours to delete
    engine = QdrantEngine(qdrant_url, collection, models) if qdrant_url else ExactEngine(models)
    index = Index(entries, engine, embedding)
    kept = {name: KeptVectors(db, vault, name) for name in models_of(embedding)}
    texts, report = [entry.text for entry in entries], on_progress or _silent
    index.take(kept, texts)
    if background:
        index.work(lambda: index.embed(kept, texts, report))
    else:
        index.embed(kept, texts, report)
    return index


def index_texts(texts: Mapping[str, str], *, embedding: str, titles: Mapping[str, str] | None = None) -> Index:
    """The same search over plain texts, key → text; a long text is found by its best part."""
    named = titles or {}
    entries = [
        Entry.plain(key, part, named.get(key, ""))
        for key, text in texts.items()
        for part in (_pieces(text) if text.strip() else [])
    ]
    models = {model_of(name).id: model_of(name).size for name in models_of(embedding)}
    index = Index(entries, ExactEngine(models), embedding)
    for name in models_of(embedding):
        for start, vectors in embed_all(open_embedding(name), [entry.text for entry in entries]):
            index.put(name, np.arange(start, start + len(vectors)), vectors)
    return index


def _pieces(text: str) -> Sequence[str]:
    """Whole up to the length of a passage below a long heading."""
    return [text] if len(text) <= LONGEST + HEADING else list(parts(text))


def _point(entry: Entry, average: float) -> Point:
    tags = entry.tags
    about = [sorted(tags.customers), sorted(tags.products), sorted(tags.purposes), str(tags.day), tags.kind]
    said = [entry.source, entry.text, entry.title, tags.document, tags.language, about, round(average, 6)]
    return Point(str(uuid.uuid5(uuid.NAMESPACE_OID, json.dumps(said, ensure_ascii=False))), entry.source, tags)


def _silent(step: str, done: int, total: int) -> None:
    pass
