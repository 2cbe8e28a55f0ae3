"""How people are called in a text that names nobody: 人员1, 设备科主任A, 电话A; back to a person only by the token."""

import re
from collections.abc import Iterator, Mapping
from types import MappingProxyType

from governance.errors import Language

TOKEN = re.compile(r"\[\[(p_[0-9a-f]{16})\.(\w+)\]\]")
NAME_FIELDS = ("name", "name_en")
LABELS: Mapping[str, tuple[str, str]] = {
    "name": ("人员", "Person "),
    "name_en": ("人员", "Person "),
    "phone": ("电话", "Phone "),
    "email": ("邮箱", "Email "),
    "wechat": ("微信", "WeChat "),
    "qq": ("QQ", "QQ "),
    "address": ("地址", "Address "),
    "id_number": ("身份证号", "ID number "),
    "passport": ("证件号", "Passport "),
    "bank_card": ("银行卡", "Bank card "),
    "plate": ("车牌", "Plate "),
    "note": ("备注", "Note "),
}
OTHER_LABEL = ("个人信息", "Personal detail ")
NOBODY: Mapping[str, str] = MappingProxyType({})


def token(person: str, field_name: str) -> str:
    """How a text refers to a personal value."""
    return f"[[{person}.{field_name}]]"


class Namer:
    """
    Calls people the same throughout: those of `roles` by role and letter, all others by number.

    `roles`: person → what he is (设备科主任, Director; empty: nothing known), in an order that stays: the letter is
    the place in it, so the same roles give the same person the same letter in every text of a customer; new people are
    added at the end. The others of `text` are numbered from 1 as they appear.
    """

    def __init__(self, text: str, roles: Mapping[str, str] = NOBODY) -> None:
        self._roles = {person: _plain(role) for person, role in roles.items()}
        self._letters = {person: letters(place) for place, person in enumerate(roles)}
        others = dict.fromkeys(match[1] for match in TOKEN.finditer(text) if match[1] not in roles)
        self._numbers = {person: str(number) for number, person in enumerate(others, 1)}

    def call(self, person: str, field: str, language: Language) -> str:
        """What stands in a text for this value of the person, who is of the roles or of the text."""
        mark = self._letters.get(person) or self._numbers[person]
        role = self._roles.get(person, "") if field in NAME_FIELDS else ""
        if role:
            return f"{role} {mark}" if language == "en" or re.search("[0-9A-Za-z]$", role) else f"{role}{mark}"
        return LABELS.get(field, OTHER_LABEL)[0 if language == "zh" else 1] + mark


def letters(place: int) -> str:
    """0 → A, 25 → Z, 26 → AA, as the columns of a table."""
    name = ""
    place += 1
    while place:
        place, rest = divmod(place - 1, 26)
        name = chr(ord("A") + rest) + name
    return name


def pseudonymise(text: str, language: Language, roles: Mapping[str, str] = NOBODY) -> str:
    """The text with 设备科主任A or 人员1, 电话A or 电话1 … for its tokens; nothing of a person is left in it."""
    namer = Namer(text, roles)
    return TOKEN.sub(lambda match: namer.call(match[1], match[2], language), text)


def tokens_of(text: str, language: Language, roles: Mapping[str, str] = NOBODY) -> dict[str, str]:
    """
    Pseudonym → token, of the tokens of `text`: the only way back.

    Left out, so that nobody ever guesses: what could mean two different values, and what stands in the text itself.
    """
    namer, rest = Namer(text, roles), TOKEN.sub("", text)
    meant: dict[str, list[str]] = {}
    for match in TOKEN.finditer(text):
        field = "name" if match[2] in NAME_FIELDS else match[2]
        called = meant.setdefault(namer.call(match[1], match[2], language), [])
        if (meaning := token(match[1], field)) not in called:
            called.append(meaning)
    return {name: found[0] for name, found in meant.items() if len(found) == 1 and name not in rest}


def restore(shown: str, tokens: Mapping[str, str]) -> str:
    """A pseudonymised text, edited perhaps, with the tokens again; 人员1 is not read out of 人员12."""
    if not tokens:
        return shown
    return re.sub("|".join(_alternatives(tokens)), lambda match: tokens[match[0]], shown)


def _alternatives(tokens: Mapping[str, str]) -> Iterator[str]:
    for name in sorted(tokens, key=len, reverse=True):
        before = "(?<![0-9A-Za-z])" if re.match("[0-9A-Za-z]", name) else ""
        yield f"{before}{re.escape(name)}(?![0-9A-Za-z])"


def _plain(role: str) -> str:
    """A role in one line; one that names a person by a token is none."""
    return "" if TOKEN.search(role) else " ".join(role.split())
