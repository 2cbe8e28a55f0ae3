"""The command that lists what waits, with the file that says so."""

from pathlib import Path

import pytest
from sqlalchemy import Engine

from governance.errors import Unavailable
from governance.settings import Settings
from rag.__main__ import _parser  # pyright: ignore[reportPrivateUsage]
from rag.commands_proposals import run
from rag.proposals import make_proposal, propose
from tests.small_graph import NOW, P1, graph


def test_what_waits_is_listed_with_its_file_and_a_model_must_be_named(
    db: Engine, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    vault = graph(db, tmp_path)
    with db.begin() as tx:
        propose(tx, [make_proposal(P1, "warranty", "24", source="s_card", extractor="test")], NOW)
    settings = Settings(home=tmp_path)
    assert run(settings, db, vault, _parser().parse_args(["proposals"]), "en") == 0
    shown = capsys.readouterr().out
    assert "product:P1 warranty 24" in shown
    assert "card.txt" in shown
    assert "1 proposals wait." in shown
    with pytest.raises(Unavailable):
        run(settings, db, vault, _parser().parse_args(["proposals", "--model"]), "zh")
