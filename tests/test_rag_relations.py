"""Which statement ends which: by the days they state, never by the order in which they came to be known."""

from collections.abc import Sequence
from datetime import date, datetime
from pathlib import Path
from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, Engine

from governance.db import metadata, open_engine
from governance.errors import Conflict
from rag import conflicts, identity
from rag.facts import Fact, add_facts, edges_of, facts_about, facts_by_id, holds, make_fact, people_of, retire
from rag.relations import RELATIONS, by_slot, clashes, disagree, object_of, slot_of, timeline
from tests.statements import NOW, head, moment, person, propose_merge, with_sources

days = st.dates(min_value=date(2020, 1, 1), max_value=date(2026, 12, 31))
ends = st.one_of(st.none(), st.none(), st.integers(1, 900))
tenures = st.lists(st.tuples(st.integers(1, 3), st.one_of(days, days, st.none()), ends), min_size=1, max_size=6)
SLOW = settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def heads(said: Sequence[tuple[int, date | None, int | None]]) -> list[Fact]:
    """Different facts, each from its own source and known a day after the one before."""
    return [
        head(
            person(who),
            since,
            date.fromordinal(since.toordinal() + length) if since and length else None,
            source=number,
            known=moment(number),
        )
        for number, (who, since, length) in enumerate(said)
    ]


@given(tenures, st.randoms(use_true_random=False))
def test_the_timeline_does_not_depend_on_the_order_of_arrival(
    said: list[tuple[int, date | None, int | None]], shuffle: Random
) -> None:
    stated = heads(said)
    shuffled = shuffle.sample(stated, len(stated))
    assert {fact.id: fact for fact in timeline(stated)} == {fact.id: fact for fact in timeline(shuffled)}


@given(tenures)
def test_ends_never_precede_starts_and_an_end_that_is_stated_is_never_moved(
    said: list[tuple[int, date | None, int | None]],
) -> None:
    stated = heads(said)
    for before, after in zip(stated, timeline(stated), strict=True):
        assert after.valid_to is None or (after.valid_from or date.min) < after.valid_to
        assert before.valid_to in (None, after.valid_to)


@given(tenures)
def test_no_two_agreeing_facts_clash_and_a_clash_takes_two(said: list[tuple[int, date | None, int | None]]) -> None:
    group = clashes(timeline(heads(said)))
    assert all(any(disagree(one, other) for other in group) for one in group)
    same = [(1, since, length) for _, since, length in said]
    assert clashes(timeline(heads(same))) == []
    assert len(group) != 1


@given(tenures, days)
def test_of_open_posts_only_one_is_held_unless_two_begin_on_one_day(
    said: list[tuple[int, date | None, int | None]], day: date
) -> None:
    opened = heads([(who, since, None) for who, since, _ in said])
    held = [fact for fact in timeline(opened) if holds(fact, day)]
    assert len({fact.subject for fact in held}) <= 1 or len({fact.valid_from for fact in held}) == 1


def fresh(folder: Path) -> Engine:
    db = open_engine(f"sqlite:///{folder / 't.db'}")
    metadata.create_all(db)
    return db


def seen(tx: Connection, known_at: datetime | None) -> list[tuple[str, date | None]]:
    return [(f.id, f.valid_to) for f in people_of(tx, "customer:H1", "holds_title", known_at=known_at)]


@SLOW
@given(tenures, st.data())
def test_an_append_or_a_retirement_never_changes_an_answer_at_an_earlier_moment(
    tmp_path_factory: pytest.TempPathFactory, said: list[tuple[int, date | None, int | None]], data: st.DataObject
) -> None:
    folder = tmp_path_factory.mktemp("append")
    db, stated = fresh(folder), heads(said)
    with db.begin() as tx:
        with_sources(tx, folder)
        answers: dict[datetime, list[tuple[str, date | None]]] = {}
        for number, fact in enumerate(stated):
            add_facts(tx, [fact])
            if data.draw(st.booleans()):
                retire(tx, [data.draw(st.sampled_from(stated[: number + 1])).id], moment(number))
            answers[moment(number)] = seen(tx, moment(number))
            assert answers == {at: seen(tx, at) for at in answers}
            assert seen(tx, None) == answers[moment(number)]
    db.dispose()


@SLOW
@given(tenures, days, st.randoms(use_true_random=False))
def test_retiring_the_successor_restores_what_it_closed(
    tmp_path_factory: pytest.TempPathFactory,
    said: list[tuple[int, date | None, int | None]],
    since: date,
    shuffle: Random,
) -> None:
    folder = tmp_path_factory.mktemp("restore")
    db, stated = fresh(folder), heads(said)
    with db.begin() as tx:
        with_sources(tx, folder)
        add_facts(tx, shuffle.sample(stated, len(stated)))
        before = seen(tx, None)
        successor = head(person(9), since, source=7, known=moment(20))
        add_facts(tx, [successor])
        retire(tx, [successor.id], moment(21))
        assert seen(tx, None) == before
        assert seen(tx, moment(20)) != before
    db.dispose()


