"""A script whose facts changed says so on top, in every list and in the reader's language, and needs a reason."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import delete, select

from assistant.changed import changed, note_missing, rests_on_change
from assistant.components import render
from assistant.i18n import Locale, language_of
from assistant.lead import LeadForm, enter_lead
from assistant.parts import Parts, silent
from assistant.pipeline import write_script
from assistant.review import decide, queue, submit
from assistant.script import from_json, to_json
from assistant.show import script_lines
from assistant.store import script_of
from assistant.tables import scripts
from assistant.view import DecisionView, view_script
from governance import accounts
from governance.accounts import User
from governance.db import reading
from governance.errors import Invalid
from governance.vault import seal
from rag.customers import decision_maker
from rag.facts import Fact, add_facts, facts_about, make_fact, retire
from rag.tables import derived_from

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore::DeprecationWarning")]
NOW = datetime(2026, 11, 21, 8, tzinfo=UTC)
LATER = NOW + timedelta(days=3)
CUSTOMER = "customer:H001"


def user(parts: Parts, name: str) -> User:
    with reading(parts.db) as tx:
        return accounts.user(tx, name)


def waiting(parts: Parts) -> str:
    rita = user(parts, "rita")
    with parts.db.begin() as tx:
        lead = enter_lead(tx, parts.vault, parts.company, LeadForm(customer=CUSTOMER, stage="proposal"), rita, NOW)
    script = write_script(parts, lead.id, "zh", rita, now=NOW, on_progress=silent)
    submit(parts, script, rita, NOW)
    return script


def decider(parts: Parts) -> Fact:
    with reading(parts.db) as tx:
        found = decision_maker(tx, CUSTOMER, NOW.date())
    assert found is not None
    return found


def somebody_succeeds(parts: Parts) -> Fact:
    """Another person takes the decision maker's post, two days after the script was written."""
    held = decider(parts)
    since = (NOW + timedelta(days=2)).date()
    successor = make_fact(
        "p_00000000000000aa",
        held.relation,
        held.value,
        held.attributes,
        source=held.source,
        known_from=LATER,
        valid_from=since,
        unique=True,
    )
    with parts.db.begin() as tx:
        add_facts(tx, [successor])
    return successor


def stale(parts: Parts, script: str) -> bool:
    with reading(parts.db) as tx:
        return rests_on_change(changed(tx, [script], LATER.date()).get(script, []))


def test_sentences_are_noted_with_the_facts_of_their_values_and_the_brief_behind_them(parts: Parts) -> None:
    script = waiting(parts)
    with reading(parts.db) as tx:
        rows = tx.execute(select(derived_from).where(derived_from.c.artefact == script)).all()
        body = script_of(tx, parts.vault, script).body
    said = {f"{section.id}.{n}": line.facts for section in body.sections for n, line in enumerate(section.sentences)}
    noted = {claim: {row.fact for row in rows if row.claim == claim and row.kind == "script"} for claim in said}
    assert noted == {claim: set(facts) for claim, facts in said.items()}
    assert decider(parts).id in {fact for facts in said.values() for fact in facts}
    assert {row.claim for row in rows if row.kind == "brief"} >= {"customer", "decider"}
    assert not stale(parts, script)


def test_a_change_shows_on_top_in_the_readers_language_and_in_the_queue(parts: Parts) -> None:
    script, cora = waiting(parts), user(parts, "cora")
    with reading(parts.db) as tx:
        assert [row.changed for row in queue(tx, cora, LATER.date())] == [False]
    assert view_script(parts, script, cora, LATER).changed == ()
    somebody_succeeds(parts)
    zh, en = view_script(parts, script, cora, LATER), view_script(parts, script, cora, LATER, "en")
    assert zh.stale
    assert "第 1 句" in zh.changed[0].place
    assert "由另一人接任" in zh.changed[0].path[-1]
    assert "sentence 1" in en.changed[0].place
    assert "somebody else has held the post" in en.changed[0].path[-1]
    assert "p_" not in str(zh.changed)
    printed = list(script_lines(zh))
    assert any("自撰写以来" in line for line in printed[:3])
    with reading(parts.db) as tx:
        assert [row.changed for row in queue(tx, cora, LATER.date())] == [True]


def test_a_reviewer_approves_it_only_with_a_reason_and_the_approved_one_stays_marked(parts: Parts) -> None:
    script, cora = waiting(parts), user(parts, "cora")
    somebody_succeeds(parts)
    for reason in ("", "  "):
        with pytest.raises(Invalid) as refused:
            decide(parts, script, cora, "approve", reason, now=LATER)
        assert "理由" in refused.value.say("zh")
        assert "reason" in refused.value.say("en")
    decide(parts, script, cora, "approve", "已电话核实，仍由其对接", now=LATER)
    view = view_script(parts, script, cora, LATER)
    assert (view.status, view.stale) == ("approved", True)


