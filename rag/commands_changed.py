"""`python -m rag changed`: what was written from facts that have changed since, with the path to the change."""

import argparse
from datetime import UTC, date, datetime
from typing import Any

from sqlalchemy import Engine

from governance.db import reading
from governance.errors import Language
from rag.dependants import flags


def add(commands: Any) -> None:
    """The command and its options."""
    changed = commands.add_parser("changed", help="依据已变化的话术等 / scripts and more whose facts have changed")
    changed.add_argument("--as-of", type=date.fromisoformat, default=None, help="YYYY-MM-DD")


def run(db: Engine, asked: argparse.Namespace, language: Language) -> int:
    """One line a claim, from the artefact to what changed; exit code 0 whether there are any or not."""
    today = asked.as_of or datetime.now(UTC).date()
    with reading(db) as tx:
        found = flags(tx, today=today)
    for flag in found:
        print(" ← ".join(step.say(language) for step in flag.path))
    count, artefacts = len(found), len({flag.artefact for flag in found})
    if language == "zh":
        print(f"截至 {today}，{artefacts} 份内容的 {count} 处依据已变化。")
    else:
        print(f"As of {today}, {count} claims of {artefacts} artefacts rest on facts that have changed.")
    return 0
