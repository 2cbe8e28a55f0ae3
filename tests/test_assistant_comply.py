"""Compliance beyond words: hours for calls, the scope valid on the day, why a wording is allowed, and rechecking."""

import json
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from assistant.amend import edit
from assistant.comply import judgements
from assistant.comply_recheck import affected, changes, is_due, pack_digest, recheck
from assistant.comply_scope import NO_SCOPES, Scope, Scopes, scope_findings, scope_of
from assistant.components import render
from assistant.knowledge_view import Queue, Room
from assistant.lead import Lead, LeadForm, enter_lead, lead_of
from assistant.page_rep import LeadRow
from assistant.page_review import Row
from assistant.parts import Parts, silent
from assistant.pipeline import checker_of, prepare, write_script
from assistant.review import decide, submit, withdraw
from assistant.rules_view import StoppedView, stopped_queue
from assistant.rules_watch import RulesWatch
from assistant.store import script_of
from assistant.terminal_recheck import lines
from assistant.view import view_brief, view_script
from assistant.writing_view import view_writing
from governance import accounts, ledger
from governance.accounts import User
from governance.db import reading
from governance.errors import Conflict, Invalid, Language, NotAllowed, Refused
from rag.company import Company, load_company
from rag.facts import make_fact

NOW = datetime(2026, 11, 20, 8, tzinfo=UTC)  # a Friday, four in the afternoon in Shanghai
LATER = NOW + timedelta(hours=2)
SAMPLES = Path("data_samples")


def written(parts: Parts, channel: str = "phone") -> tuple[str, str]:
    with reading(parts.db) as tx:
        rita = accounts.user(tx, "rita")
    with parts.db.begin() as tx:
        form = LeadForm.model_validate({"customer": "H001", "stage": "proposal", "product": "P01", "channel": channel})
        lead = enter_lead(tx, parts.vault, parts.company, form, rita, NOW)
    return lead.id, write_script(parts, lead.id, "zh", rita, now=NOW, on_progress=silent)


def own(parts: Parts, script: str) -> Lead:
    with reading(parts.db) as tx:
        return lead_of(tx, script_of(tx, parts.vault, script).lead)


def queue_of(parts: Parts) -> Queue[StoppedView, None]:
    with reading(parts.db) as tx:
        room = Room(tx, parts.vault, parts.company, "en", True, parts.rechecks)
        return stopped_queue(room, 1, NOW.date())


def work_of(parts: Parts, lead: str, script: str, user: User) -> tuple[Any, ...]:
    view = view_script(parts, script, user, NOW, "zh")
    row = LeadRow(lead, "青禾", "H001", "方案", "", "phone", NOW, view.status, script)
    return row, view_brief(parts, lead, user, "zh", NOW), view, [], view_writing(parts, script, user, NOW, "zh-CN")


def stricter(company: Company) -> Company:
    """The same company after a rule was added that the script's own wording breaks."""
    pack = company.packs[0]
    rule = pack.rules[0].model_copy(update={"id": "house-rule", "detect": {"zh": ["人工智能"]}, "exceptions": []})
    changed = pack.model_copy(update={"rules": [*pack.rules, rule]})
    return replace(company, packs=(changed, *company.packs[1:]))


@pytest.mark.parametrize(
    ("text", "language", "claims"),
    [
        ("清影Q5用于腹部和血管的超声检查。", "zh", []),
        ("清影Q5可以做甲状腺检查。", "zh", ["甲状腺检查"]),
        ("清影Q5不能用于儿童。", "zh", []),
        ("另一款产品用于甲状腺检查。", "zh", []),
        ("Qingying Q5 is suitable for cardiac imaging.", "en", ["cardiac imaging"]),
        ("Qingying Q5 is intended for ultrasound examination of the abdomen.", "en", []),
    ],
)
def test_a_claimed_use_lies_within_the_valid_scope(text: str, language: Language, claims: list[str]) -> None:
    texts = ("用于腹部和血管的超声检查", "ultrasound examination of the abdomen and vessels")
    scope = Scope("P01", ("清影Q5", "Qingying Q5"), texts, "沪械注准20242060123", "2029-05-17", True)
    assert [finding.quoted for finding in scope_findings(text, language, [scope])] == claims


def test_a_sentence_is_judged_by_the_products_that_it_names_else_by_the_one_on_offer() -> None:
    offered = Scope("P01", ("清影Q5",), ("用于腹部的超声检查",), "沪械注准20242060123", "2029-05-17", True)
    longer = Scope("P02", ("清影Q5 Pro",), ("用于骨密度检查",), "沪械注准20242060124", "2029-05-17", True)
    ended = Scope("P03", ("TM-8",), ("用于转运监护",), "沪械注准20192070001", "2024-05-17", False)
    scopes = Scopes("P01", (offered, longer, ended))
    assert scopes.findings("清影Q5 Pro可用于骨密度检查。", "zh") == []
    assert scopes.findings("它返厂检测过，这次检测结果告知您。", "zh") == []
    said = "可用于骨密度检查。TM-8可用于转运监护。"
    assert [each.quoted for each in scopes.findings(said, "zh")] == ["骨密度检查", "转运监护"]


