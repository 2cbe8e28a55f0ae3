"""Who and what a sentence names, against the facts: people, their titles, organisations. Part of V1."""

import re
from collections.abc import Sequence
from datetime import date
from functools import lru_cache

from eval.grounding_names import Name, Named, names, whom
from eval.grounding_statements import Claim, Known, Statement
from eval.grounding_words import (
    FORMER,
    FUTURE,
    PAST,
    REPORTED,
    topics_of,
)

_TITLED = re.compile(r"(?:任|是|为|聘|职务：?|职务为|a |the |as |is |of )$", re.I)


def named(sentence: str, known: Sequence[Known], as_of: date) -> list[Claim]:
    """What the facts say of the people, titles and organisations that a sentence names."""
    found = names(sentence)
    if not found:
        return []
    facts = tuple(k.fact for k in known)
    every = _index(facts)
    claims: list[Claim] = []
    held, stranger = whom(found, every)
    people = [*held, *(name for name in found if name.kind == "address")]
    if stranger is not None:
        claims.append(Claim(stranger.text, "name", "contradicted" if facts else "absent", (), "no fact names it"))
    for name in found:
        if name.kind == "person" and name not in held:
            continue
        if name.kind == "department" or (name.kind == "address" and not every.people):
            continue  # a department alone states nothing; whom the facts do not know they cannot deny
        if name.kind == "title" and not _is_claim(name, people, sentence):
            continue
        if name.kind in ("title", "name") and not _judgeable(name, every):
            continue
        if name.kind == "title" and not every.titles and REPORTED.search(sentence):
            continue
        if not every.holds(name):
            kind = "title" if name.kind == "title" else "organisation" if name.kind == "organisation" else "name"
            claims.append(Claim(name.text, kind, "contradicted" if facts else "absent", (), "no fact names it"))
            continue
        claims.append(_name(name, people, sentence, facts, as_of))
    return claims


def _judgeable(name: Name, every: Named) -> bool:
    """An English word or title cannot be told from facts that are all Chinese, save by pinyin."""
    if name.kind == "title":
        return every.has_titles(ascii_only=name.text.isascii()) or (
            not name.text.isascii() and not every.has_titles(ascii_only=True)
        )
    return every.latin or bool(every.pinyin)


def _is_claim(name: Name, people: Sequence[Name], sentence: str) -> bool:
    if name.department or (name.text.isascii() and " " in name.rank):
        return True
    if any(p.kind == "person" and _beside(p, name, sentence) for p in people):
        return True
    if any(p.kind == "address" and p.start <= name.start < p.end for p in people):
        return False
    return not name.text.isascii() and _TITLED.search(sentence[: name.start]) is not None


@lru_cache(maxsize=4_000)
def _index(facts: tuple[Statement, ...]) -> Named:
    return Named([text for fact in facts for text in (fact.subject, fact.relation.replace("_", " "), fact.value)])


@lru_cache(maxsize=20_000)
def _index_of(fact: Statement) -> Named:
    return _index((fact,))


def _name(name: Name, people: Sequence[Name], sentence: str, facts: Sequence[Statement], as_of: date) -> Claim:
    naming = [fact for fact in facts if _index_of(fact).holds(name)]
    ids = tuple(fact.id for fact in naming[:5])
    if name.kind == "title":
        beside = [p for p in people if p.kind == "person" and (len(people) == 1 or _beside(p, name, sentence))]
        for person in beside:
            theirs = _facts_about(person.text, facts)
            with_titles = [f for f in theirs if _index_of(f).titles]
            if with_titles and not any(_index_of(f).same_titles(name) for f in with_titles):
                return Claim(
                    name.text, "title", "contradicted", tuple(f.id for f in with_titles), "the title of another person"
                )
            if not with_titles and naming and not any(f in naming for f in theirs):
                return Claim(name.text, "title", "contradicted", ids, "no fact gives this person the title")
            naming = [f for f in with_titles if _index_of(f).same_titles(name)] or naming
        return _held(name.text, naming, sentence, as_of)
    return Claim(name.text, "organisation" if name.kind == "organisation" else "name", "supported", ids)


def _beside(person: Name, title: Name, sentence: str) -> bool:
    between = sentence[min(person.end, title.end) : max(person.start, title.start)]
    if re.fullmatch(r"\s?[，,]\s?(?:the |a |our )?", between):
        return True  # Emily Carter, Chief of Ultrasound
    return not re.search(r"[。；;，,]", between) and len(between) <= 24


def _facts_about(person: str, facts: Sequence[Statement]) -> list[Statement]:
    """Those that name the person, and those of the subjects that are called so (p1 name 王建国; p1 title …)."""
    direct = [fact for fact in facts if person in fact.subject or person in fact.value or person in fact.relation]
    subjects = {fact.subject for fact in direct if topics_of(fact.relation) == frozenset() and fact.value == person}
    return [fact for fact in facts if fact in direct or fact.subject in subjects]


def _held(text: str, naming: Sequence[Statement], sentence: str, as_of: date) -> Claim:
    ids = tuple(fact.id for fact in naming[:5])
    ended = [f for f in naming if f.valid_to is not None and f.valid_to <= as_of]
    coming = [f for f in naming if f.valid_from is not None and f.valid_from > as_of]
    if naming and len(ended) == len(naming) and not PAST.search(sentence):
        return Claim(text, "title", "contradicted", ids, "held no longer on the day")
    if naming and len(coming) == len(naming) and not FUTURE.search(sentence):
        return Claim(text, "title", "contradicted", ids, "not yet held on the day")
    current = [f for f in naming if f not in ended and f not in coming]
    if current and not ended and FORMER.search(sentence):
        return Claim(text, "title", "contradicted", ids, "still held on the day")
    return Claim(text, "title", "supported", ids)
