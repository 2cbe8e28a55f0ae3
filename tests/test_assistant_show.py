"""The script on the terminal, in the reader's language throughout."""

import re
from datetime import UTC, datetime

import pytest

from assistant.show import script_lines
from assistant.view import (
    DecisionView,
    EvidenceView,
    FindingView,
    ReplacedView,
    ScriptView,
    SectionView,
    SentenceView,
)
from governance.errors import Language

NOW = datetime(2026, 11, 21, 10, tzinfo=UTC)


def view(language: Language, said: str) -> ScriptView:
    return ScriptView(
        id="s_1",
        lead="l_1",
        customer=said,
        stage=said,
        language=language,
        status="approved",
        risk="low",
        adapter="a" * 64,
        author="rita",
        created_at=NOW,
        as_of="2026-11-21",
        sections=(SectionView("opening", said, (SentenceView(said, (1,), "unverified", "no_claim", "edited"),)),),
        evidence=(EvidenceView(1, "file.csv", "", "2026-01-01", said),),
        unknowns=(),
        notices=(said,),
        replaced=(ReplacedView(said, "", said, said),),
        findings=(FindingView("rule", said, "review", said, said, said),),
        decision=DecisionView("cora", "approve", said, NOW),
        history=(),
    )


@pytest.mark.parametrize(("language", "said"), [("zh", "话"), ("en", "word")])
def test_every_part_is_shown_in_the_language_of_the_script(language: Language, said: str) -> None:
    text = "\n".join(script_lines(view(language, said)))
    assert "[1]" in text
    assert "2026-01-01" in text
    assert bool(re.search(r"[\u3000-\u303f\u4e00-\u9fff\uff00-\uffef]", text)) == (language == "zh")


def test_what_is_not_verified_is_marked() -> None:
    text = "\n".join(script_lines(view("zh", "话")))
    assert "人工修改" in text
    assert "未核实" in text
