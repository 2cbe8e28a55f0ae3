"""The shape of a command: a module `sandbox.commands_…` with `add(commands)`."""

import argparse
import importlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    Commands = argparse._SubParsersAction[argparse.ArgumentParser]  # pyright: ignore[reportPrivateUsage]
else:
    Commands = Any


def build_parser() -> argparse.ArgumentParser:
    """All commands of all modules beside this one; each sets `handle(session, asked) -> exit code`."""
    parser = argparse.ArgumentParser(prog="python -m sandbox", description="文档 → 专属助手 / documents → adapters")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for path in sorted(Path(__file__).parent.glob("commands_*.py")):
        module: Any = importlib.import_module(f"sandbox.{path.stem}")
        module.add(commands)
    return parser
