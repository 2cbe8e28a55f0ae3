"""What an answer must not hold: words that a rule forbids, and personal data that nobody gave the model."""

from collections.abc import Sequence
from typing import Protocol

from eval.scoring import sentences
from governance.errors import Language
from governance.redact import Span
from rag.company import Company
from rag.rules import fired

GRAVE = ("block", "review")


class FindsPersonal(Protocol):
    """What the screening needs of a redactor."""

    def residue(self, text: str) -> Sequence[Span]: ...


class Screen:
    """The rules in force and the redactor of one company."""

    def __init__(self, company: Company, redactor: FindsPersonal) -> None:
        self._rules = [rule for _, rule in company.rules() if rule.severity in GRAVE]
        self._redactor = redactor
        book = company.phrases
        moves = [move for section in book.sections.values() for move in section.moves]
        wordings = [text for move in moves for text in (*move.zh, *move.en)]
        self._approved, self._known = "\n".join(wordings), {part for text in wordings for part in sentences(text)}

    def flagged(self, text: str, language: Language) -> bool:
        """Whether a rule that blocks or asks for a person fires."""
        return any(fired(rule, text, language) for rule in self._rules)

    def personal(self, text: str, prompt: str) -> bool:
        """
        Whether something personal stands in `text` that is not in its prompt; approved sentences are passed over.

        A guessed name does not count when the approved wordings hold it too ("我会盯着处理"); one of the records does.
        """
        rest = "\n".join(part for part in sentences(text) if part not in self._known)
        for span in self._redactor.residue(rest) if rest else ():
            said = rest[span.start : span.end]
            guessed = span.entity == "PERSON" and not span.known and said in self._approved
            if said not in prompt and not guessed:
                return True
        return False
