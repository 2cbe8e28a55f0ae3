"""The training board: one button, the queue, one run with live curves, the history, and runs side by side."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import gradio as gr
from sqlalchemy import select

from assistant import compare_view, training_view
from assistant.components import panel, release_after, render, sent
from assistant.header import QUIET, Visitor, asked_of, edge, people, visitor
from assistant.i18n import tr
from assistant.live import follow
from assistant.parts import Parts, Progress, utc_now
from assistant.recipe_view import expected, recipe_fields, recommended_recipe
from governance.accounts import require
from governance.db import reading
from governance.errors import Invalid
from sandbox.estimate import Estimate
from sandbox.recipe import ADVANCED, Recipe, RecipeForm
from sandbox.runs import cancel_run, enqueue, pause_run, refresh_runs, resume_run, set_priority
from sandbox.tables import adapters

PAGE = "page_training.html"


@dataclass(frozen=True)
class Board:
    """What the board's events do. The run and the comparison that are shown stand in the address."""

    parts: Parts

    def fill(self, who: Visitor, asked: Mapping[str, str]) -> tuple[Any, ...]:
        """The whole tab."""
        seen = training_view.overview(self.parts, who.lang)
        return self._form(who, self._before(who)), *self._live(who, asked, seen, whole=True)

    @edge
    def tick(self, request: gr.Request) -> tuple[Any, ...]:
        """Once in a while as long as a run is open."""
        who = _admin(request)
        refresh_runs(self.parts.db, utc_now())
        seen = training_view.overview(self.parts, who.lang)
        return gr.skip(), *self._live(who, asked_of(request), seen, whole=not seen.active)

    @edge
    def act(self, request: gr.Request, event: gr.EventData) -> Iterator[tuple[Any, ...]]:
        """Estimate, start, pause, resume, stop, reorder, open or compare."""
        who, asked, told, now = _admin(request), dict(asked_of(request)), sent(event), utc_now()
        db, settings, run, by = self.parts.db, self.parts.settings, told.get("run", ""), who.user.name
        if told.get("act") == "estimate":
            yield from self._estimate(who, told)
            return
        match told.get("act"):
            case "train":
                asked["run"] = self._start(told, by)
            case "pause":
                pause_run(db, run, by=by, now=now)
            case "resume":
                resume_run(db, settings, run, by=by, now=now)
            case "cancel":
                cancel_run(db, run, by=by, now=now)
            case "priority":
                set_priority(db, run, _whole(told.get("priority", "")), by=by, now=now)
            case "open" | "compare":
                pass  # the address says which
            case _:
                raise Invalid(reason={"zh": "未知操作", "en": "unknown action"})
        seen = training_view.overview(self.parts, who.lang)
        yield gr.skip(), *self._live(who, asked, seen, whole=True)

    def _estimate(self, who: Visitor, told: Mapping[str, str]) -> Iterator[tuple[Any, ...]]:
        """A dry step before anything is queued; it takes as long as loading the model."""
        recipe, found = self._recipe(told) or recommended_recipe(self.parts), list[Estimate]()

        def work(report: Progress) -> None:
            report("estimate", 0, 1)
            found.append(expected(self.parts, recipe, told.get("stage", "")))

        for _ in follow(work):
            yield self._form(who, tr(who.lang, "estimating")), *[gr.skip()] * 5
        yield self._form(who, training_view.expected_said(asdict(found[0]), who.lang)), *[gr.skip()] * 5

    def _form(self, who: Visitor, said: str) -> str:
        stages = [(key, stage.name.say(who.language)) for key, stage in self.parts.company.phrases.stages.items()]
        documents = training_view.overview(self.parts, who.lang).documents
        return render(PAGE, "start", who.lang, documents, stages, recipe_fields(self.parts, who.lang), said)

    def _recipe(self, told: Mapping[str, str]) -> Recipe | None:
        """None: as recommended when it begins."""
        given = {name: told[name] for name in ADVANCED if told.get(name, "") != ""}
        return RecipeForm.read(given).to_recipe(recommended_recipe(self.parts)) if given else None

    def _start(self, told: Mapping[str, str], by: str) -> str:
        recipe = self._recipe(told)
        priority = _whole(told.get("priority", "0"))
        asked: dict[str, Any] = {"stage": told.get("stage", ""), "priority": priority, "recipe": recipe}
        return enqueue(self.parts.db, self.parts.settings, by=by, now=utc_now(), **asked)

    def _live(
        self, who: Visitor, asked: Mapping[str, str], seen: training_view.Overview, *, whole: bool
    ) -> tuple[Any, ...]:
        """Queue and board; with `whole` also what changes only when a run ends: history and comparison."""
        view = training_view.board(self.parts, who.lang, asked.get("run", ""))
        known, lang = people(self.parts.db), who.lang
        chosen = view.row.id if view else ""
        listed = render(PAGE, "queue", lang, seen.queue, chosen, people=known)
        shown = render(PAGE, "board", lang, view, people=known) if view else ""
        shown = shown or render(PAGE, "nothing", lang, seen.documents)
        timer = gr.Timer(active=seen.active)
        if not whole:
            return listed, shown, gr.skip(), gr.skip(), timer
        picked = [run for run in asked.get("compare", "").split(",") if run]
        past = render(PAGE, "history", lang, seen.history, picked, people=known)
        side = render(PAGE, "compare", lang, compare_view.comparison(self.parts, lang, picked))
        return listed, shown, past, side, timer

    def _before(self, who: Visitor) -> str:
        """How long the last training took here."""
        with reading(self.parts.db) as tx:
            seconds = tx.scalar(select(adapters.c.seconds).order_by(adapters.c.created_at.desc()).limit(1))
        return tr(who.lang, "took_before", time=training_view.duration(seconds, who.lang)) if seconds else ""


def _whole(text: str) -> int:
    try:
        return int(text)
    except ValueError as wrong:
        raise Invalid(reason={"zh": "优先级须为整数", "en": "a priority is a whole number"}) from wrong


def _admin(request: gr.Request) -> Visitor:
    who = visitor(request)
    require(who.user, "admin", {"zh": "管理训练", "en": "manage trainings"})
    return who


def build(parts: Parts) -> tuple[Board, list[Any]]:
    """The tab inside the admin's page; returns its handlers and what `fill` fills."""
    board = Board(parts)
    with gr.Column(elem_id="tab-training", elem_classes="x-tab"):
        with gr.Row(equal_height=False, elem_classes="x-columns"):
            with gr.Column(scale=1, min_width=300):
                start = panel("training-start")
                queue = panel("training-queue")
            with gr.Column(scale=3, min_width=320):
                shown = panel("training-board")
        history = panel("training-history")
        side = panel("training-compare")
    timer = gr.Timer(1.5, active=False)
    outputs = [start, queue, shown, history, side, timer]
    for each in (start, queue, shown, history, side):
        release_after(each.select(board.act, None, outputs, **QUIET))
    timer.tick(board.tick, None, outputs, concurrency_limit=None, **QUIET)
    return board, outputs
