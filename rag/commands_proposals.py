"""`python -m rag proposals`: what was read and waits for a person; with --model an endpoint reads first."""

import argparse
import sys
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Engine

from governance.db import reading
from governance.errors import Language, Unavailable
from governance.outgoing import endpoint_of
from governance.settings import Settings
from governance.vault import Vault
from rag.llm_extractor import read_with_model
from rag.proposals import proposals_in
from rag.sources import passages, sources


def add(commands: Any) -> None:
    """The command and its options."""
    proposals = commands.add_parser("proposals", help="待确认的提议 / what was read and waits for a person")
    proposals.add_argument(
        "--model",
        action="store_true",
        help="先由 XINYAN_REWRITE_URL 的模型读一遍 / let the model at XINYAN_REWRITE_URL read first",
    )


def run(settings: Settings, db: Engine, vault: Vault, asked: argparse.Namespace, language: Language) -> int:
    """One line a proposal with the file that says so; people by id. They are decided on the knowledge page."""
    if asked.model:
        _read(settings, db, vault, language)
    with reading(db) as tx:
        waiting = proposals_in(tx, "waiting")
        cited = sources(tx, vault, {each.source for each in waiting})
    for each in waiting:
        said = " ".join(f"{name}={text}" for name, text in each.attributes.items())
        print(f"{each.id}  {each.subject} {each.relation} {each.value} {said} ← {cited[each.source].title}")
    print(f"{len(waiting)} 条提议待确认。" if language == "zh" else f"{len(waiting)} proposals wait.")
    return 0


def _read(settings: Settings, db: Engine, vault: Vault, language: Language) -> None:
    if (endpoint := endpoint_of(settings)) is None:
        raise Unavailable(
            what={"zh": "抽取模型", "en": "A model that reads"},
            remedy={
                "zh": "设置 XINYAN_REWRITE_URL 和 XINYAN_REWRITE_MODEL",
                "en": "set XINYAN_REWRITE_URL and XINYAN_REWRITE_MODEL",
            },
        )
    with reading(db) as tx:
        texts = passages(tx, vault)
    found = read_with_model(db, endpoint, texts, now=datetime.now(UTC))
    refused = ", ".join(f"{why} {count}" for why, count in sorted(found.refused.items())) or "0"
    if language == "zh":
        said = f"读了 {found.passages} 段，新提议 {found.proposed} 条，格式错误 {found.malformed} 次，"
        said += f"未采用：{refused}。\n"
    else:
        said = f"{found.passages} passages: {found.proposed} new, {found.malformed} malformed, dropped: {refused}.\n"
    sys.stderr.write(said)
