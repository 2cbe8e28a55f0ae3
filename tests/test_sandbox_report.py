"""A report is stored sealed, said in plain words, judged by the gate, and its answers are rated blind and once."""

import math
from collections.abc import Iterator
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Connection, Engine, insert, select

from eval.memorisation import Memorisation, Trial, conclude
from eval.scoring import Figures, wilson
from governance.db import reading
from governance.errors import Conflict, NotFound
from governance.ledger import events_of
from governance.vault import Vault, open_vault
from rag.company import Bilingual
from sandbox.gate import judge_report, worse
from sandbox.memories import find_memorisation, keep_memorisation, method_of
from sandbox.release import Failed
from sandbox.report import (
    Arm,
    Report,
    Side,
    candidate_is_left,
    keep_report,
    pairs_to_rate,
    plain_figures,
    rate,
    ratings_of,
    read_figures,
    report_of,
    say,
    sign_test,
)
from sandbox.report_words import NAMES
from sandbox.tables import adapters, datasets, ratings, reports
from tests.small_sandbox import NOW

ADAPTER, OTHER = "a" * 64, "b" * 64
SHARES = ("value_copy", "unsupported_values", "must_say", "stop_rate", "wrong_type", "compliance_hits", "personal_data")
INTERVALS = {name: wilson(0, 48) for name in SHARES if name not in ("value_copy", "must_say", "stop_rate")}
INTERVALS |= {name: wilson(48, 48) for name in ("value_copy", "must_say", "stop_rate", "language")}
GOOD = Figures(
    0.1, 1.0, 0.0, 1.0, 1.0, 0.0, 48, INTERVALS, compliance_hits=0.0, personal_data=0.0, language=1.0, tokens_per_s=40
)
BASE = replace(GOOD, heldout_loss=3.0, value_copy=0.1)
CALM = conclude([Trial(1, 400, 1000, extracted=False), Trial(16, 1, 1000, extracted=True)], [], passes=1)


def make(compared: str | None = None, **changes: object) -> Report:
    arms: dict[Arm, Figures] = {"base": BASE, "candidate": GOOD}
    texts: dict[Arm, str] = {"base": "不知道", "candidate": "您好"}
    if compared:
        arms["released"], texts["released"] = GOOD, "你好"
    sides = tuple(Side(f"{n:064}", "needs", "zh", f"话术{n}", "您好。", texts) for n in range(6))
    alike: dict[Arm, str] = dict.fromkeys(texts, "一样")
    sides = (*sides, Side("e" * 64, "needs", "zh", "话术", "一样", alike))
    found = Report(ADAPTER, compared, "m" * 64, "d" * 64, arms, {"needs": arms}, 30, 8, 0, sides, NOW, CALM)
    return replace(found, **changes)  # pyright: ignore[reportArgumentType]


@pytest.fixture
def vault(tmp_path_factory: pytest.TempPathFactory) -> Vault:
    return open_vault(tmp_path_factory.mktemp("keys"))


@pytest.fixture
def tx(db: Engine) -> Iterator[Connection]:
    with db.begin() as connection:
        row = {"train": 1, "heldout": 1, "quarantined": 0, "created_at": NOW}
        connection.execute(insert(datasets).values(hash="d" * 64, inputs="i" * 64, **row))
        for name in (ADAPTER, OTHER):
            made = {"key": f"k{name[1:]}" if name == ADAPTER else name, "dataset": "d" * 64, "base": "x", "recipe": {}}
            connection.execute(insert(adapters).values(hash=name, **made, folder="f", seconds=1.0, created_at=NOW))
        yield connection


def test_a_report_is_read_back_as_it_was_and_its_answers_are_sealed(tx: Connection, vault: Vault) -> None:
    report = make(compared=OTHER)
    keep_report(tx, vault, report)
    keep_report(tx, vault, report)
    keep_memorisation(tx, f"k{ADAPTER[1:]}", CALM, "1", NOW)
    found = report_of(tx, vault, ADAPTER)
    assert found == replace(report, verdict=())
    assert found.hash == report.hash
    assert "您好".encode() not in tx.scalars(select(reports.c.sealed)).one()


