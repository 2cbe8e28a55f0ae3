"""On the command line a name alone approves nothing: it takes the password and the role of its bearer."""

from pathlib import Path

import pytest

from governance import accounts
from governance.db import reading
from governance.settings import Settings
from sandbox.__main__ import main
from sandbox.rollout import rollout_view
from sandbox.session import Session
from tests.registered import add_adapter, add_approved

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")
PASSWORDS = {"cora": "correct horse", "carl": "battery staple", "adam": "admin's password", "rita": "rep's password"}
ROLES = {"cora": "coordinator", "carl": "coordinator", "adam": "admin", "rita": "rep"}


@pytest.fixture
def session(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Session:
    monkeypatch.setenv("XINYAN_HOME", str(tmp_path))
    opened = Session(Settings())
    with opened.db.begin() as tx:
        for name, password in PASSWORDS.items():
            accounts.add_user(tx, name, password, {ROLES[name]}, name, "zh")
    return opened


def run(monkeypatch: pytest.MonkeyPatch, command: str, by: str, *more: str, password: str | None = None) -> int:
    monkeypatch.setenv("XINYAN_PASSWORD", password or PASSWORDS[by])
    return main([*command.split(), "--by", by, "--reason", "looked at it", *more])


def test_two_people_approve_then_it_goes_by_shares_and_back(
    session: Session, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with session.db.begin() as tx:
        old, name = add_approved(tx, tmp_path, "old"), add_adapter(tx, tmp_path, "new")
    assert run(monkeypatch, f"release {old}", "adam", "--share", "100") == 0
    assert run(monkeypatch, f"release {name}", "adam") == 2  # not approved
    assert run(monkeypatch, f"approve {name[:12]}", "cora") == 0
    assert "approvals=1/2" in capsys.readouterr().out
    assert run(monkeypatch, f"approve {name[:12]}", "cora") == 2
    assert run(monkeypatch, f"approve {name[:12]}", "carl") == 0
    assert run(monkeypatch, f"release {name}", "adam", "--share", "5") == 0
    with reading(session.db) as tx:
        rollout = rollout_view(tx)[0].id
    assert run(monkeypatch, f"advance {rollout}", "adam") == 2  # nothing was seen yet
    assert run(monkeypatch, f"advance {rollout}", "adam", "--share", "100", "--override") == 0
    capsys.readouterr()
    assert main(["adapters"]) == 0
    listed = capsys.readouterr().out
    assert f"released {name} stage=all gate=passed people=cora:approve,carl:approve in_force=all" in listed
    assert main(["rollouts"]) == 0
    assert "审核驳回率" in capsys.readouterr().out
    assert run(monkeypatch, "rollback", "adam") == 0
    assert f"in_force all={old}" in capsys.readouterr().out
    assert run(monkeypatch, f"taint {old}", "adam") == 0
    assert "in_force all=plan" in capsys.readouterr().out


def test_a_wrong_password_or_role_decides_nothing(
    session: Session, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with session.db.begin() as tx:
        name = add_adapter(tx, tmp_path, "new")
    assert run(monkeypatch, f"approve {name}", "rita") == 2
    assert "rita" in capsys.readouterr().err
    for _ in range(accounts.FAILURES):
        assert run(monkeypatch, f"approve {name}", "cora", password="not her password") == 2
    capsys.readouterr()
    assert run(monkeypatch, f"approve {name}", "cora") == 2  # locked for a while: guessing is of no use
    assert "5" in capsys.readouterr().err
    assert run(monkeypatch, "approve", "cora", "e" * 64) == 2
    assert main(["adapters"]) == 0
    assert f"candidate {name} stage=all gate=passed people=none in_force=none" in capsys.readouterr().out


def test_an_id_that_is_no_one_thing_is_refused(
    session: Session, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with session.db.begin() as tx:
        for label in map(str, range(20)):
            add_adapter(tx, tmp_path, label)
    assert run(monkeypatch, "retire zz", "adam") == 2
    assert main(["retire", "", "--by", "adam", "--reason", "x"]) == 2
    assert run(monkeypatch, "advance r_0", "adam") == 2
    assert run(monkeypatch, "release 0 --stage nowhere", "adam") == 2
    said = capsys.readouterr().err
    assert said.count("找不到") >= 2
