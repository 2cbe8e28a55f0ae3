"""Plan → verified draft: the adapter writes each section, every sentence is checked, what fails is replaced."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from assistant.comply import check_text
from assistant.plan import Plan, SectionPlan, fill
from assistant.script import Origin, Replaced, ScriptSection, Sentence
from assistant.verify import Knowledge, check_own_words, check_source, check_structured, nearest_move
from eval.values import canonical_values
from governance.errors import Language
from rag.company import SLOT, Bilingual, Company
from sandbox.engine import Engine, Prompt
from sandbox.prompt import section_prompt

MAX_NEW_TOKENS = 200
_END = {"zh": re.compile(r"(?<=[。？！?!])\s*"), "en": re.compile(r"(?<=[.?!])\s+")}
_MISSING = Bilingual(
    zh="适配器漏写了这句话，补上方案措辞", en="the adapter left the sentence out; the plan's wording was put in"
)
_NOT_PLANNED = Bilingual(zh="这句话不在本节方案之内，已删除", en="the sentence is not part of the plan and was removed")
_REPEATED = Bilingual(zh="重复的句子，已删除", en="said twice; removed")
_NOT_GIVEN = Bilingual(
    zh="用了没有给出的占位符，已改用方案措辞",
    en="it used a placeholder that was not given; the plan's wording stands instead",
)


@dataclass(frozen=True, slots=True)
class Checker:
    """What a sentence is checked against; `texts` are the sources' texts by id."""

    company: Company
    knowledge: Knowledge
    texts: Mapping[str, str]
    language: Language
    version: str

    def check(self, section: SectionPlan, masked: str, origin: Origin) -> tuple[Sentence, Bilingual | None]:
        """The bound sentence, and why it may not stand (None when it may)."""
        used = set(SLOT.findall(masked))
        if used - set(section.values):
            return Sentence(masked, masked, "", (), "", "unverified", "unverified", origin), _NOT_GIVEN
        values = [section.values[slot] for slot in sorted(used)]
        sources = tuple(dict.fromkeys(source for value in values for source in value.sources))
        text = fill(masked, section.values)
        second, move = check_source(
            text, values, [self.texts[source] for source in sources], section.moves, self.language, self.company
        )
        wordings = " ".join(move.wordings(self.language)) if move else ""
        approved = canonical_values(SLOT.sub("", wordings))  # "近三年" is said of nobody
        said = {value.text for value in values if value.kind == "phrase"}
        bare = text
        for phrase in said:  # a sentence that the law demands word for word is the company's, not the customer's
            bare = bare.replace(phrase, "")
        first = check_structured(bare, self.knowledge, self.company.cues, self.language, approved)
        blocked = [f for f in check_text(self.company, text, self.language, section.id) if f.severity == "block"]
        reason = first.reason or second.reason or (blocked[0].message if blocked else None)
        phrase = f"{section.id}.{move.id}@{self.version}" if move else ""
        facts = tuple(dict.fromkeys(fact for value in values for fact in value.facts))
        meant = move.id if move else ""
        bound = Sentence(text, masked, meant, sources, phrase, first.check, second.check, origin, facts)
        return bound, reason


def write_draft(
    plan: Plan,
    checker: Checker,
    engine: Engine | None,
    adapter: str | None,
) -> tuple[tuple[ScriptSection, ...], tuple[Replaced, ...]]:
    """
    Every section of `plan`, written in one batch by `adapter`, and what had to be replaced.

    Without an adapter the plan's own wording is used and marked as such. A section with a failing or missing sentence
    is written once more; what still fails gets the plan's wording; one that cannot be verified itself is left out.
    """
    first = _generate(plan.sections, checker, engine, adapter, temperature=0.0)
    judged = [_judge(section, text, checker) for section, text in zip(plan.sections, first, strict=True)]
    again = [index for index, result in enumerate(judged) if len(result.kept) < len(plan.sections[index].moves)]
    if engine is not None and adapter is not None and again:
        second = _generate([plan.sections[index] for index in again], checker, engine, adapter, temperature=0.7)
        for index, text in zip(again, second, strict=True):
            judged[index] = _merge(judged[index], _judge(plan.sections[index], text, checker))
    finished = [_finish(s, result, checker, adapter) for s, result in zip(plan.sections, judged, strict=True)]
    sections = tuple(section for section, _ in finished if section.sentences)
    return sections, tuple(change for _, changes in finished for change in changes)