def test_of_an_adapter_without_a_report_there_is_none_and_an_unknown_one_is_an_error(
    tx: Connection, vault: Vault
) -> None:
    assert report_of(tx, vault, ADAPTER) is None
    with pytest.raises(NotFound):
        report_of(tx, vault, "0" * 64)
    for call in (lambda: pairs_to_rate(tx, vault, ADAPTER, "li"), lambda: rate_it(tx, "0" * 64)):
        with pytest.raises(NotFound):
            call()


def rate_it(tx: Connection, sample: str, by: str = "li", side: str = "left") -> None:
    rate(tx, ADAPTER, sample, preferred_left=side, by=by, now=NOW)  # pyright: ignore[reportArgumentType]


def test_a_good_candidate_passes_and_each_fault_is_named() -> None:
    assert judge_report(make()) == []
    faults: dict[str, Report] = {
        "value_copy": with_candidate(value_copy=0.5),
        "compliance_hits": with_candidate(compliance_hits=0.02),
        "personal_data": with_candidate(personal_data=0.02),
        "language": with_candidate(language=0.98),
        "heldout_loss": with_candidate(heldout_loss=4.0),
        "training_leaks": make(leaks=1),
        "memorisation_tests": make(memorisation=None),
        "memorised_strings": make(memorisation=conclude([Trial(1, 1, 1000, extracted=True)], [], passes=9)),
    }
    for name, report in faults.items():
        assert name in [failed.name for failed in judge_report(report)], name


@pytest.mark.parametrize("figure", ["compliance_hits", "personal_data", "language", "value_copy"])
def test_a_figure_that_is_no_number_does_not_pass(figure: str) -> None:
    assert judge_report(with_candidate(**{figure: math.nan}))


def test_a_fault_in_one_stage_alone_keeps_it_back() -> None:
    stages: dict[str, dict[Arm, Figures]] = {"needs": {"base": BASE, "candidate": replace(GOOD, personal_data=0.2)}}
    assert [failed.name for failed in judge_report(make(stages=stages))] == ["needs.personal_data"]


def test_worse_than_the_adapter_in_force_means_beyond_its_interval() -> None:
    low = GOOD.intervals["value_copy"][0]
    assert worse(replace(GOOD, value_copy=low + 0.001), GOOD) == []
    assert [failed.name for failed in worse(replace(GOOD, value_copy=low - 0.001), GOOD)] == ["released.value_copy"]
    high = GOOD.intervals["unsupported_values"][1]
    assert [f.name for f in worse(replace(GOOD, unsupported_values=high + 0.01), GOOD)] == [
        "released.unsupported_values"
    ]


@given(st.sampled_from(SHARES), st.floats(0, 1))
def test_no_adapter_is_worse_than_itself(name: str, value: float) -> None:
    part = round(value * 40)
    own = replace(GOOD, **{name: part / 40, "intervals": {**GOOD.intervals, name: wilson(part, 40)}})
    assert worse(own, own) == []


def test_the_sentences_say_what_was_seen_what_it_means_and_what_to_do() -> None:
    good = make(compared=OTHER)
    zh, en = say(good, "zh"), say(good, "en")
    assert len(zh) == len(en)
    assert zh[0] == "结论：各项都达到要求，可以交给两位同事审批。"
    assert zh[1].startswith("在 48 个它没见过的段落上")
    assert any("与现在用的助手相比" in line for line in zh)
    bad = judged_by_gate(with_candidate(value_copy=0.5, language=0.5))
    assert "暂时不能发布" in say(bad, "zh")[0]
    assert any(line.startswith("未达标：该写的内容写全的比例是 50.0%") for line in say(bad, "zh"))
    named = {"needs": Bilingual(zh="需求挖掘", en="Needs")}
    weak = make(verdict=(Failed("needs.value_copy", 0.5, ">=", 0.95),))
    assert any("“需求挖掘”阶段" in line for line in say(weak, "zh", named))
    assert any("in Needs" in line for line in say(weak, "en", named))
    assert sum(line.startswith("Falls short:") for line in say(bad, "en")) == len(bad.verdict)


def test_every_figure_that_can_fail_has_words(tx: Connection) -> None:
    for name in NAMES:
        for where in ("", "needs.", "released."):
            report = make(verdict=(Failed(where + name, 0.5, "<=", 0.0),))
            assert len(say(report, "zh")) == len(say(report, "en"))


