"""The suite compliance: counting by hand, bad data, and the shipped set by its figures."""

import json
from pathlib import Path

import pytest

from eval.compliance import Answer, Case, figures, read_cases
from eval.jsonl import BadData
from eval.run_compliance import run
from governance.settings import Settings

SHIPPED = Path(__file__).parent.parent / "data_samples" / "golden" / "compliance"


def write(folder: Path, *lines: object) -> Path:
    (folder / "cases.jsonl").write_text("\n".join(json.dumps(line) for line in lines), encoding="utf-8")
    return folder


def line(**changed: object) -> dict[str, object]:
    return {"text": "回扣", "lang": "zh", "packs": ["p"], "label": "block", "rule": "r"} | changed


def case(label: str, rule: str = "") -> Case:
    return Case("x", "zh", ("p",), label, rule)


def test_a_weaker_rule_does_not_count_and_a_stronger_one_does() -> None:
    cases = [case("block", "a"), case("review", "a"), case("must_say", "b"), case("ok"), case("ok")]
    answers = [
        Answer({"a": "review"}),
        Answer({"c": "block"}),
        Answer({"b": "must_say"}),
        Answer({"d": "block"}),
        Answer({"e": "review"}),
    ]
    assert figures(cases, answers) == {"recall": 0.6667, "rule_exact": 0.6667, "over_block": 0.5, "over_flag": 1.0}


@pytest.mark.parametrize(
    "wrong",
    [
        line(packs=["unknown"]),
        line(packs=[]),
        line(packs="p"),
        line(label="bad"),
        line(lang="fr"),
        line(text=" "),
        line(rule=3),
        {"text": "a", "lang": "zh"},
        [1],
    ],
)
def test_what_is_wrong_is_said_with_its_line(tmp_path: Path, wrong: object) -> None:
    with pytest.raises(BadData, match="line 2"):
        read_cases(write(tmp_path, line(), wrong), {"p"})


def test_a_pack_may_be_named_with_its_version_and_a_line_without_a_rule(tmp_path: Path) -> None:
    [read] = read_cases(write(tmp_path, line(packs=["p@2026"]) | {"rule": None}), {"p"})
    assert (read.packs, read.rule) == (("p",), "")


def test_a_folder_without_cases_is_bad_data(tmp_path: Path) -> None:
    with pytest.raises(BadData):
        read_cases(tmp_path, {"p"})


def test_the_shipped_set_reaches_its_figures_beside_a_word_list() -> None:
    metrics = run(SHIPPED, Settings())
    heldout = metrics["heldout"]
    assert heldout["recall"] >= 0.97
    assert heldout["over_block_ordinary"] <= 0.01
    assert heldout["over_block_word_list"] > heldout["over_block"]
    for language in ("zh", "en"):
        assert metrics["groups"][language]["cases"] >= 400
        assert heldout[language]["recall"] >= 0.97
