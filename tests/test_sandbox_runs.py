"""A run is a process of its own; whatever happens to it, its row tells."""

import os
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine, insert, select

from governance.db import open_engine, reading
from governance.errors import Conflict, NotFound
from governance.settings import Settings
from rag.company import Bilingual
from sandbox import runs
from sandbox.runs import Reporter, cancel_run, environment, newest_run, refresh_runs, resume_run, run_of, start_run
from tests.tiny_model import save_tiny_model

NOW = datetime(2026, 11, 22, 8, tzinfo=UTC)
ROOT = Path(__file__).resolve().parent.parent


def add(db: Engine, run: str, status: str, pid: int | None = None, born: str | None = None) -> None:
    said = {"message_zh": "", "message_en": "", "cancel": False, "by": "admin"}
    with db.begin() as tx:
        times = {"heartbeat": NOW, "started_at": NOW}
        row = {"id": run, "status": status, "step": 0, "total": 0, "pid": pid, "born": born}
        tx.execute(insert(runs.runs).values(**row, **said, **times))


def state(db: Engine, run: str) -> str:
    with reading(db) as tx:
        return run_of(tx, run).status


def test_a_run_whose_process_died_is_found(db: Engine) -> None:
    process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    add(db, "r1", "running", process.pid)
    refresh_runs(db, NOW)
    assert state(db, "r1") == "running"
    process.kill()
    process.wait()
    refresh_runs(db, NOW)
    with reading(db) as tx:
        run = newest_run(tx)
    assert run is not None
    assert (run.status, run.active, run.finished_at) == ("failed", False, NOW)
    assert "检查点" in run.message.zh


def test_a_process_id_that_was_given_to_another_process_does_not_count(db: Engine) -> None:
    add(db, "r1", "running", os.getpid(), born="1")
    refresh_runs(db, NOW)
    assert state(db, "r1") == "failed"


def test_a_run_that_never_began_is_closed_after_a_minute(db: Engine) -> None:
    add(db, "r1", "waiting")
    refresh_runs(db, NOW + timedelta(seconds=30))
    assert state(db, "r1") == "waiting"
    refresh_runs(db, NOW + timedelta(seconds=90))
    assert state(db, "r1") == "failed"


def test_only_one_run_at_a_time_and_only_an_open_one_is_cancelled(db: Engine, tmp_path: Path) -> None:
    add(db, "r1", "running", os.getpid())
    with pytest.raises(Conflict):
        start_run(db, Settings(home=tmp_path), by="admin", now=NOW)
    with pytest.raises(Conflict):
        resume_run(db, Settings(home=tmp_path), "r1", by="admin", now=NOW)
    cancel_run(db, "r1", by="admin", now=NOW)
    assert state(db, "r1") == "running"
    assert Reporter(db, "r1", lambda: NOW).cancelled()
    with pytest.raises(NotFound):
        cancel_run(db, "r2", by="admin", now=NOW)


def test_cancelling_a_dead_run_closes_it_at_once(db: Engine) -> None:
    add(db, "r1", "running", 2**22 + 1)
    cancel_run(db, "r1", by="admin", now=NOW)
    assert state(db, "r1") == "cancelled"
    with pytest.raises(Conflict):
        cancel_run(db, "r1", by="admin", now=NOW)


def test_a_reporter_writes_the_row_that_the_screens_read(db: Engine) -> None:
    add(db, "r1", "waiting")
    reporter = Reporter(db, "r1", lambda: NOW)
    assert reporter.begin() == "admin"
    with pytest.raises(Conflict):
        Reporter(db, "r1", lambda: NOW).begin()
    reporter.say(Bilingual(zh="训练", en="training"), dataset="d" * 64)
    reporter.progress(3, 10)
    reporter.progress(4, 10)
    reporter.progress(10, 10)
    with reading(db) as tx:
        run = run_of(tx, "r1")
    assert (run.step, run.total, run.dataset, run.message.en) == (10, 10, "d" * 64, "training")
    cancel_run(db, "r1", by="admin", now=NOW)
    reporter.end("failed", Bilingual(zh="x", en="x"))
    assert state(db, "r1") == "cancelled"


def test_another_process_gets_the_same_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = Settings(home=tmp_path / "h", company=tmp_path, threads=3, base_model="x/y")
    for name, value in environment(settings).items():
        monkeypatch.setenv(name, value)
    assert Settings() == settings


def settled(db: Engine, run: str, seconds: float) -> str:
    for _ in range(int(seconds / 0.2)):
        refresh_runs(db, datetime.now(UTC))
        if (found := state(db, run)) not in ("waiting", "running"):
            return found
        time.sleep(0.2)
    return state(db, run)


@pytest.mark.slow
def test_a_started_process_ends_its_row_with_the_reason(db: Engine, tmp_path: Path) -> None:
    """The company has no documents and no records: nothing to train on is an answer, not a crash."""
    company = tmp_path / "company"
    (company / "records").mkdir(parents=True)
    (company / "company.yaml").write_text((ROOT / "data_samples" / "company.yaml").read_text("utf-8"), "utf-8")
    (company / "phrases.yaml").write_text((ROOT / "data_samples" / "phrases.yaml").read_text("utf-8"), "utf-8")
    tiny = save_tiny_model(tmp_path / "tiny")
    settings = Settings(home=tmp_path / "home", company=company, base_model=str(tiny), threads=1)
    from governance.db import migrate

    migrate(settings.database)
    own = open_engine(settings.database)
    run = start_run(own, settings, by="admin", now=datetime.now(UTC))
    status = settled(own, run, 60)
    log = (settings.home / "runs" / f"{run}.log").read_text(encoding="utf-8")
    with reading(own) as tx:
        ended = run_of(tx, run)
        assert tx.scalar(select(runs.runs.c.pid)) is not None
    assert status == "failed", log
    assert "训练集为空" in ended.message.zh
    assert "training set is empty" in ended.message.en
