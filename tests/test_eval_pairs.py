"""What counts as grounded, what the baseline does, and that the suite runs over any folder of documents."""

import json
from pathlib import Path

import pytest

from eval.__main__ import main
from eval.pairs import CHUNK, OVERLAP, Pair, chunk_pairs, is_grounded, measured, pages_of

TEXT = "整机质保期：36个月\n一、交货\n签约后30天内交货。逾期按日计违约金。\n- 禁止返利"


def span(words: str, said: str = "") -> Pair:
    start = TEXT.index(words)
    return Pair("?", said or words, TEXT, start, start + len(words))


@pytest.mark.parametrize(
    ("pair", "grounded"),
    [
        (span("36个月"), True),
        (span("36个月", "{period1}"), True),
        (span("签约后30天内交货。", "签约后{number1}内交货。"), True),
        (span("逾期按日计违约金。"), True),
        (span("禁止返利"), True),
        (span("后30天内交货。"), False),  # half a sentence
        (span("签约后30天"), False),
        (span("36个月", "24个月"), False),  # not what stands there
        (Pair("?", "x", TEXT, 900, 910), False),
        (Pair("?", "", TEXT, 3, 3), False),
    ],
)
def test_an_answer_is_grounded_when_it_is_what_stands_there_whole(pair: Pair, grounded: bool) -> None:
    assert is_grounded(pair) is grounded


def test_the_baseline_cuts_where_it_comes_to_and_says_the_first_sentence() -> None:
    text = "".join(f"这是第{number}句话，说一件事。" for number in range(300))
    pairs = chunk_pairs(text)
    assert [pair.start for pair in pairs] == list(range(0, len(text) - OVERLAP, CHUNK - OVERLAP))[: len(pairs)]
    assert is_grounded(pairs[0])
    assert not all(is_grounded(pair) for pair in pairs)
    assert chunk_pairs("") == []


def test_shares_of_nothing_and_pages_without_pages() -> None:
    assert measured([], 0, 1, 0.0)["grounded_share"] == 0.0
    assert pages_of("字" * 3001, None) == 3
    assert pages_of("", None) == 1
    assert pages_of("字", 7) == 7


def test_the_suite_reads_any_folder_and_says_what_it_cannot_read(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "规定.txt").write_text(
        "一、交货\n签约后30天内交货。逾期按日计违约金。\n\n二、验收\n到货后7天内验收。", "utf-8"
    )
    (tmp_path / "broken.pdf").write_bytes(b"%PDF-1.4 broken")
    assert main(["pairs", "--data", str(tmp_path)]) == 0
    printed = capsys.readouterr()
    metrics = json.loads(printed.out.splitlines()[-1])["metrics"]
    assert metrics["grounded_share"] == 1.0
    assert metrics["documents"] == 1
    assert metrics["pairs"] > metrics["pairs_baseline"] == 1
    assert metrics["pages_per_cpu_s"] > 0
    assert "broken.pdf" in printed.err


def test_a_folder_without_documents_is_said_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["pairs", "--data", str(tmp_path)]) == 2
    assert "没有可读的文档" in capsys.readouterr().err
