"""What people do with runs is written to rows, at once and by rule; no process is needed for that."""

import os
import subprocess
import sys
import threading
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr
from sqlalchemy import Engine, insert

from governance.db import open_engine, reading
from governance.errors import Conflict, Invalid, NotFound, XinyanError
from governance.ledger import events_of, verify
from governance.settings import Settings
from rag.company import Bilingual
from sandbox import lease, tables
from sandbox.jobs import database_of, ticket
from sandbox.process import birth, environment
from sandbox.recipe import Recipe
from sandbox.reporter import Reporter
from sandbox.runs import (
    Run,
    cancel_run,
    enqueue,
    log_tail,
    newest_run,
    pause_run,
    queue,
    refresh_runs,
    resume_run,
    run_of,
    set_priority,
    time_left_s,
)

NOW = datetime(2026, 11, 22, 8, tzinfo=UTC)
LATER = NOW + timedelta(seconds=90)
GONE = 2**22 + 1  # no process has this number


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path, worker_idle_minutes=0)  # no worker starts by itself


def add(db: Engine, run: str, status: str, pid: int | None = None, born: str | None = None, **values: object) -> None:
    said = {"message_zh": "", "message_en": "", "cancel": False, "by": "admin", "heartbeat": NOW, "started_at": NOW}
    row = {"id": run, "status": status, "step": 0, "total": 0, "pid": pid, "born": born}
    with db.begin() as tx:
        tx.execute(insert(tables.runs).values(**{**said, **row, **values}))


def found(db: Engine, run: str) -> Run:
    with reading(db) as tx:
        return run_of(tx, run)


def waiting(db: Engine) -> list[str]:
    with reading(db) as tx:
        return [run.id for run in queue(tx)]


def test_several_wait_and_the_larger_priority_goes_first(db: Engine, settings: Settings) -> None:
    first, second, urgent = (
        enqueue(db, settings, by="admin", now=NOW + timedelta(seconds=number), priority=priority)
        for number, priority in enumerate((0, 0, 5))
    )
    assert waiting(db) == [urgent, first, second]
    set_priority(db, second, 9, by="admin", now=NOW)
    pause_run(db, urgent, by="admin", now=NOW)
    assert waiting(db) == [second, first, urgent]
    with reading(db) as tx:
        numbered = sorted(lease.open_rows(tx), key=lambda row: ticket(row["priority"], row["number"]))
    assert [row["id"] for row in numbered] == [second, first]


@given(st.lists(st.tuples(st.integers(-100, 100), st.integers(0, 10**6)), min_size=2, max_size=2, unique=True))
def test_a_place_in_the_queue_is_by_priority_and_then_by_time(pair: list[tuple[int, int]]) -> None:
    (one, number), (other, later) = pair
    before = (-one, number) < (-other, later)
    assert (ticket(one, number) < ticket(other, later)) == before
    assert 1 <= ticket(one, number) < 2**31


def test_what_is_asked_for_is_kept_with_the_run(db: Engine, settings: Settings) -> None:
    recipe = Recipe(rank=4, steps=7)
    run = found(db, enqueue(db, settings, by="admin", now=NOW, stage="needs", priority=-3, recipe=recipe))
    assert (run.stage, run.priority, run.recipe, run.status, run.active) == ("needs", -3, recipe, "waiting", True)
    assert found(db, enqueue(db, settings, by="admin", now=NOW)).recipe is None
    with reading(db) as tx:
        assert [each.event for each in events_of(tx, run.id)] == ["run_enqueued"]


@pytest.mark.parametrize("asked", [{"priority": 101}, {"priority": -101}, {"stage": "no-such-stage"}, {"stage": "*"}])
def test_what_cannot_be_meant_is_refused_in_both_languages(
    db: Engine, settings: Settings, asked: dict[str, object]
) -> None:
    with pytest.raises(Invalid) as refused:
        enqueue(db, settings, by="admin", now=NOW, **asked)  # type: ignore[arg-type]
    assert refused.value.say("zh") != refused.value.say("en")
    assert waiting(db) == []


