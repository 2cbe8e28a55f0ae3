"""A text → what a summary says of it: chosen sentences in order, commitments, questions, days. Pure."""

import math
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from assistant.summary_commitments import Commitment, commitments, is_greeting, questions
from assistant.summary_dates import When, mentions
from assistant.summary_reading import Sentence, sentences
from governance.errors import Language
from rag.blocks import language_of
from rag.dates import find_date
from rag.tokens import tokens_of

LONGEST = 120_000  # characters of a text that are summarised; what follows is not read, and said so
FEWEST, MOST = 2, 8
_HEADER_DAY = re.compile(
    r"^\s*(?:会议)?(?:日期|时间|发送时间|date|sent)\s*[:：]\s*(?P<day>.+)$", re.IGNORECASE | re.MULTILINE
)
_CUES = re.compile(
    r"决定|同意|确认|要求|希望|问题|故障|投诉|预算|价格|报价|合同|到期|验收|付款|承诺|负责"
    r"|\b(?:decided|agreed|confirm\w*|requires?|problem|fail\w*|complain\w*|budget|price|contract|payment|tender)\b",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Digest:
    """
    All by their places in the text. `orders`: sentences that give orders to the reader, quoted and used for nothing.

    `day` is the day of the text, None when nothing says it. `cut`: how many characters were not read.
    """

    language: Language
    day: date | None
    key: tuple[Sentence, ...]
    commitments: tuple[Commitment, ...]
    questions: tuple[Sentence, ...]
    days: tuple[When, ...]
    orders: tuple[Sentence, ...]
    participants: tuple[tuple[str, str], ...]  # label of who speaks, and his side
    cut: int = 0


def digest(text: str, day: date | None = None) -> Digest:
    """`day`: of the conversation; None: what the text's own header says."""
    read = text[:LONGEST]
    on = day or _own_day(read)
    said = sentences(read)
    usable = [each for each in said if not each.hostile]
    promised = commitments(read, said, on)
    speakers = {each.speaker: each.side for each in said if each.speaker and not each.hostile}
    hidden = [(each.start, each.end) for each in said if each.hostile]
    days = [when for when in mentions(read, on) if not any(a <= when.start < b for a, b in hidden)]
    return Digest(
        language_of([read]),
        on,
        tuple(_key(usable, promised)),
        tuple(promised),
        tuple(questions(usable)),
        tuple({when.last: when for when in reversed(days)}[last] for last in dict.fromkeys(w.last for w in days)),
        tuple(each for each in said if each.hostile),
        tuple(speakers.items()),
        len(text) - len(read),
    )


def _own_day(text: str) -> date | None:
    for match in _HEADER_DAY.finditer(text[:4_000]):
        if day := find_date(match["day"]):
            return day
    return None


def _key(said: Sequence[Sentence], promised: Sequence[Commitment]) -> list[Sentence]:
    """The sentences that share most with the others, weighted by rarity, with a bonus for place and cues."""
    once = {each.text: each for each in reversed(said) if not is_greeting(each.text)}  # what is repeated is said once
    worth = sorted(once.values(), key=lambda each: each.start)
    if not worth:
        return []
    bags = [Counter(tokens_of(each.text)) for each in worth]
    spread = Counter(word for bag in bags for word in bag)
    rarity = {word: math.log(1 + len(bags) / count) for word, count in spread.items()}
    centre: Counter[str] = Counter()
    for bag in bags:
        centre.update(bag.keys())
    scores = [_score(bag, rarity, centre, place, len(bags)) for place, bag in enumerate(bags)]
    bound = [any(c.start < each.end and each.start < c.end for c in promised) for each in worth]
    scores = [
        score + 0.5 * bool(_CUES.search(each.text)) + 0.3 * made + 0.2 * bool(re.search(r"\d", each.text))
        for score, each, made in zip(scores, worth, bound, strict=True)
    ]
    wanted = max(FEWEST, min(MOST, round(len(worth) / 3)))
    best = sorted(range(len(worth)), key=lambda place: (-scores[place], place))[:wanted]
    return [worth[place] for place in sorted(best)]


def _score(bag: Counter[str], rarity: dict[str, float], centre: Counter[str], place: int, count: int) -> float:
    """Between 0 and about 1, whatever the length."""
    weight = sum(rarity[word] ** 2 for word in bag)
    if not weight:
        return 0.0
    shared = sum(rarity[word] * (centre[word] - 1) for word in bag) / (len(bag) * max(1, count - 1))
    early = 0.3 if place == 0 else 0.15 if place < 3 else 0.0
    return min(1.0, shared * 4) + early + min(0.3, math.sqrt(weight) / 40)
