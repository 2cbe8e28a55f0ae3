"""A database that is locked, damaged or missing: an error that says what to do, and nothing is lost."""

import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import Engine, func, insert, select

from governance.db import migrate, open_engine, reading
from governance.errors import Corrupt, Unavailable, XinyanError
from governance.tables import people

NOW = datetime(2026, 11, 21, tzinfo=UTC)
HOLD = """
import sqlite3, sys
held = sqlite3.connect(sys.argv[1], isolation_level=None)
held.execute("BEGIN EXCLUSIVE")
held.execute("INSERT INTO people (person, created_at) VALUES ('p_other', '2026-01-01T00:00:00+00:00')")
print("held", flush=True)
sys.stdin.read()
held.execute("COMMIT")
"""


def migrated(folder: Path) -> tuple[Engine, Path]:
    path = folder / "xinyan.db"
    migrate(f"sqlite:///{path}")
    return open_engine(f"sqlite:///{path}"), path


def keep(db: Engine, count: int) -> None:
    with db.begin() as tx:
        rows = [{"person": f"p_{number:016x}", "created_at": NOW} for number in range(count)]
        tx.execute(insert(people), rows)


def counted(db: Engine) -> int:
    with reading(db) as tx:
        return tx.scalar(select(func.count()).select_from(people)) or 0


def test_a_lock_of_another_process_is_said_with_what_to_do_and_readers_read_on(tmp_path: Path) -> None:
    db, path = migrated(tmp_path)
    keep(db, 3)
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "held\n"
        with reading(db) as tx:
            tx.exec_driver_sql("PRAGMA busy_timeout=20")  # this connection is used again below
        assert counted(db) == 3
        with pytest.raises(Unavailable) as raised:
            keep(db, 1)
        assert "占用" in raised.value.say("zh")
        assert "try again later" in raised.value.say("en")
        other.communicate("")
    assert counted(db) == 4
    db.dispose()


@pytest.mark.parametrize("share", [0.2, 0.5, 0.9])
def test_a_truncated_file_is_corrupt_and_names_the_way_back(tmp_path: Path, share: float) -> None:
    db, path = migrated(tmp_path)
    keep(db, 4000)
    with db.connect() as connection:
        connection.exec_driver_sql("COMMIT")
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
        connection.exec_driver_sql("BEGIN")
    db.dispose()
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])
    again = open_engine(f"sqlite:///{path}")
    with pytest.raises(Corrupt) as raised, reading(again) as tx:
        tx.execute(select(people).order_by(people.c.created_at)).all()
    assert "python -m rag ingest" in raised.value.say("zh")
    assert "restore the file" in raised.value.say("en")
    again.dispose()
    path.write_bytes(content)  # the backup
    restored = open_engine(f"sqlite:///{path}")
    assert counted(restored) == 4000
    restored.dispose()


def test_a_file_that_is_no_database_is_corrupt_on_opening_and_on_migrating(tmp_path: Path) -> None:
    path = tmp_path / "xinyan.db"
    path.write_bytes(b"no database at all, but long enough to be looked at\n" * 100)
    with pytest.raises(Corrupt), reading(open_engine(f"sqlite:///{path}")):
        pass
    with pytest.raises(Corrupt):
        migrate(f"sqlite:///{path}")
    assert path.read_bytes().startswith(b"no database")


def test_an_empty_file_and_a_place_that_cannot_be_opened_are_unavailable(tmp_path: Path) -> None:
    with pytest.raises(Unavailable):
        counted(open_engine(f"sqlite:///{tmp_path / 'new.db'}"))
    (tmp_path / "folder.db").mkdir()
    with pytest.raises(Unavailable), reading(open_engine(f"sqlite:///{tmp_path / 'folder.db'}")):
        pass


def test_a_mistake_of_ours_is_not_dressed_up(tmp_path: Path) -> None:
    db, _ = migrated(tmp_path)
    keep(db, 1)
    with pytest.raises(Exception, match="UNIQUE constraint failed") as raised:
        keep(db, 1)
    assert not isinstance(raised.value, XinyanError)
    db.dispose()
