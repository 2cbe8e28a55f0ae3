"""Sentences → who will do what until when, and what is left open. Only what stands there; days by summary_dates."""

import re
from dataclasses import dataclass
from datetime import date

from assistant.summary_dates import When, mentions
from assistant.summary_reading import CUSTOMER, OURS, Row, Sentence, Side, other, side_in, task_rows

_ACTS = re.compile(
    r"安排|更换|发[您你给我到]|发[货出送]?|给[您你我]|送[到达过给]?|提[交供]|完成|寄[出达到]|出具"
    r"|确认|联系|答复|回复|准信|搬|装|检修|修[复好]|支付|付款|补[足给齐]|更正|反馈|组织|整理|准备|交上|开好|看完|进场|清理|更新|跟进|过来|过去|拜访|报送|归还|退回|签|盖章|供货|培训|到位|落实",
)
_VOWS = re.compile(r"承诺(?!书)|答应|保证|负责|由(?:我方|我司|我们|院方|贵院)|将(?:于|在|会)?|同意")
_EN = re.compile(
    r"\b(?:will|shall)\b|'ll\b|\bagree[ds]? to\b|\bundertakes?\b|\bcommits? to\b|\bplease\b|\bpromise[ds]? to\b",
    re.IGNORECASE,
)
_EN_PLAIN = re.compile(r"\b(?:we|i) \w+\b.{0,40}\bby\b", re.IGNORECASE)
_ASKS = re.compile(
    r"(?:^|[，,、 ])(?:另外?[，,]?)?(?:还)?(?:烦?请|麻烦|辛苦)(?!示|问|稍)|\bplease\b|^(?:你们?|您)先", re.IGNORECASE
)
_NOT = re.compile(
    r"不能|没法|无法|不承诺|未作?承诺|不保证|没有|不会|不一定|难以|如果|若(?!干)|倘若|假如|如(?=[^期下上同此])[^，]{1,12}[，,].{0,4}(?:我|将|再)"
    r"|预计|最快|可能|大概|左右|估计|争取|原定|取消|计划(?=明年|于|在|[^书单]{0,3}(?:重新|启动))|要求|希望|建议|原计划"
    r"|\b(?:cannot|can't|won't|not|never|if|unless|might|may|hope|would like|i'd like|plan(?:s|ned)? to"
    r"|expect|note that|until further)\b",
    re.IGNORECASE,
)
_IF = re.compile(r"如果|若(?!干)|倘若|假如|\b(?:if|unless)\b", re.IGNORECASE)
_PAST = re.compile(
    r"已经?(?!报修)[^，。]{0,12}(?:收到|完成|提交|做完|关闭|发出|寄出|解决)|(?:完|到|过|出)了"
    r"|\b(?:was|were|went|had|has been|have been)\b",
    re.IGNORECASE,
)
_EVENT = re.compile(
    r"开标|到期|举行|定于|会议定|下次会议|论证(?:会)?$|启动[^，]{0,8}论证|\b(?:meeting|closed|out of order)\b",
    re.IGNORECASE,
)
_QUESTION = re.compile(
    r"[？?]\s*$|吗[？?。]?$|什么时候|能否|是否|^(?:could|can|would|when|what|any|do|is|are)\b", re.IGNORECASE
)
_OPEN = re.compile(
    r"待定|再议|未达成|未定|尚未确定|请示后|再考虑|有待|待确认|remains? open|not agreed|to be decided|tbd|no decision",
    re.IGNORECASE,
)
_FIRST = re.compile(r"(?<!给)(?:我们|咱们|我(?![方司院科]))|\b(?:i|we|our|us)\b|\bi'll\b|\bwe'll\b", re.IGNORECASE)
_GREETING = re.compile(r"^(?:您好|你好|好的?|行|谢谢|再见|嗯|是的|ok|thanks?|hello|good morning|dear\b)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Commitment:
    """Characters `start` up to `end` say so. `due` is the last day, resolved from the words `when`; None: none said."""

    text: str
    start: int
    end: int
    owner: Side
    person: str
    due: date | None
    when: When | None


def commitments(text: str, said: list[Sentence], on: date | None) -> list[Commitment]:
    """From sentences and from tables of tasks; nothing that orders its reader, is denied, asked, or only planned."""
    found = [each for row in task_rows(text) if not row.hostile for each in _of_row(text, row, on)]
    taken = [(row.task[0], row.due[1]) for row in task_rows(text)]
    for sentence in said:
        if not sentence.hostile and not any(a <= sentence.start and sentence.end <= b for a, b in taken):
            found += _of_sentence(sentence, on)
    return sorted(found, key=lambda each: each.start)


def questions(said: list[Sentence]) -> list[Sentence]:
    """What is asked or said to be undecided."""
    return [each for each in said if not each.hostile and (_OPEN.search(each.text) or _is_question(each.text))]


def is_greeting(text: str) -> bool:
    """Whether nothing is said but hello."""
    return len(text) < 5 or (len(text) < 16 and bool(_GREETING.search(text)))


def _is_question(text: str) -> bool:
    return bool(re.search(r"[？?]\s*$|吗[。]?$", text))


def _of_row(text: str, row: Row, on: date | None) -> list[Commitment]:
    task, owner, due = (text[begin:end] for begin, end in (row.task, row.owner, row.due))
    dated = mentions(due, on)
    when = _moved(dated[-1], row.due[0]) if dated else None
    return [Commitment(task, *row.task, side_in(owner), owner, when.last if when else None, when)]


def _of_sentence(sentence: Sentence, on: date | None) -> list[Commitment]:
    if _QUESTION.search(sentence.text):
        return []
    dated = [when for when in mentions(sentence.text, on) if _may_be_due(sentence.text, when, on)]
    clauses = _clauses(sentence.text)
    lived = [(start, end) for start, end in clauses if _promised(sentence, sentence.text[start:end], dated, start, end)]
    with_day = [(start, end) for start, end in lived if _in(dated, start, end)]
    if len(with_day) > 1:
        return [_made(sentence, start, end, _in(dated, start, end)[-1]) for start, end in with_day]
    if not with_day:
        undated = not dated and not re.search(r"(?:预计|原定|取消|计划)", sentence.text)
        return [_made(sentence, 0, len(sentence.text), None)] if undated and _vows(sentence) else []
    start, end = with_day[0]
    if _dropped(sentence.text):
        return [] if _IF.search(sentence.text[:start]) else [_made(sentence, start, end, _in(dated, start, end)[-1])]
    return [_made(sentence, 0, len(sentence.text), _in(dated, start, end)[-1])]


def _may_be_due(text: str, when: When, on: date | None) -> bool:
    """明年的保养计划 names a plan, no day until which something is due."""
    return (on is None or when.last >= on) and text[when.end : when.end + 1] != "的"


def _promised(sentence: Sentence, clause: str, dated: list[When], start: int, end: int) -> bool:
    """Whether a clause with a day, or beside one, says that something will be done."""
    if not _in(dated, start, end) or _dropped(clause):
        return False
    whole = sentence.text
    if _EVENT.search(clause) and not _VOWS.search(clause):
        return False
    acts = _ACTS.search(clause) or _VOWS.search(clause) or _EN.search(clause) or _EN_PLAIN.search(clause)
    acts = acts or (sentence.spoken and re.search(r"(?:前|底|内)没问题|这周就|就交", clause))
    named = sentence.spoken or sentence.side != "unclear" or OURS.search(whole) or CUSTOMER.search(whole)
    return bool(acts and (named or _FIRST.search(whole) or _ASKS.search(whole) or _EN.search(whole)))


def _vows(sentence: Sentence) -> bool:
    """Without a day only what is promised in so many words."""
    text = sentence.text
    strong = re.search(
        r"由(?:我方|我司|我们)|我(?:方|司)?(?:承诺|负责)|后[一二两三\d]{1,2}[天周个]月?内.{0,12}(?:我们|我方)", text
    )
    polite = sentence.spoken and re.search(r"我[^，。]{0,10}再联系[您你]|(?:你们?|您)先准备", text)
    return bool((strong or polite) and not _dropped(text))


def _dropped(text: str) -> bool:
    return bool(_NOT.search(text) or _PAST.search(text))


def _clauses(text: str) -> list[tuple[int, int]]:
    """Between commas; of English also before "and we"."""
    cuts = [match.end() for match in re.finditer(r"[，,](?!\s*\d{4})|\band (?=(?:we|i|our)\b)", text, re.IGNORECASE)]
    return [(a, b) for a, b in zip([0, *cuts], [*cuts, len(text)], strict=True) if text[a:b].strip(" ，,")]


def _in(dated: list[When], start: int, end: int) -> list[When]:
    return [when for when in dated if start <= when.start < end]


def _made(sentence: Sentence, start: int, end: int, when: When | None) -> Commitment:
    words = sentence.text[start:end].rstrip(" ，,。；;.！!")
    lead = len(words) - len(words.lstrip(" ，,"))
    begin = sentence.start + start + lead
    owner = _owner(sentence, words)
    placed = _moved(when, sentence.start) if when else None
    text = words[lead:]
    return Commitment(text, begin, begin + len(text), owner, sentence.speaker, when.last if when else None, placed)


def _moved(when: When, by: int) -> When:
    return When(when.start + by, when.end + by, when.first, when.last, when.relative)


def _owner(sentence: Sentence, words: str) -> Side:
    """Who is asked, else who is named first, else who speaks."""
    if asked := _ASKS.search(words):
        after = words[asked.end() : asked.end() + 8]
        if re.match(r"\s*贵(?:司|公司|方)?(?:司|公司)", after):
            return "ours"
        if re.match(r"\s*(?:贵(?:院|科|处|单位)|院方|客户)", after):
            return "customer"
        if sentence.side in ("ours", "customer"):
            return other(sentence.side)
    bracket = re.search(r"[（(]([^（）()]{1,6})[）)]", words)
    if bracket and (side := side_in(bracket[1])) != "unclear":
        return side
    named = [
        (m.start(), side) for pattern, side in ((OURS, "ours"), (CUSTOMER, "customer")) if (m := pattern.search(words))
    ]
    if first := _FIRST.search(words):
        said: Side = sentence.side if sentence.side != "unclear" else "ours"
        named.append((first.start(), said))
    if named and not sentence.spoken:
        return min(named)[1]  # pyright: ignore[reportReturnType]
    if sentence.side != "unclear":
        return sentence.side
    return min(named)[1] if named else "unclear"  # pyright: ignore[reportReturnType]
