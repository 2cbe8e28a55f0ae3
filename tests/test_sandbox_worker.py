"""The worker does what the rows say, whoever is killed: no run is lost, none is done twice, and nothing is sent out."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path

import pytest
from sqlalchemy import Engine, select

from governance.db import migrate, open_engine, reading
from governance.settings import Settings
from governance.vault import open_vault
from rag.pipeline import ingest
from sandbox.card import WEIGHTS
from sandbox.process import alive, environment
from sandbox.recipe import Recipe
from sandbox.runs import Run, cancel_run, enqueue, log_tail, pause_run, queue, resume_run, run_of
from sandbox.tables import points
from sandbox.worker import ensure_worker, stop_idle_worker, worker_pid
from tests.small_company import cut_company
from tests.tiny_model import save_tiny_model

pytestmark = pytest.mark.slow
ROOT = Path(__file__).resolve().parent.parent
LIMIT_S = 600.0  # how long to wait for what must come; on a busy machine a process alone takes half a minute to start
RECIPE = Recipe(
    rank=4, alpha=8, steps=60, rows_per_step=2, max_tokens=900, checkpoint_every=2, warmup=2, heldout_rows=2
)
WATCH = """
import ipaddress, os, sys
def watch(event, arguments):
    if event == "socket.getaddrinfo": host = arguments[0]
    elif event in ("socket.connect", "socket.sendto") and isinstance(arguments[1], tuple): host = arguments[1][0]
    else: return
    try: inside = host in (None, "", "localhost") or ipaddress.ip_address(host).is_loopback
    except ValueError: inside = False
    if not inside: open(os.environ["SEEN_OUTSIDE"], "a").write(f"{event} {host}\\n")
sys.addaudithook(watch)
open(os.environ["SEEN_OUTSIDE"] + ".watched", "a").write("x")
"""


@dataclass
class Site:
    """A company with a database of its own; what runs in it is watched, and gone when the test is."""

    settings: Settings
    db: Engine
    watch: Path
    workers: list["subprocess.Popen[bytes]"] = field(default_factory=list)

    def worker(self, *arguments: str) -> "subprocess.Popen[bytes]":
        seen = {"PYTHONPATH": str(self.watch), "SEEN_OUTSIDE": str(self.watch / "seen")}
        log = (self.settings.home / "worker.log").open("ab")
        command = [sys.executable, "-m", "sandbox.worker", *arguments]
        own = {**os.environ, **environment(self.settings), **seen}
        self.workers.append(subprocess.Popen(command, cwd=ROOT, env=own, stdout=log, stderr=log))
        log.close()
        return self.workers[-1]

    def enqueue(self, *, priority: int = 0, stage: str = "") -> str:
        now = datetime.now(UTC)
        return enqueue(self.db, self.settings, by="admin", now=now, recipe=RECIPE, priority=priority, stage=stage)

    def run(self, run: str) -> Run:
        with reading(self.db) as tx:
            return run_of(tx, run)

    def pid(self, run: str) -> int:
        with reading(self.db) as tx:
            return tx.exec_driver_sql("SELECT pid FROM runs WHERE id = ?", (run,)).scalar() or 0

    def until(self, run: str, reached: Callable[[Run], bool]) -> Run:
        end = time.monotonic() + LIMIT_S
        while not reached(found := self.run(run)):
            if time.monotonic() > end or found.status == "failed":
                log = (self.settings.home / "worker.log").read_text("utf-8")
                pytest.fail(f"{found}\n{log_tail(self.settings, run)}\n{log}")
            time.sleep(0.05)
        return found


def opened(folder: Path, settings: Settings) -> Iterator[Site]:
    (folder / "watch").mkdir()
    (folder / "watch" / "sitecustomize.py").write_text(WATCH, "utf-8")
    settings.home.mkdir(exist_ok=True)
    migrate(settings.database)
    site = Site(settings, open_engine(settings.database), folder / "watch")
    yield site
    for each in site.workers:
        each.kill()
        each.wait()
    if (pid := worker_pid(settings.home)) is not None:
        os.kill(pid, signal.SIGKILL)
    seen = folder / "watch" / "seen"
    assert not seen.exists(), seen.read_text("utf-8")  # neither DBOS nor anything else looks up an outside host
    assert (folder / "watch" / "seen.watched").exists() or not site.workers
    site.db.dispose()


@pytest.fixture
def empty(tmp_path: Path) -> Iterator[Site]:
    """Nothing to train on: its runs end quickly, with a reason."""
    company = tmp_path / "company"
    (company / "records").mkdir(parents=True)
    for name in ("company.yaml", "phrases.yaml"):
        shutil.copy(ROOT / "data_samples" / name, company / name)
    tiny = save_tiny_model(tmp_path / "tiny")
    home = tmp_path / "home"
    settings = Settings(home=home, company=company, base_model=str(tiny), threads=1, worker_idle_minutes=0)
    yield from opened(tmp_path, settings)


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with a small company's records and documents read in, to be copied."""
    folder = tmp_path_factory.mktemp("filled")
    documents = ("05_产品资质_TM-8转运监护仪.md", "52_常见问题_超声诊断系统.md")
    company = cut_company(folder / "company", ("H001", "H007"), documents)
    save_tiny_model(folder / "tiny")
    settings = Settings(home=folder / "home")
    migrate(settings.database)
    db = open_engine(settings.database)
    ingest(db, open_vault(settings.home / "keys"), company, now=datetime.now(UTC))
    db.dispose()
    return folder


