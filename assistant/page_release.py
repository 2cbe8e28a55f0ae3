"""From report to release, for admins and coordinators: read, rate, approve, release step by step, roll back."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import gradio as gr
from sqlalchemy import Connection

from assistant import release_view, report_view
from assistant.components import panel, release_after, render, sent
from assistant.header import QUIET, Visitor, asked_of, edge, header, people, tab_bar, tab_of, visitor
from assistant.parts import Parts, utc_now
from governance.accounts import require
from governance.errors import Invalid, NotAllowed
from sandbox import registry, report, rollout

AREA = "/release"
REPORT, RELEASES = "page_report.html", "page_release.html"
Told = Mapping[str, str]


@dataclass(frozen=True)
class Counter:
    """What the page's events do; every one asks for the role again, and the registry asks who trained."""

    parts: Parts

    @edge
    def show(self, request: gr.Request) -> tuple[Any, ...]:
        """The tab that the address names."""
        who, asked = _judge(request), asked_of(request)
        tab = tab_of(AREA, asked)
        if tab == "report":
            return tab_bar(AREA, who, tab), *self._report(who, asked), *[gr.skip()] * 4
        return tab_bar(AREA, who, tab), *[gr.skip()] * 4, *self._releases(who)

    @edge
    def read(self, request: gr.Request, event: gr.EventData) -> tuple[Any, ...]:
        """Open a report, turn a page, rate a pair."""
        who, asked, told = _judge(request), asked_of(request), sent(event)
        act = told.get("act")
        if act == "rate":
            preferred: Any = told.get("preferred")
            if preferred not in ("left", "right", "same"):
                raise _unknown()
            with self.parts.db.begin() as tx:
                chosen: dict[str, Any] = {"preferred_left": preferred, "by": who.user.name, "now": utc_now()}
                report.rate(tx, told.get("adapter", ""), told.get("sample", ""), **chosen)
        elif act != "open":
            raise _unknown()
        return self._report(who, asked)

    @edge
    def act(self, request: gr.Request, event: gr.EventData) -> tuple[Any, ...]:
        """Decide about an adapter or a gradual release; each with a reason, each in the ledger."""
        who, told, now = _judge(request), sent(event), utc_now()
        act = told.get("act", "")
        deed = _DEEDS.get(act)
        if deed is None:
            raise _unknown()
        if act in _ONLY_ADMINS:
            require(who.user, "admin", {"zh": "发布适配器", "en": "release adapters"})
        with self.parts.db.begin() as tx:
            deed(self.parts, tx, told, who.user.name, now)
        return self._releases(who)

    def _report(self, who: Visitor, asked: Told) -> tuple[str, str, str, str]:
        parts, lang = self.parts, who.lang
        rows = report_view.choices(parts, lang)
        chosen = asked.get("adapter", "") or (rows[0].adapter if rows else "")
        listed = render(REPORT, "chooser", lang, rows, chosen)
        page = asked.get("at", "")  # not "page": Gradio's own route takes that
        number = int(page) if page.isascii() and page.isdecimal() and len(page) < 7 else 1
        view = report_view.report_page(parts, lang, chosen, number) if chosen else None
        if view is None:
            return listed, render(REPORT, "nothing", lang), "", ""
        rating = report_view.rating(parts, chosen, who.user.name)
        blind = render(REPORT, "blind", lang, rating, chosen)
        return listed, render(REPORT, "report", lang, view), blind, render(REPORT, "answers", lang, view)

    def _releases(self, who: Visitor) -> tuple[str, str, str, str]:
        parts, lang, known = self.parts, who.lang, people(self.parts.db)
        manager = "admin" in who.user.roles
        force, rows = release_view.in_force(parts, lang), release_view.registry(parts, lang, who.user)
        gradual, past = release_view.gradual(parts, lang), release_view.history(parts, lang)
        return (
            render(RELEASES, "registry", lang, rows, manager, people=known),
            render(RELEASES, "gradual", lang, gradual, manager, people=known),
            render(RELEASES, "force", lang, force, people=known),
            render(RELEASES, "history", lang, past, people=known),
        )


Deed = Callable[[Parts, Connection, Told, str, datetime], object]


def _approve(parts: Parts, tx: Connection, told: Told, by: str, now: datetime) -> None:
    needed = parts.settings.approvals
    registry.approve(tx, told.get("adapter", ""), by=by, reason=told.get("reason", ""), now=now, needed=needed)


