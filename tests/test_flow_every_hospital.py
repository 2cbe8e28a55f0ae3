"""Every hospital of the sample company: a usable script where it may be called, a clear refusal where it may not."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from assistant.demo import business_now
from assistant.draft import write_draft
from assistant.lead import Lead
from assistant.parts import Parts, open_parts, silent
from assistant.pipeline import checker_of, findings_of, prepare
from governance.accounts import User
from governance.db import reading
from governance.errors import Language, NoConsent
from governance.settings import Settings
from rag.customers import customers
from rag.pipeline import ingest

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore::DeprecationWarning")]
REP = User("wangxiao", frozenset({"rep"}), "王晓", "zh")
HOSPITALS = 34
REFUSED = {  # as the sample records were made: for each kind of gap two
    "H007": "没有同意记录",
    "H013": "没有同意记录",
    "H016": "到期",
    "H019": "撤回",
    "H022": "到期",
    "H029": "撤回",
}


@pytest.fixture(scope="module")
def parts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Parts]:
    opened = open_parts(Settings(company=Path("data_samples"), home=tmp_path_factory.mktemp("hospitals")))
    ingest(opened.db, opened.vault, opened.company, now=datetime.now(UTC), on_progress=silent)
    yield opened
    opened.db.dispose()


def said(parts: Parts, customer: str, stage: str, language: Language, product: str = "") -> dict[str, list[str]]:
    """Section → sentences of the plan's own wording, every gate passed."""
    now = business_now(parts)
    lead = Lead("l_test", customer, stage, product, "phone", REP.name, now)
    prepared = prepare(parts, lead, language, REP, now=now)
    sections, replaced = write_draft(prepared.plan, checker_of(parts.company, prepared.brief), None, None)
    place = f"{customer} {stage} {language}"
    assert [section.id for section in sections] == [section.id for section in prepared.plan.sections], place
    assert replaced == (), place
    for section in sections:
        for line in section.sentences:
            assert "unverified" not in (line.structured, line.source), f"{place}: {line.text}"
            assert "{" not in line.text, f"{place}: {line.text}"
    found = findings_of(parts.company, stage, language, sections)
    assert [each for each in found if each.severity in ("block", "must_say", "review")] == [], place
    return {section.id: [line.text for line in section.sentences] for section in sections}


def test_every_hospital_that_may_be_called_has_a_first_call_and_the_others_a_reason(parts: Parts) -> None:
    with reading(parts.db) as tx:
        known = [customer.id for customer in customers(tx)]
    assert len(known) == HOSPITALS
    must = parts.company.phrases.must_say
    refused: dict[str, NoConsent] = {}
    for customer in known:
        try:
            script = said(parts, customer, "first_contact", "zh")
        except NoConsent as no:
            refused[customer.removeprefix("customer:")] = no
            continue
        opening = "".join(script["opening"])
        assert must["ai"].zh in opening
        assert must["optout"].zh in opening
        assert len([line for lines in script.values() for line in lines]) >= 10
        assert script["closing"][-1] == "感谢您抽时间接听，祝您工作顺利。"
    assert refused.keys() == REFUSED.keys()
    for customer, reason in REFUSED.items():
        assert reason in refused[customer].say("zh")
        assert "《个人信息保护法》第十三条" in refused[customer].say("zh")
        assert "Article" in refused[customer].say("en")


@pytest.mark.parametrize("language", ["zh", "en"])
def test_every_stage_has_a_lawful_script_for_whoever_may_be_called(parts: Parts, language: Language) -> None:
    with reading(parts.db) as tx:
        callable_ = [each.id for each in customers(tx) if each.id.removeprefix("customer:") not in REFUSED]
    for stage, content in parts.company.phrases.stages.items():
        for customer in callable_:
            script = said(parts, customer, stage, language, "P01")
            for section, names in content.must_say.items():
                for name in names if section in script else ():
                    assert parts.company.phrases.must_say[name].say(language) in "".join(script[section])
