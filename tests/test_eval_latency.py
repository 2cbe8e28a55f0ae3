"""The latency suite: its cases are checked, its figures add up, and it runs on a small real model."""

import json
from pathlib import Path
from typing import Any

import pytest

from eval.jsonl import BadData
from eval.latency import Waited, figures, read_cases
from eval.run_latency import run
from governance.settings import Settings
from tests.small_company import cut_company
from tests.tiny_model import save_tiny_model

CASE: dict[str, Any] = {"customer": "H001", "stage": "first_contact", "language": "zh"}


def cases(folder: Path, *rows: object) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "cases.jsonl").write_text("\n".join(json.dumps(row) for row in rows), encoding="utf-8")
    return folder


@pytest.mark.parametrize(
    "row",
    [{}, {**CASE, "language": "fr"}, {**CASE, "product": 3}, {**CASE, "extra": "x"}, {**CASE, "customer": None}, []],
)
def test_a_bad_case_is_named_by_its_line(tmp_path: Path, row: object) -> None:
    with pytest.raises(BadData, match="line 2"):
        read_cases(cases(tmp_path, CASE, row))


def test_no_case_is_no_measurement(tmp_path: Path) -> None:
    with pytest.raises(BadData):
        read_cases(cases(tmp_path))
    with pytest.raises(BadData):
        read_cases(tmp_path / "missing")


def test_the_ratio_is_taken_case_by_case() -> None:
    waited = {
        "first": [Waited(1, 2, 4), Waited(1, 3, 6)],
        "batch": [Waited(1, 4, 4), Waited(1, 2, 2)],
        "each": [Waited(1, 2, 8), Waited(1, 1, 8)],
    }
    found = figures(waited, "first")
    assert (found["first_section_p50_s"], found["script_p50_s"], found["script_p95_s"]) == (2, 4, 6)
    assert found["each_to_batch"] == 2  # of 2 and 4 the lower one
    assert found["script_p50_s_batch"] == 2


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_the_suite_measures_a_small_model_and_says_which(tmp_path: Path) -> None:
    documents = sorted(path.name for path in Path("data_samples/documents").iterdir())[:3]
    cut_company(tmp_path / "company", ["H001", "H019"], documents)
    model = save_tiny_model(tmp_path / "model", max_position_embeddings=4096)
    settings = Settings(company=tmp_path / "company", home=tmp_path / "home", base_model=str(model), threads=1)
    english = {**CASE, "stage": "proposal", "product": "P01", "language": "en"}
    found = run(cases(tmp_path / "data", CASE, english), settings)
    assert found["adapter"] == "untuned"
    assert found["scripts"] == 2
    assert 0 < found["plan_p50_s"] <= found["first_section_p50_s"] <= found["script_p50_s"] <= found["script_p95_s"]
    assert found["tokens_a_section"] <= found["tokens_wanted_a_section"] * 3
    assert found["model_calls_a_script"] < 5  # every section stood at its first writing
    for row in ({**CASE, "customer": "H019"}, {**CASE, "stage": "none"}, {**CASE, "customer": "nobody"}):
        with pytest.raises(BadData, match="line 1"):
            run(cases(tmp_path / "data", row), settings)
