"""A script as it is written: the plan's wording at once, sections as they are done, the same text in every way."""

import json
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import update

from assistant.amend import edit, regenerate, undo
from assistant.arriving_view import Arrivals
from assistant.draft import Pen, Way, rewrite_section, write_draft
from assistant.lead import LeadForm, enter_lead
from assistant.parts import Parts, silent
from assistant.pipeline import Arrived, Prepared, checker_of, prepare, write_script
from assistant.replay import replay
from assistant.review import decide, submit
from assistant.script import Script, from_json, to_json
from assistant.store import script_of
from assistant.tables import scripts
from assistant.view import view_script
from governance import accounts, ledger
from governance.accounts import User
from governance.db import reading
from governance.errors import Conflict, Invalid, NotAllowed, NotFound, Refused
from governance.vault import TOKEN, forget, seal, token
from rag.customers import decision_maker
from rag.facts import facts_about, retire
from rag.tables import facts
from sandbox.base import Base
from sandbox.engine import Generation, PeftEngine, Prompt, open_engine
from tests.tiny_model import save_tiny_model

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore::DeprecationWarning")]
NOW = datetime(2026, 11, 21, 8, tzinfo=UTC)
LATER = NOW + timedelta(days=2)
NEWER = ("inputs", "rewrites", "restores")  # what older bodies lack


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


class Told(Untuned):
    """The same behind an engine that tells of each answer when it ends."""

    def generate_telling(self, prompts: Any, tell: Any, **options: Any) -> Any:
        asked = [replace(prompt, adapter=None) for prompt in prompts]
        found = self.engine.generate_telling(asked, tell, **options)
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


@pytest.mark.parametrize(("way", "kind"), [("first", Untuned), ("each", Untuned), ("batch", Told), ("first", Told)])
def test_the_same_seed_gives_the_same_script_in_every_way(
    parts: Parts, tiny: PeftEngine, way: Way, kind: type[Untuned]
) -> None:
    known = prepared(parts)
    checker = checker_of(parts.company, known.brief)
    plan = replace(known.plan, sections=known.plan.sections[:3])
    wrote: list[list[str]] = []
    drafts: list[Any] = []
    ways: list[tuple[Way, type[Untuned]]] = [("batch", Untuned), (way, kind)]
    for chosen, writer in ways:
        engine: Any = writer(tiny)
        drafts.append(write_draft(plan, checker, engine, "adapter", way=chosen))
        wrote.append(sorted(engine.written))
    assert drafts[0] == drafts[1]
    assert wrote[0] == wrote[1]  # every answer, also the second ones, to the letter
    assert len(wrote[0]) == 6
    assert any(wrote[0])


def test_a_batch_tells_of_every_answer_once_and_of_the_short_ones_first(tiny: PeftEngine) -> None:
    prompts = [Prompt(text, None) for text in ("您好，请问", "您好", "打扰了")]
    heard: list[tuple[int, Generation]] = []
    limits = [30, 5, 12]
    found = tiny.generate_telling(prompts, lambda index, answer: heard.append((index, answer)), limits=limits)
    whole = tiny.generate(prompts, max_new_tokens=30)
    assert sorted(index for index, _ in heard) == [0, 1, 2]
    assert [heard[[index for index, _ in heard].index(each)][1] for each in range(3)] == found
    assert all(got.tokens <= limit for got, limit in zip(found, limits, strict=True))
    assert found[0] == whole[0]
    assert [index for index, _ in heard] == sorted(range(3), key=lambda each: found[each].tokens)
    assert tiny.generate_telling([], lambda index, _: heard.append((index, found[0])), limits=[]) == []


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


def test_a_script_is_replayed_to_the_letter(parts: Parts) -> None:
    script, body = written(parts)
    found = replay(parts, script, now=LATER)
    assert found.same
    assert found.reasons == ()
    assert found.script == body


def test_a_replay_sees_the_facts_of_its_day_and_says_which_source_is_gone(parts: Parts) -> None:
    script, _ = written(parts)
    with parts.db.begin() as tx:
        bought = [f for f in facts_about(tx, "customer:H001", as_of=None) if f.relation == "bought"]
        retire(tx, [fact.id for fact in bought], NOW + timedelta(days=1))
    assert replay(parts, script, now=LATER).same
    with parts.db.begin() as tx:  # as if they had never been known
        tx.execute(update(facts).values(known_from=LATER).where(facts.c.id.in_([fact.id for fact in bought])))
    found = replay(parts, script, now=LATER)
    assert not found.same
    assert any("buy1_quantity" in reason.zh for reason in found.reasons)
    assert found.differences


