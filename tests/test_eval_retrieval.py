"""The retrieval measures against figures worked out by hand, and bad data named by file and line."""

import json
import math
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eval.jsonl import BadData
from eval.peer_llama_index import llama_index_search
from eval.retrieval import Corpus, Query, group_of, measure, ndcg, percentile, quality, read_corpus, recall
from eval.run_retrieval import _passages, _squeeze, run  # pyright: ignore[reportPrivateUsage]
from governance.settings import Settings

GOLDEN = Path(__file__).parent.parent / "data_samples" / "golden"


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


def test_measure_names_every_search_and_every_group_of_languages() -> None:
    docs = {"a": "质保期为36个月", "b": "the warranty is 36 months"}
    asked = (("1", "质保期？", "a"), ("2", "How long is the warranty?", "b"), ("3", "When does it begin?", "a"))
    corpus = Corpus(docs, tuple(Query(id_, text, frozenset(answer)) for id_, text, answer in asked))
    figures = measure(corpus, {"": lambda _: ["a"], "bm25": lambda _: []})
    names = ("recall1", "recall5", "ndcg10", "p50_ms", "p95_ms")
    ends = [search + group for search in ("", "_bm25") for group in ("", "_zh", "_en", "_cross")]
    assert {name + end for name in names for end in ends} <= figures.keys()
    assert (figures["recall1_zh"], figures["recall1_en"], figures["recall1_cross"]) == (1, 0, 1)
    assert (figures["recall1"], figures["recall1_bm25"]) == (pytest.approx(0.6667), 0)
    assert (figures["queries_zh"], figures["queries_cross"]) == (1, 1)


def test_a_question_is_in_the_group_of_its_language_when_a_document_in_it_answers() -> None:
    docs = {"zh": "质保期为CY-90的36个月", "en": "warranty"}
    assert group_of(Query("1", "质保?", frozenset({"zh", "en"})), docs) == "zh"
    assert group_of(Query("1", "warranty?", frozenset({"zh", "en"})), docs) == "en"
    assert group_of(Query("1", "warranty?", frozenset({"zh"})), docs) == "cross"
    assert group_of(Query("1", "质保?", frozenset({"en"})), docs) == "cross"


def test_llama_index_finds_the_document_whose_vector_is_nearest() -> None:
    vectors = {"warranty": [1.0, 0.0], "price": [0.0, 1.0], "how long?": [0.9, 0.1]}
    docs = {"a": "price", "b": "warranty"}
    search = llama_index_search(docs, vectors.__getitem__, vectors.__getitem__, 10)
    assert search("how long?") == ["b", "a"]


@pytest.mark.parametrize("name", ["questions.jsonl", "questions_heldout.jsonl"])
def test_the_sample_questions_cover_both_languages_and_both_directions(name: str) -> None:
    rows = [json.loads(line) for line in (GOLDEN / name).read_text(encoding="utf-8").splitlines()]
    assert len(rows) >= 60
    assert len({row["id"] for row in rows}) == len(rows)
    english = [all("_EN_" in document for document in row["documents"]) for row in rows]
    kinds = {(row["lang"], foreign) for row, foreign in zip(rows, english, strict=True)}
    assert kinds == {("zh", False), ("zh", True), ("en", False), ("en", True)}


def test_no_held_out_question_is_one_of_those_that_were_tuned_on() -> None:
    tuned, held = (
        {json.loads(line)["text"] for line in (GOLDEN / name).read_text(encoding="utf-8").splitlines()}
        for name in ("questions.jsonl", "questions_heldout.jsonl")
    )
    assert not tuned & held


@pytest.mark.slow
def test_every_held_out_answer_stands_in_each_document_it_names() -> None:
    docs, of_document = _passages(GOLDEN.parent)
    for line in (GOLDEN / "questions_heldout.jsonl").read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        for name in row["documents"]:
            whole = _squeeze("".join(docs[id_] for id_ in of_document[name]))
            assert not [answer for answer in row["answer_contains"] if _squeeze(answer) not in whole], row["id"]


@pytest.mark.slow
def test_the_suite_runs_on_a_folder_of_strangers(tmp_path: Path) -> None:
    texts = ["深沟球轴承6205的保修期为12个月。", "Bearings are stored in a dry place.", "货到三十天内付款。"]
    write(tmp_path, "docs.jsonl", [{"id": str(n), "text": text} for n, text in enumerate(texts)])
    write(tmp_path, "queries.jsonl", [{"id": "q", "text": "6205保修多久？", "relevant": ["0"]}])
    metrics = run(tmp_path, Settings(embedding="use"))
    assert metrics["recall1"] == metrics["recall1_zh"] == 1
    wanted = {"p95_ms_10k", "p95_ms_50k", "p95_ms_10k_filtered", "index_docs_per_cpu_s", "ndcg10_llamaindex"}
    assert wanted <= metrics.keys()


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
