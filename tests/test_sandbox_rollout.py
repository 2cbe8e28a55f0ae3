"""Shadow, 5, 25, 100 %: sticky, watched, rolled back by itself or by a person, and never two releases at once."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, Engine, func, select

from governance.errors import Conflict, Invalid, NotFound, Refused
from governance.ledger import events_of, verify
from sandbox.guards import FIGURES, Observed, judge_figure
from sandbox.registry import alias_of, point_alias, state_of, taint
from sandbox.rollout import (
    AUTOMATIC,
    LEAST,
    SHARES,
    Rollout,
    advance,
    arm_of,
    choose,
    observe,
    roll_back,
    rollout_of,
    rollout_view,
    start_rollout,
    stop,
)
from sandbox.tables import observations
from tests.registered import NOW, add_adapter, add_approved

BY: dict[str, Any] = {"by": "admin", "reason": "as planned", "now": NOW}


@pytest.fixture
def tx(db: Engine) -> Iterator[Connection]:
    with db.begin() as connection:
        yield connection


@pytest.fixture
def pair(tx: Connection, tmp_path: Path) -> tuple[str, str]:
    """An adapter in force, and an approved candidate."""
    old, new = add_approved(tx, tmp_path, "old"), add_approved(tx, tmp_path, "new")
    point_alias(tx, "", old, **BY)
    return old, new


def watch(tx: Connection, rollout: str, figure: str, *, own: list[float], other: list[float], label: str = "s") -> None:
    for arm, values in (("baseline", other), ("candidate", own)):
        for number, value in enumerate(values):
            script = f"{label}{arm}{number}"
            observe(tx, rollout, arm=arm, script=script, figure=figure, value=value, now=NOW)


def enough(tx: Connection, rollout: str) -> None:
    share = rollout_of(tx, rollout).share
    good = [0.0] * LEAST[share]
    watch(tx, rollout, "verification_failure", own=good, other=good, label=f"at{share}")


def test_a_release_goes_step_by_step_to_everyone(tx: Connection, pair: tuple[str, str]) -> None:
    old, new = pair
    rollout = start_rollout(tx, "", new, **BY)
    for share in SHARES[:-1]:
        assert rollout_of(tx, rollout).share == share
        assert alias_of(tx) == old
        with pytest.raises(Refused, match="are needed"):
            advance(tx, rollout, **BY)
        enough(tx, rollout)
        advance(tx, rollout, **BY)
    assert alias_of(tx) == new
    assert rollout_of(tx, rollout).status == "running"  # everyone has it, and it is still watched
    assert advance(tx, rollout, **BY).status == "done"
    with pytest.raises(Conflict):
        advance(tx, rollout, **BY)
    events = [event.event for event in events_of(tx, rollout)]
    assert events == ["rollout_started", *["rollout_advanced"] * 3, "rollout_ended"]
    verify(tx)


def test_in_the_shadow_nobody_gets_the_candidate_and_it_writes_too(tx: Connection, pair: tuple[str, str]) -> None:
    old, new = pair
    rollout = start_rollout(tx, "", new, **BY)
    chosen = choose(tx, "needs", "customer:H1")
    assert chosen is not None
    assert (chosen.adapter, chosen.rollout, chosen.arm, chosen.shadow) == (old, rollout, "baseline", new)


def test_a_customer_gets_one_arm_in_every_script(tx: Connection, pair: tuple[str, str]) -> None:
    old, new = pair
    start_rollout(tx, "", new, **BY, share=5)
    arms: dict[str, set[str | None]] = {}
    for number in range(400):
        chosen = choose(tx, "needs", f"customer:H{number % 200}")
        assert chosen is not None
        arms.setdefault(f"H{number % 200}", set()).add(chosen.adapter)
    assert all(len(seen) == 1 for seen in arms.values())
    assert {name for seen in arms.values() for name in seen} == {old, new}


class Split:
    def __init__(self, name: str, share: int) -> None:
        self.id, self.share = name, share


@given(rollout=st.text(min_size=1), customer=st.text())
def test_who_is_in_at_a_share_stays_in_at_every_larger_one(rollout: str, customer: str) -> None:
    arms = [arm_of(Split(rollout, share), customer) for share in SHARES]
    assert arms == [arm_of(Split(rollout, share), customer) for share in SHARES]
    assert arms == sorted(arms)  # "baseline" before "candidate": never back
    assert (arms[0], arms[-1]) == ("baseline", "candidate")


def test_the_shares_are_met_and_each_release_draws_other_customers() -> None:
    names = [f"customer:{number}" for number in range(4000)]
    for share in (5, 25):
        drawn = [{n for n in names if arm_of(Split(r, share), n) == "candidate"} for r in ("r_1", "r_2")]
        assert all(abs(len(each) / len(names) - share / 100) < 0.02 for each in drawn)
        assert len(drawn[0] & drawn[1]) < len(drawn[0]) * (share / 100 + 0.1)


@pytest.mark.parametrize("figure", FIGURES)
def test_a_worse_candidate_is_rolled_back_by_itself(tx: Connection, pair: tuple[str, str], figure: str) -> None:
    old, new = pair
    rollout = start_rollout(tx, "", new, **BY, share=5)
    bad, good = (50.0, 4.0) if figure == "latency" else (1.0, 0.0)
    watch(tx, rollout, figure, own=[bad] * 40, other=[good] * 60)
    found = rollout_of(tx, rollout)
    assert found.status == "rolled_back"
    assert "自动回滚" in found.reason.zh
    assert "rolled back" in found.reason.en
    assert alias_of(tx) == old
    assert state_of(tx, new) == "approved"
    assert {event.actor for event in events_of(tx, rollout)} == {"admin", AUTOMATIC}
    with pytest.raises(Conflict):
        advance(tx, rollout, **BY, override=True)
    verify(tx)


def test_at_everyone_it_is_still_rolled_back_and_the_old_one_returns(tx: Connection, pair: tuple[str, str]) -> None:
    old, new = pair
    rollout = start_rollout(tx, "", new, **BY, share=5)
    watch(tx, rollout, "rejection", own=[0.0] * 20, other=[0.0] * 100)
    advance(tx, rollout, **BY, share=100, override=True)
    assert alias_of(tx) == new
    watch(tx, rollout, "rejection", own=[1.0] * 30, other=[], label="later")
    assert rollout_of(tx, rollout).status == "rolled_back"
    assert alias_of(tx) == old


def test_an_equal_candidate_stays(tx: Connection, pair: tuple[str, str]) -> None:
    rollout = start_rollout(tx, "", pair[1], **BY, share=5)
    watch(tx, rollout, "rejection", own=[0.0, 0.0, 1.0, 0.0] * 8, other=[0.0, 1.0, 0.0, 0.0] * 20)
    assert rollout_of(tx, rollout).status == "running"


def test_a_suspicious_figure_keeps_the_next_step_back_unless_a_person_says_why(
    tx: Connection, pair: tuple[str, str]
) -> None:
    rollout = start_rollout(tx, "", pair[1], **BY, share=5)
    watch(tx, rollout, "verification_failure", own=[0.0] * 20, other=[0.0] * 20)
    watch(tx, rollout, "edit_distance", own=[], other=[0.1] * 60)
    number, finding = 0, "fine"
    while finding == "fine":
        seen = observe(tx, rollout, arm="candidate", script=f"x{number}", figure="edit_distance", value=0.3, now=NOW)
        number, finding = number + 1, seen.finding
    assert finding == "suspicious"
    with pytest.raises(Refused, match="evidence"):
        advance(tx, rollout, **BY)
    assert advance(tx, rollout, **BY, override=True).share == 25


def test_the_first_release_may_go_to_everyone_by_a_persons_word(tx: Connection, tmp_path: Path) -> None:
    name = add_approved(tx, tmp_path, "first")
    rollout = start_rollout(tx, "", name, **BY, share=100)
    assert rollout_of(tx, rollout).status == "done"
    assert (alias_of(tx), state_of(tx, name)) == (name, "released")
    with pytest.raises(Conflict):
        start_rollout(tx, "", name, **BY)
    assert roll_back(tx, "", **BY) is None
    with pytest.raises(Conflict):
        roll_back(tx, "", **BY)


def test_the_first_release_may_go_by_steps_too_against_fixed_limits(tx: Connection, tmp_path: Path) -> None:
    rollout = start_rollout(tx, "", add_approved(tx, tmp_path, "first"), **BY, share=5)
    # of 100 customers none is chosen in one run of two hundred; of 400 in one of a thousand million
    chosen = [choose(tx, "", f"customer:{number}") for number in range(400)]
    assert {each.adapter is None for each in chosen if each} == {True, False}
    assert advance(tx, rollout, **BY, share=100).share == 100
    watch(tx, rollout, "latency", own=[60.0] * 30, other=[])
    assert rollout_of(tx, rollout).status == "rolled_back"
    assert alias_of(tx) is None


def test_over_an_adapter_in_force_no_step_is_left_out_without_a_reason(tx: Connection, pair: tuple[str, str]) -> None:
    for share in (25, 100):
        with pytest.raises(Refused):
            start_rollout(tx, "", pair[1], **BY, share=share)
    rollout = start_rollout(tx, "", pair[1], **BY, share=5)
    enough(tx, rollout)
    with pytest.raises(Refused):
        advance(tx, rollout, **BY, share=100)
    assert alias_of(tx) == pair[0]


def test_only_what_is_approved_is_released(tx: Connection, pair: tuple[str, str], tmp_path: Path) -> None:
    candidate, other = add_adapter(tx, tmp_path, "raw"), add_approved(tx, tmp_path, "needs", stage="needs")
    for stage, name in (("", candidate), ("", other), ("proposal", other)):
        with pytest.raises(Refused):
            start_rollout(tx, stage, name, **BY)
    with pytest.raises(NotFound):
        start_rollout(tx, "", "e" * 64, **BY)
    with pytest.raises(Invalid):
        start_rollout(tx, "", pair[1], **BY, share=50)
    with pytest.raises(Invalid):
        start_rollout(tx, "", pair[1], by="admin", reason=" ", now=NOW)


def test_one_release_of_a_stage_at_a_time(tx: Connection, pair: tuple[str, str], tmp_path: Path) -> None:
    third = add_approved(tx, tmp_path, "third")
    first = start_rollout(tx, "", pair[1], **BY)
    with pytest.raises(Conflict):
        start_rollout(tx, "", third, **BY)
    with pytest.raises(Conflict):
        point_alias(tx, "", third, **BY)
    own = start_rollout(tx, "needs", third, **BY, share=5)
    assert {choose(tx, stage, "c").rollout for stage in ("needs", "proposal") if choose(tx, stage, "c")} == {own, first}
    stop(tx, first, **BY)
    assert alias_of(tx) == pair[0]
    with pytest.raises(Conflict):
        stop(tx, first, **BY)


def test_a_new_release_ends_the_watch_over_one_that_everyone_has(
    tx: Connection, pair: tuple[str, str], tmp_path: Path
) -> None:
    first = start_rollout(tx, "", pair[1], **BY, share=100, override=True)
    second = start_rollout(tx, "", add_approved(tx, tmp_path, "third"), **BY)
    assert rollout_of(tx, first).status == "done"
    assert rollout_of(tx, second).baseline == pair[1]


def test_two_admins_at_once(tx: Connection, pair: tuple[str, str]) -> None:
    rollout = start_rollout(tx, "", pair[1], **BY, share=5)
    assert advance(tx, rollout, **BY, override=True, seen_share=5).share == 25
    with pytest.raises(Conflict):
        advance(tx, rollout, **BY, override=True, seen_share=5)
    roll_back(tx, rollout, **BY)
    with pytest.raises(Conflict):
        roll_back(tx, rollout, **BY)


def test_a_person_rolls_back_at_any_time(tx: Connection, pair: tuple[str, str], tmp_path: Path) -> None:
    old, new = pair
    rollout = start_rollout(tx, "", new, **BY, share=5)
    assert roll_back(tx, "", **BY) == old
    assert rollout_of(tx, rollout).status == "rolled_back"
    third = add_approved(tx, tmp_path, "third")
    start_rollout(tx, "", third, **BY, share=100, override=True)
    assert roll_back(tx, "", **BY) == old
    point_alias(tx, "", third, **BY)
    assert roll_back(tx, "", **BY) == old  # no release runs any more: the one before returns
    assert roll_back(tx, "", **BY) is None  # and what was rolled back does not
    with pytest.raises(NotFound):
        roll_back(tx, "r_unknown", **BY)


def test_a_tainted_adapter_ends_its_release(tx: Connection, pair: tuple[str, str], tmp_path: Path) -> None:
    old, new = pair
    rollout = start_rollout(tx, "", new, **BY, share=100, override=True)
    taint(tx, new, **BY)
    assert rollout_of(tx, rollout).status == "rolled_back"
    assert alias_of(tx) == old
    other = start_rollout(tx, "", add_approved(tx, tmp_path, "third"), **BY, share=5)
    taint(tx, old, **BY)
    assert rollout_of(tx, other).status == "stopped"
    assert choose(tx, "", "customer:H1") is None


def test_a_rollback_skips_a_tainted_baseline(tx: Connection, pair: tuple[str, str], tmp_path: Path) -> None:
    old, new = pair
    third = add_approved(tx, tmp_path, "third")
    start_rollout(tx, "", new, **BY, share=100, override=True)
    point_stop = rollout_view(tx)[0].id
    advance(tx, point_stop, **BY)
    start_rollout(tx, "", third, **BY, share=100, override=True)
    taint(tx, new, **BY)  # the baseline of the running release
    assert alias_of(tx) == third
    assert roll_back(tx, "", **BY) == old


def count(tx: Connection) -> int:
    return tx.scalar(select(func.count()).select_from(observations)) or 0


def test_an_observation_counts_once(tx: Connection, pair: tuple[str, str]) -> None:
    rollout = start_rollout(tx, "", pair[1], **BY)
    seen: dict[str, Any] = {"script": "s1", "figure": "rejection", "now": NOW}
    observe(tx, rollout, arm="candidate", value=1.0, **seen)
    verdict = observe(tx, rollout, arm="candidate", value=0.0, **seen)
    assert (verdict.candidate, verdict.candidate_mean) == (1, 1.0)
    assert observe(tx, rollout, arm="baseline", value=0.0, **seen).baseline == 1  # in the shadow both write one script


def test_a_complaint_may_follow_the_note_that_there_was_none(tx: Connection, pair: tuple[str, str]) -> None:
    rollout = start_rollout(tx, "", pair[1], **BY)
    seen: dict[str, Any] = {"arm": "candidate", "script": "s1", "figure": "complaint", "now": NOW}
    observe(tx, rollout, value=0.0, **seen)
    observe(tx, rollout, value=1.0, **seen)
    assert observe(tx, rollout, value=1.0, **seen).candidate == 2


def test_what_comes_after_the_end_is_kept_and_changes_nothing(tx: Connection, pair: tuple[str, str]) -> None:
    rollout = start_rollout(tx, "", pair[1], **BY, share=5)
    watch(tx, rollout, "rejection", own=[0.0] * 3, other=[0.0] * 3)
    roll_back(tx, rollout, **BY)
    before = rollout_of(tx, rollout)
    later: dict[str, Any] = {"figure": "rejection", "value": 1.0, "now": NOW + timedelta(hours=1)}
    for number in range(50):
        observe(tx, rollout, arm="candidate", script=f"late{number}", **later)
    assert count(tx) == 56
    assert rollout_of(tx, rollout) == before


@pytest.mark.parametrize(
    ("arm", "figure", "value"),
    [
        ("candidate", "rejection", float("nan")),
        ("candidate", "rejection", -0.1),
        ("candidate", "rejection", 1.1),
        ("candidate", "latency", float("inf")),
        ("candidate", "mood", 0.5),
        ("control", "rejection", 0.5),
    ],
)
def test_what_is_no_observation_is_refused(
    tx: Connection, pair: tuple[str, str], arm: Any, figure: str, value: float
) -> None:
    rollout = start_rollout(tx, "", pair[1], **BY)
    with pytest.raises(Invalid):
        observe(tx, rollout, arm=arm, script="s", figure=figure, value=value, now=NOW)
    with pytest.raises(NotFound):
        observe(tx, "r_0", arm="baseline", script="s", figure="rejection", value=0.0, now=NOW)
    assert count(tx) == 0


seen_values = st.lists(
    st.builds(
        Observed,
        st.sampled_from(SHARES),
        st.sampled_from(["candidate", "baseline"]),
        st.floats(0, 1),
        st.integers(1, 9),
    ),
    max_size=30,
)


@settings(max_examples=60, deadline=None)
@given(found=seen_values, figure=st.sampled_from(FIGURES), has_baseline=st.booleans())
def test_the_decision_is_pure_and_never_fails(found: list[Observed], figure: str, has_baseline: bool) -> None:
    first = judge_figure(figure, found, has_baseline=has_baseline)
    again = judge_figure(figure, found[::-1], has_baseline=has_baseline)
    assert (first.candidate, first.finding) == (again.candidate, again.finding)
    if not any(each.arm == "candidate" for each in found):
        assert first.finding == "waiting"


def test_the_view_shows_every_figure_of_both_arms(tx: Connection, pair: tuple[str, str]) -> None:
    rollout = start_rollout(tx, "", pair[1], **BY)
    watch(tx, rollout, "latency", own=[4.0], other=[2.0, 4.0])
    (found,) = rollout_view(tx)
    assert isinstance(found, Rollout)
    assert [each.figure for each in found.figures] == list(FIGURES)
    latency = next(each for each in found.figures if each.figure == "latency")
    assert (latency.candidate, latency.candidate_mean, latency.baseline, latency.baseline_mean) == (1, 4.0, 2, 3.0)
    assert "起草耗时" in latency.say().zh
    assert (found.seen, found.needed, found.next_share) == (1, LEAST[0], 5)
