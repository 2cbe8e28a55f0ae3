"""python -m rag ingest | reread | forget-missing | search TEXT | brief CUSTOMER | changed; people under pseudonyms."""

import argparse
import sys
from collections.abc import Sequence
from datetime import UTC, date, datetime

from sqlalchemy import Engine

import governance.tables
import rag.tables
from governance import consent, log_filter
from governance.db import migrate, open_engine, reading
from governance.errors import Language, XinyanError
from governance.settings import Settings
from governance.vault import Vault, open_vault, pseudonymise
from rag import (
    commands_ask,
    commands_changed,
    commands_customer,
    commands_likeness,
    commands_mappings,
    commands_proposals,
)
from rag.brief import Brief, brief, decision_maker, find_customer
from rag.company import Company, load_company
from rag.pipeline import Taken, forget_missing, ingest, reread
from rag.sources import Source, sources
from rag.vectors import open_index

_TABLES = (governance.tables, rag.tables)  # imported so that the metadata is whole


def main(argv: Sequence[str] | None = None) -> int:
    """Exit code 1 with the reason when the act is refused or something is missing."""
    arguments = _parser().parse_args(argv)
    log_filter.install()
    settings = Settings()
    language: Language = arguments.language
    try:
        if arguments.command == "likeness":
            return commands_likeness.run(settings, language)
        company = load_company(settings.company)
        migrate(settings.database)
        db, vault = open_engine(settings.database), open_vault(settings.home / "keys")
        if arguments.command == "ingest":
            return _ingest(settings, db, vault, company, language)
        if arguments.command == "reread":
            return _reread(settings, db, vault, company, language)
        if arguments.command == "forget-missing":
            return _forget_missing(db, company, language)
        if arguments.command == "search":
            return _search(settings, db, vault, arguments.question, arguments.limit, arguments.mode)
        if arguments.command == "ask":
            return commands_ask.run(settings, db, vault, company, arguments, language)
        if arguments.command == "mappings":
            return commands_mappings.run(db, company, arguments, language)
        if arguments.command == "changed":
            return commands_changed.run(db, arguments, language)
        if arguments.command == "proposals":
            return commands_proposals.run(settings, db, vault, arguments, language)
        if arguments.command == "customer":
            return commands_customer.run(db, vault, company, arguments, language)
        return _brief(db, vault, company, arguments.customer, arguments.product, arguments.as_of, language)
    except XinyanError as refused:
        print(refused.say(language), file=sys.stderr)
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m rag", description=__doc__)
    parser.add_argument("--language", choices=("zh", "en"), default="zh", help="语言 / language of the messages")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("ingest", help="导入公司资料 / read the company's documents and records")
    commands.add_parser("reread", help="重新读取保存的上传原件 / read the kept uploads anew")
    commands.add_parser("forget-missing", help="停用文件夹中已不存在的文件 / retire documents that left the folder")
    commands_ask.add(commands)
    commands_mappings.add(commands)
    commands_customer.add(commands)
    commands_changed.add(commands)
    commands_proposals.add(commands)
    commands_likeness.add(commands)
    search = commands.add_parser("search", help="检索 / search the passages")
    search.add_argument("question")
    search.add_argument("--limit", type=int, default=5)
    search.add_argument("--mode", choices=("hybrid", "bm25", "dense"), default="hybrid")
    known = commands.add_parser("brief", help="客户情况 / what is known about a customer")
    known.add_argument("customer", help="编号、名称或简称 / id, name or alias")
    known.add_argument("--product")
    known.add_argument("--as-of", type=date.fromisoformat, default=None, help="YYYY-MM-DD")
    return parser


def _ingest(settings: Settings, db: Engine, vault: Vault, company: Company, language: Language) -> int:
    report = ingest(db, vault, company, now=datetime.now(UTC), on_progress=_show)
    open_index(db, vault, embedding=settings.embedding, qdrant_url=settings.qdrant_url, on_progress=_show)
    for problem in report.problems:
        print("! " + problem.error.say(language))
    if language == "zh":
        print(
            f"新读入文件 {report.documents} 份、记录 {report.rows} 行：出处 {report.sources} 条，"
            f"事实 {report.facts} 条，人员 {report.people} 名；"
            f"未变化的文件 {report.unchanged} 个，问题 {len(report.problems)} 个。"
        )
    else:
        print(
            f"Read {report.documents} documents and {report.rows} rows: {report.sources} sources, "
            f"{report.facts} facts, {report.people} people; "
            f"{report.unchanged} files unchanged, {len(report.problems)} problems."
        )
    if report.missing:
        command = "python -m rag forget-missing"
        said = (
            f"文件夹中已不存在 {len(report.missing)} 份文件，内容仍在使用；停用请运行 {command}："
            if language == "zh"
            else f"{len(report.missing)} documents are no longer in the folder and still in use; to retire: {command}"
        )
        print(said)
        print("\n".join(f"  {name}" for name in report.missing))
    return 0


