"""The page on which reps summarise a conversation and submit its commitments to a coordinator."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

import gradio as gr

from assistant.components import panel, release_after, render, sent
from assistant.header import QUIET, Visitor, asked_of, edge, header, visitor
from assistant.i18n import tr
from assistant.parts import Parts, utc_now
from assistant.summary import Summary, proposals_of, reworded, summarise
from assistant.summary_filing import LONGEST_PASTED, conversations, file_conversation, submit
from assistant.summary_view import edited, ticked, view_summary
from assistant.summary_wording import may_reword, rewriter
from governance import ledger
from governance.db import reading
from governance.errors import Invalid, NotAllowed, NotFound, XinyanError
from rag.called import crew_of
from rag.customers import customers
from rag.hostile import is_hostile
from rag.sources import of_documents

PAGE = "page_summary.html"


@dataclass(frozen=True, slots=True)
class Asked:
    """What the address names; a customer without its prefix, an ISO day, a document."""

    customer: str = ""
    day: str = ""
    document: str = ""

    @staticmethod
    def of(told: Mapping[str, str]) -> "Asked":
        """From an address or a form."""
        return Asked(*(told.get(name, "").strip()[:80] for name in ("customer", "day", "document")))


@dataclass(frozen=True)
class Desk:
    """What the page's events do; what the browser names is looked up again."""

    parts: Parts

    @edge
    def show(self, request: gr.Request) -> tuple[str, str]:
        """The empty form, or the summary that the address names."""
        who, asked = _rep(request), Asked.of(asked_of(request))
        shown = self._summary(who, asked) if asked.document else ""
        return self._form(who, asked), shown

    @edge
    def make(self, request: gr.Request, event: gr.EventData) -> tuple[str, str]:
        """File what was pasted and summarise it, or summarise the document that was chosen."""
        who, told = _rep(request), sent(event)
        asked, text = Asked.of(told), _pasted(event)
        try:
            if text.strip() or not asked.document:
                asked = replace(asked, document=self._filed(who, asked, text))
            return self._form(who, asked), self._summary(who, asked)
        except XinyanError as refused:
            said = render("shared.html", "banner", who.lang, "bad", "", refused.say(who.language))
            return gr.skip(), said  # pyright: ignore[reportReturnType]  what was typed stays

    @edge
    def act(self, request: gr.Request, event: gr.EventData) -> str:
        """Submit what is ticked as it stands now, or have a model word the main points anew."""
        who, told = _rep(request), sent(event)
        asked = Asked.of(
            {**asked_of(request), **{k: v for k, v in told.items() if k in ("customer", "day", "document")}}
        )
        if told.get("act") == "reword":
            return self._reworded(who, asked)
        now = utc_now()
        found = self._found(asked)
        tasks, news = edited(found, self._view(who, found), told, who.user.name), ticked(found, told)
        if not tasks and not news:
            raise Invalid(reason={"zh": "请至少勾选一项", "en": "tick at least one"})
        redactor = self.parts.redactor
        hidden = [self._checked(task.piece.text, task.edited, redactor) for task in tasks]
        tasks = [replace(task, piece=replace(task.piece, text=text)) for task, text in zip(tasks, hidden, strict=True)]
        with self.parts.db.begin() as tx:
            allowed = {each.id: each.text for each in of_documents(tx, self.parts.vault, [asked.document]).values()}
            wanted = proposals_of(found, tasks, news, allowed=allowed)
            done = submit(tx, wanted, asked.document, by=who.user.name, now=now)
        said = tr(who.lang, "summary_sent", n=len(wanted), new=done.new)
        return self._summary(who, asked, said)

    def _reworded(self, who: Visitor, asked: Asked) -> str:
        """What the text does not support stays as it was."""
        plain = self._found(asked)
        model = rewriter(self.parts, plain.language)
        if model is None:
            raise Invalid(reason={"zh": "没有配置可改写的模型", "en": "no model that could reword is named"})
        made = reworded(plain, model)
        kept = sum(bool(each.reworded) for each in made.key)
        with self.parts.db.begin() as tx:
            detail = {"sentences": len(plain.key), "kept": kept}
            ledger.append(
                tx, actor=who.user.name, event="summary_reworded", subject=asked.document, detail=detail, now=utc_now()
            )
        return self._summary(who, asked, tr(who.lang, "summary_reworded_done", n=len(plain.key), kept=kept), made)

    def _checked(self, text: str, by_hand: str, redactor: Any) -> str:
        if by_hand and is_hostile(text):
            raise Invalid(reason={"zh": "承诺内容含有指令，请改写", "en": "a commitment gives orders: word it anew"})
        return redactor.tokenise(text, scope="summary", vault=self.parts.vault)[0] if by_hand else text

    def _filed(self, who: Visitor, asked: Asked, text: str) -> str:
        self._customer(asked.customer)
        return file_conversation(
            self.parts.db,
            self.parts.vault,
            self.parts.redactor,
            text,
            customer=asked.customer,
            day=_day(asked.day),
            by=who.user.name,
            now=utc_now(),
        )

    def _found(self, asked: Asked) -> Summary:
        with reading(self.parts.db) as tx:
            chosen = self._customer(asked.customer)
            return summarise(
                tx,
                self.parts.vault,
                asked.document,
                customer=chosen,
                day=_day(asked.day),
                company=self.parts.company,
            )

    def _customer(self, id_: str) -> str:
        """Its subject; raises NotFound for an id that nobody has."""
        subject = f"customer:{id_}" if id_ else ""
        with reading(self.parts.db) as tx:
            if subject and subject not in {each.id for each in customers(tx)}:
                raise NotFound(kind={"zh": "客户", "en": "customer"}, name=id_)
        return subject

    def _view(self, who: Visitor, found: Summary) -> Any:
        with reading(self.parts.db) as tx:
            names = {each.id: each.name_en if who.language == "en" else each.name for each in customers(tx)}
            sources = of_documents(tx, self.parts.vault, [found.document])
            said, day = "\n".join(each.text for each in sources.values()), found.day or utc_now().date()
            crew = crew_of(tx, self.parts.company, day, who.language, text=said, customer=found.customer)
        return view_summary(found, sources, who.lang, names.get(found.customer, ""), crew)

    def _summary(self, who: Visitor, asked: Asked, done: str = "", made: Summary | None = None) -> str:
        try:
            found = made or self._found(asked)
        except XinyanError as refused:
            return render("shared.html", "banner", who.lang, "bad", "", refused.say(who.language))
        notes = [tr(who.lang, "summary_no_day")] if found.day is None else []
        notes += [] if found.customer else [tr(who.lang, "summary_no_customer")]
        notes += [tr(who.lang, "summary_cut", n=found.cut)] if found.cut else []
        return render(PAGE, "summary", who.lang, self._view(who, found), asked, notes, done, may_reword(self.parts))

    def _form(self, who: Visitor, asked: Asked) -> str:
        with reading(self.parts.db) as tx:
            known, documents = customers(tx), conversations(tx)
        rows = sorted(
            (each.name_en if who.language == "en" else each.name, each.id.partition(":")[2]) for each in known
        )
        return render(PAGE, "form", who.lang, [(id_, name) for name, id_ in rows], documents, asked)


