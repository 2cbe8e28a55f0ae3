"""
V1, structured: the values and names of a sentence against facts as of a day. It sees facts and never a source's text.

Policies: a period or day must be that of one fact, an amount may be rounded to the digits shown, an end is exclusive.
"""

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date

from eval.grounding_derived import APART, ends, follows, other_rate, passes, since, spans
from eval.grounding_fact_names import named
from eval.grounding_fact_words import denials, events, statuses, tenses, unfinished
from eval.grounding_mentions import Mention, mentions, same_days, same_number, same_unit
from eval.grounding_records import Records, field_of, records_of
from eval.grounding_roles import parts
from eval.grounding_statements import (
    MADE,
    Claim,
    Judgement,
    Known,
    Outcome,
    Statement,
    ids_of,
    is_number_of,
    known_of,
    products_of,
    states,
)
from eval.grounding_words import (
    FUTURE,
    LASTING,
    OF_THE,
    PART_OF,
    PAST,
    PRESENT,
    QUESTION,
    REPORTED,
    STRICT,
    WEAK,
    Topics,
    clauses,
    cues,
    meets,
)

__all__ = ["Claim", "Judgement", "Statement", "judge_facts"]


_SO_LONG = re.compile(r"已|了|来|至今|has been|have been|for (?:the )?(?:past|last)?|since", re.IGNORECASE)
_LATEST = 20
_COUNTS = frozenset({"quantity", "number"})
_HOURS = re.compile(r"hour|minute|second|小时|分钟|秒|时长|时限|学时|\b\d+ ?[hs]\b", re.IGNORECASE)
_TOOK_PLACE = re.compile(
    r"(?:开标|安装|到货|验收|定|签|采购|送达|完成|交付|做)(?:完|好|下)?了|已于|took place|(?:was"
    r"|were) (?:installed|delivered|signed|bought)"
)
_SOFT_UNITS = frozenset("次批位项家种类款张单期笔个份")
_AS_OF = re.compile(r"截至|截止|目前|今天|as of|as at|today|currently|to date", re.I)


@dataclass(frozen=True, slots=True)
class Said:
    """A value with the topics that the words beside it name, and its clause."""

    value: Mention
    topics: Topics
    clause: tuple[int, int]


def judge_facts(sentence: str, facts: Sequence[Statement], as_of: date, *, own: Collection[str] = ()) -> Judgement:
    """
    What `facts` say of every claim in `sentence` on the day `as_of`.

    `own`: texts that state nothing of the customer (the caller's name and company): no claims.
    """
    for text in sorted(own, key=len, reverse=True):
        sentence = sentence.replace(text, "\x00" * len(text)) if text else sentence
    known = [known_of(fact) for fact in facts]
    asks = QUESTION.search(sentence) is not None
    said = said_in(sentence, as_of)
    claims = [*_values(sentence, said, known, as_of)]
    claims += named(sentence, known, as_of)
    claims += (
        [
            *denials(sentence, known),
            *tenses(sentence, known, as_of),
            *unfinished(sentence, known, as_of),
            *statuses(sentence, known),
            *parts(sentence, known),
            *events(sentence, [each.value for each in said], known),
        ]
        if not asks
        else []
    )
    return Judgement(_worst(claims), tuple(claims))


def _worst(claims: Sequence[Claim]) -> Outcome:
    outcomes = {claim.outcome for claim in claims}
    if "contradicted" in outcomes:
        return "contradicted"
    return "absent" if "absent" in outcomes else "supported" if "supported" in outcomes else "no_claim"


def said_in(sentence: str, as_of: date) -> list[Said]:
    found = mentions(sentence, as_of)
    if not found:
        return []
    parts, words = clauses(sentence), cues(sentence)
    said: list[Said] = []
    for value in found:
        clause = next(((a, b) for a, b in parts if a <= value.start < b), (0, len(sentence)))
        inside = [word for word in words if clause[0] <= word[0] < clause[1]]
        if not inside and value.kind == "date" and clause[1] - clause[0] <= len(value.text) + 5:
            inside = [word for word in words if clause[1] <= word[0]][:1]  # 2022年8月5日那天，…安装
        said.append(Said(value, _topic(value, inside, sentence), clause))
    return said


