"""A mail thread → the mails in it, each with its author's side and its day; quoted with > or below a header. Pure."""

import re
from dataclasses import dataclass
from datetime import date

from assistant.summary_sides import Side, author_of
from rag.dates import find_date

_BREAK = re.compile(
    r"^[>\s]*(?:-{2,}\s*(?:original message|forwarded message|原始邮件|原邮件|转发邮件|转发的邮件)\s*-{2,}"
    r"|_{10,}|on .{6,120} wrote:|在?.{6,80}(?:写道|来信)\s*[:：])\s*$"
    r"|^[>\s]*(?:发件[人方]|寄件[者人]|发自|from)\s*[:：].{1,200}$",
    re.IGNORECASE | re.MULTILINE,
)
_DAY = re.compile(
    r"^[>\W]*(?:会议)?(?:日期|时间|发送时间|date|sent)\s*[:：]\s*(?P<day>.+)$", re.IGNORECASE | re.MULTILINE
)
_WROTE = re.compile(r"^[>\s]*(?:on (?P<en>.{6,120}) wrote:|在?(?P<zh>.{6,80})(?:写道|来信)\s*[:：])", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Mail:
    """Characters `start` up to `end`; `quoted`: it stands below a later one. `day`: its own, when it names one."""

    start: int
    end: int
    side: Side
    day: date | None
    quoted: bool


def mails(text: str) -> list[Mail]:
    """In the order of the text; of a text that is no mail one, of no side."""
    cuts = [0]
    for match in _BREAK.finditer(text):
        near = text[cuts[-1] : match.start()].strip()
        header = re.fullmatch(
            r"[>\s]*(?:[^\n：:]{1,20}[：:][^\n]*\n?|[-_]{2,}[^\n]*\n?|on .* wrote:\s*)*", near, re.IGNORECASE
        )
        if near and not header:
            cuts.append(match.start())
    deeper = _deeper(text)
    cuts = sorted({*cuts, *(place for place in deeper if not any(_near(text, cut, place) for cut in cuts))})
    found: list[Mail] = []
    for place, (start, end) in enumerate(zip(cuts, [*cuts[1:], len(text)], strict=True)):
        part = text[start:end]
        side = author_of(re.sub(r"(?m)^[>\s]+", "", part)) if len(cuts) > 1 or place == 0 else "unclear"
        day = _day_of(part) or (found[-1].day if found else None)
        found.append(Mail(start, end, side, day, place > 0))
    return _answered(found)


def _answered(found: list[Mail]) -> list[Mail]:
    """A mail whose author nothing names was written by the other side than the one that answers it."""
    sides: list[Side] = []
    for mail in found:
        before = sides[-1] if sides else "unclear"
        turned: Side = {"ours": "customer", "customer": "ours"}.get(before, "unclear")  # pyright: ignore[reportAssignmentType]
        sides.append(mail.side if mail.side != "unclear" else turned)
    return [Mail(m.start, m.end, side, m.day, m.quoted) for m, side in zip(found, sides, strict=True)]


def _deeper(text: str) -> list[int]:
    """Where a line is quoted deeper than all before it."""
    found: list[int] = []
    place, depth = 0, 0
    for line in text.split("\n"):
        marks = re.match(r"[>\s]*", line)
        quoted = marks[0].count(">") if marks else 0
        if quoted > depth and text[:place].strip():
            found.append(place)
        depth = max(depth, quoted)
        place += len(line) + 1
    return found


def _near(text: str, cut: int, place: int) -> bool:
    """Only the header of a mail stands between: it was cut there already."""
    return place - cut >= 0 and text[cut:place].strip().count("\n") <= 3 and bool(_BREAK.match(text, cut))


def _day_of(part: str) -> date | None:
    if (wrote := _WROTE.search(part)) and (day := find_date(wrote["en"] or wrote["zh"])):
        return day
    for match in _DAY.finditer(part[:2_000]):
        if day := find_date(match["day"]):
            return day
    return None
