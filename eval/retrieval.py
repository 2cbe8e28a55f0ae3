"""How well a search finds what is relevant: recall, nDCG and time per query, over docs.jsonl and queries.jsonl."""

import math
import re
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from eval.jsonl import BadData, at, read_lines

DEPTH = 10  # how many results a search is asked for
Search = Callable[[str], Sequence[str]]  # query text → ids, best first
Group = Literal["zh", "en", "cross"]
_HAN, _LATIN = re.compile(r"[\u4e00-\u9fff]"), re.compile(r"[A-Za-z]+")


@dataclass(frozen=True, slots=True)
class Query:
    id: str
    text: str
    relevant: frozenset[str]


@dataclass(frozen=True, slots=True)
class Corpus:
    """`docs`: id → text. Every relevant id of a query is a document."""

    docs: Mapping[str, str]
    queries: tuple[Query, ...]


def read_corpus(folder: Path) -> Corpus:
    """docs.jsonl {id, text} and queries.jsonl {id, text, relevant: [ids]} of `folder`; raises BadData with the line."""
    docs: dict[str, str] = {}
    for line, row in read_lines(folder / "docs.jsonl", {"text": str}):
        docs[_new_id("docs.jsonl", line, row, docs)] = _text("docs.jsonl", line, row)
    queries: dict[str, Query] = {}
    for line, row in read_lines(folder / "queries.jsonl", {"text": str, "relevant": list}):
        id_, relevant = _new_id("queries.jsonl", line, row, queries), frozenset(str(each) for each in row["relevant"])
        if not relevant:
            raise at("queries.jsonl", line, "relevant 为空", "relevant is empty")
        if unknown := sorted(relevant - docs.keys()):
            raise at("queries.jsonl", line, f"docs.jsonl 中没有 {unknown[0]}", f"docs.jsonl has no {unknown[0]}")
        queries[id_] = Query(id_, _text("queries.jsonl", line, row), relevant)
    return checked(Corpus(docs, tuple(queries.values())))


def _new_id(name: str, line: int, row: Mapping[str, Any], known: Mapping[str, object]) -> str:
    """The row's id, text or a whole number; a second row with the same id is an error."""
    if not isinstance(row.get("id"), str | int) or not (id_ := str(row["id"]).strip()):
        raise at(name, line, "缺少字段 id，或不是文字", "the field id is missing or is not text")
    if id_ in known:
        raise at(name, line, f"编号 {id_} 重复", f"the id {id_} occurs twice")
    return id_


def _text(name: str, line: int, row: Mapping[str, Any]) -> str:
    if not row["text"].strip():
        raise at(name, line, "text 为空", "text is empty")
    return row["text"]


def checked(corpus: Corpus) -> Corpus:
    """The corpus itself; raises BadData when it has no document or no query."""
    if not corpus.docs:
        raise BadData("docs.jsonl 没有文档", "docs.jsonl holds no document")
    if not corpus.queries:
        raise BadData("queries.jsonl 没有问题", "queries.jsonl holds no query")
    return corpus


def measure(corpus: Corpus, searches: Mapping[str, Search]) -> dict[str, float]:
    """
    `recall1 recall5 ndcg10 p50_ms p95_ms` of each search, named with its suffix; then the same for the queries of each
    language group that occurs: `recall1_bm25_zh`.
    """
    metrics: dict[str, float] = {"documents": len(corpus.docs), "queries": len(corpus.queries)}
    groups = [group_of(query, corpus.docs) for query in corpus.queries]
    metrics |= {f"queries_{group}": groups.count(group) for group in sorted(set(groups))}
    for suffix, search in searches.items():
        rankings, milliseconds = timed(corpus.queries, search)
        for group in (None, *sorted(set(groups))):
            places = [place for place, own in enumerate(groups) if group in (None, own)]
            end = "".join(f"_{part}" for part in (suffix, group) if part)
            asked = [corpus.queries[place] for place in places]
            figures = quality(asked, [rankings[place] for place in places])
            took = [milliseconds[place] for place in places]
            figures |= {f"p{percent}_ms": round(percentile(took, percent), 3) for percent in (50, 95)}
            metrics |= {name + end: value for name, value in figures.items()}
    return metrics


def timed(queries: Sequence[Query], search: Search) -> tuple[list[Sequence[str]], list[float]]:
    """Rankings and milliseconds; the first call, which loads dictionaries and models, is made twice."""
    search(queries[0].text)
    rankings: list[Sequence[str]] = []
    milliseconds: list[float] = []
    for query in queries:
        start = time.perf_counter()
        rankings.append(search(query.text))
        milliseconds.append((time.perf_counter() - start) * 1000)
    return rankings, milliseconds


def group_of(query: Query, docs: Mapping[str, str]) -> Group:
    """The question's language, when a relevant document is in it too; else "cross"."""
    own = language_of(query.text)
    return own if any(language_of(docs[id_]) == own for id_ in query.relevant) else "cross"


def language_of(text: str) -> Literal["zh", "en"]:
    """Chinese, unless Latin words outnumber Chinese characters."""
    return "zh" if len(_HAN.findall(text)) >= len(_LATIN.findall(text)) else "en"


def quality(queries: Sequence[Query], rankings: Sequence[Sequence[str]]) -> dict[str, float]:
    """Means over the queries; `rankings[i]` are the distinct ids found for `queries[i]`, best first."""
    pairs = list(zip(queries, rankings, strict=True))
    return {
        "recall1": round(statistics.fmean(recall(found, query.relevant, 1) for query, found in pairs), 4),
        "recall5": round(statistics.fmean(recall(found, query.relevant, 5) for query, found in pairs), 4),
        "ndcg10": round(statistics.fmean(ndcg(found, query.relevant, 10) for query, found in pairs), 4),
    }


def recall(found: Sequence[str], relevant: AbstractSet[str], k: int) -> float:
    """The share of the relevant that stands among the first `k`, of at most `k` that could stand there."""
    return len(set(found[:k]) & relevant) / min(k, len(relevant))


def ndcg(found: Sequence[str], relevant: AbstractSet[str], k: int) -> float:
    """
    Binary nDCG: gain 1 / log2(rank + 1) of each relevant document, over the gain of the best possible order.

    Source: Järvelin and Kekäläinen, "Cumulated gain-based evaluation of IR techniques", TOIS 2002.
    """
    gain = sum(1 / math.log2(rank + 1) for rank, each in enumerate(found[:k], start=1) if each in relevant)
    ideal = sum(1 / math.log2(rank + 1) for rank in range(1, min(k, len(relevant)) + 1))
    return gain / ideal


def percentile(values: Sequence[float], percent: int) -> float:
    """The smallest value that at least `percent` of the values do not exceed (nearest rank)."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(len(ordered) * percent / 100) - 1)]
