"""The rep's page: own leads, the brief, the script with its evidence, and the way to review."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import gradio as gr
from sqlalchemy import select

from assistant import amend, review
from assistant import lead as lead_module
from assistant.arriving_view import Arrivals
from assistant.changed import changed, rests_on_change
from assistant.components import panel, release_after, render, sent
from assistant.header import QUIET, Visitor, asked_of, edge, header, people, visitor
from assistant.i18n import i18n, tr
from assistant.lead import Lead, LeadForm
from assistant.live import follow
from assistant.outcome import report_complaint
from assistant.parts import Parts, Progress, utc_now
from assistant.pipeline import Arrived, write_script
from assistant.store import script_of
from assistant.tables import scripts
from assistant.view import view_brief, view_script
from assistant.writing_view import view_writing
from governance.accounts import require
from governance.db import reading
from governance.errors import Invalid, Language, NoConsent, NotFound, Refused, XinyanError
from rag.customers import customers, products

STEPS = ("brief", "plan", "draft", "comply", "done")
CHANNELS = ("phone", "visit", "video")


@dataclass(frozen=True, slots=True)
class LeadRow:
    """A lead as shown: names instead of ids, and the state of its newest script."""

    id: str
    customer: str
    customer_id: str  # without its prefix
    stage: str
    product: str
    channel: str
    created_at: datetime
    status: str
    script: str  # id of the newest script, "" before the first
    changed: bool = False  # what a sentence of it rests on is not as it was
    stopped: bool = False  # by the rules in force


def customer_names(parts: Parts, language: Language) -> dict[str, str]:
    """Customer id → name in the user's language."""
    with reading(parts.db) as tx:
        return {c.id: c.name_en if language == "en" else c.name for c in customers(tx)}


def product_names(parts: Parts, language: Language) -> dict[str, str]:
    """Product id without its prefix → name and model in the user's language."""
    with reading(parts.db) as tx:
        known = products(tx)
    shown = {p.id.removeprefix("product:"): p.name_en if language == "en" else p.name for p in known}
    return {key: shown[key] for key in sorted(shown, key=lambda key: shown[key])}


def _versions(parts: Parts, lead: str) -> list[tuple[str, str, datetime]]:
    """Scripts of a lead that still mean something, newest first: id, state, time."""
    query = select(scripts.c.id, scripts.c.status, scripts.c.created_at).where(scripts.c.lead == lead)
    with reading(parts.db) as tx:
        rows = tx.execute(query.order_by(scripts.c.created_at.desc())).all()
    return [(row.id, row.status, row.created_at) for row in rows if row.status != "superseded"]


def _row(parts: Parts, who: Visitor, lead: Lead, names: dict[str, str], offers: dict[str, str]) -> LeadRow:
    stages = parts.company.phrases.stages
    newest = next(iter(_versions(parts, lead.id)), ("", "new", lead.created_at))
    return LeadRow(
        id=lead.id,
        customer=names.get(lead.customer, lead.customer),
        customer_id=lead.customer.partition(":")[2],
        stage=stages[lead.stage].name.say(who.language) if lead.stage in stages else lead.stage,
        product=offers.get(lead.product, lead.product),
        channel=lead.channel,
        created_at=lead.created_at,
        status=newest[1],
        script=newest[0],
    )


def _rows(parts: Parts, who: Visitor) -> list[LeadRow]:
    with reading(parts.db) as tx:
        own = lead_module.leads_of(tx, who.user)
    names, offers = customer_names(parts, who.language), product_names(parts, who.language)
    rows = [_row(parts, who, lead, names, offers) for lead in own]
    with reading(parts.db) as tx:
        today, newest = utc_now().date(), [row.script for row in rows if row.script]
        flagged = changed(tx, newest, today)
        found = parts.rechecks.of(tx, parts.vault, parts.company, today, newest)
    halted = {each.script for each in found if each.is_stopped}
    return [
        replace(row, changed=rests_on_change(flagged.get(row.script, [])), stopped=row.script in halted) for row in rows
    ]


def _show(parts: Parts, who: Visitor, lead_id: str, script_id: str = "") -> tuple[str, str]:
    """The list of leads, and the chosen one: brief and newest (or chosen) script, or why there is none."""
    rows = _rows(parts, who)
    listed = render("page_rep.html", "leads", who.lang, rows, lead_id)
    row = next((each for each in rows if each.id == lead_id), None)
    if row is None:
        if lead_id:
            raise NotFound(kind={"zh": "线索或话术", "en": "lead or script"}, name=script_id or lead_id)
        return listed, render("page_rep.html", "nothing", who.lang, bool(customer_names(parts, who.language)))
    now = utc_now()
    try:
        brief = view_brief(parts, lead_id, who.user, who.language, now)
        chosen = script_id or row.script
        script = view_script(parts, chosen, who.user, now, who.language) if chosen else None
        writing = view_writing(parts, chosen, who.user, now, who.lang) if chosen else None
    except (Refused, NotFound) as refusal:
        personal = isinstance(refusal, NoConsent)
        return listed, render("page_rep.html", "refused", who.lang, row, refusal.say(who.language), personal)
    known = people(parts.db)
    return listed, render(
        "page_rep.html", "work", who.lang, row, brief, script, _versions(parts, lead_id), writing, people=known
    )


