"""Who holds which post by some statements, and which person a sentence gives a title to. Shared; holds no evidence."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from eval.grounding_concepts import HAN_RANKS, Post, post_of
from eval.grounding_names import SURNAMES
from eval.grounding_words import clauses

_HAN_TITLE = re.compile(
    rf"(?P<before>[\u4e00-\u9fffA-Za-z]{{0,8}}?)(?P<rank>(?:副|常务副?|代理|执行)?(?:{HAN_RANKS}))(?!医师|技师"
    rf"|护师|办公)"
)
_EDGE = re.compile(
    r".*(?:[是为任由的和与及兼跟向给找请到在说对，、：:（(「“\s]|担任|出任|接任|现任|原任?|前任?|新任|一下|了"
    r"|医院|(?:医疗|服务|急救|疾控|血液|体检)中心|公司|血站|卫生院|贵院|贵科|本院|该院)"
)
_EN_WORD = r"(?:[A-Za-z&'-]+)"
_EN_TITLE = re.compile(
    r"(?<![A-Za-z])(?P<before>(?:general affairs |tender office |medical equipment |medical devices "
    r"|supply chain )?(?:(?:deputy|vice|associate|acting|assistant|senior|clinical|chief|hospital|medical|nursing"
    r"|procurement|supply chain|equipment|biomedical|it|icu|lab|laboratory|radiology|finance|ward|theatre|quality"
    r"|purchasing|logistics|pharmacy|imaging|emergency|renal unit|lead|department)[ -])*)"
    r"(?P<rank>head nurse|ward sister|charge nurse|matron|director|head|chief(?! executive)|chief executive|ceo"
    r"|president"
    r"|dean|manager|superintendent|supervisor|engineer|officer|secretary|professor|lead(?! time|ing|s\b)|deputy(?! )"
    r"|chair(?:man|woman|person)?)(?![A-Za-z-])"
    rf"(?P<after>(?: of| for) (?:the )?{_EN_WORD}(?: (?:and |of |& )?{_EN_WORD}){{0,3}})?",
    re.IGNORECASE,
)
_STOP = re.compile(
    r"(?<= )(?:at|in|since|on|and (?!devices|equipment|imaging)|from|who|has|is|was|signed|for|with)(?= ).*$"
)
_TAKES = re.compile(
    r"(?:接替|接任|取代|替代|接(?:了|的是|下)?|took over from|taken over from|succeed\w*|replac\w+|in place of"
    r"|follow(?:s|ed|ing))"
    r"\s?(?:(?:Dr|Mr|Ms|Mrs|Prof)\.? )?$",
    re.IGNORECASE,
)
_PLACE = re.compile(
    r"(?:Hospital|Clinic|Centre|Center|Medical|Devices?|Health|Supplies|Trading|Services|Biomedical|Instruments"
    r"|Group|Trust"
    r"|Infirmary|Company|Ltd|Inc|University|Institute|Store|Depot|Warehouse|Leasing|Systems?|Unit|Ward|Department|Nurse"
    r"|Director|Manager|Head|Chief|Officer|Care|Pump|Monitor|Healthcare|Foundation|Insurance|Logistics|Partners)\b"
)
_NO_PERSON = frozenset(
    [
        "任职",
        "任命",
        "任何",
        "任期",
        "任务",
        "任免",
        "成交",
        "方便",
        "高端",
        "金额",
        "单价",
        "平均",
        "常规",
        "管理",
        "安装",
        "应用",
        "项目",
        "华东",
        "华北",
        "华南",
        "江苏",
        "江西",
        "云南",
    ]
)
_GIVEN = re.compile(r"(?<!^)(?<![.!?:] )[A-Z][a-z]+ $")
_LONGER = re.compile(
    r"(?![自从于是在为任现曾担负已将等和与及说提表反您主院科处部老医先女到去给对跟同的了这那以也还就都把被有接离调升])"
    r"[\u4e00-\u9fff](?:您|老师|主任|院长|科长|处长|先生|女士|任|是|担任|负责|到任|自|于|在|[，。,.？?！!、]|\d|$)"
)
_POLITE = re.compile(r"(?:Dr|Mr|Ms|Mrs|Prof|Professor|Sister|Madam)\.? $")


@dataclass(frozen=True, slots=True)
class Holder:
    """A person in a sentence: `text` as said, `name` as the statements have it."""

    name: str
    start: int
    end: int
    replaced: bool  # whom the one spoken of has taken over from


@dataclass(frozen=True, slots=True)
class Title:
    """A title in a sentence, what it means, and the people of whom it may be said."""

    text: str
    start: int
    end: int
    post: Post
    holders: tuple[Holder, ...]


@lru_cache(maxsize=20_000)
def is_person(text: str) -> bool:
    """Whether a text is nothing but the name of a person."""
    plain = re.sub(r"^(?:Dr|Mr|Ms|Mrs|Prof)\.? ", "", text.strip())
    if plain in _NO_PERSON or _PLACE.search(plain):
        return False
    if re.fullmatch(r"[\u4e00-\u9fff]{2,4}", plain):
        return (plain[0] in SURNAMES and len(plain) <= 3) or plain[:2] in SURNAMES
    return re.fullmatch(r"[A-Z][a-z]+(?:[ -][A-Z]\.?)?(?:[ -][A-Z][A-Za-z'-]+){1,2}", plain) is not None


def holders(sentence: str, people: Sequence[str]) -> list[Holder]:
    """Where known people stand in a sentence: by full name, by surname with a rank or polite form, by last name."""
    found: list[Holder] = []
    for person in people:
        plain = re.sub(r"^(?:Dr|Mr|Ms|Mrs|Prof)\.? ", "", person)
        at = sentence.find(plain)
        if at >= 0 and len(plain) == 2 and _LONGER.match(sentence[at + 2 :]):
            continue  # 周敏华 is not 周敏
        if at < 0 and not plain.isascii():
            family = plain[: 2 if plain[:2] in SURNAMES and len(plain) > 2 else 1]
            match = re.search(rf"(?<![\u4e00-\u9fff]){family}|(?<=[科部处室院是和与请]){family}", sentence)
            if match and re.match(
                rf"{family}(?:副?(?:{HAN_RANKS})|老师|医生|总|教授|女士|先生|工(?!程))", sentence[match.start() :]
            ):
                found.append(_holder(sentence, person, match.start(), match.start() + len(family)))
            continue
        if at < 0:
            last = plain.split()[-1]
            match = re.search(
                rf"(?:(?:Dr|Mr|Ms|Mrs|Prof|Professor|Sister)\.? |(?<![A-Za-z]))({re.escape(last)})(?![A-Za-z-])",
                sentence,
            )
            if match and len(last) > 2 and not _GIVEN.search(_POLITE.sub("", sentence[: match.start(1)])):
                found.append(_holder(sentence, person, match.start(1), match.end(1)))
            continue
        found.append(_holder(sentence, person, at, at + len(plain)))
    return sorted(found, key=lambda holder: holder.start)


def _holder(sentence: str, person: str, start: int, end: int) -> Holder:
    before = _POLITE.sub("", sentence[:start])
    return Holder(person, start, end, _TAKES.search(before) is not None)


def titles(sentence: str, people: Sequence[Holder]) -> list[Title]:
    """The titles that a sentence gives to known people; those that stand beside nobody are left out."""
    if not people:
        return []
    found: list[Title] = []
    parts = clauses(sentence)
    for begin, end, said in _titles(sentence):
        start = max([begin, *(h.end for h in people if begin < h.end < end)])
        text = said[start - begin :]
        post = post_of(text)
        if post is None or any(h.start <= start < h.end for h in people):
            continue
        if any(said.startswith(h.name[:1]) and h.end - h.start < len(h.name) for h in people if not h.name.isascii()):
            continue  # 赵院长 of a deputy is polite
        first, last = next(((a, b) for a, b in parts if a <= start < b), (0, len(sentence)))
        near = [h for h in people if first <= h.start < last]
        if not near and len({h.name for h in people}) == 1:
            near = list(people)
        if not near:  # ICU director: Weilin Duan
            near = [h for h in people if 0 <= h.start - end <= 3]
        if not near:  # Emily Carter, Chief of Ultrasound; 施思源接替万子涵，成为护士长
            before = [h for h in people if h.end <= first]
            near = [h for h in before if h.end >= max((a for a, b in parts if b <= first), default=0)]
        spoken = [h for h in near if not h.replaced] or near
        touching = [
            h for h in near if h.end == start or (h.start >= end and sentence[end : h.start] in ("", " ", ", "))
        ]
        if touching and len(near) > 1:
            spoken = touching
        if spoken:
            found.append(Title(text, start, end, post, tuple(spoken)))
    return found


@lru_cache(maxsize=20_000)
def _titles(sentence: str) -> tuple[tuple[int, int, str], ...]:
    found: list[tuple[int, int, str]] = []
    for match in _HAN_TITLE.finditer(sentence):
        before = _EDGE.sub("", match["before"])
        start = match.start("rank") - len(before)
        found.append((start, match.end(), sentence[start : match.end()]))
    if re.search("[A-Za-z]{4}", sentence):
        for match in _EN_TITLE.finditer(sentence):
            after = _STOP.sub("", match["after"] or "")
            if re.match(r"(?: of| for) (?:the )?[A-Z]", after) and not post_of("head" + after):
                after = ""
            if match["rank"].lower() in ("lead", "chief", "head", "deputy") and not (match["before"] or after):
                continue
            end = match.end("rank") + len(after)
            found.append((match.start(), end, sentence[match.start() : end]))
    return tuple(found)
