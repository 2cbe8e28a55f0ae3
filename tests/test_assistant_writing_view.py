"""What the rep's page says of each sentence, what it lets him change, and every text of it in both languages."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from assistant.amend import edit, regenerate
from assistant.components import render
from assistant.lead import LeadForm, enter_lead
from assistant.page_rep import LeadRow
from assistant.parts import Parts, silent
from assistant.pipeline import write_script
from assistant.review import submit
from assistant.view import view_brief, view_script
from assistant.writing_view import view_writing
from governance import accounts
from governance.accounts import User
from governance.db import reading
from governance.errors import NotAllowed

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore::DeprecationWarning")]
NOW = datetime(2026, 11, 21, 8, tzinfo=UTC)


def user(parts: Parts, name: str) -> User:
    with reading(parts.db) as tx:
        return accounts.user(tx, name)


def written(parts: Parts, stage: str = "proposal", product: str = "P01") -> tuple[str, str]:
    rita = user(parts, "rita")
    with parts.db.begin() as tx:
        lead = enter_lead(
            tx, parts.vault, parts.company, LeadForm(customer="H001", stage=stage, product=product), rita, NOW
        )
    return lead.id, write_script(parts, lead.id, "zh", rita, now=NOW, on_progress=silent)


def test_every_sentence_says_which_wording_which_facts_and_which_article(parts: Parts) -> None:
    _, script = written(parts)
    found = view_writing(parts, script, user(parts, "rita"), NOW, "zh-CN")
    view = view_script(parts, script, user(parts, "rita"), NOW)
    assert {key: len(whys) for key, whys in found.whys.items()} == {s.id: len(s.sentences) for s in view.sections}
    greeting = found.whys["opening"][0]
    assert greeting.wording == "您好，请问是〔医院〕〔负责人和职务〕吗？"
    assert any("沈知遥" in fact.topic + fact.answer for fact in greeting.facts)
    assert all(0 < fact.evidence <= len(view.evidence) for fact in greeting.facts)
    assert any("广告法" in article for why in found.whys["product"] for article in why.demanded)
    assert found.can_change
    assert not found.can_undo
    assert found.rules > 10


def test_what_is_not_known_becomes_a_question_of_the_phrase_book(parts: Parts) -> None:
    _, script = written(parts, "first_contact", "")
    found = view_writing(parts, script, user(parts, "rita"), NOW, "zh-CN")
    for question in found.questions:
        assert question.label
        assert not question.question or question.question[-1] in "？?"


def test_a_reviewer_sees_no_name_and_may_not_change_it_here(parts: Parts) -> None:
    _, script = written(parts)
    submit(parts, script, user(parts, "rita"), NOW)
    found = view_writing(parts, script, user(parts, "cora"), NOW, "en")
    assert "沈知遥" not in str(found)
    assert not found.can_change
    with pytest.raises(NotAllowed):
        view_writing(parts, script, replace(user(parts, "rita"), name="rolf"), NOW, "en")


@pytest.mark.parametrize("lang", ["zh-CN", "en"])
def test_the_page_shows_edits_rewrites_and_the_way_back(parts: Parts, lang: str) -> None:
    lead, script = written(parts)
    rita = user(parts, "rita")
    script = regenerate(parts, script, "closing", rita, "<b>太长</b>", now=NOW)
    text = view_script(parts, script, rita, NOW).sections[0].sentences[0].text
    script = edit(parts, script, rita, {("opening", 0): text.replace("您好，", "您好！")}, now=NOW)
    writing = view_writing(parts, script, rita, NOW, lang)  # pyright: ignore[reportArgumentType]
    assert writing.can_undo
    assert writing.left["closing"] == 2
    row = LeadRow(lead, "青禾", "H001", "方案", "", "phone", NOW, "draft", script)
    brief = view_brief(parts, lead, rita, "zh", NOW)
    view = view_script(parts, script, rita, NOW)
    html = render("page_rep.html", "work", lang, row, brief, view, [], writing)  # pyright: ignore[reportArgumentType]
    assert html.count('data-act="edit"') == sum(len(section.sentences) for section in view.sections)
    assert html.count('data-act="rewrite"') == len(view.sections)
    assert 'data-act="undo"' in html
    assert "&lt;b&gt;太长" in html
    assert "<b>太长" not in html


def test_a_stage_that_is_not_trained_speaks_the_plans_words_and_says_so(parts: Parts) -> None:
    book = parts.company.phrases
    plain = book.stages["complaint"].model_copy(update={"trained": False})
    untaught = book.model_copy(update={"stages": {**book.stages, "complaint": plain}})
    parts = replace(parts, company=replace(parts.company, phrases=untaught))
    lead, script = written(parts, "complaint", "")
    rita = user(parts, "rita")
    writing = view_writing(parts, script, rita, NOW, "zh-CN")
    assert not writing.trained
    row = LeadRow(lead, "青禾", "H001", "投诉", "", "phone", NOW, "draft", script)
    brief, view = view_brief(parts, lead, rita, "zh", NOW), view_script(parts, script, rita, NOW)
    html = render("page_rep.html", "work", "zh-CN", row, brief, view, [], writing)
    assert "这个阶段尚未训练" in html
