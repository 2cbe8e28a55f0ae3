"""What the training board says of runs, queue, curves and comparisons, from rows as the worker leaves them."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, insert

from assistant import compare_view, training_view
from assistant.parts import Parts
from assistant.recipe_view import recipe_fields
from governance.settings import Settings
from governance.vault import open_vault
from rag.company import load_company
from sandbox import tables
from sandbox.recipe import ADVANCED, RecipeForm

NOW = datetime(2026, 11, 22, 8, tzinfo=UTC)
IDS = ["1" * 32, "2" * 32, "3" * 32]


@pytest.fixture
def parts(db: Engine, tmp_path: Path) -> Parts:
    company = load_company(Path(__file__).resolve().parent.parent / "data_samples")
    return Parts(Settings(home=tmp_path), db, open_vault(tmp_path / "keys"), company)


def add_run(db: Engine, number: int, status: str, **values: Any) -> str:
    times = {"heartbeat": NOW, "started_at": NOW + timedelta(minutes=number)}
    said = {"message_zh": "训练", "message_en": "training", "cancel": False, "by": "admin"}
    row = {"id": IDS[number], "status": status, "step": 50, "total": 200, **said, **times, **values}
    with db.begin() as tx:
        tx.execute(insert(tables.runs).values(**row))
    return IDS[number]


def add_points(db: Engine, run: str, count: int, *, slope: float = 50.0, total: int = 200) -> None:
    with db.begin() as tx:
        for step in range(1, count + 1):
            heldout = 2.0 if step % 25 == 0 else None
            rest = {"rate": 0.0006, "gradient": 1.0, "seconds": 2.0 * step, "tokens_per_s": 800.0, "memory_mib": 2048.0}
            point = {"run": run, "step": step, "total": total, "loss": 3.0 - step / slope, "heldout": heldout}
            tx.execute(insert(tables.points).values(**point, **rest))


def test_before_the_first_run_there_is_nothing_to_show(parts: Parts) -> None:
    seen = training_view.overview(parts, "zh-CN")
    assert (seen.queue, seen.history, seen.documents, seen.active) == ((), (), 0, False)
    assert training_view.board(parts, "zh-CN") is None


def test_a_running_run_shows_its_curves_figures_and_time_left(db: Engine, parts: Parts) -> None:
    run = add_run(db, 0, "running")
    add_points(db, run, 50)
    shown = training_view.board(parts, "zh-CN")
    assert shown is not None
    assert (shown.row.percent, shown.row.message, shown.active) == (25, "训练", True)
    assert shown.left == "约剩 5 分钟"  # 150 steps of 2 s
    assert shown.loss is not None
    train, heldout = shown.loss.lines
    assert (train.last, heldout.last) == ("2", "2")
    assert train.path.split("L")[-1].startswith("250.0,")
    assert heldout.dots.count("M") == 2
    assert [chart.title for chart, _ in shown.small] == ["学习率", "梯度范数", "词元/秒", "内存"]
    assert {figure.name: figure.value for figure in shown.figures}["memory"] == "2.0 GiB"
    assert [phase.state for phase in shown.phases if phase.name == "训练"] == ["active"]
    assert (shown.pausable, shown.resumable, shown.cancellable) == (True, False, True)


def test_a_reload_shows_the_same(db: Engine, parts: Parts) -> None:
    add_points(db, add_run(db, 0, "running"), 20)
    assert training_view.board(parts, "en") == training_view.board(parts, "en")


def test_a_paused_run_can_be_resumed_and_a_finished_one_neither_paused_nor_stopped(db: Engine, parts: Parts) -> None:
    paused, done = add_run(db, 0, "paused"), add_run(db, 1, "done")
    first, second = training_view.board(parts, "en", paused), training_view.board(parts, "en", done)
    assert first is not None
    assert second is not None
    assert (first.pausable, first.resumable, first.cancellable) == (False, True, True)
    assert (second.pausable, second.resumable, second.cancellable) == (False, False, False)


def test_the_queue_says_whose_turn_it_is_and_the_board_shows_what_runs(db: Engine, parts: Parts) -> None:
    add_run(db, 0, "waiting", priority=0)
    running = add_run(db, 1, "running")
    urgent = add_run(db, 2, "waiting", priority=10, stage="needs")
    seen = training_view.overview(parts, "zh-CN")
    assert [(row.id, row.place) for row in seen.queue] == [(running, 0), (urgent, 1), (IDS[0], 2)]
    shown = training_view.board(parts, "zh-CN")
    assert shown is not None
    assert shown.row.id == running


def test_an_unknown_run_in_the_address_is_answered_with_the_newest(db: Engine, parts: Parts) -> None:
    add_run(db, 0, "done")
    shown = training_view.board(parts, "en", "' OR 1=1 --")
    assert shown is not None
    assert shown.row.id == IDS[0]


def test_two_runs_are_compared_and_what_differs_comes_first(db: Engine, parts: Parts) -> None:
    for number, rank in ((0, 16), (1, 32)):
        run = add_run(db, number, "done", recipe={"rank": rank})
        add_points(db, run, 50, slope=50.0 + 10 * number)
    seen = compare_view.comparison(parts, "en", [IDS[0], IDS[1], IDS[0], "nonsense"])
    assert seen is not None
    assert [run.id for run in seen.runs] == IDS[:2]
    assert seen.loss is not None
    assert [line.last for line in seen.loss.lines] == ["2", "2.167"]
    assert seen.recipe[0].values == ("16", "32")
    assert [row.differs for row in seen.recipe] == sorted((row.differs for row in seen.recipe), reverse=True)


def test_one_run_is_no_comparison(db: Engine, parts: Parts) -> None:
    add_run(db, 0, "done")
    assert compare_view.comparison(parts, "en", [IDS[0]]) is None
    assert compare_view.comparison(parts, "en", []) is None


@pytest.mark.parametrize("lang", ["zh-CN", "en"])
def test_every_field_of_the_form_is_explained_and_its_bounds_are_those_that_are_checked(
    parts: Parts, lang: Any
) -> None:
    fields = recipe_fields(parts, lang)
    assert {field.name for field in fields} <= set(ADVANCED)
    assert all(field.title and field.text and field.recommended for field in fields)
    for field in fields:
        if field.kind == "integer" and field.high:
            RecipeForm.read({field.name: field.high})
            with pytest.raises(Exception, match=r"above|larger"):
                RecipeForm.read({field.name: str(int(field.high) + 1)})


@pytest.mark.parametrize(
    ("seconds", "zh"), [(5, "5 秒"), (90, "2 分钟"), (3700, "1 小时 1 分钟"), (None, "–"), (float("nan"), "–")]
)
def test_durations_are_said_in_units_that_matter(seconds: float | None, zh: str) -> None:
    assert training_view.duration(seconds, "zh-CN") == zh


@pytest.mark.parametrize(("value", "shown"), [(0, "0"), (0.0006, "6.0e-4"), (0.25, "0.25"), (12345.6, "12,346")])
def test_numbers_are_short(value: float, shown: str) -> None:
    assert training_view.number(value) == shown