def _topic(value: Mention, inside: Sequence[tuple[int, int, str]], sentence: str) -> Topics:
    """The topics of the nearest word that names a relation; in English the one before, unless one follows at once."""
    before = [word for word in inside if word[1] <= value.start]
    after = [word for word in inside if word[0] >= value.end]
    near = after[0][0] - value.end if after else 99
    far = value.start - before[-1][1] if before else 99
    if (not before and not after) or PART_OF.match(sentence[value.end :]) or OF_THE.search(sentence[: value.start]):
        return frozenset()
    if re.search(r"[\u4e00-\u9fff]", sentence):
        pick = after[0] if near < far else before[-1]
        together = [w for w in inside if w[1] == pick[0] or w[0] == pick[1]]  # 采购合同, 采购单价
        return frozenset({pick[2], *(word[2] for word in together)})
    if before and not (after and re.fullmatch(r"[\s-]| of ", sentence[value.end : after[0][0]])):
        return frozenset({before[-1][2]})
    return frozenset({after[0][2]})


def _values(sentence: str, said: Sequence[Said], known: Sequence[Known], as_of: date) -> list[Claim]:
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


def _value(sentence: str, each: Said, said: Sequence[Said], known: Sequence[Known], as_of: date) -> Claim:
    value = each.value
    if value.kind == "date" and _is_today(sentence, value, as_of):
        return Claim(value.text, "date", "no_claim", ())
    if value.kind == "date" and _not_yet(value, sentence[each.clause[0] : each.clause[1]], as_of):
        return Claim(value.text, "date", "contradicted", (), "told as done, but still to come")
    matching = [k for k in known if states(k, value, as_of, sentence)]
    if not matching:
        return _unstated(sentence, each, known, as_of)
    records = records_of(tuple(k.fact for k in known))
    near = [k for k in matching if not _of_another(k, each, said, sentence, records)]
    if not near:
        outcome = "no_claim" if value.loose else "contradicted"
        return Claim(value.text, value.kind, outcome, ids_of(matching), "stated of another event or subject")
    if value.kind == "code" and not any(is_number_of(k.fact, value.canonical) for k in near):
        own = [k for k in near if value.canonical in k.fact.subject.upper()]
        clause = sentence[each.clause[0] : each.clause[1]]
        gone = [k for k in own if k.fact.valid_to is not None and k.fact.valid_to <= as_of]
        if gone and all(k in gone or k.fact.valid_from is None for k in own) and PRESENT.search(clause):
            return Claim(value.text, "code", "contradicted", ids_of(gone), "does not hold on the day")
        return Claim(value.text, "code", "supported", ids_of(near))  # a model says no relation
    if held := _of_another_number(each, near, said, known, sentence):
        return Claim(value.text, value.kind, "contradicted", ids_of([*near, *held]), "stated of another number")
    related = [k for k in near if not each.topics or not k.topics or meets(each.topics, k.topics)]
    rivals = [] if related else _rivals(each, near, known)
    if rivals and value.numeric and _adds_up(value, rivals):
        rivals, related = [], rivals
    if not related and (rivals or _unheard(each, known, sentence)):
        return Claim(value.text, value.kind, "contradicted", ids_of([*near, *rivals]), "stated of another relation")
    if rate := other_rate([k.fact.relation + " " + k.fact.value for k in near], sentence, value):
        return Claim(value.text, value.kind, "contradicted", ids_of(near), f"not {rate}")
    if ended := _over(sentence, each, related or near, known, as_of, said):
        return Claim(value.text, value.kind, "contradicted", ids_of(ended), "does not hold on the day")
    return Claim(value.text, value.kind, "supported", ids_of(related or near))


