"""Brief → plan: which sections, which sentences each holds, and the value behind every placeholder. Deterministic."""

import re
import zlib
from collections.abc import Mapping
from dataclasses import dataclass

from governance.errors import Language
from rag.brief import Brief, Value
from rag.company import SLOT, Bilingual, Company, Move
from sandbox.prompt import SectionTask, section_task

# During an open tender nothing is offered outside its official channel (招标投标法 §22, §32).
CLOSED_DURING_TENDER = frozenset({"product"})


@dataclass(frozen=True, slots=True)
class SectionPlan:
    """`values` has an entry for every placeholder that a planned move carries."""

    id: str
    title: str
    task: SectionTask
    moves: tuple[Move, ...]
    values: Mapping[str, Value]


@dataclass(frozen=True, slots=True)
class Plan:
    language: Language
    stage: str
    sections: tuple[SectionPlan, ...]
    left_out: tuple[Bilingual, ...]  # sections that the stage has and this customer may not hear, with the reason


def make_plan(company: Company, brief: Brief, stage: str, representative: str) -> Plan:
    """The sections of `stage` with the moves for which the brief holds every fact."""
    language, book = brief.language, company.phrases
    turn = zlib.crc32(f"{brief.customer.id}/{stage}".encode())  # other customers, other wordings; always the same here
    values = {value.slot: value for group in brief.groups.values() for value in group.values}
    values |= _own_values(company, language, representative)
    sections: list[SectionPlan] = []
    left_out: list[Bilingual] = []
    for section_id in book.stages[stage].sections:
        section = book.sections[section_id]
        if section_id in CLOSED_DURING_TENDER and any(n.kind == "tender_blackout" for n in brief.notices):
            left_out.append(
                Bilingual(
                    zh=f"{section.title.zh}：招标期内不作产品推介（招标投标法第二十二条、第三十二条）",
                    en=f"{section.title.en}: no promotion during a tender (Tendering and Bidding Law §22, §32)",
                )
            )
            continue
        known = {"rep", *brief.groups}
        task = section_task(book, language, stage, section_id, known, brief.disputed, turn=turn)
        moves = section.planned(task.groups)
        if not moves:
            continue
        carried = {slot: values[slot] for move in moves for slot in move.slots}
        sections.append(SectionPlan(section_id, section.title.say(language), task, moves, carried))
    return Plan(language, stage, tuple(sections), tuple(left_out))


def fill(masked: str, values: Mapping[str, Value]) -> str:
    """Put each value in the place of its {placeholder}; raises KeyError for one that the plan does not hold."""
    filled = SLOT.sub(lambda match: values[match.group(1)].text, masked)
    return re.sub(r"(?<!\.)\.\.(?!\.)", ".", filled)  # "… Co., Ltd." at the end of a sentence


def _own_values(company: Company, language: Language, representative: str) -> dict[str, Value]:
    """The rep, his company, and the phrases that must be said: known without any evidence about the customer."""
    said = {f"must_{name}": phrase.say(language) for name, phrase in company.phrases.must_say.items()}
    own = {"rep": representative, "company": company.name(language)}
    return {
        slot: Value(slot, "phrase" if slot in said else "organisation", text, text, (), ())
        for slot, text in {**own, **said}.items()
    }
