"""
V1, structured: the values and names of a sentence against facts as of a day. It sees facts and never a source's text.

Policies: a period or day must be that of one fact, an amount may be rounded to the digits shown, an end is exclusive.
"""

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal
from functools import lru_cache
from typing import Literal

from eval.grounding_mentions import Mention, mentions, same_days, same_number, same_unit
from eval.grounding_names import Name, Named, names
from eval.grounding_words import (
    EVENTS,
    FORMER,
    FUTURE,
    LASTING,
    NEGATION,
    OFFER,
    OVER,
    PAST,
    QUESTION,
    REPORTED,
    STILL,
    Topics,
    clauses,
    cues,
    topics_of,
)

Outcome = Literal["supported", "contradicted", "absent", "no_claim"]
_KINDS = (  # what a bare number is, by the name of its relation
    ("percent", "", re.compile(r"percent|rate\b|ratio|share|比例|率$|占比", re.I)),
    ("period", "m", re.compile(r"months?\b|月数|个月|（月）|\(月\)", re.I)),
    ("period", "d", re.compile(r"days?\b|天数|（天）", re.I)),
    ("period", "h", re.compile(r"hours?\b|小时", re.I)),
    ("period", "y", re.compile(r"years\b|年限|年数|（年）", re.I)),
    (
        "money",
        "CNY",
        re.compile(
            r"amount|price|cost|value\b|total|fee|budget(?! year)|sum\b|cny|rmb|金额|价|款|费|总额|合同额|预算(?!年)|元",
            re.I,
        ),
    ),
    ("quantity", "", re.compile(r"quantit|count|number of|qty|units?\b|beds?\b|数量|台数|套数|采购量|数$|个数", re.I)),
)
_IN_FACT_SCALE = (
    (re.compile(r"万元|wan\b|10k", re.I), Decimal(10_000)),
    (re.compile(r"亿"), Decimal(10**8)),
    (re.compile(r"thousand|千元", re.I), Decimal(1000)),
    (re.compile(r"million|百万", re.I), Decimal(10**6)),
)
_BARE = re.compile(r"\s*\d[\d,]*(?:\.\d+)?\s*")
_DURING = re.compile(r"时任|期间|当时|在任|(?<![A-Za-z])(?:during|at the time|as of|as at)(?![A-Za-z])", re.I)
_AS_OF = re.compile(r"截至|截止|目前|今天|as of|as at|today|currently|to date", re.I)
_TITLED = re.compile(r"(?:任|是|为|聘|职务：?|职务为|a |the |as |is |of )$", re.I)


@dataclass(frozen=True, slots=True)
class Statement:
    """A fact as a stranger would write it: any relation, any value; `valid_to` is the first day it no longer holds."""

    id: str
    subject: str
    relation: str
    value: str
    valid_from: date | None = None
    valid_to: date | None = None


@dataclass(frozen=True, slots=True)
class Claim:
    """A value, name or denial of the sentence, what the facts say of it, and the facts that do."""

    text: str
    kind: str
    outcome: Outcome
    facts: tuple[str, ...]
    why: str = ""


@dataclass(frozen=True, slots=True)
class Judgement:
    """`outcome` is the worst of the claims."""

    outcome: Outcome
    claims: tuple[Claim, ...]

    @property
    def flagged(self) -> bool:
        """Whether it may not stand."""
        return self.outcome in ("contradicted", "absent")


@dataclass(frozen=True, slots=True)
class _Known:
    fact: Statement
    topics: Topics
    values: tuple[Mention, ...]
    days: tuple[tuple[date, date], ...]
    starts: tuple[tuple[date, date], ...]
    ends: tuple[tuple[date, date], ...]


@dataclass(frozen=True, slots=True)
class _Said:
    """A value with the topics that the words beside it name, and its clause."""

    value: Mention
    topics: Topics
    clause: tuple[int, int]


def judge_facts(sentence: str, facts: Sequence[Statement], as_of: date, *, own: Collection[str] = ()) -> Judgement:
    """
    What `facts` say of every claim in `sentence` on the day `as_of`.

    `own`: texts that state nothing of the customer (the caller's name and company); their values and names are no claims.
    """
    for text in sorted(own, key=len, reverse=True):
        sentence = sentence.replace(text, "\x00" * len(text)) if text else sentence
    known = [_known(fact) for fact in facts]
    asks = QUESTION.search(sentence) is not None
    said = _said(sentence, as_of)
    claims = [*_values(sentence, said, known, as_of)]
    claims += _named(sentence, known, as_of)
    claims += (
        [*_denials(sentence, known), *_tenses(sentence, known, as_of), *_events(sentence, said, known)]
        if not asks
        else []
    )
    return Judgement(_worst(claims), tuple(claims))