def _unstated(sentence: str, each: Said, known: Sequence[Known], as_of: date) -> Claim:
    """What no fact states may follow from the facts; a figure of another kind than all of theirs is no claim."""
    value = each.value
    stated = [m for k in known for m in k.values]
    stated += products_of(known) if value.kind == "money" else []
    rivals = [k for k in known if any(m.kind == value.kind for m in k.values)]
    if (
        value.kind == "money"
        and not each.topics & {"each"}
        and any(same_number(m, value) and same_unit(m.unit, value.unit) for m in stated[-_LATEST:] if m.text == MADE)
    ):
        return Claim(value.text, value.kind, "supported", (), "a price times a count")
    if value.numeric and follows(value, stated, sentence):
        return Claim(value.text, value.kind, "supported", (), "follows from the facts")
    pairs = [(k, a, b) for k in known for a, _ in k.starts for b, _ in k.ends]
    ago = since(value, [a for k in known for a, _ in k.starts], as_of) and not each.topics & STRICT
    between = any(spans(value, [a], [b]) for k, a, b in pairs if not each.topics & STRICT or each.topics & k.topics)
    firsts = [a for k in known for a, last in (*k.starts, *k.days) if a == last]
    if not each.topics & STRICT and passes(value, firsts, mentions(sentence, as_of), as_of, sentence):
        return Claim(value.text, value.kind, "supported", (), "the time from a day to another")
    apart = value.kind == "period" and value.unit == "d" and APART.search(sentence) is not None
    between = between or (apart and any(abs((a - b).days) == value.low for a in firsts for b in firsts))
    if between or (ago and _SO_LONG.search(sentence)):
        return Claim(value.text, value.kind, "supported", (), "the time between two days")
    starts = [a for k in known for a, last in (*k.starts, *k.days) if a == last]
    if ends(value, starts, stated, sentence):
        return Claim(value.text, value.kind, "supported", (), "the end of a period")
    idle = value.loose or (value.kind == "period" and value.unit in "ns" and not _timed(known))
    idle = idle or (value.kind == "quantity" and value.unit in _SOFT_UNITS and not _counted(value, known))
    if idle:
        return Claim(value.text, value.kind, "no_claim", ())
    other_year = value.kind == "date" and any(_of_another_year(value, a) for k in known for a in k.days)
    outcome = "contradicted" if (rivals and value.kind != "date") or other_year else "absent"
    return Claim(value.text, value.kind, outcome, ids_of(rivals[:3]), "no fact states it", unstated=True)


def _of_another_year(value: Mention, day: tuple[date, date]) -> bool:
    """Whether a fact has the day or month that is said, in another year."""
    if value.yearless or value.loose or value.first is None or value.last is None:
        return False
    short = (value.last - value.first).days < 93
    near = (day[1] - day[0]).days <= (value.last - value.first).days
    return short and near and day[0].year != value.first.year and same_days(day, value, yearless=True)


def _timed(known: Sequence[Known]) -> bool:
    return any(
        _HOURS.search(k.fact.relation + " " + k.fact.value) for k in known if any(m.kind == "period" for m in k.values)
    )


def _counted(value: Mention, known: Sequence[Known]) -> bool:
    return any(m.kind == "quantity" and m.unit == value.unit for k in known for m in k.values)


def _of_another(k: Known, each: Said, said: Sequence[Said], sentence: str, records: Records) -> bool:
    """Whether the words around a value speak of another record than a fact's: in its clause, else in the sentence."""
    start, end = each.clause
    inside = [s.value for s in said if s.clause == each.clause and s is not each]
    for s in said:  # from 24 to 36 beds: both states are spoken of
        same = s is not each and s.clause == each.clause and s.value.kind == each.value.kind
        if same and any(
            r.fact.relation == k.fact.relation and r != k and states(r, s.value, date.min) for r in records.known
        ):
            return False
    if records.elsewhere(k, sentence[start:end], inside, day=each.value.kind == "date"):
        return True
    alike = [
        s
        for s in said
        if s is not each
        and (s.value.kind, s.value.unit) == (each.value.kind, each.value.unit)
        and any(o != k and field_of(o.fact) == field_of(k.fact) and states(o, s.value, date.min) for o in records.known)
    ]
    if alike:
        return False  # two amounts: the words around one need not be about the other
    others = [s.value for s in said if s is not each]
    if records.here(k, sentence[start:end], inside):
        return bool(records.elsewhere(k, sentence, others, naming=sentence[start:end]))
    return bool(records.elsewhere(k, sentence, others, day=each.value.kind == "date"))


