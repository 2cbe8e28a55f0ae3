"""The words of a source as it was uploaded: around what a statement says, and never cut within a token."""

from dataclasses import dataclass

from assistant.fact_words import Stated
from assistant.i18n import Locale, tr
from governance.vault import token
from rag.company import Company
from rag.sources import Source

LONGEST, BEFORE, AFTER = 900, 120, 300  # characters: without a mark, and around it
SHORTEST_MARK = 2


@dataclass(frozen=True, slots=True)
class Quote:
    """`marked` is what matters, with what stands before and after it in the source."""

    title: str
    place: str
    date: str
    before: str
    marked: str
    after: str
    hostile: bool


def quote_of(source: Source, lang: Locale, words: str = "") -> Quote:
    """The source around the first place of `words`; from its beginning when they are not in it."""
    text = source.text.strip()
    before, marked, after = text.partition(words) if words else (text, "", "")
    if not marked:
        before, after = _first(text, LONGEST), ""
    place = source.heading
    if source.row is not None:
        place = tr(lang, "place_row", n=source.row)
    elif source.page is not None:
        place = tr(lang, "place_page", n=source.page)
    day = source.date.isoformat() if source.date else ""
    before = _last(before, BEFORE) if marked else before
    return Quote(source.title, place, day, before, marked, _first(after, AFTER), source.hostile)


def span_of(company: Company, stated: Stated, text: str) -> str:
    """
    The words of the source that state it best, "" when none is found.

    Of a title the person; else the line under a label of the relation, what is said, the value, the longest attribute.
    """
    people = [token(each, "name") for each in (stated.subject, stated.object) if each.startswith("p_")]
    lines = [
        line.strip() for label in company.file.documents.labels.get(stated.relation, ()) for line in _at(text, label)
    ]
    said = [stated.attributes.get(name, "") for name in ("text", "title", "subject")]
    longest_first = sorted(stated.attributes.values(), key=len, reverse=True)
    for words in (*people, *lines, *said, stated.value, *longest_first):
        if len(words) >= SHORTEST_MARK and words in text:
            return words
    return ""


def _at(text: str, label: str) -> list[str]:
    """The lines that begin with a label, to the end of what they say."""
    return [line for line in text.splitlines() if line.strip().startswith(label)]


def _first(text: str, length: int) -> str:
    if len(text) <= length:
        return text
    cut = text[:length]
    opened, closed = cut.rfind("[["), cut.rfind("]]")
    return (cut[:opened] if opened > closed else cut) + "…"


def _last(text: str, length: int) -> str:
    if len(text) <= length:
        return text
    cut = text[len(text) - length :]
    opened, closed = cut.find("[["), cut.find("]]")
    return "…" + (cut[closed + 2 :] if closed >= 0 and (opened < 0 or closed < opened) else cut)
