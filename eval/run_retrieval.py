"""Suite `retrieval`: the company's passages and golden questions, or a folder, through our index and its peers."""

import re
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from eval.jsonl import read_lines
from eval.peer_llama_index import llama_index_search
from eval.retrieval import DEPTH, Corpus, Query, Search, checked, measure, percentile, read_corpus, timed
from governance.errors import UnreadableFile
from governance.settings import Settings
from rag.company import load_company
from rag.embeddings import Embedding, model_of, models_of, open_embedding
from rag.engine_exact import ExactEngine
from rag.passages import parts, passages_of
from rag.reading import read
from rag.search_entries import Entry
from rag.search_scope import Scope, Tags
from rag.sources import Source
from rag.tokens import tokens_of, words_of
from rag.vectors import EVERYTHING, Index, Mode, index_texts, indexed_text

SIZES = {"10k": 10_000, "50k": 50_000}
ASKED = 60  # questions that are timed against each size
DISTINCT = 2_500  # texts of the filler; its vectors are all different
CUSTOMERS = 20  # of the filler; a filtered search looks at one of them
PAGE = 1500  # characters of a document of one page
_QUESTIONS = ("questions.jsonl", "questions_heldout.jsonl")
_HEADLINE = re.compile(r"^(recall|ndcg|queries)")


@dataclass(frozen=True, slots=True)
class Material:
    """`titles`: document → what it is called, where that is known. `held_out`: questions that nothing was tuned on."""

    corpus: Corpus
    titles: Mapping[str, str] = field(default_factory=dict)
    held_out: Corpus | None = None


def run(data: Path | None, settings: Settings) -> dict[str, Any]:
    """Quality beside the single retrievers and llama-index's default; then times at 10,000 and 50,000 passages."""
    material = Material(read_corpus(data)) if data else _sample(settings.company)
    corpus = material.corpus
    index = index_texts(corpus.docs, embedding=settings.embedding, titles=material.titles)
    searches = {
        "": _search(index, "hybrid"),
        "bm25": _search(index, "bm25"),
        "dense": _search(index, "dense"),
        "llamaindex": _peer(corpus.docs, open_embedding(settings.embedding)),
    }
    metrics: dict[str, Any] = measure(corpus, searches)
    if material.held_out is not None:
        again = measure(material.held_out, searches)
        metrics |= {f"{name}_heldout": value for name, value in again.items() if _HEADLINE.match(name)}
    for name, count in SIZES.items():
        metrics |= _large(corpus, count, name, settings.embedding)
    return metrics | {"index_docs_per_cpu_s": _indexing(corpus.docs)}


def _search(index: Index, mode: Mode) -> Search:
    return lambda question: [hit.source for hit in index.search(question, limit=DEPTH, mode=mode)]


def _peer(docs: Mapping[str, str], embedding: Embedding) -> Search:
    return llama_index_search(
        docs,
        lambda question: embedding.query(question).tolist(),
        lambda text: embedding.whole(text).tolist(),
        DEPTH,
    )


def _large(corpus: Corpus, count: int, name: str, embedding: str) -> dict[str, float]:
    """Real words in random order and random vectors; the questions are the corpus's, embedded each time."""
    random = np.random.default_rng(0)
    words = np.array([word for text in corpus.docs.values() for word in words_of(text)])
    texts = [" ".join(words[random.integers(0, len(words), 30)]) for _ in range(DISTINCT)]
    entries = [Entry(str(row), texts[row % DISTINCT], "", _filler_tags(row)) for row in range(count)]
    models = {model: model_of(model) for model in models_of(embedding)}
    index = Index(entries, ExactEngine({each.id: each.size for each in models.values()}), embedding, cache(tokens_of))
    for model, known in models.items():
        vectors = random.standard_normal((count, known.size), dtype=np.float32)
        index.put(model, np.arange(count), vectors / np.linalg.norm(vectors, axis=1, keepdims=True))
    figures: dict[str, float] = {}
    for suffix, scope in (("", EVERYTHING), ("_filtered", Scope(customers=frozenset({"customer:0"})))):
        _, took = timed(corpus.queries[:ASKED], lambda question, scope=scope: _ids(index, question, scope))
        figures[f"p95_ms_{name}{suffix}"] = round(percentile(took, 95), 3)
    return figures


