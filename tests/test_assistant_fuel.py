"""What reviewers decide becomes training material, without a value or a person in it."""

from datetime import UTC, datetime, timedelta

import pytest

from assistant.fuel import gather_fuel
from assistant.lead import LeadForm, enter_lead
from assistant.parts import Parts, silent
from assistant.pipeline import write_script
from assistant.review import decide, submit
from assistant.view import view_script
from eval.values import find_values
from governance import accounts
from governance.accounts import User
from governance.db import reading
from governance.vault import TOKEN
from rag.company import SLOT
from sandbox.samples import Fuel

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore::DeprecationWarning")]
NOW = datetime(2026, 11, 21, 8, tzinfo=UTC)
CUSTOMER = "H001"


def user(parts: Parts, name: str) -> User:
    with reading(parts.db) as tx:
        return accounts.user(tx, name)


def waiting(parts: Parts, lead: str = "", now: datetime = NOW) -> tuple[str, str]:
    rita = user(parts, "rita")
    if not lead:
        with parts.db.begin() as tx:
            form = LeadForm(customer=CUSTOMER, stage="proposal", product="P01")
            lead = enter_lead(tx, parts.vault, parts.company, form, rita, now).id
    script = write_script(parts, lead, "zh", rita, now=now, on_progress=silent)
    submit(parts, script, rita, now)
    return lead, script


def fuel(parts: Parts) -> list[Fuel]:
    with reading(parts.db) as tx:
        return gather_fuel(tx, parts.vault, parts.company)


def test_nothing_is_learnt_from_what_nobody_decided(parts: Parts) -> None:
    waiting(parts)
    assert fuel(parts) == []


def test_an_approved_script_gives_its_sections_back_as_they_were_asked_for(parts: Parts) -> None:
    _, script = waiting(parts)
    decide(parts, script, user(parts, "cora"), "approve", now=NOW)
    found = fuel(parts)
    sections = {section.id for section in view_script(parts, script, user(parts, "cora"), NOW).sections}
    assert {each.sample.section for each in found} == sections
    assert {(each.kind, each.rejected) for each in found} == {("approved", None)}
    for each in found:
        outline = each.sample.prompt.split("要点：\n" if "要点：\n" in each.sample.prompt else "要点\n", 1)[1]
        assert outline.replace("\n", "") == each.sample.answer
        assert each.sample.passports or each.sample.section in ("opening", "closing", "needs")
        assert set(each.sample.slots) == set(SLOT.findall(each.sample.answer))
        assert each.sample.unit == f"customer:{CUSTOMER}"


@pytest.mark.parametrize(("words", "weight"), [("您好！", 1.0), ("您好，百忙之中打扰您，", 0.0)])
def test_an_edit_is_preferred_and_trained_on_only_where_the_wording_is_approved(
    parts: Parts, words: str, weight: float
) -> None:
    _, script = waiting(parts)
    cora = user(parts, "cora")
    greeting = view_script(parts, script, cora, NOW).sections[0].sentences[0].text
    edits = {("opening", 0): greeting.replace("您好，", words)}
    decide(parts, decide(parts, script, cora, "edit", edits=edits, now=NOW), cora, "approve", now=NOW)
    (change,) = [each for each in fuel(parts) if each.kind == "edit"]
    assert change.sample.section == "opening"
    assert change.rejected is not None
    assert change.rejected.replace("您好，", words) == change.sample.answer
    assert change.weight == weight


def test_a_rejected_script_teaches_nothing_until_a_better_one_is_approved(parts: Parts) -> None:
    lead, script = waiting(parts)
    cora = user(parts, "cora")
    decide(parts, script, cora, "reject", "开场太生硬", now=NOW)
    assert fuel(parts) == []
    later = NOW + timedelta(hours=1)
    _, second = waiting(parts, lead, later)
    greeting = view_script(parts, second, cora, later).sections[0].sentences[0].text
    edits = {("opening", 0): greeting.replace("您好，", "您好！")}
    edited = decide(parts, second, cora, "edit", edits=edits, now=later)
    decide(parts, edited, cora, "approve", now=later)
    kinds = [each.kind for each in fuel(parts)]
    assert kinds.count("edit") == 1
    assert all(each.rejected != each.sample.answer for each in fuel(parts))


def test_no_value_and_no_person_is_in_the_fuel(parts: Parts) -> None:
    _, script = waiting(parts)
    decide(parts, script, user(parts, "cora"), "approve", now=NOW)
    for each in fuel(parts):
        for text in (each.sample.prompt, each.sample.answer):
            assert not TOKEN.search(text)
            assert [value.text for value in find_values(SLOT.sub("", text)) if value.kind in ("code", "money")] == []


def test_a_script_written_with_another_phrase_book_is_left_alone(parts: Parts) -> None:
    _, script = waiting(parts)
    decide(parts, script, user(parts, "cora"), "approve", now=NOW)
    book = parts.company.phrases
    fewer = book.model_copy(update={"stages": {k: v for k, v in book.stages.items() if k != "proposal"}})
    parts.company = parts.company.__class__(**{**_fields(parts.company), "phrases": fewer})
    assert fuel(parts) == []


def _fields(company: object) -> dict[str, object]:
    return {name: getattr(company, name) for name in type(company).__dataclass_fields__}  # type: ignore[attr-defined]