def _worst(claims: Sequence[Claim]) -> Outcome:
    outcomes = {claim.outcome for claim in claims}
    order: tuple[Outcome, ...] = ("contradicted", "absent", "supported")
    return next((outcome for outcome in order if outcome in outcomes), "no_claim")


@lru_cache(maxsize=20_000)
def _known(fact: Statement) -> _Known:
    topics = topics_of(fact.relation) or topics_of(fact.subject.partition(":")[0] if ":" in fact.subject else "")
    found = list(mentions(fact.value))
    if _BARE.fullmatch(fact.value):
        found = _bare(fact)
    elif window := _window(fact):
        found.append(window)
    if re.search(r"\d", fact.relation):
        found += mentions(f"{fact.relation.replace('_', ' ')} ")
    found += [
        m for m in mentions(fact.subject) if "[" in fact.subject or m.kind == "code" if m.kind in ("code", "person")
    ]
    dated = [(m.first, m.last) for m in found if m.kind == "date" and m.first and m.last and not m.yearless]
    starts, ends = list[tuple[date, date]](), list[tuple[date, date]]()
    if fact.valid_from:
        starts.append((fact.valid_from, fact.valid_from))
    if fact.valid_to:
        ends += [(day, day) for day in (fact.valid_to, fact.valid_to - timedelta(days=1))]
    for m in found:
        if m.kind == "date" and m.first and m.last and not m.yearless:
            (ends if m.edge == "to" else starts).append((m.first, m.last))
            if not m.edge:
                ends.append((m.first, m.last))
    return _Known(fact, topics, tuple(found), tuple([*dated, *starts, *ends]), tuple(starts), tuple(ends))


def _bare(fact: Statement) -> list[Mention]:
    """A number without a unit is what its relation is about; a year also is one."""
    number = Decimal(fact.value.strip().replace(",", ""))
    relation = fact.relation.replace("_", " ")
    found: list[Mention] = []
    if re.fullmatch(r"(?:19|20)\d{2}", fact.value.strip()):
        found += mentions(fact.value.strip() + "年")
    kind, unit = next(((kind, unit) for kind, unit, words in _KINDS if words.search(relation)), ("number", ""))
    if kind == "money":
        number *= next((factor for words, factor in _IN_FACT_SCALE if words.search(relation)), Decimal(1))
        unit = next((c for c in ("USD", "EUR", "JPY", "HKD", "GBP") if c in relation.upper()), "")
    if unit == "y":
        number, unit = number * 12, "m"
    found.append(Mention(kind, fact.value, 0, len(fact.value), "", number, number, Decimal(0), unit))
    return found


def _window(fact: Statement) -> Mention | None:
    match = re.search(r"(?<!\d)(1[0-2]|0?[1-9])\s?(?:[-–~/]|至|到|to)\s?(1[0-2]|0?[1-9])(?!\d)\s?月?", fact.value)
    if match is None or not re.search(r"window|month|月|窗口", fact.relation + fact.value, re.I):
        return None
    return Mention("window", match.group(), 0, 0, f"{int(match[1])}/{int(match[2])}")


def _said(sentence: str, as_of: date) -> list[_Said]:
    found = mentions(sentence, as_of)
    if not found:
        return []
    parts, words = clauses(sentence), cues(sentence)
    said: list[_Said] = []
    for value in found:
        clause = next(((a, b) for a, b in parts if a <= value.start < b), (0, len(sentence)))
        inside = [word for word in words if clause[0] <= word[0] < clause[1]]
        said.append(_Said(value, _topic(value, inside, sentence), clause))
    return said