def test_a_replay_names_the_phrase_book_that_changed(parts: Parts) -> None:
    script, _ = written(parts)
    opening = parts.company.phrases.sections["opening"]
    moves = [m.model_copy(update={"zh": m.zh[1:]}) for m in opening.moves]
    sections = parts.company.phrases.sections | {"opening": opening.model_copy(update={"moves": moves})}
    phrases = parts.company.phrases.model_copy(update={"sections": sections})
    parts.company = replace(parts.company, phrases=phrases)
    found = replay(parts, script, now=NOW)
    assert not found.same
    assert any("话术库" in reason.zh and "phrase book" in reason.en for reason in found.reasons)
    assert {title for title, _, _ in found.differences} == {"开场白"}


def test_without_a_stored_input_nothing_is_replayed(parts: Parts) -> None:
    script, body = written(parts)
    with parts.db.begin() as tx:
        sealed = seal(parts.vault, to_json(replace(body, inputs=None)))
        tx.execute(update(scripts).values(body=sealed).where(scripts.c.id == script))
    with pytest.raises(Invalid):
        replay(parts, script, now=NOW)
    with pytest.raises(NotFound):
        replay(parts, "s_none", now=NOW)


def test_the_author_edits_a_sentence_and_a_blocked_one_says_why(parts: Parts) -> None:
    script, body = written(parts)
    shown = view_script(parts, script, rita(parts), NOW).sections[0].sentences[0].text
    assert "沈知遥" in shown
    new = edit(parts, script, rita(parts), {("opening", 0): shown.replace("您好，", "您好！")}, now=NOW)
    view = view_script(parts, new, rita(parts), NOW)
    assert view.sections[0].sentences[0].origin == "edited"
    assert view.status == "draft"
    assert replay(parts, new, now=LATER).same
    with reading(parts.db) as tx:
        assert "沈知遥" not in to_json(script_of(tx, parts.vault, new).body)
    for text in ("这是全国第一的产品。", "贵院近几年采购过99台。"):
        with pytest.raises(Refused) as refused:
            edit(parts, new, rita(parts), {("background", 0): text}, now=NOW)
        assert len(refused.value.say("zh")) > 10
    with pytest.raises(Conflict):
        edit(parts, script, rita(parts), {("opening", 0): "您好。"}, now=NOW)  # has been superseded
    with pytest.raises(NotAllowed):
        edit(parts, new, replace(rita(parts), name="rolf"), {("opening", 0): "您好。"}, now=NOW)
    assert body.sections[0].sentences[0].origin == "plan"


def test_a_name_typed_into_an_edit_is_stored_as_a_token_and_goes_when_the_person_does(parts: Parts) -> None:
    script, body = written(parts)
    ai = body.sections[0].sentences[1].text
    for said in ("沈知遥主任，您好。", "沈知遥您好。"):
        script = edit(parts, script, rita(parts), {("opening", 0): said}, now=NOW)
    with reading(parts.db) as tx:
        stored = script_of(tx, parts.vault, script)
        decider = decision_maker(tx, "customer:H001", NOW.date())
    assert decider is not None
    assert stored.body.sections[0].sentences[0].text == f"{token(decider.subject, 'name')}您好。"
    assert "沈知遥" not in to_json(stored.body)
    assert stored.body.sections[0].sentences[1].text == ai
    assert view_script(parts, script, rita(parts), NOW).sections[0].sentences[0].text == "沈知遥您好。"
    with parts.db.begin() as tx:
        forget(tx, parts.vault, decider.subject, actor="ada", now=NOW)
    after = view_script(parts, script, rita(parts), NOW).sections[0].sentences[0].text
    assert "沈知遥" not in after
    assert re.fullmatch("人员[A-Z]您好。", after)


