"""A stored script checked again when it is shown: what ended, was retired or lost its source is shown as unverified."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, insert

from assistant.render_check import recheck
from assistant.script import Script, ScriptSection, Sentence
from governance.db import migrate, open_engine
from governance.vault import open_vault
from rag import tables
from rag.company import Company, load_company
from rag.facts import Fact, add_facts, make_fact, retire
from rag.sources import Source, add_sources

NOW = datetime(2026, 11, 21, tzinfo=UTC)
TODAY = NOW.date()
TEXTS = {
    "s_buy": "订单号：P1\n订单日期：2024-05-06\n品类：超声\n数量：2\n单位：台",
    "s_doc": "产品名称：澄影U8\n质保期：36个月",
}
BOUGHT = "贵院{buy1_year}采购过{buy1_category}{buy1_quantity}。"


@pytest.fixture(scope="module")
def company() -> Company:
    return load_company(Path("data_samples"))


@pytest.fixture
def tx(tmp_path: Path) -> Iterator[Connection]:
    url = f"sqlite:///{tmp_path / 'test.db'}"
    migrate(url)
    db = open_engine(url)
    document = {"id": "d", "name": "d", "kind": "export", "language": "zh", "date": None}
    with db.begin() as connection:
        connection.execute(insert(tables.documents).values(**document, sha256="0" * 64, passport="", added_at=NOW))
        add_sources(connection, open_vault(tmp_path / "keys"), sources().values())
        yield connection
    db.dispose()


@pytest.fixture
def facts(tx: Connection) -> tuple[Fact, Fact]:
    stated = {"source": "s_buy", "known_from": NOW, "valid_from": date(2024, 5, 6)}
    bought = make_fact("customer:H001", "bought", "P1", {"category": "超声", "quantity": "2"}, **stated)
    warranty = make_fact("product:U8", "warranty", "36", source="s_doc", known_from=NOW, valid_to=date(2027, 1, 1))
    add_facts(tx, [bought, warranty])
    return bought, warranty


def line(fact: Fact, text: str, masked: str, **changes: Any) -> Sentence:
    given = Sentence(text, masked, "m", (fact.source,), "p", "supported", "supported", "plan", facts=(fact.id,))
    return replace(given, **changes)


def script(*lines: Sentence) -> Script:
    sections = (ScriptSection("background", "背景", lines),)
    return Script("zh", "H001", "医院", "proposal", "U8", TODAY, "v", None, sections, (), (), (), ())


def sources(**changed: str) -> dict[str, Source]:
    texts = {**TEXTS, **changed}
    return {key: Source(key, "d", "记录", "row", None, 2, "", None, text) for key, text in texts.items()}


def checks(
    tx: Connection, company: Company, *lines: Sentence, day: date = TODAY, **texts: str
) -> list[tuple[str, str]]:
    return [(each.structured, each.source) for each in recheck(tx, script(*lines), sources(**texts), company, day)]


def test_what_still_holds_stays_supported(tx: Connection, company: Company, facts: tuple[Fact, Fact]) -> None:
    bought, warranty = facts
    lines = (
        line(bought, "贵院2024年采购过超声2台。", BOUGHT),
        line(warranty, "整机质保36个月。", "整机质保{warranty}。"),
        Sentence("您好。", "您好。", "hello", (), "p", "no_claim", "no_claim", "plan"),
    )
    assert checks(tx, company, *lines) == [("supported",) * 2, ("supported",) * 2, ("no_claim",) * 2]


def test_a_fact_that_ended_or_was_retired_verifies_nothing(
    tx: Connection, company: Company, facts: tuple[Fact, Fact]
) -> None:
    bought, warranty = facts
    said = line(warranty, "整机质保36个月。", "整机质保{warranty}。")
    assert checks(tx, company, said, day=date(2027, 1, 1)) == [("unverified", "supported")]
    retire(tx, [bought.id], NOW)
    assert checks(tx, company, line(bought, "贵院2024年采购过超声2台。", BOUGHT)) == [("unverified", "supported")]


def test_a_text_that_is_not_what_the_facts_and_sources_say_is_unverified(
    tx: Connection, company: Company, facts: tuple[Fact, Fact]
) -> None:
    bought, _ = facts
    forged = line(bought, "贵院2024年采购过超声3台。", BOUGHT)
    assert checks(tx, company, forged) == [("unverified", "unverified")]
    honest = line(bought, "贵院2024年采购过超声2台。", BOUGHT)
    assert checks(tx, company, honest, s_buy="订单号：P1\n已作废") == [("supported", "unverified")]


def test_a_fact_or_source_that_is_gone_verifies_nothing(
    tx: Connection, company: Company, facts: tuple[Fact, Fact]
) -> None:
    bought, _ = facts
    lost = line(bought, "贵院2024年采购过超声2台。", BOUGHT, facts=("f_gone",), sources=("s_gone",))
    assert checks(tx, company, lost) == [("unverified", "unverified")]


def test_a_sentence_that_cannot_be_read_again_is_unverified(
    tx: Connection, company: Company, facts: tuple[Fact, Fact]
) -> None:
    torn = line(facts[0], "完全不同的一句话。", BOUGHT)
    assert checks(tx, company, torn) == [("unverified", "unverified")]


def test_what_was_unverified_never_becomes_better(tx: Connection, company: Company, facts: tuple[Fact, Fact]) -> None:
    said = line(facts[0], "贵院2024年采购过超声2台。", BOUGHT, structured="unverified", source="unverified")
    assert checks(tx, company, said) == [("unverified", "unverified")]
