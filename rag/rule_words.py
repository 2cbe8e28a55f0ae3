"""What a regular expression cannot do without: its alternatives, and the words one of which a text must hold."""

import importlib
import re
from functools import lru_cache
from typing import Any

MOST = 64  # words that stand for one alternative; more are no help
_parser: Any = importlib.import_module("re._parser")


@lru_cache(maxsize=4096)
def alternatives(pattern: str) -> tuple[str, ...]:
    """The pattern at its outermost `|`."""
    parts, depth, start, position, in_class = [], 0, 0, 0, False
    while position < len(pattern):
        sign = pattern[position]
        if sign == "\\":
            position += 1
        elif in_class:
            in_class = sign != "]"
        elif sign == "[":
            in_class = True
            position += pattern[position + 1 : position + 2] == "]"
        elif sign in "()":
            depth += 1 if sign == "(" else -1
        elif sign == "|" and not depth:
            parts.append(pattern[start:position])
            start = position + 1
        position += 1
    return (*parts, pattern[start:])


@lru_cache(maxsize=8192)
def words(pattern: str) -> frozenset[str]:
    """Words in lower case, one of which every match holds; empty when nothing can be said."""
    exact, needed = _look(_parser.parse(pattern, re.IGNORECASE))
    found = needed if exact is None else exact if exact and "" not in exact else None
    return frozenset(word.lower() for word in found or ())


Words = frozenset[str]


def _look(parsed: Any) -> tuple[Words | None, Words | None]:
    """All texts that it matches, when they are few; and words one of which it needs."""
    run: Words = frozenset({""})
    whole, best = True, None
    for operation, argument in parsed:
        exact, needed = _item(str(operation), argument)
        if exact is not None and len(exact) * len(run) <= MOST:
            run = frozenset(left + right for left in run for right in exact)
            continue
        best, whole, run = _better(_better(best, run), needed or exact), False, frozenset({""})
    return (run if whole else None), _better(best, run)


def _item(operation: str, argument: Any) -> tuple[Words | None, Words | None]:
    if operation == "LITERAL":
        return frozenset({chr(argument)}), None
    if operation == "IN" and len(argument) <= 12 and all(str(kind) == "LITERAL" for kind, _ in argument):
        return frozenset(chr(code) for _, code in argument), None
    if operation in ("ASSERT", "ASSERT_NOT", "AT"):
        return frozenset({""}), None
    if operation == "SUBPATTERN":
        return _look(argument[-1])
    if operation == "BRANCH":
        return _branches(argument[1])
    if operation == "MAX_REPEAT":
        least, most, body = argument
        exact, needed = _look(body)
        if int(most) == 1 and exact is not None:
            return (exact if least else exact | {""}), None
        return None, (needed or exact) if least else None
    return None, None


def _branches(bodies: Any) -> tuple[Words | None, Words | None]:
    exact: Words = frozenset()
    needed: Words | None = frozenset()
    whole = True
    for body in bodies:
        one, least = _look(body)
        whole = whole and one is not None
        exact |= one or frozenset()
        mine = one if one and "" not in one else least if one is None else None
        needed = needed | mine if needed is not None and mine else None
    return (exact if whole and len(exact) <= MOST else None), needed


def _better(one: Words | None, other: Words | None) -> Words | None:
    usable = [found for found in (one, other) if found and "" not in found]
    return max(usable, key=lambda found: (min(min(map(len, found)), 3), -len(found)), default=None)
