"""Cases of the ladder suite and its table."""

import json
from pathlib import Path

import pytest

from eval.jsonl import BadData
from eval.ladder import EMBEDDED, Rung, read_rungs, table


def write(folder: Path, *lines: object) -> Path:
    (folder / "cases.jsonl").write_text("\n".join(json.dumps(line) for line in lines), encoding="utf-8")
    return folder


def test_the_embedded_model_is_the_first_rung(tmp_path: Path) -> None:
    folder = write(tmp_path, {"name": "larger", "base": "/models/larger"})
    assert read_rungs(folder) == [EMBEDDED, Rung("larger", "/models/larger")]


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ({"name": "a b", "base": "x"}, "letters"),
        ({"name": "embedded", "base": "x"}, "used once"),
        ({"name": "a", "base": "x", "more": 1}, "unknown field"),
        ({"name": "a"}, "base"),
        ({"name": "a", "base": 3}, "base"),
    ],
)
def test_a_wrong_line_is_named(tmp_path: Path, row: dict[str, object], said: str) -> None:
    with pytest.raises(BadData) as raised:
        read_rungs(write(tmp_path, {"name": "larger", "base": "y"}, row))
    assert said in str(raised.value)
    assert "2" in str(raised.value)


def test_no_case_is_said(tmp_path: Path) -> None:
    with pytest.raises(BadData):
        read_rungs(write(tmp_path))


def test_every_rung_has_its_figures_before_and_after() -> None:
    figures = {"value_copy": 0.9, "value_copy_base": 0.5, "other": 1}
    found = table([(EMBEDDED, figures, {"train_s": 3.0}), (Rung("larger", "x"), {"value_copy": 1.0}, {"passes": True})])
    assert found == {
        "embedded_value_copy": 0.9,
        "embedded_value_copy_base": 0.5,
        "embedded_train_s": 3.0,
        "larger_value_copy": 1.0,
        "larger_passes": True,
    }
