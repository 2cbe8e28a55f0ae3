"""Which customers and products a text mentions: one pass over all names at once (Aho and Corasick 1975)."""

import unicodedata
from collections.abc import Mapping
from typing import Any

import ahocorasick
from sqlalchemy import Connection

from rag.customers import customers, products


class Mentions:
    """Knows names → entity ids; full-width, upper and lower case are the same, a longer name wins over one within."""

    def __init__(self, names: Mapping[str, str]) -> None:
        self._automaton: Any = ahocorasick.Automaton()
        for name, entity in names.items():
            if key := _folded(name).strip():
                self._automaton.add_word(key, (len(key), entity))
        if len(self._automaton):
            self._automaton.make_automaton()

    def of(self, text: str) -> frozenset[str]:
        """The ids of all that are named; a Latin name must stand alone: TM-8 is not in TM-80."""
        if not len(self._automaton):
            return frozenset()
        folded = _folded(text)
        found = self._automaton.iter_long(folded)
        return frozenset(entity for end, (length, entity) in found if _alone(folded, end - length + 1, end + 1))


def names_of(tx: Connection) -> dict[str, str]:
    """How customers and products are called, in both languages → their ids; a name that two bear is left out."""
    called = [(each.id, (each.name, each.name_en, *each.aliases)) for each in customers(tx)]
    called += [(each.id, (each.name, each.name_en, each.model)) for each in products(tx)]
    bearers: dict[str, set[str]] = {}
    for id_, names in called:
        for name in filter(None, names):
            bearers.setdefault(_folded(name).strip(), set()).add(id_)
    return {name: next(iter(ids)) for name, ids in bearers.items() if len(ids) == 1}


def _folded(text: str) -> str:
    return unicodedata.normalize("NFKC", text).casefold()


def _alone(text: str, start: int, end: int) -> bool:
    return not _joined(text, start) and not _joined(text, end)


def _joined(text: str, place: int) -> bool:
    """Whether a Latin letter or digit stands on both sides of `place`."""
    around = text[max(place - 1, 0) : place + 1]
    return 0 < place < len(text) and around.isascii() and around.isalnum()
