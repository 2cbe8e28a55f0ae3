"""Chat exports and call transcripts → turns, and turns back out of a source: see `turns_of`."""

import itertools
import re
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace

from rag.blocks import Block, Role, clean, label_key, language_of

DIALOGUE = ("对话", "Dialogue")
LONGEST_LINE = 200  # characters in which who spoke, and when, must stand
_REP = re.compile(
    r"(?:(?:高级|区域|大区)?(?:销售|客户|业务|售后|商务)(?:代表|经理|顾问|主管|工程师)|销售|业务员|客服|坐席|顾问|工程师|乙方|我方|我"
    r"|(?:sales|account|service)?\s*(?:rep|representative|agent|advisor|adviser|executive|engineer)|sales|seller"
    r"|account manager|support|me)\s*[A-Za-z0-9一二三]?",
    re.IGNORECASE,
)
_CUSTOMER = re.compile(
    r"(?:客户|顾客|买方|甲方|用户|来电人|来电方|院方|医院|customer|client|buyer|caller|prospect|hospital)\s*[A-Za-z0-9一二三]?",
    re.IGNORECASE,
)
_NOBODY = re.compile(  # what stands for a person and names none
    r"(?:speaker|participant|unknown|caller|发言人|说话人|讲话人|参会人|主持人|嘉宾|未知)\s*[-#]?\s*\w{0,3}"
    r"|.{0,12}(?:部|科|处|室|办|院|公司|中心|负责人)|副?(?:院长|主任|处长|科长|经理|总监|教授|医生|护士长|老师|专员|秘书)"
    r"|(?:[a-z]+ )*(?:manager|director|engineer|nurse|officer|head|operator|buyer|department|host|doctor|assistant)",
    re.IGNORECASE,
)
_NOT_SPEAKERS = frozenset({"问", "答", "q", "a", "问题", "回答", "question", "answer", "http", "https"})
_CLOCK = r"(?:[上下中]午|晚上|凌晨)?\s?\d{1,2}:\d{2}(?::\d{2})?(?:[.,]\d{1,3})?(?:\s?[AaPp][Mm])?(?!:?\d)"
_DAY = r"\d{4}\s?[-/.年]\s?\d{1,2}\s?[-/.月]\s?\d{1,2}\s?日?|\d{1,2}/\d{1,2}/\d{2,4}"
_STAMP = rf"[\[（(【]?(?:(?P<day>{_DAY})[,，T\s]{{0,3}})?(?P<clock>{_CLOCK})[\]）)】]?"
_NAME = r"(?P<speaker>[^\s:：\[\]【】,，。；;！？!?|#>*\-][^:：\[\]【】,，。；;！？!?|]{0,29}?)"
_INLINE = (
    re.compile(rf"^{_STAMP}\s*[-–—]?\s*{_NAME}\s*[:：]\s*(?P<text>.*)$"),
    re.compile(rf"^{_NAME}\s*{_STAMP}\s*[:：]\s*(?P<text>.*)$"),
)
_ABOVE = (re.compile(rf"^{_NAME}\s+{_STAMP}$"), re.compile(rf"^{_STAMP}\s+{_NAME}$"))
_BARE = re.compile(rf"^{_NAME}\s?[:：]\s*(?P<text>\S.*)$")
_ENDS = re.compile(r"[。！？!?.…~～）)]$")
_PLACEHOLDER = re.compile(
    r"[\[【<](?:图片|语音|视频|表情|动画表情|文件|链接|位置|名片|红包"
    r"|image|video|audio|voice|sticker|file|media omitted)"
    r"[^\]】>]{0,40}[\]】>]|.{0,20}撤回了一条消息|<media omitted>",
    re.IGNORECASE,
)
_LINE = re.compile(
    r"^(?P<speaker>[^：\n]{1,60}?)(?:（(?P<zh>客户|销售)）| \((?P<en>customer|rep)\))?(?:：|: )(?P<text>\S.*)$",
    re.MULTILINE,
)
_SIDES: dict[str, Role] = {"客户": "customer", "销售": "rep", "customer": "customer", "rep": "rep"}