def _topic(value: Mention, inside: Sequence[tuple[int, int, str]], sentence: str) -> Topics:
    """The topics of the nearest word that names a relation; in English the one before, unless one follows at once."""
    before = [word for word in inside if word[1] <= value.start]
    after = [word for word in inside if word[0] >= value.end]
    near = after[0][0] - value.end if after else 99
    far = value.start - before[-1][1] if before else 99
    if not before and not after:
        return frozenset()
    if re.search(r"[\u4e00-\u9fff]", sentence):
        pick = after[0] if near < far else before[-1]
        together = [w for w in inside if w[1] == pick[0] or w[0] == pick[1]]  # 采购合同, 采购单价
        return frozenset({pick[2], *(word[2] for word in together)})
    if before and not (after and re.fullmatch(r"[\s-]| of ", sentence[value.end : after[0][0]])):
        return frozenset({before[-1][2]})
    return frozenset({after[0][2]})


def _values(sentence: str, said: Sequence[_Said], known: Sequence[_Known], as_of: date) -> list[Claim]:
    claims: list[Claim] = []
    reported = REPORTED.search(sentence) is not None
    for each in said:
        if reported and not each.topics and each.value.kind in ("period", "quantity", "number"):
            continue  # what somebody said about his days is not in the facts; the text tells
        if each.value.loose and not any(other.clause == each.clause and other is not each for other in said):
            continue  # "this year" alone states nothing
        if each.value.kind == "quantity" and each.value.text[0] in "一oO" and not each.topics:
            continue  # "one machine" is no count
        claims.append(_value(sentence, each, said, known, as_of))
    return claims


def _value(sentence: str, each: _Said, said: Sequence[_Said], known: Sequence[_Known], as_of: date) -> Claim:
    value = each.value
    if value.kind == "date" and _is_today(sentence, value, as_of):
        return Claim(value.text, "date", "no_claim", ())
    matching = [k for k in known if _states(k, value, as_of, sentence)]
    if not matching:
        if value.loose:
            return Claim(value.text, "date", "no_claim", ())
        rivals = [k for k in known if any(m.kind == value.kind for m in k.values)]
        return Claim(
            value.text, value.kind, "contradicted" if rivals else "absent", _ids(rivals[:3]), "no fact states it"
        )
    if value.kind == "code" and not any(_is_number_of(k.fact, value.canonical) for k in matching):
        return Claim(value.text, "code", "supported", _ids(matching))  # a model says no relation
    related = [k for k in matching if not each.topics or not k.topics or each.topics & k.topics]
    if not related and value.kind == "quantity" and any(each.topics & k.topics for k in known):
        related = matching  # what was bought is what was installed, if it was installed at all
    if not related:
        return Claim(value.text, value.kind, "contradicted", _ids(matching), "stated of another relation")
    if value.kind != "date" and (rival := _mispaired(sentence, each, said, related, known)):
        return Claim(
            value.text, value.kind, "contradicted", _ids([*related, rival]), "stated of another event or subject"
        )
    if value.kind == "date" and each.value.kind == "date" and _apart(each, said, related, known):
        return Claim(value.text, "date", "contradicted", _ids(related), "not the day of what is said beside it")
    if ended := _over(sentence, related, as_of, said):
        return Claim(value.text, value.kind, "contradicted", _ids(ended), "does not hold on the day")
    return Claim(value.text, value.kind, "supported", _ids(related))


def _is_today(sentence: str, value: Mention, as_of: date) -> bool:
    if value.first is None or value.last is None or not value.first <= as_of <= value.last or value.yearless:
        return False
    return _AS_OF.search(sentence[max(0, value.start - 8) : value.end + 8]) is not None


def _states(known: _Known, value: Mention, as_of: date, sentence: str = "") -> bool:
    """Whether a fact states this value, whatever it says of it."""
    if value.kind == "date":
        return _dated(known, value, sentence)
    if value.kind == "window":
        months = [int(month) for month in value.canonical.split("/")]
        starts, ends = {d[0].month for d in known.starts}, {d[0].month for d in known.ends}
        spelled = any(m.kind == "window" and m.canonical == value.canonical for m in known.values)
        return spelled or (months[0] in starts and months[1] in ends)
    if not value.numeric:
        return any(m.kind == value.kind and m.canonical == value.canonical for m in known.values) or (
            value.kind == "code" and _holds_code(known.fact, value.canonical)
        )
    return any(_number(m, value) for m in known.values)


def _holds_code(fact: Statement, code: str) -> bool:
    text = f"{fact.subject} {fact.value} {fact.relation}".upper()
    return re.search(rf"(?<![A-Z0-9-]){re.escape(code)}(?![A-Z0-9])", text) is not None


