"""A gradual release sees what became of its scripts, and a customer's script never waits for a broken candidate."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from assistant.lead import LeadForm, enter_lead
from assistant.outcome import complaints_of, edit_distance, report_complaint
from assistant.parts import Parts, silent
from assistant.pipeline import prepare, write_script
from assistant.review import decide, submit
from assistant.store import script_of, scripts_of_lead
from assistant.tables import complaints
from assistant.view import view_script
from governance import accounts, ledger
from governance.accounts import User
from governance.db import reading
from governance.errors import Conflict, Invalid, NotAllowed, NotFound
from sandbox.card import WEIGHTS
from sandbox.engine import Generation, Prompt
from sandbox.prompt import section_prompt
from sandbox.registry import alias_of, point_alias, taint
from sandbox.rollout import AUTOMATIC, rollout_of, start_rollout
from sandbox.tables import observations
from tests.registered import add_approved

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore::DeprecationWarning")]
NOW = datetime(2026, 11, 21, 8, tzinfo=UTC)
BY: dict[str, Any] = {"by": "admin", "reason": "as planned", "now": NOW}
STAGE = "proposal"


class Writes:
    """An engine that holds adapters and writes what it is told for each: good sections, or nothing at all."""

    def __init__(self, good: dict[str, str]) -> None:
        self.good, self.names = good, list[str]()
        self.mute: set[str] = set()

    def loaded(self) -> list[str]:
        return list(self.names)

    def load(self, name: str, folder: Path) -> None:
        self.names.append(name)

    def unload(self, name: str) -> None:
        self.names.remove(name)

    def generate(
        self, prompts: Sequence[Prompt], *, max_new_tokens: int = 160, seed: int = 0, temperature: float = 0.0
    ) -> list[Generation]:
        assert all(prompt.adapter in self.names for prompt in prompts)
        texts = ["" if prompt.adapter in self.mute else self.good[prompt.text] for prompt in prompts]
        return [Generation(text, True, 1) for text in texts]


@pytest.fixture
def parts(parts: Parts) -> Parts:
    """The small office with an engine that writes each section as the plan words it."""
    parts.run_later = lambda work: work()
    plan = prepare(parts, enter(parts), "zh", user(parts, "rita"), now=NOW).plan
    good = {
        section_prompt(parts.company.phrases, each.task): "".join(move.zh[0] for move in each.moves)
        for each in plan.sections
    }
    parts.__dict__["engine"] = Writes(good)
    return parts


def user(parts: Parts, name: str) -> User:
    with reading(parts.db) as tx:
        return accounts.user(tx, name)


def enter(parts: Parts) -> Any:
    with parts.db.begin() as tx:
        form = LeadForm(customer="H001", stage=STAGE, product="P01")
        return enter_lead(tx, parts.vault, parts.company, form, user(parts, "rita"), NOW)


def release(parts: Parts, share: int) -> tuple[str, str, str]:
    """An adapter in force, a candidate, and the candidate's release at a share."""
    with parts.db.begin() as tx:
        old, new = (add_approved(tx, parts.settings.home, label) for label in ("old", "new"))
        point_alias(tx, "", old, **BY)
        return old, new, start_rollout(tx, "", new, **BY, share=share, override=True)


def written(parts: Parts) -> str:
    return write_script(parts, enter(parts).id, "zh", user(parts, "rita"), now=NOW, on_progress=silent)


def seen(parts: Parts) -> dict[tuple[str, str], list[float]]:
    found: dict[tuple[str, str], list[float]] = {}
    with reading(parts.db) as tx:
        for row in tx.execute(select(observations).order_by(observations.c.number)):
            found.setdefault((row.arm, row.figure), []).append(row.value)
    return found


def body(parts: Parts, script: str) -> Any:
    with reading(parts.db) as tx:
        return script_of(tx, parts.vault, script).body


def test_in_the_shadow_the_candidate_is_counted_and_nobody_sees_it(parts: Parts) -> None:
    old, new, rollout = release(parts, 0)
    parts.engine.mute.add(new)  # pyright: ignore[reportAttributeAccessIssue]
    script = written(parts)
    found = body(parts, script)
    assert (found.adapter, found.rollout, found.arm) == (old, rollout, "baseline")
    assert {line.origin for section in found.sections for line in section.sentences} == {"adapter"}
    figures = seen(parts)
    assert figures["baseline", "verification_failure"] == [0.0]
    assert figures["candidate", "verification_failure"] == [1.0]
    assert len(figures["candidate", "latency"]) == len(figures["baseline", "latency"]) == 1
    with reading(parts.db) as tx:
        lead = script_of(tx, parts.vault, script).lead
        assert [each.id for each in scripts_of_lead(tx, parts.vault, lead)] == [script]
        assert rollout_of(tx, rollout).seen == 1


def test_a_candidate_that_fails_in_the_shadow_harms_nobody(parts: Parts) -> None:
    old, new, rollout = release(parts, 0)
    (parts.adapters / new / "release.json").unlink()
    assert body(parts, written(parts)).adapter == old
    assert ("candidate", "latency") not in seen(parts)
    with reading(parts.db) as tx:
        assert rollout_of(tx, rollout).status == "running"