def test_a_waiting_run_is_paused_resumed_and_cancelled_at_once(db: Engine, settings: Settings) -> None:
    run = enqueue(db, settings, by="admin", now=NOW)
    pause_run(db, run, by="admin", now=NOW)
    assert found(db, run).status == "paused"
    resume_run(db, settings, run, by="admin", now=NOW)
    assert (found(db, run).status, found(db, run).turn) == ("waiting", 2)
    cancel_run(db, run, by="admin", now=NOW)
    assert found(db, run).status == "cancelled"
    resume_run(db, settings, run, by="admin", now=NOW)
    assert (found(db, run).status, found(db, run).finished_at) == ("waiting", None)
    with reading(db) as tx:
        seen = [each.event for each in events_of(tx, run)]
        verify(tx)
    assert seen == ["run_enqueued", "run_paused", "run_resumed", "run_cancelled", "run_resumed"]


@pytest.mark.parametrize("status", ["done", "refused"])
def test_what_is_over_is_neither_resumed_nor_stopped(db: Engine, settings: Settings, status: str) -> None:
    add(db, "r1", status)
    with pytest.raises(Conflict):
        resume_run(db, settings, "r1", by="admin", now=NOW)
    for change in (pause_run, cancel_run):
        with pytest.raises(Conflict):
            change(db, "r1", by="admin", now=NOW)
    with pytest.raises(Conflict):
        set_priority(db, "r1", 1, by="admin", now=NOW)
    assert found(db, "r1").status == status


def test_a_run_that_nobody_queued_is_not_found(db: Engine, settings: Settings) -> None:
    for change in (pause_run, cancel_run):
        with pytest.raises(NotFound):
            change(db, "r9", by="admin", now=NOW)
    with pytest.raises(NotFound):
        resume_run(db, settings, "r9", by="admin", now=NOW)
    with pytest.raises(NotFound):
        set_priority(db, "r9", 1, by="admin", now=NOW)


def test_two_people_press_the_button_at_once_and_both_are_served(db: Engine, settings: Settings) -> None:
    outcomes: list[str] = []

    def press(action: str, run: str) -> None:
        try:
            if action == "train":
                enqueue(db, settings, by="admin", now=NOW)
            else:
                resume_run(db, settings, run, by="admin", now=NOW)
            outcomes.append("ok")
        except XinyanError as wrong:
            outcomes.append(type(wrong).__name__)

    add(db, "r1", "paused")
    people = [threading.Thread(target=press, args=(action, "r1")) for action in ("train", "train", "go on", "go on")]
    for each in people:
        each.start()
    for each in people:
        each.join()
    assert sorted(outcomes) == ["Conflict", "ok", "ok", "ok"]  # a run is resumed once
    assert len(waiting(db)) == 3
    with reading(db) as tx:
        verify(tx)


def test_a_running_run_pauses_and_stops_after_its_step(db: Engine, settings: Settings) -> None:
    add(db, "r1", "running", os.getpid(), birth(os.getpid()))
    report = Reporter(db, "r1", 1, lambda: NOW)
    assert report.asked() == ""
    pause_run(db, "r1", by="admin", now=NOW)
    assert (found(db, "r1").status, report.asked()) == ("pausing", "paused")
    with pytest.raises(Conflict):
        resume_run(db, settings, "r1", by="admin", now=NOW)
    cancel_run(db, "r1", by="admin", now=NOW)
    assert (found(db, "r1").status, report.asked()) == ("pausing", "cancelled")
    lease.finish(db, "r1", 1, {"outcome": "cancelled"}, NOW)
    assert (found(db, "r1").status, report.asked()) == ("cancelled", "superseded")


def test_a_process_learns_that_its_worker_is_being_stopped(db: Engine) -> None:
    add(db, "r1", "running", os.getpid())
    report = Reporter(db, "r1", 1, lambda: NOW)
    report.interrupt()
    assert report.asked() == "interrupted"
    lease.finish(db, "r1", 1, {"outcome": "interrupted"}, NOW)
    assert (found(db, "r1").status, found(db, "r1").turn, found(db, "r1").tries) == ("waiting", 2, 0)


