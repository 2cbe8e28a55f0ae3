"""Text of a call, minutes, a mail or a chat → its sentences, each with its place and who is speaking. Pure."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date

from assistant.summary_sides import Side, people_of, settled, side_of_label
from assistant.summary_thread import mails
from rag.hostile import is_hostile

MOST_SENTENCES = 4_000
_SENTENCE = re.compile(r"(?:[^。！？；!?;\n.]|\.(?!\s|$))+[。！？；!?;.]?")
_SPEAKER = re.compile(
    r"^\s*(?:[\[（(]?\d{1,2}:\d{2}(?::\d{2})?[\]）)]?\s*)?(?P<label>[^：:\n|。，,？！?!]{1,40}?)"
    r"(?:\s+[\[（(]?\d{1,2}:\d{2}(?::\d{2})?[\]）)]?)?\s*(?:：|:(?=\s|[^\d/]))\s*"
)
_FIELD = re.compile(
    r"^(?:主题|标题|发件人|发自|发件方|寄件人|致|收件方|被访|受访|访问日期"
    r"|收件人|抄送|日期|时间|发送时间|地点|参会人员?|出席|主持|记录人?"
    r"|附件|说明|备注|编号"
    r"|subject|from|to|cc|date|sent|time|place|present|participants|attachments?|note|next meeting)$",
    re.IGNORECASE,
)
_SHORT = re.compile(r"(?:\b(?:Dr|Mr|Mrs|Ms|Prof|St|No|approx|incl|e\.g|i\.e|vs|Ltd|Inc|a\.m|p\.m)|^[A-Z])\.\s*$")
_AGREED = re.compile(
    r"议定|商定|决定|决议|约定|达成|共识|下一步|后续|待办|行动|任务|安排|承诺|落实|分工"
    r"|\b(?:agreed|actions?|action items|next steps|decisions?|decided"
    r"|follow[- ]?ups?|to do|commitments|what happens next|settled)\b",
    re.IGNORECASE,
)
_NOT_AGREED = re.compile(r"未|没|不|\bnot\b|\bno\b", re.IGNORECASE)
_TASK = ("事项", "约定事项", "任务", "行动项", "待办", "待办事项", "工作内容", "action", "task", "item")
_OWNER = ("负责方", "负责人", "责任方", "责任人", "承办", "owner", "responsible", "who")
_DUE = ("时间", "完成时间", "完成时限", "时限", "期限", "截止", "截止日期", "截止时间", "due", "deadline", "when", "by")


@dataclass(frozen=True, slots=True)
class Sentence:
    """
    Characters `start` up to `end` of the text; `side`: who says or writes it. `hostile`: it orders its reader. `day`:
    of the mail of a thread in which it stands. `agreed`: below a heading that what follows was decided.
    """

    text: str
    start: int
    end: int
    speaker: str
    side: Side
    spoken: bool
    hostile: bool
    day: date | None = None
    agreed: bool = False


@dataclass(frozen=True, slots=True)
class Row:
    """A row of a table of tasks: where each cell stands."""

    task: tuple[int, int]
    owner: tuple[int, int]
    due: tuple[int, int]
    hostile: bool


def sentences(text: str) -> list[Sentence]:
    """In order. Lines of a header and of a table are no sentences."""
    found: list[Sentence] = []
    thread = mails(text)
    sides = _speakers(text)
    speaker, said_by, agreed = "", thread[0].side, False
    for start, line in _lines(text):
        mail = max((each for each in thread if each.start <= start), key=lambda each: each.start)
        agreed = _under(line, agreed)
        if line.lstrip().startswith("|") or len(found) >= MOST_SENTENCES:
            continue
        head = _SPEAKER.match(line)
        label = head["label"].strip(" >*-•·") if head else ""
        if head and (_FIELD.match(label) or len(label) > 30):
            continue
        offset = 0
        if head and label in sides:
            speaker, said_by, offset = label, sides[label], head.end()
        elif not sides:
            speaker, said_by = "", mail.side
        for begin, words in _cut(line, offset):
            hostile = is_hostile(words) or is_hostile(line)
            place = start + begin
            day = mail.day if mail.quoted else None
            found.append(
                Sentence(words, place, place + len(words), speaker, said_by, bool(sides), hostile, day, agreed)
            )
    return _unmarked(found)


def _cut(line: str, offset: int) -> Iterator[tuple[int, str]]:
    """The sentences of a line; the point of Dr. ends none."""
    begin = offset
    for match in _SENTENCE.finditer(line, offset):
        whole = line[begin : match.end()]
        if _SHORT.search(whole) and line[match.end() :].strip():
            continue
        if words := whole.strip():
            yield begin + whole.index(words[0]), words
        begin = match.end()


def _under(line: str, agreed: bool) -> bool:
    """Whether what stands below was agreed: a heading says so until an empty line or another heading."""
    if re.match(r"\s*[一二三四五六七八九十]{1,3}、", line) and not _AGREED.search(line[:20]):
        agreed = False
    bare = line.strip(" #*-·【】[]（）()一二三四五六七八九十、.0123456789")
    if not bare:
        return False if not line.strip() else agreed
    if (
        (len(bare) <= 12 and _AGREED.search(bare) and not re.search(r"[，。；]", bare))
        or (len(bare) <= 40 and re.search(r"[：:]$", bare))
        or line.lstrip().startswith(("#", "【"))
    ):
        return bool(_AGREED.search(bare)) and not _NOT_AGREED.search(bare)
    if re.match(r"(?:讨论未决|未决|遗留|其他|未达成|遗留|open|not agreed|left open|parked)", bare, re.IGNORECASE):
        return False
    return agreed


def _speakers(text: str) -> dict[str, Side]:
    """Labels of a dialogue → sides; nothing for a text that is none."""
    heads = [head for _, line in _lines(text) if (head := _SPEAKER.match(line))]
    said = [
        (label, head) for head in heads if not _FIELD.match(label := head["label"].strip(" >*-•·")) and len(label) <= 30
    ]
    labels = [label for label, head in said if not _is_list(head)]
    people = people_of(text)
    sides: dict[str, Side] = {label: side_of_label(label, people) for label in labels}
    if len(labels) < 2 or not (len(sides) < len(labels) or {"ours", "customer"} <= set(sides.values())):
        return {}
    return settled(sides)


def _is_list(head: re.Match[str]) -> bool:
    """What follows the label lists who was there, or stands below a heading."""
    rest = head.string[head.end() :].strip()
    return not rest or ("、" in rest and len(rest) <= 40 and not re.search(r"[。！？?!]", rest))


def _unmarked(found: list[Sentence]) -> list[Sentence]:
    """Without the number or bullet with which it begins."""
    cleaned: list[Sentence] = []
    for each in found:
        mark = re.match(r"(?:[>\s]*)(?:[（(]?[一二三四五六七八九十\d]{1,2}[、.）)]|[-*•·#>①-⑳]+)\s*(?=\S)", each.text)
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
