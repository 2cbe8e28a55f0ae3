"""Plan → verified draft: the adapter writes each section, every sentence is checked, what fails is replaced."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from assistant.comply import check_own_words as check_own_words_by_rules
from assistant.comply import check_text
from assistant.comply_scope import NO_SCOPES, Scopes
from assistant.plan import Plan, SectionPlan, fill
from assistant.script import Finding, Origin, Replaced, ScriptSection, Sentence
from assistant.verify import Knowledge, check_own_words, check_source, check_structured, nearest_move
from eval.values import canonical_values
from governance.errors import Language
from rag.company import SLOT, Bilingual, Company
from sandbox.engine import Engine, Prompt, Telling
from sandbox.prompt import section_prompt

Way = Literal["batch", "first", "each"]
WAY: Way = "batch"  # by measurement (docs/eval.md, latency)
FEWEST_TOLD = 2  # of one section the whole answer is all there is
SEED, SECOND = 1, 1000  # SECOND: how far from the first the seed of a second drawing lies
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
    """What a sentence is checked against; `texts` are the sources' texts by id, `scopes` those valid on the day."""

    company: Company
    knowledge: Knowledge
    texts: Mapping[str, str]
    language: Language
    version: str
    scopes: Scopes = NO_SCOPES

    def blocked(self, text: str, section: str, *, own_words: bool = False) -> Finding | None:
        """The first rule or certificate that does not let `text` stand; `own_words`: a person wrote it."""
        check = check_own_words_by_rules if own_words else check_text
        found = check(self.company, text, self.language, section)
        found += self.scopes.findings(text, self.language, section)
        return next((each for each in found if each.severity == "block"), None)

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
        blocked = self.blocked(text, section.id)
        reason = first.reason or second.reason or (blocked.message if blocked else None)
        phrase = f"{section.id}.{move.id}@{self.version}" if move else ""
        facts = tuple(dict.fromkeys(fact for value in values for fact in value.facts))
        meant = move.id if move else ""
        bound = Sentence(text, masked, meant, sources, phrase, first.check, second.check, origin, facts)
        return bound, reason


@dataclass(frozen=True, slots=True)
class Draw:
    """How one answer is drawn; `wording`: which approved wording stands in for what fails, 0 is the plan's own."""

    seed: int
    temperature: float
    wording: int = 0


@dataclass(frozen=True, slots=True)
class Pen:
    """
    Who writes: `adapter` on `engine`, or with one of them None the plan's own wording.

    The text depends on plan, adapter and `seed` alone, not on `way`: all sections in one batch, the first one before
    the others, or each by itself. A second writing is always made for its section alone.
    """

    engine: Engine | None = None
    adapter: str | None = None
    seed: int = SEED
    way: Way = WAY

    def write(self, sections: Sequence[SectionPlan], checker: Checker, draw: Draw) -> list[str]:
        """One answer per section, all in one batch; empty ones without an adapter."""
        if self.engine is None or self.adapter is None or not sections:
            return ["" for _ in sections]
        prompts = [Prompt(section_prompt(checker.company.phrases, each.task), self.adapter) for each in sections]
        answers = self.engine.generate(
            prompts, max_new_tokens=MAX_NEW_TOKENS, seed=draw.seed, temperature=draw.temperature
        )
        return [answer.text for answer in answers]

    def write_telling(
        self, sections: Sequence[SectionPlan], checker: Checker, draw: Draw, tell: Callable[[int, str], None]
    ) -> list[str]:
        """As `write`; `tell` hears of each answer when it ends, where the engine can say so."""
        if self.adapter is None or not isinstance(self.engine, Telling) or len(sections) < FEWEST_TOLD:
            return self.write(sections, checker, draw)
        prompts = [Prompt(section_prompt(checker.company.phrases, each.task), self.adapter) for each in sections]
        limits = [MAX_NEW_TOKENS] * len(prompts)
        answers = self.engine.generate_telling(
            prompts,
            lambda index, answer: tell(index, answer.text),
            limits=limits,
            seed=draw.seed,
            temperature=draw.temperature,
        )
        return [answer.text for answer in answers]

    def parts(self, sections: Sequence[SectionPlan]) -> list[Sequence[SectionPlan]]:
        """The sections as they are written together."""
        if self.way == "each":
            return [[section] for section in sections]
        return [each for each in (sections[:1], sections[1:]) if each] if self.way == "first" else [sections]


