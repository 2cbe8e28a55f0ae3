"""serve: the released adapter over HTTP, for this machine only."""

import argparse

import uvicorn

from governance.db import reading
from governance.errors import Invalid
from sandbox.commands import Commands
from sandbox.engine import open_engine as open_model
from sandbox.registry import alias_of, check_approved
from sandbox.serve import LOOPBACK, Door, build_app
from sandbox.session import Session


def add(commands: Commands) -> None:
    """The engine in the shape of the OpenAI chat API."""
    serve = commands.add_parser("serve", help="serve the released adapter / 提供推理接口")
    serve.add_argument("--host", default="127.0.0.1")
    serve.add_argument("--port", type=int, default=8123)
    serve.set_defaults(handle=_serve)


def _serve(session: Session, asked: argparse.Namespace) -> int:
    host: str = asked.host
    if host not in LOOPBACK:
        zh, en = (
            "只在本机地址上提供服务，请在前面放反向代理",
            "it serves this machine only; put a reverse proxy before it",
        )
        raise Invalid(reason={"zh": zh, "en": en})
    home = session.settings.home

    def in_force() -> str | None:
        with reading(session.db) as tx:
            return alias_of(tx)

    def check(name: str) -> None:
        with reading(session.db) as tx:
            check_approved(tx, name)

    engine = open_model(session.base(), threads=session.threads, keys=home / "keys")
    door = Door(engine, home / "adapters", home / "keys", in_force=in_force, check=check)
    if released := in_force():
        door.load(released)
    uvicorn.run(build_app(door), host=host, port=asked.port, log_level="warning")
    return 0
