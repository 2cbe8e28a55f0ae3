"""base, dataset, train, evaluate, release by hand, and the process behind a run."""

import argparse
import json
from dataclasses import asdict

from governance.errors import GateFailed, XinyanError
from rag.company import Bilingual
from sandbox import pipeline
from sandbox.base import notices
from sandbox.commands import Commands
from sandbox.runs import Reporter
from sandbox.session import Session, utc_now

HELP = {
    "base": "准备基础模型 / prepare the base model",
    "dataset": "生成训练集 / build the data set",
    "train": "训练适配器 / train the adapter",
    "evaluate": "评估 / evaluate it",
    "release": "达标则发布 / release it when it passes",
}
STEPS = tuple(HELP)


def add(commands: Commands) -> None:
    """Every step does what is still missing before it."""
    for step in STEPS:
        commands.add_parser(step, help=HELP[step]).set_defaults(handle=_steps)
    run = commands.add_parser("run", help="(internal) the process behind a run / 训练进程")
    run.add_argument("run", help="the id of a run / 训练编号")
    run.set_defaults(handle=_run)


def _steps(session: Session, asked: argparse.Namespace) -> int:
    """Everything up to and with `last`; what was done before is recognised."""
    last: str = asked.command
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
        pipeline.release(session.db, adapter, figures, by="sandbox", now=utc_now())
        print(f"released {adapter.hash}")
    return 0


def _run(session: Session, asked: argparse.Namespace) -> int:
    """The process behind a run: every end, also an unforeseen one, is written to its row."""
    report = Reporter(session.db, asked.run, utc_now)
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
            now=utc_now(),
            run=asked.run,
            on_point=lambda point: report.progress(point.step, point.total),
            should_stop=report.cancelled,
        )
        report.say(Bilingual(zh="评估", en="evaluating"), adapter=adapter.hash)
        figures = session.evaluate(base, dataset, adapter, report.cancelled)
        pipeline.release(session.db, adapter, figures, by=by, now=utc_now())
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
