"""Who and what a sentence names, against the facts: people, their titles, organisations. Part of V1."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache

from eval.grounding_concepts import Post, post_of
from eval.grounding_mentions import mentions
from eval.grounding_named import Named, near_names, whom
from eval.grounding_names import Name, names
from eval.grounding_posts import Holder, Title, holders, is_person, titles
from eval.grounding_records import is_text, records_of
from eval.grounding_roles import role_of
from eval.grounding_statements import Claim, Known, Statement
from eval.grounding_words import FORMER, FUTURE, PAST, PRESENT, REPORTED, clauses, topics_of

_NAME = re.compile(r"name|姓名|名字", re.IGNORECASE)
_IN_CHARGE = re.compile(
    r"负责|分管|主管|在管|管着|担任|是|对接|联系人|(?<![A-Za-z])(?:in charge|responsible|handles|leads|runs"
    r"|heads|manages"
    r"|oversees|chairs|is|remains)(?![A-Za-z])"
)


@dataclass(frozen=True, slots=True)
class Held:
    """A person, a post of his and the fact that says so; `post` is None where a fact only names him."""

    person: str
    post: Post | None
    fact: Statement


def named(sentence: str, known: Sequence[Known], as_of: date) -> list[Claim]:
    """What the facts say of the people, titles and organisations that a sentence names."""
    facts = tuple(k.fact for k in known)
    every, held = _index(facts), _held_by(facts)
    people = holders(sentence, tuple(dict.fromkeys(each.person for each in held)))
    claims = [_title(title, held, sentence, as_of) for title in titles(sentence, people)]
    claims += _gone(sentence, people, held, as_of, claims)
    claims += _misplaced(sentence, known)
    if like := near_names(sentence, [each.person for each in held]):
        claims.append(Claim(like, "name", "contradicted", (), "a name like one of the facts"))
    found = names(sentence)
    known_people, stranger = whom([n for n in found if not any(p.start <= n.start < p.end for p in people)], every)
    if stranger is not None and not people:
        claims.append(Claim(stranger.text, "name", "contradicted" if facts else "absent", (), "no fact names it", True))
    claims += [Claim(p.name, "name", "supported", _ids([h.fact for h in held if h.person == p.name])) for p in people]
    bound = [(title.start, title.end) for title in titles(sentence, people)]
    for name in found:
        if name.kind in ("person", "department") or any(a < name.end and name.start < b for a, b in bound):
            continue
        if name.kind == "address" and (not every.people or any(p.start <= name.start < p.end for p in people)):
            continue
        if name.kind == "title" and not _is_claim(name, known_people, every, sentence):
            continue
        if name.kind == "name" and not (every.latin or every.pinyin):
            continue
        kind = {"title": "title", "organisation": "organisation"}.get(name.kind, "name")
        if every.holds(name):
            claims.append(Claim(name.text, kind, "supported", _naming(name.text, facts)))
        else:
            claims.append(Claim(name.text, kind, "contradicted" if facts else "absent", (), "no fact names it", True))
    return claims


def _naming(said: str, facts: Sequence[Statement]) -> tuple[str, ...]:
    """The facts that hold a name as said; where it is shortened or spelled otherwise, all that may."""
    holding = [fact for fact in facts if said in f"{fact.subject} {fact.relation} {fact.value}"]
    return _ids(holding or facts)


def _is_claim(name: Name, people: Sequence[Name], every: Named, sentence: str) -> bool:
    """Whether a title beside no known person states something: with its department, of which the facts tell."""
    if not every.titles or not name.department or REPORTED.search(sentence):
        return False
    return every.has_titles(ascii_only=name.text.isascii()) and not any(p.kind == "person" for p in people)


@lru_cache(maxsize=4_000)
def _index(facts: tuple[Statement, ...]) -> Named:
    return Named([text for fact in facts for text in (fact.subject, fact.relation.replace("_", " "), fact.value)])


@lru_cache(maxsize=4_000)
def _held_by(facts: tuple[Statement, ...]) -> tuple[Held, ...]:
    """The people of the facts with their posts: org | 设备科主任 | name, name | 职务 | title, p1 | name, p1 | title."""
    called = {fact.subject: fact.value for fact in facts if _NAME.search(fact.relation) and is_person(fact.value)}
    found: list[Held] = []
    for fact in facts:
        subject = called.get(fact.subject, fact.subject)
        if is_person(fact.value) and fact.subject not in called:
            found.append(Held(fact.value, post_of(fact.relation), fact))
        if is_person(subject):
            post = post_of(fact.value) if "post" in topics_of(fact.relation) else None
            found.append(Held(subject, post, fact))
    return tuple(found)


def _title(title: Title, held: Sequence[Held], sentence: str, as_of: date) -> Claim:
    theirs = [each for each in held if each.person in {h.name for h in title.holders} and each.post is not None]
    fitting = [each.fact for each in theirs if each.post is not None and each.post.fits(title.post)]
    if fitting:
        return _standing(title, fitting, sentence, as_of)
    others = [each.fact for each in held if each.post is not None and each.post.fits(title.post)]
    if theirs or others:
        ids = _ids([each.fact for each in theirs] or others)
        return Claim(title.text, "title", "contradicted", ids, "the title of another person")
    return Claim(title.text, "title", "no_claim", ())


def _standing(title: Title, naming: Sequence[Statement], sentence: str, as_of: date) -> Claim:
    ids = _ids(naming)
    ended = [f for f in naming if f.valid_to is not None and f.valid_to <= as_of]
    coming = [f for f in naming if f.valid_from is not None and f.valid_from > as_of]
    if len(ended) == len(naming) and (PRESENT.search(sentence) or not _then(sentence, title.start, as_of)):
        return Claim(title.text, "title", "contradicted", ids, "held no longer on the day")
    if len(coming) == len(naming) and not FUTURE.search(sentence):
        return Claim(title.text, "title", "contradicted", ids, "not yet held on the day")
    current = [f for f in naming if f not in ended and f not in coming]
    if current and not ended and FORMER.search(sentence) and not any(h.replaced for h in title.holders):
        former = FORMER.search(sentence)
        if former is not None and abs(former.end() - title.start) <= 6:
            return Claim(title.text, "title", "contradicted", ids, "still held on the day")
    return Claim(title.text, "title", "supported", ids)


def _then(sentence: str, at: int, as_of: date) -> bool:
    """Whether a sentence speaks of an earlier time: in the past, or on a day that is over."""
    if PAST.search(sentence):
        return True
    days = [m for m in mentions(sentence, as_of) if m.kind == "date" and m.edge != "from"]
    return any(m.last is not None and m.last < as_of for m in days)


def _gone(
    sentence: str, people: Sequence[Holder], held: Sequence[Held], as_of: date, told: Sequence[Claim]
) -> list[Claim]:
    """Somebody in charge of something now, of whom no fact holds any longer."""
    claims: list[Claim] = []
    if any(claim.kind == "title" for claim in told) or PAST.search(sentence):
        return []
    for person in people:
        facts = [each.fact for each in held if each.person == person.name and not person.replaced]
        if not facts or not all(f.valid_to is not None and f.valid_to <= as_of for f in facts):
            continue
        start, end = next(((a, b) for a, b in clauses(sentence) if a <= person.start < b), (0, len(sentence)))
        clause = sentence[start:end]
        if PRESENT.search(clause) or (_IN_CHARGE.search(clause) and not _then(sentence, person.start, as_of)):
            claims.append(Claim(person.name, "name", "contradicted", _ids(facts), "holds no longer on the day"))
    return claims


def _misplaced(sentence: str, known: Sequence[Known]) -> list[Claim]:
    """A person or organisation of one record in words about another."""
    records = records_of(tuple(k.fact for k in known))
    found = mentions(sentence)
    claims: list[Claim] = []
    texts = {k.fact.value: [o for o in known if o.fact.value == k.fact.value] for k in known if is_text(k.fact)}
    said = {
        value: own
        for value, own in texts.items()
        if len(value) > 1 and post_of(value) is None and records.names(own[0], sentence)
    }
    for value, own in said.items():
        at = records.at(own[0], sentence)
        start, end = next(((a, b) for a, b in clauses(sentence) if a <= at < b), (0, len(sentence)))
        beside = [m for m in found if start <= m.start < end]
        clause = sentence[start:end].replace(value, "")
        rivals = [
            o for v, other in said.items() if v != value for o in other if o.fact.relation == own[0].fact.relation
        ]
        away = all(records.elsewhere(k, clause, beside) for k in own)
        here = any(records.here(k, sentence[start:end], beside) for k in own)
        entity = is_person(value) or bool(role_of(own[0].fact.relation))
        if not away and not rivals and not here and entity:
            away = all(records.elsewhere(k, sentence, found) for k in own)
        if away and not (rivals and (start, end) == (0, len(sentence))):
            claims.append(Claim(value, "relation", "contradicted", _ids([k.fact for k in own]), "of another record"))
    return claims


def _ids(facts: Sequence[Statement]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(fact.id for fact in facts))[:5]
