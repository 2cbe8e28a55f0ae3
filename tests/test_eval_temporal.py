"""Suite temporal: the oracle knows the hard cases by hand, the stream holds them, and the product answers exactly."""

import json
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from eval.jsonl import BadData
from eval.run_temporal import run
from eval.temporal import Event, Oracle, Question, measure, read_events, read_questions
from eval.temporal_stream import Stream, add_artefacts, ask
from governance.settings import Settings

START = datetime(2024, 1, 1, 8, tzinfo=UTC)
FAR = datetime(2040, 1, 1, tzinfo=UTC)
POST = {"hospital": "H1", "department": "设备科", "title": "主任"}


def known(days: int, kind: str, **said: Any) -> Event:
    return Event(START + timedelta(days=days), kind, said)


def title(days: int, row: str, person: str, since: str, **said: Any) -> Event:
    return known(
        days, "title", **{**POST, "row": row, "person": person, "from": since, "to": None, "unique": True, **said}
    )


def heads(events: list[Event], day: str, moment: datetime = FAR) -> list[str]:
    return sorted(Oracle(events).answer("head", POST, date.fromisoformat(day), moment))


def test_the_oracle_ends_a_post_by_the_next_one_whatever_came_to_be_known_first() -> None:
    events = [title(5, "r2", "B", "2024-03-01"), title(90, "r1", "A", "2020-01-01")]
    assert heads(events, "2024-02-29") == ["A"]
    assert heads(events, "2024-03-01") == ["B"]
    assert heads(events, "2024-02-29", START + timedelta(days=89)) == []


def test_the_oracle_knows_corrections_returns_vacancies_and_disputes() -> None:
    first, wrong = title(0, "r1", "A", "2020-01-01"), title(1, "r2", "B", "2022-01-01")
    gone = known(50, "retired", row="r2")
    events = [first, wrong, gone]
    assert heads(events, "2023-01-01", START + timedelta(days=10)) == ["B"]
    assert heads(events, "2023-01-01") == ["A"]
    events.append(title(60, "r2", "B", "2022-01-01"))  # taken back by mistake
    assert heads(events, "2023-01-01") == ["B"]
    assert heads([*events, title(70, "r3", "A", "2023-06-01")], "2024-01-01") == ["A"]
    assert heads([title(0, "r1", "A", "2020-01-01", to="2021-01-01")], "2021-01-01") == []
    disputed = [first, title(9, "r4", "C", "2020-01-01")]
    assert heads(disputed, "2021-01-01") == ["A", "C"]
    ruled = [*disputed, known(20, "ruled", row="r4")]
    assert heads(ruled, "2021-01-01") == ["C"]
    assert heads([*ruled, known(30, "unruled", row="r4")], "2021-01-01") == ["A", "C"]
    assert len(Oracle([first, known(20, "ruled", row="r1")]).idle) == 1


def test_the_oracle_joins_hospitals_while_people_say_that_they_are_one() -> None:
    same = {"kept": "H1", "merged": "H2"}
    events = [title(0, "r1", "A", "2020-01-01"), title(1, "r2", "B", "2022-01-01", hospital="H2")]
    events += [known(10, "same", **same), known(20, "apart", **same)]
    assert heads(events, "2023-01-01", START + timedelta(days=9)) == ["A"]
    assert heads(events, "2023-01-01", START + timedelta(days=10)) == ["B"]
    assert heads(events, "2023-01-01") == ["A"]


def test_the_oracle_flags_what_rests_on_a_change_and_only_that() -> None:
    events = [title(0, "r1", "A", "2020-01-01"), title(0, "r9", "X", "2020-01-01", title="工程师", unique=False)]
    events += [known(5, "written", artefact="s1", rows=["r1"]), known(5, "written", artefact="s2", rows=["r9"])]
    oracle = Oracle([*events, title(30, "r2", "B", "2024-03-01")])

    def flagged(day: str, at: int) -> list[str]:
        return sorted(oracle.answer("changed", {}, date.fromisoformat(day), START + timedelta(days=at)))

    assert flagged("2024-03-01", 29) == flagged("2024-02-29", 30) == []
    assert flagged("2024-03-01", 30) == ["s1"]
    restated = [*events, known(30, "retired", row="r1"), title(40, "r5", "A", "2020-01-01")]
    assert Oracle(restated).answer("changed", {}, date(2024, 6, 1), START + timedelta(days=35)) == {"s1"}
    assert Oracle(restated).answer("changed", {}, date(2024, 6, 1), FAR) == frozenset()


