"""The gates that need a redactor, the company's rules or its phrase book."""

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any, Protocol

from eval.scoring import sentences
from eval.values import canonical_values
from governance.errors import Language
from governance.redact import Span
from rag.company import SLOT, Company, Rule
from rag.rules import fired
from sandbox.compose import LANGUAGES
from sandbox.samples import Sample


class FindsPersonal(Protocol):
    """What the gate needs of a redactor."""

    def residue(self, text: str) -> Sequence[Span]: ...


def personal_gate(redactor: FindsPersonal) -> Callable[[Sample], bool]:
    """
    Whether a sample still looks personal. Excerpt, question and answer are looked at apart, each once: they repeat.

    A section holds approved wordings and placeholders only: what reads like a name there ("我会盯着处理") is none, but
    a number in it would be one.
    """

    @cache
    def entities(text: str) -> frozenset[str]:
        return frozenset("KNOWN" if span.known else span.entity for span in redactor.residue(text))

    def is_personal(sample: Sample) -> bool:
        if sample.kind == "section":
            return any(entities(wording) - {"PERSON"} for wording in sentences(sample.answer))
        excerpt, _, asked = sample.prompt.rpartition("\n")
        return any(entities(text) for text in (excerpt, asked, sample.answer) if text)

    return is_personal


def blocking_rules(company: Company) -> list[dict[str, Any]]:
    """The rules that an answer may not break, as plain JSON."""
    return [rule.model_dump(mode="json") for rule in _blocking(company)]


def compliance_gate(company: Company) -> Callable[[Sample], list[Rule]]:
    """The blocking rules that a sample's answer breaks, in its language."""
    rules = _blocking(company)

    @cache
    def broken(answer: str, language: Language) -> list[Rule]:
        return [rule for rule in rules if fired(rule, answer, language)]

    return lambda sample: broken(sample.answer, sample.language)


def leak_gate(company: Company) -> Callable[[Sample], bool]:
    """Whether what people gave back holds a value in the open that no approved wording has: it is a customer's."""
    book = company.phrases
    moves = [move for section in book.sections.values() for move in section.moves]
    wordings = [move.wordings(language) for move in moves for language in LANGUAGES]
    approved = {form for said in wordings for text in said for form in canonical_values(SLOT.sub("", text))}
    approved |= {
        form for said in book.must_say.values() for form in canonical_values(said.zh) | canonical_values(said.en)
    }

    def leaks(sample: Sample) -> bool:
        return sample.kind == "fuel" and bool(canonical_values(SLOT.sub("", sample.answer)) - approved)

    return leaks


def _blocking(company: Company) -> list[Rule]:
    return [rule for _, rule in company.rules() if rule.severity == "block"]
