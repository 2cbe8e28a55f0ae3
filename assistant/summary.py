"""A conversation about a customer → a summary in which every value is a piece of its source or resolved from one."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date

from sqlalchemy import Connection

from assistant.summary_claims import Relation, Said, said_besides
from assistant.summary_digest import Digest, digest
from assistant.summary_reading import sentences
from assistant.summary_sides import Side
from eval.grounding_text import judge_text
from eval.values import canonical_values
from governance.errors import Conflict, Invalid, Language, NotFound
from governance.vault import TOKEN, Vault, pseudonymise
from rag.company import Company
from rag.customers import customers, products
from rag.extract_naming import Naming, naming_of
from rag.facts import facts_of
from rag.hostile import is_hostile
from rag.proposals import Proposal, make_proposal
from rag.sources import Source, of_documents

EXTRACTOR = "summary-1"
Rewrite = Callable[[Sequence[str]], Sequence[str]]  # a stronger model: sentences → as many in other words


@dataclass(frozen=True, slots=True)
class Piece:
    """`text` stands in the source `source`, characters `start` up to `end`; people are tokens."""

    text: str
    source: str
    start: int
    end: int
    reworded: str = ""  # by a model, and supported by the text; "" for the source's own words


@dataclass(frozen=True, slots=True)
class Task:
    """`due` is resolved from the words `when` of the source; `person` is a label or a token. `edited`: by whom."""

    piece: Piece
    owner: Side
    person: str
    due: date | None
    when: str
    edited: str = ""


@dataclass(frozen=True, slots=True)
class News:
    """What else may be kept of `subject`, as a fact would say it: the talk, a ticket, a budget window, a post."""

    piece: Piece
    subject: str
    relation: Relation
    value: str
    attributes: Mapping[str, str]
    valid_from: date | None
    valid_to: date | None


@dataclass(frozen=True, slots=True)
class Day:
    """A day or the last day of a period, with the words that mean it."""

    said: str
    first: date
    last: date
    relative: bool
    piece: Piece


@dataclass(frozen=True, slots=True)
class Summary:
    """
    `customer` is "" unless exactly one is named or the caller chose one. `orders` are quotations of text that tries to
    instruct its reader: nothing follows from them.
    """

    document: str
    title: str
    language: Language
    customer: str
    day: date | None
    participants: tuple[tuple[str, Side], ...]
    key: tuple[Piece, ...]
    tasks: tuple[Task, ...]
    questions: tuple[Piece, ...]
    days: tuple[Day, ...]
    orders: tuple[Piece, ...]
    cut: int = 0
    news: tuple[News, ...] = ()


@dataclass(frozen=True, slots=True)
class _Text:
    """The passages of a document as one text, and where each of them begins."""

    text: str
    starts: tuple[tuple[int, Source], ...]

    def piece(self, start: int, end: int) -> Piece:
        begin, source = max((each for each in self.starts if each[0] <= start), key=lambda each: each[0])
        return Piece(self.text[start:end], source.id, start - begin, end - begin)


def summarise(
    tx: Connection,
    vault: Vault,
    document: str,
    *,
    customer: str = "",
    day: date | None = None,
    company: Company | None = None,
) -> Summary:
    """
    Of a filed document; raises NotFound for an unknown one, Conflict when another customer than `customer` is named.

    `day` and `customer` are the caller's; else the document's own, when it names exactly one. `company` knows the posts
    that a text may name.
    """
    found = list(of_documents(tx, vault, [document]).values())
    passages = [each for each in found if each.kind == "passage"]
    if not passages:
        raise NotFound(kind={"zh": "沟通记录", "en": "conversation"}, name=document[:80])
    text = _joined(passages)
    known = customers(tx)
    naming = _naming(tx, company)
    named = naming.customers_in([passages[0].title, text.text])
    if customer and named and customer not in named:
        raise Conflict(
            reason={
                "zh": "文中只提到其他客户，请确认所选客户",
                "en": "the text names other customers only: check the one chosen",
            }
        )
    one = customer or (next(iter(named)) if len(named) == 1 else "")
    made = _summary(document, passages[0].title, one, text, digest(text.text, day or passages[0].date))
    if not one or made.day is None:
        return made
    name = next((each.name for each in known if each.id == one), "")
    said = said_besides(text.text, sentences(text.text), one, name, made.day, naming)
    return replace(made, news=tuple(_news(text, each) for each in said))


def _naming(tx: Connection, company: Company | None) -> Naming:
    posts = {fact.value for fact in facts_of(tx, "holds_title")} if company else set[str]()
    posts |= set(company.file.decision_titles) if company else set()
    unique = filter(company.is_unique_title, posts) if company else ()
    return naming_of(customers(tx), products(tx), posts, unique)


def _news(text: _Text, said: Said) -> News:
    piece = text.piece(said.start, said.end)
    return News(piece, said.subject, said.relation, said.value, said.attributes, said.valid_from, said.valid_to)


def reworded(summary: Summary, rewrite: Rewrite) -> Summary:
    """
    The key sentences as a model words them; what the text does not support keeps the source's words. Call it while no
    transaction is open.
    """
    asked = [piece.text for piece in summary.key]
    given = list(rewrite(asked))
    if len(given) != len(asked):
        return summary
    kept = [
        replace(piece, reworded=said) if said.strip() and _supported(said, piece.text) else piece
        for piece, said in zip(summary.key, given, strict=True)
    ]
    return replace(summary, key=tuple(kept))


def _supported(said: str, source: str) -> bool:
    """V1: no value and no person that the old sentence has not. V2: the source's text supports it."""
    people = {match[0] for match in TOKEN.finditer(said)} <= {match[0] for match in TOKEN.finditer(source)}
    values = set(canonical_values(said)) <= set(canonical_values(source))
    asked = said.rstrip().endswith(("？", "?")) == source.rstrip().endswith(("？", "?"))  # a question stays one
    return people and values and asked and not is_hostile(said) and not judge_text(said, [source]).flagged