def test_a_coordinator_who_types_the_name_stores_a_token_too(parts: Parts) -> None:
    script, _ = written(parts)
    submit(parts, script, rita(parts), NOW)
    cora = User("cora", frozenset({"coordinator"}), "Cora", "zh")
    script = decide(parts, script, cora, "edit", edits={("opening", 0): "沈知遥您好，打扰了。"}, now=NOW)
    with reading(parts.db) as tx:
        text = script_of(tx, parts.vault, script).body.sections[0].sentences[0].text
    assert TOKEN.sub("某人", text) == "某人您好，打扰了。"
    assert "沈知遥" not in str(view_script(parts, script, cora, NOW))


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ("王小明先生，您好。", "“王小明"),
        ("您好，请加我微信xinyan_2026。", "微信"),
        ("您好，我的电话是13900001234。", "13900001234"),
    ],
)
def test_unknown_names_and_numbers_are_refused_with_the_words_typed(parts: Parts, said: str, reason: str) -> None:
    script, _ = written(parts)
    with pytest.raises(Refused) as refused:
        edit(parts, script, rita(parts), {("opening", 0): said}, now=NOW)
    assert reason in refused.value.say("zh")
    assert "[[" not in refused.value.say("zh") + refused.value.say("en")


def test_the_caller_and_what_is_offered_may_be_named(parts: Parts) -> None:
    script, body = written(parts)
    said = f"您好，我是{parts.company.name('zh')}的Rita。"
    index = next(i for i, line in enumerate(body.sections[0].sentences) if "Rita" in line.text)
    edit(parts, script, rita(parts), {("opening", index): said}, now=NOW)


def test_a_section_is_rewritten_three_times_with_a_reason_and_taken_back(parts: Parts) -> None:
    script, body = written(parts)
    before = [line.text for line in body.sections[1].sentences]
    with pytest.raises(Invalid):
        regenerate(parts, script, body.sections[1].id, rita(parts), " ", now=NOW)
    texts, after = [before], body
    for turn in range(3):
        script = regenerate(parts, script, "background", rita(parts), f"太生硬 {turn}", now=NOW)
        with reading(parts.db) as tx:
            after = script_of(tx, parts.vault, script).body
        texts.append([line.text for line in after.sections[1].sentences])
        assert replay(parts, script, now=LATER).same
    assert len({tuple(text) for text in texts}) == 4
    assert [each.reason for each in after.rewrites] == ["太生硬 0", "太生硬 1", "太生硬 2"]
    with pytest.raises(Conflict):
        regenerate(parts, script, "background", rita(parts), "再来", now=NOW)
    script = undo(parts, script, rita(parts), now=NOW)
    script = undo(parts, script, rita(parts), now=NOW)
    with reading(parts.db) as tx:
        back = script_of(tx, parts.vault, script).body
        events = ledger.events_of(tx, script)
    assert [line.text for line in back.sections[1].sentences] == texts[1]
    assert [each.undone for each in back.rewrites] == [False, True, True]
    assert replay(parts, script, now=LATER).same
    assert "太生硬" not in str(events)
    assert "script.undone" in {event.event for event in events}
    with pytest.raises(Conflict):
        regenerate(parts, script, "background", rita(parts), "还想", now=NOW)
    undo(parts, script, rita(parts), now=NOW)


def test_there_is_nothing_to_take_back_from_a_first_draft(parts: Parts) -> None:
    script, _ = written(parts)
    with pytest.raises(Conflict):
        undo(parts, script, rita(parts), now=NOW)


def test_no_section_is_rewritten_after_its_facts_changed(parts: Parts) -> None:
    script, _ = written(parts)
    with parts.db.begin() as tx:
        bought = [f for f in facts_about(tx, "customer:H001", as_of=None) if f.relation == "bought"]
        retire(tx, [fact.id for fact in bought], NOW + timedelta(hours=1))
    with pytest.raises(Conflict):
        regenerate(parts, script, "opening", rita(parts), "太生硬", now=NOW + timedelta(hours=2))


def test_what_is_known_of_a_rejected_script_can_be_changed_and_the_rejection_stays(parts: Parts) -> None:
    script, _ = written(parts)
    with parts.db.begin() as tx:
        tx.execute(update(scripts).values(status="rejected").where(scripts.c.id == script))
    new = regenerate(parts, script, "closing", rita(parts), "驳回：结尾太长", now=NOW)
    with reading(parts.db) as tx:
        assert script_of(tx, parts.vault, script).status == "rejected"
        assert script_of(tx, parts.vault, new).status == "draft"