def _progress(who: Visitor, done: int, *, loading: bool = False) -> str:
    return render("page_rep.html", "progress", who.lang, _steps(done), loading)


def _steps(done: int) -> list[tuple[str, str]]:
    states = ["done" if at < done else "active" if at == done else "later" for at in range(len(STEPS))]
    return [(f"step_{name}", state) for name, state in zip(STEPS, states, strict=True)]


def _write(parts: Parts, who: Visitor, lead: str, language: Language) -> Iterator[tuple[str, str]]:
    """Write the script; yield how far it is, and the sections as they stand ("": none yet)."""
    arrivals, came = Arrivals(parts, utc_now()), list[Arrived]()

    def work(report: Progress) -> None:
        def arrive(arrived: Arrived) -> None:
            came.append(arrived)
            report("draft", STEPS.index("draft"), len(STEPS))

        write_script(parts, lead, language, who.user, now=utc_now(), on_progress=report, on_arrival=arrive)

    for step, done, _ in follow(work):
        shown = render("page_rep_writing.html", "arriving", who.lang, arrivals.view(came[-1])) if came else ""
        yield _progress(who, STEPS.index(step) if step in STEPS else done, loading=step == "load"), shown


@dataclass(frozen=True)
class Desk:
    """What the page's events do; what the browser names is looked up again for its owner."""

    parts: Parts

    @edge
    def fill(self, request: gr.Request) -> tuple[Any, ...]:
        """
        The choices of the form, in the user's language; it is open while there is no lead yet.

        ?customer=…&product=… comes from the customer's page: chosen already, and the form is open.
        """
        who, parts, asked = visitor(request), self.parts, asked_of(request)
        require(who.user, "rep", {"zh": "填写线索", "en": "enter leads"})
        names = sorted((name, key) for key, name in customer_names(parts, who.language).items())
        stages = [(s.name.say(who.language), key) for key, s in parts.company.phrases.stages.items()]
        offered = [
            (tr(who.lang, "no_product"), ""),
            *((n, key) for key, n in product_names(parts, who.language).items()),
        ]
        with reading(parts.db) as tx:
            first = not lead_module.leads_of(tx, who.user)
        wanted = f"customer:{asked.get('customer', '')}"
        chosen = wanted if wanted in {key for _, key in names} else None
        offer = asked["product"] if asked.get("product") in {key for _, key in offered} else ""
        labels = [parts.company.term(term, who.language) for term in ("customer", "product")]
        labels = [label[:1].upper() + label[1:] for label in labels]
        return (
            gr.Accordion(open=first or bool(chosen)),
            gr.Dropdown(choices=names, value=chosen, label=labels[0]),
            gr.Dropdown(choices=stages, value=stages[0][1] if stages else None),
            gr.Dropdown(choices=offered, value=offer, label=labels[1]),
        )

    @edge
    def show(self, request: gr.Request) -> tuple[str, str]:
        """The page as its address asks: ?lead=… or ?script=…"""
        who, parts = visitor(request), self.parts
        require(who.user, "rep", {"zh": "查看线索", "en": "see leads"})
        asked = dict(request.query_params)
        lead, script = str(asked.get("lead", "")), str(asked.get("script", ""))
        try:
            if script and not lead:
                with reading(parts.db) as tx:
                    lead = script_of(tx, parts.vault, script).lead
            return _show(parts, who, lead, script)
        except XinyanError as error:
            listed = render("page_rep.html", "leads", who.lang, _rows(parts, who), "")
            return listed, render("shared.html", "banner", who.lang, "bad", "", error.say(who.language))

    @edge
    def create(
        self, customer: str | None, stage: str | None, product: str | None, channel: str, note: str, request: gr.Request
    ) -> tuple[str, str, str]:
        """Enter a lead and show its brief."""
        who, parts = visitor(request), self.parts
        if not customer:
            raise Invalid(reason=tr(who.lang, "pick_customer"))
        entered = LeadForm(
            customer=customer,
            stage=stage or "",
            product=product or "",
            channel=channel,  # pyright: ignore[reportArgumentType] - pydantic checks it
            note=note or "",
        )
        with parts.db.begin() as tx:
            lead = lead_module.enter_lead(tx, parts.vault, parts.company, entered, who.user, utc_now())
        return "", *_show(parts, who, lead.id)

    @edge
    def open_lead(self, request: gr.Request, event: gr.EventData) -> tuple[str, str, str]:
        """One of the list."""
        who = visitor(request)
        require(who.user, "rep", {"zh": "查看线索", "en": "see leads"})
        return "", *_show(self.parts, who, sent(event).get("lead", ""))

    @edge
    def act(self, request: gr.Request, event: gr.EventData) -> Iterator[tuple[Any, Any, Any]]:
        """Write a script, send it to review, report a problem with it, or show another version."""
        who, parts, asked = visitor(request), self.parts, sent(event)
        user = require(who.user, "rep", {"zh": "撰写话术", "en": "write scripts"})
        lead, script = asked.get("lead", ""), asked.get("script", "")
        if asked.get("act") == "write":
            language: Language = "en" if asked.get("language") == "en" else "zh"
            try:
                for step, arrived in _write(parts, who, lead, language):
                    yield step, gr.skip(), arrived or gr.skip()
            except XinyanError:
                yield "", *_show(parts, who, lead)
                raise
            yield "", *_show(parts, who, lead)
            return
        told, index = "", asked.get("index", "")
        if asked.get("act") == "edit" and index.isdecimal():
            place = (asked.get("section", ""), int(index))
            script = amend.edit(parts, script, user, {place: asked.get("text", "")}, now=utc_now())
        elif asked.get("act") == "rewrite":
            yield _progress(who, STEPS.index("draft")), gr.skip(), gr.skip()
            section, reason = asked.get("section", ""), asked.get("reason", "")
            try:
                script = amend.regenerate(parts, script, section, user, reason, now=utc_now())
            except XinyanError:
                yield "", gr.skip(), gr.skip()
                raise
        elif asked.get("act") == "undo":
            script = amend.undo(parts, script, user, now=utc_now())
        elif asked.get("act") == "take_back":
            review.withdraw(parts, script, user, tr(who.lang, "taken_back"), now=utc_now())
        elif asked.get("act") == "submit":
            review.submit(parts, script, user, utc_now())
        elif asked.get("act") == "complain":
            report_complaint(parts, script, user, asked.get("text", ""), utc_now())
            told = render("shared.html", "banner", who.lang, "good", "", tr(who.lang, "complained"))
        yield told, *_show(parts, who, lead, script)


