"""What people decide on adapters: approve, reject, release, advance, roll back, taint; and what they look at."""

import argparse
import getpass
import json
import os
from collections.abc import Callable
from datetime import datetime

from sqlalchemy import Connection

from governance import accounts
from governance.db import reading
from governance.errors import Invalid, NotAllowed, NotFound
from governance.signing import trusted_keys
from sandbox import registry, rollout
from sandbox.card import read_card, verify_statement
from sandbox.commands import Commands
from sandbox.older import sign_older
from sandbox.release import adapter_of
from sandbox.session import Session, utc_now

ROLES = ("coordinator", "admin")
PASSWORD = "XINYAN_PASSWORD"  # an environment variable, for scripts that cannot be asked

Act = Callable[[Connection, str, datetime], str]  # writes as the named person; returns what to print


def add(commands: Commands) -> None:
    """Everything that changes what users get takes a name, his password and a reason."""
    commands.add_parser("adapters", help="适配器登记册 / the registry of adapters").set_defaults(handle=_adapters)
    commands.add_parser("rollouts", help="灰度发布及各项指标 / gradual releases with their figures").set_defaults(
        handle=_rollouts
    )
    decide = {
        "approve": ("批准（需两人，训练者除外）/ approve; two people, not the trainer", _approve),
        "reject": ("否决候选 / turn a candidate down", _decide(registry.reject)),
        "taint": ("标记为污染，立即停用 / pull an adapter at once, for good", _taint),
        "retire": ("停用 / take out of use", _decide(registry.retire)),
    }
    for name, (text, handle) in decide.items():
        _person(commands.add_parser(name, help=text), "adapter").set_defaults(handle=handle)
    release = _person(commands.add_parser("release", help="发布或开始灰度 / release, or begin to"), "adapter")
    release.add_argument("--stage", default="", help="销售阶段，默认全部 / a stage of the funnel; all by default")
    release.add_argument("--share", type=int, choices=rollout.SHARES, default=0, help="0 为影子运行 / 0: the shadow")
    advance = _person(commands.add_parser("advance", help="扩大比例 / raise the share"), "rollout")
    advance.add_argument("--share", type=int, choices=rollout.SHARES, help="默认下一级 / the next step by default")
    for parser in (release, advance):
        parser.add_argument("--override", action="store_true", help="跳过步骤，须说明理由 / leave steps out; say why")
    release.set_defaults(handle=_release)
    advance.set_defaults(handle=_advance)
    back = _person(commands.add_parser("rollback", help="一键回滚 / roll back at once"))
    back.add_argument("--stage", default="")
    back.set_defaults(handle=_rollback)
    stop = _person(commands.add_parser("stop", help="结束灰度，不作结论 / end a gradual release"), "rollout")
    stop.set_defaults(handle=_stop)
    verify = commands.add_parser("verify", help="校验签名与文件 / verify signatures and files")
    verify.add_argument("adapter")
    verify.set_defaults(handle=_verify)
    sign = _person(commands.add_parser("sign", help="为旧适配器补签 / sign an older adapter"), "adapter")
    sign.set_defaults(handle=_sign)


def _person(parser: argparse.ArgumentParser, subject: str = "") -> argparse.ArgumentParser:
    if subject:
        parser.add_argument(subject, help="id，可只写开头 / id, or how it begins")
    parser.add_argument("--by", required=True, help="您的账号 / your account")
    parser.add_argument("--reason", required=True, help="理由 / why")
    return parser


def _as_person(session: Session, asked: argparse.Namespace, act: Act) -> int:
    """Ask for the password of the named account, check the role, act. A name alone approves nothing."""
    given = os.environ.get(PASSWORD) or getpass.getpass(f"{asked.by} 的密码 / password of {asked.by}: ")
    now = utc_now()
    with session.db.begin() as tx:
        user = accounts.check_password(tx, asked.by, given, now)  # committed also when it is wrong: failures count
    if user is None:
        action = {"zh": "使用该账号（账号或密码不对）", "en": "use this account (wrong name or password)"}
        raise NotAllowed(user=asked.by, action=action)
    if not user.roles.intersection(ROLES):
        raise NotAllowed(user=asked.by, action={"zh": "管理适配器的发布", "en": "decide on adapters"})
    with session.db.begin() as tx:
        print(act(tx, user.name, now))
    return 0


def _approve(session: Session, asked: argparse.Namespace) -> int:
    needed = session.settings.approvals

    def act(tx: Connection, by: str, now: datetime) -> str:
        name = _adapter(tx, asked.adapter)
        state = registry.approve(tx, name, by=by, reason=asked.reason, now=now, needed=needed)
        votes = sum(each.decision == "approve" for each in registry.approvals_of(tx, name))
        return f"{state} {name} approvals={votes}/{needed}"

    return _as_person(session, asked, act)


def _decide(decide: Callable[..., str]) -> Callable[[Session, argparse.Namespace], int]:
    def handle(session: Session, asked: argparse.Namespace) -> int:
        def act(tx: Connection, by: str, now: datetime) -> str:
            name = _adapter(tx, asked.adapter)
            return f"{decide(tx, name, by=by, reason=asked.reason, now=now)} {name}"

        return _as_person(session, asked, act)

    return handle


