"""Samples as the model sees them: every token of the conversation, and which of them teach."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from threading import Lock
from typing import Any

from sqlalchemy import func, select

from assistant.parts import Parts
from governance.db import reading
from governance.errors import Invalid, XinyanError
from rag.customers import customers
from rag.tables import documents
from sandbox.chat import Chat, open_chat
from sandbox.dataset import open_sample
from sandbox.preflight import IGNORED, encode
from sandbox.samples import Sample
from sandbox.tables import dataset_samples

PER_PAGE = 6
LONGEST_LETTER = 6  # tokens that may together be one character
_lock = Lock()  # a tokenizer is not made for several threads


@dataclass(frozen=True, slots=True)
class Piece:
    """Text of one token, or of the few that make one character; `taught`: the loss is taken here."""

    text: str
    taught: bool


@dataclass(frozen=True, slots=True)
class SampleView:
    """`pieces` is empty when the sample could not be encoded; `problem` then says why."""

    id: str
    kind: str
    language: str
    section: str
    source: str
    records: int
    pieces: tuple[Piece, ...]
    tokens: int
    taught: int
    prompt: str
    answer: str
    problem: str


@dataclass(frozen=True, slots=True)
class SamplePage:
    rows: tuple[SampleView, ...]
    part: str
    page: int
    pages: int
    total: int


def sample_page(parts: Parts, dataset: str, part: str, page: int, language: str) -> SamplePage:
    """One page of a part of a data set (train or heldout), in its stored order."""
    rows = dataset_samples.c
    condition = (rows.dataset == dataset) & (rows.part == part)
    with reading(parts.db) as tx:
        total = tx.scalar(select(func.count()).where(condition)) or 0
        pages = max(1, -(-total // PER_PAGE))
        page = min(max(1, page), pages)
        query = select(rows.sample, rows.sealed).where(condition).order_by(rows.position)
        found = tx.execute(query.limit(PER_PAGE).offset((page - 1) * PER_PAGE)).all()
        samples = [open_sample(parts.vault, row.sample, row.sealed) for row in found]
        wanted = {sample.document or sample.unit for sample in samples}
        named = select(documents.c.id, documents.c.name).where(documents.c.id.in_(wanted))
        names = {row.id: row.name for row in tx.execute(named)}
        names |= {each.id: each.name_en if language == "en" else each.name for each in customers(tx)}
    chat = chat_of(parts.base.folder) if samples else None
    views = tuple(_view(chat, sample, names, language) for sample in samples if chat)
    return SamplePage(views, part, page, pages, total)


@cache
def chat_of(folder: Path) -> Chat:
    """The tokenizer of a base model; no weights are read."""
    from transformers import AutoTokenizer

    tokenizer: Any = AutoTokenizer.from_pretrained(folder, trust_remote_code=False)
    settings = folder / "generation_config.json"
    if not settings.is_file():
        settings = folder / "config.json"
    stops: Any = json.loads(settings.read_text(encoding="utf-8")).get("eos_token_id")
    return open_chat(tokenizer, stops if stops is not None else tokenizer.eos_token_id)


def token_counts(folder: Path, texts: Sequence[str]) -> list[int]:
    """How many tokens each text has."""
    if not texts:
        return []
    with _lock:
        return [len(ids) for ids in chat_of(folder).tokenizer(list(texts))["input_ids"]]


def pieces_of(chat: Chat, ids: Sequence[int], labels: Sequence[int]) -> tuple[Piece, ...]:
    """The tokens as text; tokens that hold parts of one character are joined, never across the edge of what teaches."""
    found: list[Piece] = []
    held: list[int] = []
    for at, token in enumerate(ids):
        held.append(token)
        taught = labels[at] != IGNORED
        edge = at + 1 == len(ids) or (labels[at + 1] != IGNORED) != taught
        text: str = chat.tokenizer.decode(held, skip_special_tokens=False, clean_up_tokenization_spaces=False)
        if text.endswith("\ufffd") and not edge and len(held) < LONGEST_LETTER:
            continue
        found.append(Piece(text, taught))
        held = []
    return tuple(found)


def _view(chat: Chat, sample: Sample, names: dict[str, str], language: str) -> SampleView:
    pieces: tuple[Piece, ...] = ()
    tokens = taught = 0
    problem = ""
    try:
        with _lock:
            row = encode(chat, sample.prompt, sample.answer)
            pieces = pieces_of(chat, row.ids, row.labels)
        tokens, taught = len(row.ids), sum(label != IGNORED for label in row.labels)
    except Invalid as refused:
        problem = _said(refused, language)
    place = sample.document or sample.unit
    source = names.get(place, place) + (f" · {sample.page}" if sample.page else "")
    return SampleView(
        id=sample.id,
        kind=sample.kind,
        language=sample.language,
        section=sample.section or "",
        source=source,
        records=len(sample.passports),
        pieces=pieces,
        tokens=tokens,
        taught=taught,
        prompt=sample.prompt,
        answer=sample.answer,
        problem=problem,
    )


def _said(error: XinyanError, language: str) -> str:
    return error.say("zh" if language == "zh" else "en")
