"""Customer 360 as one viewer may see it: people by name to a rep with a live permit for them, else by their post."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime

from sqlalchemy import Connection

from assistant.fact_words import Speaker
from assistant.i18n import Locale, language_of, tr
from assistant.naming import Numbering, permitted_names
from assistant.parts import Parts
from assistant.summary_links import Link, links_of
from assistant.view import EvidenceView, evidence_view, excerpt
from governance.accounts import User
from governance.db import reading
from governance.errors import Language, NotAllowed
from rag.called import crew_of
from rag.customer_360 import Customer360, customer_360
from rag.customer_labels import LABELS, ORDER, UNKNOWN
from rag.customer_lines import Support
from rag.customer_words import Worded, Wording
from rag.customers import customers, find_customer, plain, products
from rag.entity_names import named
from rag.facts import Fact
from rag.merged import merged_into

ROLES = frozenset({"rep", "coordinator"})
MOST_CHIPS = 5  # numbered sources of one line; what is left out is counted
MOST_CANDIDATES = 12


@dataclass(frozen=True, slots=True)
class LineView:
    """`person` is a name, only for who may see it. `more`: sources that are not numbered."""

    text: str
    person: str
    evidence: tuple[int, ...]
    more: int
    mark: str
    tag: str
    cells: tuple[str, ...] = ()
    link: Link | None = None  # to the summary of a talk, for who may summarise


@dataclass(frozen=True, slots=True)
class PartView:
    """`empty` says why there is no line; `folded` are lines that nobody needs before a call."""

    id: str
    label: str
    lines: tuple[LineView, ...]
    folded: tuple[LineView, ...]
    empty: str


@dataclass(frozen=True, slots=True)
class SideView:
    """What one side of a contradiction says, and where."""

    text: str
    period: str
    evidence: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class ConflictView:
    topic: str
    sides: tuple[SideView, ...]


@dataclass(frozen=True, slots=True)
class CustomerView:
    """`id` without its prefix; `details` are what else tells the customer apart."""

    id: str
    name: str
    details: tuple[str, ...]
    as_of: date
    parts: tuple[PartView, ...]
    unknowns: tuple[str, ...]
    conflicts: tuple[ConflictView, ...]
    evidence: tuple[EvidenceView, ...]


@dataclass(frozen=True, slots=True)
class Candidate:
    """A customer that may be meant."""

    id: str
    name: str
    details: str


def view_customer(
    parts: Parts,
    name: str,
    user: User,
    lang: Locale,
    *,
    product: str | None,
    as_of: date,
    known_at: datetime | None,
    now: datetime,
) -> CustomerView:
    """
    The card of a customer. Raises NotAllowed for who is neither rep nor coordinator, NotFound, Conflict, Invalid.

    A rep sees the names of people who agreed to be contacted, noted in the ledger; consent is asked as of `now`.
    """
    if not user.roles & ROLES:
        raise NotAllowed(user=user.name, action={"zh": "查看客户", "en": "see a customer"})
    language = language_of(lang)
    with reading(parts.db) as tx:
        customer = find_customer(tx, name)
        known = customer_360(tx, parts.vault, parts.company, customer, product=product, as_of=as_of, known_at=known_at)
        called = {p.id: p.name_en if language == "en" else p.name for p in products(tx)}
    called[customer.id] = customer.name_en if language == "en" else customer.name
    lines = list(Wording(parts.company, language, called).lines(known))
    people = {line.person for line in lines} | {fact.subject for group in known.conflicts for fact in group.facts}

    def post(person: str) -> str:
        return f"{known.customer.name}{known.posts.get(person, '')}"

    names = permitted_names(parts, post, sorted(people), user, language, now)
    with reading(parts.db) as tx:
        crew = crew_of(tx, parts.company, as_of, language, customer=customer.id)
        talks = [known.facts[key] for line in known.communications for key in line.support.facts]
        links = links_of(tx, parts.vault, customer.id, talks) if "rep" in user.roles else {}
    return _View(known, Speaker(parts.company, lang, called), lang, Numbering(names, lang, crew), links).build(lines)


def candidates(tx: Connection, text: str, language: Language) -> list[Candidate]:
    """Who may be meant by a text that names nobody or several: all called so, else those whose name holds it."""
    every = {each.id: each for each in customers(tx)}
    into = merged_into(tx)
    found = {into.get(each.entity, each.entity) for each in named(tx, text, "customer:")}
    if not found and (wanted := plain(text)):
        names = {id_: map(plain, (each.name, each.name_en, *each.aliases)) for id_, each in every.items()}
        found = {id_ for id_, known in names.items() if any(wanted in name for name in known)}
    shown = [
        Candidate(id_.partition(":")[2], each.name_en if language == "en" else each.name, "、".join(each.aliases[:3]))
        for id_, each in every.items()
        if id_ in found
    ]
    return shown[:MOST_CANDIDATES]


@dataclass(frozen=True, slots=True)
class _View:
    known: Customer360
    speaker: Speaker
    lang: Locale
    people: Numbering
    links: Mapping[str, Link] = field(default_factory=dict[str, Link])

    def build(self, lines: Sequence[Worded]) -> CustomerView:
        numbers: dict[str, int] = {}

        def cite(support: Support, last: bool = False) -> tuple[tuple[int, ...], int]:
            """The numbers of a line's sources; of many orders those of the newest."""
            chosen = support.sources[-MOST_CHIPS:][::-1] if last else support.sources[:MOST_CHIPS]
            found = tuple(numbers.setdefault(source, len(numbers) + 1) for source in chosen)
            return found, len(support.sources) - len(found)

        shown = {id(line): self._line(line, *cite(line.support, line.part == "purchases")) for line in lines}
        built = [self._part(part, [line for line in lines if line.part == part], shown) for part in ORDER]
        conflicts = tuple(self._conflicts(lambda support: cite(support)[0]))
        return CustomerView(
            id=self.known.customer.id.partition(":")[2],
            name=self.speaker.name(self.known.customer.id),
            details=self._details(),
            as_of=self.known.as_of,
            parts=tuple(built),
            unknowns=tuple(UNKNOWN[part].say(language_of(self.lang)) for part in self.known.unknown),
            conflicts=conflicts,
            evidence=self._evidence(numbers),
        )

    def _line(self, line: Worded, evidence: tuple[int, ...], more: int) -> LineView:
        person = self.people.name(line.person)
        link = next((self.links[key] for key in line.support.facts if key in self.links), None)
        return LineView(self.people.text(line.text), person, evidence, more, line.mark, line.tag, line.cells, link)

    def _part(self, part: str, lines: Sequence[Worded], shown: Mapping[int, LineView]) -> PartView:
        label = LABELS[part].say(language_of(self.lang))
        plainly = part == "certificates" and self.known.product is None  # of all products only what needs attention
        folded = tuple(shown[id(line)] for line in lines if plainly and not line.mark)
        told = tuple(shown[id(line)] for line in lines if not (plainly and not line.mark))
        return PartView(part, label, told, folded, "" if lines else self._why_empty(part))

    def _why_empty(self, part: str) -> str:
        asked = "decision_makers" if part == "consent" else part
        if asked in self.known.disputed:
            return tr(self.lang, "none_disputed")
        return tr(self.lang, "none_known" if asked in self.known.unknown else f"none_{part}")

    def _conflicts(self, cite: Callable[[Support], tuple[int, ...]]) -> Iterable[ConflictView]:
        groups: list[Sequence[Fact]] = [conflict.facts for conflict in self.known.conflicts]
        groups += [[self.known.facts[key] for key in line.support.facts] for line in self.known.contradictions]
        for group in groups:
            said: dict[tuple[str, str], list[Fact]] = {}
            for fact in group:
                words = self.speaker.words(fact)
                said.setdefault((words.answer, words.period), []).append(fact)
            names = [self.people.text(text) for text in self.people.texts([answer for answer, _ in said])]
            sides = tuple(
                SideView(name, period, cite(Support((), tuple(dict.fromkeys(fact.source for fact in facts)))))
                for name, ((_, period), facts) in zip(names, said.items(), strict=True)
            )
            yield ConflictView(self.people.text(self.speaker.words(group[0]).topic), sides)

    def _details(self) -> tuple[str, ...]:
        """What the newest record says besides the name."""
        stated = [self.known.facts[key] for key in self.known.name.facts]
        if not stated:
            return ()
        newest = max(stated, key=lambda fact: fact.known_from).attributes
        former = newest.get("former_names", "")
        return tuple(
            filter(
                None,
                (
                    self.speaker.text(newest.get("level", "")),
                    self.speaker.text(newest.get("region", "")),
                    newest.get("campus", ""),
                    tr(self.lang, "formerly", names=former) if former else "",
                    newest.get("registration", ""),
                ),
            )
        )

    def _evidence(self, numbers: Mapping[str, int]) -> tuple[EvidenceView, ...]:
        """Sources in the order of their numbers; one that is gone is named by its number only."""
        language = language_of(self.lang)
        found = [(number, self.known.sources[key]) for key, number in numbers.items() if key in self.known.sources]
        texts = self.people.texts([excerpt(source) for _, source in found])
        return tuple(
            evidence_view(number, source, text, language) for (number, source), text in zip(found, texts, strict=True)
        )
