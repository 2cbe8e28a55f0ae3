"""A script as it is written: the plan's wording at once, sections as they are done, the same text in every way."""

import json
import shutil
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from assistant.arriving_view import Arrivals
from assistant.draft import Pen, Way, rewrite_section, write_draft
from assistant.lead import LeadForm, enter_lead
from assistant.parts import Parts, open_parts, silent
from assistant.pipeline import Arrived, Prepared, checker_of, prepare, write_script
from assistant.script import Script, from_json, to_json
from assistant.store import script_of
from governance import accounts
from governance.accounts import User
from governance.db import reading
from governance.settings import Settings
from rag.pipeline import ingest
from sandbox.base import Base
from sandbox.engine import PeftEngine, open_engine
from tests.small_company import cut_company
from tests.tiny_model import save_tiny_model

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore::DeprecationWarning")]
NOW = datetime(2026, 11, 21, 8, tzinfo=UTC)


@pytest.fixture(scope="module")
def ingested(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pipeline")
    cut_company(folder / "company", ["H001"], sorted(p.name for p in Path("data_samples/documents").iterdir())[:3])
    parts = open_parts(Settings(company=folder / "company", home=folder / "home"))
    ingest(parts.db, parts.vault, parts.company, now=NOW, on_progress=silent)
    with parts.db.begin() as tx:
        accounts.add_user(tx, "rita", "correct horse", {"rep"}, "Rita", "zh")
    parts.db.dispose()
    return folder


@pytest.fixture
def parts(ingested: Path, tmp_path: Path) -> Iterator[Parts]:
    shutil.copytree(ingested / "home", tmp_path / "home")
    opened = open_parts(Settings(company=ingested / "company", home=tmp_path / "home"))
    yield opened
    opened.db.dispose()


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> PeftEngine:
    folder = save_tiny_model(tmp_path_factory.mktemp("tiny"))
    engine = open_engine(Base(folder, "0" * 64, "tiny"), threads=1)
    assert isinstance(engine, PeftEngine)
    return engine


class Untuned:
    """The tiny model without an adapter behind the name of one: what it writes is random and never good enough."""

    def __init__(self, engine: PeftEngine) -> None:
        self.engine, self.written = engine, list[str]()

    def generate(self, prompts: Any, **options: Any) -> Any:
        found = self.engine.generate([replace(prompt, adapter=None) for prompt in prompts], **options)
        self.written += [each.text for each in found]
        return found


def rita(parts: Parts) -> User:
    with reading(parts.db) as tx:
        return accounts.user(tx, "rita")


def prepared(parts: Parts) -> Prepared:
    with parts.db.begin() as tx:
        form = LeadForm(customer="H001", stage="proposal", product="P01")
        lead = enter_lead(tx, parts.vault, parts.company, form, rita(parts), NOW)
    return prepare(parts, lead, "zh", rita(parts), now=NOW)


def written(parts: Parts) -> tuple[str, Script]:
    lead = prepared(parts).lead.id
    script = write_script(parts, lead, "zh", rita(parts), now=NOW, on_progress=silent)
    with reading(parts.db) as tx:
        return script, script_of(tx, parts.vault, script).body


def test_the_plan_is_there_before_a_model_runs_and_sections_replace_it_in_order(parts: Parts) -> None:
    known = prepared(parts)
    seen: list[Arrived] = []
    steps: list[str] = []

    def note(step: str, _done: int, _total: int) -> None:
        steps.append(step)

    def arrive(arrived: Arrived) -> None:
        seen.append(arrived)
        steps.append("arrived")

    write_script(parts, known.lead.id, "zh", rita(parts), now=NOW, on_progress=note, on_arrival=arrive)
    assert [section.id for section in seen[0].sections] == [section.id for section in known.plan.sections]
    assert seen[0].done == frozenset()
    assert steps.index("arrived") < steps.index("draft")
    shown = Arrivals(parts, NOW).view(seen[0])
    assert "沈知遥" in shown[0].lines[0][0]
    assert not any("[[" in text for section in shown for text, _ in section.lines)


@pytest.mark.parametrize("way", ["batch", "each"])
def test_the_same_seed_gives_the_same_script_in_every_way(parts: Parts, tiny: PeftEngine, way: Way) -> None:
    known = prepared(parts)
    checker = checker_of(parts.company, known.brief)
    plan = replace(known.plan, sections=known.plan.sections[:3])
    wrote: list[list[str]] = []
    drafts: list[Any] = []
    for chosen in ("first", way):
        engine: Any = Untuned(tiny)
        drafts.append(write_draft(plan, checker, engine, "adapter", way=chosen))
        wrote.append(sorted(engine.written))
    assert drafts[0] == drafts[1]
    assert wrote[0] == wrote[1]  # every answer, also the second ones, to the letter
    assert len(wrote[0]) == 6
    assert any(wrote[0])


def test_sections_are_told_one_after_the_other_in_the_order_of_the_plan(parts: Parts, tiny: PeftEngine) -> None:
    known = prepared(parts)
    engine: Any = Untuned(tiny)
    told: list[str] = []
    plan = replace(known.plan, sections=known.plan.sections[:3])
    checker = checker_of(parts.company, known.brief)
    sections, _ = write_draft(plan, checker, engine, "adapter", on_section=lambda section: told.append(section.id))
    assert told == [section.id for section in sections] == [section.id for section in plan.sections]


def test_a_rewritten_section_says_the_same_in_other_approved_words(parts: Parts) -> None:
    known = prepared(parts)
    checker = checker_of(parts.company, known.brief)
    opening = known.plan.sections[0]
    texts = [
        [line.text for line in rewrite_section(opening, checker, Pen(), turn)[0].sentences] for turn in (0, 1, 2, 1)
    ]
    assert texts[1] == texts[3]
    assert texts[0] != texts[1] != texts[2]
    assert {len(each) for each in texts} == {len(opening.moves)}


def test_the_whole_input_is_stored_with_the_script_and_an_older_body_still_loads(parts: Parts) -> None:
    _, body = written(parts)
    assert body.inputs is not None
    assert body.inputs.written_at == NOW
    assert {value.slot for value in body.inputs.values} >= {"customer", "decider", "product", "certificate"}
    cited = {source for value in body.inputs.values for source in value.sources}
    assert cited <= body.inputs.sources.keys()
    assert [each.id for each in body.inputs.plan] == [section.id for section in body.sections]
    assert from_json(to_json(body)) == body
    older = {key: value for key, value in json.loads(to_json(body)).items() if key not in NEWER}
    assert from_json(json.dumps(older)) == replace(body, inputs=None)


NEWER = ("inputs", "rewrites", "restores")
LATER = NOW + timedelta(days=40)
