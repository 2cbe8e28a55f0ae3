"""The coordinator's page: the queue, and one script with each sentence beside its evidence."""

from dataclasses import dataclass
from datetime import datetime

import gradio as gr

from assistant import review
from assistant.components import panel, release_after, render, sent
from assistant.header import QUIET, Visitor, edge, header, people, visitor
from assistant.i18n import Locale, tr
from assistant.parts import Parts, utc_now
from assistant.store import reviews_of
from assistant.view import view_script
from governance.accounts import require
from governance.db import reading
from governance.errors import Invalid, XinyanError
from rag.customers import customers


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the queue as shown."""

    script: str
    customer: str
    stage: str
    author: str
    age: str
    findings: int
    replaced: int
    risk: str
    changed: bool
    stopped: bool  # by the rules in force: it cannot be approved


def age(since: datetime, now: datetime, lang: Locale) -> str:
    """How long ago, in one unit."""
    minutes = int((now - since).total_seconds() // 60)
    if minutes < 1:
        return tr(lang, "age_now")
    for unit, size in (("days", 1440), ("hours", 60), ("minutes", 1)):
        if minutes >= size:
            return tr(lang, f"age_{unit}", n=minutes // size)
    raise AssertionError(minutes)


def _queue(parts: Parts, who: Visitor, chosen: str) -> tuple[str, list[str]]:
    with reading(parts.db) as tx:
        today = utc_now().date()
        waiting = review.queue(tx, who.user, today)
        found = parts.rechecks.of(tx, parts.vault, parts.company, today, [w.script for w in waiting])
        names = {c.id: c.name_en if who.language == "en" else c.name for c in customers(tx)}
    halted = {each.script for each in found if each.is_stopped}
    now, stages = utc_now(), parts.company.phrases.stages
    rows = [
        Row(
            w.script,
            names.get(w.customer, w.customer),
            stages[w.stage].name.say(who.language) if w.stage in stages else w.stage,
            w.author,
            age(w.created_at, now, who.lang),
            w.findings,
            w.replaced,
            w.risk,
            w.changed,
            w.script in halted,
        )
        for w in waiting
    ]
    shown = render("page_review.html", "queue", who.lang, rows, chosen, people=people(parts.db))
    return shown, [row.script for row in rows]


def _item(parts: Parts, who: Visitor, script: str) -> str:
    if not script:
        return render("page_review.html", "nothing", who.lang)
    view = view_script(parts, script, who.user, utc_now(), who.language)
    with reading(parts.db) as tx:
        voted = any(each.reviewer == who.user.name for each in review.votes(reviews_of(tx, script)))
    own = view.author == who.user.name
    return render("page_review.html", "item", who.lang, view, own, voted, people=people(parts.db))


@dataclass(frozen=True)
class Bench:
    """What the page's events do; `review.decide` asks for the role and the author again."""

    parts: Parts

    @edge
    def show(self, request: gr.Request) -> tuple[str, str]:
        """The queue, and the script that the address names (or the only one)."""
        who = _coordinator(request)
        script = str(dict(request.query_params).get("script", ""))
        listed, ids = _queue(self.parts, who, script)
        try:
            return listed, _item(self.parts, who, script or (ids[0] if len(ids) == 1 else ""))
        except XinyanError as error:
            return listed, render("shared.html", "banner", who.lang, "bad", "", error.say(who.language))

    @edge
    def choose(self, request: gr.Request, event: gr.EventData) -> tuple[str, str]:
        """One of the queue."""
        who, script = _coordinator(request), sent(event).get("script", "")
        return _queue(self.parts, who, script)[0], _item(self.parts, who, script)

    @edge
    def act(self, request: gr.Request, event: gr.EventData) -> tuple[str, str]:
        """Approve, reject, or edit one sentence."""
        who, asked, now = _coordinator(request), sent(event), utc_now()
        script, chosen = asked.get("script", ""), asked.get("act", "")
        if chosen == "approve":
            shown = review.decide(self.parts, script, who.user, "approve", asked.get("reason", ""), now=now)
        elif chosen == "reject":
            shown = review.decide(self.parts, script, who.user, "reject", asked.get("reason", ""), now=now)
        elif chosen == "edit" and asked.get("index", "").isdecimal():
            edits = {(asked.get("section", ""), int(asked["index"])): asked.get("text", "")}
            shown = review.decide(self.parts, script, who.user, "edit", "", edits, now=now)
        else:
            raise Invalid(reason={"zh": "未知操作", "en": "unknown action"})
        return _queue(self.parts, who, shown)[0], _item(self.parts, who, shown)


def _coordinator(request: gr.Request) -> Visitor:
    who = visitor(request)
    require(who.user, "coordinator", {"zh": "审核话术", "en": "review scripts"})
    return who


def build(parts: Parts) -> gr.Blocks:
    """The page below /review."""
    bench = Bench(parts)
    with gr.Blocks(title="信言 Xinyan", analytics_enabled=False, fill_width=True) as page:
        header("/review", page)
        with gr.Row(equal_height=False, elem_classes="x-columns"):
            with gr.Column(scale=1, min_width=280):
                queue = panel("queue", script="review.js")
            with gr.Column(scale=3, min_width=320):
                item = panel("item")
        page.load(bench.show, None, [queue, item], **QUIET)
        queue.select(bench.choose, None, [queue, item], **QUIET)
        release_after(item.select(bench.act, None, [queue, item], **QUIET))
    return page
