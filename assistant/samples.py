"""Sample users with random passwords, made at the first start and printed once; only hashes are stored."""

import secrets
from dataclasses import dataclass
from datetime import datetime
from unicodedata import east_asian_width

from sqlalchemy import Engine, select

from governance import accounts
from governance.db import reading
from governance.errors import Language
from governance.tables import users

_LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"  # nothing that is misread from a screen


@dataclass(frozen=True, slots=True)
class SampleUser:
    name: str
    roles: frozenset[str]
    display: str
    role_zh: str
    role_en: str
    language: Language = "zh"


SAMPLE_USERS = (
    SampleUser("wangxiao", frozenset({"rep"}), "王晓", "销售", "sales rep"),
    SampleUser("limin", frozenset({"coordinator"}), "李敏", "AI 协调员（审核）", "coordinator (review)"),
    SampleUser("chenyue", frozenset({"coordinator"}), "陈悦", "AI 协调员（高风险第二人）", "second coordinator"),
    SampleUser("admin", frozenset({"admin"}), "管理员", "管理员", "administrator"),
)


def new_password() -> str:
    """Twelve letters of 31: 59 bits."""
    return "-".join("".join(secrets.choice(_LETTERS) for _ in range(4)) for _ in range(3))


def present(db: Engine) -> bool:
    """Whether any sample user has an account."""
    names = [sample.name for sample in SAMPLE_USERS]
    with reading(db) as tx:
        return tx.scalar(select(users.c.name).where(users.c.name.in_(names)).limit(1)) is not None


def anyone(db: Engine) -> bool:
    """Whether there is any account."""
    with reading(db) as tx:
        return tx.scalar(select(users.c.name).limit(1)) is not None


def ensure_sample_users(db: Engine, now: datetime) -> list[tuple[SampleUser, str]]:
    """Make the sample users when there is no account yet; returns them with their new passwords, else nothing."""
    if anyone(db):
        return []
    made = [(sample, new_password()) for sample in SAMPLE_USERS]
    with db.begin() as tx:
        for sample, password in made:
            accounts.add_user(tx, sample.name, password, sample.roles, sample.display, sample.language)
    return made


def _wide(text: str, width: int) -> str:
    shown = sum(2 if east_asian_width(c) in "WF" else 1 for c in text)
    return text + " " * max(width - shown, 1)


def table(made: list[tuple[SampleUser, str]]) -> str:
    """The one time that the passwords are shown."""
    lines = ["", "示例账号（密码只显示这一次）  Sample users (the passwords are shown only this once)", ""]
    lines.append("  " + _wide("账号 User", 14) + _wide("密码 Password", 20) + "角色 Role")
    for sample, password in made:
        lines.append("  " + _wide(sample.name, 14) + _wide(password, 20) + f"{sample.role_zh} · {sample.role_en}")
    lines += ["", "新建账号  To add a user:        python -m assistant add-user NAME --role rep"]
    lines += ["重设密码  To set a password:    python -m assistant set-password NAME", ""]
    return "\n".join(lines)
