"""What was only read waits for a person: idempotent, decided once, undone, never about who withdrew."""

from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, Engine

from governance.db import reading
from governance.errors import Conflict, Invalid, NotFound
from governance.ledger import events_of
from governance.vault import forget
from rag.conflicts import conflicts
from rag.facts import facts_about, facts_by_id
from rag.proposals import (
    ONE_HOLDER,
    Proposal,
    accept,
    drop_waiting,
    make_proposal,
    proposals_in,
    propose,
    refuse,
    undo,
    withdraw,
)
from rag.sources import add_sources
from tests.small_graph import H1, HEAD, NOW, P1, graph, passage

WARRANTY = make_proposal(P1, "warranty", "24", source="s_card", extractor="test")


def title(person: str = HEAD, post: str = "副院长", since: date | None = date(2026, 10, 1)) -> Proposal:
    said = {"customer": H1, "department": "设备科", ONE_HOLDER: "yes"}
    return make_proposal(person, "holds_title", post, said, source="s_told", extractor="test", valid_from=since)


def warranties(tx: Connection) -> list[str]:
    return [fact.value for fact in facts_about(tx, P1, as_of=None, relation="warranty")]


def test_a_proposal_is_no_fact_until_it_is_accepted_and_cites_its_passage(db: Engine, tmp_path: Path) -> None:
    graph(db, tmp_path)
    with db.begin() as tx:
        assert propose(tx, [WARRANTY, WARRANTY], NOW).new == 1
        assert propose(tx, [WARRANTY], NOW).new == 0
        [waiting] = proposals_in(tx, "waiting", subject=P1)
        assert (warranties(tx), waiting.state, waiting.object) == (["36"], "waiting", "")
        fact = accept(tx, waiting.id, by="ling", reason="见原文", now=NOW)
        assert facts_by_id(tx, [fact])[fact].source == "s_card"
        assert sorted(warranties(tx)) == ["24", "36"]
        assert conflicts(tx, subject=P1)  # two sources, two answers: shown, not decided
        assert [event.event for event in events_of(tx, waiting.id)] == ["proposal_accepted"]
        with pytest.raises(Conflict):
            refuse(tx, waiting.id, by="ling", reason="", now=NOW)
        undo(tx, waiting.id, by="ling", now=NOW + timedelta(hours=1))
        assert warranties(tx) == ["36"]
        assert [each.id for each in proposals_in(tx, "waiting")] == [waiting.id]


def test_what_was_refused_is_not_asked_again_even_from_a_new_version_of_the_document(
    db: Engine, tmp_path: Path
) -> None:
    vault = graph(db, tmp_path)
    with db.begin() as tx:
        propose(tx, [WARRANTY], NOW)
        [waiting] = proposals_in(tx, "waiting")
        refuse(tx, waiting.id, by="ling", reason="是赠送的", now=NOW)
        add_sources(tx, vault, [passage("s_card2", "整机质保期 24 个月")])
        assert propose(tx, [replace(WARRANTY, source="s_card2")], NOW).new == 0
        assert proposals_in(tx, "waiting") == []
        undo(tx, waiting.id, by="ling", now=NOW)
        assert [each.source for each in proposals_in(tx, "waiting")] == ["s_card2"]
        with pytest.raises(Conflict):
            undo(tx, waiting.id, by="ling", now=NOW)


def test_what_was_accepted_is_stated_again_by_a_new_version_and_by_nothing_else(db: Engine, tmp_path: Path) -> None:
    vault = graph(db, tmp_path)
    with db.begin() as tx:
        propose(tx, [WARRANTY], NOW)
        first = accept(tx, proposals_in(tx, "waiting")[0].id, by="ling", reason="", now=NOW)
        assert propose(tx, [WARRANTY], NOW).live == {first}
        add_sources(tx, vault, [passage("s_card2", "整机质保期 24 个月")])
        [again] = propose(tx, [replace(WARRANTY, source="s_card2")], NOW).live
        assert again != first
        assert facts_by_id(tx, [again])[again].source == "s_card2"


def test_a_document_that_is_gone_leaves_nothing_waiting(db: Engine, tmp_path: Path) -> None:
    graph(db, tmp_path)
    with db.begin() as tx:
        propose(tx, [WARRANTY, title()], NOW)
        assert drop_waiting(tx, "other.txt") == 0
        assert drop_waiting(tx, "card.txt", kept=["s_told"]) == 1
        assert [each.relation for each in proposals_in(tx, "waiting")] == ["holds_title"]
        assert drop_waiting(tx, "card.txt") == 1
        assert proposals_in(tx, "waiting") == []


