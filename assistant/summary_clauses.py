"""A sentence → its clauses, each with who acts, the days in it and whether it promises. Pure."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date

from assistant import summary_words as words
from assistant.summary_dates import When, mentions
from assistant.summary_reading import Sentence
from assistant.summary_sides import CUSTOMER, OURS, Side, named_person, other, side_in

_CUT = re.compile(
    r"[，,；;](?!\s*(?:(?:19|20)\d\d\b|\d{1,2}(?:st|nd|rd|th)?\s+[A-Z]|[A-Z][a-z]{2,8}\s+\d))(?=\s*\S)|—+"
    r"|\b(?:and|but|so|then|while) (?=(?:we|i|our|you|your|they|the (?:hospital|supplier|customer|engineer))(?:'ll)?\b)"
    r"|(?<=[\u4e00-\u9fff])\s+(?=[\u4e00-\u9fff])",
    re.IGNORECASE,
)
_THING = re.compile(r"^(?:it|that|this|there|the price|the fee|delivery|which)\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Clause:
    """
    Characters `start` up to `end` of the sentence. `actor`: the side that is named as acting, None for nobody; `third`:
    somebody who belongs to neither side acts. `due`: days until which; `open`: a term that names no day.
    """

    text: str
    start: int
    end: int
    actor: Side | None
    third: bool
    ask: bool
    due: tuple[When, ...]
    open: bool
    acts: bool
    vows: bool
    strong: bool
    dead: bool
    event: bool
    condition: bool

    @property
    def busy(self) -> bool:
        """Whether it tells of something else on that day: 院里8月要审计."""
        only_term = words.ONLY_TERM.search(self.text.rstrip(" ，,；;。"))
        return not only_term and (self.acts or bool(words.STATIVE_ZH.search(self.text)))

    @property
    def term(self) -> bool:
        return bool(self.due) or self.open


def clauses_of(
    sentence: Sentence, on: date | None, people: Mapping[str, Side], named: Side | None = None
) -> list[Clause]:
    """In order; commas inside a date cut nothing. `named`: the side of whom the sentence before names."""
    text = words.TAG.sub("", sentence.text)
    dated = mentions(text, sentence.day or on)
    cuts = [match.end() for match in _CUT.finditer(text)]
    found: list[Clause] = []
    for start, end in zip([0, *cuts], [*cuts, len(text)], strict=True):
        if text[start:end].strip(" ，,；;"):
            inside = [when for when in dated if start <= when.start < end]
            clause = _clause(sentence, text, start, end, inside, on, people)
            if clause.third and named is not None and words.PRONOUN.search(clause.text):
                clause = replace(clause, third=False, actor=named)
            found.append(clause)
    return found


def _clause(
    sentence: Sentence,
    text: str,
    start: int,
    end: int,
    inside: Sequence[When],
    on: date | None,
    people: Mapping[str, Side],
) -> Clause:
    said = text[start:end].strip()
    chinese = bool(re.search(r"[\u4e00-\u9fff]", said))
    day = sentence.day or on
    due = tuple(when for when in inside if _is_term(text, when, day))
    open_ = bool(words.OPEN_TERM.search(said)) or any(_is_after(text, when) for when in inside)
    actor, third = _actor(sentence, said, people)
    ask = bool(words.ASK.search(said)) and not words.ASKS_NOTHING.search(said)
    bare = re.sub(r"不[^，。的]{1,6}的", "", said)
    if chinese:
        acts = bool(words.ACT_ZH.search(said)) and not words.ONLY_TERM.search(said.rstrip(" ，,；;。"))
        acts = acts or (bool(due) and actor is not None and not words.STATIVE_ZH.search(said))
        vows = bool(words.VOW_ZH.search(said))
        strong = bool(words.STRONG_ZH.search(said)) and bool(words.DELIVERS_ZH.search(said))
        strong = strong or (acts and actor is not None and bool(words.PLEDGE_ZH.search(said)))
        dead = bool(words.NOT_ZH.search(bare) or words.HEDGE_ZH.search(said) or words.PAST_ZH.search(said))
    else:
        acts, vows, strong = _english(said, actor, ask, bool(due))
        dead = bool(
            words.NOT_EN.search(said) or words.HEDGE_EN.search(said) or (words.PAST_EN.search(said) and not vows)
        )
    dead = dead or bool(words.REPORTS.search(said))
    if words.SAID_WOULD.search(said):
        acts, vows = True, True
        dead = bool(words.NOT_EN.search(said))
    event = bool(words.EVENT.search(said)) and not vows and actor is None
    return Clause(
        said,
        start,
        end,
        actor,
        third,
        ask,
        due,
        open_,
        acts,
        vows,
        strong,
        dead,
        event,
        bool(words.CONDITION.search(said)),
    )


def _english(said: str, actor: Side | None, ask: bool, due: bool) -> tuple[bool, bool, bool]:
    """Acts, vows, and vows in so many words."""
    bare = words.LEAD.sub("", said)
    thing = bool(_THING.match(bare)) and not words.PASSIVE_EN.search(bare)
    vows = bool(words.WILL_EN.search(said)) and not words.STATIVE_EN.search(said) and not thing
    agreed = (
        bool(re.search(r"\bto (?:\w+)\b", bare))
        and actor is not None
        and bool(
            re.match(
                r"(?:the )?(?:(?!need|want|like|hope|try|plan|have|has|used|able|wish|love|prefer)\w+ ){1,6}to \w+",
                bare,
            )
        )
    )
    plain = (
        actor is not None
        and bool(re.match(r"(?:\W|\w+[ ,]+){0,6}?(?:\w+)\b", bare))
        and bool(words.DELIVER_EN.search(re.sub(r"(?<=[a-z])(?:e?s)\b", "", bare)) or words.DELIVER_EN.search(bare))
    )
    plain = (plain and not words.STATIVE_PLAIN_EN.search(bare)) or (
        due and actor is not None and not words.STATIVE_PLAIN_EN.search(bare)
    )
    passive = bool(words.PASSIVE_EN.search(said))
    acts = not thing and (vows or agreed or plain or passive or (ask and bool(words.DELIVER_EN.search(said))))
    first = bool(re.search(r"\b(?:i|we)(?:'ll| (?:will|shall))\b|\bour \w+(?: \w+)? will\b", said, re.IGNORECASE))
    will = actor in ("ours", "customer", "both") and vows and bool(words.WILL_EN.search(said))
    strong = (first or will) and vows and bool(words.DELIVER_EN.search(_after_will(said)))
    return acts, vows or agreed, strong


def _after_will(said: str) -> str:
    match = words.WILL_EN.search(said)
    return " ".join(said[match.end() :].split()[:4]) if match else ""


def _is_term(text: str, when: When, on: date | None) -> bool:
    """明年的保养计划 names a plan, 五一之后 a beginning: neither is a day until which something is due."""
    ahead = on is None or when.last >= on
    ahead = ahead and not re.search(r"morning|今早|今天早上|last night", text[when.start : when.end], re.IGNORECASE)
    return ahead and text[when.end : when.end + 1] != "的" and not _is_after(text, when)


def _is_after(text: str, when: When) -> bool:
    after = bool(words.AFTER.match(text, when.end)) or bool(words.AFTER_EN.search(text, 0, when.start))
    after = after or bool(re.match(r"(?:after|from|since)\b", text[when.start : when.end], re.IGNORECASE))
    return after and not re.search(r"后|内|\bin\b|within", text[when.start : when.end])


def _actor(sentence: Sentence, said: str, people: Mapping[str, Side]) -> tuple[Side | None, bool]:
    """Who is named first as the one who acts; whoever is only given something does not act."""
    if words.BOTH.search(said) or _both_named(said, people):
        return "both", False
    if words.RECEIVES.search(said):
        return _own(sentence), False
    if by := words.BY.search(said):
        named = side_in(said[by.end() : by.end() + 10])
        person = named_person(said[by.end() : by.end() + 10], people)
        if named != "unclear" or person:
            return (named if named != "unclear" else person[1] if person else None), False
        if re.match(r"(?:我们|我)", said[by.end() :]):
            return _own(sentence), False
    found: list[tuple[int, Side | None]] = []
    named_sides: tuple[tuple[re.Pattern[str], Side], ...] = ((OURS, "ours"), (CUSTOMER, "customer"))
    for pattern, side in named_sides:
        found.extend((m.start(), side) for m in pattern.finditer(said) if _acts_itself(said, m))
    found.extend((m.start(), _own(sentence)) for m in words.FIRST.finditer(said) if not _possessed(said, m))
    found.extend((m.start(), other(_own(sentence))) for m in words.SECOND.finditer(said) if _acts_itself(said, m))
    found.extend((m.start(), None) for m in words.THIRD.finditer(said) if _acts_itself(said, m))
    person = named_person(said, people)
    if person and not re.search(r"[与和跟给向对把同]$", said[: person[0]]):
        found.append(person)
    elif titled := words.TITLED.search(said):
        found.append((titled.start(), "customer"))
    if not found:
        return None, False
    first = min(found, key=lambda each: each[0])[1]
    return first, first is None


def side_named(said: str, people: Mapping[str, Side]) -> Side | None:
    """Of the person whom a sentence names, for the "he" of the next one."""
    if person := named_person(said, people):
        return person[1]
    return "customer" if words.TITLED.search(said) else None


def _both_named(said: str, people: Mapping[str, Side]) -> bool:
    """Ingrid and Dr Hale will …: one of each side."""
    joined = re.match(r"^\W*(?:\S+\s){1,3}and\s(?:\S+\s){1,3}|^[^，。]{1,8}[和与、][^，。]{1,8}", said)
    if joined is None:
        return False
    sides = {
        side
        for name, side in people.items()
        if re.search(rf"(?<!\w){re.escape(name)}(?!\w)" if name.isascii() else name, joined[0])
    }
    return {"ours", "customer"} <= sides


def _own(sentence: Sentence) -> Side:
    """The side that says "we"; minutes are written by us."""
    return sentence.side if sentence.side != "unclear" else "ours"


def _possessed(said: str, match: re.Match[str]) -> bool:
    return said[match.end() : match.end() + 1] == "的"


def _acts_itself(said: str, match: re.Match[str]) -> bool:
    """Not 提供给院方, 交给采购中心, 信息科的接口文档, to the hospital, send you."""
    before = said[max(0, match.start() - 8) : match.start()]
    if re.search(
        r"(?:给|向|跟|和|与|对|到|往|把|为|替|让|至|交|送|发|联系|通知|告诉|陪|找|问|帮|去|在|达|予|请)$", before
    ):
        return bool(re.search(r"请$", before))
    if re.search(
        r"\b(?:to|for|with|at|from|of|in|by|send|give|let|get|call|phone"
        r"|text|email|show|tell|from the|to the|for the|at the|in the|with the"
        r"|of the|by the|visit|visit the|and)\s+$",
        before,
        re.IGNORECASE,
    ):
        return bool(re.search(r"\bby\s+$", before))
    return not _possessed(said, match)