def test_on_the_day_after_the_certificate_ends_no_use_may_be_named() -> None:
    def stated(relation: str, value: str, **attributes: str):
        ends = date(2026, 11, 21) if relation == "certificate" else None
        return make_fact(
            "product:P01",
            relation,
            value,
            attributes,
            source="s",
            known_from=NOW,
            valid_from=date(2021, 11, 21),
            valid_to=ends,
        )

    facts = [
        stated("name", "清影Q5"),
        stated("certificate", "沪械注准20212060001", until="2026-11-20"),
        stated("scope", "用于腹部的超声检查", language="zh"),
    ]
    said = "这款设备用于腹部检查。"
    assert scope_findings(said, "zh", [scope_of("P01", facts, date(2026, 11, 20))], about="P01") == []
    [finding] = scope_findings(said, "zh", [scope_of("P01", facts, date(2026, 11, 21))], about="P01")
    assert (finding.severity, finding.rule) == ("block", "beyond-valid-scope")
    assert "2026-11-20" in finding.message.zh


def test_it_is_said_why_a_wording_is_allowed_and_why_another_is_not() -> None:
    company = load_company(SAMPLES)
    [allowed] = judgements(company, "我们从不给回扣。", "zh")
    assert allowed.allowed_by is not None
    assert "否认" in allowed.allowed_by.zh
    stopped = judgements(company, "给您个人回扣。", "zh")
    assert all(each.allowed_by is None and each.considered and each.article and each.version for each in stopped)


@pytest.mark.slow
def test_a_changed_rule_lists_what_it_would_now_stop_and_only_then(parts: Parts) -> None:
    lead, script = written(parts)
    assert recheck(parts.db, parts.vault, parts.company, now=NOW) == []
    assert recheck(parts.db, parts.vault, parts.company, now=NOW) is None
    parts.company = stricter(parts.company)
    found = recheck(parts.db, parts.vault, parts.company, now=NOW)
    assert found is not None
    assert [(each.script, each.is_stopped) for each in found] == [(script, True)]
    assert {finding.rule for finding in found[0].new} == {"house-rule"}
    assert script in "\n".join(lines(found, "zh"))
    with reading(parts.db) as tx:
        assert not is_due(tx, parts.company, NOW.date())
        assert is_due(tx, parts.company, NOW.date() + timedelta(days=1))
        assert affected(tx, parts.vault, parts.company, NOW.date()) == found
        assert "script.stopped_by_rules" in [event.event for event in ledger.events_of(tx, script)]
        rita = accounts.user(tx, "rita")
    view = view_script(parts, script, rita, NOW)
    assert {finding.rule for finding in view.stopped} == {"house-rule"}
    assert view.stale
    assert lead
    with pytest.raises(Refused):
        submit(parts, script, rita, NOW)


@pytest.mark.slow
def test_a_rule_that_is_gone_is_listed_without_stopping_anything(parts: Parts) -> None:
    _, script = written(parts)
    with reading(parts.db) as tx:
        stored = script_of(tx, parts.vault, script)
    strict = changes(stricter(parts.company), stored, NO_SCOPES)
    before = replace(stored, body=replace(stored.body, findings=strict.new))
    change = changes(parts.company, before, NO_SCOPES)
    assert (change.new, change.gone, change.is_stopped) == ((), strict.new, False)
    assert pack_digest(stricter(parts.company)) != pack_digest(parts.company)


@pytest.mark.slow
def test_a_stopped_script_is_listed_with_the_rule_and_goes_back_to_its_author(parts: Parts) -> None:
    lead, script = written(parts)
    with reading(parts.db) as tx:
        rita, cora = accounts.user(tx, "rita"), accounts.user(tx, "cora")
    submit(parts, script, rita, NOW)
    decide(parts, script, cora, "approve", now=NOW)
    assert queue_of(parts).rows == ()
    parts.company = stricter(parts.company)
    recheck(parts.db, parts.vault, parts.company, now=NOW, memory=parts.rechecks)
    [row] = queue_of(parts).rows
    assert (row.script, row.status, row.stopped, row.since, row.can_withdraw) == (script, "approved", True, NOW, True)
    [found] = row.findings
    assert (found.rule, found.quoted, found.section) == ("house-rule", "人工智能", "Opening")
    assert found.article
    assert found.version
    assert found.instead
    row_of = Row(script, "青禾", "方案", "rita", "1 天前", 0, 0, "low", False, True)
    assert "已停用" in render("page_review.html", "queue", "zh-CN", [row_of], "")
    shown = render("page_knowledge.html", "rules", "en", queue_of(parts), None)
    assert f"/review/?script={script}" in shown
    assert 'data-act="withdraw"' in shown
    assert "house-rule" not in shown
    with pytest.raises(Invalid):
        withdraw(parts, script, cora, " ", now=NOW)
    withdraw(parts, script, cora, "新规施行，请改措辞", now=LATER)
    view = view_script(parts, script, rita, LATER)
    assert (view.status, view.stopped_since) == ("draft", NOW)
    assert view.decision is not None
    assert (view.decision.decision, view.decision.reason) == ("withdraw", "新规施行，请改措辞")
    page = render("page_rep.html", "work", "zh-CN", *work_of(parts, lead, script, rita))
    assert "新规施行，请改措辞" in page
    assert "改掉引用的字句" in page
    assert not queue_of(parts).rows[0].can_withdraw
    with pytest.raises(Conflict):
        withdraw(parts, script, cora, "再撤一次", now=LATER)


