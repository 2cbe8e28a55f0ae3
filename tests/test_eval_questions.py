"""The suite of questions: what counts as answered, and bad data."""

import json
from pathlib import Path

import pytest

from eval.jsonl import BadData
from eval.questions import ANSWERED, UNANSWERABLE, Question, Told, measure, read_questions

FILES = {
    "questions.jsonl": [{"id": "Q1", "lang": "zh", "text": "质保多久", "answer_contains": ["36 个月"]}],
    "questions_heldout.jsonl": [{"id": "H1", "lang": "en", "text": "how long", "answer_contains": ["36 months"]}],
    "unanswerable.jsonl": [{"id": "U1", "lang": "zh", "text": "天气"}, {"id": "U2", "lang": "zh", "text": "股价"}],
}


def write(folder: Path, files: dict[str, list[dict[str, object]]]) -> Path:
    for name, rows in files.items():
        (folder / name).write_text("\n".join(json.dumps(row) for row in rows), encoding="utf-8")
    return folder


def test_an_answer_counts_when_it_holds_all_the_words_whatever_the_spaces(tmp_path: Path) -> None:
    told = {
        "Q1": Told(["质保期为36个月。"], []),
        "H1": Told([], ["36 months from acceptance"]),
        "U1": Told([], ["也许"]),
        "U2": Told(["股价是…"], []),
    }

    def ask(question: Question) -> Told:
        return told[question.id]

    found = measure(read_questions(write(tmp_path, FILES)), ask)
    assert (found["answered"], found["sure"]) == (1.0, 1.0)
    assert (found["answered_heldout"], found["sure_heldout"]) == (1.0, 0.0)
    assert (found["unanswerable"], found["refused"]) == (2, 0.5)


@pytest.mark.parametrize(
    ("name", "row"),
    [
        (ANSWERED[0], {"id": "Q1", "lang": "fr", "text": "?", "answer_contains": ["x"]}),
        (ANSWERED[0], {"id": "Q1", "lang": "zh", "text": "?", "answer_contains": []}),
        (ANSWERED[1], {"id": "Q1", "lang": "zh", "text": 3, "answer_contains": ["x"]}),
        (UNANSWERABLE, {"lang": "zh", "text": "?"}),
    ],
)
def test_a_wrong_line_is_named(tmp_path: Path, name: str, row: dict[str, object]) -> None:
    with pytest.raises(BadData, match=name):
        read_questions(write(tmp_path, FILES | {name: [row]}))  # pyright: ignore[reportArgumentType]


def test_a_folder_without_questions_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadData):
        read_questions(tmp_path)