def _reject(_parts: Parts, tx: Connection, told: Told, by: str, now: datetime) -> None:
    registry.reject(tx, told.get("adapter", ""), by=by, reason=told.get("reason", ""), now=now)


def _retire(_parts: Parts, tx: Connection, told: Told, by: str, now: datetime) -> None:
    registry.retire(tx, told.get("adapter", ""), by=by, reason=told.get("reason", ""), now=now)


def _start(_parts: Parts, tx: Connection, told: Told, by: str, now: datetime) -> None:
    said: dict[str, Any] = {"by": by, "reason": told.get("reason", ""), "now": now, "share": _share(told, "share")}
    rollout.start_rollout(tx, told.get("stage", ""), told.get("adapter", ""), **said)


def _advance(_parts: Parts, tx: Connection, told: Told, by: str, now: datetime) -> None:
    """To the share that the button named, from the one that the person saw."""
    override = told.get("override") == "yes"
    said: dict[str, Any] = {"by": by, "reason": told.get("reason", ""), "now": now, "override": override}
    share = _share(told, "share") if told.get("share") else None
    rollout.advance(tx, told.get("rollout", ""), **said, share=share, seen_share=_share(told, "seen"))


def _stop(_parts: Parts, tx: Connection, told: Told, by: str, now: datetime) -> None:
    rollout.stop(tx, told.get("rollout", ""), by=by, reason=told.get("reason", ""), now=now)


def _roll_back(_parts: Parts, tx: Connection, told: Told, by: str, now: datetime) -> None:
    rollout.roll_back(tx, told.get("target", ""), by=by, reason=told.get("reason", ""), now=now)


_DEEDS: Mapping[str, Deed] = {
    "approve": _approve,
    "reject": _reject,
    "retire": _retire,
    "start": _start,
    "advance": _advance,
    "advance-all": _advance,
    "finish": _advance,
    "stop": _stop,
    "roll-back": _roll_back,
}
_ONLY_ADMINS = frozenset({"retire", "start", "advance", "advance-all", "finish", "stop"})


def _share(told: Told, name: str) -> int:
    text = told.get(name, "")
    if not (text.isascii() and text.isdecimal() and len(text) < 4):
        raise Invalid(reason={"zh": "比例须为整数", "en": "a share is a whole number"})
    return int(text)


def _unknown() -> Invalid:
    return Invalid(reason={"zh": "未知操作", "en": "unknown action"})


def _judge(request: gr.Request) -> Visitor:
    """Admins and coordinators; raises NotAllowed for everyone else."""
    who = visitor(request)
    if not who.user.roles & {"admin", "coordinator"}:
        raise NotAllowed(user=who.user.name, action={"zh": "审批和发布", "en": "approve and release"})
    return who


def build(parts: Parts) -> gr.Blocks:
    """The page below /release."""
    counter = Counter(parts)
    with gr.Blocks(title="信言 Xinyan", analytics_enabled=False, fill_width=True) as page:
        header(AREA, page)
        tabs = panel("subnav", script="tabs.js")
        with (
            gr.Column(elem_id="tab-report", elem_classes="x-tab"),
            gr.Row(equal_height=False, elem_classes="x-columns"),
        ):
            with gr.Column(scale=1, min_width=260):
                chooser = panel("report-list")
            with gr.Column(scale=4, min_width=320):
                shown = panel("report-panel")
                blind = panel("blind-panel", script="release.js")
                answers = panel("answers-panel")
        with (
            gr.Column(elem_id="tab-release", elem_classes="x-tab"),
            gr.Row(equal_height=False, elem_classes="x-columns"),
        ):
            with gr.Column(scale=5, min_width=320):
                entries = panel("registry-panel")
                gradual = panel("rollout-panel")
                past = panel("history-panel")
            with gr.Column(scale=3, min_width=300):
                force = panel("force-panel")
        reports, releases = [chooser, shown, blind, answers], [entries, gradual, force, past]
        page.load(counter.show, None, [tabs, *reports, *releases], **QUIET)
        tabs.select(counter.show, None, [tabs, *reports, *releases], **QUIET)
        for each in reports:
            release_after(each.select(counter.read, None, reports, **QUIET))
        for each in releases:
            release_after(each.select(counter.act, None, releases, **QUIET))
    return page
