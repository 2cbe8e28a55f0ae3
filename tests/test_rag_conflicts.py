"""Statements that no rule decides between: both are shown, a person decides, and may take it back."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, Engine

from governance import ledger
from governance.db import metadata, open_engine, reading
from governance.errors import Conflict, Invalid, NotFound, XinyanError
from governance.vault import forget, open_vault
from rag.conflicts import conflicts, rule, rulings_in_force, undo_ruling
from rag.customers import decision_maker, disputed_posts
from rag.facts import Fact, add_facts, facts_by_id, make_fact, people_of, retire, slots
from rag.relations import clashes
from tests.statements import NOW, head, moment, person, with_sources

SINCE, TODAY = date(2024, 1, 1), date(2026, 1, 1)
ONE, OTHER = head(person(1), SINCE), head(person(2), SINCE, source=1, known=moment(1))


@pytest.fixture
def tx(db: Engine, tmp_path: Path) -> Iterator[Connection]:
    with db.begin() as connection:
        with_sources(connection, tmp_path)
        add_facts(connection, [ONE, OTHER])
        yield connection


def holders(tx: Connection) -> list[str]:
    return [fact.subject for fact in people_of(tx, "customer:H1", "holds_title")]


def test_two_heads_of_one_day_are_both_kept_and_neither_decides(tx: Connection) -> None:
    [conflict] = conflicts(tx)
    assert [fact.id for fact in conflict.facts] == [ONE.id, OTHER.id]  # the one known longest comes first
    assert holders(tx) == [fact.subject for fact in sorted((ONE, OTHER), key=lambda fact: fact.id)]
    assert decision_maker(tx, "customer:H1", TODAY) is None
    assert {fact.id for fact in disputed_posts(tx, "customer:H1", TODAY)} == {ONE.id, OTHER.id}
    assert conflicts(tx, known_at=NOW) == []  # one of them was not known yet
    assert conflicts(tx, subject="customer:H1") == conflicts(tx, subject=person(1)) == [conflict]
    assert conflicts(tx, subject="customer:H2") == []


def test_a_decision_sets_the_others_aside_from_its_moment_on_and_is_in_the_ledger(tx: Connection) -> None:
    [conflict] = conflicts(tx)
    ruling = rule(tx, conflict.slot, ONE.id, reason=" 聘书 ", by="cora", now=moment(3))
    assert (conflicts(tx), holders(tx)) == ([], [person(1)])
    assert len(conflicts(tx, known_at=moment(2))) == 1
    decider = decision_maker(tx, "customer:H1", TODAY)
    assert decider is not None
    assert decider.id == ONE.id
    assert decision_maker(tx, "customer:H1", TODAY, known_at=moment(2)) is None
    [known] = rulings_in_force(tx)
    assert (known.id, known.reason, known.by, known.chosen and known.chosen.id) == (ruling, "聘书", "cora", ONE.id)
    assert [fact.id for fact in known.set_aside] == [OTHER.id]
    assert [event.event for event in ledger.events_of(tx, ruling)] == ["conflict_decided"]
    undo_ruling(tx, ruling, by="carl", now=moment(4))
    assert conflicts(tx) == [conflict]
    assert rulings_in_force(tx) == []
    assert conflicts(tx, known_at=moment(3)) == []  # what was decided then stays answerable
    assert [event.event for event in ledger.events_of(tx, ruling)] == ["conflict_decided", "conflict_reopened"]


def test_none_of_them_may_be_right(tx: Connection) -> None:
    [conflict] = conflicts(tx)
    rule(tx, conflict.slot, None, reason="都不对", by="cora", now=moment(3))
    assert (holders(tx), conflicts(tx)) == ([], [])
    assert rulings_in_force(tx)[0].chosen is None


def test_what_contradicts_the_chosen_one_later_is_a_new_conflict(tx: Connection) -> None:
    [conflict] = conflicts(tx)
    rule(tx, conflict.slot, ONE.id, reason="聘书", by="cora", now=moment(3))
    third = head(person(3), SINCE, source=2, known=moment(5))
    add_facts(tx, [third])
    [again] = conflicts(tx)
    assert {fact.id for fact in again.facts} == {ONE.id, third.id}
    rule(tx, again.slot, third.id, reason="新聘书", by="carl", now=moment(6))
    assert holders(tx) == [person(3)]


def test_only_what_stands_against_the_chosen_one_is_set_aside(tx: Connection) -> None:
    early = [head(person(n), date(2020, 1, 1), date(2021, 1, 1), source=n) for n in (3, 4)]
    add_facts(tx, early)
    [conflict] = conflicts(tx)
    assert len(conflict.facts) == 4
    rule(tx, conflict.slot, ONE.id, reason="聘书", by="cora", now=moment(3))
    assert [fact.id for fact in rulings_in_force(tx)[0].set_aside] == [OTHER.id]
    [rest] = conflicts(tx)
    assert {fact.subject for fact in rest.facts} == {person(3), person(4)}


def test_a_conflict_goes_by_itself_when_one_side_is_withdrawn_or_forgotten(tx: Connection, tmp_path: Path) -> None:
    retire(tx, [OTHER.id], moment(3))
    assert conflicts(tx) == []
    add_facts(tx, [head(person(3), SINCE, source=3)])
    assert len(conflicts(tx)) == 1
    forget(tx, open_vault(tmp_path), person(3), actor="dora", now=moment(4))
    assert conflicts(tx) == conflicts(tx, known_at=moment(3)) == []
    assert decision_maker(tx, "customer:H1", TODAY) is not None


@pytest.mark.parametrize("reason", ["", "  \n"])
def test_a_decision_needs_a_reason(tx: Connection, reason: str) -> None:
    [conflict] = conflicts(tx)
    with pytest.raises(Invalid):
        rule(tx, conflict.slot, ONE.id, reason=reason, by="cora", now=moment(3))


def test_what_does_not_exist_or_was_decided_cannot_be_decided(tx: Connection) -> None:
    [conflict] = conflicts(tx)
    elsewhere = make_fact("product:P1", "warranty", "36", source="s_3", known_from=NOW)
    add_facts(tx, [elsewhere])
    for chosen in ("f_nothing", elsewhere.id):
        with pytest.raises(NotFound):
            rule(tx, conflict.slot, chosen, reason="聘书", by="cora", now=moment(3))
    for slot in ("k_nothing", "", elsewhere.slot):
        with pytest.raises(Conflict):
            rule(tx, slot, ONE.id, reason="聘书", by="cora", now=moment(3))
    ruling = rule(tx, conflict.slot, ONE.id, reason="聘书", by="cora", now=moment(3))
    with pytest.raises(Conflict):
        rule(tx, conflict.slot, OTHER.id, reason="聘书", by="carl", now=moment(4))
    with pytest.raises(NotFound):
        undo_ruling(tx, "r_nothing", by="cora", now=moment(5))
    undo_ruling(tx, ruling, by="cora", now=moment(5))
    with pytest.raises(Conflict):
        undo_ruling(tx, ruling, by="cora", now=moment(6))


def test_of_two_people_who_decide_the_same_conflict_one_is_told_that_it_is_gone(db: Engine, tmp_path: Path) -> None:
    with db.begin() as tx:
        with_sources(tx, tmp_path)
        add_facts(tx, [ONE, OTHER])
        [conflict] = conflicts(tx)

    def decide(chosen: str) -> str:
        try:
            with db.begin() as tx:
                rule(tx, conflict.slot, chosen, reason="聘书", by="cora", now=moment(3))
        except XinyanError as error:
            return type(error).__name__
        return "decided"

    with ThreadPoolExecutor(2) as pool:
        told = list(pool.map(decide, (ONE.id, OTHER.id)))
    assert sorted(told) == ["Conflict", "decided"]
    with reading(db) as tx:
        assert len(rulings_in_force(tx)) == 1


def test_who_withdrew_still_ends_the_predecessor_whom_nobody_brings_back(db: Engine, tmp_path: Path) -> None:
    first, second = head(person(1), SINCE), head(person(2), date(2025, 1, 1), source=1)
    with db.begin() as tx:
        with_sources(tx, tmp_path)
        add_facts(tx, [first, second])
        forget(tx, open_vault(tmp_path), person(2), actor="dora", now=moment(3))
        assert facts_by_id(tx, [first.id, second.id]).keys() == {first.id}
        assert facts_by_id(tx, [first.id])[first.id].valid_to == date(2025, 1, 1)
        assert decision_maker(tx, "customer:H1", TODAY) is None


starts = st.none() | st.integers(0, 4).map(lambda years: date(2020 + years, 1, 1))
spans = st.none() | st.integers(0, 1500).map(lambda days: timedelta(days=days))
statements = st.tuples(st.integers(0, 2), starts, spans, st.integers(0, 7), st.integers(0, 3), st.sampled_from("AB"))


def stated(who: int, since: date | None, span: timedelta | None, source: int, known: int, department: str) -> Fact:
    until = (since or date(2020, 1, 1)) + span if span else None
    return head(person(who), since, until, source=source, known=moment(known), department=department)


@pytest.fixture(scope="module")
def places(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    folder = tmp_path_factory.mktemp("places")
    engine = open_engine(f"sqlite:///{folder / 't.db'}")
    metadata.create_all(engine)
    with engine.begin() as tx:
        with_sources(tx, folder)
    yield engine
    engine.dispose()


@settings(max_examples=150, deadline=None)
@given(st.lists(statements, max_size=8), st.none() | st.integers(0, 3))
def test_what_the_rows_rule_out_is_exactly_what_the_rules_find_no_fault_with(
    places: Engine, said: list[tuple[int, date | None, timedelta | None, int, int, str]], known: int | None
) -> None:
    new = [stated(*each) for each in said]
    known_at = None if known is None else moment(known)
    with places.connect() as tx:
        add_facts(tx, new)
        held = slots(tx, {fact.slot for fact in new}, known_at=known_at)
        expected = {slot: {fact.id for fact in group} for slot, of in held.items() if (group := clashes(of))}
        found = {each.slot: {fact.id for fact in each.facts} for each in conflicts(tx, known_at=known_at)}
        tx.rollback()
    assert found == expected