def proposals_of(
    summary: Summary, tasks: Sequence[Task], news: Sequence[News] = (), *, allowed: Mapping[str, str]
) -> list[Proposal]:
    """
    The tasks as promises, and the news; they wait for a person. `allowed`: source → its text, of those to be cited.

    Raises Invalid without a customer or without a day: a promise begins on the day on which it was made.
    """
    if not summary.customer:
        raise Invalid(reason={"zh": "请先选择客户", "en": "choose the customer first"})
    if summary.day is None:
        raise Invalid(reason={"zh": "请先填写沟通日期", "en": "say the day of the conversation first"})
    found: list[Proposal] = []
    for each in (*tasks, *news):
        if each.piece.source not in allowed:
            raise NotFound(kind={"zh": "出处", "en": "source"}, name=each.piece.source[:80])
    for task in tasks:
        text = pseudonymise(task.piece.text, summary.language)[:400]
        said = {"text": text, "owner": _owner_words(task), "due": task.due.isoformat() if task.due else ""}
        if task.edited:
            said["edited"] = "yes"  # a person's words, not the source's
        value = "D-" + hashlib.sha256("\n".join([summary.customer, *said.values()]).encode()).hexdigest()[:10]
        found.append(
            make_proposal(
                summary.customer,
                "promise",
                value,
                said,
                source=task.piece.source,
                extractor=EXTRACTOR,
                valid_from=summary.day,
            )
        )
    return [*found, *map(_proposal, news)]


def _proposal(news: News) -> Proposal:
    return make_proposal(
        news.subject,
        news.relation,
        news.value,
        news.attributes,
        source=news.piece.source,
        extractor=EXTRACTOR,
        valid_from=news.valid_from,
        valid_to=news.valid_to,
    )


def _owner_words(task: Task) -> str:
    return {"ours": "我方", "customer": "客户", "both": "双方", "unclear": ""}[task.owner]


def _joined(passages: Sequence[Source]) -> _Text:
    starts: list[tuple[int, Source]] = []
    place = 0
    for each in passages:
        starts.append((place, each))
        place += len(each.text) + 1
    return _Text("\n".join(each.text for each in passages), tuple(starts))


def _summary(document: str, title: str, customer: str, text: _Text, found: Digest) -> Summary:
    tasks = [
        Task(
            text.piece(each.start, each.end),
            each.owner,
            each.person,
            each.due,
            text.text[each.when.start : each.when.end] if each.when else "",
        )
        for each in found.commitments
    ]
    days = [
        Day(text.text[w.start : w.end], w.first, w.last, w.relative, text.piece(w.start, w.end)) for w in found.days
    ]
    return Summary(
        document,
        title,
        found.language,
        customer,
        found.day,
        tuple((who, _side(side)) for who, side in found.participants),
        tuple(text.piece(each.start, each.end) for each in found.key),
        tuple(tasks),
        tuple(text.piece(each.start, each.end) for each in found.questions),
        tuple(days),
        tuple(text.piece(each.start, each.end) for each in found.orders),
        found.cut,
    )


def _side(text: str) -> Side:
    return text if text in ("ours", "customer", "both") else "unclear"
