"""The numbered migrations and the tables in the code say the same."""

from pathlib import Path

from alembic import command
from alembic.config import Config

from governance.db import ROOT, migrate


def test_the_newest_migration_gives_the_tables_of_the_code(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'new.db'}"
    migrate(url)
    config = Config()
    config.set_main_option("script_location", str(ROOT / "migrations"))
    config.set_main_option("sqlalchemy.url", url)
    command.check(config)  # raises when a table or column is in one of them only
