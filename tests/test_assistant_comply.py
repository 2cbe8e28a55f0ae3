"""Compliance beyond words: hours for calls, the scope valid on the day, why a wording is allowed, and rechecking."""

import shutil
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from assistant.comply import judgements
from assistant.comply_hours import call_notice, hours, local, may_call
from assistant.comply_recheck import affected, changes, is_due, pack_digest, recheck
from assistant.comply_scope import Scope, scope_findings, scope_of
from assistant.lead import LeadForm, enter_lead
from assistant.parts import Parts, open_parts, silent
from assistant.pipeline import write_script
from assistant.review import submit
from assistant.store import script_of
from assistant.terminal_recheck import lines
from assistant.view import view_brief, view_script
from governance import accounts, ledger
from governance.db import reading
from governance.errors import Language, Refused
from governance.settings import Settings
from rag.company import Company, load_company
from rag.facts import make_fact
from rag.pipeline import ingest
from tests.small_company import cut_company

NOW = datetime(2026, 11, 20, 8, tzinfo=UTC)  # a Friday, four in the afternoon in Shanghai
SAMPLES = Path("data_samples")


@pytest.fixture(scope="module")
def ingested(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("comply")
    documents = sorted(path.name for path in (SAMPLES / "documents").iterdir())[:3]
    cut_company(folder / "company", ["H001"], documents)
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


def written(parts: Parts, channel: str = "phone") -> tuple[str, str]:
    with reading(parts.db) as tx:
        rita = accounts.user(tx, "rita")
    with parts.db.begin() as tx:
        form = LeadForm.model_validate({"customer": "H001", "stage": "proposal", "product": "P01", "channel": channel})
        lead = enter_lead(tx, parts.vault, parts.company, form, rita, NOW)
    return lead.id, write_script(parts, lead.id, "zh", rita, now=NOW, on_progress=silent)


def stricter(company: Company) -> Company:
    """The same company after a rule was added that the script's own wording breaks."""
    pack = company.packs[0]
    rule = pack.rules[0].model_copy(update={"id": "house-rule", "detect": {"zh": ["人工智能"]}, "exceptions": []})
    changed = pack.model_copy(update={"rules": [*pack.rules, rule]})
    return replace(company, packs=(changed, *company.packs[1:]))


@pytest.mark.parametrize(
    ("at", "free"),
    [
        ("2026-11-20T08:29", False),
        ("2026-11-20T08:30", True),
        ("2026-11-20T12:00", False),
        ("2026-11-20T19:59", True),
        ("2026-11-20T20:00", False),
        ("2026-11-21T10:00", False),  # Saturday
        ("2026-10-05T10:00", False),  # National Day
        ("2026-10-10T10:00", True),  # a Saturday that is worked instead
        ("2026-09-25T10:00", False),  # Mid-Autumn
    ],
)
def test_calls_are_made_in_the_hours_of_working_days(at: str, free: bool) -> None:
    finding = may_call(datetime.fromisoformat(at))
    assert (finding is None) == free
    assert finding is None or (finding.article and finding.version and finding.quoted)


def test_the_clock_is_that_of_the_called_party() -> None:
    assert local(NOW).hour == 16
    assert may_call(local(NOW + timedelta(hours=10), "US"), "US") is None
    assert may_call(local(NOW, "US"), "US") is not None
    assert hours()["CN"].unverified


@pytest.mark.parametrize("language", ["zh", "en"])
def test_a_visit_needs_no_hour_and_a_late_call_is_pointed_out(language: Language) -> None:
    late = NOW + timedelta(hours=6)
    assert call_notice(late, "visit", language) == ""
    assert call_notice(NOW, "phone", language) == ""
    assert "22:00" in call_notice(late, "phone", language)


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
    strict = changes(stricter(parts.company), stored, ())
    before = replace(stored, body=replace(stored.body, findings=strict.new))
    change = changes(parts.company, before, ())
    assert (change.new, change.gone, change.is_stopped) == ((), strict.new, False)
    assert pack_digest(stricter(parts.company)) != pack_digest(parts.company)


@pytest.mark.slow
def test_the_brief_of_a_phone_lead_says_when_it_is_too_late_to_call(parts: Parts) -> None:
    lead, _ = written(parts)
    with reading(parts.db) as tx:
        rita = accounts.user(tx, "rita")
    late = NOW + timedelta(hours=6)
    assert any("外呼时段" in line.text for line in view_brief(parts, lead, rita, "zh", late).notices)
    assert not any("外呼时段" in line.text for line in view_brief(parts, lead, rita, "zh", NOW).notices)
