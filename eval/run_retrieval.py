"""Suite `retrieval`: the company's passages and golden questions, or a folder, through our index."""

import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from eval.jsonl import read_lines
from eval.retrieval import DEPTH, Corpus, Query, checked, measure, read_corpus
from governance.errors import UnreadableFile
from governance.settings import Settings
from rag.company import load_company
from rag.passages import passages_of
from rag.reading import read
from rag.sources import Source
from rag.vectors import index_texts, indexed_text


def run(data: Path | None, settings: Settings) -> dict[str, Any]:
    corpus = read_corpus(data) if data else _sample_corpus(settings.company)
    index = index_texts(corpus.docs, embedding=settings.embedding)

    def search(question: str, mode: str) -> list[str]:
        hits = index.search(question, limit=DEPTH, mode=mode)  # pyright: ignore[reportArgumentType]
        return [hit.source for hit in hits]

    return measure(corpus, search)


def _sample_corpus(folder: Path) -> Corpus:
    """The company's documents as passages, and the golden questions; relevant is what holds a golden answer."""

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
    golden = {"id": str, "text": str, "documents": list, "answer_contains": list}
    queries: list[Query] = []
    for _, row in read_lines(folder / "golden" / "questions.jsonl", golden):
        answers = [_squeeze(answer) for answer in row["answer_contains"]]
        relevant = frozenset(
            passage
            for document in row["documents"]
            for passage in _best_passages(of_document.get(document, []), docs, answers)
        )
        if relevant:
            queries.append(Query(row["id"], row["text"], relevant))
    return checked(Corpus(docs, tuple(queries)))


def _best_passages(passages: Sequence[str], docs: Mapping[str, str], answers: Sequence[str]) -> list[str]:
    """The passages of one document that hold the most of the answers, at least one."""
    held = {passage: sum(answer in _squeeze(docs[passage]) for answer in answers) for passage in passages}
    most = max(held.values(), default=0)
    return [passage for passage, count in held.items() if count == most > 0]


def _squeeze(text: str) -> str:
    return re.sub(r"\s", "", text)
