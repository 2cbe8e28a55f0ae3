"""A summary as reps see it: people by number, numbered sources, and the tasks as they come back edited."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date

from assistant.i18n import Locale, language_of, tr
from assistant.naming import Numbering
from assistant.summary import News, Piece, Summary, Task
from assistant.summary_sides import Side
from assistant.view import EvidenceView, evidence_view, excerpt
from governance.errors import Invalid
from rag.called import STRANGERS, Crew
from rag.sources import Source

SIDES: tuple[Side, ...] = ("ours", "customer", "both", "unclear")


@dataclass(frozen=True, slots=True)
class QuoteView:
    """`source_text`: what the source says, where a model worded it anew."""

    text: str
    evidence: int
    source_text: str = ""


@dataclass(frozen=True, slots=True)
class TaskView:
    """`due` is an ISO day, "" for none; `said`: the words that it was resolved from."""

    text: str
    owner: Side
    due: str
    said: str
    evidence: int


@dataclass(frozen=True, slots=True)
class NewsView:
    """What else may be submitted: `kind` in the viewer's words, and what would be kept."""

    kind: str
    said: str
    text: str
    evidence: int


@dataclass(frozen=True, slots=True)
class SummaryView:
    """`sendable`: customer and day are known. `plain`: the same to copy."""

    document: str
    title: str
    customer: str
    day: str
    people: tuple[str, ...]
    key: tuple[QuoteView, ...]
    tasks: tuple[TaskView, ...]
    questions: tuple[QuoteView, ...]
    days: tuple[tuple[str, str], ...]
    orders: tuple[QuoteView, ...]
    evidence: tuple[EvidenceView, ...]
    sendable: bool
    plain: str
    news: tuple[NewsView, ...] = ()
    subject: str = ""  # the customer's id without its prefix, for a link to its page


def view_summary(
    found: Summary, sources: Mapping[str, Source], lang: Locale, called: str, crew: Crew = STRANGERS
) -> SummaryView:
    """`called`: the customer's name, "" when unclear."""
    tasked, told = [task.piece for task in found.tasks], [each.piece for each in found.news]
    pieces = [*found.key, *tasked, *found.questions, *found.orders, *told]
    numbers = {key: n for n, key in enumerate(dict.fromkeys(piece.source for piece in pieces), start=1)}
    said = [piece.reworded or piece.text for piece in pieces]
    labels = [who for who, _ in found.participants]
    cited = [(n, sources[key]) for key, n in numbers.items()]
    texts = Numbering({}, lang, crew).texts([found.title, *said, *labels, *(excerpt(source) for _, source in cited)])
    title, rest = texts[0], texts[1:]
    shown, rest = rest[: len(said)], rest[len(said) :]
    people, excerpts = rest[: len(labels)], rest[len(labels) :]
    quotes = [
        QuoteView(text, numbers[piece.source], Numbering({}, lang, crew).text(piece.text) if piece.reworded else "")
        for text, piece in zip(shown, pieces, strict=True)
    ]
    o = len(found.orders)
    news = tuple(
        NewsView(tr(lang, f"news_{each.relation}"), _kept(each, lang), quote.text, quote.evidence)
        for quote, each in zip(quotes[len(quotes) - len(told) :], found.news, strict=True)
    )
    k, t, q = len(found.key), len(found.tasks), len(found.questions)
    tasks = tuple(
        TaskView(quote.text, task.owner, task.due.isoformat() if task.due else "", task.when, quote.evidence)
        for quote, task in zip(quotes[k : k + t], found.tasks, strict=True)
    )
    language = language_of(lang)
    days = tuple((day.said, _period(day.first, day.last)) for day in found.days)
    return SummaryView(
        found.document,
        title,
        called,
        found.day.isoformat() if found.day else "",
        tuple(
            f"{who} ({tr(lang, f'owner_{side}')})" for who, (_, side) in zip(people, found.participants, strict=True)
        ),
        tuple(quotes[:k]),
        tasks,
        tuple(quotes[k + t : k + t + q]),
        days,
        tuple(quotes[k + t + q : k + t + q + o]),
        tuple(evidence_view(n, source, text, language) for (n, source), text in zip(cited, excerpts, strict=True)),
        bool(found.customer and found.day),
        _plain(quotes[:k], tasks, lang),
        news,
        found.customer.partition(":")[2],
    )


def _kept(news: News, lang: Locale) -> str:
    """What a fact would say, in words; nobody is named."""
    said = news.attributes
    if news.relation == "contacted":
        channel = tr(lang, f"news_{said['channel']}")
        return " · ".join(filter(None, [str(news.valid_from), channel, said.get("subject", "")]))
    if news.relation == "budget":
        return tr(lang, "news_window", year=news.value, first=said["window_from"], last=said["window_to"])
    return said.get("subject", "") if news.relation == "ticket" else news.value


def ticked(found: Summary, told: Mapping[str, str]) -> list[News]:
    """What else was ticked."""
    chosen = {int(each) for each in told.get("keep", "").split(",") if each.isdigit()}
    return [each for n, each in enumerate(found.news) if n in chosen]


def edited(found: Summary, shown: SummaryView, told: Mapping[str, str], by: str) -> list[Task]:
    """The ticked tasks; one whose words, owner or day a person changed says so. Raises Invalid for what is no task."""
    chosen = {int(each) for each in told.get("take", "").split(",") if each.isdigit()}
    tasks: list[Task] = []
    for n, (task, was) in enumerate(zip(found.tasks, shown.tasks, strict=True)):
        if n not in chosen:
            continue
        text = " ".join(told.get(f"text_{n}", was.text).split())
        owner = next((side for side in SIDES if side == told.get(f"owner_{n}", was.owner)), was.owner)
        due = _day(told.get(f"due_{n}", was.due))
        if not text:
            raise Invalid(reason={"zh": "承诺内容不能为空", "en": "a commitment needs words"})
        changed = (text, owner, due) != (" ".join(was.text.split()), was.owner, task.due)
        piece = task.piece if text == " ".join(was.text.split()) else _said(task.piece, text)
        tasks.append(replace(task, piece=piece, owner=owner, due=due, edited=by if changed else ""))
    return tasks


def _said(piece: Piece, text: str) -> Piece:
    return replace(piece, text=text)


def _day(said: str) -> date | None:
    try:
        return date.fromisoformat(said) if said else None
    except ValueError as wrong:
        raise Invalid(reason={"zh": f"日期“{said[:20]}”无效", "en": f"'{said[:20]}' is no day"}) from wrong


def _period(first: date, last: date) -> str:
    return first.isoformat() if first == last else f"{first.isoformat()} – {last.isoformat()}"


def _plain(key: Sequence[QuoteView], tasks: Sequence[TaskView], lang: Locale) -> str:
    lines = [tr(lang, "summary_key"), *(f"- {each.text}" for each in key)]
    lines += ["", tr(lang, "summary_tasks")]
    lines += [f"- {each.text} [{tr(lang, f'owner_{each.owner}')} {each.due}]" for each in tasks]
    return "\n".join(lines)
