"""Why each sentence of a script is there, what its author may still change, and what is better asked than assumed."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from assistant.amend import MOST_REWRITES, OPEN, version_before
from assistant.fact_words import Speaker
from assistant.i18n import Locale, language_of, tr
from assistant.parts import Parts
from assistant.pipeline import NOT_MISSED
from assistant.script import Script, Sentence
from assistant.store import script_of
from assistant.view import Show, shower
from governance.accounts import User
from governance.db import reading
from governance.errors import Language
from rag.company import GROUPS, SLOT, Company, Move
from rag.customers import customers, products
from rag.facts import Fact, facts_by_id
from rag.rules import judged

_ASKS = re.compile(r"[？?]$")


@dataclass(frozen=True, slots=True)
class WhyFact:
    """A fact behind a sentence: what it is about, what it says, when it holds, the number of its evidence (0: none)."""

    topic: str
    answer: str
    period: str
    evidence: int


@dataclass(frozen=True, slots=True)
class Why:
    """
    `wording` is the approved sentence it follows, with labels for values; "" when a person wrote it himself. `demanded`
    is the article that a must-say phrase fulfils; `considered` are rules that looked at words of it and let them stand.
    """

    wording: str
    phrase: str
    facts: tuple[WhyFact, ...]
    demanded: tuple[str, ...]
    considered: tuple[str, ...]
    reason: str  # why this section was written again, "" when it was not


@dataclass(frozen=True, slots=True)
class OpenQuestion:
    """What is not known, with an approved question to ask; `said`: the script asks it already."""

    label: str
    question: str
    said: bool


@dataclass(frozen=True, slots=True)
class RewriteView:
    section: str
    reason: str
    by: str
    at: datetime
    undone: bool


@dataclass(frozen=True, slots=True)
class WritingView:
    whys: Mapping[str, tuple[Why, ...]]  # section id → one per sentence
    questions: tuple[OpenQuestion, ...]
    rewrites: tuple[RewriteView, ...]
    left: Mapping[str, int]  # section id → how often it may still be written again
    can_change: bool
    can_undo: bool
    trained: bool
    rules: int  # in force when it is shown


def view_writing(parts: Parts, script_id: str, user: User, now: datetime, lang: Locale) -> WritingView:
    """For whoever may see the script; raises NotFound, NotAllowed, NoConsent."""
    with reading(parts.db) as tx:
        stored = script_of(tx, parts.vault, script_id)
        lines = [line for section in stored.body.sections for line in section.sentences]
        facts = facts_by_id(tx, {fact for line in lines for fact in line.facts})
        english = lang == "en"
        names = {each.id: each.name_en if english else each.name for each in (*customers(tx), *products(tx))}
        before = version_before(parts, tx, stored)
    script, company = stored.body, parts.company
    maker = _Maker(company, script, Speaker(company, lang, names), facts)
    show = shower(parts, stored, user, now)
    whys = {section.id: tuple(maker.why(section.id, line) for line in section.sentences) for section in script.sections}
    tried = [each.section for each in script.rewrites]
    own = stored.created_by == user.name
    stage = company.phrases.stages.get(script.stage)
    return WritingView(
        whys=_named(whys, show),
        questions=tuple(_questions(company, script, language_of(lang))),
        rewrites=tuple(
            RewriteView(maker.title(each.section), each.reason, each.by, each.at, each.undone)
            for each in script.rewrites
        ),
        left={section.id: MOST_REWRITES - tried.count(section.id) for section in script.sections},
        can_change=own and stored.status in OPEN,
        can_undo=own and stored.status in OPEN and before is not None,
        trained=stage is None or stage.trained,
        rules=sum(1 for _ in company.rules()),
    )


@dataclass(frozen=True, slots=True)
class _Maker:
    company: Company
    script: Script
    speaker: Speaker
    facts: Mapping[str, Fact]

    def why(self, section: str, line: Sentence) -> Why:
        numbers = {source: number for number, source in enumerate(self.script.sources, 1)}
        behind = [self.facts[key] for key in line.facts if key in self.facts]
        move = self._move(section, line.move)
        tried = [each for each in self.script.rewrites if each.section == section and not each.undone]
        return Why(
            wording=self._wording(move) if move else "",
            phrase=line.phrase,
            facts=tuple(self._fact(fact, numbers.get(fact.source, 0)) for fact in behind),
            demanded=tuple(self._demanded(move)),
            considered=tuple(self._considered(line.text)),
            reason=tried[-1].reason if tried else "",
        )

    def title(self, section: str) -> str:
        known = self.company.phrases.sections.get(section)
        return known.title.say(language_of(self.speaker.lang)) if known else section

    def _move(self, section: str, move: str) -> Move | None:
        known = self.company.phrases.sections.get(section)
        return next((each for each in known.moves if each.id == move), None) if known else None

    def _wording(self, move: Move) -> str:
        """The plan's own wording with what stands for each value in brackets."""
        labels, language = self.company.phrases.labels, self.script.language
        of_slot = {slot: group for group, slots in GROUPS.items() for slot in slots}

        def label(slot: str) -> str:
            group = of_slot.get(slot, slot)
            return labels[group].say(language) if group in labels else group

        return SLOT.sub(lambda found: f"〔{label(found[1])}〕", move.wordings(language)[0])

    def _fact(self, fact: Fact, number: int) -> WhyFact:
        words = self.speaker.words(fact)
        return WhyFact(words.topic, words.answer, words.period, number)

    def _demanded(self, move: Move | None) -> Iterator[str]:
        for need in move.needs if move else ():
            if phrase := self.company.phrases.must_say.get(need.removeprefix("must_")):
                yield phrase.article

    def _considered(self, text: str) -> Iterator[str]:
        reader = language_of(self.speaker.lang)
        for _, rule in self.company.rules():
            for hit in judged(rule, text, self.script.language):
                if hit.exemption is not None:
                    why = hit.exemption.why.say(reader)
                    yield tr(self.speaker.lang, "why_exempt", words=hit.quoted, article=rule.article, why=why)


def _named(whys: Mapping[str, tuple[Why, ...]], show: Show) -> dict[str, tuple[Why, ...]]:
    """With people as this viewer may see them."""
    behind = [fact for each in whys.values() for why in each for fact in why.facts]
    texts = iter(show([text for fact in behind for text in (fact.topic, fact.answer)]) if behind else ())
    return {
        section: tuple(
            replace(why, facts=tuple(replace(fact, topic=next(texts), answer=next(texts)) for fact in why.facts))
            for why in each
        )
        for section, each in whys.items()
    }


def _questions(company: Company, script: Script, reader: Language) -> Iterator[OpenQuestion]:
    """For each gap a question that the phrase book has for it: of the script's own stage first."""
    if script.inputs is None:
        return
    book = company.phrases
    own = book.stages[script.stage].sections if script.stage in book.stages else []
    sections = [*own, *(each for each in book.sections if each not in own)]
    moves = [
        (section, move) for section in sections if section in book.sections for move in book.sections[section].moves
    ]
    said = {(section.id, line.move) for section in script.sections for line in section.sentences}
    for group in script.inputs.unknown:
        if group in NOT_MISSED or group not in book.labels:
            continue
        asking = [
            (section, move)
            for section, move in moves
            if group in move.unless and not move.slots and _ASKS.search(move.wordings(script.language)[0])
        ]
        label = book.labels[group].say(reader)
        question = asking[0][1].wordings(script.language)[0] if asking else ""
        yield OpenQuestion(label, question, any((section, move.id) in said for section, move in asking))
