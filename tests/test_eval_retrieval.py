"""The retrieval measures against figures worked out by hand, and bad data named by file and line."""

import json
import math
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eval.jsonl import BadData
from eval.retrieval import Corpus, Query, measure, ndcg, percentile, quality, read_corpus, recall


def write(folder: Path, name: str, rows: list[object]) -> None:
    (folder / name).write_text("\n".join(json.dumps(row, ensure_ascii=False) for row in rows), encoding="utf-8")


def test_recall_counts_what_could_stand_there() -> None:
    assert recall(["a", "b"], {"a"}, 1) == 1
    assert recall(["b", "a"], {"a"}, 1) == 0
    assert recall(["a", "x", "b", "y", "z", "c"], {"a", "b", "c"}, 5) == pytest.approx(2 / 3)
    assert recall(["a"], {"a", "b", "c"}, 1) == 1


def test_ndcg_discounts_by_rank() -> None:
    assert ndcg(["a"], {"a"}, 10) == 1
    assert ndcg(["x", "a"], {"a"}, 10) == pytest.approx(1 / math.log2(3))
    assert ndcg(["a", "x", "b"], {"a", "b"}, 10) == pytest.approx((1 + 0.5) / (1 + 1 / math.log2(3)))
    assert ndcg(["x"], {"a"}, 10) == 0


@given(st.lists(st.sampled_from("abcdefgh"), unique=True), st.sets(st.sampled_from("abcdefgh"), min_size=1))
def test_every_figure_lies_between_nothing_and_everything(found: list[str], relevant: set[str]) -> None:
    for figure in (recall(found, relevant, 1), recall(found, relevant, 5), ndcg(found, relevant, 10)):
        assert 0 <= figure <= 1 + 1e-12


@given(st.sets(st.sampled_from("abcdefgh"), min_size=1))
def test_finding_all_that_is_relevant_first_is_perfect(relevant: set[str]) -> None:
    found = [*sorted(relevant), "x", "y"]
    assert recall(found, relevant, 1) == recall(found, relevant, 5) == 1
    assert ndcg(found, relevant, 10) == pytest.approx(1)


def test_percentiles_take_the_nearest_rank() -> None:
    assert percentile([3.0, 1.0, 2.0, 4.0], 50) == 2.0
    assert percentile([float(n) for n in range(1, 101)], 95) == 95.0
    assert percentile([7.0], 95) == 7.0


def test_quality_is_the_mean_over_the_queries() -> None:
    queries = [Query("1", "?", frozenset("a")), Query("2", "?", frozenset("b"))]
    assert quality(queries, [["a"], ["x"]]) == {"recall1": 0.5, "recall5": 0.5, "ndcg10": 0.5}


def test_measure_names_all_three_searches() -> None:
    corpus = Corpus({"a": "ä"}, (Query("1", "?", frozenset("a")),))
    figures = measure(corpus, lambda _, mode: ["a"] if mode != "dense" else [])
    names = ("recall1", "recall5", "ndcg10", "p50_ms", "p95_ms")
    assert {name + suffix for name in names for suffix in ("", "_bm25", "_dense")} <= figures.keys()
    assert (figures["recall1"], figures["recall1_bm25"], figures["recall1_dense"]) == (1, 1, 0)


def test_a_corpus_is_read_with_byte_order_mark_and_blank_lines(tmp_path: Path) -> None:
    (tmp_path / "docs.jsonl").write_text('\ufeff{"id": "1", "text": "超声"}\n\n', encoding="utf-8")
    write(tmp_path, "queries.jsonl", [{"id": "q", "text": "什么？", "relevant": ["1"]}])
    corpus = read_corpus(tmp_path)
    assert corpus.docs == {"1": "超声"}
    assert corpus.queries == (Query("q", "什么？", frozenset({"1"})),)


@pytest.mark.parametrize(
    ("docs", "queries", "where"),
    [
        (None, "", "docs.jsonl"),
        ("", "", "docs.jsonl"),
        ('{"id": "1", "text": "a"}', None, "queries.jsonl"),
        ('{"id": "1", "text": "a"}', "", "queries.jsonl"),
        ('{"id": "1", "text": "a"}\n{"id": "1", "text": "b"}', "", "docs.jsonl, line 2"),
        ('{"id": "1", "text": "a"}\n\n{oops}', "", "docs.jsonl, line 3"),
        ('{"id": "1"}', "", "docs.jsonl, line 1: the field text"),
        ('{"id": ["1"], "text": "a"}', "", "docs.jsonl, line 1: the field id is missing or is not text"),
        ('{"id": "1", "text": 7}', "", "docs.jsonl, line 1: the field text must be text"),
        ("[1]", "", "docs.jsonl, line 1: a JSON object"),
        ('{"id": "1", "text": "a"}', '{"id": "q", "text": "?", "relevant": ["2"]}', "queries.jsonl, line 1"),
        ('{"id": "1", "text": "a"}', '{"id": "q", "text": "?", "relevant": []}', "relevant is empty"),
        ('{"id": "1", "text": "a"}', '{"id": "q", "text": "?", "relevant": "1"}', "relevant must be a list"),
    ],
)
def test_bad_data_is_named_by_file_and_line(tmp_path: Path, docs: str | None, queries: str | None, where: str) -> None:
    for name, text in (("docs.jsonl", docs), ("queries.jsonl", queries)):
        if text is not None:
            (tmp_path / name).write_text(text, encoding="utf-8")
    with pytest.raises(BadData) as raised:
        read_corpus(tmp_path)
    assert where in raised.value.en
    assert raised.value.zh


def test_ids_may_be_numbers(tmp_path: Path) -> None:
    write(tmp_path, "docs.jsonl", [{"id": 7, "text": "a"}])
    write(tmp_path, "queries.jsonl", [{"id": 1, "text": "?", "relevant": [7]}])
    assert read_corpus(tmp_path).queries[0].relevant == {"7"}


def test_a_file_that_is_no_text_is_named(tmp_path: Path) -> None:
    (tmp_path / "docs.jsonl").write_bytes(b"\xff\xfe\x00\x81")
    with pytest.raises(BadData, match=r"docs\.jsonl"):
        read_corpus(tmp_path)
