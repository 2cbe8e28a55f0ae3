"""An answer as one viewer may see it: facts and quotations with numbered evidence, the words that fit marked."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from assistant.customer_view import MOST_CHIPS, ROLES
from assistant.i18n import Locale, language_of
from assistant.naming import Numbering, permitted_names
from assistant.parts import Parts, silent
from assistant.view import EvidenceView, evidence_view, excerpt
from governance.accounts import User
from governance.db import reading
from governance.errors import NotAllowed
from rag.answer import Answer, answer, people_in, search_in
from rag.answer_product import Line
from rag.called import crew_in


@dataclass(frozen=True, slots=True)
class AnswerLine:
    """`pieces` are the words in order, each with whether it answers best; `person` is a name, for who may see it."""

    pieces: tuple[tuple[str, bool], ...]
    person: str
    evidence: tuple[int, ...]
    more: int
    context: str = ""


@dataclass(frozen=True, slots=True)
class AnswerView:
    """`unclear`: a name in the question with those whom it fits. `pending`: passages not yet found by meaning."""

    question: str
    as_of: date
    facts: tuple[AnswerLine, ...]
    quotations: tuple[AnswerLine, ...]
    related: tuple[AnswerLine, ...]
    unknown: tuple[str, ...]
    unclear: tuple[tuple[str, tuple[str, ...]], ...]
    evidence: tuple[EvidenceView, ...]
    pending: int

    @property
    def empty(self) -> bool:
        """Whether nothing at all can be told."""
        return not (self.facts or self.quotations or self.unknown or self.unclear)


def view_answer(
    parts: Parts,
    question: str,
    user: User,
    lang: Locale,
    *,
    customer: str,
    as_of: date,
    known_at: datetime | None,
    now: datetime,
) -> AnswerView:
    """
    What is known, for a rep or a coordinator. `customer`: whose card is open (a subject of facts), "" for none.

    Raises NotAllowed, Invalid for a question without a word, Unavailable without the embedding.
    """
    if not user.roles & ROLES:
        raise NotAllowed(user=user.name, action={"zh": "提问", "en": "ask"})
    language = language_of(lang)
    index = parts.open_index(silent, background=True)
    found = answer(
        parts.db,
        parts.vault,
        parts.company,
        question,
        search=search_in(index, as_of),
        as_of=as_of,
        language=language,
        known_at=known_at,
        whose=customer,
    )
    people = people_in([*found.lines, *found.related])
    names = permitted_names(parts, lambda _: "", people, user, language, now)
    done, total = index.progress
    said = [text for line in (*found.lines, *found.related) for text in (line.text, line.context)]
    with reading(parts.db) as tx:
        crew = crew_in(tx, parts.company, as_of, language, [*said, *(each.text for each in found.sources.values())])
    return _build(found, Numbering(names, lang, crew), lang, total - done)


def _build(found: Answer, numbering: Numbering, lang: Locale, pending: int) -> AnswerView:
    numbers: dict[str, int] = {}

    def shown(lines: Iterable[Line]) -> tuple[AnswerLine, ...]:
        return tuple(_line(line, numbers, numbering) for line in lines)

    language = language_of(lang)
    facts = shown(line for line in found.lines if not line.quoted)
    quotations = shown(line for line in found.lines if line.quoted)
    related = shown(found.related)
    cited = [(number, found.sources[key]) for key, number in numbers.items() if key in found.sources]
    texts = numbering.texts([excerpt(source) for _, source in cited])
    return AnswerView(
        found.asked.text,
        found.as_of,
        facts,
        quotations,
        related,
        tuple(each.say(language) for each in found.unknown),
        found.unclear,
        tuple(
            evidence_view(number, source, text, language) for (number, source), text in zip(cited, texts, strict=True)
        ),
        pending,
    )


def _line(line: Line, numbers: dict[str, int], numbering: Numbering) -> AnswerLine:
    chosen = line.sources[:MOST_CHIPS]
    evidence = tuple(numbers.setdefault(source, len(numbers) + 1) for source in chosen)
    pieces = list(_pieces(line))
    texts = numbering.texts([text for text, _ in pieces])
    marked = tuple((text, best) for text, (_, best) in zip(texts, pieces, strict=True))
    more = len(line.sources) - len(chosen)
    return AnswerLine(marked, numbering.name(line.person), evidence, more, numbering.text(line.context))


def _pieces(line: Line) -> Sequence[tuple[str, bool]]:
    """The text cut at its marks."""
    found: list[tuple[str, bool]] = []
    at = 0
    for start, end in line.marks:
        found += [(line.text[at:start], False), (line.text[start:end], True)]
        at = end
    return [piece for piece in [*found, (line.text[at:], False)] if piece[0]]
