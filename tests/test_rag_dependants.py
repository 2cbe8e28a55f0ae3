"""What was written from facts that changed since is flagged with the path, and nothing else is."""

import argparse
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Connection, Engine, insert

from governance.passport import issue
from governance.vault import forget, keep, open_vault
from rag import commands_changed, conflicts, identity, tables
from rag.dependants import Flag, flags, note
from rag.facts import Fact, add_facts, make_fact, retire
from rag.sources import Source, add_sources
from tests.statements import propose_merge, with_sources

NOW = datetime(2026, 1, 10, 9, tzinfo=UTC)
LATER = NOW + timedelta(days=60)
TODAY = date(2026, 4, 1)
HEAD, NEXT, THIRD = "p_0000000000000001", "p_0000000000000002", "p_0000000000000003"


@pytest.fixture
def tx(db: Engine, tmp_path: Path) -> Iterator[Connection]:
    with db.begin() as connection:
        document = {"id": "d_1", "name": "titles.csv", "kind": "export", "language": "zh", "date": None}
        connection.execute(insert(tables.documents).values(**document, sha256="0" * 64, passport="", added_at=NOW))
        rows = [Source(f"s_{n}", "d_1", "titles.csv", "row", None, n, "", None, f"行{n}") for n in range(12, 18)]
        add_sources(connection, open_vault(tmp_path / "keys"), rows)
        yield connection


def head(person: str, since: date, row: int = 12, known: datetime = NOW, customer: str = "customer:H1") -> Fact:
    attributes = {"customer": customer, "department": "设备科", "decides": "yes"}
    return make_fact(
        person, "holds_title", "主任", attributes, source=f"s_{row}", known_from=known, valid_from=since, unique=True
    )


def price(amount: str, since: date, row: int = 15, known: datetime = NOW) -> Fact:
    attributes = {"customer": "customer:H1", "currency": "CNY"}
    return make_fact("product:P1", "price", amount, attributes, source=f"s_{row}", known_from=known, valid_from=since)


def written(tx: Connection, *facts: Fact, at: datetime = NOW, artefact: str = "s_1") -> None:
    add_facts(tx, facts)
    note(tx, artefact, "script", {"opening.0": [fact.id for fact in facts]}, at)


def only(tx: Connection, today: date = TODAY, known_at: datetime | None = None) -> Flag:
    [flag] = flags(tx, today=today, known_at=known_at)
    return flag


FIRST = head(HEAD, date(2020, 1, 1))


def test_what_did_not_change_is_not_flagged_however_much_time_passes(tx: Connection) -> None:
    written(tx, FIRST, price("100", date(2025, 1, 1)))
    engineer = replace(head(NEXT, date(2021, 1, 1), 13), id="f_x", slot="")
    add_facts(tx, [engineer, head(NEXT, date(2026, 3, 1), 14, LATER, "customer:H2")])
    assert flags(tx, today=date(2040, 1, 1)) == []


def test_a_successor_flags_from_his_first_day_on_with_the_path_in_both_languages(tx: Connection) -> None:
    written(tx, FIRST)
    second = head(NEXT, date(2026, 3, 1), 14, LATER)
    add_facts(tx, [second])
    assert flags(tx, today=date(2026, 2, 28)) == []  # known ahead of its day
    assert flags(tx, today=TODAY, known_at=LATER - timedelta(seconds=1)) == []
    flag = only(tx)
    assert (flag.reason, flag.since, flag.by, flag.fact) == ("superseded", date(2026, 3, 1), second.id, FIRST.id)
    zh, en = [" ← ".join(step.say(language) for step in flag.path) for language in ("zh", "en")]
    assert zh == (
        "话术 s_1 · opening.0 ← 事实“设备科主任”：人员（titles.csv#12） ← 2026年3月1日起由另一人接任（titles.csv#14）"
    )
    assert "script s_1" in en
    assert "somebody else has held the post since" in en
    assert "p_" not in zh + en


def test_a_late_arrival_that_ended_the_post_long_ago_flags(tx: Connection) -> None:
    written(tx, FIRST)
    add_facts(tx, [head(NEXT, date(2023, 5, 1), 14, LATER)])
    assert (only(tx).reason, only(tx).since) == ("superseded", date(2023, 5, 1))


def test_a_stated_end_flags_on_the_day_and_a_tender_the_day_after_it_closes(tx: Connection) -> None:
    certificate = make_fact(
        "product:P1", "certificate", "国械1", source="s_12", known_from=NOW, valid_to=date(2026, 3, 1)
    )
    tender = make_fact(
        "customer:H1", "tender", "T1", source="s_13", known_from=NOW, valid_from=date(2026, 1, 1),
        valid_to=date(2026, 3, 5),
    )  # fmt: skip
    written(tx, certificate, tender)
    days = {day: [flag.fact for flag in flags(tx, today=date(2026, 3, day))] for day in (1, 5, 6)}
    assert days == {1: [certificate.id], 5: [certificate.id], 6: sorted([certificate.id, tender.id])}
    assert flags(tx, today=date(2026, 2, 28)) == []


