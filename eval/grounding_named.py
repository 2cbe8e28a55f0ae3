"""Whether some texts hold a name: as it stands, shortened, in pinyin; and what is nearly one of theirs."""

import re
from collections.abc import Sequence

from pypinyin import lazy_pinyin

from eval.grounding_names import (
    BARE_ORG,
    COMMON_SURNAMES,
    DEPARTMENTS,
    EDGE,
    HAN_ONLY,
    HOUSE,
    KIND,
    NOT_PERSON,
    ORDINALS,
    PERSON,
    RANKED,
    SURNAMES,
    Name,
    names,
)


def near_names(sentence: str, people: Sequence[str]) -> str:
    """A name in a sentence that is one sign (or one of two words) away from a known one; "" when there is none."""
    for person in people:
        if person in sentence:
            continue
        if re.fullmatch(r"[\u4e00-\u9fff]{3,4}", person):
            if person[:2] in SURNAMES and person[1:] in sentence:
                return person[1:]
            for at in range(len(sentence) - len(person) + 1):
                said = sentence[at : at + len(person)]
                alike = sum(a == b for a, b in zip(said, person, strict=True))
                if alike != len(person) - 1 or said in people or not HAN_ONLY.fullmatch(said):
                    continue
                after = sentence[at + len(person) :]
                ranked = RANKED.match(said[-1] + after) or RANKED.match(after)
                if ranked and (not person.endswith(said[-1]) or HOUSE.match(after)):
                    continue
                if said[0] in COMMON_SURNAMES and not any(other in sentence for other in people if said[-2:] in other):
                    return said
        elif " " in person and person.isascii():
            first, last = person.split()[0], person.split()[-1]
            for match in re.finditer(
                rf"\b(?:{re.escape(first)} [A-Z][a-z]+|[A-Z][a-z]+ {re.escape(last)})\b", sentence
            ):
                said = match.group()
                if said not in people and not NOT_PERSON.search(said) and not any(said in other for other in people):
                    return said
    return ""


class Named:
    """The names that some texts hold, to be asked for; what is asked is found as it stands, shortened or in pinyin."""

    def __init__(self, texts: Sequence[str]) -> None:
        self.text = "\n".join(texts)
        self.lower = self.text.lower()
        self.latin = re.search(r"[A-Za-z]{2,}[a-z]", self.text) is not None
        self.titles = [name for name in names(self.text) if name.kind == "title"]
        self._pinyin: str | None = None
        self.people = "[[p_" in self.text or any(name.kind in ("person", "address") for name in names(self.text))
        self.people = self.people or any(re.fullmatch(rf"{PERSON}", text.strip()) for text in texts)
        self.departments = DEPARTMENTS.search(self.text) is not None

    def holds(self, name: Name) -> bool:
        """Whether the texts name what was named."""
        if name.kind == "organisation":
            return self._organisation(name.text)
        if name.kind == "title":
            return bool(self.same_titles(name))
        if name.kind == "address":
            return self._surname(name.department)
        if name.kind == "name":
            return self._word(name.text)
        if name.kind == "person" and name.text.isascii():
            return all(self._word(word) for word in name.text.split())
        return name.text in self.text or (name.kind == "person" and self._spelled(name.text))

    def same_titles(self, asked: Name) -> list[Name]:
        """The titles of the texts that mean what was said: the same rank, no other department."""
        if asked.text.isascii():
            return [name for name in self.titles if name.text.isascii() and _same_title(asked, name)]
        return [name for name in self.titles if not name.text.isascii() and _same_title(asked, name)]

    def has_titles(self, *, ascii_only: bool) -> bool:
        """Whether any title of this script is named, so that one can be wrong."""
        return any(name.text.isascii() == ascii_only for name in self.titles)

    def _organisation(self, run: str) -> bool:
        for size in range(len(run), 3, -1):
            tail = run[-size:]
            if BARE_ORG.fullmatch(tail):
                break
            at = self.text.find(tail)
            rest = run[:-size]
            while at >= 0:
                if (
                    not rest
                    or EDGE.search(rest)
                    or at == 0
                    or not "\u4e00" <= self.text[at - 1] <= "\u9fff"
                    or EDGE.search(self.text[at - 2 : at])
                ):
                    return True
                at = self.text.find(tail, at + 1)
        return self._shortened(run)

    def _shortened(self, run: str) -> bool:
        known = [name.text for name in names(self.text) if name.kind == "organisation"]
        tails = [run[-size:] for size in range(3, min(len(run), 10) + 1)]
        alone = [tail for tail in tails if tail == run or EDGE.search(run[: -len(tail)])]
        return any(_is_short(tail, whole) for tail in alone if not BARE_ORG.fullmatch(tail) for whole in known)

    def _surname(self, surname: str) -> bool:
        if "[[p_" in self.text:
            return True
        if surname in self.text:
            return True
        return self.latin and f" {''.join(lazy_pinyin(surname))} " in f" {re.sub('[^a-z]', ' ', self.lower)} "

    def _word(self, word: str) -> bool:
        lower = word.lower().replace("’", "'")
        if lower in self.lower or lower.removesuffix("s") in self.lower:
            return True
        if not re.search(r"[\u4e00-\u9fff]", self.text):
            return False
        if ordinal := ORDINALS.get(lower):
            return ordinal in self.text
        return lower.replace("'", "").replace("-", "") in self.pinyin

    def _spelled(self, person: str) -> bool:
        if not self.latin:
            return False
        parts = lazy_pinyin(person)
        family, given = parts[0], "".join(parts[1:])
        return f"{family} {given}" in self.lower or f"{given} {family}" in self.lower

    @property
    def pinyin(self) -> str:
        """All Chinese characters as syllables without spaces."""
        if self._pinyin is None:
            self._pinyin = "|".join("".join(lazy_pinyin(run)) for run in re.findall(r"[\u4e00-\u9fff]+", self.text))
        return self._pinyin


def _same_title(asked: Name, known: Name) -> bool:
    if asked.rank.lower() != known.rank.lower():
        return False
    if not asked.department or not known.department:
        return True
    one, other = asked.department.lower(), known.department.lower()
    return one in other or other in one


def _is_short(short: str, whole: str) -> bool:
    """青禾一院 of 青禾市第一人民医院: the first and last sign and all between, in order; no other kind of house."""
    if len(short) < 3 or short[-1] != whole[-1] or short[0] not in whole:
        return False
    if any(kind not in whole for kind in KIND.findall(short)):
        return False
    at = whole.index(short[0])
    for sign in short[1:]:
        at = whole.find(sign, at + 1)
        if at < 0:
            return False
    return True


def whom(found: Sequence[Name], named: Named) -> tuple[list[Name], Name | None]:
    """The people of a sentence whom some texts know, and one whom they do not where they know none of them."""
    people = [name for name in found if name.kind == "person"]
    held = [name for name in people if named.holds(name)]
    if held:
        return held, None
    sure = [name for name in people if name.sure]
    titled = [name for name in found if name.kind == "title" and name.department and named.holds(name)]
    doubtful = people if titled and named.people and not any(name.kind == "address" for name in found) else sure
    return [], next(iter(sure or doubtful), None)
