"""Proposed facts document by document, each in words beside the passage from which it was read."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from assistant.fact_words import Speaker
from assistant.i18n import TEXTS, tr
from assistant.knowledge_view import MOST_DECIDED, Queue, Room, mentioned, names_of, on_page
from assistant.quotes import Quote, quote_of, span_of
from rag.proposals import Proposal, proposals_in
from rag.sources import Source, sources

A_PAGE = 30  # of one document; whoever accepts them together has seen them all


@dataclass(frozen=True, slots=True)
class ProposalView:
    id: str
    kind: str
    topic: str
    answer: str
    details: tuple[tuple[str, str], ...]
    period: str
    extractor: str
    proposed_at: datetime | None
    quote: Quote | None


@dataclass(frozen=True, slots=True)
class ProposalDecided:
    id: str
    topic: str
    answer: str
    state: str
    reason: str
    by: str
    at: datetime | None


def proposal_queue(room: Room, page: int) -> Queue[ProposalView, ProposalDecided]:
    """A page is of one document; what was decided lately follows."""
    waiting = proposals_in(room.tx, "waiting")
    done = [each for each in proposals_in(room.tx, "accepted", "refused") if each.decided_at]
    done = sorted(done, key=lambda each: (each.decided_at, each.id), reverse=True)[:MOST_DECIDED]
    found = sources(room.tx, room.vault, [each.source for each in waiting])
    shown, page, pages = on_page(_by_document(waiting, found), page, 1)
    asked = shown[0] if shown else []
    speaker = Speaker(room.company, room.lang, names_of(room, mentioned([*asked, *done])))
    rows = tuple(_view(room, speaker, each, found.get(each.source)) for each in asked)
    return Queue(rows, len(waiting), page, pages, tuple(_decided(speaker, each) for each in done))


def _by_document(waiting: Sequence[Proposal], found: Mapping[str, Source]) -> list[list[Proposal]]:
    """The oldest document first, in the order of its text."""
    documents: dict[str, list[Proposal]] = {}
    for each in waiting:
        documents.setdefault(found[each.source].title if each.source in found else "", []).append(each)
    for asked in documents.values():
        asked.sort(key=lambda each: (found[each.source].position if each.source in found else 0, each.id))
    return [asked[start : start + A_PAGE] for asked in documents.values() for start in range(0, len(asked), A_PAGE)]


def _view(room: Room, speaker: Speaker, asked: Proposal, source: Source | None) -> ProposalView:
    said = speaker.words(asked)
    return ProposalView(
        asked.id,
        said.kind,
        said.topic,
        said.answer,
        said.details,
        said.period,
        _extractor(room, asked.extractor),
        asked.proposed_at,
        quote_of(source, room.lang, span_of(room.company, asked, source.text)) if source else None,
    )


def _extractor(room: Room, name: str) -> str:
    key = f"extractor_{re.split('[-:]', name)[0]}"
    return tr(room.lang, key if key in TEXTS else "extractor_other")


def _decided(speaker: Speaker, done: Proposal) -> ProposalDecided:
    said = speaker.words(done)
    return ProposalDecided(
        done.id, said.topic, said.answer, done.state, done.reason or "", done.by or "", done.decided_at
    )