def _pasted(event: gr.EventData) -> str:
    """The one long field of the page; everything else is cut short by `sent`."""
    data: Any = event._data  # pyright: ignore[reportPrivateUsage]
    text: Any = data.get("text") if isinstance(data, dict) else ""  # pyright: ignore[reportUnknownVariableType, reportUnknownMemberType]
    return text[: LONGEST_PASTED + 1] if isinstance(text, str) else ""


def _rep(request: gr.Request) -> Visitor:
    who = visitor(request)
    if "rep" not in who.user.roles:
        raise NotAllowed(user=who.user.name, action={"zh": "整理沟通记录", "en": "summarise a conversation"})
    return who


def _day(said: str) -> date | None:
    try:
        return date.fromisoformat(said) if said else None
    except ValueError as wrong:
        raise Invalid(reason={"zh": f"日期“{said[:20]}”无效", "en": f"'{said[:20]}' is no day"}) from wrong


def build(parts: Parts) -> gr.Blocks:
    """The page below /summary."""
    desk = Desk(parts)
    with gr.Blocks(title="信言 Xinyan", analytics_enabled=False, fill_width=True) as page:
        header("/summary", page)
        with gr.Row(equal_height=False, elem_classes="x-columns"):
            with gr.Column(scale=1, min_width=300):
                form = panel("summary-ask")
            with gr.Column(scale=3, min_width=320):
                shown = panel("summary-shown", script="summary.js")
        page.load(desk.show, None, [form, shown], **QUIET)
        release_after(form.select(desk.make, None, [form, shown], **QUIET))
        release_after(shown.select(desk.act, None, shown, **QUIET))
    return page