def test_approving_without_a_reason_is_fine_when_nothing_changed_and_the_mark_comes_later(parts: Parts) -> None:
    script, cora = waiting(parts), user(parts, "cora")
    decide(parts, script, cora, "approve", now=NOW)
    assert not view_script(parts, script, cora, LATER).stale
    successor = somebody_succeeds(parts)
    assert view_script(parts, script, cora, LATER).stale
    with parts.db.begin() as tx:
        retire(tx, [successor.id], LATER)  # it was a mistake
    assert not view_script(parts, script, cora, LATER).stale


def test_what_only_the_brief_says_is_shown_but_asks_for_no_reason(parts: Parts) -> None:
    script, cora = waiting(parts), user(parts, "cora")
    with parts.db.begin() as tx:
        spoken = set(tx.scalars(select(derived_from.c.fact).where(derived_from.c.kind == "script")))
        only = next(fact for fact in tx.scalars(select(derived_from.c.fact)) if fact not in spoken)
        retire(tx, [only], LATER)
    view = view_script(parts, script, cora, LATER)
    assert (view.stale, len(view.changed)) == (False, 1)
    assert "简报" in view.changed[0].place
    decide(parts, script, cora, "approve", now=LATER)


def test_an_edited_script_rests_on_the_facts_of_the_day_on_which_the_sentence_was_written(parts: Parts) -> None:
    script, cora = waiting(parts), user(parts, "cora")
    view = view_script(parts, script, cora, NOW)
    section = view.sections[-1]
    edits = {(section.id, len(section.sentences) - 1): "期待与您进一步沟通。"}
    edited = decide(parts, script, cora, "edit", "", edits, now=NOW + timedelta(days=1))
    with reading(parts.db) as tx:
        moments = set(tx.scalars(select(derived_from.c.at).where(derived_from.c.artefact == edited)))
    assert moments == {NOW}
    assert not stale(parts, edited)
    somebody_succeeds(parts)
    assert stale(parts, edited)


def test_scripts_of_an_older_version_are_noted_once_by_the_sources_they_cite(parts: Parts) -> None:
    script = waiting(parts)
    with parts.db.begin() as tx:
        tx.execute(delete(derived_from))
        body = script_of(tx, parts.vault, script).body
        bare = [replace(s, sentences=tuple(replace(line, facts=()) for line in s.sentences)) for s in body.sections]
        text = to_json(replace(body, sections=tuple(bare), inputs=None)).replace(',"facts":[]', "")
        assert '"facts"' not in text
        assert from_json(text).sections[0].sentences[0].facts == ()
        tx.execute(scripts.update().values(body=seal(parts.vault, text)))
    assert note_missing(parts.db, parts.vault) == 1
    assert note_missing(parts.db, parts.vault) == 0
    assert not stale(parts, script)
    somebody_succeeds(parts)
    assert stale(parts, script)


def test_a_change_of_another_customer_marks_nothing(parts: Parts) -> None:
    script = waiting(parts)
    with parts.db.begin() as tx:
        [name] = facts_about(tx, CUSTOMER, as_of=None, relation="name")
        other = make_fact("customer:H999", "name", "云渚医院", source=name.source, known_from=LATER)
        add_facts(tx, [other])
        retire(tx, [other.id], LATER)
    assert not stale(parts, script)


@pytest.mark.parametrize(("lang", "said"), [("zh-CN", "自撰写以来，这些依据已变化"), ("en", "Since this was written")])
def test_the_pages_say_it_above_the_script_and_ask_for_the_reason(parts: Parts, lang: Locale, said: str) -> None:
    script, cora = waiting(parts), user(parts, "cora")
    somebody_succeeds(parts)
    view = view_script(parts, script, cora, LATER, language_of(lang))
    page = render("page_review.html", "item", lang, view, False, False, people={})
    assert page.index(said) < page.index(view.sections[0].sentences[0].text)
    assert 'name="reason" rows="3" required maxlength="500"' in page
    approved = replace(view, status="approved", decision=DecisionView("cora", "approve", "核实", LATER))
    shown = render("shared.html", "decided", lang, approved, people={})
    assert ("不可直接使用" if lang == "zh-CN" else "not ready to use") in shown
    calm = render("page_review.html", "item", lang, replace(view, changed=(), stale=False), False, False, people={})
    assert said not in calm
    assert 'maxlength="500"' not in calm
