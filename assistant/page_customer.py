"""The customer page of reps, which coordinators may read: everything known about one customer on one day."""

from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from typing import Any

import gradio as gr

from assistant.asking_view import view_answer
from assistant.components import panel, release_after, render, sent
from assistant.customer_view import ROLES, Candidate, candidates, view_customer
from assistant.header import QUIET, Visitor, asked_of, edge, header, visitor
from assistant.i18n import tr
from assistant.page_rep import product_names
from assistant.parts import Parts, utc_now
from governance.db import reading
from governance.errors import Conflict, Invalid, NotAllowed, NotFound, XinyanError
from rag.customer_360 import FIRST_YEAR, LAST_YEAR, PARTS
from rag.customers import customers

PAGE, ASKING_PAGE = "page_customer.html", "page_asking.html"
MOST_LISTED = 300


@dataclass(frozen=True, slots=True)
class Asked:
    """What the address or the form names; `day` and `known` are ISO days, "" when not given."""

    customer: str
    day: str
    known: str
    product: str

    @staticmethod
    def of(told: Mapping[str, str]) -> "Asked":
        """From an address or a form."""
        return Asked(*(told.get(name, "").strip() for name in ("customer", "day", "known", "product")))


@dataclass(frozen=True)
class Desk:
    """What the page's events do; what the browser names is looked up again."""

    parts: Parts

    @edge
    def show(self, request: gr.Request) -> tuple[str, ...]:
        """The customer that the address names."""
        return self._fill(_reader(request), Asked.of(asked_of(request)))

    @edge
    def act(self, request: gr.Request, event: gr.EventData) -> tuple[str, ...]:
        """Another customer, or the same on another day."""
        who, told, asked = _reader(request), sent(event), asked_of(request)
        if told.get("act") == "look":
            return self._fill(who, Asked.of(told))
        return self._fill(who, Asked.of({**asked, "customer": told.get("customer", "")}))

    @edge
    def ask(self, request: gr.Request, event: gr.EventData) -> str:
        """A question, about the customer whose card is open when it names none."""
        who, told = _reader(request), sent(event)
        asked, question, now = Asked.of(told), told.get("question", ""), utc_now()
        box = render(ASKING_PAGE, "box", who.lang, asked.customer, asked.day, asked.known, question)
        try:
            view = view_answer(
                self.parts,
                question,
                who.user,
                who.lang,
                customer=f"customer:{asked.customer}" if asked.customer else "",
                as_of=_day(asked.day, who) or now.date(),
                known_at=_end_of(_day(asked.known, who)),
                now=now,
            )
        except XinyanError as refused:
            return box + render("shared.html", "banner", who.lang, "bad", "", refused.say(who.language))
        return box + render(ASKING_PAGE, "answer", who.lang, view)

    def _fill(self, who: Visitor, asked: Asked) -> tuple[str, ...]:
        """The list, the head with the day, the question box, and the card, or what was refused in its place."""
        listed, head, card, id_ = self._shown(who, asked)
        loaded = "data-customer" in listed or bool(head)
        day = asked.day if id_ else ""
        box = render(ASKING_PAGE, "box", who.lang, id_, day, asked.known if id_ else "", "") if loaded else ""
        return listed, head, box, card

    def _shown(self, who: Visitor, asked: Asked) -> tuple[str, str, str, str]:
        """The list, the head, the card and the id of the customer that is shown, "" for none."""
        rows = self._rows(who)
        loaded = bool(rows)
        if not asked.customer or not loaded:
            return self._list(who, rows, "", ""), "", render(PAGE, "nothing", who.lang, loaded), ""
        try:
            head, card, id_ = self._card(who, asked)
        except (NotFound, Conflict) as unclear:
            with reading(self.parts.db) as tx:
                found = candidates(tx, asked.customer, who.language)
            known = "several_customers" if isinstance(unclear, Conflict) else "similar_customers"
            text = tr(who.lang, known, said=asked.customer[:80]) if found else unclear.say(who.language)
            said = render("shared.html", "banner", who.lang, "wait", "", text)
            return self._list(who, rows, "", asked.customer, found), "", said, ""
        except XinyanError as refused:
            said = render("shared.html", "banner", who.lang, "bad", "", refused.say(who.language))
            return self._list(who, rows, asked.customer, ""), "", said, ""
        return self._list(who, rows, id_, ""), head, card, id_

    def _card(self, who: Visitor, asked: Asked) -> tuple[str, str, str]:
        now = utc_now()
        offers = product_names(self.parts, who.language)
        asked, wrong = usable(asked, who, offers)  # a day that is none must not hide the form that mends it
        day, known = _day(asked.day, who) or now.date(), _day(asked.known, who)
        view = view_customer(
            self.parts,
            asked.customer,
            who.user,
            who.lang,
            product=asked.product or None,
            as_of=day,
            known_at=_end_of(known),
            now=now,
        )
        shown = Asked(view.id, day.isoformat(), asked.known, asked.product)
        head = render(PAGE, "head", who.lang, view, shown, list(offers.items()), "rep" in who.user.roles)
        notes = [*wrong, *([tr(who.lang, "day_ahead")] if day > now.date() else [])]
        notes += [tr(who.lang, "as_known", day=asked.known)] if known else []
        notes += [] if "rep" in who.user.roles else [tr(who.lang, "coordinator_view")]
        bare = len(view.unknowns) >= len(PARTS) - 1  # certificates are the company's own
        return head, render(PAGE, "card", who.lang, view, notes, bare), view.id

    def _rows(self, who: Visitor) -> list[Candidate]:
        with reading(self.parts.db) as tx:
            known = customers(tx)
        named = [(each.name_en if who.language == "en" else each.name, each) for each in known]
        return [
            Candidate(each.id.partition(":")[2], name, tr(who.lang, "comma").join(each.aliases))
            for name, each in sorted(named, key=lambda pair: pair[0])
        ]

    def _list(
        self, who: Visitor, rows: list[Candidate], chosen: str, typed: str, found: list[Candidate] | None = None
    ) -> str:
        listed = rows[:MOST_LISTED]
        return render(PAGE, "list", who.lang, listed, chosen, len(rows) > len(listed), typed, found)


