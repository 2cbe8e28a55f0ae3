"""Text of a call, minutes, a mail or a chat → its sentences, each with its place and who is speaking. Pure."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal

from governance.vault import TOKEN
from rag.hostile import is_hostile
from rag.turns import role_of

Side = Literal["ours", "customer", "both", "unclear"]
MOST_SENTENCES = 4_000
_SENTENCE = re.compile(r"(?:[^。！？；!?;\n.]|\.(?!\s|$))+[。！？；!?;.]?")
_SPEAKER = re.compile(
    r"^\s*(?:[\[（(]?\d{1,2}:\d{2}(?::\d{2})?[\]）)]?\s*)?(?P<label>[^：:\n|。，,？！?!]{1,40}?)"
    r"(?:\s+[\[（(]?\d{1,2}:\d{2}(?::\d{2})?[\]）)]?)?\s*(?:：|:(?=\s|[^\d/]))\s*"
)
_FIELD = re.compile(
    r"^(?:主题|标题|发件人|收件人|抄送|日期|时间|发送时间|地点|参会人员?|出席|主持|记录人?|附件|说明|备注|编号"
    r"|subject|from|to|cc|date|sent|time|place|present|participants|attachments?|note|next meeting)$",
    re.IGNORECASE,
)
_AUTHOR = re.compile(r"^\s*(?:发件人|from)\s*[：:]\s*(?P<who>.+)$", re.IGNORECASE | re.MULTILINE)
_ADDRESSEE = re.compile(r"^\s*(?:收件人|to)\s*[：:]\s*(?P<who>.+)$", re.IGNORECASE | re.MULTILINE)
OURS = re.compile(
    r"我方|我司|我公司|本公司|乙方|供方|供应商|贵司|贵公司|(?:售后|销售|市场|培训|商务|客服)部"
    r"|\b(?:supplier|vendor|our (?:engineer|team|company|service|sales))\b",
    re.IGNORECASE,
)
CUSTOMER = re.compile(
    r"院方|我院|贵院|贵科|贵处|贵单位|本院|我科|客户|甲方|用户方|医院|[\u4e00-\u9fff]{1,3}科(?!技|学|长|室)|护理部|院办|总务|采购[办处科]"
    r"|\b(?:hospital|customer|clinic|(?:device|purchasing|it|nursing|radiology) department)\b",
    re.IGNORECASE,
)
_TASK = ("事项", "约定事项", "任务", "行动项", "待办", "待办事项", "工作内容", "action", "task", "item")
_OWNER = ("负责方", "负责人", "责任方", "责任人", "承办", "owner", "responsible", "who")
_DUE = ("时间", "完成时间", "完成时限", "时限", "期限", "截止", "截止日期", "截止时间", "due", "deadline", "when", "by")


@dataclass(frozen=True, slots=True)
class Sentence:
    """Characters `start` up to `end` of the text; `side`: who says or writes it. `hostile`: it orders its reader."""

    text: str
    start: int
    end: int
    speaker: str
    side: Side
    spoken: bool
    hostile: bool


@dataclass(frozen=True, slots=True)
class Row:
    """A row of a table of tasks: where each cell stands."""

    task: tuple[int, int]
    owner: tuple[int, int]
    due: tuple[int, int]
    hostile: bool


def side_in(text: str) -> Side:
    """Whom a label or a cell names."""
    if re.search(r"双方|both", text, re.IGNORECASE):
        return "both"
    ours, customer = OURS.search(text), CUSTOMER.search(text)
    if ours and customer:
        return "ours" if ours.start() < customer.start() else "customer"
    return "ours" if ours else "customer" if customer else "unclear"


def other(side: Side) -> Side:
    """The other side of a conversation."""
    return "customer" if side == "ours" else "ours" if side == "customer" else side


def sentences(text: str) -> list[Sentence]:
    """In order. Lines of a header and of a table are no sentences."""
    author = _author(text)
    found: list[Sentence] = []
    speaker, side = "", author
    dialogue = _is_dialogue(text)
    for start, line in _lines(text):
        if line.lstrip().startswith("|") or len(found) >= MOST_SENTENCES:
            continue
        head = _SPEAKER.match(line)
        label = head["label"].strip() if head else ""
        if head and (_FIELD.match(label) or len(label) > 30):
            continue
        offset = 0
        if head and dialogue:
            speaker, side, offset = label, _side_of(label), head.end()
        elif not dialogue:
            speaker, side = "", author
        for match in _SENTENCE.finditer(line, offset):
            if words := match.group().strip():
                begin = start + match.start() + match.group().index(words[0])
                hostile = is_hostile(words) or is_hostile(line)
                found.append(Sentence(words, begin, begin + len(words), speaker, side, dialogue, hostile))
    return _unmarked(found)


def _unmarked(found: list[Sentence]) -> list[Sentence]:
    """Without the number or bullet with which it begins."""
    cleaned: list[Sentence] = []
    for each in found:
        mark = re.match(r"(?:[（(]?[一二三四五六七八九十\d]{1,2}[、.）)]|[-*•·#]+)\s*(?=\S)", each.text)
        skip = mark.end() if mark else 0
        cleaned.append(replace(each, text=each.text[skip:], start=each.start + skip))
    return [each for each in cleaned if each.text]


def task_rows(text: str) -> list[Row]:
    """Of tables with a task, an owner and a date: as Markdown, or as lines of label and cell."""
    return [*_piped(text), *_labelled(text)]


def _piped(text: str) -> Iterator[Row]:
    places: tuple[int, int, int] | None = None
    for start, line in _lines(text):
        if not line.lstrip().startswith("|"):
            places = None
            continue
        cells = [(start + cell.start(1), start + cell.end(1)) for cell in re.finditer(r"\|\s*([^|]*?)\s*(?=\|)", line)]
        words = [text[begin:end] for begin, end in cells]
        if places is None:
            places = _columns(words)
        elif len(cells) > max(places) and all(words[place].strip("-: ") for place in places):
            yield Row(cells[places[0]], cells[places[1]], cells[places[2]], is_hostile(line))


def _columns(header: list[str]) -> tuple[int, int, int] | None:
    plain = [re.sub(r"\s", "", cell).casefold() for cell in header]
    found = [next((plain.index(name) for name in names if name in plain), None) for names in (_TASK, _OWNER, _DUE)]
    task, owner, due = found
    return None if task is None or owner is None or due is None else (task, owner, due)


def _labelled(text: str) -> Iterator[Row]:
    held: dict[str, tuple[int, int]] = {}
    for start, line in [*_lines(text), (len(text), "")]:
        match = re.match(r"\s*(?P<label>[^：:\n|]{1,12})\s*[：:]\s*(?P<cell>\S.*?)\s*$", line)
        name = re.sub(r"\s", "", match["label"]).casefold() if match else ""
        kind = next((kind for kind, names in (("t", _TASK), ("o", _OWNER), ("d", _DUE)) if name in names), "")
        if match and kind and kind not in held and (held or kind == "t"):
            held[kind] = (start + match.start("cell"), start + match.end("cell"))
        elif kind == "t" and match:
            held = {"t": (start + match.start("cell"), start + match.end("cell"))}
        elif not match:
            held = {}
        if len(held) == 3:
            said = "\n".join(text[begin:end] for begin, end in held.values())
            yield Row(held["t"], held["o"], held["d"], is_hostile(said))
            held = {}


def _lines(text: str) -> Iterator[tuple[int, str]]:
    start = 0
    for line in text.split("\n"):
        yield start, line
        start += len(line) + 1


def _author(text: str) -> Side:
    """Of a mail the side that wrote it; of anything else unclear."""
    author, addressee = _AUTHOR.search(text), _ADDRESSEE.search(text)
    if author is None:
        return "unclear"
    side = side_in(author["who"])
    if side == "unclear" and addressee and side_in(addressee["who"]) == "customer":
        return "ours"
    return "ours" if side == "unclear" else side


def _is_dialogue(text: str) -> bool:
    heads = [_SPEAKER.match(line) for _, line in _lines(text)]
    labels = [head["label"].strip() for head in heads if head and not _FIELD.match(head["label"].strip())]
    sides = {_side_of(label) for label in labels}
    return len(labels) >= 2 and (len(set(labels)) < len(labels) or {"ours", "customer"} <= sides)


def _side_of(label: str) -> Side:
    """Of who speaks."""
    role = role_of(TOKEN.sub("", label).strip() or label)
    if role:
        return "ours" if role == "rep" else "customer"
    named = side_in(label)
    if named == "unclear" and re.search(r"主任|科长|院长|护士|医生|医师|老师|处长|doctor|nurse", label, re.IGNORECASE):
        return "customer"
    return named
