"""Users with scrypt passwords and roles, a lockout after repeated failures, and revocable web sessions."""

import hashlib
import hmac
import os
import secrets
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, delete, insert, select, update

from governance.errors import Conflict, Invalid, Language, NotAllowed, NotFound
from governance.tables import sign_in_failures, users, web_sessions

ROLES = frozenset({"rep", "coordinator", "admin", "dpo"})
SCRYPT_N, SCRYPT_R, SCRYPT_P = 2**14, 8, 1  # 16 MiB and some 50 ms; kept per user, so they can be raised later
SHORTEST_PASSWORD, LONGEST_PASSWORD = 8, 1024
FAILURES, LOCKED = 5, timedelta(minutes=5)
IDLE, ABSOLUTE, TOUCH = timedelta(minutes=30), timedelta(hours=10), timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class User:
    """Someone who signs in."""

    name: str
    roles: frozenset[str]
    display: str
    language: Language


def _digest(password: str, salt: bytes, n: int = SCRYPT_N, r: int = SCRYPT_R, p: int = SCRYPT_P) -> bytes:
    return hashlib.scrypt(password.encode(errors="surrogatepass"), salt=salt, n=n, r=r, p=p, maxmem=256 * n * r)


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()


def add_user(
    tx: Connection, name: str, password: str, roles: Collection[str], display: str, language: Language
) -> User:
    """Add a user; raises Conflict when the name is taken, Invalid for an unknown role or an unfit password."""
    if unknown := set(roles) - ROLES:
        listed = ", ".join(sorted(unknown))
        raise Invalid(reason={"zh": f"未知角色：{listed}", "en": f"unknown role: {listed}"})
    _check_length(password)
    if not 0 < len(name) <= 64:
        raise Invalid(reason={"zh": "用户名须为 1–64 个字符", "en": "a user name has 1–64 characters"})
    if tx.scalar(select(users.c.name).where(users.c.name == name)) is not None:
        raise Conflict(reason={"zh": f"用户 {name} 已存在", "en": f"the user {name} exists already"})
    salt = os.urandom(16)
    cost = {"scrypt_n": SCRYPT_N, "scrypt_r": SCRYPT_R, "scrypt_p": SCRYPT_P}
    listed = ",".join(sorted(roles))
    row = {"name": name, "password": _digest(password, salt), "salt": salt, "roles": listed, "language": language}
    tx.execute(insert(users).values(**row, **cost, display=display))
    return user(tx, name)


def user(tx: Connection, name: str) -> User:
    """The user of this name; raises NotFound."""
    row = tx.execute(select(users).where(users.c.name == name)).one_or_none()
    if row is None:
        raise NotFound(kind={"zh": "用户", "en": "user"}, name=name)
    return User(row.name, frozenset(filter(None, row.roles.split(","))), row.display, row.language)


def set_password(tx: Connection, name: str, password: str) -> None:
    """Replace a password and end all of the user's web sessions; raises NotFound, or Invalid for an unfit password."""
    user(tx, name)
    _check_length(password)
    salt = os.urandom(16)
    cost = {"scrypt_n": SCRYPT_N, "scrypt_r": SCRYPT_R, "scrypt_p": SCRYPT_P}
    row = {"password": _digest(password, salt), "salt": salt, **cost}
    tx.execute(update(users).where(users.c.name == name).values(**row))
    tx.execute(delete(web_sessions).where(web_sessions.c.user == name))
    tx.execute(delete(sign_in_failures).where(sign_in_failures.c.name_hash == _hash(name)))


def _check_length(password: str) -> None:
    if not SHORTEST_PASSWORD <= len(password) <= LONGEST_PASSWORD:
        bounds = f"{SHORTEST_PASSWORD}–{LONGEST_PASSWORD}"
        raise Invalid(reason={"zh": f"密码须为 {bounds} 个字符", "en": f"a password has {bounds} characters"})


def check_password(tx: Connection, name: str, password: str, now: datetime) -> User | None:
    """
    The user, or None for a wrong name or password; raises NotAllowed while the name is locked out.

    An unknown name costs the same time and locks in the same way as a known one. The caller commits also after None,
    otherwise the failure is not counted.
    """
    failed, key = sign_in_failures, _hash(name)
    tx.execute(delete(failed).where(failed.c.last_at <= now - LOCKED))
    count = tx.scalar(select(failed.c.count).where(failed.c.name_hash == key)) or 0
    if count >= FAILURES:
        action = {"zh": "登录（连续输错密码，请 5 分钟后再试）", "en": "sign in (too many failures, wait 5 minutes)"}
        raise NotAllowed(user=name, action=action)
    row = tx.execute(select(users).where(users.c.name == name)).one_or_none()
    given = password[: LONGEST_PASSWORD + 1]
    if row is None:
        _digest(given, b"0" * 16)
    else:
        digest = _digest(given, row.salt, row.scrypt_n, row.scrypt_r, row.scrypt_p)
        if hmac.compare_digest(digest, row.password):
            tx.execute(delete(failed).where(failed.c.name_hash == key))
            return user(tx, name)
    if count:
        tx.execute(update(failed).where(failed.c.name_hash == key).values(count=count + 1, last_at=now))
    else:
        tx.execute(insert(failed).values(name_hash=key, count=1, last_at=now))
    return None


def open_session(tx: Connection, user: User, now: datetime) -> str:
    """A new session's token, 256 random bits; only its hash is kept. Sessions that have ended are cleared away."""
    ended = (web_sessions.c.seen_at <= now - IDLE) | (web_sessions.c.opened_at <= now - ABSOLUTE)
    tx.execute(delete(web_sessions).where(ended))
    token = secrets.token_urlsafe(32)
    tx.execute(insert(web_sessions).values(token_hash=_hash(token), user=user.name, opened_at=now, seen_at=now))
    return token


def session_user(tx: Connection, token: str, now: datetime) -> User | None:
    """
    Whose session it is, None when it has ended: 30 minutes idle, 10 hours in all, or closed.

    In a writing transaction it also notes the use, at most once a minute; in `reading(engine)` it does not.
    """
    rows = web_sessions
    row = tx.execute(select(rows).where(rows.c.token_hash == _hash(token))).one_or_none()
    if row is None or now - row.seen_at >= IDLE or now - row.opened_at >= ABSOLUTE:
        return None
    if now - row.seen_at >= TOUCH and not tx.get_execution_options().get("reads"):
        tx.execute(update(rows).where(rows.c.token_hash == row.token_hash).values(seen_at=now))
    return user(tx, row.user)


def close_session(tx: Connection, token: str) -> None:
    """End a session at once; an unknown token is no error."""
    tx.execute(delete(web_sessions).where(web_sessions.c.token_hash == _hash(token)))


def require(user: User | None, role: str, action: str | dict[str, str]) -> User:
    """The user if he has the role; raises NotAllowed, `action` (best in both languages) says what was refused."""
    if user is None or role not in user.roles:
        raise NotAllowed(user=user.name if user else {"zh": "（未登录）", "en": "(not signed in)"}, action=action)
    return user
