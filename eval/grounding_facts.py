"""
V1, structured: the values and names of a sentence against facts as of a day. It sees facts and never a source's text.

Policies: a period or day must be that of one fact, an amount may be rounded to the digits shown, an end is exclusive.
"""

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date

from eval.grounding_fact_names import named
from eval.grounding_fact_words import denials, events, tenses
from eval.grounding_mentions import Mention, mentions
from eval.grounding_statements import (
    Claim,
    Judgement,
    Known,
    Outcome,
    Statement,
    dated,
    holds_code,
    ids_of,
    is_number_of,
    known_of,
    states,
)
from eval.grounding_words import (
    FUTURE,
    LASTING,
    PAST,
    QUESTION,
    REPORTED,
    Topics,
    clauses,
    cues,
)

__all__ = ["Claim", "Judgement", "Statement", "judge_facts"]


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
        said.append(Said(value, _topic(value, inside, sentence), clause))
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
    matching = [k for k in known if states(k, value, as_of, sentence)]
    if not matching:
        if value.loose:
            return Claim(value.text, "date", "no_claim", ())
        rivals = [k for k in known if any(m.kind == value.kind for m in k.values)]
        return Claim(
            value.text, value.kind, "contradicted" if rivals else "absent", ids_of(rivals[:3]), "no fact states it"
        )
    if value.kind == "code" and not any(is_number_of(k.fact, value.canonical) for k in matching):
        return Claim(value.text, "code", "supported", ids_of(matching))  # a model says no relation
    related = [k for k in matching if not each.topics or not k.topics or each.topics & k.topics]
    if not related and value.kind == "quantity" and any(each.topics & k.topics for k in known):
        related = matching  # what was bought is what was installed, if it was installed at all
    if not related:
        return Claim(value.text, value.kind, "contradicted", ids_of(matching), "stated of another relation")
    if value.kind != "date" and (rival := _mispaired(sentence, each, said, related, known)):
        return Claim(
            value.text, value.kind, "contradicted", ids_of([*related, rival]), "stated of another event or subject"
        )
    if value.kind == "date" and each.value.kind == "date" and _apart(each, said, related, known):
        return Claim(value.text, "date", "contradicted", ids_of(related), "not the day of what is said beside it")
    if ended := _over(sentence, related, as_of, said):
        return Claim(value.text, value.kind, "contradicted", ids_of(ended), "does not hold on the day")
    return Claim(value.text, value.kind, "supported", ids_of(related))


def _is_today(sentence: str, value: Mention, as_of: date) -> bool:
    if value.first is None or value.last is None or not value.first <= as_of <= value.last or value.yearless:
        return False
    return _AS_OF.search(sentence[max(0, value.start - 8) : value.end + 8]) is not None


def _mispaired(
    sentence: str, each: Said, said: Sequence[Said], related: Sequence[Known], known: Sequence[Known]
) -> Known | None:
    """
    A fact of the same relation that fits what is said around the value better than any that states it: the value is
    that of another purchase, person or product. None when there is none.
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
        ) and _fit(rival, beside, text, known) > best:
            return rival
    return None


def _scope(each: Said, said: Sequence[Said], sentence: str) -> tuple[int, int]:
    """The clause, and those before it up to the one with a day, when it has no day of its own."""
    dated = [other.clause for other in said if other.value.kind == "date" and not other.value.loose]
    if each.clause in dated or not dated:
        return each.clause if dated else (0, len(sentence))
    before = [clause for clause in dated if clause[1] <= each.clause[0]]
    if before:
        return before[-1][0], each.clause[1]
    return each.clause[0], min(clause[1] for clause in dated if clause[0] >= each.clause[1])


def _fit(known: Known, beside: Sequence[Mention], text: str, others: Sequence[Known]) -> int:
    """How much of what is said is about this fact: its days (or those of its event), its"
    " subject, its event's values."""
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
            fits += holds_code(known.fact, value.canonical) or any(holds_code(k.fact, value.canonical) for k in event)
        else:
            fits += any(states(k, value, date.min) for k in event)
    fits += any(len(k.fact.value) > 2 and not k.values and k.fact.value in text for k in event)
    subject = known.fact.subject
    return fits + (len(subject) > 1 and subject in text)


def _about_days(known: Known, day: Mention, others: Sequence[Known]) -> bool:
    if dated(known, day, ""):
        return True
    if known.days:
        return False
    return any(k.fact.subject == known.fact.subject and dated(k, day, "") for k in others)


def _apart(each: Said, said: Sequence[Said], related: Sequence[Known], known: Sequence[Known]) -> bool:
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
            if states(k, other.value, date.min) and (not other.topics or not k.topics or other.topics & k.topics)
        ]
        if facts and all(k.fact.valid_from and not _about_days(k, each.value, known) for k in facts):
            subjects = {k.fact.subject for k in facts}
            if not any(
                k.fact.subject in subjects and not k.fact.valid_from and dated(k, each.value, "") for k in related
            ):
                return True
    return False


def _over(sentence: str, related: Sequence[Known], as_of: date, said: Sequence[Said]) -> list[Known]:
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
