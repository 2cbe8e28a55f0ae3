"""Names of people in Latin letters that many languages know, and which of them are words as well."""

import unicodedata
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

FILE = Path(__file__).with_name("latin_names.txt")
_LETTERS = str.maketrans({"ø": "o", "Ø": "O", "ł": "l", "Ł": "L", "ß": "ss", "æ": "ae", "Æ": "Ae", "’": "'"})


@lru_cache(maxsize=1)
def _names() -> Mapping[str, frozenset[str]]:
    lists: dict[str, set[str]] = {}
    title = ""
    for line in FILE.read_text(encoding="ascii").splitlines():
        if line.startswith("["):
            title = line.strip("[]")
        elif not line.startswith("#"):
            lists.setdefault(title, set()).update(line.split())
    return {title: frozenset(names) for title, names in lists.items()}


@lru_cache(maxsize=8192)
def plain(word: str) -> str:
    """Lower case without accents, as in the lists."""
    return unicodedata.normalize("NFKD", word.translate(_LETTERS)).encode("ascii", "ignore").decode().lower()


def is_given(word: str) -> bool:
    """A given name that is hardly ever a word."""
    return (name := plain(word)) in _names()["given"] and name not in _names()["also words"]


def is_family(word: str) -> bool:
    """A name that many people have, after another or alone; the parts of a double one count."""
    lists = _names()
    known = (lists["given"], lists["family"], lists["also words"])
    name = plain(word)
    return any(part in names for names in known for part in (name, *name.split("-")) if len(part) > 1)


def is_also_a_word(word: str) -> bool:
    """Hope, Mark, May: a name only where a person is meant."""
    return plain(word) in _names()["also words"]
