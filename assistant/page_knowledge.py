"""The page of coordinators and admins with what only a person can decide about customers and products, in queues."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import gradio as gr

from assistant import review
from assistant.affected_view import affected, affected_queue
from assistant.components import panel, release_after, render, sent
from assistant.header import QUIET, Visitor, asked_of, edge, header, people, visitor
from assistant.i18n import tr
from assistant.knowledge import DECIDERS, UNDOING, Suggestions, decide, may_decide
from assistant.knowledge_view import Queue, Room, conflict_queue
from assistant.mapping_view import mapping_queue, waiting_mappings
from assistant.merge_view import merge_queue, waiting_merges
from assistant.parts import Parts, utc_now
from assistant.proposal_view import proposal_queue
from assistant.rules_view import stopped, stopped_queue
from governance.db import reading
from governance.errors import Conflict, NotFound
from rag.called import crew_of
from rag.conflicts import conflicts
from rag.proposals import proposals_in

PAGE = "page_knowledge.html"


@dataclass(frozen=True, slots=True)
class Section:
    """One queue: how many wait, a page of them, and who may open it."""

    count: Callable[[Room], int]
    view: Callable[[Room, int], Queue[Any, Any]]
    roles: frozenset[str] = DECIDERS


QUEUES: Mapping[str, Section] = {
    "conflicts": Section(lambda room: len(conflicts(room.tx)), conflict_queue),
    "merges": Section(lambda room: len(waiting_merges(room.tx)), merge_queue),
    "proposals": Section(lambda room: len(proposals_in(room.tx, "waiting")), proposal_queue),
    "mappings": Section(lambda room: waiting_mappings(room.tx), mapping_queue, frozenset({"admin"})),
    "affected": Section(
        lambda room: affected(room, utc_now().date()), lambda room, page: affected_queue(room, page, utc_now().date())
    ),
    "rules": Section(
        lambda room: stopped(room, utc_now().date()), lambda room, page: stopped_queue(room, page, utc_now().date())
    ),
}


@dataclass(frozen=True)
class Bench:
    """What the page's events do; which queue and page are shown stands in the address."""

    parts: Parts
    suggestions: Suggestions

    @edge
    def show(self, request: gr.Request) -> Iterator[tuple[str, str]]:
        """The queue that the address names; after an import duplicates are looked for first."""
        who, asked = _decider(request), asked_of(request)
        if self.suggestions.due():
            yield self._tabs(who, _queue(who, asked), {}), render(PAGE, "checking", who.lang)
            self.suggestions.look(utc_now())
        yield self._fill(who, asked)

    @edge
    def act(self, request: gr.Request, event: gr.EventData) -> tuple[str, str]:
        """Turn a page or decide; a decision that somebody else has taken shows the queue as it is now."""
        who, asked, told = _decider(request), asked_of(request), sent(event)
        act = told.get("act", "")
        if act == "open":
            return self._fill(who, asked)
        try:
            if act == review.WITHDRAW:
                review.withdraw(self.parts, told.get("script", ""), who.user, told.get("reason", ""), now=utc_now())
                return self._fill(who, asked, ("good", tr(who.lang, "withdrawn_now")))
            decide(self.parts.db, who.user, act, told, utc_now())
        except (Conflict, NotFound) as stale:
            notice = tr(who.lang, "stale", what=stale.say(who.language).rstrip("。."))
            return self._fill(who, asked, ("wait", notice))
        return self._fill(who, asked, ("good", tr(who.lang, "undone_now" if act in UNDOING else "decided_now")))

    def _fill(self, who: Visitor, asked: Mapping[str, str], notice: tuple[str, str] | None = None) -> tuple[str, str]:
        name = _queue(who, asked)
        with reading(self.parts.db) as tx:
            parts, reviews = self.parts, "coordinator" in who.user.roles
            room = Room(tx, parts.vault, parts.company, who.lang, reviews, parts.rechecks)
            view = QUEUES[name].view(room, _page(asked))
            counts = {each: view.total if each == name else QUEUES[each].count(room) for each in _open_to(who)}
            shown = render(PAGE, name, who.lang, view, notice, people=people(self.parts.db))
            crew = crew_of(tx, parts.company, utc_now().date(), who.language, text=shown)
        return self._tabs(who, name, counts), crew.shown(shown, who.language)

    def _tabs(self, who: Visitor, name: str, counts: Mapping[str, int]) -> str:
        return render(PAGE, "tabs", who.lang, _open_to(who), name, counts)


def _open_to(who: Visitor) -> list[str]:
    return [name for name, section in QUEUES.items() if who.user.roles & section.roles]


def _queue(who: Visitor, asked: Mapping[str, str]) -> str:
    """The queue that the address names; the first one when it names none that this user may open."""
    open_to = _open_to(who)
    return asked["queue"] if asked.get("queue") in open_to else open_to[0]


def _page(asked: Mapping[str, str]) -> int:
    text = asked.get("at", "")  # not "page": Gradio's own route takes that, and the page would not load again
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 7 else 1


def _decider(request: gr.Request) -> Visitor:
    who = visitor(request)
    may_decide(who.user)
    return who


def build(parts: Parts) -> gr.Blocks:
    """The page below /knowledge."""
    bench = Bench(parts, Suggestions(parts.db))
    with gr.Blocks(title="信言 Xinyan", analytics_enabled=False, fill_width=True) as page:
        header("/knowledge", page)
        tabs = panel("subnav", script="tabs.js")
        queue = panel("knowledge", script="knowledge.js")
        outputs = [tabs, queue]
        page.load(bench.show, None, outputs, **QUIET)
        tabs.select(bench.show, None, outputs, **QUIET)
        release_after(queue.select(bench.act, None, outputs, **QUIET))
    return page