@dataclass(frozen=True, slots=True)
class Turn:
    """What one speaker said; `start` and `end` are where the words stand in the text that it was found in."""

    speaker: str
    role: Role
    text: str
    start: int
    end: int


@dataclass(slots=True)
class _Said:
    speaker: str
    lines: list[str]
    page: int | None
    day: str


Line = tuple[str, int | None]  # its text and the page that it stands on


def is_dialogue(heading: str) -> bool:
    """Whether a source with this heading holds turns."""
    return heading.rsplit(" › ", 1)[-1] in DIALOGUE


def turns_of(text: str) -> list[Turn]:
    """
    The turns in the text of a source; how a turn gets there:

    A document of kind "dialogue" has one Block of kind "turn" per turn. A passage of turns holds one line per turn,
    "speaker：words" (English: "speaker: words"), after the speaker （客户） or （销售） (" (customer)", " (rep)") where
    the side is known and his label does not say it; names are tokens as everywhere. Its `heading` ends with "对话" or
    "Dialogue": `is_dialogue(source.heading)`. `start` and `end` are the place of the words in the source. A dialogue
    goes on in the next source of the same document by `position`.
    """
    found = []
    for match in _LINE.finditer(text):
        side = match["zh"] or match["en"]
        role = _SIDES[side] if side else role_of(match["speaker"])
        found.append(Turn(match["speaker"], role, match["text"], match.start("text"), match.end("text")))
    return found


def turn_line(speaker: str, role: Role, text: str) -> str:
    """A turn as a line of a passage."""
    chinese = language_of([text]) == "zh"
    known = role_of(speaker)
    if not role or known == role:
        side = ""
    elif chinese:
        side = "（客户）" if role == "customer" else "（销售）"
    else:
        side = f" ({role})"
    return f"{speaker}{side}{'：' if chinese else ': '}{clean(text).replace(chr(10), ' ')}"


def role_of(speaker: str) -> Role:
    """The side that a speaker's label itself names."""
    if _REP.fullmatch(speaker):
        return "rep"
    return "customer" if _CUSTOMER.fullmatch(speaker) or speaker.endswith("@微信") else ""


def names_a_person(speaker: str) -> bool:
    """Whether a speaker's label must be taken for a name: it is no role, no number and no department."""
    return not (role_of(speaker) and not speaker.endswith("@微信")) and not _NOBODY.fullmatch(speaker)


def read_turns(lines: Sequence[Line], labels: Collection[str], title: str = "") -> list[Block]:
    """The text before the first turn, then the turns; empty when the lines are no dialogue."""
    spoken, before = _stamped(lines)
    if not _is_talk([s for s in spoken if s], lines[before:], stamped=True):
        spoken, before = _bare(lines, labels)
        if not _is_talk([s for s in spoken if s], lines[before:], stamped=False):
            return []
    return _blocks([s for s in spoken if s], lines[:before], title)


def turn_blocks(rows: Iterable[tuple[str, str, str]]) -> list[Block]:
    """Rows of day, speaker and words, as a table of a chat export holds them."""
    said = [
        _Said(speaker.strip(), [text], None, day) for day, speaker, text in rows if speaker.strip() and text.strip()
    ]
    return _blocks(said, [], "") if len({each.speaker for each in said}) > 1 else []


def _stamped(lines: Sequence[Line]) -> tuple[list[_Said | None], int]:
    spoken: list[_Said | None] = []
    first = len(lines)
    for number, (line, page) in enumerate(lines):
        head = line.strip()
        inline = next(filter(None, (form.match(head) for form in _INLINE)), None) if _has_clock(head) else None
        above = inline or (
            next(filter(None, (form.match(head) for form in _ABOVE)), None) if _has_clock(head) else None
        )
        if above is not None and not above["speaker"].isdigit():
            first = min(first, number)
            text = [inline["text"]] if inline else []
            spoken.append(_Said(_name(above["speaker"]), text, page, (above["day"] or "").strip()))
        elif spoken and head and (last := spoken[-1]):
            last.lines.append(head)
    return spoken, first


def _has_clock(line: str) -> bool:
    return bool(re.search(r"\d:\d{2}", line[:LONGEST_LINE]))


def _name(speaker: str) -> str:
    """Without the number in brackets that QQ and transcribers add."""
    return re.sub(r"\s*[（(<][\w.@+-]{3,}[)）>]$", "", speaker).strip()