def _is_number_of(fact: Statement, code: str) -> bool:
    numbered = bool(topics_of(fact.relation) & {"certificate", "tender"}) or re.search(r"\d{5}", code) is not None
    return numbered and re.sub(r"\s", "", fact.value).upper() == code


def _number(stated: Mention, said: Mention) -> bool:
    if not stated.numeric or not same_number(stated, said):
        return False
    if stated.kind == said.kind:
        return same_unit(stated.unit, said.unit)
    return "number" in (stated.kind, said.kind) and {stated.kind, said.kind} != {"number", "percent"}


def _dated(known: _Known, value: Mention, sentence: str) -> bool:
    if value.first is None:
        return False
    days = known.starts if value.edge == "from" else known.ends if value.edge == "to" else known.days
    if any(same_days(day, value) for day in days):
        return True
    if any(
        m.kind == "date" and m.yearless and m.first and m.last and same_days((m.first, m.last), value, yearless=True)
        for m in known.values
    ):
        return True
    start, end = known.fact.valid_from, known.fact.valid_to
    return bool(
        start and value.last and _DURING.search(sentence) and start <= value.last and (end is None or value.first < end)
    )


def _mispaired(
    sentence: str, each: _Said, said: Sequence[_Said], related: Sequence[_Known], known: Sequence[_Known]
) -> _Known | None:
    """
    A fact of the same relation that fits what is said around the value better than any that states it: the value is that
    of another purchase, person or product. None when there is none.
    """
    scope = _scope(each, said, sentence)
    beside = [
        other.value
        for other in said
        if scope[0] <= other.value.start < scope[1]
        and other is not each
        and not (other.topics and each.topics and not other.topics & each.topics)
    ]
    text = sentence[scope[0] : scope[1]]
    best = max(_fit(k, beside, text, known) for k in related)
    relations = {k.fact.relation for k in related}
    for rival in known:
        if (
            rival.fact.relation in relations
            and rival not in related
            and any(m.kind == each.value.kind for m in rival.values)
        ):
            if _fit(rival, beside, text, known) > best:
                return rival
    return None


def _scope(each: _Said, said: Sequence[_Said], sentence: str) -> tuple[int, int]:
    """The clause, and those before it up to the one with a day, when it has no day of its own."""
    dated = [other.clause for other in said if other.value.kind == "date" and not other.value.loose]
    if each.clause in dated or not dated:
        return each.clause if dated else (0, len(sentence))
    before = [clause for clause in dated if clause[1] <= each.clause[0]]
    if before:
        return before[-1][0], each.clause[1]
    return each.clause[0], min(clause[1] for clause in dated if clause[0] >= each.clause[1])


def _fit(known: _Known, beside: Sequence[Mention], text: str, others: Sequence[_Known]) -> int:
    """How much of what is said is about this fact: its days (or those of its event), its subject, its event's values."""
    fits = 0
    event = [
        k
        for k in others
        if k.fact.valid_from and (k.fact.subject, k.fact.valid_from) == (known.fact.subject, known.fact.valid_from)
    ]
    for value in beside:
        if value.kind == "date":
            fits += _about_days(known, value, others)
        elif value.kind in ("code", "person"):
            fits += _holds_code(known.fact, value.canonical) or any(_holds_code(k.fact, value.canonical) for k in event)
        else:
            fits += any(_states(k, value, date.min) for k in event)
    fits += any(len(k.fact.value) > 2 and not k.values and k.fact.value in text for k in event)
    subject = known.fact.subject
    return fits + (len(subject) > 1 and subject in text)


def _about_days(known: _Known, day: Mention, others: Sequence[_Known]) -> bool:
    if _dated(known, day, ""):
        return True
    if known.days:
        return False
    return any(k.fact.subject == known.fact.subject and _dated(k, day, "") for k in others)


def _apart(each: _Said, said: Sequence[_Said], related: Sequence[_Known], known: Sequence[_Known]) -> bool:
    """Whether a number stands beside this day under the same word, whose facts all have other days of their own."""
    if each.value.loose and not each.topics:
        return False
    for other in said:
        if other.clause != each.clause or not other.value.numeric or other.value.kind == "period":
            continue
        if each.topics != other.topics:
            continue
        facts = [
            k
            for k in known
            if _states(k, other.value, date.min) and (not other.topics or not k.topics or other.topics & k.topics)
        ]
        if facts and all(k.fact.valid_from and not _about_days(k, each.value, known) for k in facts):
            subjects = {k.fact.subject for k in facts}
            if not any(
                k.fact.subject in subjects and not k.fact.valid_from and _dated(k, each.value, "") for k in related
            ):
                return True
    return False


