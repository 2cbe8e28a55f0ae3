"""What people made of scripts → training material: approved sections, edits, and what was rejected for them."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from sqlalchemy import Connection, select

from assistant.script import Script, ScriptSection
from assistant.store import Stored, script_of, scripts_of_lead
from assistant.tables import leads
from governance.vault import Vault
from rag.company import SLOT, Company
from rag.sources import sources
from sandbox.prompt import SectionTask, join, section_prompt, section_task
from sandbox.samples import Fuel, Sample

# An edit whose words no approved wording covers is a preference only: a model that learnt it would be stopped by the
# check of every other word, until the phrase book has it.
TRAINED, PREFERRED_ONLY = 1.0, 0.0


def gather_fuel(tx: Connection, vault: Vault, company: Company) -> list[Fuel]:
    """
    Everything that reviewers decided so far, oldest lead first. No value and no person is in it, only placeholders.

    An approved section that nobody changed confirms what the model wrote; the data set caps how much of that it takes.
    """
    found: list[Fuel] = []
    for lead in tx.scalars(select(leads.c.id).order_by(leads.c.created_at, leads.c.id)):
        stored = scripts_of_lead(tx, vault, lead)[::-1]
        written = {each.id: _first(tx, vault, each) for each in stored if each.status in ("approved", "rejected")}
        approved = [each for each in stored if each.status == "approved"]
        for each in approved:
            found += _approved(tx, vault, company, each, written[each.id])
        for each in stored:
            if each.status == "rejected":
                found += _rejected(tx, vault, company, each, [a for a in approved if a.created_at > each.created_at])
    return found


def _approved(tx: Connection, vault: Vault, company: Company, last: Stored, first: Stored) -> Iterator[Fuel]:
    before = {section.id: section for section in first.body.sections}
    for section in last.body.sections:
        original = before.get(section.id, section)
        if (sample := _sample(tx, vault, company, last.body, original, section)) is None:
            continue
        rejected = _answer(first.body, original)
        if rejected == sample.answer:
            yield Fuel("approved", sample, None, TRAINED)
        else:
            worded = all(line.phrase for line in section.sentences)
            yield Fuel("edit", sample, rejected, TRAINED if worded else PREFERRED_ONLY)


def _rejected(
    tx: Connection, vault: Vault, company: Company, refused: Stored, later: Sequence[Stored]
) -> Iterator[Fuel]:
    """Against the next script of the same lead that was approved, where both were asked for the same."""
    same = [each for each in later if each.body.language == refused.body.language]
    if not same:
        return
    chosen = {section.id: section for section in same[0].body.sections}
    for section in refused.body.sections:
        if (better := chosen.get(section.id)) is None:
            continue
        asked = _sample(tx, vault, company, refused.body, section, section)
        answer = _sample(tx, vault, company, same[0].body, better, better)
        if asked and answer and set(asked.slots) == set(answer.slots) and asked.answer != answer.answer:
            yield Fuel("rejection", replace(answer, prompt=asked.prompt), asked.answer, PREFERRED_ONLY)


def _sample(
    tx: Connection, vault: Vault, company: Company, script: Script, original: ScriptSection, final: ScriptSection
) -> Sample | None:
    """A training sample: asked for as `original` was, answered as `final` is. None: it cannot be rebuilt."""
    if (task := _task(company, script, original)) is None:
        return None
    answer = _answer(script, final)
    used = sources(tx, vault, [source for line in final.sentences for source in line.sources])
    return Sample(
        kind="section",
        language=script.language,
        prompt=section_prompt(company.phrases, task),
        answer=answer,
        slots=tuple(sorted(set(SLOT.findall(answer)))),
        section=final.id,
        passports=tuple(sorted({source.passport for source in used.values()})),
        unit=script.customer,
    )


def _task(company: Company, script: Script, section: ScriptSection) -> SectionTask | None:
    """What the model was asked, from what it was planned to say; None when the phrase book has changed since."""
    book = company.phrases
    if script.stage not in book.stages or section.id not in book.stages[script.stage].sections:
        return None
    moves: Mapping[str, frozenset[str]] = {m.id: frozenset(m.needs) for m in book.sections[section.id].moves}
    said = [line.move for line in section.sentences]
    if not said or not set(said) <= moves.keys():
        return None
    known = frozenset[str]().union({"rep", "customer"}, *(moves[move] for move in said))
    task = section_task(book, script.language, script.stage, section.id, known)
    if [move.id for move in book.sections[section.id].planned(task.groups)] != said:
        return None
    return replace(task, outline=tuple(line.masked for line in section.sentences))


def _answer(script: Script, section: ScriptSection) -> str:
    return join(script.language, [line.masked for line in section.sentences])


def _first(tx: Connection, vault: Vault, stored: Stored) -> Stored:
    """The script as the adapter wrote it, before anybody edited."""
    while stored.supersedes:
        stored = script_of(tx, vault, stored.supersedes)
    return stored
