"""Bi-temporal facts: append-only, asked for as of a day and as known at a moment."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, Engine, insert

from governance.db import metadata, open_engine, reading
from governance.errors import Conflict, NotFound
from governance.vault import open_vault
from rag import tables
from rag.customers import decision_maker, find_customer
from rag.facts import Fact, add_facts, facts_about, make_fact, people_of, retire
from rag.sources import Source, add_sources, source, sources

NOW = datetime(2026, 11, 21, 9, tzinfo=UTC)
DOCUMENT = {
    "id": "d_1",
    "name": "a.csv",
    "kind": "export",
    "language": "zh",
    "date": None,
    "sha256": "0" * 64,
    "passport": "",
    "added_at": NOW,
}


def row_source(id_: str, row: int = 2, text: str = "客户：青禾") -> Source:
    return Source(id_, "d_1", "a.csv", "row", None, row, "", None, text)


def prepare(tx: Connection, folder: Path) -> None:
    tx.execute(insert(tables.documents).values(DOCUMENT))
    add_sources(tx, open_vault(folder), [row_source("s_1")])


def title(person: str, post: str, since: date, until: date | None = None, decides: str = "yes") -> Fact:
    attributes = {"customer": "customer:H1", "department": "设备科", "decides": decides}
    return make_fact(
        person,
        "holds_title",
        post,
        attributes,
        source="s_1",
        known_from=NOW,
        valid_from=since,
        valid_to=until,
        unique=post == "主任",
    )


def test_a_fact_holds_from_its_first_day_to_the_day_before_its_end(db: Engine, tmp_path: Path) -> None:
    fact = make_fact(
        "product:P1",
        "certificate",
        "国械注准1",
        source="s_1",
        known_from=NOW,
        valid_from=date(2025, 1, 1),
        valid_to=date(2026, 1, 1),
    )
    with db.begin() as tx:
        prepare(tx, tmp_path)
        assert (add_facts(tx, [fact, fact]), add_facts(tx, [fact])) == (1, 0)
        held = [
            bool(facts_about(tx, "product:P1", as_of=day))
            for day in (date(2024, 12, 31), date(2025, 1, 1), date(2025, 12, 31), date(2026, 1, 1))
        ]
    assert held == [False, True, True, False]


def test_a_retired_fact_is_still_known_to_an_earlier_moment_and_may_come_back(db: Engine, tmp_path: Path) -> None:
    fact = make_fact("product:P1", "warranty", "36", source="s_1", known_from=NOW)

    def known(tx: Connection, at: datetime | None) -> list[str]:
        return [found.value for found in facts_about(tx, "product:P1", as_of=None, known_at=at)]

    with db.begin() as tx:
        prepare(tx, tmp_path)
        add_facts(tx, [fact])
        assert retire(tx, [fact.id], NOW + timedelta(days=2)) == 1
        assert known(tx, NOW - timedelta(seconds=1)) == []
        assert known(tx, NOW + timedelta(days=1)) == ["36"]
        assert known(tx, NOW + timedelta(days=2)) == known(tx, None) == []
        again = make_fact("product:P1", "warranty", "36", source="s_1", known_from=NOW + timedelta(days=3))
        assert (add_facts(tx, [again]), add_facts(tx, [again])) == (1, 0)
        assert known(tx, NOW + timedelta(days=2)) == []
        assert known(tx, None) == ["36"]


def test_a_successor_closes_the_open_end_of_his_predecessor_and_nobody_elses(db: Engine, tmp_path: Path) -> None:
    first, second = title("p_1", "主任", date(2020, 1, 1)), title("p_2", "主任", date(2026, 3, 1))
    other = title("p_3", "工程师", date(2019, 1, 1), decides="no")
    with db.begin() as tx:
        prepare(tx, tmp_path)
        add_facts(tx, [first, second, other])
        ends = {fact.subject: fact.valid_to for fact in people_of(tx, "customer:H1", "holds_title")}
        assert ends == {"p_1": date(2026, 3, 1), "p_2": None, "p_3": None}
        [closed] = facts_about(tx, "p_1", as_of=None)
        assert closed.valid_to == date(2026, 3, 1)
        deciders = [
            decision_maker(tx, "customer:H1", day) for day in (date(2019, 1, 1), date(2026, 2, 28), date(2026, 3, 1))
        ]
    assert [decider and decider.subject for decider in deciders] == [None, "p_1", "p_2"]


def test_customers_are_found_by_id_name_english_name_and_alias(db: Engine, tmp_path: Path) -> None:
    attributes = {"name_en": "Qinghe First People's Hospital", "aliases": "青禾一院；一院"}
    with db.begin() as tx:
        prepare(tx, tmp_path)
        named = make_fact("customer:H1", "name", "青禾市第一人民医院", attributes, source="s_1", known_from=NOW)
        other = make_fact("customer:H2", "name", "云渚医院", {"aliases": "一院"}, source="s_1", known_from=NOW)
        add_facts(tx, [named, other])
        for text in ("H1", "customer:H1", "h1 ", "青禾市第一人民医院", "qinghe first people's hospital", "青禾一院"):
            assert find_customer(tx, text).id == "customer:H1"
        with pytest.raises(Conflict):
            find_customer(tx, "一院")
        with pytest.raises(NotFound) as raised:
            find_customer(tx, "不存在的医院")
    assert "客户“不存在的医院”" in raised.value.say("zh")


def test_a_source_is_sealed_at_rest_and_a_moved_row_keeps_its_id(db: Engine, tmp_path: Path) -> None:
    vault = open_vault(tmp_path)
    with db.begin() as tx:
        prepare(tx, tmp_path)
        assert add_sources(tx, vault, [row_source("s_1", row=7)]) == 0
        assert (source(tx, vault, "s_1").row, source(tx, vault, "s_1").text) == (7, "客户：青禾")
        assert sources(tx, vault, ["s_1", "s_none"]).keys() == {"s_1"}
        with pytest.raises(NotFound):
            source(tx, vault, "s_none")
    with reading(db) as tx:
        assert "青禾".encode() not in tx.execute(tables.sources.select()).one().sealed


days = st.dates(min_value=date(2020, 1, 1), max_value=date(2026, 12, 31))


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.sampled_from(["1", "2", "3"]), days), max_size=8), days)
def test_adding_twice_is_adding_once_and_as_of_is_a_filter(
    tmp_path_factory: pytest.TempPathFactory, stated: list[tuple[str, date]], day: date
) -> None:
    folder = tmp_path_factory.mktemp("facts")
    db = open_engine(f"sqlite:///{folder / 't.db'}")
    metadata.create_all(db)
    new = [
        make_fact("customer:H1", "bought", value, source="s_1", known_from=NOW, valid_from=since)
        for value, since in stated
    ]
    with db.begin() as tx:
        prepare(tx, folder)
        assert add_facts(tx, new) == len({fact.id for fact in new})
        assert add_facts(tx, new) == 0
        everything = facts_about(tx, "customer:H1", as_of=None)
        held = facts_about(tx, "customer:H1", as_of=day)
    db.dispose()
    assert [fact for fact in everything if fact.valid_from and fact.valid_from <= day] == held
