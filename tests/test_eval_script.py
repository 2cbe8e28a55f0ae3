"""The script suite from the command line: right, wrong and bad cases, the last line always one JSON object."""

import json
from pathlib import Path
from typing import Any

import pytest

from eval.__main__ import main
from eval.jsonl import BadData
from eval.script import read_cases

CASE: dict[str, Any] = {
    "language": "zh",
    "stage": "proposal",
    "section": "product",
    "groups": ["product", "warranty"],
    "output": "这次想向您介绍的是{product}，属于{category}。注册证信息我核实之后，再以书面材料提供给您。"
    "质保期是{warranty}，具体条款以合同为准。也请您留意，{must_scope}。关于价格，{must_price}。",
}


def write(folder: Path, *cases: dict[str, Any]) -> Path:
    lines = [json.dumps(case, ensure_ascii=False) for case in cases]
    (folder / "cases.jsonl").write_text("\n".join(lines), encoding="utf-8")
    return folder


def measured(folder: Path, capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    assert main(["script", "--data", str(folder), "--json"]) == 0
    found = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert found["suite"] == "script"
    return found["metrics"]


def test_a_section_in_the_approved_wording_is_perfect(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    metrics = measured(write(tmp_path, CASE), capsys)
    assert metrics["value_copy"] == metrics["must_say"] == metrics["stop_rate"] == 1
    assert metrics["unsupported_values"] == metrics["wrong_type"] == 0
    assert metrics["answers"] == 1
    assert "heldout_loss" not in metrics


def test_a_certificate_number_told_as_the_warranty_is_unsupported(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    wrong = CASE | {"output": "质保期是{certificate}，具体条款以合同为准。"}
    metrics = measured(write(tmp_path, wrong), capsys)
    assert metrics["unsupported_values"] == 1
    assert metrics["value_copy"] == 0
    assert metrics["must_say"] == 0


def test_a_disputed_warranty_must_be_left_out(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    metrics = measured(write(tmp_path, CASE | {"disputed": ["warranty"]}), capsys)
    assert 0 < metrics["unsupported_values"] < 1
    assert metrics["value_copy"] == 1


def test_a_section_of_another_type_is_counted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    closing = CASE | {"output": "等招标结果公布之后，我再跟您约时间。感谢您抽时间接听，祝您工作顺利。"}
    assert measured(write(tmp_path, closing), capsys)["wrong_type"] == 1


def test_an_answer_that_did_not_stop_lowers_the_rate(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert measured(write(tmp_path, CASE, CASE | {"stopped": False}), capsys)["stop_rate"] == 0.5


def test_english_cases_are_scored_by_english_wordings(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    english = {
        "language": "en",
        "stage": "after_sales",
        "section": "service",
        "groups": ["ticket"],
        "output": "I see that the service ticket “{ticket_subject}” of {ticket_date} is still open, and I will follow "
        "it up. Is there anything you need from us in training or maintenance?",
    }
    metrics = measured(write(tmp_path, english), capsys)
    assert metrics["value_copy"] == 1
    assert metrics["unsupported_values"] == 0


def test_the_table_stands_above_the_json_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["script", "--data", str(write(tmp_path, CASE))]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert any(line.startswith("value_copy") for line in lines[:-1])
    assert json.loads(lines[-1])["metrics"]["value_copy"] == 1


@pytest.mark.parametrize(
    ("change", "where"),
    [
        ({"language": "fr"}, "line 1: language must be"),
        ({"stage": "nowhere"}, "line 1: the phrase book has no nowhere"),
        ({"groups": ["price"]}, "line 1: unknown group price"),
        ({"groups": [1]}, "line 1: groups and disputed"),
        ({"disputed": "warranty"}, "line 1: groups and disputed"),
        ({"output": 3}, "line 1: output must be text"),
        ({"stopped": "yes"}, "line 1: stopped must be"),
    ],
)
def test_a_bad_case_is_named_by_its_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], change: dict[str, Any], where: str
) -> None:
    assert main(["script", "--data", str(write(tmp_path, CASE | change))]) == 2
    assert where in capsys.readouterr().err


def test_outputs_are_given_for_all_cases_or_for_none(tmp_path: Path) -> None:
    without = {key: value for key, value in CASE.items() if key != "output"}
    with pytest.raises(BadData, match="line 2: output is missing"):
        read_cases(write(tmp_path, CASE, without))
    assert read_cases(write(tmp_path, without))[0].output is None


def test_no_folder_no_file_and_no_case_are_said_in_both_languages(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["script", "--data", str(tmp_path / "nowhere")]) == 2
    assert main(["script", "--data", str(tmp_path)]) == 2
    assert main(["script", "--data", str(write(tmp_path))]) == 2
    said = capsys.readouterr().err
    assert "找不到文件夹" in said
    assert "cases.jsonl is missing" in said
    assert "holds no case" in said


def test_a_phrase_book_beside_the_cases_is_used(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "phrases.yaml").write_text("version: 1\n", encoding="utf-8")
    assert main(["script", "--data", str(write(tmp_path, CASE))]) == 2
    assert "phrases.yaml is wrong" in capsys.readouterr().err
