"""The database: one metadata for all folders, aware UTC times, SQLite set up for one writer and many readers."""

import sqlite3
from collections.abc import Generator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, Dialect, Engine, ExceptionContext, MetaData, String, create_engine, event
from sqlalchemy.engine import make_url
from sqlalchemy.types import TypeDecorator

from governance.errors import Corrupt, Unavailable, XinyanError

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
    event.listen(engine, "handle_error", _say)
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _set_up_sqlite)
        event.listen(engine, "begin", _begin)
    return engine


def _set_up_sqlite(connection: Any, _record: Any) -> None:
    connection.isolation_level = None  # the driver would open transactions late; we say BEGIN ourselves
    try:
        for pragma in (
            "busy_timeout=30000",
            "journal_mode=WAL",
            "synchronous=NORMAL",
            "foreign_keys=ON",
            "secure_delete=ON",
            "cache_size=-32768",  # 32 MB: the default of 2 makes a walk over 500,000 edges read the file
        ):
            connection.execute(f"PRAGMA {pragma}")
    except sqlite3.Error as broken:
        raise _said(broken) or broken from broken


def _say(context: ExceptionContext) -> None:
    """Every statement of ours ends in an error that a user may see, when it is the database that failed."""
    if (said := _said(context.original_exception)) is not None:
        raise said


def _said(error: BaseException) -> XinyanError | None:
    """Locked, full, missing or damaged; None for a mistake of ours."""
    text = str(error).casefold()
    if any(words in text for words in ("malformed", "not a database", "file is encrypted", "database corruption")):
        return Corrupt(
            what={"zh": "数据库文件", "en": "The database file"},
            reason={
                "zh": "内容不完整。请停止服务，用备份恢复该文件；没有备份时将它移走，"
                "再运行 python -m rag ingest 由资料重建（审核和台账记录无法由资料重建）",
                "en": "its content is damaged. Stop the service and restore the file from the backup; without one move "
                "it away and run python -m rag ingest to rebuild it from the documents (not reviews and the ledger)",
            },
        )
    for words, (zh, en), (remedy_zh, remedy_en) in _AWAY:
        if any(word in text for word in words):
            return Unavailable(what={"zh": zh, "en": en}, remedy={"zh": remedy_zh, "en": remedy_en})
    return None


_AWAY = (
    (
        ("database is locked", "database table is locked"),
        (
            "数据库的写入权（另一个程序占用超过 30 秒）",
            "The right to write (another program held the database for 30 s)",
        ),
        (
            "请稍后重试；仍不行时查看是否有导入、备份或其他程序在使用该文件",
            "try again later; else see which import, backup or other program uses the file",
        ),
    ),
    (
        ("database or disk is full", "disk i/o error"),
        ("磁盘空间或可用的磁盘", "Disk space, or a disk that works"),
        ("请腾出空间并检查磁盘；未完成的操作没有写入", "free some space and check the disk; nothing was half written"),
    ),
    (
        ("unable to open database file", "readonly database", "connection refused", "could not connect"),
        ("数据库", "The database"),
        (
            "请检查 XINYAN_HOME 或 XINYAN_DATABASE_URL 所指的位置和权限，以及数据库服务是否已启动",
            "check the place and rights behind XINYAN_HOME or XINYAN_DATABASE_URL, and whether the server runs",
        ),
    ),
    (
        ("no such table", 'relation "'),
        ("数据库里的表（文件是新的或不完整）", "The tables of the database (the file is new or incomplete)"),
        (
            "请用备份恢复；没有备份时运行 python -m rag ingest 由资料重建",
            "restore the backup; without one run python -m rag ingest to rebuild it from the documents",
        ),
    ),
)


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
