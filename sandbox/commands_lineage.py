"""lineage: which adapters saw a record, and which records made an adapter."""

import argparse
import sys

from governance.db import reading
from governance.errors import Invalid
from sandbox.commands import Commands
from sandbox.lineage import count_origins, origins_of, passports_of_origin, places_of, uses_of
from sandbox.session import Session


def add(commands: Commands) -> None:
    """Both directions and the samples between."""
    lineage = commands.add_parser("lineage", help="来龙去脉 / where a record went, and what an adapter is made of")
    start = lineage.add_mutually_exclusive_group(required=True)
    start.add_argument("--record", help='文件名或“文件名#行号” / a file name, or "file#row"')
    start.add_argument("--passport", help="数据护照编号 / the id of a data passport")
    start.add_argument("--adapter", help="适配器 / the hash of an adapter")
    lineage.add_argument("--dataset", help="列出该训练集中的样本 / list the samples in this data set")
    lineage.add_argument("--after", default="", help="从此处继续 / go on after this one")
    lineage.set_defaults(handle=_lineage)


def _lineage(session: Session, asked: argparse.Namespace) -> int:
    with reading(session.db) as tx:
        if asked.adapter:
            print(f"records={count_origins(tx, asked.adapter)}")
            for each in origins_of(tx, asked.adapter, after=asked.after):
                print(f"passport={each.passport} {each.kind} {each.origin} trained={each.trained}/{each.samples}")
            return 0
        found = [asked.passport] if asked.passport else passports_of_origin(tx, asked.record)
        if not found:
            print("没有这条记录 / no such record", file=sys.stderr)
            return 1
        for passport in found:
            print(f"passport={passport}")
            if asked.dataset:
                for place in places_of(tx, passport, asked.dataset, after=_position(asked.after)):
                    print(f"  position={place.position} sample={place.sample} part={place.part}")
                continue
            for use in uses_of(tx, passport):
                print(
                    f"  dataset={use.dataset} samples={use.samples} trained={use.trained} adapter={use.adapter or '-'}"
                )
    return 0


def _position(after: str) -> int:
    if after and not after.isdigit():
        raise Invalid(reason={"zh": "--after 应为序号", "en": "--after takes a position"})
    return int(after) if after else -1