@SLOW
@given(tenures)
def test_a_ruling_and_its_undoing_and_a_merge_and_its_undoing_are_exact_inverses(
    tmp_path_factory: pytest.TempPathFactory, said: list[tuple[int, date | None, int | None]]
) -> None:
    folder = tmp_path_factory.mktemp("inverse")
    db = fresh(folder)
    with db.begin() as tx:
        with_sources(tx, folder)
        add_facts(tx, heads(said))
        before, open_ = seen(tx, None), conflicts.conflicts(tx)
        for conflict in open_:
            for chosen in (*(fact.id for fact in conflict.facts), None):
                ruling = conflicts.rule(tx, conflict.slot, chosen, reason="聘书", by="cora", now=moment(10))
                assert seen(tx, None) != before
                conflicts.undo_ruling(tx, ruling, by="cora", now=moment(11))
                assert (seen(tx, None), conflicts.conflicts(tx)) == (before, open_)
        propose_merge(tx, person(1), person(2))
        identity.merge(tx, "m_1", by="cora", reason="同一人", now=moment(12))
        identity.undo(tx, "m_1", by="cora", reason="两人", now=moment(13))
        assert (seen(tx, None), conflicts.conflicts(tx)) == (before, open_)
    db.dispose()


def test_a_change_that_arrives_before_the_appointment_it_ends_ends_it_when_that_arrives(
    db: Engine, tmp_path: Path
) -> None:
    second = head(person(2), date(2026, 3, 1), known=NOW)
    first = head(person(1), date(2020, 1, 1), source=1, known=moment(90))
    with db.begin() as tx:
        with_sources(tx, tmp_path)
        add_facts(tx, [second])
        add_facts(tx, [first])
        assert dict(seen(tx, None)) == {first.id: date(2026, 3, 1), second.id: None}
        assert dict(seen(tx, moment(89))) == {second.id: None}
        assert conflicts.conflicts(tx) == []


def test_who_returns_to_office_holds_it_twice_and_not_in_between(db: Engine, tmp_path: Path) -> None:
    with db.begin() as tx:
        with_sources(tx, tmp_path)
        add_facts(tx, [head(person(1), date(2018, 1, 1)), head(person(1), date(2022, 1, 1), source=1)])
        assert {end for _, end in seen(tx, None)} == {None}  # nothing is said against it yet
        add_facts(tx, [head(person(2), date(2020, 1, 1), source=2, known=moment(1))])
        held = [
            [f.subject for f in people_of(tx, "customer:H1", "holds_title") if holds(f, date(year, 6, 1))]
            for year in (2019, 2021, 2023)
        ]
    assert held == [[person(1)], [person(2)], [person(1)]]


def test_a_statement_about_the_future_ends_nothing_before_its_day(db: Engine, tmp_path: Path) -> None:
    with db.begin() as tx:
        with_sources(tx, tmp_path)
        first, later = head(person(1), date(2020, 1, 1)), head(person(2), date(2099, 1, 1), source=1)
        add_facts(tx, [first, later])
        known = people_of(tx, "customer:H1", "holds_title")
    assert [[f.subject for f in known if holds(f, day)] for day in (date(2098, 12, 31), date(2099, 1, 1))] == [
        [person(1)],
        [person(2)],
    ]


def test_several_engineers_and_heads_of_departments_nobody_named_end_nobody(db: Engine, tmp_path: Path) -> None:
    engineers = [
        make_fact(person(n), "holds_title", "工程师", {"customer": "customer:H1", "department": "设备科"},
                  source=f"s_{n}", known_from=NOW, valid_from=date(2020 + n, 1, 1))
        for n in range(3)
    ]  # fmt: skip
    bare = [head(person(n), date(2020 + n, 1, 1), source=n, department="") for n in range(4, 6)]
    with db.begin() as tx:
        with_sources(tx, tmp_path)
        add_facts(tx, [*engineers, *bare])
        assert [end for _, end in seen(tx, None)] == [None] * 5


def test_a_title_that_names_its_place_is_one_post_without_a_department() -> None:
    def slot(title: str) -> str:
        return slot_of("holds_title", person(1), title, {"customer": "customer:H1"}, unique=True)

    assert slot("院长") == slot("院长") != ""
    assert slot("设备科主任") != ""
    assert slot("主任") == slot(" Director ") == ""


