"""What a script is written from, as it is stored with it: values, hashes of sources, plan, adapter, seed, versions."""

import hashlib
from collections.abc import Iterable
from datetime import datetime

from assistant.draft import MAX_NEW_TOKENS, Way
from assistant.parts import Parts
from assistant.plan import Plan
from assistant.script import Given, Inputs, Planned
from governance.db import reading
from rag.brief import Brief
from rag.company import Company
from sandbox.release import adapter_of


def inputs_of(
    parts: Parts, known: Brief, plan: Plan, adapter: str | None, *, seed: int, way: Way, now: datetime
) -> Inputs:
    """The whole input of a script that is written now; holds no personal value, people are tokens."""
    base = ""
    if adapter is not None:
        with reading(parts.db) as tx:
            base = adapter_of(tx, adapter).base
    values = [value for group in known.groups.values() for value in group.values]
    own = {slot: value for section in plan.sections for slot, value in section.values.items() if slot == "rep"}
    return Inputs(
        written_at=now,
        representative=own["rep"].text if own else "",
        values=tuple(Given(value.slot, value.text, value.facts, value.sources) for value in values),
        unknown=known.unknown,
        sources={key: _digest([source.text]) for key, source in sorted(known.sources.items())},
        plan=planned_sections(plan),
        base=base,
        seed=seed,
        way=way,
        longest=MAX_NEW_TOKENS,
        phrases=phrases_digest(parts.company),
        rules=rules_digest(parts.company),
        cues=_digest(cue.model_dump_json() for cue in parts.company.cues),
    )


def planned_sections(plan: Plan) -> tuple[Planned, ...]:
    """The plan as it is stored."""
    return tuple(
        Planned(
            section.id,
            tuple(move.id for move in section.moves),
            section.task.groups,
            section.task.disputed,
            section.task.outline,
        )
        for section in plan.sections
    )


def phrases_digest(company: Company) -> str:
    """Of the whole phrase book: an edit that forgot to raise its version changes it too."""
    return _digest([company.phrases.model_dump_json()])


def rules_digest(company: Company) -> str:
    """Of all rule packs in force."""
    return _digest(pack.model_dump_json() for pack in company.packs)


def _digest(texts: Iterable[str]) -> str:
    found = hashlib.sha256()
    for text in texts:
        found.update(hashlib.sha256(text.encode()).digest())
    return found.hexdigest()
