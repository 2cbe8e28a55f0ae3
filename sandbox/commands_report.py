"""report: what an adapter's figures mean, in plain words; rate: judge its answers blind; memory: test its training."""

import argparse
from typing import get_args

from sqlalchemy import select

from governance.db import reading
from governance.errors import Invalid, Language, NotFound
from sandbox.commands import Commands
from sandbox.dataset import find_dataset
from sandbox.release import Adapter, adapter_of
from sandbox.report import Preferred, pairs_to_rate, rate, ratings_of, report_of, say
from sandbox.session import Session, show_progress, utc_now
from sandbox.tables import adapters


def add(commands: Commands) -> None:
    """Without a hash each takes the newest adapter."""
    report = commands.add_parser("report", help="用大白话说明评估结果 / the evaluation in plain words")
    report.add_argument("adapter", nargs="?", default="", help="编号或其开头 / a hash or its beginning")
    report.add_argument("--answers", action="store_true", help="并列显示回答 / show the answers side by side")
    report.set_defaults(handle=_report)
    rating = commands.add_parser("rate", help="盲评：不知道哪边是新助手 / judge answers without knowing whose they are")
    rating.add_argument("adapter", nargs="?", default="", help="编号或其开头 / a hash or its beginning")
    rating.add_argument("--by", required=True, help="评的人 / who judges")
    rating.add_argument("--sample", help="要评的那一组 / the pair to judge; without it the next one is shown")
    rating.add_argument("--preferred", choices=get_args(Preferred), help="left | right | same")
    rating.set_defaults(handle=_rate)
    memory = commands.add_parser("memory", help="记忆测试 / test what its training would remember")
    memory.add_argument("adapter", nargs="?", default="", help="编号或其开头 / a hash or its beginning")
    memory.set_defaults(handle=_memory)


def _report(session: Session, asked: argparse.Namespace) -> int:
    adapter = _adapter(session, asked.adapter)
    with reading(session.db) as tx:
        report = report_of(tx, session.vault, adapter.hash)
        rated = ratings_of(tx, adapter.hash)
    if report is None:
        raise NotFound(kind={"zh": "评估报告", "en": "report"}, name=adapter.hash[:12])
    print(f"adapter {adapter.hash}\nreport {report.hash} questions={len(report.sides)} golden={report.golden}")
    stages = {name: stage.name for name, stage in session.company.phrases.stages.items()}
    languages: tuple[Language, ...] = ("zh", "en")
    for language in languages:
        print("\n".join(["", *say(report, language, stages)]))
    print(f"\nrated candidate={rated.candidate} other={rated.other} same={rated.same} p={rated.p:.3f}")
    if asked.answers:
        for side in report.sides:
            print(f"\n## {side.sample[:12]} {side.stage} {side.language}\n{side.prompt}\n-- plan: {side.right}")
            for arm, text in side.answers.items():
                print(f"-- {arm}: {text}")
    return 1 if report.verdict else 0


def _rate(session: Session, asked: argparse.Namespace) -> int:
    adapter = _adapter(session, asked.adapter)
    if (asked.sample is None) != (asked.preferred is None):
        zh, en = "--sample 和 --preferred 要一起给出", "give --sample and --preferred together"
        raise Invalid(reason={"zh": zh, "en": en})
    with session.db.begin() as tx:
        if asked.sample is not None:
            rate(tx, adapter.hash, asked.sample, preferred_left=asked.preferred, by=asked.by, now=utc_now())
        pairs = pairs_to_rate(tx, session.vault, adapter.hash, asked.by)
    print(f"left_to_rate={len(pairs)}")
    for pair in pairs[:1]:
        print(f"sample {pair.sample}\n{pair.prompt}\n\n[left]\n{pair.left}\n\n[right]\n{pair.right}")
    return 0


def _memory(session: Session, asked: argparse.Namespace) -> int:
    from sandbox.memorisation import memorise  # torch: seconds that the other commands need not wait

    adapter = _adapter(session, asked.adapter)
    with reading(session.db) as tx:
        dataset = find_dataset(tx, session.vault, hash=adapter.dataset)
    if dataset is None:
        raise NotFound(kind={"zh": "训练集", "en": "data set"}, name=adapter.dataset[:12])
    found = memorise(
        session.db,
        session.settings.home,
        session.base(),
        session.company,
        dataset,
        adapter,
        threads=session.threads,
        now=utc_now(),
        on_progress=show_progress,
    )
    print(f"passed={found.passed} control={found.control:.2f} highest={found.highest:.2f} passes={found.passes}")
    for repeats, value in found.exposure.items():
        print(f"repeats={repeats} exposure={value:.2f} extracted={found.extracted[repeats]}")
    return 0 if found.passed else 1


def _adapter(session: Session, name: str) -> Adapter:
    """By a hash or its beginning; the newest for none. Raises NotFound, Invalid when several begin so."""
    query = select(adapters.c.hash).where(adapters.c.hash.startswith(name, autoescape=True))
    with reading(session.db) as tx:
        found = list(tx.scalars(query.order_by(adapters.c.created_at.desc()).limit(2)))
        if not found:
            newest = {"zh": "最新", "en": "newest"}
            raise NotFound(kind={"zh": "适配器", "en": "adapter"}, name=name[:12] or newest)
        if name and len(found) > 1:
            zh, en = f"有多个编号以 {name} 开头", f"several adapters begin with {name}"
            raise Invalid(reason={"zh": zh, "en": en})
        return adapter_of(tx, found[0])