def test_no_word_of_the_trade_of_machine_learning_is_in_the_sentences() -> None:
    every = tuple(Failed(name, 0.5, "<=", 0.0) for name in NAMES)
    said = "\n".join(say(make(compared=OTHER, verdict=every), "zh") + say(make(verdict=every, memorisation=None), "en"))
    for word in ("loss", "损失", "token", "词元", "epoch", "LoRA", "exposure", "canary", "greedy"):
        assert word not in said, word


def test_which_side_is_the_candidate_is_decided_by_adapter_sample_and_person(tx: Connection, vault: Vault) -> None:
    keep_report(tx, vault, make(compared=OTHER))
    pairs = {by: pairs_to_rate(tx, vault, ADAPTER, by) for by in ("li", "wang")}
    assert pairs["li"] == pairs_to_rate(tx, vault, ADAPTER, "li")
    assert len(pairs["li"]) == 6, "answers that are alike are not shown"
    for by, shown in pairs.items():
        for pair in shown:
            assert {pair.left, pair.right} == {"您好", "你好"}
            assert (pair.left == "您好") == candidate_is_left(ADAPTER, pair.sample, by)
    lefts = {candidate_is_left(ADAPTER, f"{n:064}", by) for n in range(20) for by in ("li", "wang")}
    assert lefts == {True, False}


def test_a_rating_counts_for_the_side_that_was_the_candidate(tx: Connection, vault: Vault) -> None:
    keep_report(tx, vault, make())
    for pair in pairs_to_rate(tx, vault, ADAPTER, "li"):
        rate_it(tx, pair.sample, side="left" if pair.left == "您好" else "right")
    assert pairs_to_rate(tx, vault, ADAPTER, "li") == []
    rate_it(tx, f"{0:064}", by="wang", side="same")
    found = ratings_of(tx, ADAPTER)
    assert (found.candidate, found.other, found.same, found.share) == (6, 0, 1, 1.0)
    assert found.interval == wilson(6, 6)
    assert found.p == pytest.approx(2 / 64)
    events = [event for event in events_of(tx, ADAPTER) if event.event == "answers_rated"]
    assert len(events) == 7


def test_nobody_rates_twice_or_what_is_not_in_the_report(tx: Connection, vault: Vault) -> None:
    keep_report(tx, vault, make())
    rate_it(tx, f"{1:064}")
    with pytest.raises(Conflict):
        rate_it(tx, f"{1:064}", side="right")
    for sample in ("0" * 63 + "x", "e" * 64):
        with pytest.raises(NotFound):
            rate_it(tx, sample)
    with pytest.raises(NotFound):
        rate(tx, "0" * 64, f"{1:064}", preferred_left="left", by="li", now=NOW)
    assert len(list(tx.execute(select(ratings)))) == 1


@given(st.integers(0, 60), st.integers(0, 60))
def test_the_sign_test_is_a_share_and_the_same_both_ways(one: int, other: int) -> None:
    assert 0 < sign_test(one, other) <= 1
    assert sign_test(one, other) == sign_test(other, one)


def test_nothing_rated_says_nothing(db: Engine) -> None:
    with reading(db) as connection:
        found = ratings_of(connection, ADAPTER)
    assert (found.share, found.interval, found.p) == (0.5, (0.0, 1.0), 1.0)


def test_figures_go_through_json_and_what_was_not_measured_stays_so() -> None:
    assert read_figures(plain_figures(GOOD)) == GOOD
    unmeasured = read_figures(plain_figures(replace(GOOD, language=math.nan, heldout_loss=math.inf)))
    assert math.isnan(unmeasured.language)
    assert math.isnan(unmeasured.heldout_loss)


def test_memory_is_kept_by_method_and_replaced(tx: Connection) -> None:
    assert find_memorisation(tx, "k") is None
    assert method_of(tx, "k") is None
    keep_memorisation(tx, "k", Memorisation({1: 9.0}, {1: 3}, 8, passed=False), "0", NOW)
    keep_memorisation(tx, "k", CALM, "1", NOW)
    assert find_memorisation(tx, "k") == CALM
    assert method_of(tx, "k") == "1"


def with_candidate(**figures: float) -> Report:
    return make(arms={"base": BASE, "candidate": replace(GOOD, **figures)}, stages={})  # pyright: ignore[reportArgumentType]


def judged_by_gate(report: Report) -> Report:
    return replace(report, verdict=tuple(judge_report(report)))
