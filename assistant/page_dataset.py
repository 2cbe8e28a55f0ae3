"""The data set: what was made of the documents, what was kept back and why, and samples as the model sees them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import gradio as gr

from assistant import dataset_view
from assistant.components import panel, release_after, render, sent
from assistant.header import QUIET, Visitor, asked_of, edge, visitor
from assistant.parts import Parts, utc_now
from assistant.sample_view import sample_page
from governance.accounts import require
from governance.db import reading
from governance.errors import Invalid
from sandbox.quarantine import resolve

PAGE = "page_dataset.html"


@dataclass(frozen=True)
class Sorting:
    """What the tab's events do. Which set, part and page are shown stands in the address."""

    parts: Parts

    def fill(self, who: Visitor, asked: Mapping[str, str]) -> tuple[Any, ...]:
        """The whole tab."""
        parts, lang = self.parts, who.lang
        view = dataset_view.summary(parts, lang, asked.get("dataset", ""))
        if view is None:
            return render(PAGE, "nothing", lang), "", ""
        held = dataset_view.held_page(parts, lang, view.hash, asked.get("held", ""), _page(asked, "hpage"))
        part = "heldout" if asked.get("part") == "heldout" else "train"
        seen = sample_page(parts, view.hash, part, _page(asked, "at"), who.language)
        return (
            render(PAGE, "summary", lang, view),
            render(PAGE, "held", lang, held),
            render(PAGE, "samples", lang, seen),
        )

    @edge
    def act(self, request: gr.Request, event: gr.EventData) -> tuple[Any, ...]:
        """Turn a page, let a false alarm through, or discard."""
        who, asked, told = _admin(request), asked_of(request), sent(event)
        reason, act = told.get("reason", ""), told.get("act", "")
        if act in ("release", "discard"):
            self._resolve([told.get("sample", "")], act, reason, who)
        elif act == "discard-chosen":
            self._resolve([each for each in told.get("samples", "").split(",") if each], "discard", reason, who)
        elif act == "discard-all":
            with reading(self.parts.db) as tx:
                chosen = dataset_view.chosen_set(tx, asked.get("dataset", ""))
                samples = dataset_view.undecided(tx, self.parts, chosen, told.get("kind", ""))
            self._resolve(samples, "discard", reason, who)
        elif act != "open":
            raise Invalid(reason={"zh": "未知操作", "en": "unknown action"})
        return self.fill(who, asked)

    def _resolve(self, samples: list[str], decision: str, reason: str, who: Visitor) -> None:
        """All of them or none."""
        if not samples:
            raise Invalid(reason={"zh": "请先勾选样本", "en": "choose samples first"})
        now = utc_now()
        with self.parts.db.begin() as tx:
            for sample in samples:
                resolve(tx, sample, decision, reason=reason, by=who.user.name, now=now)


def _page(asked: Mapping[str, str], name: str) -> int:
    text = asked.get(name, "")
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 7 else 1


def _admin(request: gr.Request) -> Visitor:
    who = visitor(request)
    require(who.user, "admin", {"zh": "管理训练集", "en": "manage the training set"})
    return who


def build(parts: Parts) -> tuple[Sorting, list[Any]]:
    """The tab inside the admin's page; returns its handlers and what `fill` fills."""
    sorting = Sorting(parts)
    with gr.Column(elem_id="tab-data", elem_classes="x-tab"):
        with gr.Row(equal_height=False, elem_classes="x-columns"):
            with gr.Column(scale=1, min_width=320):
                summary = panel("dataset-summary")
            with gr.Column(scale=1, min_width=320):
                held = panel("dataset-held")
        samples = panel("dataset-samples")
    outputs = [summary, held, samples]
    for each in outputs:
        release_after(each.select(sorting.act, None, outputs, **QUIET))
    return sorting, outputs