def _over(sentence: str, related: Sequence[_Known], as_of: date, said: Sequence[_Said]) -> list[_Known]:
    """The facts, when none of them holds on the day and the sentence speaks of the present."""
    lasting = [k for k in related if k.topics & LASTING]
    if not lasting or len(lasting) < len(related):
        return []
    ended = [k for k in lasting if k.fact.valid_to is not None and k.fact.valid_to <= as_of]
    coming = [k for k in lasting if k.fact.valid_from is not None and k.fact.valid_from > as_of]
    if len(ended) == len(lasting) and not PAST.search(sentence):
        dated = any(each.value.kind == "date" and not each.value.loose and each.value.edge != "from" for each in said)
        return [] if dated else ended
    if len(coming) == len(lasting) and not FUTURE.search(sentence) and not any(s.value.kind == "date" for s in said):
        return coming
    return []


def _named(sentence: str, known: Sequence[_Known], as_of: date) -> list[Claim]:
    found = names(sentence)
    if not found:
        return []
    facts = tuple(k.fact for k in known)
    every = _index(facts)
    claims: list[Claim] = []
    people = [name for name in found if name.kind in ("person", "address")]
    for name in found:
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
        return (
            every.has_titles(ascii_only=name.text.isascii())
            or not name.text.isascii()
            and not every.has_titles(ascii_only=True)
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


def _denials(sentence: str, known: Sequence[_Known]) -> list[Claim]:
    """A denial of what a fact states is contradicted: "has not bought", "no longer under warranty"."""
    claims: list[Claim] = []
    for start, end in clauses(sentence):
        clause = sentence[start:end]
        for match in NEGATION.finditer(clause):
            near = [t for a, _, t in cues(clause) if -1 <= a - match.end() <= 14 or (a < match.start() <= a + 8)]
            stated = [k for k in known if k.topics & set(near) and not NEGATION.search(k.fact.value)]
            if stated:
                text = clause[match.start() : match.end() + 6].strip()
                claims.append(Claim(text, "negation", "contradicted", _ids(stated), "a fact states it"))
                break
    return claims


def _events(sentence: str, said: Sequence[_Said], known: Sequence[_Known]) -> list[Claim]:
    """An installation, lease or delivery told beside values, of which no fact speaks."""
    if not any(not each.value.loose for each in said):
        return []
    stated = {topic for k in known for topic in k.topics}
    claims: list[Claim] = []
    for start, end in clauses(sentence):
        clause = sentence[start:end]
        if OFFER.search(clause) or REPORTED.search(sentence):
            continue
        told = [(a, b) for a, b, topic in cues(clause) if topic in EVENTS and topic not in stated]
        claims += [Claim(clause[a:b], "relation", "absent", (), "no fact speaks of it") for a, b in told[:1] if stated]
    return claims


def _tenses(sentence: str, known: Sequence[_Known], as_of: date) -> list[Claim]:
    """What has ended said to hold still, and the reverse, where no day is told."""
    over, still = OVER.search(sentence), STILL.search(sentence)
    match = over or still
    if match is None:
        return []
    start, end = next(((a, b) for a, b in clauses(sentence) if a <= match.start() < b), (0, len(sentence)))
    topics = {topic for _, _, topic in cues(sentence[start:end])} & LASTING
    about = [k for k in known if k.topics & topics]
    dated = [k for k in about if k.fact.valid_to is not None]
    ended = [k for k in dated if k.fact.valid_to is not None and k.fact.valid_to <= as_of]
    if (over and dated and not ended) or (still and not over and dated and len(ended) == len(about)):
        return [Claim(match.group(), "period", "contradicted", _ids(dated), "not so on the day")]
    return []


def _ids(known: Sequence[_Known]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(k.fact.id for k in known))


def ended_by(fact: Statement, day: date) -> Statement:
    """The same fact, known to end on a day."""
    return replace(fact, valid_to=day)