def test_a_review_tells_the_release_what_it_decided(parts: Parts) -> None:
    _, new, rollout = release(parts, 100)
    script = written(parts)
    assert (body(parts, script).adapter, body(parts, script).arm) == (new, "candidate")
    submit(parts, script, user(parts, "rita"), NOW)
    decide(parts, script, user(parts, "cora"), "approve", now=NOW)
    other = written(parts)
    submit(parts, other, user(parts, "rita"), NOW)
    decide(parts, other, user(parts, "cora"), "reject", "语气不合适", now=NOW)
    figures = seen(parts)
    assert figures["candidate", "rejection"] == [0.0, 1.0]
    assert figures["candidate", "edit_distance"] == [0.0]
    assert figures["candidate", "complaint"] == [0.0]
    with reading(parts.db) as tx:
        assert rollout_of(tx, rollout).seen == 2


def test_an_edited_script_counts_once_with_how_much_was_changed(parts: Parts) -> None:
    release(parts, 100)
    script, cora = written(parts), user(parts, "cora")
    submit(parts, script, user(parts, "rita"), NOW)
    greeting = view_script(parts, script, cora, NOW).sections[0].sentences[0].text
    edited = decide(parts, script, cora, "edit", edits={("opening", 0): greeting.replace("您好，", "您好！")}, now=NOW)
    decide(parts, edited, cora, "approve", now=NOW)
    figures = seen(parts)
    assert len(figures["candidate", "edit_distance"]) == 1
    assert 0 < figures["candidate", "edit_distance"][0] < 0.1
    assert figures["candidate", "rejection"] == [0.0]
    whole = body(parts, script)
    first = whole.sections[0]
    shorter = replace(whole, sections=(replace(first, sentences=first.sentences[:-1]), *whole.sections[1:]))
    assert edit_distance(whole, whole) == 0
    assert 0 < edit_distance(whole, shorter) < 0.5  # only what is missing counts, not what moved up


def test_a_script_of_no_release_is_not_observed(parts: Parts) -> None:
    script = written(parts)
    assert (body(parts, script).adapter, body(parts, script).rollout) == (None, None)
    submit(parts, script, user(parts, "rita"), NOW)
    decide(parts, script, user(parts, "cora"), "approve", now=NOW)
    report_complaint(parts, script, user(parts, "rita"), "客户说介绍太长", NOW)
    assert seen(parts) == {}


def test_a_complaint_is_sealed_and_counts_once(parts: Parts) -> None:
    release(parts, 100)
    script = written(parts)
    submit(parts, script, user(parts, "rita"), NOW)
    decide(parts, script, user(parts, "cora"), "approve", now=NOW)
    for name in ("rita", "cora"):
        report_complaint(parts, script, user(parts, name), " 客户沈主任说介绍太长 ", NOW)
    assert seen(parts)["candidate", "complaint"] == [0.0, 1.0]
    with reading(parts.db) as tx:
        assert [each.text for each in complaints_of(tx, parts.vault, script)] == ["客户沈主任说介绍太长"] * 2
        assert all("沈".encode() not in row.text for row in tx.execute(select(complaints)))
        assert "沈" not in str([event.detail for event in ledger.events_of(tx, script)])


def test_who_may_not_complain_and_about_what(parts: Parts) -> None:
    script, rita = written(parts), user(parts, "rita")
    with pytest.raises(Conflict):
        report_complaint(parts, script, rita, "太长", NOW)
    with pytest.raises(NotAllowed):
        report_complaint(parts, script, user(parts, "rolf"), "太长", NOW)
    for text in ("", "  ", "长" * 1001):
        with pytest.raises(Invalid):
            report_complaint(parts, script, rita, text, NOW)
    with pytest.raises(NotFound):
        report_complaint(parts, "s_0", rita, "太长", NOW)


def unsign(parts: Parts, name: str) -> None:
    (parts.adapters / name / "release.json").unlink()


def cut(parts: Parts, name: str) -> None:
    (parts.adapters / name).rename(parts.adapters / "gone")


@pytest.mark.parametrize("harm", [unsign, cut])
def test_a_candidate_that_does_not_load_is_rolled_back_and_the_script_is_written(
    parts: Parts, harm: Callable[[Parts, str], None]
) -> None:
    old, new, rollout = release(parts, 100)
    harm(parts, new)
    assert body(parts, written(parts)).adapter == old
    with reading(parts.db) as tx:
        assert rollout_of(tx, rollout).status == "rolled_back"
        assert {event.actor for event in ledger.events_of(tx, rollout)} == {"admin", AUTOMATIC}
        assert alias_of(tx) == old


def test_what_is_tainted_leaves_the_engine_and_the_one_before_writes(parts: Parts) -> None:
    old, new, _ = release(parts, 100)
    assert body(parts, written(parts)).adapter == new
    with parts.db.begin() as tx:
        taint(tx, new, **BY)
    assert body(parts, written(parts)).adapter == old
    assert parts.engine.loaded() == [old]
    (parts.adapters / old / WEIGHTS).write_bytes(b"x")  # already loaded: what was verified is what writes
    assert body(parts, written(parts)).adapter == old


def test_a_stage_has_its_own_writer(parts: Parts) -> None:
    with parts.db.begin() as tx:
        general = add_approved(tx, parts.settings.home, "general")
        own = add_approved(tx, parts.settings.home, "own", stage=STAGE)
        point_alias(tx, "", general, **BY)
        point_alias(tx, STAGE, own, **BY)
    found = [parts.writer(stage, "customer:H001") for stage in (STAGE, "needs", "")]
    assert [each.adapter for each in found if each] == [own, general, general]
    assert body(parts, written(parts)).adapter == own
    assert replace(found[0], adapter=None).shadow is None if found[0] else False
