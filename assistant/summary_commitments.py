"""Sentences → who will do what until when, and what is left open. Only what stands there; days by summary_dates."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date

from assistant import summary_words as words
from assistant.summary_clauses import Clause, clauses_of, side_named
from assistant.summary_dates import When, mentions
from assistant.summary_reading import Row, Sentence, task_rows
from assistant.summary_sides import Side, other, people_of, side_in

_CONTINUES = re.compile(
    r"^(?:把|并|再|然后|顺便|一起|同时|连同|包括|好让|以便|including|and (?!i\b|we\b)|together|along)", re.IGNORECASE
)

_TOPIC = re.compile(r"^[^？?]{0,14}的[\u4e00-\u9fff\w、-]{2,12}(?<![了过吗吧呢着])[，,]?$")
_IN_CHARGE = re.compile(r"由.{1,10}(?:负责|完成|落实|跟进|牵头)|(?:责任人|负责人|责任方)")


@dataclass(frozen=True, slots=True)
class Commitment:
    """Characters `start` up to `end` say so. `due` is the last day, resolved from the words `when`; None: none said."""

    text: str
    start: int
    end: int
    owner: Side
    person: str
    due: date | None
    when: When | None


def commitments(text: str, said: list[Sentence], on: date | None) -> list[Commitment]:
    """From sentences and from tables of tasks; nothing that orders its reader, is denied, asked, or only planned."""
    rows, people = task_rows(text), people_of(text)
    found = [each for row in rows if not row.hostile for each in _of_row(text, row, on)]
    taken = [(row.task[0], row.due[1]) for row in rows]
    named: Side | None = None
    for sentence in said:
        if not sentence.hostile and not any(a <= sentence.start and sentence.end <= b for a, b in taken):
            found += _of_sentence(sentence, on, people, named)
        named = side_named(sentence.text, people) or named
    return _once(sorted(found, key=lambda each: each.start))


def _once(found: list[Commitment]) -> list[Commitment]:
    """A mail that quotes an earlier one promises nothing twice."""
    kept: dict[tuple[str, date | None], Commitment] = {}
    for each in found:
        kept.setdefault((re.sub(r"\W", "", each.text).casefold(), each.due), each)
    return list(kept.values())


def questions(said: list[Sentence]) -> list[Sentence]:
    """What is asked or said to be undecided."""
    return [each for each in said if not each.hostile and (words.OPEN.search(each.text) or _is_question(each.text))]


def is_greeting(text: str) -> bool:
    """Whether nothing is said but hello."""
    return len(text) < 5 or (len(text) < 16 and bool(words.GREETING.search(text)))


def _is_question(text: str) -> bool:
    return bool(re.search(r"[？?]\s*$|吗[。]?$", text))


def _of_row(text: str, row: Row, on: date | None) -> list[Commitment]:
    task, owner, due = (text[begin:end] for begin, end in (row.task, row.owner, row.due))
    dated = mentions(due, on)
    when = _moved(dated[-1], row.due[0]) if dated else None
    return [Commitment(task, *row.task, side_in(owner), owner, when.last if when else None, when)]


def _of_sentence(
    sentence: Sentence, on: date | None, people: Mapping[str, Side], named: Side | None
) -> Iterator[Commitment]:
    if words.QUESTION.search(words.TAG.sub("", sentence.text)):
        return
    clauses = clauses_of(sentence, on, people, named)
    used: set[int] = set()
    for place in range(len(clauses)):
        if place in used or any(each.condition for each in clauses[: place + 1]):
            continue
        group = _group(sentence, clauses, place)
        if group is None:
            continue
        first, last = group
        used |= set(range(first, last + 1))
        yield _made(sentence, clauses, first, place, last)


def _group(sentence: Sentence, clauses: Sequence[Clause], place: int) -> tuple[int, int] | None:
    """The first and the last clause of the promise that this one makes; None when it makes none."""
    clause = clauses[place]
    if clause.dead or clause.event or clause.third or not clause.acts:
        return None
    first = place
    before = clauses[place - 1] if place else None
    term = clause.term
    if before is not None and not before.dead and not before.third:
        if (
            not term
            and before.term
            and (before.event or not before.busy)
            and (not before.actor or clause.actor in (None, before.actor))
        ):
            term, first = True, place - 1  # 培训结束后一周内，我们提供考核结果
        elif clause.actor is None and (before.ask or before.actor) and not _complete(sentence, before):
            first = place - 1  # 请你们把资料整理一份，下周一前发我
    last = place
    after = clauses[place + 1] if place + 1 < len(clauses) else None
    if (
        not term
        and after is not None
        and after.term
        and not (after.actor or after.dead or after.third or after.ask or after.condition)
    ):
        term, last = True, place + 1  # 报告我发给您，周五之前
    if place and first == place and _TOPIC.search(clauses[place - 1].text) and not clauses[place - 1].term:
        first = place - 1  # 上次您提到的备件报价，我下周三前发给您
    settled = sentence.agreed and clause.actor is not None and (clause.vows or not sentence.spoken)
    if (
        not settled
        and not (term and _binding(sentence, clauses[first : last + 1]))
        and not (clause.strong and not clause.ask and not term and _bound(sentence, clause))
    ):
        return None
    while last + 1 < len(clauses) and _goes_on(clauses[last + 1]):
        last += 1
    return first, last


def _complete(sentence: Sentence, clause: Clause) -> bool:
    """Whether a clause is a promise of its own, so that the next one does not belong to it."""
    return clause.acts and clause.term and _binding(sentence, [clause])


def _goes_on(clause: Clause) -> bool:
    """把传感器换掉, and you can ignore the reminder: what belongs to the clause before it."""
    if clause.dead or clause.term or clause.third or clause.condition:
        return False
    return bool(_CONTINUES.match(clause.text) or _IN_CHARGE.match(clause.text)) or (
        clause.actor is None and clause.acts and not clause.ask
    )


def _binding(sentence: Sentence, group: Sequence[Clause]) -> bool:
    """With a term: somebody is named, speaks or is asked, or it is said that it must be done."""
    if any(each.actor or each.ask for each in group):
        return True
    return sentence.spoken or sentence.side != "unclear" or sentence.agreed or any(each.vows for each in group)


def _bound(sentence: Sentence, clause: Clause) -> bool:
    return clause.actor is not None or sentence.agreed or (sentence.spoken and sentence.side != "unclear")


def _made(sentence: Sentence, clauses: Sequence[Clause], first: int, place: int, last: int) -> Commitment:
    start, end = clauses[first].start, clauses[last].end
    said = re.sub(r"[\s，,。；;.！!]*(?:\b(?:and|but|so|then|while))?[\s，,。；;.！!]*$", "", sentence.text[start:end])
    lead = words.LEAD.match(said)
    skip = lead.end() if lead and lead.end() < len(said) else 0
    begin = sentence.start + start + skip
    due = _due(clauses[first : last + 1], place - first)
    when = _moved(due, sentence.start) if due else None
    text = said[skip:]
    charged = [each for each in clauses[place + 1 : last + 1] if _IN_CHARGE.match(each.text) and each.actor]
    owner = charged[0].actor if charged else None
    owner = owner or _owner(sentence, clauses[first : place + 1])
    return Commitment(text, begin, begin + len(text), owner, sentence.speaker, when.last if when else None, when)


def _due(group: Sequence[Clause], acting: int) -> When | None:
    """The day of the clause that acts, the one with a word for a deadline before others, else the one nearest to it."""
    if due := group[acting].due:
        marked = [when for when in due if when.bound]
        return marked[0] if marked else due[-1] if len(due) == 1 or due[-1].start - due[0].end <= 2 else due[0]
    if group[acting].open:
        return None
    found = [when for clause in group for when in clause.due]
    return found[-1] if found else None


def _moved(when: When, by: int) -> When:
    return replace(when, start=when.start + by, end=when.end + by)


def _owner(sentence: Sentence, group: Sequence[Clause]) -> Side:
    """Who is named as acting, else who is asked, else who speaks."""
    said = "".join(each.text for each in group)
    if bracket := re.search(r"[（(]([^（）()]{1,6})[）)]", said):
        side = side_in(bracket[1])
        if side != "unclear":
            return side
    asked = next((each for each in group if each.ask), None)
    named: list[Side] = [each.actor for each in reversed(group) if each.actor is not None]
    if asked is not None:
        return asked.actor or other(sentence.side)
    return named[0] if named else sentence.side
