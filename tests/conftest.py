"""What every test gets: no hub, no telemetry, one thread, none of the operator's settings, a database of its own."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine

os.environ.update(HF_HUB_OFFLINE="1", OMP_NUM_THREADS="1", TOKENIZERS_PARALLELISM="false")
os.environ.update(GRADIO_ANALYTICS_ENABLED="False", DO_NOT_TRACK="1")

from governance import tables  # noqa: F401  fills the metadata
from governance.db import metadata, open_engine


@pytest.fixture(autouse=True)
def _no_settings_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:  # pyright: ignore[reportUnusedFunction]
    for name in [name for name in os.environ if name.startswith("XINYAN_")]:
        monkeypatch.delenv(name)


@pytest.fixture
def db(tmp_path: Path) -> Iterator[Engine]:
    """An empty database with every table of the folders that the test imports."""
    engine = open_engine(f"sqlite:///{tmp_path / 'test.db'}")
    metadata.create_all(engine)
    yield engine
    engine.dispose()
