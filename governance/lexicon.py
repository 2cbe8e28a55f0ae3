"""Finds given names in a text: a set with sliding windows, whose time does not grow with the number of names."""

import re
from collections.abc import Collection, Iterator
from itertools import pairwise

from governance.identifiers import HALF_WIDTH

COVER = "■"  # stands for every character of a token while a text is analysed: no model takes it for a name
HAN = re.compile(r"[\u3400-\u9fff]")
# 王　芳 in an aligned table, and characters that nobody sees
_GAP = re.compile(r"(?<=[\u3400-\u9fff])[ \t\u3000\u00a0]{1,4}(?=[\u3400-\u9fff])|[\u200b\u200c\u200d\ufeff]+")
_WORD = re.compile(r"[0-9A-Za-zÀ-ɏ]+(?:['’.-][0-9A-Za-zÀ-ɏ]+)*")
_SAME_LENGTH = HALF_WIDTH | {ord(dot): "·" for dot in "•・‧"}


def lexical_key(term: str) -> str:
    """What counts as the same term: Chinese without gaps; Latin words in any case, a single one as it is."""
    term = term.translate(_SAME_LENGTH).strip()
    if HAN.search(term):
        return _GAP.sub("", term)
    words = _WORD.findall(term)
    return " ".join(words).casefold() if len(words) > 1 else "".join(words)


class Lexicon:
    """Terms of at least two characters; shorter ones are left out."""

    def __init__(self, terms: Collection[str]) -> None:
        keys = {key for term in terms if len(key := lexical_key(term)) > 1}
        self._han = frozenset(key for key in keys if HAN.search(key))
        self._latin = frozenset(keys - self._han)
        self._starts = frozenset(key[0] for key in self._han)
        self._lengths = sorted({len(key) for key in self._han}, reverse=True)
        self._word_counts = sorted({key.count(" ") + 1 for key in self._latin}, reverse=True)

    def find(self, text: str) -> list[tuple[int, int, str]]:
        """(start, end, key) of the longest terms from the left, without overlap within a script."""
        text = text.translate(_SAME_LENGTH)
        return [*self._find_han(text), *self._find_latin(text)] if text else []

    def _find_han(self, text: str) -> Iterator[tuple[int, int, str]]:
        gone = {i for match in _GAP.finditer(text) for i in range(*match.span())} if self._han else set[int]()
        places = [i for i in range(len(text)) if i not in gone] if gone else range(len(text))
        compact = "".join(text[i] for i in places) if gone else text
        i = 0
        while i < len(compact):
            step = 1
            if compact[i] in self._starts:
                for length in self._lengths:
                    if (key := compact[i : i + length]) in self._han:
                        yield places[i], places[i + len(key) - 1] + 1, key  # shorter than `length` at the end
                        step = len(key)
                        break
            i += step

    def _find_latin(self, text: str) -> Iterator[tuple[int, int, str]]:
        if not self._latin:
            return
        words = [(match.start(), match.end(), match.group()) for match in _WORD.finditer(text)]
        i = 0
        while i < len(words):
            step = 1
            for count in self._word_counts:
                run = words[i : i + count]
                if len(run) < count or any(_apart(text, a, b) for a, b in pairwise(run)):
                    continue
                key = " ".join(word for _, _, word in run)
                if (key := key.casefold() if count > 1 else key) in self._latin:
                    yield run[0][0], run[-1][1], key
                    step = count
                    break
            i += step


def _apart(text: str, one: tuple[int, int, str], other: tuple[int, int, str]) -> bool:
    """Whether more than white space, or the dot of an initial, stands between two words."""
    between = text[one[1] : other[0]].strip()
    return bool(between) and not (between == "." and one[1] - one[0] == 1)