def _bare(lines: Sequence[Line], labels: Collection[str]) -> tuple[list[_Said | None], int]:
    known = {label_key(label) for label in labels} | _NOT_SPEAKERS
    heads = [_BARE.match(line.strip()) if len(line) < 5_000 else None for line, _ in lines]
    counts = Counter(head["speaker"].strip() for head in heads if head)
    speakers = {name for name, count in counts.items() if count > 1 and label_key(name) not in known}
    spoken: list[_Said | None] = []
    first = len(lines)
    for number, ((line, page), head) in enumerate(zip(lines, heads, strict=True)):
        if head and head["speaker"].strip() in speakers:
            first = min(first, number)
            spoken.append(_Said(head["speaker"].strip(), [head["text"]], page, ""))
        elif not line.strip():
            spoken.append(None) if spoken else None
        elif spoken and (last := spoken[-1]):
            last.lines.append(line.strip())
    return spoken, first


def _is_talk(spoken: Sequence[_Said], lines: Sequence[Line], *, stamped: bool) -> bool:
    """Several speakers who take turns and together say most of the text; without times also in sentences."""
    filled = sum(bool(line.strip()) for line, _ in lines)
    speakers = Counter(each.speaker for each in spoken)
    if len(spoken) < 4 - stamped or len(speakers) < 2 or len(speakers) * 2 > len(spoken) + stamped:
        return False
    changes = sum(a.speaker != b.speaker for a, b in itertools.pairwise(spoken))
    held = sum(len(each.lines) + (stamped and len(each.lines) == 0) for each in spoken)
    sentences = sum(bool(_ENDS.search(each.lines[-1])) for each in spoken if each.lines)
    sides = {role_of(speaker) for speaker in speakers} >= {"rep", "customer"}
    return changes * 3 >= len(spoken) and held * 10 >= filled * 5 and (stamped or sides or sentences * 2 >= len(spoken))


def _blocks(spoken: Sequence[_Said], before: Sequence[Line], title: str) -> list[Block]:
    preamble = [(clean(line), page) for line, page in before if line.strip()]
    said = [replace(each, lines=[_PLACEHOLDER.sub("", line) for line in each.lines]) for each in spoken]
    said = [each for each in said if any(line.strip() for line in each.lines)]
    mark = DIALOGUE[language_of("\n".join(each.lines) for each in said) == "en"]
    if preamble and len(preamble[0][0]) <= 40 and not re.search(r"[:：。]", preamble[0][0]):
        title = preamble.pop(0)[0]
    heading = f"{title} › {mark}" if title else mark
    found = [Block("heading", title, said[0].page if said else None, heading=title)] if title else list[Block]()
    if preamble:
        found.append(Block("text", "\n".join(line for line, _ in preamble), preamble[0][1], heading=title))
    days = list(dict.fromkeys(each.day for each in said if each.day))
    if days:
        span = days[0] if len(days) == 1 else f"{days[0]} – {days[-1]}"
        found.append(Block("text", f"时间：{span}" if mark == DIALOGUE[0] else f"Date: {span}", heading=title))
    roles = _roles({each.speaker for each in said}, "\n".join(line for line, _ in preamble))
    for each in said:
        words = clean("\n".join(each.lines)).replace("\n", " ")
        found.append(Block("turn", words, each.page, None, heading, each.speaker, roles[each.speaker]))
    return found


def _roles(speakers: Collection[str], preamble: str) -> dict[str, Role]:
    """By the label, else by what the text above says before the name; of two, the other one is the other side."""
    roles: dict[str, Role] = {speaker: role_of(speaker) for speaker in speakers}
    for speaker, role in roles.items():
        if not role and (match := re.search(rf"([^\s，,；;、:：]{{1,12}}?)\s?{re.escape(speaker)}", preamble)):
            roles[speaker] = role_of(match[1])
    known = [speaker for speaker, role in roles.items() if role]
    if len(roles) == 2 and len(known) == 1:
        other = next(speaker for speaker in roles if speaker not in known)
        roles[other] = "customer" if roles[known[0]] == "rep" else "rep"
    return roles
