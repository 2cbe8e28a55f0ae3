"""base, dataset, train, evaluate, memorise, register by hand, and the process behind a run."""

import argparse
import json
import signal
from dataclasses import asdict

from governance.db import reading
from sandbox import pipeline
from sandbox.base import notices
from sandbox.child import own_answers, own_steps
from sandbox.commands import Commands
from sandbox.machines import add_parallel, chosen_loop
from sandbox.report import report_of
from sandbox.reporter import Reporter
from sandbox.session import Session, utc_now
from sandbox.steps import Steps
from sandbox.train import fit

HELP = {
    "base": "准备基础模型 / prepare the base model",
    "dataset": "生成训练集 / build the data set",
    "train": "训练适配器 / train the adapter",
    "evaluate": "评估 / evaluate it",
    "memorise": "记忆测试 / test its memory",
    "register": "登记为候选，等待批准 / register it as a candidate, to be approved",
}
STEPS = tuple(HELP)


def add(commands: Commands) -> None:
    """Every step does what is still missing before it."""
    for step in STEPS:
        parser = commands.add_parser(step, help=HELP[step])
        parser.add_argument("--stage", default="", help="只为一个销售阶段 / for one stage of the funnel only")
        parser.add_argument(
            "--by", default="sandbox", help="谁训练的；不能由他批准 / who trains; he may not approve it"
        )
        parser.set_defaults(handle=_steps)
        if step == "train":
            add_parallel(parser)
    run = commands.add_parser("run", help="（内部）训练进程 / (internal) the process behind a run")
    run.add_argument("run", help="the id of a run / 训练编号")
    run.add_argument("--turn", type=int, required=True, help="which time it is on its way / 第几次排队")
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
    loop = chosen_loop(asked) if last == "train" else fit
    adapter = session.train(base, dataset, stage=asked.stage, by=asked.by, loop=loop)
    print(f"adapter {adapter.hash} {adapter.seconds:.0f} s")
    if last == "train":
        return 0
    report = session.report(base, dataset, adapter)
    print(json.dumps({when: asdict(each) for when, each in report.figures.items()}, ensure_ascii=False))
    if last == "evaluate":
        return 0
    memory = session.memorise(base, dataset, adapter)
    print(f"memory passed={memory.passed}")
    if last == "register":
        with reading(session.db) as tx:
            report = report_of(tx, session.vault, adapter.hash) or report
        pipeline.propose(session.db, report, by=asked.by, now=utc_now())
        print(f"candidate {adapter.hash}")
    return 0


def _run(session: Session, asked: argparse.Namespace) -> int:
    """The process behind a run: does the steps that the worker asks for, and ends when the worker does."""
    answers, wanted = own_answers(), own_steps()
    report = Reporter(session.db, asked.run, asked.turn, utc_now)
    signal.signal(signal.SIGTERM, lambda _number, _frame: report.interrupt())
    steps = Steps(session, report)
    while True:
        answers.write(json.dumps(steps.do(wanted.get()), ensure_ascii=False) + "\n")
        answers.flush()
