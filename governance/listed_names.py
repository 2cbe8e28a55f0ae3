"""The other ways in which people of the records are written: surname and title, given name, pinyin, first name."""

import re
from collections.abc import Collection, Iterator, Mapping
from functools import lru_cache
from itertools import product
from pathlib import Path

from governance.chinese_likely import vocabulary
from governance.english_cues import ORGANISATION_FOLLOWS
from governance.latin_names import is_also_a_word, is_given
from governance.lexicon import HAN, Lexicon
from governance.surnames import SHORT_TITLES, SURNAME, TITLES

PINYIN_FILE = Path(__file__).with_name("pinyin.txt")
HAN_NAME = re.compile(r"[\u3400-\u9fff]{2,5}")
LATIN_WORD = re.compile(r"[A-ZÀ-Þ][\wÀ-ɏ'’-]*\.?")
LEAST_LATIN = 3  # letters of a first or last name that is looked for alone
MOST_READINGS = 8
MONTHS = frozenset({"May", "June", "April", "August", "March", "January", "Summer", "Autumn", "Spring", "Winter"})
NOT_MEANT_AFTER = re.compile(
    r"(?i)\s+(?:this|that|these|those|you|to|the|it|we|us|all|for|he|she|they|your|our|my|everything|everyone|i|"
    r"there|period|of|"
    r"a|an|as|be|not|have|notes?|down|up|\d)\b"
)
MONTH_BEFORE = re.compile(
    r"(?i)(?:\b(?:in|by|since|until|till|through|from|of|early|late|mid|next|last|this|before|after|during|"
    r"every|and|or|to|"
    r"between)|\d(?:st|nd|rd|th)?|[-–/])[\s-]$"
)
MONTH_AFTER = re.compile(r"\s*(?:,?\s*\d|[-–/]|(?:and|or|to) (?:January|February|March|April|May|June|July|August)\b)")


@lru_cache(maxsize=1)
def _readings() -> Mapping[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for line in PINYIN_FILE.read_text(encoding="utf-8").splitlines():
        if not line.startswith("#"):
            syllable, chars = line.split()
            for char in chars:
                found[char] = (*found.get(char, ()), syllable)
    return found


def pinyin(name: str) -> Iterator[str]:
    """王小明 as Wang Xiaoming, Xiaoming Wang and Wang Xiao Ming, in the readings that names have."""
    surname = SURNAME.match(name)
    if surname is None or not 1 <= len(name) - surname.end() <= 2:
        return
    choices = [_readings().get(char, ()) for char in name]
    if not all(choices):
        return
    for syllables in list(product(*choices))[:MOST_READINGS]:
        for spelled in {syllables, tuple(s.replace("v", "u") for s in syllables)}:
            family, given = "".join(spelled[: surname.end()]), spelled[surname.end() :]
            yield f"{family} {''.join(given)}"
            yield f"{''.join(given)} {family}"
            if len(given) > 1:
                yield f"{family} {' '.join(given)}"
                yield f"{' '.join(given)} {family}"
                yield f"{family} {'-'.join(given)}"
                yield f"{'-'.join(given)} {family}"


def meant(text: str, start: int, end: int) -> bool:
    """Whether a listed name that is also an English word stands for the person: not in Hope this helps, in May."""
    if NOT_MEANT_AFTER.match(text, end):
        return False
    if text[start:end] not in MONTHS:
        return True
    return not (MONTH_BEFORE.search(text, max(0, start - 12), start) or MONTH_AFTER.match(text, end))


class OtherForms:
    """Finds the derived forms of listed names; whose they are is not said, since several people may be called so."""

    def __init__(self, names: Collection[str]) -> None:
        latin: set[str] = set()
        given: set[str] = set()
        surnames: set[str] = set()
        for name in names:
            if HAN_NAME.fullmatch(name) and (surname := SURNAME.match(name)):
                surnames.add(surname[0])
                if len(first := name[surname.end() :]) == 2 and first not in vocabulary():
                    given.add(first)
                latin.update(pinyin(name))
            elif not HAN.search(name):
                latin.update(_latin_forms(name))
        self._given, self._latin = Lexicon(given), Lexicon(latin)
        titles = rf"(?:{'|'.join(sorted(surnames))})副?(?:{TITLES}|{SHORT_TITLES})(?![长理员置方级部分位务])"
        self._titled = (
            re.compile(
                rf"(?<![\u3400-\u9fff])(?:{titles})|(?<=[找请问给跟和与让叫科部处室院的是听约见由，。])(?:{titles})|"
                rf"[老小](?:{'|'.join(sorted(surnames))})(?![\u3400-\u9fff])"
            )
            if surnames
            else None
        )

    def find(self, text: str, borders: Collection[int]) -> Iterator[tuple[int, int]]:
        """Places of the other forms; `borders` are where words begin in Chinese."""
        for start, end, _ in self._given.find(text):
            if start in borders and (end in borders or end == len(text)):
                yield start, end
        for start, end, _ in self._latin.find(text):
            found = text[start:end]
            if any(char.isupper() for char in found) and not ORGANISATION_FOLLOWS.match(text[end:]):
                yield start, end
        if self._titled:
            yield from (match.span() for match in self._titled.finditer(text))


def _latin_forms(name: str) -> Iterator[str]:
    """Siobhan Garrity as Siobhan, Garrity, S. Garrity, Siobhan G."""
    words = LATIN_WORD.findall(name)
    if len(words) < 2:
        return
    first, last = words[0], words[-1]
    yield from (f"{first} {last}", f"{last} {first}", f"{first[0]} {last}", f"{first} {last[0]}")
    for alone in (first, last):
        if len(alone) >= LEAST_LATIN and not is_also_a_word(alone) and (alone is last or is_given(alone)):
            yield alone
