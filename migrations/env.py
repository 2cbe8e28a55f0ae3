"""Alembic's entry: brings the tables of all folders to the newest numbered migration."""

from alembic import context

import assistant.tables  # noqa: F401
import governance.tables  # noqa: F401
import rag.tables  # noqa: F401
import sandbox.tables  # noqa: F401
from governance.db import metadata, open_engine

url = context.config.get_main_option("sqlalchemy.url") or ""
engine = open_engine(url)
with engine.connect() as connection:
    context.configure(connection=connection, target_metadata=metadata, render_as_batch=True)
    with context.begin_transaction():
        context.run_migrations()
engine.dispose()