def _reader(request: gr.Request) -> Visitor:
    who = visitor(request)
    if not who.user.roles & ROLES:
        raise NotAllowed(user=who.user.name, action={"zh": "查看客户", "en": "see customers"})
    return who


def _end_of(day: date | None) -> datetime | None:
    return datetime.combine(day, time.max, tzinfo=UTC) if day else None


def usable(asked: Asked, who: Visitor, offers: Collection[str]) -> tuple[Asked, list[str]]:
    """The same without what cannot be meant, and why."""
    wrong: list[str] = []
    kept = {"customer": asked.customer, "product": asked.product}
    for name, said in (("day", asked.day), ("known", asked.known)):
        try:
            kept[name] = said if _day(said, who) else ""
        except Invalid as refused:
            wrong.append(refused.say(who.language))
    if asked.product and asked.product not in offers:
        wrong.append(tr(who.lang, "bad_product", said=asked.product[:40]))
        kept["product"] = ""
    return Asked.of(kept), wrong


def _day(said: str, who: Visitor) -> date | None:
    if not said:
        return None
    with suppress(ValueError):
        day = date.fromisoformat(said)
        if FIRST_YEAR <= day.year <= LAST_YEAR:
            return day
    raise Invalid(reason=tr(who.lang, "bad_day", said=said[:40]))


def build(parts: Parts) -> gr.Blocks:
    """The page below /customer."""
    desk = Desk(parts)
    with gr.Blocks(title="信言 Xinyan", analytics_enabled=False, fill_width=True) as page:
        header("/customer", page)
        with gr.Row(equal_height=False, elem_classes="x-columns"):
            with gr.Column(scale=1, min_width=280):
                listed = panel("customer-list")
            with gr.Column(scale=4, min_width=320):
                head = panel("customer-head", script="customer.js")
                asking = panel("customer-ask")
                card = panel("customer-card")
        shown: list[Any] = [listed, head, asking, card]
        page.load(desk.show, None, shown, **QUIET)
        for clicked in (listed, head):
            clicked.select(desk.act, None, shown, **QUIET)
        release_after(asking.select(desk.ask, None, asking, **QUIET))
    return page