def test_a_run_whose_process_is_gone_waits_again(db: Engine) -> None:
    process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    add(db, "r1", "running", process.pid, birth(process.pid))
    refresh_runs(db, LATER)
    assert found(db, "r1").status == "running"
    process.kill()
    process.wait()
    refresh_runs(db, NOW)
    assert found(db, "r1").status == "running"  # the worker may be about to begin it again
    refresh_runs(db, LATER)
    with reading(db) as tx:
        run = newest_run(tx)
    assert run is not None
    assert (run.status, run.finished_at) == ("waiting", None)
    assert "检查点" in run.message.zh


def test_a_process_id_that_was_given_to_another_process_does_not_count(db: Engine) -> None:
    add(db, "r1", "running", os.getpid(), born="1")
    refresh_runs(db, LATER)
    assert found(db, "r1").status == "waiting"


def test_a_dead_run_is_stopped_or_paused_at_once(db: Engine) -> None:
    add(db, "r1", "running", GONE)
    cancel_run(db, "r1", by="admin", now=NOW)
    assert found(db, "r1").status == "cancelled"
    add(db, "r2", "running", GONE)
    pause_run(db, "r2", by="admin", now=NOW)
    assert found(db, "r2").status == "paused"


def test_a_run_is_taken_for_one_turn_only(db: Engine, settings: Settings) -> None:
    run = enqueue(db, settings, by="admin", now=NOW)
    assert lease.take(db, run, 2, NOW) == {"outcome": "superseded"}
    assert lease.take(db, run, 1, NOW) is None
    assert found(db, run).status == "running"
    lease.began(db, run, 1, GONE, "1", NOW)
    assert lease.take(db, run, 1, NOW) is None  # begun again after a death
    assert found(db, run).tries == 1
    assert lease.take(db, "r9", 1, NOW) == {"outcome": "superseded"}
    set_back = enqueue(db, settings, by="admin", now=NOW)
    set_priority(db, set_back, 3, by="admin", now=NOW)
    assert lease.take(db, set_back, 1, NOW) == {"outcome": "superseded"}
    assert lease.take(db, set_back, 2, NOW) is None


def test_an_orphan_is_ended_before_its_run_begins_again(db: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lease, "ORPHAN_S", 0.2)
    orphan = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    add(db, "r1", "running", orphan.pid, birth(orphan.pid))
    assert lease.take(db, "r1", 1, NOW) is None
    assert orphan.wait(5) == -9


def test_a_run_that_breaks_off_at_the_same_place_has_failed_at_last(db: Engine, settings: Settings) -> None:
    run = enqueue(db, settings, by="admin", now=NOW)
    report = Reporter(db, run, 1, lambda: NOW)
    assert lease.take(db, run, 1, NOW) is None
    report.progress(10, 10)
    for tries in range(lease.RECOVERIES):
        assert lease.broke_off(db, run, 1, "SIGKILL", NOW) is None
        assert found(db, run).tries == tries + 1
        report.progress(10, 10)  # the same step again is no progress
    lost = lease.broke_off(db, run, 1, "SIGKILL", NOW)
    assert lost is not None
    lease.finish(db, run, 1, lost, NOW)
    assert (found(db, run).status, found(db, run).finished_at) == ("failed", NOW)
    assert "SIGKILL" in found(db, run).message.zh
    resume_run(db, settings, run, by="admin", now=NOW)
    assert found(db, run).tries == 0


def test_getting_further_ends_the_tries(db: Engine) -> None:
    add(db, "r1", "running", os.getpid(), step=4, tries=2)
    report = Reporter(db, "r1", 1, lambda: NOW)
    report.progress(3, 3)
    assert (found(db, "r1").step, found(db, "r1").tries) == (4, 2)
    report.progress(5, 5)
    assert (found(db, "r1").step, found(db, "r1").tries) == (5, 0)