def _filler_tags(row: int) -> Tags:
    return Tags("zh" if row % 3 else "en", customers=frozenset({f"customer:{row % CUSTOMERS}"}))


def _ids(index: Index, question: str, scope: Scope) -> list[str]:
    return [hit.source for hit in index.search(question, limit=DEPTH, scope=scope)]


def _indexing(docs: Mapping[str, str]) -> float:
    """Documents of one page, from text to found by word, per second of one core; no model computes anything."""
    pages: list[str] = [""]
    for text in (*docs.values(),) * (1 + 100 * PAGE // max(sum(map(len, docs.values())), 1)):
        if len(pages[-1]) > PAGE:
            pages.append("")
        pages[-1] += text + "\n"
    start = time.process_time()
    entries = [Entry.plain(str(number), part) for number, page in enumerate(pages) for part in parts(page)]
    Index(entries, ExactEngine({each.id: each.size for each in map(model_of, models_of("use"))}), "use")
    return round(len(pages) / (time.process_time() - start), 1)


def _sample(folder: Path) -> Material:
    """The company's documents as passages, and its golden questions; relevant is what holds a golden answer."""
    docs, of_document = _passages(folder)
    titles = {id_: name.rsplit(".", 1)[0] for name, ids in of_document.items() for id_ in ids}
    asked = [_questions(folder / "golden" / name, docs, of_document) for name in _QUESTIONS]
    return Material(checked(Corpus(docs, asked[0])), titles, Corpus(docs, asked[1]) if asked[1] else None)


def _passages(folder: Path) -> tuple[dict[str, str], dict[str, list[str]]]:
    company = load_company(folder)
    labels = [label for names in company.file.documents.labels.values() for label in names]
    docs: dict[str, str] = {}
    of_document: dict[str, list[str]] = {}
    for path in sorted((folder / company.file.documents.folder).rglob("*")):
        if not path.is_file():
            continue
        try:
            blocks = read(path.name, path.read_bytes(), labels).blocks
        except UnreadableFile as skipped:
            sys.stderr.write(f"{skipped.say('zh')}\n{skipped.say('en')}\n")
            continue
        for number, passage in enumerate(passages_of(blocks), start=1):
            if passage.hostile:
                continue
            id_ = f"{path.name}#{number}"
            source = Source(
                id_, "", path.name, "passage", passage.page, passage.row, passage.heading, None, passage.text
            )
            docs[id_] = indexed_text(source)
            of_document.setdefault(path.name, []).append(id_)
    return docs, of_document


def _questions(path: Path, docs: Mapping[str, str], of_document: Mapping[str, list[str]]) -> tuple[Query, ...]:
    """None when the company has no held-out questions."""
    golden = {"id": str, "text": str, "documents": list, "answer_contains": list}
    queries: list[Query] = []
    for _, row in read_lines(path, golden) if path.exists() or path.name == _QUESTIONS[0] else ():
        answers = [_squeeze(answer) for answer in row["answer_contains"]]
        relevant = frozenset(
            passage
            for document in row["documents"]
            for passage in _best_passages(of_document.get(document, []), docs, answers)
        )
        if relevant:
            queries.append(Query(row["id"], row["text"], relevant))
    return tuple(queries)


def _best_passages(passages: Sequence[str], docs: Mapping[str, str], answers: Sequence[str]) -> list[str]:
    """The passages of one document that hold the most of the answers, at least one."""
    held = {passage: sum(answer in _squeeze(docs[passage]) for answer in answers) for passage in passages}
    most = max(held.values(), default=0)
    return [passage for passage, count in held.items() if count == most > 0]


def _squeeze(text: str) -> str:
    return re.sub(r"\s", "", text)
