"""The ledger: any edited, removed or moved event shows."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, Engine, delete, select, update

from governance.db import metadata, open_engine, reading
from governance.errors import Corrupt
from governance.ledger import append, events_of, verify
from governance.tables import ledger, ledger_head

NOW = datetime(2026, 11, 20, 8, 0, tzinfo=UTC)
COLUMNS = ["at", "actor", "event", "subject", "detail", "previous", "hash"]


def fill(tx: Connection, count: int) -> None:
    for i in range(count):
        moment = NOW + timedelta(seconds=i)
        append(tx, actor="rep", event="read", subject=f"p_{i % 2}", detail={"用途": "联系", "count": i}, now=moment)


@pytest.fixture(scope="module")
def filled() -> Iterator[Engine]:
    engine = open_engine("sqlite://")
    metadata.create_all(engine)
    with engine.begin() as tx:
        fill(tx, 5)
    yield engine
    engine.dispose()


def test_events_are_numbered_from_one_and_come_back_oldest_first(db: Engine) -> None:
    with db.begin() as tx:
        assert append(tx, actor="rep", event="read", subject="p_1", detail={"fields": "name"}, now=NOW) == 1
        assert append(tx, actor="dpo", event="forget", subject="p_1", detail={"values": 3, "ok": True}, now=NOW) == 2
        assert append(tx, actor="rep", event="read", subject="p_2", detail={}, now=NOW) == 3
    with reading(db) as tx:
        first, second = events_of(tx, "p_1")
        assert (first.sequence, first.at, first.actor, first.event) == (1, NOW, "rep", "read")
        assert second.detail == {"values": 3, "ok": True}
        verify(tx)


def test_an_empty_ledger_is_sound(db: Engine) -> None:
    with reading(db) as tx:
        verify(tx)


@given(st.integers(1, 5), st.sampled_from(COLUMNS), st.data())
@settings(max_examples=150, deadline=None)
def test_any_edited_character_fails_the_check(filled: Engine, sequence: int, column: str, data: st.DataObject) -> None:
    with filled.connect() as tx, tx.begin() as transaction:
        before: str = tx.scalars(select(ledger.c[column]).where(ledger.c.sequence == sequence)).one()
        place = data.draw(st.integers(0, len(before) - 1))
        other = data.draw(st.characters(codec="utf-8", exclude_characters=f"{before[place]}\0"))
        edited = before[:place] + other + before[place + 1 :]
        tx.execute(update(ledger).where(ledger.c.sequence == sequence).values({column: edited}))
        with pytest.raises(Corrupt) as broken:
            verify(tx)
        assert broken.value.data["sequence"] == sequence
        transaction.rollback()


@given(st.sets(st.integers(1, 5), min_size=1))
@settings(deadline=None)
def test_removed_events_show_the_last_ones_included(filled: Engine, removed: set[int]) -> None:
    with filled.connect() as tx, tx.begin() as transaction:
        tx.execute(delete(ledger).where(ledger.c.sequence.in_(removed)))
        with pytest.raises(Corrupt):
            verify(tx)
        transaction.rollback()


@given(st.permutations(range(1, 6)).filter(lambda order: order != [1, 2, 3, 4, 5]))
@settings(deadline=None)
def test_a_new_order_shows(filled: Engine, order: list[int]) -> None:
    with filled.connect() as tx, tx.begin() as transaction:
        tx.execute(update(ledger).values(sequence=ledger.c.sequence + 100))
        for old, new in enumerate(order, 1):
            tx.execute(update(ledger).where(ledger.c.sequence == old + 100).values(sequence=new))
        with pytest.raises(Corrupt):
            verify(tx)
        transaction.rollback()


def test_a_removed_head_shows(filled: Engine) -> None:
    with filled.connect() as tx, tx.begin() as transaction:
        tx.execute(delete(ledger_head))
        with pytest.raises(Corrupt):
            verify(tx)
        transaction.rollback()


def test_an_event_is_written_with_its_transaction_or_not_at_all(db: Engine) -> None:
    with db.connect() as tx, tx.begin() as transaction:
        fill(tx, 2)
        transaction.rollback()
    with db.begin() as tx:
        fill(tx, 1)
        assert [event.sequence for event in events_of(tx, "p_0")] == [1]
        verify(tx)


def test_content_and_reading_transactions_are_refused(db: Engine) -> None:
    with db.begin() as tx, pytest.raises(ValueError, match="not content"):
        append(tx, actor="rep", event="read", subject="p_1", detail={"text": "长" * 201}, now=NOW)
    with db.begin() as tx, pytest.raises(ValueError, match="JSON"):
        append(tx, actor="rep", event="read", subject="p_1", detail={"share": float("nan")}, now=NOW)
    with reading(db) as tx, pytest.raises(RuntimeError, match="writing transaction"):
        append(tx, actor="rep", event="read", subject="p_1", detail={}, now=NOW)
