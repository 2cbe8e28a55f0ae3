"""Suite `verification`: what strangers' lines may look like, what is counted, and that the made lines know no rule."""

import ast
import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from eval.jsonl import BadData
from eval.run_verification import run
from eval.verification import FILE, figures, judge, phi, read_cases
from eval.verification_cases import make
from governance.settings import Settings

SHIPPED = Path("data_samples") / "golden" / "verification"
LINE: dict[str, Any] = {
    "id": "1",
    "lang": "zh",
    "as_of": "2026-11-21",
    "facts": [
        {"id": "f", "subject": "H", "relation": "采购金额", "value": 345600, "valid_from": None, "valid_to": None}
    ],
    "sources": [{"id": "s", "text": "采购金额345,600元。"}],
    "sentence": "采购金额是34.56万元。",
    "cites": ["s"],
    "label": "clean",
    "fault": None,
}


def written(folder: Path, *rows: dict[str, Any]) -> Path:
    (folder / FILE).write_text("\n".join(json.dumps(row, ensure_ascii=False) for row in rows), encoding="utf-8")
    return folder


def test_a_strangers_lines_are_measured(tmp_path: Path) -> None:
    fault = LINE | {"sentence": "采购金额是34.65万元。", "label": "fault", "fault": "number"}
    uncited = LINE | {"cites": []}
    factless = LINE | {"facts": [], "sentence": "采购金额345600元。"}
    nested = LINE | {
        "facts": [{"subject": "H", "relation": "bought", "value": {"amount": 345600.0, "quantity": "2台"}}]
    }
    pain = LINE | {"sentence": "贵院急需换设备。", "label": "fault", "fault": "invented_pain_point"}
    metrics = run(written(tmp_path, LINE, fault, uncited, factless, nested, pain), Settings())
    assert metrics["structured_recall"] == metrics["free_text_recall"] == 1.0
    assert metrics["clean_false_alarm"] == 0.0
    assert metrics["faults"]["number"] == {"recall": 1.0, "v1": 1.0, "v2": 1.0, "lines": 1}
    assert metrics["error_correlation"] is None  # of two lines neither verifier varies enough
    assert metrics["sentences_per_cpu_s"] > 0


@pytest.mark.parametrize(
    "wrong",
    [
        {"lang": "fr"},
        {"label": "maybe"},
        {"sentence": " "},
        {"as_of": "yesterday"},
        {"as_of": ""},
        {"cites": ["unknown"]},
        {"cites": [3]},
        {"facts": [{"subject": "H"}]},
        {"facts": ["f"]},
        {"sources": [{"id": "s"}]},
        {"facts": [{"subject": "H", "relation": "r", "value": "1", "valid_from": "2026-13-01"}]},
    ],
)
def test_a_line_that_cannot_be_used_is_named(tmp_path: Path, wrong: dict[str, Any]) -> None:
    with pytest.raises(BadData, match="line 2"):
        read_cases(written(tmp_path, LINE, LINE | wrong))


def test_an_empty_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadData):
        read_cases(written(tmp_path))


def test_the_correlation_of_errors() -> None:
    assert phi([(True, True), (False, False)]) == 1.0
    assert phi([(True, False), (False, True)]) == -1.0
    assert phi([(True, True), (True, False), (False, True), (False, False)]) == 0.0
    assert phi([(False, True), (False, False)]) is None


def test_the_shipped_lines_meet_the_targets_on_wordings_and_values_not_tuned_on() -> None:
    cases = read_cases(SHIPPED)
    assert len(cases) >= 600
    assert {case.language for case in cases} == {"zh", "en"}
    heldout = figures([judge(case) for case in cases if case.split == "heldout"])
    assert heldout["structured_recall"] >= 0.99
    assert heldout["clean_false_alarm"] <= 0.01


def test_the_shipped_lines_are_what_the_generator_makes() -> None:
    templates = yaml.safe_load((SHIPPED / "templates.yaml").read_text(encoding="utf-8"))
    made = [json.dumps(row, ensure_ascii=False) for row in make(templates)]
    assert made == (SHIPPED / FILE).read_text(encoding="utf-8").splitlines()
    for language in ("zh", "en"):
        for name, wordings in templates[language].items():
            if not name.endswith("_source"):
                assert not {str(each) for each in wordings["tune"]} & {str(each) for each in wordings["heldout"]}


def test_the_generator_knows_no_rule_of_the_verifier() -> None:
    for path in Path("eval").glob("verification_*.py"):
        names = {
            name
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
            if isinstance(node, ast.ImportFrom)
            for name in [node.module or ""]
        }
        assert not {name for name in names if name.startswith("eval.") and not name.startswith("eval.verification_")}