@pytest.mark.parametrize("relation", RELATIONS)
def test_a_place_is_of_one_relation_subject_and_value_and_objects_carry_their_prefix(relation: str) -> None:
    said = {"customer": "customer:H1", "department": "设备科", "product": "P1", "person": person(3)}
    keys = [
        slot_of(relation, subject, value, said, unique=True) for subject in ("product:1", "product:2") for value in "ab"
    ]
    assert all(key == "" or key.startswith("k_") for key in keys)
    pointed = object_of(relation, "customer:H1", said)
    assert pointed == "" or ":" in pointed or pointed.startswith("p_")
    assert object_of(relation, "customer:H1", {**said, "product": "product:P1"}) == pointed


def test_an_unknown_relation_is_a_property_that_many_may_hold() -> None:
    assert slot_of("colour", "product:P1", "blue", {}, unique=True) == object_of("colour", "blue", {}) == ""


def test_an_empty_part_says_nothing_and_different_writing_is_the_same_statement() -> None:
    def budget(first: str, amount: str) -> Fact:
        attributes = {"window_from": first, "window_to": "11", "amount": amount}
        return make_fact("customer:H1", "budget", "2026", attributes, source="s_0", known_from=NOW)

    def scope(text: str) -> Fact:
        return make_fact("product:P1", "scope", text, {"language": "zh"}, source="s_0", known_from=NOW)

    assert not disagree(budget("10", ""), budget("10", "500"))
    assert disagree(budget("10", "400"), budget("10", "500"))
    assert not disagree(scope("适用于腹部检查。"), scope("适用于　腹部检查"))


def test_the_slots_of_merged_hospitals_hold_one_statement_together(db: Engine, tmp_path: Path) -> None:
    with db.begin() as tx:
        with_sources(tx, tmp_path)
        first = head(person(1), date(2020, 1, 1))
        second = head(person(2), date(2024, 1, 1), source=1, customer="customer:H2")
        add_facts(tx, [first, second])
        assert len(by_slot([first, second])) == 2
        propose_merge(tx, "customer:H1", "customer:H2")
        identity.merge(tx, "m_1", by="cora", reason="同一家", now=moment(5))
        assert dict(seen(tx, None)) == {first.id: date(2024, 1, 1), second.id: None}
        assert dict(seen(tx, moment(4))) == {first.id: None}
        assert facts_about(tx, person(1), as_of=date(2025, 1, 1)) == []
        assert facts_by_id(tx, [first.id])[first.id].valid_to == date(2024, 1, 1)


def test_two_ids_of_one_person_do_not_end_or_contradict_each_other(db: Engine, tmp_path: Path) -> None:
    with db.begin() as tx:
        with_sources(tx, tmp_path)
        add_facts(tx, [head(person(1), date(2020, 1, 1)), head(person(2), date(2020, 1, 1), source=1)])
        assert len(conflicts.conflicts(tx)) == 1
        propose_merge(tx, person(1), person(2))
        identity.merge(tx, "m_1", by="cora", reason="同一人", now=moment(5))
        assert conflicts.conflicts(tx) == []
        assert len(conflicts.conflicts(tx, known_at=moment(4))) == 1


def test_a_circle_of_parents_hangs_no_query(db: Engine, tmp_path: Path) -> None:
    ring = [
        make_fact(f"customer:H{n}", "part_of", f"customer:H{(n + 1) % 3}", source=f"s_{n}", known_from=NOW)
        for n in range(3)
    ]
    alone = make_fact("customer:H9", "part_of", "customer:H9", source="s_4", known_from=NOW)
    with db.begin() as tx:
        with_sources(tx, tmp_path)
        add_facts(tx, [*ring, alone])
        entities = [f"customer:H{n}" for n in (0, 1, 2, 9)]
        assert {fact.id for fact in edges_of(tx, entities, as_of=None)} == {fact.id for fact in [*ring, alone]}
        assert len(facts_about(tx, "customer:H0", as_of=None)) == 1
        assert conflicts.conflicts(tx) == []
        for n in range(3):
            propose_merge(tx, f"customer:H{n}", f"customer:H{(n + 1) % 3}", f"m_{n}")
        for n in range(2):
            identity.merge(tx, f"m_{n}", by="cora", reason="同一家", now=moment(1))
        with pytest.raises(Conflict):
            identity.merge(tx, "m_2", by="cora", reason="同一家", now=moment(1))
        assert len(facts_about(tx, "customer:H0", as_of=None)) == 3
        assert len(conflicts.conflicts(tx)) <= 1


@pytest.mark.parametrize("since", [None, date.min, date.max])
def test_days_at_the_ends_of_the_calendar_end_nothing_wrongly(db: Engine, tmp_path: Path, since: date | None) -> None:
    with db.begin() as tx:
        with_sources(tx, tmp_path)
        odd, plain = head(person(1), since), head(person(2), date(2024, 1, 1), source=1)
        add_facts(tx, [odd, plain])
        ends = dict(seen(tx, None))
    assert ends[odd.id] == (None if since == date.max else date(2024, 1, 1))
    assert ends[plain.id] == (date.max if since == date.max else None)
