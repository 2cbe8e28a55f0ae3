"""Whether a span still says what a rewording of it says: by values, names, negation, modality and words, no model."""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from functools import cache
from typing import Literal

from eval.values import canonical_values
from rag.company import SLOT
from rag.tokens import tokens_of

Failure = Literal["values", "names", "negation", "modality", "words", "lost", "form"]
_NEGATIONS = re.compile(
    r"不得|不可|不能|不许|不准|不要|不会|不是|不应|没有|禁止|严禁|并非|未|无|勿|没|不|非(?!常)"
    r"|\b(?:not|no|never|without|neither|nor|none|cannot|forbidden|prohibited)\b|n't\b",
    re.IGNORECASE,
)
_MODALITIES: Sequence[tuple[str, re.Pattern[str]]] = [
    (name, re.compile(pattern, re.IGNORECASE))
    for name, pattern in (
        ("must", r"必须|应当|务必|须|应(?![用对])|需要?|\b(?:must|shall|should|ha(?:s|ve) to|needs? to|required)\b"),
        ("may", r"可以|允许|可(?!能|靠|疑)|能够|\b(?:may|can|could|allowed)\b"),
        ("perhaps", r"可能|或许|也许|大约|约|左右|预计|\b(?:might|perhaps|about|around|approximately|expected)\b"),
        ("least", r"至少|不少于|不低于|以上|起\b|\b(?:at least|or more|no less than|from)\b"),
        ("most", r"至多|最多|不超过|不高于|以内|以下|\b(?:at most|up to|no more than|within)\b"),
        ("only", r"只|仅|唯一|\bonly\b"),
        ("all", r"全部|所有|任何|每|\b(?:all|any|every|each)\b"),
        ("if", r"如果|若|如(?![下何])|除非|除外|\b(?:if|unless|except)\b"),
    )
]
_LATIN = re.compile(r"[A-Za-z][A-Za-z'-]*")
_NAME = re.compile(r"(?<![.!?。！？]\s)(?<!^)\b[A-Z][\w-]+|(?:人员|电话|邮箱|地址|微信)\d+")
_HAN_RUN = re.compile(r"[\u4e00-\u9fff]+")
_EMPTY = frozenset(
    re.findall(
        r"\w+",
        "the a an of to in on at for and or is are was were be been being it its this that these those with by as from "
        "there which who what when where how does do did has have had will would your you we our they their",
    )
)
_EMPTY_HAN = frozenset(
    re.findall(r"\S+", "资料 内容 以及 并且 而且 或者 还是 如下 其中 进行 什么 哪些 多少 怎么 如何 是否")
)
_EMPTY_SIGNS = frozenset(
    "的了和是在有为与及也都就请您你我他它们这那其该于由对把被将以而或并且吗呢吧啊呀着过地得之所中里上下个"
)


def failure(span: str, reworded: str, *, context: str = "") -> Failure | None:
    """
    Why a rewording is not accepted; None when the span entails it.

    Everything that it says must be in the span (a word also in `context`, the question asked), and every value of the
    span must still be said. It is strict: a good synonym is refused, and the span itself is used instead.
    """
    if not reworded.strip() or "\n\n" in reworded or len(reworded) > 3 * len(span) + 40:
        return "form"
    if Counter(SLOT.findall(reworded)) != Counter(SLOT.findall(span)):
        return "values"
    bare, plain = SLOT.sub(" ", span), SLOT.sub(" ", reworded)
    if canonical_values(plain) != canonical_values(bare):
        return "values"
    if not set(_NAME.findall(reworded)) <= set(_words_as_written(f"{span} {context}")):
        return "names"
    if _counted(_NEGATIONS, bare) != _counted(_NEGATIONS, plain):
        return "negation"
    if _modality(bare) != _modality(plain):
        return "modality"
    if not _content(plain) <= _known(f"{bare} {SLOT.sub(' ', context)}", _content(plain)):
        return "words"
    kept = _content(bare)
    return "lost" if len(kept - _known(plain, kept)) * 3 > len(kept) else None


def asks_the_same(question: str, reworded: str, passage: str) -> bool:
    """Whether a reworded question brings in no value, name, negation or word of its own."""
    if not reworded.strip() or "\n" in reworded or len(reworded) > 3 * len(question) + 40:
        return False
    around = f"{passage} {question}"
    said, plain = SLOT.findall(reworded), SLOT.sub(" ", reworded)
    return (
        set(SLOT.findall(question)) == set(said)
        and canonical_values(plain) <= canonical_values(SLOT.sub(" ", around))
        and _counted(_NEGATIONS, question) == _counted(_NEGATIONS, reworded)
        and set(_NAME.findall(reworded)) <= set(_words_as_written(around))
        and _content(SLOT.sub(" ", question)) <= _known(plain, _content(SLOT.sub(" ", question)))
    )


def _counted(pattern: re.Pattern[str], text: str) -> int:
    return len(pattern.findall(text))


def _modality(text: str) -> frozenset[str]:
    return frozenset(name for name, pattern in _MODALITIES if pattern.search(text))


def _words_as_written(text: str) -> Iterable[str]:
    yield from re.findall(r"[\w-]+", text)
    yield from _NAME.findall(text)


@cache
def _content(text: str) -> frozenset[str]:
    """Words that carry meaning; those that only join others are left out."""
    latin = {_stem(word) for word in _LATIN.findall(text)} - {_stem(word) for word in _EMPTY}
    words = {word for run in _HAN_RUN.findall(text) for word in tokens_of(run)}
    return frozenset(latin | (words - _EMPTY_HAN - _EMPTY_SIGNS))


def _known(text: str, words: frozenset[str]) -> frozenset[str]:
    """Of `words` those that a text holds, in whatever way it is cut."""
    stems = {_stem(word) for word in _LATIN.findall(text)}
    return frozenset(word for word in words if word in stems or (not word.isascii() and word in text))


def _stem(word: str) -> str:
    return re.sub(r"(?:ies|es|s|ing|ed|ly|e)$", "", word.lower()) or word.lower()
