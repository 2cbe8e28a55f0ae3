"""Text that gives orders to its reader, most likely a model: found by packs/hostile.yaml under its disguises."""

import base64
import binascii
import html
import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache, lru_cache

import yaml
from pydantic import BaseModel, ConfigDict

from rag.company import PACKS

LONGEST_LABEL = {True: 60, False: 160}  # whether it holds Chinese → characters of a subject, a title, a category
_HAN = "\u3400-\u9fff"
_UNSEEN = re.compile(r"[\u00ad\u034f\u061c\u200b-\u200f\u202a-\u202e\u2060-\u2064\ufe00-\ufe0f\ufeff]+")
_BETWEEN = re.compile(rf"(?<=[{_HAN}])[ \t*·•._|/\\+=#~^-]{{1,3}}(?=[{_HAN}])")
_SPELT = re.compile(r"(?<![a-z])(?:[a-z0-9][ ._*\"-]){3,}[a-z0-9](?![a-z0-9])")
_LEET = re.compile(r"(?<![a-z0-9-])(?=[a-z0-9]*[a-z])(?=[a-z0-9]*[a-z][013]|[013][a-z])[a-z013]{2,}(?![a-z0-9-])")
_ENCODED = re.compile(r"[A-Za-z0-9+/]{24,4000}={0,2}")
_SENTENCE = re.compile(r"[。！？!?；;\n]|\.(?=\s|$)")
_NO_LABEL = re.compile(r"[。！？!?；\n<>{}\[\]|`“”\"]|\.\s|https?:|www\.|[：:].*[：:]|[\u200b-\u200f\u202a-\u202e]")
_NO_POST = re.compile(r"[，,；;：:。.！!？?…]{1}(?!$)|[，；：。！？!?:;]$|\d{5}|[@#*=_/\\]")
_POST = re.compile(
    r"(?:主任|科长|院长|处长|部长|所长|站长|局长|校长|会长|队长|班长|组长|护士长?|厂长|店长|园长|董事长?|书记|干事|科员|职员|专员|文员|人员|委员|成员"
    r"|经理|总监|总裁|主管|主席|主编|代表|顾问|助理|秘书|教授|讲师|教师|老师|医师|医生|药师|技师|技士|工程师|设计师|律师|会计|出纳|采购|负责人|联系人|院士|研究员"
    r"|管理员|合伙人|创始人|法人|所有人|老板)(?:[（(][^（）()]{1,8}[）)])?$"
    r"|\b(?:head|director|chief|president|officer|manager|engineer|nurse|doctor|physician|professor|surgeon|dean|chair\w*|secretary|assistant|buyer"
    r"|specialist|supervisor|coordinator|consultant|technician|lead|owner|partner|executive|administrator|clerk|representative|pharmacist|contact)\b",
    re.IGNORECASE,
)
LONGEST_POST = {True: 24, False: 60}


class _Rule(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    id: str
    pattern: str
    unless: str = ""


class _Pack(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    version: str
    traditional: dict[str, str]
    words: dict[str, str]  # name → alternatives that patterns name as {name}
    bids: str
    orders: list[_Rule]

    def spelt_out(self, pattern: str) -> str:
        """A pattern with its named words; raises KeyError for a name that is not listed."""
        return re.sub(r"\{([a-z_]+)\}", lambda match: f"(?:{self.spelt_out(self.words[match[1]])})", pattern)


@dataclass(frozen=True, slots=True)
class _Known:
    any: re.Pattern[str]
    rules: tuple[tuple[str, re.Pattern[str], re.Pattern[str] | None], ...]
    letters: Mapping[int, str]
    bids: re.Pattern[str]


@cache
def _known() -> _Known:
    content = yaml.load((PACKS / "hostile.yaml").read_text(encoding="utf-8"), Loader=yaml.CSafeLoader)
    pack = _Pack.model_validate(content)
    flags = re.IGNORECASE | re.MULTILINE
    rules = [
        (
            each.id,
            re.compile(pack.spelt_out(each.pattern), flags),
            re.compile(pack.spelt_out(each.unless), flags) if each.unless else None,
        )
        for each in pack.orders
    ]
    every = re.compile("|".join(f"(?:{pack.spelt_out(each.pattern)})" for each in pack.orders), flags)
    return _Known(
        every, tuple(rules), {ord(odd): usual for odd, usual in pack.traditional.items()}, re.compile(pack.bids, flags)
    )


def is_hostile(text: str) -> bool:
    """Whether a text tries to instruct whoever reads it, most likely a model."""
    return bool(hostile_by(text))


@lru_cache(maxsize=4096)
def hostile_by(text: str) -> str:
    """The id of the rule that fires first, "" for none."""
    known = _known()
    for shown in dict.fromkeys(_readings(text, known.letters)):
        if not known.any.search(shown):
            continue
        for id_, pattern, unless in known.rules:
            for match in pattern.finditer(shown):
                if unless is None or not unless.search(_around(shown, match)):
                    return id_
    return ""


def bids(text: str) -> bool:
    """
    Whether a text tells its reader to say, write, mark, approve, send or alter something. Wider than `is_hostile`, and
    no verdict: such a sentence may be shown and searched, but no model learns to say it.
    """
    known = _known()
    return any(known.bids.search(shown) for shown in dict.fromkeys(_readings(text, known.letters)))


def is_label(text: str) -> bool:
    """Whether a subject or a title of a record may be named in a script: one short line that orders nobody about."""
    chinese = bool(re.search(rf"[{_HAN}]", text))
    return len(text) <= LONGEST_LABEL[chinese] and not _NO_LABEL.search(text) and not is_hostile(text)


def is_sayable(kind: str, text: str) -> bool:
    """
    Whether a value of this kind (rag.values.Kind) may be put into a script. Subjects are quoted there; posts and
    categories are said as our own words, so that they must look like one.
    """
    if kind == "text":
        return is_label(text)
    if kind not in ("title", "category"):
        return True
    if kind == "title" and not _POST.search(text):
        return False
    chinese = bool(re.search(rf"[{_HAN}]", text))
    return len(text) <= LONGEST_POST[chinese] and not _NO_POST.search(text) and is_label(text)


def _readings(text: str, letters: Mapping[int, str]) -> Iterator[str]:
    """As it stands, without disguise, decoded, and backwards."""
    plain = _plain(text, letters)
    yield plain
    yield _BETWEEN.sub("", plain)
    spelt = _SPELT.sub(lambda match: re.sub(r"[^a-z0-9]", "", match[0]), plain)
    yield _LEET.sub(lambda match: match[0].translate(str.maketrans("013", "oie")), spelt)
    for found in _ENCODED.findall(text):
        if decoded := _decoded(found):
            yield _plain(decoded, letters)
    if re.search(r"[略视掉][忽无忘]|erongi", plain):
        yield plain[::-1]


def _plain(text: str, letters: Mapping[int, str]) -> str:
    usual = unicodedata.normalize("NFKC", html.unescape(text))
    return _UNSEEN.sub("", usual).translate(letters).casefold()


def _decoded(text: str) -> str:
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), validate=True).decode()
    except (binascii.Error, ValueError):
        return ""


def _around(text: str, match: re.Match[str]) -> str:
    """The sentence in which it stands."""
    start = max((end.end() for end in _SENTENCE.finditer(text, max(0, match.start() - 200), match.start())), default=0)
    after = _SENTENCE.search(text, match.end())
    return text[max(start, match.start() - 200) : after.start() if after else len(text)]