@dataclass(frozen=True, slots=True)
class _Judged:
    """Sentences that passed, by move; those that did not, with the reason and the move they were meant for."""

    kept: Mapping[str, Sentence]
    failed: tuple[tuple[str, str, Bilingual], ...]  # move id or "", text, reason


def _generate(
    sections: Sequence[SectionPlan], checker: Checker, engine: Engine | None, adapter: str | None, *, temperature: float
) -> list[str]:
    """One answer per section; empty ones without an adapter."""
    if engine is None or adapter is None or not sections:
        return ["" for _ in sections]
    prompts = [Prompt(section_prompt(checker.company.phrases, section.task), adapter) for section in sections]
    answers = engine.generate(prompts, max_new_tokens=MAX_NEW_TOKENS, seed=1, temperature=temperature)
    return [answer.text for answer in answers]


def _judge(section: SectionPlan, answer: str, checker: Checker) -> _Judged:
    kept: dict[str, Sentence] = {}
    failed: list[tuple[str, str, Bilingual]] = []
    for masked in split_sentences(answer, checker.language):
        sentence, reason = checker.check(section, masked, "adapter")
        meant, _ = nearest_move(masked, section.moves, checker.language)
        if reason is not None:
            failed.append((meant.id if meant else "", sentence.text, reason if meant else _NOT_PLANNED))
        elif sentence.move in kept:
            failed.append(("", sentence.text, _REPEATED))
        else:
            kept[sentence.move] = sentence
    return _Judged(kept, tuple(failed))


def _merge(first: _Judged, second: _Judged) -> _Judged:
    """The first writing, completed by the second; what failed is reported from the first."""
    return _Judged({**second.kept, **first.kept}, first.failed)


def _finish(
    section: SectionPlan, judged: _Judged, checker: Checker, adapter: str | None
) -> tuple[ScriptSection, list[Replaced]]:
    """The sentences in the plan's order, gaps filled with the plan's wording, and what changed."""
    failed = {move: (text, reason) for move, text, reason in reversed(judged.failed) if move}
    changes = [Replaced(section.id, text, "", reason) for move, text, reason in judged.failed if not move]
    sentences: list[Sentence] = []
    for move in section.moves:
        before, reason = failed.get(move.id, ("", _MISSING))
        if move.id in judged.kept:
            if move.id in failed:
                changes.append(Replaced(section.id, before, judged.kept[move.id].text, reason))
            sentences.append(judged.kept[move.id])
            continue
        planned, refused = checker.check(section, move.wordings(checker.language)[0], "plan")
        if refused is not None:
            changes.append(Replaced(section.id, planned.text, "", refused))
            continue
        sentences.append(planned)
        if adapter is not None:
            changes.append(Replaced(section.id, before, planned.text, reason))
    return ScriptSection(section.id, section.title, tuple(sentences)), changes


def check_edit(
    section: SectionPlan, sentence: Sentence, text: str, checker: Checker
) -> tuple[Sentence, Bilingual | None]:
    """
    A person's wording of `sentence`: every value in it must be one that the section holds, and no rule may block it.
    Words of his own are judged by all the sources of the brief; those that none covers are allowed to a person, the
    sentence is then shown as not verified by a source.
    """
    masked = text
    for slot, value in sorted(section.values.items(), key=lambda item: -len(item[1].text)):
        masked = masked.replace(value.text, "{" + slot + "}")
    bound, _ = checker.check(section, masked, "edited")
    first = check_structured(text, checker.knowledge, checker.company.cues, checker.language)
    said = [value.text for value in section.values.values() if value.kind == "phrase" and value.text in sentence.text]
    if lost := [phrase for phrase in said if phrase not in text]:
        return bound, Bilingual(zh=f"必须说明的内容不能删除：{lost[0]}", en=f"this must be said: {lost[0]}")
    blocked = [f for f in check_text(checker.company, text, checker.language, section.id) if f.severity == "block"]
    reason = first.reason or (blocked[0].message if blocked else None)
    source = bound.source
    if source == "unverified":
        own = [value.text for value in section.values.values() if not value.facts]
        source = check_own_words(text, checker.knowledge, checker.texts.values(), own).check
    return replace(bound, text=text, structured=first.check, source=source), reason


def split_sentences(text: str, language: Language) -> list[str]:
    """Sentences of a masked answer; placeholders hold the values, so a stop inside a value cannot cut."""
    return [part.strip() for line in text.splitlines() for part in _END[language].split(line) if part.strip()]