def test_a_run_that_another_worker_lost_is_queued_anew(db: Engine) -> None:
    add(db, "r1", "running", GONE)
    lease.give_back(db, "r1", 1, NOW)
    assert (found(db, "r1").status, found(db, "r1").turn, found(db, "r1").tries) == ("waiting", 2, 1)
    lease.give_back(db, "r1", 1, NOW)
    assert found(db, "r1").turn == 2


def test_a_stop_between_two_workers_is_not_forgotten(db: Engine) -> None:
    add(db, "r1", "pausing", GONE)
    lease.finish(db, "r1", 1, {"outcome": "interrupted"}, NOW)
    assert found(db, "r1").status == "paused"
    add(db, "r2", "running", GONE, cancel=True)
    lease.finish(db, "r2", 1, {"outcome": "interrupted"}, NOW)
    assert found(db, "r2").status == "cancelled"


def test_a_reporter_writes_the_row_that_the_screens_read(db: Engine) -> None:
    add(db, "r1", "running", os.getpid())
    report = Reporter(db, "r1", 1, lambda: NOW)
    report.say(Bilingual(zh="训练", en="training"), dataset="d" * 64)
    report.progress(3, 10)
    report.progress(4, 10)
    assert found(db, "r1").step == 3  # not a second later
    report.progress(10, 10)
    run = found(db, "r1")
    assert (run.step, run.total, run.dataset, run.message.en) == (10, 10, "d" * 64, "training")
    report.counted(Bilingual(zh="评估", en="evaluating"), 8, 8)
    assert found(db, "r1").message.zh == "评估 8/8"


def test_nothing_is_lost_when_the_web_server_starts_anew(db: Engine, settings: Settings) -> None:
    run = enqueue(db, settings, by="admin", now=NOW)
    url = db.url
    db.dispose()
    again = open_engine(url.render_as_string())
    assert waiting(again) == [run]
    again.dispose()


@dataclass(frozen=True)
class Seen:
    step: int
    seconds: float


def test_the_time_left_is_the_usual_step_times_what_remains() -> None:
    assert time_left_s([], 10) is None
    assert time_left_s([Seen(1, 2.0)], 10) is None
    assert time_left_s([Seen(1, 2.0), Seen(2, 4.0), Seen(3, 6.0), Seen(4, 20.0)], 10) == pytest.approx(12.0)
    resumed = [Seen(4, 8.0), Seen(5, 1.0), Seen(6, 2.0)]  # the clock of a resumed run begins anew
    assert time_left_s(resumed, 10) == pytest.approx(4.0)
    assert time_left_s(resumed, 6) == 0


def test_the_end_of_a_log_is_read_and_only_a_log(settings: Settings) -> None:
    run = "ab" * 16
    assert log_tail(settings, run) == ""
    log = settings.home / "runs" / f"{run}.log"
    log.parent.mkdir()
    log.write_text("".join(f"line {number}\n" for number in range(5000)), encoding="utf-8")
    assert log_tail(settings, run, lines=2) == "line 4998\nline 4999"
    for name in ("../../etc/passwd", "worker", run + "/..", run.upper(), ""):
        with pytest.raises(NotFound):
            log_tail(settings, name)


@pytest.mark.parametrize("key", [None, SecretStr("s3cret")])
def test_another_process_gets_the_same_settings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, key: SecretStr | None
) -> None:
    settings = Settings(home=tmp_path / "h", company=tmp_path, threads=3, worker_idle_minutes=0.5, rewrite_key=key)
    for name, value in environment(settings).items():
        monkeypatch.setenv(name, value)
    assert Settings() == settings


def test_the_job_database_lies_beside_the_records(tmp_path: Path) -> None:
    assert database_of(Settings(home=tmp_path)) == f"sqlite:///{tmp_path / 'jobs.db'}"
    server = Settings(home=tmp_path, database_url="postgresql+psycopg://xinyan:secret@db.example/xinyan")
    assert database_of(server) == "postgresql://xinyan:secret@db.example/xinyan"