@pytest.mark.slow
def test_an_author_takes_back_what_is_stopped_and_nothing_else_and_it_is_reviewed_again(parts: Parts) -> None:
    lead, script = written(parts)
    with reading(parts.db) as tx:
        rita, cora = accounts.user(tx, "rita"), accounts.user(tx, "cora")
    submit(parts, script, rita, NOW)
    decide(parts, script, cora, "approve", now=NOW)
    with pytest.raises(NotAllowed):
        withdraw(parts, script, rita, "想改", now=NOW)
    lawful, parts.company = parts.company, stricter(parts.company)
    page = render("page_rep.html", "work", "zh-CN", *work_of(parts, lead, script, rita))
    assert 'data-act="take_back"' in page
    withdraw(parts, script, rita, "按现行规则收回", now=NOW)
    parts.company = lawful
    submit(parts, script, rita, LATER)
    assert view_script(parts, script, rita, LATER).status == "waiting"
    decide(parts, script, cora, "approve", now=LATER)  # the vote before it was withdrawn no longer counts
    assert view_script(parts, script, rita, LATER).status == "approved"


@pytest.mark.slow
def test_changed_packs_and_a_new_day_are_noticed_without_anybody_clicking(parts: Parts, tmp_path: Path) -> None:
    _, script = written(parts)
    watch = RulesWatch(parts)
    assert watch.look(NOW) == []
    assert watch.look(NOW) is None
    assert watch.look(NOW + timedelta(days=1)) == []
    shipped = Path("packs/cn-advertising.yaml").read_text(encoding="utf-8")
    (tmp_path / "company" / "cn-advertising.yaml").write_text("rules: [", encoding="utf-8")
    assert watch.look(NOW + timedelta(days=1)) is None  # half a file: the rules read last stay
    rule = parts.company.packs[0].rules[0].model_dump(mode="json", exclude={"hits", "passes", "exceptions", "detect"})
    rule |= {"id": "house-rule", "detect": {"zh": ["人工智能"]}, "hits": ["人工智能"], "passes": []}
    changed = shipped + "\n  - " + json.dumps(rule, ensure_ascii=False) + "\n"
    (tmp_path / "company" / "cn-advertising.yaml").write_text(changed, encoding="utf-8")
    found = watch.look(NOW + timedelta(days=1))
    assert found is not None
    assert [(each.script, each.is_stopped) for each in found] == [(script, True)]
    (tmp_path / "company" / "cn-advertising.yaml").unlink()
    assert watch.look(NOW + timedelta(days=1)) == []
    with reading(parts.db) as tx:
        events = [event.event for event in ledger.events_of(tx, script)]
    assert events.count("script.stopped_by_rules") == events.count("script.cleared_by_rules") == 1


@pytest.mark.slow
def test_a_use_outside_the_valid_scope_is_refused_while_writing_and_editing(parts: Parts) -> None:
    _, script = written(parts)
    with reading(parts.db) as tx:
        rita = accounts.user(tx, "rita")
    with pytest.raises(Refused) as refused:
        edit(parts, script, rita, {("product", 0): "它还可以用于骨密度检查。"}, now=NOW)
    assert "骨密度" in refused.value.say("zh")
    lead = own(parts, script)
    prepared = prepare(parts, lead, "zh", rita, now=NOW)
    checker = checker_of(parts.company, prepared.brief, prepared.scopes)
    section = next(each for each in prepared.plan.sections if each.id == "product")
    moves = [move.model_copy(update={"zh": ["它还可以用于骨密度检查。"]}) for move in section.moves[:1]]
    bold = replace(section, moves=tuple(moves), values=section.values)
    _, reason = checker.check(bold, "它还可以用于骨密度检查。", "adapter")
    assert reason is not None
    assert "骨密度" in reason.zh