def _form() -> dict[str, Any]:
    """The form of a new lead; choices are filled per user and language when the page loads."""
    with gr.Accordion(i18n("new_lead"), open=False, elem_id="new-lead") as box:
        return {
            "box": box,
            "customer": gr.Dropdown(label=i18n("customer"), info=i18n("customer_hint"), elem_id="customer", choices=[]),
            "stage": gr.Dropdown(label=i18n("stage"), elem_id="stage", choices=[]),
            "product": gr.Dropdown(label=i18n("product"), elem_id="product", choices=[]),
            "channel": gr.Radio(
                [(i18n(f"channel_{name}"), name) for name in CHANNELS],  # pyright: ignore[reportArgumentType]
                value="phone",
                label=i18n("channel"),
                elem_id="channel",
            ),
            "note": gr.Textbox(label=i18n("note"), lines=2, max_length=2000, elem_id="note"),
            "create": gr.Button(i18n("create_lead"), variant="primary", size="md", elem_id="create"),
        }


def build(parts: Parts) -> gr.Blocks:
    """The page below /rep."""
    desk = Desk(parts)
    with gr.Blocks(title="信言 Xinyan", analytics_enabled=False, fill_width=True) as page:
        header("/rep", page)
        with gr.Row(equal_height=False, elem_classes="x-columns"):
            with gr.Column(scale=1, min_width=280):
                leads = panel("leads")
                form = _form()
            with gr.Column(scale=3, min_width=320):
                progress = panel("progress")
                work = panel("work", script="rep.js")
        choices = [form["customer"], form["stage"], form["product"]]
        page.load(desk.fill, None, [form["box"], *choices], **QUIET)
        page.load(desk.show, None, [leads, work], **QUIET)
        entered = [*choices, form["channel"], form["note"]]
        form["create"].click(desk.create, entered, [progress, leads, work], **QUIET)
        leads.select(desk.open_lead, None, [progress, leads, work], **QUIET)
        acted = work.select(
            desk.act, None, [progress, leads, work], concurrency_id="model", concurrency_limit=2, **QUIET
        )
        release_after(acted)
    return page
