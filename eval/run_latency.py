"""Suite `latency`: how long a rep waits, with the released adapter or, where there is none, with the untuned base."""

import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Any

from assistant.demo import business_now
from assistant.draft import WAY, Way, write_draft
from assistant.lead import Lead
from assistant.parts import Parts, open_parts, silent
from assistant.pipeline import checker_of, prepare
from assistant.plan import Plan
from eval.jsonl import BadData, at
from eval.latency import CASES, Case, Waited, figures, read_cases
from governance.accounts import User
from governance.db import reading
from governance.errors import Language, XinyanError
from governance.settings import Settings
from rag.brief import Brief
from rag.customers import customers, find_customer
from rag.pipeline import ingest
from sandbox.engine import Engine, Generation, Prompt
from sandbox.prompt import OUTLINE, join
from sandbox.release import released_adapter

WAYS: tuple[Way, ...] = ("batch", "first", "each")
CUSTOMERS = 2  # of the default cases, in both languages and in each of STAGES
STAGES = ("first_contact", "proposal")
UNTUNED = "untuned"
_CALLER = User("eval", frozenset({"rep"}), "评测", "zh")


@dataclass
class Counting:
    """
    The engine as the draft uses it, counting what it wrote.

    `standing_in`: there is no adapter. The base then writes as many tokens as the outline has, from the same prompts,
    and the outline is what it is taken to have said: the time is that of an adapter that writes well at once.
    """

    engine: Engine
    standing_in: bool
    sections: int = 0
    tokens: int = 0
    wanted: int = 0
    calls: int = 0

    def generate(
        self, prompts: Sequence[Prompt], *, max_new_tokens: int = 160, seed: int = 0, temperature: float = 0.0
    ) -> list[Generation]:
        """As the engine does."""
        asked, outlines = prompts, [_outline(prompt.text) for prompt in prompts]
        if self.standing_in:
            asked = [replace(prompt, adapter=None) for prompt in prompts]
            lengths = [len(self.engine.pieces(outline)) + 1 for outline in outlines]
            max_new_tokens = max(lengths)
            self.wanted += sum(lengths)
        found = self.engine.generate(asked, max_new_tokens=max_new_tokens, seed=seed, temperature=temperature)
        self.sections += len(found)
        self.tokens += sum(each.tokens for each in found)
        self.calls += 1
        if not self.standing_in:
            return found
        return [replace(each, text=outline, stopped=True) for each, outline in zip(found, outlines, strict=True)]

    def generate_telling(
        self,
        prompts: Sequence[Prompt],
        tell: Callable[[int, Generation], None],
        *,
        limits: Sequence[int],
        seed: int = 0,
        temperature: float = 0.0,
    ) -> list[Generation]:
        """As the engine does, where it tells of each answer."""
        asked, outlines = prompts, [_outline(prompt.text) for prompt in prompts]
        if self.standing_in:
            asked = [replace(prompt, adapter=None) for prompt in prompts]
            limits = [len(self.engine.pieces(outline)) + 1 for outline in outlines]
            self.wanted += sum(limits)

        def said(index: int, answer: Generation) -> Generation:
            return replace(answer, text=outlines[index], stopped=True) if self.standing_in else answer

        engine: Any = self.engine
        options: dict[str, Any] = {"limits": limits, "seed": seed, "temperature": temperature}

        def heard(index: int, answer: Generation) -> None:
            tell(index, said(index, answer))

        found: list[Generation] = engine.generate_telling(asked, heard, **options)
        self.sections += len(found)
        self.tokens += sum(each.tokens for each in found)
        self.calls += 1
        return [said(index, each) for index, each in enumerate(found)]


def _outline(prompt: str) -> str:
    """The approved sentences at the end of a section's prompt, as one answer."""
    language: Language = "zh" if f"{OUTLINE['zh']}：" in prompt else "en"
    return join(language, prompt.rpartition("：\n" if language == "zh" else ":\n")[2].splitlines())


def run(data: Path | None, settings: Settings) -> dict[str, Any]:
    """
    Facts are read into a home of the suite's own; the adapter and the base are those of the settings.

    Every case is written in every way in turn: all in one batch (the product's way), the first section before the
    others, and one by one.
    """
    cases = read_cases(data) if data else None
    with TemporaryDirectory() as home:
        own = open_parts(settings.model_copy(update={"home": Path(home), "database_url": ""}))
        try:
            ingest(own.db, own.vault, own.company, now=datetime.now(UTC), on_progress=silent)
            return _measured(own, open_parts(settings), cases)
        finally:
            own.db.dispose()


