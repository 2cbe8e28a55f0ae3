"""`python -m rag mappings`: look at proposed columns, propose some, approve, refuse and roll back."""

import argparse
import getpass
import os
from collections.abc import Callable
from datetime import UTC, datetime

from sqlalchemy import Connection, Engine

from governance import accounts
from governance.db import reading
from governance.errors import Invalid, Language, NotAllowed
from rag import mappings
from rag.company import RECORD_FIELDS, Company
from rag.mapping_sample import samples
from rag.mappings import MappingVersion
from rag.pipeline import export_path
from rag.tabular import table_file

PASSWORD = "XINYAN_PASSWORD"  # an environment variable, for scripts that cannot be asked
ROLE = "admin"

Decide = Callable[..., None]


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:  # pyright: ignore[reportPrivateUsage]
    """`mappings [list | propose FILE KIND | approve ID | refuse ID | rollback ID]`."""
    parser = commands.add_parser("mappings", help="导出表的列对应关系 / which column of an export holds which field")
    acts = parser.add_subparsers(dest="act")
    acts.add_parser("list", help="列出所有版本 / list all versions")
    propose = acts.add_parser("propose", help="提出一个新版本 / propose a version")
    propose.add_argument("file", help="公司文件夹内的路径 / path within the company's folder")
    propose.add_argument("kind", choices=tuple(RECORD_FIELDS))
    propose.add_argument("--sheet")
    propose.add_argument("--column", action="append", default=[], metavar="FIELD=HEADER", help="指定一列 / set one")
    propose.add_argument("--by", default="terminal", help="您的账号 / your account")
    for name, text in (
        ("approve", "批准，下次导入时生效 / approve; the next import reads so"),
        ("refuse", "驳回 / refuse"),
        ("rollback", "撤销已批准的版本 / take an approved version back"),
    ):
        decide = acts.add_parser(name, help=text)
        decide.add_argument("id", help="可只写开头 / or how it begins")
        decide.add_argument("--by", required=True, help="您的账号（管理员）/ your account, an administrator's")
        decide.add_argument("--reason", required=name != "approve", default="", help="理由 / why")


def run(db: Engine, company: Company, asked: argparse.Namespace, language: Language) -> int:
    """Act and print; raises what rag.mappings raises."""
    now = datetime.now(UTC)
    if asked.act == "propose":
        columns = dict(_pair(text) for text in asked.column)
        found = samples(table_file(asked.file, export_path(company.folder, asked.file)), asked.file)
        with db.begin() as tx:
            new = mappings.propose(
                tx, company, asked.kind, asked.file, found, by=asked.by, now=now, sheet=asked.sheet, columns=columns
            )
        _print(new, language)
        return 0
    if asked.act in ("approve", "refuse", "rollback"):
        decide: dict[str, Decide] = {"approve": mappings.approve, "refuse": mappings.refuse}
        by = _admin(db, asked.by, now)
        with db.begin() as tx:
            id_ = _id(tx, asked.id)
            decide.get(asked.act, mappings.roll_back)(tx, id_, by=by, reason=asked.reason, now=now)
    with reading(db) as tx:
        found = mappings.proposals(tx)
    for each in found:
        _print(each, language)
    if not found:
        print("没有提出过新的列对应关系。" if language == "zh" else "No mapping was proposed.")
    return 0


def _pair(text: str) -> tuple[str, str]:
    field, mark, column = text.partition("=")
    if not mark:
        said = mappings.shown(text)
        raise Invalid(reason={"zh": f"应写作 字段=列名：{said}", "en": f"write FIELD=HEADER, not {said}"})
    return field.strip(), column.strip()


def _admin(db: Engine, name: str, now: datetime) -> str:
    """Ask for the password of the named account; a name alone approves nothing."""
    given = os.environ.get(PASSWORD) or getpass.getpass(f"{name} 的密码 / password of {name}: ")
    with db.begin() as tx:
        user = accounts.check_password(tx, name, given, now)  # committed also when it is wrong: failures count
    if user is None:
        action = {"zh": "使用该账号（账号或密码不对）", "en": "use this account (wrong name or password)"}
        raise NotAllowed(user=name, action=action)
    if ROLE not in user.roles:
        raise NotAllowed(user=name, action={"zh": "核对列对应关系", "en": "decide on mappings"})
    return user.name


def _id(tx: Connection, start: str) -> str:
    """The one version whose id begins so, else what was typed: the act then says that it is not there."""
    found = [each.id for each in mappings.proposals(tx) if each.id.startswith(start)]
    return found[0] if len(found) == 1 else start


_STATES = {"proposed": ("待核对", "waiting"), "approved": ("已批准", "approved"), "refused": ("已驳回", "refused")}


def _print(each: MappingVersion, language: Language) -> None:
    place = 0 if language == "zh" else 1
    force = (" · 生效中", " · in force")[place] if each.in_force else ""
    file = mappings.shown(each.table.file)
    print(f"{each.id}  {each.kind} v{each.version}  {_STATES[each.state][place]}{force}  {file}")
    for match in each.matches:
        others = f"  {('或', 'or')[place]}: {', '.join(match.others)}" if match.others else ""
        print(f"    {match.field:<13} ← {match.column}  {match.confidence:.2f}{others}")
    if each.missing:
        print(f"  ! {('缺少必填字段', 'required fields without a column')[place]}: {', '.join(each.missing)}")
    if each.unused:
        print(f"    {('未使用的列', 'columns not used')[place]}: {', '.join(each.unused)}")
    if each.decided_by:
        print(f"    {mappings.shown(each.decided_by)}: {each.note}")
