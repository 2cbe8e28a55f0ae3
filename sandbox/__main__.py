"""python -m sandbox base | dataset | train | evaluate | release | run RUN_ID | serve [--port N]: the steps by hand."""

import argparse
import json
import os
import sys
from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, datetime

from sqlalchemy import Engine as Database

from eval.scoring import Figures
from governance.db import migrate, open_engine, reading
from governance.errors import GateFailed, Invalid, XinyanError
from governance.settings import Settings
from governance.vault import Vault, open_vault
from rag.company import Bilingual, Company, load_company
from rag.pipeline import make_redactor
from sandbox import pipeline
from sandbox.base import Base, notices, prepare_base
from sandbox.dataset import Dataset
from sandbox.release import Adapter, released_adapter
from sandbox.runs import Reporter

STEPS = ("base", "dataset", "train", "evaluate", "release")


class Session:
    """Settings, database and keys of one command."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.company: Company = load_company(settings.company)
        migrate(settings.database)
        self.db: Database = open_engine(settings.database)
        self.vault: Vault = open_vault(settings.home / "keys")
        self.threads = settings.threads or len(os.sched_getaffinity(0))

    def base(self) -> Base:
        return prepare_base(self.settings.base_model, self.settings.home, _show)

    def dataset(self) -> Dataset:
        redactor = make_redactor(self.db, self.vault, _now())
        return pipeline.build_dataset(self.db, self.vault, self.company, redactor, now=_now())

    def train(self, base: Base, dataset: Dataset) -> Adapter:
        return pipeline.train(
            self.db, self.settings.home, base, dataset, threads=self.threads, now=_now(), on_progress=_show
        )

    def evaluate(self, base: Base, dataset: Dataset, adapter: Adapter, stop: Callable[[], bool]) -> dict[str, Figures]:
        from sandbox.engine import open_engine as open_model

        engine = open_model(base, threads=self.threads)
        return pipeline.evaluate(
            self.db, engine, self.company, dataset, adapter, now=_now(), on_progress=_show, should_stop=stop
        )


def main(argv: list[str]) -> int:
    """0 when all went well, 1 when the gate said no, 2 for an error that the message explains."""
    parser = argparse.ArgumentParser(prog="python -m sandbox", description=__doc__)
    parser.add_argument("step", choices=[*STEPS, "run", "serve"])
    parser.add_argument("run", nargs="?", help="the id of a run / 训练编号")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8123)
    asked = parser.parse_args(argv)
    try:
        session = Session(Settings())
        if asked.step == "run":
            return _run(session, asked.run or "")
        if asked.step == "serve":
            return _serve(session, asked.host, asked.port)
        return _steps(session, asked.step)
    except GateFailed as failed:
        print(failed.say("zh"), failed.say("en"), sep="\n", file=sys.stderr)
        return 1
    except XinyanError as wrong:
        print(wrong.say("zh"), wrong.say("en"), sep="\n", file=sys.stderr)
        return 2


def _steps(session: Session, last: str) -> int:
    """Everything up to and with `last`; what was done before is recognised."""
    base = session.base()
    print(f"base {base.name} {base.hash}")
    for path in notices(base):
        print(f"     {path}")
    if last == "base":
        return 0
    dataset = session.dataset()
    held, kept_back = len(dataset.heldout), len(dataset.quarantined)
    print(f"dataset {dataset.hash} samples={len(dataset.samples)} heldout={held} quarantined={kept_back}")
    if last == "dataset":
        return 0
    adapter = session.train(base, dataset)
    print(f"adapter {adapter.hash} {adapter.seconds:.0f} s")
    if last == "train":
        return 0
    figures = session.evaluate(base, dataset, adapter, lambda: False)
    print(json.dumps({when: asdict(each) for when, each in figures.items()}, ensure_ascii=False))
    if last == "release":
        pipeline.release(session.db, adapter, figures, by="sandbox", now=_now())
        print(f"released {adapter.hash}")
    return 0


def _run(session: Session, run: str) -> int:
    """The process behind a run: every end, also an unforeseen one, is written to its row."""
    report = Reporter(session.db, run, _now)
    by = report.begin()
    try:
        report.say(Bilingual(zh="准备基础模型", en="preparing the base model"))
        base = session.base()
        report.say(Bilingual(zh="整理训练集", en="building the training set"))
        dataset = session.dataset()
        report.say(Bilingual(zh="训练", en="training"), dataset=dataset.hash)
        adapter = pipeline.train(
            session.db,
            session.settings.home,
            base,
            dataset,
            threads=session.threads,
            now=_now(),
            run=run,
            on_point=lambda point: report.progress(point.step, point.total),
            should_stop=report.cancelled,
        )
        report.say(Bilingual(zh="评估", en="evaluating"), adapter=adapter.hash)
        figures = session.evaluate(base, dataset, adapter, report.cancelled)
        pipeline.release(session.db, adapter, figures, by=by, now=_now())
    except GateFailed as failed:
        report.end("refused", Bilingual(zh=failed.say("zh"), en=failed.say("en")))
        return 1
    except XinyanError as wrong:
        report.end("failed", Bilingual(zh=wrong.say("zh"), en=wrong.say("en")))
        return 2
    except BaseException as unforeseen:
        said = type(unforeseen).__name__
        report.end(
            "failed", Bilingual(zh=f"意外中断（{said}），见日志", en=f"ended unexpectedly ({said}), see the log")
        )
        raise
    report.end("done", Bilingual(zh="已达标并发布", en="passed and released"))
    return 0


def _serve(session: Session, host: str, port: int) -> int:
    import uvicorn

    from sandbox.engine import open_engine as open_model
    from sandbox.serve import LOOPBACK, build_app

    if host not in LOOPBACK:
        zh, en = (
            "只在本机地址上提供服务，请在前面放反向代理",
            "it serves this machine only; put a reverse proxy before it",
        )
        raise Invalid(reason={"zh": zh, "en": en})
    engine = open_model(session.base(), threads=session.threads)
    with reading(session.db) as tx:
        released = released_adapter(tx)
    if released is not None:
        engine.load(released.hash, released.folder)
    app = build_app(engine, session.settings.home / "adapters", default=released.hash if released else None)
    uvicorn.run(app, host=host, port=port, log_level="warning")
    return 0


def _show(step: str, done: int, total: int) -> None:
    print(f"{step} {done}/{total}", file=sys.stderr, flush=True)


def _now() -> datetime:
    return datetime.now(UTC)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