def _measured(own: Parts, writing: Parts, cases: list[Case] | None) -> dict[str, Any]:
    with reading(writing.db) as tx:
        adapter = released_adapter(tx)
    started = perf_counter()
    engine = writing.engine
    if adapter is not None:
        engine.load(adapter.hash, adapter.folder)
    loaded = perf_counter() - started
    name = adapter.hash if adapter else UNTUNED
    counting = Counting(engine, standing_in=adapter is None)
    said = (
        f"适配器 {name[:12]} / adapter {name[:12]}"
        if adapter
        else "没有已发布的适配器：未训练的基础模型 / untuned base"
    )
    sys.stderr.write(f"latency: {engine.base_name} {engine.base_hash[:12]}; {said}\n")
    todo = cases or _default_cases(own)
    engine.generate([Prompt("您好", adapter.hash if adapter else None)], max_new_tokens=4)  # the first call is slower
    waited: dict[str, list[Waited]] = {way: [] for way in WAYS}
    for case in todo:
        for way in WAYS:
            waited[way].append(_write(own, case, counting, name, way))
        last = {way: round(runs[-1].script, 1) for way, runs in waited.items()}
        sys.stderr.write(f"latency: {case.customer} {case.stage} {case.language} {last}\n")
    about = {
        "base": engine.base_name,
        "base_hash": engine.base_hash[:12],
        "adapter": adapter.hash[:12] if adapter else UNTUNED,
        "threads": writing.threads,
        "way": WAY,
        "scripts": len(todo),
        "load_s": round(loaded, 2),
        "tokens_a_section": round(counting.tokens / max(1, counting.sections), 1),
        "model_calls_a_script": round(counting.calls / (len(todo) * len(WAYS)), 2),
    }
    if adapter is None:
        about["standing_in"] = "lengths of the plan's wording, no second writing"
        about["tokens_wanted_a_section"] = round(counting.wanted / max(1, counting.sections), 1)
    return figures(waited, WAY) | about


def _write(own: Parts, case: Case, engine: Counting, adapter: str, way: Way) -> Waited:
    """One script, from the click on; checks and second writings are in it, storing it is not."""
    started = perf_counter()
    firsts: list[float] = []
    known, plan = _plan(own, case)
    checker = checker_of(own.company, known)
    write_draft(plan, checker, None, None)
    planned = perf_counter() - started
    served: Any = engine  # counts what an Engine writes; a draft asks it for nothing else
    write_draft(plan, checker, served, adapter, way=way, on_section=lambda _: firsts.append(perf_counter() - started))
    whole = perf_counter() - started
    return Waited(planned, firsts[0] if firsts else whole, whole)


def _plan(own: Parts, case: Case) -> tuple[Brief, Plan]:
    now = business_now(own)
    try:
        with reading(own.db) as tx:
            customer = find_customer(tx, case.customer)
        if case.stage not in own.company.phrases.stages:
            raise at(CASES, case.line, f"未知的阶段 {case.stage}", f"unknown stage {case.stage}")
        lead = Lead("l_latency", customer.id, case.stage, case.product, "phone", _CALLER.name, now)
        prepared = prepare(own, lead, case.language, _CALLER, now=now)
    except XinyanError as wrong:
        raise at(CASES, case.line, wrong.say("zh"), wrong.say("en")) from wrong
    return prepared.brief, prepared.plan


def _default_cases(own: Parts) -> list[Case]:
    """The first customers who may be called."""
    with reading(own.db) as tx:
        known = customers(tx)
    book, found = own.company.phrases, list[Case]()
    stages = [stage for stage in STAGES if stage in book.stages] or list(book.stages)[:2]
    shown = own.company.file.demonstration
    product = shown.product if shown else ""
    line = 0
    for customer in known:
        tried: list[Case] = []
        with suppress(BadData):
            for stage in stages:
                for language in ("zh", "en"):
                    line += 1
                    tried.append(Case(line, customer.id, stage, product if stage == "proposal" else "", language))
                    _plan(own, tried[-1])
            found += tried
        if len(found) >= CUSTOMERS * 2 * len(stages):
            break
    return found
