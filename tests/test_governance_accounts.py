"""Sign-in: passwords, roles, the lockout, and sessions that end."""

import hashlib
import time
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Engine, delete, select

from governance.accounts import (
    User,
    add_user,
    check_password,
    close_session,
    open_session,
    require,
    session_user,
    set_password,
    user,
)
from governance.db import reading
from governance.errors import Conflict, Invalid, NotAllowed, NotFound
from governance.tables import sign_in_failures, users, web_sessions

NOW = datetime(2026, 11, 20, 8, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
PASSWORD = "correct horse 电池"


@pytest.fixture
def lu(db: Engine) -> User:
    with db.begin() as tx:
        return add_user(tx, "lu", PASSWORD, {"rep", "dpo"}, "陆书宁", "zh")


def test_the_right_password_gives_the_user_and_any_other_gives_nobody(db: Engine, lu: User) -> None:
    with db.begin() as tx:
        assert check_password(tx, "lu", PASSWORD, NOW) == lu == User("lu", frozenset({"rep", "dpo"}), "陆书宁", "zh")
        assert check_password(tx, "lu", PASSWORD + " ", NOW) is None
        assert check_password(tx, "lu", "", NOW) is None
        assert check_password(tx, "li", PASSWORD, NOW) is None
        assert check_password(tx, "lu", "x" * 100_000 + "\ud800", NOW) is None
        assert user(tx, "lu") == lu
        with pytest.raises(NotFound):
            user(tx, "li")


def test_no_password_is_kept(db: Engine, lu: User) -> None:
    with db.begin() as tx:
        add_user(tx, "mu", PASSWORD, ["rep"], "穆", "zh")
        first, second = tx.execute(select(users)).all()
        assert first.password != second.password
        assert PASSWORD.encode() not in first.password
        assert (first.scrypt_n, first.scrypt_r, first.scrypt_p) == (2**14, 8, 1)


def test_a_password_hashed_with_other_parameters_still_opens(db: Engine, lu: User) -> None:
    with db.begin() as tx:
        cheap = hashlib.scrypt(PASSWORD.encode(), salt=b"s" * 16, n=2**10, r=4, p=2)
        tx.execute(users.update().values(password=cheap, salt=b"s" * 16, scrypt_n=2**10, scrypt_r=4, scrypt_p=2))
        assert check_password(tx, "lu", PASSWORD, NOW) == lu


@pytest.mark.parametrize("name", ["lu", "nobody"])
def test_five_failures_lock_a_name_for_five_minutes_known_or_not(db: Engine, lu: User, name: str) -> None:
    with db.begin() as tx:
        for _ in range(5):
            assert check_password(tx, name, "wrong", NOW) is None
        for wait in (0, 4):
            with pytest.raises(NotAllowed) as refusal:
                check_password(tx, name, PASSWORD, NOW + wait * MINUTE)
        assert "5 分钟后再试" in refusal.value.say("zh")
        assert (check_password(tx, name, PASSWORD, NOW + 5 * MINUTE) is None) == (name == "nobody")


def test_a_success_forgets_earlier_failures_and_other_names_are_not_locked(db: Engine, lu: User) -> None:
    with db.begin() as tx:
        for _ in range(3):
            for _ in range(4):
                assert check_password(tx, "lu", "wrong", NOW) is None
            assert check_password(tx, "lu", PASSWORD, NOW) == lu
        for _ in range(5):
            check_password(tx, "someone", "wrong", NOW)
        assert check_password(tx, "lu", PASSWORD, NOW) == lu


def test_failures_of_long_ago_leave_no_rows(db: Engine, lu: User) -> None:
    with db.begin() as tx:
        check_password(tx, "nobody", "wrong", NOW)
        check_password(tx, "lu", PASSWORD, NOW + 5 * MINUTE)
        assert tx.execute(select(sign_in_failures)).all() == []


def test_an_unknown_name_takes_as_long_as_a_known_one(db: Engine, lu: User) -> None:
    def seconds(name: str) -> float:
        with db.begin() as tx:
            tx.execute(delete(sign_in_failures))
            begun = time.process_time()
            check_password(tx, name, "wrong", NOW)
            return time.process_time() - begun

    known, unknown = (min(seconds(name) for _ in range(4)) for name in ("lu", "nobody"))
    assert unknown > known / 3


@pytest.mark.parametrize(
    ("name", "password", "roles", "error"),
    [
        ("lu", PASSWORD, ["rep"], Conflict),
        ("mu", "short", ["rep"], Invalid),
        ("mu", PASSWORD, ["root"], Invalid),
        ("", PASSWORD, ["rep"], Invalid),
    ],
)
def test_unfit_users_are_refused(
    db: Engine, lu: User, name: str, password: str, roles: list[str], error: type[Exception]
) -> None:
    with db.begin() as tx, pytest.raises(error):
        add_user(tx, name, password, roles, "x", "en")


def test_a_session_ends_after_thirty_idle_minutes_ten_hours_or_when_closed(db: Engine, lu: User) -> None:
    with db.begin() as tx:
        token = open_session(tx, lu, NOW)
        assert tx.scalars(select(web_sessions.c.token_hash)).one() != token
        assert session_user(tx, token, NOW + 29 * MINUTE) == lu
        assert session_user(tx, token, NOW + 58 * MINUTE) == lu
        assert session_user(tx, token, NOW + 88 * MINUTE) is None
        assert session_user(tx, token + "x", NOW) is None
        busy = open_session(tx, lu, NOW)
        for minutes in range(0, 600, 20):
            assert session_user(tx, busy, NOW + minutes * MINUTE) == lu
        assert session_user(tx, busy, NOW + 600 * MINUTE) is None
        third = open_session(tx, lu, NOW)
        close_session(tx, third)
        close_session(tx, third)
        assert session_user(tx, third, NOW) is None


def test_a_reading_transaction_tells_the_user_but_does_not_prolong_the_session(db: Engine, lu: User) -> None:
    with db.begin() as tx:
        token = open_session(tx, lu, NOW)
    with reading(db) as tx:
        assert session_user(tx, token, NOW + 20 * MINUTE) == lu
        assert session_user(tx, token, NOW + 40 * MINUTE) is None


def test_ended_sessions_are_cleared_away_and_go_with_their_user(db: Engine, lu: User) -> None:
    with db.begin() as tx:
        open_session(tx, lu, NOW)
        open_session(tx, lu, NOW + 31 * MINUTE)
        assert len(tx.execute(select(web_sessions)).all()) == 1
        tx.execute(delete(users))
        assert tx.execute(select(web_sessions)).all() == []


def test_a_role_is_demanded_by_name(lu: User) -> None:
    assert require(lu, "rep", "write a script") is lu
    with pytest.raises(NotAllowed) as refusal:
        require(lu, "admin", {"zh": "上传文件", "en": "upload documents"})
    assert refusal.value.say("zh") == "账号lu无权执行“上传文件”。"
    with pytest.raises(NotAllowed, match="not signed in"):
        require(None, "rep", "write a script")


def test_a_new_password_replaces_the_old_one_and_ends_the_sessions(db: Engine) -> None:
    with db.begin() as tx:
        someone = add_user(tx, "renamed", "first password", {"rep"}, "R", "zh")
        token = open_session(tx, someone, NOW)
        set_password(tx, "renamed", "second password")
        assert session_user(tx, token, NOW) is None
        assert check_password(tx, "renamed", "first password", NOW) is None
        assert check_password(tx, "renamed", "second password", NOW) == someone
