"""Conversations in a passage: whose turn it is, and which turn is our answer to a customer's question."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

_TOKEN = r"\[\[p_[0-9a-f]{16}\.\w+\]\]"
_TURN = re.compile(rf"^((?:{_TOKEN}|[^：:。，,？?!！\n\[\]]){{1,24}})[：:]\s*(\S.*)$")
_NUMBER = r"\s?[A-Za-z0-9一二三甲乙]?"
_CUSTOMER = re.compile(
    rf"(?:客户|顾客|用户|甲方|来电人|患者|医院|院方|采购|买方){_NUMBER}"
    rf"|(?:customer|client|caller|buyer|hospital|patient|prospect){_NUMBER}",
    re.IGNORECASE,
)
_OURS = re.compile(
    rf"(?:销售|我方|乙方|代表|客服|坐席|顾问|工程师|服务热线|卖方|业务员){_NUMBER}|(?:销售代表|客户经理|客服人员|销售顾问){_NUMBER}"
    rf"|(?:sales|rep|sales rep|representative|agent|support|seller|engineer|account manager){_NUMBER}",
    re.IGNORECASE,
)
_INTRODUCED = re.compile(
    rf"(?:销售代表|客户经理|业务员|我方|客服|销售|sales rep(?:resentative)?|rep)\s?({_TOKEN})", re.IGNORECASE
)
_BRACKETS = re.compile(r"[（(]([^（）()]+)[）)]")
_SPOKEN = re.compile(r"[。！？!?.]$")
_ASKS = re.compile(r"[？?][”\"』」)）]?\s*$")


@dataclass(frozen=True, slots=True)
class Turn:
    """`place`: which line of the passage, `at`: where in that line the words begin."""

    speaker: str
    words: str
    place: int
    at: int


def turns(lines: Sequence[str]) -> list[Turn]:
    """
    The turns of a conversation; none when the lines are a table or a form instead.

    A conversation has two speakers or more, and either labels that say who is who or somebody who speaks again.
    """
    found = [
        Turn(match[1].strip(), match[2], place, match.start(2))
        for place, line in enumerate(lines)
        if (match := _TURN.match(line))
    ]
    speakers = [turn.speaker for turn in found]
    known = {speaker for speaker in speakers if role(speaker)}
    spoken = [turn for turn in found if turn.speaker in known or speakers.count(turn.speaker) > 1 or _is_person(turn)]
    distinct = {turn.speaker for turn in spoken}
    talks = len(known) > 1 or any(speakers.count(speaker) > 1 for speaker in distinct) or all(map(_is_person, spoken))
    return spoken if len(distinct) > 1 and talks and any(_SPOKEN.search(turn.words) for turn in spoken) else []


def answers(spoken: Sequence[Turn], ours: Iterable[str] = ()) -> Iterator[tuple[Turn, Turn]]:
    """
    Question and answer: somebody asks who is not one of us, and the next turn is somebody else's who is no customer.

    `ours`: speakers known to be our own people from elsewhere in the document.
    """
    own = set(ours)
    for asked, answered in pairwise(spoken):
        who, replies = (
            "ours" if turn.speaker in own else role(turn.speaker) or ("customer" if own else "")
            for turn in (asked, answered)
        )
        if asked.speaker == answered.speaker or answered.place != asked.place + 1:
            continue
        if _ASKS.search(asked.words) and who != "ours" and replies != "customer":
            yield asked, answered


def role(speaker: str) -> str:
    """Whether the label, or what it says in brackets, is of a "customer" or of "ours"; empty when it does not say."""
    said = [speaker, *_BRACKETS.findall(speaker)]
    if any(_CUSTOMER.fullmatch(each.strip()) for each in said):
        return "customer"
    return "ours" if any(_OURS.fullmatch(each.strip()) for each in said) else ""


def introduced(texts: Iterable[str]) -> frozenset[str]:
    """The people, as tokens, whom a document introduces as our own."""
    return frozenset(match[1] for text in texts for match in _INTRODUCED.finditer(text))


def _is_person(turn: Turn) -> bool:
    return bool(re.fullmatch(_TOKEN, turn.speaker))