def test_whoever_withdrew_is_in_no_proposal(db: Engine, tmp_path: Path) -> None:
    vault = graph(db, tmp_path)
    with db.begin() as tx:
        propose(tx, [title()], NOW)
        [waiting] = proposals_in(tx, "waiting")
        forget(tx, vault, HEAD, actor="dpo", now=NOW)
        assert proposals_in(tx, "waiting") == []
        with pytest.raises(NotFound):
            accept(tx, waiting.id, by="ling", reason="", now=NOW)
        owned = make_proposal(
            H1, "promise", "W1", {"owner": f"[[{HEAD}.name]]", "text": "提供参数"}, source="s_told", extractor="test"
        )
        assert propose(tx, [title(since=None), owned], NOW).new == 0


def test_what_a_fact_states_already_is_not_asked(db: Engine, tmp_path: Path) -> None:
    graph(db, tmp_path)
    again = make_proposal(P1, "warranty", "36", source="s_card", extractor="test")
    earlier = title(post="设备科主任", since=date(2026, 2, 1))  # before he is known to hold it
    with db.begin() as tx:
        assert propose(tx, [again, title(post="设备科主任")], NOW).new == 0
        assert propose(tx, [earlier], NOW).new == 1


def test_an_accepted_head_ends_the_one_before(db: Engine, tmp_path: Path) -> None:
    graph(db, tmp_path)
    with db.begin() as tx:
        new = title("p_" + "3" * 16, "设备科主任")
        propose(tx, [new], NOW)
        accept(tx, proposals_in(tx, "waiting")[0].id, by="ling", reason="", now=NOW)
    with reading(db) as tx:
        [held] = facts_about(tx, HEAD, as_of=None, relation="holds_title")
    assert held.valid_to == date(2026, 10, 1)


@pytest.mark.parametrize(
    ("relation", "value", "said"),
    [
        ("likes", "x", {}),
        ("warranty", " ", {}),
        ("warranty", f"[[{HEAD}.name]]", {}),
        ("promise", "W1", {"text": f"告知[[{HEAD}.phone]]"}),
    ],
)
def test_nonsense_and_personal_values_are_refused(relation: str, value: str, said: dict[str, str]) -> None:
    with pytest.raises(Invalid):
        make_proposal(P1, relation, value, said, source="s_card", extractor="test")


def test_an_end_before_the_start_and_an_unknown_source_are_refused(db: Engine, tmp_path: Path) -> None:
    graph(db, tmp_path)
    days = {"valid_from": date(2026, 1, 2), "valid_to": date(2026, 1, 2)}
    with pytest.raises(Invalid):
        make_proposal(P1, "warranty", "24", source="s_card", extractor="test", **days)
    with db.begin() as tx, pytest.raises(NotFound):
        propose(tx, [replace(WARRANTY, source="s_' OR 1=1 --%")], NOW)
    with db.begin() as tx, pytest.raises(NotFound):
        withdraw(tx, ["q_unknown"])


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.sampled_from(["propose", "accept", "refuse", "undo"]), max_size=8))
def test_however_it_is_decided_the_fact_is_known_exactly_while_it_is_accepted(
    tmp_path_factory: pytest.TempPathFactory, acts: list[str]
) -> None:
    from governance.db import metadata, open_engine

    folder = tmp_path_factory.mktemp("proposals")
    db = open_engine(f"sqlite:///{folder / 't.db'}")
    metadata.create_all(db)
    graph(db, folder)
    moment = NOW
    with db.begin() as tx:
        propose(tx, [WARRANTY], NOW)
        [id_] = [each.id for each in proposals_in(tx, "waiting")]
        for act in acts:
            moment += timedelta(minutes=1)
            try:
                if act == "propose":
                    propose(tx, [WARRANTY], moment)
                elif act == "undo":
                    undo(tx, id_, by="ling", now=moment)
                else:
                    {"accept": accept, "refuse": refuse}[act](tx, id_, by="ling", reason="", now=moment)
            except Conflict:
                pass
            [state] = [each.state for each in proposals_in(tx, "waiting", "accepted", "refused")]
            assert ("24" in warranties(tx)) == (state == "accepted")
    db.dispose()
