"""What every test gets: no hub, no telemetry, one thread, none of the operator's settings, a database of its own."""

import ipaddress
import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import Engine

os.environ.update(HF_HUB_OFFLINE="1", OMP_NUM_THREADS="1", TOKENIZERS_PARALLELISM="false")
os.environ.update(GRADIO_ANALYTICS_ENABLED="False", DO_NOT_TRACK="1")

from governance import tables  # noqa: F401  fills the metadata
from governance.db import metadata, open_engine
from governance.settings import Settings

if TYPE_CHECKING:
    from assistant.parts import Parts

OUTSIDE: list[str] = []


def _watch(event: str, arguments: tuple[Any, ...]) -> None:
    """An audit hook of the interpreter: it sees every look-up and connection, whatever library makes it."""
    if event == "socket.getaddrinfo":
        host = arguments[0]
    elif event in ("socket.connect", "socket.sendto") and isinstance(arguments[1], tuple):
        host = arguments[1][0]
    else:
        return
    name = host.decode() if isinstance(host, bytes) else host
    if name in (None, "", "localhost") or (_is_address(name) and ipaddress.ip_address(name).is_loopback):
        return
    if name not in ("0.0.0.0", "::"):  # a listening socket asks for its own name
        OUTSIDE.append(f"{event} {name}")


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


sys.addaudithook(_watch)


FIRST = ("test_flow", "test_sandbox")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The files that take minutes come first, so that of several processes none waits long for the last one."""
    items.sort(key=lambda item: next((n for n, start in enumerate(FIRST) if item.path.name.startswith(start)), 9))


@pytest.fixture(autouse=True)
def _no_outside_host() -> Iterator[None]:  # pyright: ignore[reportUnusedFunction]
    """No test, and so no code of ours or of a library it uses, may as much as look up an outside host."""
    OUTSIDE.clear()
    yield
    assert OUTSIDE == []


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


@pytest.fixture(scope="session")
def office(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One customer and three documents, ingested once a run, with two reps and a coordinator. To be copied."""
    from tests.small_office import small_office

    return small_office(tmp_path_factory.mktemp("office"))


@pytest.fixture
def parts(office: Path, tmp_path: Path) -> "Iterator[Parts]":
    """The small office, open, as a copy of the test's own: `company` and `home` below its folder."""
    from assistant.parts import open_parts

    for name in ("company", "home"):
        shutil.copytree(office / name, tmp_path / name)
    opened = open_parts(Settings(company=tmp_path / "company", home=tmp_path / "home"))
    yield opened
    opened.db.dispose()
