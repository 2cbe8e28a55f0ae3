"""The database: one metadata for all folders, aware UTC times, SQLite set up for one writer and many readers."""

from collections.abc import Generator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, Dialect, Engine, MetaData, String, create_engine, event
from sqlalchemy.engine import make_url
from sqlalchemy.types import TypeDecorator

metadata = MetaData()
ROOT = Path(__file__).resolve().parent.parent


class UtcDateTime(TypeDecorator[datetime]):
    """ISO text in UTC; SQLite drops the zone of DateTime(timezone=True), so naive values are refused here."""

    impl = String(40)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> str | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("naive datetime")
        return value.astimezone(UTC).isoformat(timespec="microseconds")

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        return None if value is None else datetime.fromisoformat(value)


def open_engine(url: str) -> Engine:
    """An engine for `url`; a SQLite file's folder is made. Call `migrate` once before."""
    if (database := make_url(url).database) and url.startswith("sqlite"):
        Path(database).parent.mkdir(parents=True, exist_ok=True)
    engine = create_engine(url)
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _set_up_sqlite)
        event.listen(engine, "begin", _begin)
    return engine


def _set_up_sqlite(connection: Any, _record: Any) -> None:
    connection.isolation_level = None  # the driver would open transactions late; we say BEGIN ourselves
    for pragma in (
        "journal_mode=WAL",
        "synchronous=NORMAL",
        "foreign_keys=ON",
        "busy_timeout=30000",
        "secure_delete=ON",
    ):
        connection.execute(f"PRAGMA {pragma}")


def _begin(connection: Connection) -> None:
    # a deferred transaction that later writes fails at once with "database is locked"; an immediate one waits
    reads = connection.get_execution_options().get("reads", False)
    connection.exec_driver_sql("BEGIN" if reads else "BEGIN IMMEDIATE")


@contextmanager
def reading(engine: Engine) -> Generator[Connection]:
    """A transaction that only reads: it neither waits for a writer nor holds one up. Writing: `engine.begin()`."""
    with engine.connect().execution_options(reads=True) as connection, connection.begin():
        yield connection


def migrate(url: str) -> None:
    """Bring the schema to the newest numbered migration; does nothing when it is there already."""
    if url.startswith("sqlite") and (database := make_url(url).database):
        Path(database).parent.mkdir(parents=True, exist_ok=True)
    config = Config()
    config.set_main_option("script_location", str(ROOT / "migrations"))
    config.set_main_option("sqlalchemy.url", url.replace("%", "%%"))
    command.upgrade(config, "head")