def _of_another_number(
    each: Said, near: Sequence[Known], said: Sequence[Said], known: Sequence[Known], sentence: str
) -> list[Known]:
    """Facts of the one number that a sentence names, where they state another figure of this kind than it says."""
    value = each.value
    numbers = {k.fact.subject for k in known if re.search(r"\d{2}", k.fact.subject) and k.fact.subject in sentence}
    alone = sum(s.value.kind in (_COUNTS if value.kind in _COUNTS else {value.kind}) for s in said) == 1
    if not value.numeric or value.kind == "period" or len(numbers) != 1 or not alone:
        return []
    if any(k.fact.subject in numbers or k.fact.value in numbers or meets(each.topics, k.topics) for k in near):
        return []
    parts = {k.fact.subject for k in known if k.fact.value in numbers}  # a delivery of the order
    if any(k.fact.subject in parts for k in near):
        return []
    kinds = _COUNTS if value.kind in _COUNTS else {value.kind}
    return [k for k in known if k.fact.subject in numbers and any(m.kind in kinds for m in k.values)]


def _rivals(each: Said, near: Sequence[Known], known: Sequence[Known]) -> list[Known]:
    """Facts of the relation that is said, of the same kind of value: they show that this one is of another."""
    if each.value.kind == "date":
        return [k for k in known if k not in near and k.topics & each.topics and k.days]
    kinds = _COUNTS if each.value.kind in _COUNTS else {each.value.kind}
    return [k for k in known if k not in near and k.topics & each.topics and any(m.kind in kinds for m in k.values)]


def _adds_up(value: Mention, rivals: Sequence[Known]) -> bool:
    """Whether what several facts of the relation state makes up the value: delivered in two lots."""
    amounts = [m.low for k in rivals for m in k.values if m.numeric and m.kind != "period"]
    return len(amounts) > 1 and sum(amounts) == value.low


def _unheard(each: Said, known: Sequence[Known], sentence: str) -> bool:
    """Whether a value is told of an event or a cover of which no fact speaks at all."""
    clause = sentence[each.clause[0] : each.clause[1]]
    if not any(topic in each.topics and not WEAK.fullmatch(clause[a:b]) for a, b, topic in cues(clause)):
        return False
    return bool(each.topics & STRICT) and not any(k.topics & each.topics for k in known)


def _not_yet(value: Mention, clause: str, as_of: date) -> bool:
    """Whether a day to come is told as past."""
    if value.first is None or value.last is None or value.edge or value.yearless or value.loose:
        return False
    return value.first > as_of and (value.last - value.first).days < 32 and _TOOK_PLACE.search(clause) is not None


def _is_today(sentence: str, value: Mention, as_of: date) -> bool:
    if value.first is None or value.last is None or not value.first <= as_of <= value.last or value.yearless:
        return False
    return _AS_OF.search(sentence[max(0, value.start - 8) : value.end + 8]) is not None


def _over(
    sentence: str, each: Said, related: Sequence[Known], known: Sequence[Known], as_of: date, said: Sequence[Said]
) -> list[Known]:
    """The facts, when none of them holds on the day and the sentence speaks of the present."""
    if each.value.kind == "date":
        return []
    ended = [k for k in related if k.fact.valid_to is not None and k.fact.valid_to <= as_of]
    coming = [k for k in related if k.fact.valid_from is not None and k.fact.valid_from > as_of]
    clause = sentence[each.clause[0] : each.clause[1]]
    alone = not any(s is not each and s.value.kind == each.value.kind for s in said)
    day_beside = any(s.value.kind == "date" and s.clause == each.clause and not s.value.loose for s in said)
    present = PRESENT.search(sentence if alone and not day_beside else clause) is not None
    if ended and len(ended) == len(related):
        replaced = [k for k in known if any(_follows(k, old) for old in ended)]
        if present:
            return ended
        if not (replaced or any(k.topics & LASTING for k in ended)):
            return []
        days = [s.value for s in said if s.value.kind == "date" and s.value.edge != "from"]
        told = any(day.yearless or day.last is None or day.last < as_of or day.edge for day in days)
        beside = any(states(k, s.value, as_of) for k in replaced for s in said if s is not each and s.value.numeric)
        return [] if PAST.search(sentence) or told or beside else ended
    if coming and len(coming) == len(related) and any(k.topics & LASTING for k in coming):
        dated = any(s.value.kind == "date" for s in said)
        return [] if FUTURE.search(sentence) or dated else coming
    return []


def _follows(new: Known, old: Known) -> bool:
    """Whether a fact says anew what another said until then."""
    if (new.fact.subject, new.fact.relation) != (old.fact.subject, old.fact.relation) or new.fact.valid_from is None:
        return False
    return old.fact.valid_to is not None and new.fact.valid_from >= old.fact.valid_to