def test_a_fact_that_had_ended_before_it_was_written_about_is_history_and_stays(tx: Connection) -> None:
    written(tx, FIRST, head(NEXT, date(2024, 1, 1), 13))
    assert flags(tx, today=TODAY) == []


def test_history_that_is_corrected_flags(tx: Connection) -> None:
    second = head(NEXT, date(2024, 1, 1), 13)
    add_facts(tx, [FIRST, second])
    note(tx, "s_1", "script", {"history.0": [FIRST.id]}, NOW)
    retire(tx, [second.id], LATER)
    assert (only(tx).reason, only(tx).since) == ("reopened", date(2024, 1, 1))
    add_facts(tx, [head(NEXT, date(2023, 1, 1), 14, LATER)])
    assert (only(tx).reason, only(tx).since) == ("superseded", date(2023, 1, 1))


def test_a_corrected_row_flags_and_names_what_is_stated_instead(tx: Connection) -> None:
    budget = make_fact(
        "customer:H1", "budget", "2026", {"window_from": "10", "window_to": "11"}, source="s_12", known_from=NOW
    )
    written(tx, budget)
    retire(tx, [budget.id], LATER)
    assert (only(tx).reason, only(tx).by, only(tx).since) == ("retired", "", LATER.date())
    assert "不再这样写" in only(tx).path[-1].zh
    moved = make_fact(
        "customer:H1", "budget", "2026", {"window_from": "9", "window_to": "10"}, source="s_13", known_from=LATER
    )
    add_facts(tx, [moved])
    assert (only(tx).reason, only(tx).by) == ("retired", moved.id)
    assert "（9–10 月）" in only(tx).path[-1].zh


@pytest.mark.parametrize("row", [12, 13])
def test_the_same_restated_under_another_id_or_by_another_source_is_no_change(tx: Connection, row: int) -> None:
    written(tx, FIRST)
    retire(tx, [FIRST.id], LATER)
    assert only(tx).reason == "retired"
    add_facts(tx, [head(HEAD, date(2020, 1, 1), row, LATER)])
    assert flags(tx, today=TODAY) == []
    add_facts(tx, [head(NEXT, date(2026, 3, 1), 14, LATER)])
    assert only(tx).reason == "superseded"  # and what stands for it now is watched


def test_a_contradiction_flags_until_a_person_decides_and_then_who_lost(tx: Connection) -> None:
    written(tx, FIRST)
    rival = head(NEXT, date(2020, 1, 1), 14, LATER)
    add_facts(tx, [rival])
    assert (only(tx).reason, only(tx).by, only(tx).since) == ("disputed", rival.id, LATER.date())
    [conflict] = conflicts.conflicts(tx)
    ruling = conflicts.rule(tx, conflict.slot, FIRST.id, reason="聘书", by="cora", now=LATER)
    assert flags(tx, today=TODAY) == []
    conflicts.undo_ruling(tx, ruling, by="cora", now=LATER + timedelta(days=1))
    assert only(tx).reason == "disputed"
    ruling = conflicts.rule(tx, conflict.slot, rival.id, reason="聘书", by="cora", now=LATER + timedelta(days=2))
    assert (only(tx).reason, only(tx).by) == ("overruled", ruling)


def test_a_dispute_that_was_there_when_it_was_written_is_not_news(tx: Connection) -> None:
    add_facts(tx, [FIRST, head(NEXT, date(2020, 1, 1), 14)])
    written(tx, FIRST)
    assert flags(tx, today=TODAY) == []


def test_who_withdrew_flags_without_a_word_about_him(tx: Connection, tmp_path: Path) -> None:
    vault = open_vault(tmp_path / "keys")
    passport = issue(
        tx, kind="record", origin="titles.csv#12", sha256="0" * 64, purposes=["contact"], channel="crm", now=NOW
    )
    keep(tx, vault, HEAD, {"name": "顾明川"}, passport=passport.id, now=NOW)
    written(tx, FIRST)
    forget(tx, vault, HEAD, actor="dora", now=LATER)
    flag = only(tx)
    assert (flag.reason, flag.since, flag.by) == ("forgotten", LATER.date(), "")
    assert only(tx, known_at=NOW).reason == "forgotten"  # whatever moment is asked for
    text = str([flag.path, flag.by, flag.artefact, flag.claim])
    assert HEAD not in text
    assert "主任" not in text


def test_a_withdrawal_under_one_id_flags_what_rests_on_the_other(tx: Connection, tmp_path: Path) -> None:
    vault = open_vault(tmp_path / "keys")
    written(tx, head(NEXT, date(2020, 1, 1)))
    propose_merge(tx, HEAD, NEXT)
    forget(tx, vault, HEAD, actor="dora", now=LATER)
    assert flags(tx, today=TODAY) == []
    identity.merge(tx, "m_1", by="cora", reason="同一人", now=LATER)
    assert only(tx).reason == "forgotten"
    identity.undo(tx, "m_1", by="cora", reason="不是", now=LATER + timedelta(days=1))
    assert flags(tx, today=TODAY) == []