@pytest.fixture
def site(filled: Path, tmp_path: Path) -> Iterator[Site]:
    yield from opened(tmp_path, copied(filled, tmp_path / "home"))


def copied(filled: Path, home: Path) -> Settings:
    shutil.copytree(filled / "home", home)
    model = str(filled / "tiny")
    return Settings(home=home, company=filled / "company", base_model=model, threads=1, worker_idle_minutes=0)


@pytest.fixture(scope="module")
def unbroken(filled: Path, tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The weights of a training that nothing disturbed."""
    from sandbox.session import Session

    session = Session(copied(filled, tmp_path_factory.mktemp("unbroken") / "home"))
    base, dataset = session.base(), session.dataset()
    adapter = session.train(base, dataset, recipe=RECIPE)
    return (adapter.folder / WEIGHTS).read_bytes()


def weights(site: Site, run: Run) -> bytes:
    assert run.adapter is not None
    return (site.settings.home / "adapters" / run.adapter / WEIGHTS).read_bytes()


def gone(pid: int) -> bool:
    end = time.monotonic() + LIMIT_S
    while alive(pid, None) and time.monotonic() < end:
        time.sleep(0.05)
    return not alive(pid, None)


def begun_again_at(site: Site, run: str) -> list[int]:
    """The first steps of the processes after the first: there the clock of the curve begins anew."""
    with reading(site.db) as tx:
        rows = tx.execute(select(points.c.step, points.c.seconds).where(points.c.run == run).order_by(points.c.step))
        return [later.step for sooner, later in pairwise(rows.all()) if later.seconds < sooner.seconds]


def test_runs_are_done_in_order_by_one_of_two_workers_which_then_ends(empty: Site) -> None:
    stopped, last, first = (empty.enqueue(priority=priority) for priority in (9, 0, 7))
    cancel_run(empty.db, stopped, by="admin", now=datetime.now(UTC))
    workers = [empty.worker("5"), empty.worker("5")]
    assert ensure_worker(empty.settings) is False  # not asked for
    empty.until(first, lambda run: run.status != "waiting")
    holder = worker_pid(empty.settings.home)
    assert holder in {each.pid for each in workers}
    assert ensure_worker(replace_idle(empty.settings, 1)) is False  # one is alive
    (other,) = (each for each in workers if each.pid != holder)
    assert other.wait(LIMIT_S) == 0
    assert worker_pid(empty.settings.home) in (holder, None)  # at work, or done by now
    times: list[datetime] = []
    for run in (first, last):
        over = wait_over(empty, run)
        assert (over.status, over.message.en.count("training set is empty")) == ("failed", 1)
        assert "训练集为空" in over.message.zh
        assert over.finished_at is not None
        times.append(over.finished_at)
    assert times == sorted(times)
    assert empty.run(stopped).dataset is None
    assert [each.wait(LIMIT_S) for each in workers] == [0, 0]
    assert worker_pid(empty.settings.home) is None
    with reading(empty.db) as tx:
        assert queue(tx) == []


def wait_over(site: Site, run: str) -> Run:
    end = time.monotonic() + LIMIT_S
    while site.run(run).active and time.monotonic() < end:
        time.sleep(0.05)
    return site.run(run)


def replace_idle(settings: Settings, minutes: float) -> Settings:
    return settings.model_copy(update={"worker_idle_minutes": minutes})


def test_a_killed_worker_loses_nothing(site: Site, unbroken: bytes) -> None:
    run = site.enqueue()
    first = site.worker()
    seen = site.until(run, lambda run: run.step >= 16).step  # many steps: the next clock begins anew, however slowly
    process = site.pid(run)
    first.kill()
    first.wait()
    assert gone(process)  # a process without its worker ends by itself
    second = site.worker()
    over = site.until(run, lambda run: run.adapter is not None)
    assert weights(site, over) == unbroken
    assert site.pid(run) != process
    (again,) = begun_again_at(site, run)
    assert again > seen - RECIPE.checkpoint_every  # no more than an interval was lost
    cancel_run(site.db, run, by="admin", now=datetime.now(UTC))
    assert wait_over(site, run).status == "cancelled"
    assert stop_idle_worker(site.db, site.settings) is False
    assert second.wait(LIMIT_S) == 0


@pytest.mark.long
def test_killed_paused_and_stopped_again_and_again_a_run_ends_the_same(site: Site, unbroken: bytes) -> None:
    run = site.enqueue()
    first = site.worker()
    site.until(run, lambda run: run.step >= 4)
    process = site.pid(run)
    os.kill(process, signal.SIGKILL)  # as the system does when memory runs out
    site.until(run, lambda run: site.pid(run.id) not in (0, process) and run.step >= 7)
    assert site.run(run).tries == 0  # it got further
    pause_run(site.db, run, by="admin", now=datetime.now(UTC))
    paused = wait_over(site, run)
    assert (paused.status, site.pid(run)) == ("paused", 0)
    resume_run(site.db, site.settings, run, by="admin", now=datetime.now(UTC))
    site.until(run, lambda run: run.step >= paused.step + 3)
    process = site.pid(run)
    first.send_signal(signal.SIGTERM)
    assert first.wait(LIMIT_S) == 0
    stopped = site.run(run)
    assert (stopped.status, stopped.tries, alive(process, None)) == ("waiting", 0, False)
    site.worker()
    over = site.until(run, lambda run: run.adapter is not None)
    assert weights(site, over) == unbroken
    assert wait_over(site, run).status == "refused"  # a tiny random model passes no gate


@pytest.mark.long
def test_a_worker_is_started_when_it_is_needed_and_each_stage_has_its_adapter(site: Site) -> None:
    wanted = Site(replace_idle(site.settings, 0.05), site.db, site.watch)
    hurried = replace(RECIPE, steps=2)
    now = datetime.now(UTC)
    made: set[str | None] = set()
    for stage in ("", "needs"):
        run = enqueue(wanted.db, wanted.settings, by="admin", now=now, stage=stage, recipe=hurried)
        assert worker_pid(wanted.settings.home) is not None
        over = wanted.until(run, lambda run: run.adapter is not None)
        made.add(over.adapter)
        cancel_run(wanted.db, run, by="admin", now=now)
        assert wait_over(wanted, run).status == "cancelled"
    assert len(made) == 2
    end = time.monotonic() + LIMIT_S
    while worker_pid(wanted.settings.home) is not None and time.monotonic() < end:
        time.sleep(0.1)
    assert worker_pid(wanted.settings.home) is None