def write_draft(
    plan: Plan,
    checker: Checker,
    engine: Engine | None,
    adapter: str | None,
    *,
    seed: int = SEED,
    way: Way = WAY,
    on_section: Callable[[ScriptSection], None] = lambda _: None,
) -> tuple[tuple[ScriptSection, ...], tuple[Replaced, ...]]:
    """
    Every section of `plan`, written by `adapter`, and what had to be replaced; `on_section` sees each when it is done,
    in a batch the shortest first.

    Without an adapter the plan's own wording is used and marked as such. A section with a failing or missing sentence
    is written once more; what still fails gets the plan's wording; one that cannot be verified itself is left out.
    """
    pen = Pen(engine, adapter, seed, way)
    found: dict[str, tuple[ScriptSection, list[Replaced]]] = {}

    def keep(section: SectionPlan, done: tuple[ScriptSection, list[Replaced]]) -> None:
        if section.id not in found:
            found[section.id] = done
            if done[0].sentences:
                on_section(done[0])

    for together in pen.parts(plan.sections):

        def tell(index: int, answer: str, together: Sequence[SectionPlan] = together) -> None:
            section = together[index]
            judged = _judge(section, answer, checker)
            if len(judged.kept) == len(section.moves):  # nothing is left to a second writing
                keep(section, _finish(section, judged, checker, adapter))

        answers = pen.write_telling(together, checker, Draw(seed, 0.0), tell)
        for section, answer in zip(together, answers, strict=True):
            if section.id not in found:
                keep(section, _complete(section, answer, checker, pen, Draw(seed, 0.7)))
    done = [found[section.id] for section in plan.sections]
    sections = tuple(section for section, _ in done if section.sentences)
    return sections, tuple(change for _, changes in done for change in changes)


def rewrite_section(
    section: SectionPlan, checker: Checker, pen: Pen, turn: int
) -> tuple[ScriptSection, tuple[Replaced, ...]]:
    """One section in other words: drawn anew by the adapter, else the `turn`-th of the approved wordings."""
    first, second = Draw(pen.seed, 0.7, turn), Draw(pen.seed + SECOND, 0.7, turn)
    done, changes = _complete(section, pen.write([section], checker, first)[0], checker, pen, second)
    return done, tuple(changes)


def _complete(
    section: SectionPlan, answer: str, checker: Checker, pen: Pen, again: Draw
) -> tuple[ScriptSection, list[Replaced]]:
    """What of `answer` stands; where something is missing the section is written once more, drawn as in `again`."""
    judged = _judge(section, answer, checker)
    if pen.engine is not None and pen.adapter is not None and len(judged.kept) < len(section.moves):
        judged = _merge(judged, _judge(section, pen.write([section], checker, again)[0], checker))
    return _finish(section, judged, checker, pen.adapter, again.wording)


@dataclass(frozen=True, slots=True)
class _Judged:
    """Sentences that passed, by move; those that did not, with the reason and the move they were meant for."""

    kept: Mapping[str, Sentence]
    failed: tuple[tuple[str, str, Bilingual], ...]  # move id or "", text, reason


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
    section: SectionPlan, judged: _Judged, checker: Checker, adapter: str | None, wording: int = 0
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
        wordings = move.wordings(checker.language)
        planned, refused = checker.check(section, wordings[wording % len(wordings)], "plan")
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
    blocked = checker.blocked(text, section.id, own_words=True)
    reason = first.reason or (blocked.message if blocked else None)
    source = bound.source
    if source == "unverified":
        own = [value.text for value in section.values.values() if not value.facts]
        source = check_own_words(text, checker.knowledge, checker.texts.values(), own).check
    return replace(bound, text=text, structured=first.check, source=source), reason


def split_sentences(text: str, language: Language) -> list[str]:
    """Sentences of a masked answer; placeholders hold the values, so a stop inside a value cannot cut."""
    return [part.strip() for line in text.splitlines() for part in _END[language].split(line) if part.strip()]
