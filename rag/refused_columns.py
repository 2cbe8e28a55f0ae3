"""Tables that may not be taken in at all, by what their columns are called: prescription statistics (统方)."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict

from governance.errors import UnreadableFile
from rag.disguise import plain
from rag.rule_pack import PACKS, Bilingual


@dataclass(frozen=True, slots=True)
class Refusal:
    """A table that the law keeps out, with the columns that show it."""

    rule: str
    article: str
    version: str
    message: Bilingual
    instead: Bilingual
    columns: tuple[str, ...]


class _Kind(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    id: str
    article: str
    law_version: str
    message: Bilingual
    instead: Bilingual
    any_of: list[str]  # one such column is enough
    all_of: list[list[str]]  # or one column for each group


@lru_cache(maxsize=1)
def _kinds() -> tuple[_Kind, ...]:
    text = (PACKS / "refused-columns.yaml").read_text(encoding="utf-8")
    content: Any = yaml.load(text, Loader=yaml.CSafeLoader)
    return tuple(_Kind.model_validate(each) for each in content["refused"])


def refused_columns(headers: Sequence[str]) -> Refusal | None:
    """Why a table with these columns may not be imported; None when it may."""
    said = [(header, plain(header).text.strip()) for header in headers]
    for kind in _kinds():
        found = [header for header, text in said if _fits(text, kind.any_of)]
        groups = [[header for header, text in said if _fits(text, group)] for group in kind.all_of]
        if not found and all(groups) and len({header for group in groups for header in group}) > 1:
            found = [header for group in groups for header in group]
        if found:
            columns = tuple(dict.fromkeys(found))
            return Refusal(kind.id, kind.article, kind.law_version, kind.message, kind.instead, columns)
    return None


def refuse_columns(name: str, headers: Sequence[str]) -> None:
    """Raises UnreadableFile with the article when a table with these columns may not be imported."""
    refusal = refused_columns(headers)
    if refusal is None:
        return
    shown = "、".join(column[:40] for column in refusal.columns[:6])
    law = f"{refusal.article}, {refusal.version}"
    raise UnreadableFile(
        name=name,
        reason={
            "zh": f"{refusal.message.zh}（{law}；列：{shown}）。{refusal.instead.zh}",
            "en": f"{refusal.message.en} ({law}; columns: {shown}). {refusal.instead.en}",
        },
    )


def _fits(text: str, patterns: Sequence[str]) -> bool:
    return any(re.search(pattern, text, re.IGNORECASE) for pattern in patterns)