def _taint(session: Session, asked: argparse.Namespace) -> int:
    def act(tx: Connection, by: str, now: datetime) -> str:
        name = _adapter(tx, asked.adapter)
        pulled = registry.taint(tx, name, reason=asked.reason, by=by, now=now)
        return "\n".join([f"tainted {name}", *(_in_force(tx, stage) for stage in pulled)])

    return _as_person(session, asked, act)


def _release(session: Session, asked: argparse.Namespace) -> int:
    if asked.stage and asked.stage not in session.company.phrases.stages:
        raise NotFound(kind={"zh": "销售阶段", "en": "stage"}, name=asked.stage)

    def act(tx: Connection, by: str, now: datetime) -> str:
        began = rollout.start_rollout(
            tx,
            asked.stage,
            _adapter(tx, asked.adapter),
            by=by,
            reason=asked.reason,
            now=now,
            share=asked.share,
            override=asked.override,
        )
        return _line(rollout.rollout_of(tx, began))

    return _as_person(session, asked, act)


def _advance(session: Session, asked: argparse.Namespace) -> int:
    def act(tx: Connection, by: str, now: datetime) -> str:
        chosen = {"share": asked.share, "override": asked.override}
        return _line(rollout.advance(tx, asked.rollout, by=by, reason=asked.reason, now=now, **chosen))

    return _as_person(session, asked, act)


def _rollback(session: Session, asked: argparse.Namespace) -> int:
    def act(tx: Connection, by: str, now: datetime) -> str:
        rollout.roll_back(tx, asked.stage, by=by, reason=asked.reason, now=now)
        return _in_force(tx, asked.stage)

    return _as_person(session, asked, act)


def _stop(session: Session, asked: argparse.Namespace) -> int:
    def act(tx: Connection, by: str, now: datetime) -> str:
        rollout.stop(tx, asked.rollout, by=by, reason=asked.reason, now=now)
        return _line(rollout.rollout_of(tx, asked.rollout))

    return _as_person(session, asked, act)


def _sign(session: Session, asked: argparse.Namespace) -> int:
    def act(tx: Connection, by: str, now: datetime) -> str:
        name = _adapter(tx, asked.adapter)
        sign_older(tx, name, keys=session.settings.home / "keys", by=by, now=now)
        return f"signed {name}"

    return _as_person(session, asked, act)


def _verify(session: Session, asked: argparse.Namespace) -> int:
    """Exit code 0 only when it would be served: what the serving side does, done once."""
    from sandbox.engine import open_engine

    with reading(session.db) as tx:
        found = adapter_of(tx, _adapter(tx, asked.adapter))
        name, state = found.hash, registry.state_of(tx, found.hash)
    keys = session.settings.home / "keys"
    open_engine(session.base(), threads=session.threads, keys=keys).load(name, found.folder)
    card = json.loads(read_card(found.folder, name))
    print(f"signed {name} trainer={card.get('trainer', '?')} passports={card.get('passports', '?')} state={state}")
    said = verify_statement(found.folder, name, trusted=trusted_keys(keys))
    print(f"approved by={','.join(said['approvers'])} at={said['at']} report={said['report'][:12]}")
    with reading(session.db) as tx:
        registry.check_approved(tx, name)
    return 0


def _adapters(session: Session, _asked: argparse.Namespace) -> int:
    with reading(session.db) as tx:
        for each in registry.adapters_in(tx):
            gate = {None: "none", True: "passed", False: "failed"}[each.passed]
            people = ",".join(f"{a.by}:{a.decision}" for a in each.approvals) or "none"
            stages = ",".join(stage or "all" for stage in each.stages) or "none"
            trained = each.stage or "all"
            print(f"{each.state} {each.adapter} stage={trained} gate={gate} people={people} in_force={stages}")
    return 0


def _rollouts(session: Session, _asked: argparse.Namespace) -> int:
    with reading(session.db) as tx:
        for each in rollout.rollout_view(tx):
            print(_line(each))
            for verdict in each.figures:
                said = verdict.say()
                print(f"  {verdict.finding} {said.zh} / {said.en} e={verdict.e_value:.2g}/{verdict.needed:.0f}")
    return 0


def _line(each: rollout.Rollout) -> str:
    baseline = each.baseline[:12] if each.baseline else "plan"
    stage, seen = each.stage or "all", f"{each.seen}/{each.needed}"
    arms = f"candidate={each.candidate[:12]} baseline={baseline}"
    return f"{each.status} {each.id} stage={stage} share={each.share} {arms} scripts={seen}"


def _in_force(tx: Connection, stage: str) -> str:
    return f"in_force {stage or 'all'}={registry.alias_of(tx, stage) or 'plan'}"


def _adapter(tx: Connection, begin: str) -> str:
    """The one hash that begins so; raises NotFound, Invalid."""
    found = [each.adapter for each in registry.adapters_in(tx) if each.adapter.startswith(begin)]
    if len(found) > 1:
        zh, en = f"有 {len(found)} 个适配器以“{begin}”开头", f"{len(found)} adapters begin with '{begin}'"
        raise Invalid(reason={"zh": zh, "en": en})
    if not found or not begin:
        raise NotFound(kind={"zh": "适配器", "en": "adapter"}, name=begin)
    return found[0]
