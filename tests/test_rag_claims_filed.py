"""From a file to what waits: a new version changes only its own claims, a file that is gone leaves none."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import Engine

from governance.db import reading
from governance.vault import Vault, open_vault
from rag.company import Company
from rag.facts import facts_about
from rag.filing import retire_file
from rag.pipeline import IngestReport, ingest
from rag.proposals import accept, proposals_in
from tests.small_company import cut_company

NOW = datetime(2026, 11, 21, 9, tzinfo=UTC)
MINE, OTHERS = "拜访记录_青禾市第一人民医院.txt", "会议纪要_青禾市第一人民医院.txt"
VISIT = "拜访记录\n\n日期：2026-11-02\n医院：青禾市第一人民医院\n\n我方承诺2026年12月1日前提供延保方案。\n"


@pytest.fixture
def company(tmp_path: Path) -> Company:
    found = cut_company(tmp_path / "company", ["H001"], [])
    write(found, MINE, VISIT)
    write(found, OTHERS, VISIT.replace("拜访记录", "会议纪要").replace("延保方案", "培训方案"))
    return found


def write(company: Company, name: str, text: str) -> None:
    (company.folder / "documents" / name).write_text(text, encoding="utf-8")


def take(db: Engine, vault: Vault, company: Company) -> IngestReport:
    return ingest(db, vault, company, now=NOW)


def waiting(db: Engine) -> dict[str, str]:
    with reading(db) as tx:
        return {each.attributes["text"]: each.id for each in proposals_in(tx, "waiting") if each.relation == "promise"}


def promised(db: Engine) -> set[str]:
    with reading(db) as tx:
        facts = facts_about(tx, "customer:H001", as_of=None, relation="promise")
        return {fact.attributes["text"] for fact in facts if fact.attributes.get("due") == "2026-12-01"}


@pytest.mark.slow
def test_a_new_version_keeps_what_it_still_says_and_takes_back_what_it_does_not(
    db: Engine, tmp_path: Path, company: Company
) -> None:
    vault = open_vault(tmp_path / "keys")
    assert take(db, vault, company).problems == ()
    plan, training = "我方承诺2026年12月1日前提供延保方案", "我方承诺2026年12月1日前提供培训方案"
    first = waiting(db)
    assert first.keys() == {plan, training}
    take(db, vault, company)
    assert waiting(db) == first
    with db.begin() as tx:
        accept(tx, first[plan], by="ling", reason="已核实", now=NOW)
    write(company, MINE, VISIT + "\n会上没有讨论价格。\n")
    take(db, vault, company)
    assert (waiting(db), promised(db)) == ({training: first[training]}, {plan})  # accepted once, still stated
    write(company, MINE, VISIT.replace("延保方案", "备件清单"))
    take(db, vault, company)
    assert waiting(db).keys() == {"我方承诺2026年12月1日前提供备件清单", training}
    assert promised(db) == set()  # nothing states it any more
    with db.begin() as tx:
        retire_file(tx, MINE, actor="admin", now=NOW)
    assert waiting(db) == {training: first[training]}


@pytest.mark.slow
def test_a_document_from_the_future_is_read_and_reported_and_begins_nothing(
    db: Engine, tmp_path: Path, company: Company
) -> None:
    vault = open_vault(tmp_path / "keys")
    write(company, MINE, VISIT.replace("2026-11-02", "2027-11-02"))
    [problem] = take(db, vault, company).problems
    assert problem.name == MINE
    assert "在未来" in problem.error.say("zh")
    assert "lies in the future" in problem.error.say("en")
    with reading(db) as tx:
        every = proposals_in(tx, "waiting")
    assert {each.valid_from for each in every if each.source} <= {None, NOW.replace(day=2).date()}
    assert len(waiting(db)) == 1
