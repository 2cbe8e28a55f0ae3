"""A rewording counts only when the span still says it; the endpoint may answer as badly as it likes."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, func, select

from governance.db import reading
from governance.errors import Unavailable
from governance.vault import Vault, open_vault
from sandbox.entailment import asks_the_same, failure
from sandbox.prompt import question_prompt
from sandbox.rewriting import reword
from sandbox.samples import Sample
from sandbox.tables import rewrites
from tests.model_endpoint import said, serving

NOW = datetime(2026, 11, 22, tzinfo=UTC)
SPAN = "质保期{period1}，自验收合格之日起计算，不含耗材。"


@pytest.fixture
def vault(tmp_path: Path) -> Vault:
    return open_vault(tmp_path / "keys")


def sample(number: int) -> Sample:
    passage = f"第{'一二三四五六七八九十'[number % 10]}款 质保\n{SPAN}"
    prompt = question_prompt("zh", passage, "关于“质保”，资料里怎么说？")
    return Sample("extractive", "zh", prompt, SPAN, ("period1",), None, ("p1",), f"d{number}", (6, 31), f"d{number}", 1)


GOOD = {"question": "资料里关于“质保”是怎么说的？", "answer": "自验收合格之日起计算，质保期{period1}，不含耗材。"}


@pytest.mark.parametrize(
    ("reworded", "why"),
    [
        ("自验收合格之日起计算，质保期{period1}，不含耗材。", None),
        ("质保期{period2}，自验收合格之日起计算，不含耗材。", "values"),
        ("质保期36个月，自验收合格之日起计算，不含耗材。", "values"),
        ("质保期{period1}，自验收合格之日起计算，含耗材。", "negation"),
        ("质保期可以有{period1}，自验收合格之日起计算，不含耗材。", "modality"),
        ("质保期{period1}，自发货之日起计算，不含耗材。", "words"),
        ("质保期{period1}。", "negation"),
        ("质保期{period1}，不含耗材，人员1负责验收合格之日的计算。", "values"),
        ("", "form"),
        (SPAN * 6, "form"),
    ],
)
def test_a_rewording_is_entailed_or_refused_with_its_reason(reworded: str, why: str | None) -> None:
    assert failure(SPAN, reworded) == why


@pytest.mark.parametrize(
    ("span", "reworded", "why"),
    [
        ("Reps must not promise a delivery date.", "A delivery date must not be promised by reps.", None),
        ("Reps must not promise a delivery date.", "Reps must promise a delivery date.", "negation"),
        ("Reps must not promise a delivery date.", "Reps may not promise a delivery date.", "modality"),
        ("Parts are kept until {date1}.", "Parts of Yundi are kept until {date1}.", "names"),
        ("Call within 4 hours on weekdays.", "Call within 8 hours on weekdays.", "values"),
        ("Reps keep records of visits and gifts offered.", "Reps keep records.", "lost"),
    ],
)
def test_the_same_holds_in_english(span: str, reworded: str, why: str | None) -> None:
    assert failure(span, reworded) == why


def test_a_question_may_not_bring_in_what_was_not_asked() -> None:
    asked = "关于“质保”，资料里怎么说？"
    assert asks_the_same(asked, GOOD["question"], SPAN)
    assert not asks_the_same(asked, "关于质保，为什么不含人工？", SPAN)
    assert not asks_the_same(asked, "2027年的质保怎么说？", SPAN)
    assert not asks_the_same(asked, "", SPAN)


def test_three_malformed_replies_in_ten_cost_tries_and_no_sample(db: Engine, vault: Vault) -> None:
    broken = [b"<html>busy</html>", said("sorry, here it is: {"), said({"question": "only"}), said(["no", "object"])]

    def reply(number: int, body: dict[str, Any]) -> tuple[int, bytes]:
        return (200, broken[number % 4]) if number % 10 in (1, 4, 7) else (200, said(GOOD))

    samples = [sample(number) for number in range(40)]
    with serving(reply) as (where, seen):
        found, result = reword(db, vault, samples, where, now=NOW)
    assert len(found) == result.accepted == result.asked == 40
    assert result.failed == 0
    assert result.malformed == len(seen) - 40 >= 12
    first = found[samples[0].id]
    assert (first.answer, first.place, first.source) == (GOOD["answer"], samples[0].place, samples[0].source)
    assert first.prompt.endswith(f"问题：{GOOD['question']}")
    assert (seen[0]["path"], seen[0]["key"], seen[0]["model"]) == (
        "/v1/chat/completions",
        "Bearer secret",
        "some-model",
    )


def test_a_killed_run_goes_on_where_it_was_and_a_refusal_is_remembered_too(db: Engine, vault: Vault) -> None:
    samples = [sample(number) for number in range(6)]
    wrong = {**GOOD, "answer": "质保期{period1}，自发货之日起计算，不含耗材。"}

    def reply(number: int, body: dict[str, Any]) -> tuple[int, bytes]:
        return 200, said(wrong if number == 2 else GOOD)

    class Killed(BaseException):
        pass

    def kill(step: str, done: int, total: int) -> None:
        if done == 4:
            raise Killed

    with serving(reply) as (where, seen):
        with pytest.raises(Killed):
            reword(db, vault, samples, where, now=NOW, on_progress=kill)
        assert len(seen) == 4
        found, result = reword(db, vault, samples, where, now=NOW)
        assert len(seen) == 6
    assert (result.remembered, result.accepted, dict(result.refused)) == (4, 5, {"words": 1})
    assert samples[1].id not in found
    with reading(db) as tx:
        assert tx.scalar(select(func.count()).select_from(rewrites)) == 6
        stored = b"".join(tx.scalars(select(rewrites.c.sealed)))
    assert "质保".encode() not in stored


def test_what_never_answers_well_is_reported_and_not_remembered(db: Engine, vault: Vault) -> None:
    with serving(lambda number, body: (200, said("no json"))) as (where, seen):
        found, result = reword(db, vault, [sample(0), sample(1)], where, now=NOW)
    assert found == {}
    assert result.as_json() == {
        "asked": 2,
        "accepted": 0,
        "malformed": 6,
        "failed": 2,
        "remembered": 0,
        "refused": {},
    }
    assert len(seen) == 6


@pytest.mark.parametrize("status", [302, 401, 500])
def test_an_endpoint_that_serves_nobody_stops_the_build_with_a_remedy(db: Engine, vault: Vault, status: int) -> None:
    with serving(lambda number, body: (status, b"{}")) as (where, seen), pytest.raises(Unavailable) as stopped:
        reword(db, vault, [sample(number) for number in range(9)], where, now=NOW)
    assert len(seen) == 15  # five samples, three tries each; a redirect is not followed
    assert "XINYAN_REWRITE_URL" in stopped.value.say("zh")
    assert "secret" not in stopped.value.say("en")
    assert "secret" not in repr(where)