def test_the_measures_count_what_is_missing_what_is_hidden_and_what_is_flagged_for_nothing() -> None:
    asked = Question("head", POST, date(2024, 1, 1), FAR, frozenset({"A"}))
    changed = replace(asked, kind="changed", answer=frozenset({"s1", "s2"}))
    found = measure([asked, asked, changed], [frozenset({"A"}), frozenset({"B"}), frozenset({"s1", "s3"})])
    assert found.metrics == {
        "as_of_exact": 0.5,
        "false_retirements": 1,
        "dependants_flagged": 0.5,
        "false_flags": 1,
        "questions": 2,
        "flags_expected": 2,
    }
    assert [got for _, got in found.wrong] == [{"B"}, {"s1", "s3"}]


def test_the_stream_is_the_same_for_a_seed_and_holds_every_kind_of_trouble() -> None:
    events = Stream(4, 40).begin()
    assert events == Stream(4, 40).begin() != Stream(5, 40).begin()
    kinds = {event.kind for event in events}
    assert kinds >= {"person", "name", "title", "budget", "price", "retired", "same"}
    titles = [event for event in events if event.kind == "title"]
    assert any((event.at.date() - date.fromisoformat(event.said["from"])).days > 120 for event in titles)  # late
    assert any(event.at.date() < date.fromisoformat(event.said["from"]) for event in titles)  # ahead
    arrived: dict[tuple[str, ...], list[str]] = {}
    for event in titles:
        post = (event.said["hospital"], event.said["department"], event.said["title"])
        arrived.setdefault(post, []).append(event.said["from"])
    assert any(days != sorted(days) for days in arrived.values())  # a change before the appointment that it ends
    named = [event.said["name"] for event in events if event.kind == "person"]
    assert len(set(named)) < len(named) / 5


def written(folder: Path, events: list[Event], questions: list[Question]) -> Path:
    folder.mkdir()
    lines = [{"at": event.at.isoformat(), "event": event.kind, **event.said} for event in events]
    asked = [
        {
            "kind": q.kind,
            **q.said,
            "as_of": str(q.as_of),
            "known_at": q.known_at.isoformat(),
            "answer": sorted(q.answer),
        }
        for q in questions
    ]
    for name, rows in (("events", lines), ("questions", asked)):
        text = "\n".join(json.dumps(row, ensure_ascii=False) for row in rows)
        (folder / f"{name}.jsonl").write_text(text + "\n", encoding="utf-8")
    return folder


@pytest.mark.slow
def test_the_product_answers_a_small_stream_exactly_from_a_folder(tmp_path: Path) -> None:
    stream = Stream(7, 12).begin()
    events = add_artefacts(stream, Oracle(stream), 80, 7)
    questions = list(ask(events, Oracle(events), 250, 7))
    folder = written(tmp_path / "data", events, questions)
    assert read_events(folder) == events
    metrics = run(folder, Settings(home=tmp_path))
    assert metrics["as_of_exact"] == metrics["dependants_flagged"] == 1.0
    assert metrics["false_retirements"] == metrics["false_flags"] == metrics["false_merges"] == 0
    assert metrics["events"] == len(events)


def _read(folder: Path) -> object:
    return read_events(folder), read_questions(folder)


STATED = {"at": START.isoformat(), "event": "name", "row": "r1", "hospital": "H1", "name": "青禾医院"}
ASKED = {"kind": "name", "hospital": "H1", "as_of": "2024-01-01", "known_at": FAR.isoformat(), "answer": ["青禾医院"]}


@pytest.mark.parametrize(
    ("event", "question"),
    [
        ({**STATED, "event": "sold"}, ASKED),
        ({**STATED, "row": 7}, ASKED),
        ({**STATED, "at": "yesterday"}, ASKED),
        ({**STATED, "at": "2024-01-01T08:00:00"}, ASKED),
        ({"at": START.isoformat(), "event": "retired", "row": "r9"}, ASKED),
        ({**STATED, "event": "price", "product": "P", "amount": "1", "from": "2024-02-30"}, ASKED),
        (STATED, {**ASKED, "kind": "weather"}),
        (STATED, {**ASKED, "as_of": "soon"}),
        (STATED, {**ASKED, "answer": "青禾医院"}),
        (STATED, {key: value for key, value in ASKED.items() if key != "hospital"}),
    ],
)
def test_data_that_cannot_be_used_is_named_with_its_line(
    tmp_path: Path, event: dict[str, Any], question: dict[str, Any]
) -> None:
    for name, row in (("events", event), ("questions", question)):
        (tmp_path / f"{name}.jsonl").write_text(json.dumps(row) + "\n", encoding="utf-8")
    with pytest.raises(BadData) as refused:
        _read(tmp_path)
    assert ".jsonl" in refused.value.zh
    assert ".jsonl" in refused.value.en


def test_missing_files_and_no_questions_are_refused(tmp_path: Path) -> None:
    with pytest.raises(BadData):
        read_events(tmp_path)
    (tmp_path / "questions.jsonl").write_text("\n", encoding="utf-8")
    with pytest.raises(BadData):
        read_questions(tmp_path)