def test_merging_two_hospitals_flags_whose_post_the_other_one_fills(tx: Connection) -> None:
    written(tx, FIRST)
    add_facts(tx, [head(NEXT, date(2025, 3, 1), 14, NOW, "customer:H2")])
    propose_merge(tx, "customer:H1", "customer:H2")
    assert flags(tx, today=TODAY) == []
    identity.merge(tx, "m_1", by="cora", reason="同一家", now=LATER)
    assert (only(tx).reason, only(tx).since) == ("superseded", date(2025, 3, 1))
    assert flags(tx, today=TODAY, known_at=LATER - timedelta(seconds=1)) == []
    identity.undo(tx, "m_1", by="cora", reason="两家", now=LATER + timedelta(days=1))
    assert flags(tx, today=TODAY) == []


def test_noting_twice_is_noting_once_and_artefacts_may_be_chosen(tx: Connection) -> None:
    second = head(NEXT, date(2026, 3, 1), 14, LATER)
    for artefact in ("s_1", "s_2", "b_1"):
        written(tx, FIRST, artefact=artefact)
        note(tx, artefact, "script", {"opening.0": [FIRST.id, FIRST.id]}, LATER)
    add_facts(tx, [second])
    assert [flag.artefact for flag in flags(tx, today=TODAY)] == ["b_1", "s_1", "s_2"]
    assert [flag.artefact for flag in flags(tx, today=TODAY, artefacts=["s_2", "nobody's"])] == ["s_2"]
    assert flags(tx, today=TODAY, artefacts=[]) == []


def test_a_dependency_on_a_fact_that_does_not_exist_is_refused(tx: Connection) -> None:
    from sqlalchemy.exc import IntegrityError

    with pytest.raises(IntegrityError):
        note(tx, "s_1", "script", {"opening.0": ["f_nothing"]}, NOW)


def test_ten_thousand_scripts_on_eight_facts_are_flagged_exactly(tx: Connection) -> None:
    posts = [head(f"p_{n:016x}", date(2020, 1, 1), 12, NOW, f"customer:H{n}") for n in range(2000)]
    add_facts(tx, posts)
    rows = [
        {"artefact": f"s_{n}", "kind": "script", "claim": f"c.{k}", "fact": posts[(n + k) % 2000].id, "at": NOW}
        for n in range(10_000)
        for k in range(8)
    ]
    tx.execute(insert(tables.derived_from), rows)
    moved = range(0, 2000, 10)
    add_facts(tx, [head(f"p_{n + 9000:016x}", date(2026, 2, 1), 14, LATER, f"customer:H{n}") for n in moved])
    expected = {(f"s_{n}", f"c.{k}") for n in range(10_000) for k in range(8) if (n + k) % 2000 % 10 == 0}
    assert {(flag.artefact, flag.claim) for flag in flags(tx, today=TODAY)} == expected


def test_every_id_of_several_merges_is_watched(tx: Connection) -> None:
    for number in (1, 2, 3):
        propose_merge(tx, f"customer:H{number}", f"customer:H{number}B", f"m_{number}")
        identity.merge(tx, f"m_{number}", by="cora", reason="同一家", now=NOW)
        written(tx, head(HEAD, date(2020, 1, 1), 12, NOW, f"customer:H{number}B"), artefact=f"s_{number}")
    successors = [head(NEXT, date(2026, 3, 1), 14, LATER, f"customer:H{number}") for number in (1, 2, 3)]
    add_facts(tx, successors)
    assert [flag.artefact for flag in flags(tx, today=TODAY)] == ["s_1", "s_2", "s_3"]


def test_the_command_lists_the_paths_of_a_day_in_either_language(
    db: Engine, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with db.begin() as tx:
        with_sources(tx, tmp_path / "keys")
        first = replace(FIRST, source="s_1")
        written(tx, first)
        add_facts(tx, [replace(head(NEXT, date(2026, 3, 1), known=LATER), source="s_2")])
    said: dict[tuple[str, str], str] = {}
    for language in ("zh", "en"):
        for day in ("2026-02-28", "2026-03-01"):
            asked = argparse.Namespace(as_of=date.fromisoformat(day))
            assert commands_changed.run(db, asked, language) == 0
            said[language, day] = capsys.readouterr().out
    assert said["zh", "2026-02-28"] == "截至 2026-02-28，0 份内容的 0 处依据已变化。\n"
    assert said["zh", "2026-03-01"].startswith("话术 s_1 · opening.0 ← ")
    assert said["en", "2026-03-01"].endswith("1 claims of 1 artefacts rest on facts that have changed.\n")
