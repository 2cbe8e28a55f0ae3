"""The admin's page: upload documents, train, watch the loss, compare before and after, see what is released."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import gradio as gr

from assistant import training_view
from assistant.admin_view import loaded, profile
from assistant.components import RELEASE, panel, render, sent
from assistant.header import QUIET, Visitor, edge, header, visitor
from assistant.live import Step, follow
from assistant.parts import Parts, Progress, utc_now
from assistant.uploads import MAX_FILE_BYTES, PATH
from governance.accounts import require
from governance.errors import Invalid
from rag.pipeline import ingest
from sandbox.runs import cancel_run, refresh_runs, resume_run, start_run


@dataclass(frozen=True)
class Office:
    """What the page's events do; training runs in a process of its own, the timer only reads its rows."""

    parts: Parts

    @edge
    def show(self, request: gr.Request) -> tuple[Any, ...]:
        """The whole page."""
        who = _admin(request)
        return (
            render("page_admin.html", "upload", who.lang, PATH, MAX_FILE_BYTES),
            render("page_admin.html", "documents", who.lang, loaded(self.parts, who.lang), None),
            render("page_admin.html", "profile", who.lang, profile(self.parts, who.lang)),
            *self._runs(who),
        )

    @edge
    def uploaded(self, request: gr.Request) -> tuple[Any, ...]:
        """After the browser has sent files to the upload route."""
        who = _admin(request)
        listed = render("page_admin.html", "documents", who.lang, loaded(self.parts, who.lang), None)
        return listed, *self._runs(who)

    @edge
    def load_folder(self, request: gr.Request) -> Iterator[tuple[Any, ...]]:
        """Read the company's folder: records and documents; what is unchanged is skipped."""
        who, parts = _admin(request), self.parts

        def work(report: Progress) -> None:
            ingest(parts.db, parts.vault, parts.company, now=utc_now(), on_progress=report)

        def shown(step: Step | None) -> str:
            return render("page_admin.html", "documents", who.lang, loaded(parts, who.lang), step)

        try:
            for step in follow(work):
                yield shown(step), *[gr.skip()] * 4
        finally:
            for stale in ("redactor", "index"):  # opened anew on next use, with the new names and passages
                parts.__dict__.pop(stale, None)
        yield shown(None), *self._runs(who)

    @edge
    def tick(self, request: gr.Request) -> tuple[Any, ...]:
        """Once a second while a run is going."""
        return self._runs(_admin(request))

    @edge
    def act(self, request: gr.Request, event: gr.EventData) -> tuple[Any, ...]:
        """Start, continue or stop a run."""
        who, asked, parts = _admin(request), sent(event), self.parts
        if asked.get("act") == "train":
            start_run(parts.db, parts.settings, by=who.user.name, now=utc_now())
        elif asked.get("act") == "resume":
            resume_run(parts.db, parts.settings, asked.get("run", ""), by=who.user.name, now=utc_now())
        elif asked.get("act") == "cancel":
            cancel_run(parts.db, asked.get("run", ""), by=who.user.name, now=utc_now())
        else:
            raise Invalid(reason={"zh": "未知操作", "en": "unknown action"})
        return self._runs(who)

    def _runs(self, who: Visitor) -> tuple[str, str, str, gr.Timer]:
        refresh_runs(self.parts.db, utc_now())  # a run whose process was killed is said to be over
        view = training_view.training(self.parts, who.lang)
        figures = training_view.evaluation(self.parts, who.lang)
        return (
            render("page_admin.html", "controls", who.lang, view),
            render("page_admin.html", "training", who.lang, view),
            render("page_admin.html", "evaluation", who.lang, figures),
            gr.Timer(active=view.running),
        )


def _admin(request: gr.Request) -> Visitor:
    who = visitor(request)
    require(who.user, "admin", {"zh": "管理系统", "en": "administer"})
    return who


def build(parts: Parts) -> gr.Blocks:
    """The page below /admin."""
    office = Office(parts)
    with gr.Blocks(title="信言 Xinyan", analytics_enabled=False, fill_width=True) as page:
        header("/admin", page)
        with gr.Row(equal_height=False, elem_classes="x-columns"):
            with gr.Column(scale=1, min_width=320):
                upload = panel("upload", script="upload.js")
                documents = panel("documents")
                company = panel("company")
            with gr.Column(scale=1, min_width=320):
                controls = panel("controls")
                training = panel("training")
                evaluation = panel("figures")
        timer = gr.Timer(1.0, active=False)
        live = [controls, training, evaluation, timer]
        page.load(office.show, None, [upload, documents, company, *live], **QUIET)
        upload.select(office.uploaded, None, [documents, *live], **QUIET)
        documents.select(office.load_folder, None, [documents, *live], concurrency_limit=1, **QUIET).then(
            None, js=RELEASE
        )
        controls.select(office.act, None, live, **QUIET).then(None, js=RELEASE)
        timer.tick(office.tick, None, live, concurrency_limit=None, **QUIET)
    return page
