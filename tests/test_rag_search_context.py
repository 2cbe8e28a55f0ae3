"""What is read around a hit, and the words to cite."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Engine, insert

from governance.db import reading
from governance.errors import NotFound
from governance.vault import open_vault
from rag import tables
from rag.search_context import around, spans
from rag.sources import Source, add_sources

NOW = datetime(2026, 11, 21, 9, tzinfo=UTC)
TEXT = (
    "质保期自验收合格之日起计算，包括主机。人为摔落不在质保范围内。每年2次上门保养！\n"
    "The flow is 0.1 ml/h. Warranty: 24 months."
)


def file(db: Engine, folder: Path) -> None:
    """Six passages: two headings, one hostile, one row of an export."""
    with db.begin() as tx:
        document = {"id": "d_1", "name": "资料.md", "kind": "markdown", "language": "zh", "date": None}
        tx.execute(insert(tables.documents).values(**document, sha256="0" * 64, passport="", added_at=NOW))
        headings = ["一", "一", "一", "一", "二"]
        found = [
            Source(f"s_{n}", "d_1", "资料.md", "passage", 1, None, heading, None, f"{n}" * 100, n == 3, "", n)
            for n, heading in enumerate(headings)
        ]
        row = Source("s_row", "d_1", "资料.md", "row", None, 7, "", None, "客户：H001", position=9)
        add_sources(tx, open_vault(folder), [*found, row])


def test_a_hit_is_read_with_its_neighbours_below_the_same_heading(db: Engine, tmp_path: Path) -> None:
    file(db, tmp_path)
    vault = open_vault(tmp_path)
    with reading(db) as tx:
        assert [each.id for each in around(tx, vault, "s_1")] == ["s_0", "s_1", "s_2"]
        assert [each.id for each in around(tx, vault, "s_1", 250)] == ["s_1", "s_2"]
        assert [each.id for each in around(tx, vault, "s_1", 10)] == ["s_1"]
        assert [each.id for each in around(tx, vault, "s_4")] == ["s_4"]
        assert [each.id for each in around(tx, vault, "s_row")] == ["s_row"]
        with pytest.raises(NotFound):
            around(tx, vault, "s_none")


@pytest.mark.parametrize(
    ("question", "cited"),
    [
        ("质保期从哪天起算？", ["质保期自验收合格之日起计算，包括主机。"]),
        ("一年上门保养几次", ["每年2次上门保养！"]),
        ("warranty months?", ["Warranty: 24 months."]),
        ("Flow", ["The flow is 0.1 ml/h."]),
        ("验收和上门保养", ["质保期自验收合格之日起计算，包括主机。", "每年2次上门保养！"]),
        ("完全无关", []),
        ("？", []),
    ],
)
def test_the_sentences_that_carry_the_question_are_cited(question: str, cited: list[str]) -> None:
    assert [TEXT[start:end] for start, end in spans(question, TEXT)] == cited


@given(st.text(max_size=60), st.text(max_size=200))
def test_spans_lie_in_the_text_in_order_and_apart(question: str, text: str) -> None:
    places = [0, *(place for span in spans(question, text) for place in span), len(text)]
    assert places == sorted(places)
    assert all(text[start:end].strip() for start, end in spans(question, text))
