"""The admin's page in three tabs: documents, data set, training; every step after that is in /release."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import gradio as gr

from assistant import page_dataset, page_training
from assistant.admin_view import loaded, profile
from assistant.components import panel, release_after, render
from assistant.header import QUIET, Visitor, asked_of, edge, header, tab_bar, tab_of, visitor
from assistant.live import Step, follow
from assistant.parts import Parts, Progress, utc_now
from assistant.uploads import MAX_FILE_BYTES, PATH
from governance.accounts import require
from rag.pipeline import ingest
from sandbox.runs import refresh_runs

AREA = "/admin"


@dataclass(frozen=True)
class Office:
    """What the page's events do; each tab is filled when it is opened."""

    parts: Parts
    sorting: page_dataset.Sorting
    board: page_training.Board
    counts: tuple[int, int, int]  # outputs of each tab

    @edge
    def show(self, request: gr.Request) -> tuple[Any, ...]:
        """The tab that the address names."""
        who, asked = _admin(request), asked_of(request)
        tab = tab_of(AREA, asked)
        refresh_runs(self.parts.db, utc_now())
        made: dict[str, Any] = {"documents": self._documents, "data": self.sorting.fill, "training": self.board.fill}
        filled: list[Any] = []
        for name, count in zip(made, self.counts, strict=True):
            filled += made[name](who, asked) if name == tab else [gr.skip()] * count
        return tab_bar(AREA, who, tab), *filled

    @edge
    def uploaded(self, request: gr.Request) -> str:
        """After the browser has sent files to the upload route."""
        return self._listed(_admin(request), None)

    @edge
    def load_folder(self, request: gr.Request) -> Iterator[str]:
        """Read the company's folder: records and documents; what is unchanged is skipped."""
        who, parts = _admin(request), self.parts

        def work(report: Progress) -> None:
            ingest(parts.db, parts.vault, parts.company, now=utc_now(), on_progress=report)

        try:
            for step in follow(work):
                yield self._listed(who, step)
        finally:
            parts.renew(names=True)
        yield self._listed(who, None)

    def _documents(self, who: Visitor, _asked: Mapping[str, str]) -> tuple[str, str, str]:
        return (
            render("page_admin.html", "upload", who.lang, PATH, MAX_FILE_BYTES),
            self._listed(who, None),
            render("page_admin.html", "profile", who.lang, profile(self.parts, who.lang)),
        )

    def _listed(self, who: Visitor, step: Step | None) -> str:
        return render("page_admin.html", "documents", who.lang, loaded(self.parts, who.lang), step)


def _admin(request: gr.Request) -> Visitor:
    who = visitor(request)
    require(who.user, "admin", {"zh": "管理系统", "en": "administer"})
    return who


def build(parts: Parts) -> gr.Blocks:
    """The page below /admin."""
    with gr.Blocks(title="信言 Xinyan", analytics_enabled=False, fill_width=True) as page:
        header(AREA, page)
        tabs = panel("subnav", script="tabs.js")
        with (
            gr.Column(elem_id="tab-documents", elem_classes="x-tab"),
            gr.Row(equal_height=False, elem_classes="x-columns"),
        ):
            with gr.Column(scale=1, min_width=300):
                upload = panel("upload", script="upload.js")
                company = panel("company")
            with gr.Column(scale=2, min_width=320):
                documents = panel("documents")
        files = [upload, documents, company]
        sorting, samples = page_dataset.build(parts)
        board, runs = page_training.build(parts)
        office = Office(parts, sorting, board, (len(files), len(samples), len(runs)))
        everything = [tabs, *files, *samples, *runs]
        page.load(office.show, None, everything, **QUIET)
        tabs.select(office.show, None, everything, **QUIET)
        upload.select(office.uploaded, None, documents, **QUIET)
        loading = documents.select(office.load_folder, None, documents, concurrency_limit=1, **QUIET)
        release_after(loading)
    return page