def _reread(settings: Settings, db: Engine, vault: Vault, company: Company, language: Language) -> int:
    now = datetime.now(UTC)
    found = reread(db, vault, company, settings.home / "originals", actor="terminal", now=now, on_progress=_show)
    open_index(db, vault, embedding=settings.embedding, qdrant_url=settings.qdrant_url, on_progress=_show)
    for taken in found:
        if taken.error is not None:
            print("! " + taken.error.say(language))
    read = [taken for taken in found if taken.error is None]
    counts = len(read), _facts(read), len(found) - len(read)
    zh, en = "重新读取 {} 份原件，新增事实 {} 条，失败 {} 份。", "Read {} originals anew: {} new facts, {} failed."
    print((zh if language == "zh" else en).format(*counts))
    return 0


def _facts(taken: Sequence[Taken]) -> int:
    return sum(each.filed.facts for each in taken if each.filed is not None)


def _forget_missing(db: Engine, company: Company, language: Language) -> int:
    names = forget_missing(db, company, actor="terminal", now=datetime.now(UTC))
    print("\n".join(f"  {name}" for name in names) if names else "–")
    zh, en = (
        f"已停用 {len(names)} 份文件，其事实和段落不再使用。",
        f"Retired {len(names)} documents with their facts and passages.",
    )
    print(zh if language == "zh" else en)
    return 0


def _show(step: str, done: int, total: int) -> None:
    end = "\n" if done == total else "\r"
    print(f"  {step} {done}/{total}", end=end, flush=True)


def _search(settings: Settings, db: Engine, vault: Vault, question: str, limit: int, mode: str) -> int:
    index = open_index(db, vault, embedding=settings.embedding, qdrant_url=settings.qdrant_url, on_progress=_show)
    hits = index.search(question, limit=limit, mode=mode)  # pyright: ignore[reportArgumentType]
    with reading(db) as tx:
        found = sources(tx, vault, [hit.source for hit in hits])
    for number, hit in enumerate(hits, start=1):
        source = found[hit.source]
        place = "".join(f" {mark}{n}" for mark, n in (("p.", source.page), ("#", source.row)) if n)
        print(f"{number}. {source.title}{place} · {source.heading} · {hit.score:.4f}")
        print("   " + pseudonymise(source.text, "zh").replace("\n", "\n   "))
    return 0


def _brief(
    db: Engine, vault: Vault, company: Company, name: str, product: str | None, as_of: date | None, language: Language
) -> int:
    now = datetime.now(UTC)
    day = as_of or now.date()
    with reading(db) as tx:
        customer = find_customer(tx, name)
        decider = decision_maker(tx, customer.id, day)
        permit = None
        if decider is not None:
            given = consent.consents_of(tx, decider.subject)
            called = customer.name + decider.value
            moment = datetime(day.year, day.month, day.day, 12, tzinfo=UTC) if as_of else now
            permit = consent.permit(decider.subject, "contact", given, actor="terminal", now=moment, called=called)
        known = brief(tx, vault, company, permit, customer, product=product, as_of=day, language=language)
    _print_brief(known, company, language)
    return 0


def _print_brief(known: Brief, company: Company, language: Language) -> None:
    for name, group in known.groups.items():
        label = company.phrases.labels.get(name)
        values = " · ".join(pseudonymise(value.text, language) for value in group.values)
        places = sorted(
            {f"{s.title}{f'#{s.row}' if s.row else ''}" for v in group.values for s in _cited(known, v.sources)}
        )
        print(f"{label.say(language) if label else name}: {values}  [{'; '.join(places)}]")
    for mark, names in (("?", known.unknown), ("≠", known.disputed)):
        for name in names:
            label = company.phrases.labels.get(name)
            print(f"{mark} {label.say(language) if label else name}")
    for notice in known.notices:
        print("! " + notice.text.say(language))


def _cited(known: Brief, ids: Sequence[str]) -> list[Source]:
    return [known.sources[id_] for id_ in ids]


if __name__ == "__main__":
    sys.exit(main())
