"""Judging by example sentences: what it reads, what it was computed from, and what it says of sentences of its own."""

import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from governance.errors import Corrupt
from rag import likeness
from rag.company import load_company, load_pack
from rag.likeness import Alike, Example, digest_of, judge, letters, pieces_of, read_examples, readings, strength
from rag.likeness_fit import fit
from rag.rule_pack import PACKS, pack_files

COMPANY = load_company(Path("data_samples"))
RULES = frozenset(rule.id for _, rule in COMPANY.rules())


def test_the_weights_were_computed_from_the_examples_that_ship() -> None:
    with np.load(PACKS / likeness.FILE, allow_pickle=False) as stored:
        assert str(stored["digest"]) == digest_of(read_examples()), "run python -m rag likeness"


def test_every_example_names_a_rule_that_exists() -> None:
    known = {rule.id for path in pack_files(PACKS) for rule in load_pack(path).rules}
    assert {each.rule for each in read_examples()} - known == {""}


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("您放心，主任那份我另外包好了，下班后放他车上。", "zh"),
        ("评标那几位专家的名单我托人弄到了，今晚发您。", "zh"),
        ("I can get the nurse manager a little envelope before the decision.", "en"),
    ],
)
def test_what_is_forbidden_in_other_words_is_found(text: str, language: str) -> None:
    [found] = judge(text, "zh" if language == "zh" else "en", RULES)
    assert found.text == text
    assert found.rule in RULES
    assert found.example


@pytest.mark.parametrize(
    "text",
    ["设备下周三到货，麻烦您安排两位同事卸货。", "合同一式四份，盖章后寄回两份就行。", "明天下午三点的会改到五楼。"],
)
def test_everyday_work_is_left_alone(text: str) -> None:
    assert judge(text, "zh", RULES) == []


def test_hardly_a_wording_of_the_plan_is_taken_for_a_breach() -> None:
    moves = [move for section in COMPANY.phrases.sections.values() for move in section.moves]
    said = [re.sub(r"\{\w+\}", "某某", wording) for move in moves for wording in move.zh[:2] if wording[0] != "{"]
    taken = [text for text in said if any(each.sure for each in judge(text, "zh", RULES))]
    assert len(taken) <= len(said) // 100, taken


def test_rules_that_are_not_in_force_are_not_named() -> None:
    assert judge("评标那几位专家的名单我托人弄到了，今晚发您。", "zh", frozenset()) == []


def test_a_doubtful_likeness_is_for_people_to_look_at() -> None:
    assert strength("block", Alike("t", "r", True, "e")) == "block"
    assert strength("block", Alike("t", "r", False, "e")) == "review"
    assert strength("hint", Alike("t", "r", False, "e")) == "hint"


@given(st.text(max_size=600))
def test_pieces_are_what_stands_in_the_text(text: str) -> None:
    for piece in pieces_of(text):
        assert piece in text
        assert len(piece) >= likeness.SHORTEST
        assert float(np.linalg.norm(letters(piece))) <= 1.0001


def test_a_broken_file_is_an_error_and_not_an_approval(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / likeness.FILE).write_bytes(b"PK\x03\x04 half a file")
    monkeypatch.setattr(likeness, "PACKS", tmp_path)
    readings.cache_clear()
    try:
        with pytest.raises(Corrupt):
            readings()
    finally:
        readings.cache_clear()


@pytest.mark.parametrize(
    "line", ['{"text": "a", "lang": "fr", "rule": "", "origin": "x"}', "no json", '{"text": "a"}', "[]"]
)
def test_a_wrong_example_is_named_by_its_line(tmp_path: Path, line: str) -> None:
    right = '{"text": "好的", "lang": "zh", "rule": "", "origin": "x"}\n'
    (tmp_path / "zh.jsonl").write_text(right + line, encoding="utf-8")
    with pytest.raises(Corrupt) as raised:
        read_examples(tmp_path)
    assert "2" in raised.value.say("en")


def test_weights_tell_two_kinds_of_sentences_apart_for_an_author_they_have_not_seen() -> None:
    draw = np.random.default_rng(0)
    examples: list[Example] = []
    vectors: list[np.ndarray] = []
    for language in likeness.LANGUAGES:
        for origin in ("a", "b", "c"):
            for number in range(20):
                wrong = number % 2 == 0
                examples.append(
                    Example(
                        f"{origin} {number} {'gift' if wrong else 'invoice'}", language, "r" if wrong else "", origin
                    )
                )
                vectors.append(draw.normal(1.0 if wrong else -1.0, 0.3, 8).astype(np.float32))
    found = fit(examples, np.stack(vectors))
    assert set(found.report) == {"zh", "en"}
    assert found.report["zh"]["doubtful_recall"] == 1.0
    assert found.report["zh"]["sure_lawful"] <= 0.05
    assert found.arrays["zh_breaks"].shape == (likeness.GRAMS + 8 + 1,)
