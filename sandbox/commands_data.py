"""The data sets by hand: list, coverage, quarantine and its decisions, export."""

import argparse
import getpass
import json
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, select

from governance.db import reading
from governance.errors import Invalid, NotFound
from sandbox.commands import Commands
from sandbox.export import export_jsonl, verify_export
from sandbox.quarantine import quarantine, resolve
from sandbox.session import Session, utc_now
from sandbox.tables import dataset_reports, datasets


def add(commands: Commands) -> None:
    """datasets, coverage, quarantine, export."""
    listed = commands.add_parser("datasets", help="训练集一览 / the data sets, newest first")
    listed.set_defaults(handle=_datasets)
    coverage = commands.add_parser("coverage", help="各文档各节的使用情况 / what of each document is in a data set")
    _which(coverage)
    coverage.set_defaults(handle=_coverage)
    held = commands.add_parser("quarantine", help="隔离清单与处理 / what was kept back, and decide about it")
    _which(held)
    held.add_argument("--resolve", nargs=2, metavar=("SAMPLE", "release|discard"), help="处理一条 / decide about one")
    held.add_argument("--reason", default="", help="理由 / why")
    held.add_argument("--by", default="", help="处理人 / who decides")
    held.set_defaults(handle=_quarantine)
    export = commands.add_parser("export", help="导出为 JSON Lines / as files that other tools read")
    export.add_argument("dataset", help="训练集编号或其开头 / a hash or its beginning")
    export.add_argument("folder", type=Path, help="空文件夹 / an empty folder")
    export.add_argument("--by", default="", help="导出人 / who exports")
    export.set_defaults(handle=_export)


def dataset_named(tx: Connection, beginning: str = "") -> str:
    """The newest data set whose hash begins so. Raises NotFound, or Invalid for a beginning that several have."""
    query = select(datasets.c.hash).order_by(datasets.c.created_at.desc(), datasets.c.hash)
    found = [hash_ for hash_ in tx.scalars(query) if hash_.startswith(beginning)]
    if not found:
        raise NotFound(kind={"zh": "训练集", "en": "data set"}, name=beginning or "-")
    if beginning and len(found) > 1:
        raise Invalid(reason={"zh": f"“{beginning}”不唯一", "en": f"several data sets begin with '{beginning}'"})
    return found[0]


def _which(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--dataset", default="", help="默认最新 / the newest unless named by hash or its beginning")


def _datasets(session: Session, asked: argparse.Namespace) -> int:
    with reading(session.db) as tx:
        rows = tx.execute(select(datasets).order_by(datasets.c.created_at.desc())).mappings().all()
    for row in rows:
        counts = f"train={row['train']} heldout={row['heldout']} quarantined={row['quarantined']}"
        print(f"id={row['hash']} {counts} at={row['created_at'].isoformat(timespec='seconds')}")
    return 0


def _coverage(session: Session, asked: argparse.Namespace) -> int:
    with reading(session.db) as tx:
        name = dataset_named(tx, asked.dataset)
        report: dict[str, Any] = (
            tx.scalar(select(dataset_reports.c.report).where(dataset_reports.c.dataset == name)) or {}
        )
    print(f"id={name}")
    for key, value in report.items():
        if key != "coverage":
            print(f"{key}={json.dumps(value, ensure_ascii=False)}")
    for row in report.get("coverage", []):
        left_out = ",".join(f"{reason}:{count}" for reason, count in row["left_out"].items())
        counts = f"passages={row['passages']} found={row['found']} pairs={row['pairs']} left_out={left_out or '-'}"
        print(f"{counts} document={row['name'] or row['document']} section={row['section']}")
    return 0


def _quarantine(session: Session, asked: argparse.Namespace) -> int:
    if asked.resolve:
        sample, decision = asked.resolve
        with session.db.begin() as tx:
            resolve(tx, sample, decision, reason=asked.reason, by=asked.by or getpass.getuser(), now=utc_now())
        print(f"id={sample} decision={decision}")
        return 0
    with reading(session.db) as tx:
        for held in quarantine(tx, session.vault, dataset_named(tx, asked.dataset)):
            may = "release|discard" if held.resolvable else "discard"
            print(
                f"id={held.sample_id} kind={held.kind} decision={held.decision or '-'} may={may} from={held.document}"
            )
            print(f"     {held.reason.zh} / {held.reason.en}")
            print("     " + held.text.replace("\n", " ⏎ ")[:300])
    return 0


def _export(session: Session, asked: argparse.Namespace) -> int:
    with reading(session.db) as tx:
        name = dataset_named(tx, asked.dataset)
    by = asked.by or getpass.getuser()
    folder = export_jsonl(session.db, session.vault, name, asked.folder, by=by, now=utc_now())
    print(f"id={verify_export(folder)} folder={folder}")
    return 0
