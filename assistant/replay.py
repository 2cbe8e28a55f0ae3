"""A stored script written again as of its day, from what was known then; what differs is said, with the reason."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import zip_longest
from typing import cast

from assistant.draft import Checker, Pen, Way, rewrite_section, write_draft
from assistant.inputs import inputs_of
from assistant.lead import lead_of
from assistant.parts import Parts
from assistant.pipeline import Prepared, checker_of, prepare
from assistant.script import Inputs, Script, ScriptSection
from assistant.store import Stored, script_of
from governance.accounts import User
from governance.db import reading
from governance.errors import Invalid, XinyanError
from rag.company import Bilingual, Company
from sandbox.engine import Engine


@dataclass(frozen=True, slots=True)
class Replay:
    """
    `script` None: it cannot be written again, `reasons` say why. `differences` are (section, as stored, as now); what a
    person worded himself is taken over as it stands. People are tokens.
    """

    stored: Script
    script: Script | None
    reasons: tuple[Bilingual, ...]
    differences: tuple[tuple[str, str, str], ...]

    @property
    def same(self) -> bool:
        """To the letter."""
        return self.script is not None and not self.differences


def replay(parts: Parts, script_id: str, *, now: datetime) -> Replay:
    """
    Write a script again from the stored seed, adapter and day.

    Raises NotFound; NoConsent when the decision maker no longer agrees; Invalid for one stored without its input.
    """
    with reading(parts.db) as tx:
        stored = script_of(tx, parts.vault, script_id)
    given, book = stored.body.inputs, parts.company.phrases
    if given is None:
        zh = "这份话术保存时还没有记录输入，无法重放"
        raise Invalid(reason={"zh": zh, "en": "the script was stored without its input; it cannot be replayed"})
    if stored.body.stage not in book.stages:
        gone = Bilingual(
            zh=f"话术库里已没有阶段“{stored.body.stage}”", en=f"the phrase book has no stage '{stored.body.stage}' now"
        )
        return Replay(stored.body, None, (gone,), ())
    prepared = prepared_then(parts, stored, given, now)
    current = inputs_of(
        parts, prepared.brief, prepared.plan, None, seed=given.seed, way=cast(Way, given.way), now=given.written_at
    )
    reasons = [*_changed(parts.company, given, current)]
    engine: Engine | None = None
    if stored.body.adapter is not None:
        try:
            parts.load(stored.body.adapter)
            engine = parts.engine
        except XinyanError as wrong:
            name = stored.body.adapter[:12]
            gone = Bilingual(
                zh=f"适配器 {name} 已不能使用：{wrong.say('zh')}", en=f"adapter {name} is not usable: {wrong.say('en')}"
            )
            return Replay(stored.body, None, (*reasons, gone), ())
    sections = _written(
        stored.body, given, prepared, checker_of(parts.company, prepared.brief, prepared.scopes), engine
    )
    found = tuple(_differences(stored.body.sections, sections))
    return Replay(stored.body, replace(stored.body, sections=sections), tuple(reasons), found)


def prepared_then(parts: Parts, stored: Stored, given: Inputs, now: datetime) -> Prepared:
    """Brief and plan as of the script's day, from what was known when it was written; consent is asked of `now`."""
    with reading(parts.db) as tx:
        lead = lead_of(tx, stored.lead)
    author = User(stored.created_by, frozenset({"rep"}), given.representative, "zh")
    day, moment = stored.body.as_of, given.written_at
    return prepare(parts, lead, stored.body.language, author, now=now, as_of=day, known_at=moment)


def _written(
    stored: Script, given: Inputs, prepared: Prepared, checker: Checker, engine: Engine | None
) -> tuple[ScriptSection, ...]:
    way = cast(Way, given.way)
    sections, _ = write_draft(prepared.plan, checker, engine, stored.adapter, seed=given.seed, way=way)
    planned = {section.id: section for section in prepared.plan.sections}
    redrawn = {each.section: each for each in stored.rewrites if not each.undone}  # the last one counts
    found: list[ScriptSection] = []
    for section in sections:
        if again := redrawn.get(section.id):
            pen = Pen(engine, stored.adapter, again.seed, way)
            section = rewrite_section(planned[section.id], checker, pen, again.turn)[0]
        found.append(_with_edits(section, stored))
    return tuple(found)


def _with_edits(section: ScriptSection, stored: Script) -> ScriptSection:
    """What a person worded himself stands in its place."""
    before = next((each.sentences for each in stored.sections if each.id == section.id), ())
    lines = tuple(
        old if old is not None and old.origin == "edited" else new
        for new, old in zip_longest(section.sentences, before[: len(section.sentences)])
    )
    return replace(section, sentences=lines)


def _differences(before: tuple[ScriptSection, ...], after: tuple[ScriptSection, ...]) -> Iterator[tuple[str, str, str]]:
    old = {section.id: section for section in before}
    new = {section.id: section for section in after}
    for key in dict.fromkeys([*old, *new]):
        lines = [[line.text for line in found[key].sentences] if key in found else [] for found in (old, new)]
        title = (old.get(key) or new[key]).title
        yield from ((title, a, b) for a, b in zip_longest(*lines, fillvalue="") if a != b)


def _changed(company: Company, given: Inputs, current: Inputs) -> Iterator[Bilingual]:
    """What of the input is not as it was, one line each."""
    was, now = ({value.slot: value.text for value in each.values} for each in (given, current))
    for slot in dict.fromkeys([*was, *now]):
        if was.get(slot) != now.get(slot):
            old, new = was.get(slot, "–"), now.get(slot, "–")
            yield Bilingual(
                zh=f"事实变了：{slot} 原为“{old}”，现为“{new}”", en=f"a fact changed: {slot} '{old}' → '{new}'"
            )
    for source in given.sources.keys() | current.sources.keys():
        if given.sources.get(source) != current.sources.get(source):
            yield Bilingual(zh=f"出处变了或已不在：{source}", en=f"a source changed or is gone: {source}")
    version = company.phrases.version
    for name, zh, en in (
        ("phrases", f"话术库变了（现为 {version} 版）", f"the phrase book changed (now version {version})"),
        ("rules", "合规规则变了", "the rule packs changed"),
        ("cues", "关系提示词变了", "the cues changed"),
        ("longest", "每节长度上限变了", "the longest section changed"),
    ):
        if getattr(given, name) != getattr(current, name):
            yield Bilingual(zh=zh, en=en)
    if given.plan != current.plan:
        yield Bilingual(zh="方案变了：章节、句子或提纲不同", en="the plan changed: sections, moves or outline")
