"""What a conversation says besides promises and may be kept: the talk, a ticket, a budget window, a post. Pure."""

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Literal

from assistant.summary_commitments import is_greeting
from assistant.summary_reading import Sentence
from governance.vault import TOKEN
from rag.blocks import Block, Document, language_of
from rag.extract_claims import claims
from rag.extract_naming import Naming

Relation = Literal["contacted", "ticket", "budget", "holds_title"]
_CHANNELS: Mapping[str, re.Pattern[str]] = {  # by what stands in the first lines
    "visit": re.compile(r"拜访|回访|面谈|上门|走访|到访|\b(?:visit|on site)\b", re.IGNORECASE),
    "mail": re.compile(
        r"^\W*(?:发件人|收件人|主题|发自|致|from|to|subject)\s*[:：]|^\s*dear\b", re.IGNORECASE | re.MULTILINE
    ),
    "meeting": re.compile(
        r"纪要|会议|与会|参会|碰头会|交流会|协调会|\b(?:minutes|meeting|attendees|present|kick-?off)\b", re.IGNORECASE
    ),
    "chat": re.compile(
        r"微信|聊天|群聊|\b(?:chat|whatsapp|wechat)\b|^(?:\[?我\]?|me)\s*[:：\]]", re.IGNORECASE | re.MULTILINE
    ),
    "phone": re.compile(r"通话|电话|来电|热线|喂[，,]|\b(?:call|phone|hotline|speaking)\b", re.IGNORECASE),
}
_SUBJECT = re.compile(r"^\W*(?:主题|标题|subject)\s*[:：]\s*(?P<said>.{2,60})$", re.IGNORECASE | re.MULTILINE)
_TICKET = re.compile(
    r"报修|报障|投诉|工单|服务单|返修|\b(?:complain\w*|service ticket"
    r"|log(?:ged)? a (?:ticket|fault|call)|report(?:ed|ing)? a fault"
    r"|raise a ticket)\b",
    re.IGNORECASE,
)
_SETTLED = re.compile(
    r"已(?:经)?(?:修复|解决|关闭|处理|完成|更换)|均已|没有(?:报修|投诉"
    r"|工单)|没报修|未报修|无投诉|不投诉|撤销|共\d+[起次]|是否|有没有"
    r"|\b(?:closed|resolved|fixed|no complaints?|withdrawn|were|was repaired)\b|[？?]$",
    re.IGNORECASE,
)
_BUDGET = re.compile(r"预算|\bbudget\b", re.IGNORECASE)
_ASKED_FOR = re.compile(
    r"申报|上报|报送|编制|窗口|报预算|提交|\b(?:appl\w+|submi\w+|window|requests?)\b", re.IGNORECASE
)
_YEAR = re.compile(
    r"(?<!\d)(?P<year>20\d\d)(?!\d)|(?P<next>明年|下一?年度|next year)|(?P<this>今年|本年度|this year)", re.IGNORECASE
)
_MONTHS = re.compile(
    r"(?<![\d年])(?P<a>\d{1,2})月?份?\s*(?:到|至|[-—~～])\s*(?P<b>\d{1,2})月|(?<!\d)(?P<one>\d{1,2})月份?(?!\d)"
)
_NAMES = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
]
_MONTHS_EN = re.compile(
    rf"\b(?:from |between )?(?P<a>{'|'.join(_NAMES)})(?: (?:to|until|and|through) (?P<b>{'|'.join(_NAMES)}))?\b",
    re.IGNORECASE,
)
_DOUBTED = re.compile(
    r"如果|要是|若|可能|大概|也许|听说|希望|争取|未|没|不|\b(?:if|may|might|perhaps|hope|not|no)\b|[？?]$",
    re.IGNORECASE,
)
_WHO = r"\[\[(?P<{0}>p_[0-9a-f]{{{{16}}}})\.\w+\]\]"
_TOOK_OVER = (
    _WHO.format("a")
    + r"(?:\S{{0,3}}?(?:接任|接替|出任|担任|升任|就任|当上|现在是|已是|任)(?:了)?(?:我们|我院|院里)?的?(?:新)?(?:任)?"
    + r"|\s(?:is now|became|has become|took over as|was made)\s(?:our |the )?(?:new )?)(?P<ta>{titles})"
    + r"|(?:新任?|our new |the new )(?P<tb>{titles})(?:是|为|叫|换成|\sis(?: now)?)\s?"
    + _WHO.format("b")
)
LONGEST_SUBJECT = 60


@dataclass(frozen=True, slots=True)
class Said:
    """Characters `start` up to `end` of the text say so. Attributes hold no names; `person` is an id."""

    subject: str
    relation: Relation
    value: str
    start: int
    end: int
    attributes: Mapping[str, str] = field(default_factory=dict[str, str])
    valid_from: date | None = None
    valid_to: date | None = None


def said_besides(
    text: str, said: Sequence[Sentence], customer: str, name: str, day: date, naming: Naming
) -> list[Said]:
    """
    What the customer's side says, of this customer and this day; nothing that gives orders, is asked or doubted.

    `name` is the customer's. Each waits for a person; a talk of no known kind is left out.
    """
    usable = [each for each in said if not each.hostile]
    theirs = [each for each in usable if each.side == "customer" or (each.side == "unclear" and not each.spoken)]
    found = [*_talk(text, usable, customer, day)]
    found += [*_tickets(theirs, customer, day, naming), *_budgets(theirs, customer, day)]
    found += _posts(theirs, name, day, naming)
    return list({(each.relation, each.subject, each.value): each for each in reversed(found)}.values())[::-1]


def channel_of(text: str, said: Sequence[Sentence]) -> str:
    """phone, visit, mail, meeting, chat, or "" when the text does not say."""
    first = "\n".join(text.strip().split("\n")[:6])
    spoken = any(each.spoken for each in said)
    for channel in (
        ("visit", "mail", "meeting", "chat", "phone") if not spoken else ("chat", "phone", "visit", "meeting")
    ):
        if _CHANNELS[channel].search(first):
            return channel
    return ""


def _talk(text: str, said: Sequence[Sentence], customer: str, day: date) -> Iterator[Said]:
    channel = channel_of(text, said)
    if not channel or not said:
        return
    named = _SUBJECT.search(text[:1_000])
    subject = named["said"].strip() if named else ""
    people = {match[1] for each in said if each.side == "customer" for match in TOKEN.finditer(each.speaker)}
    attributes = {"channel": channel, "subject": "" if TOKEN.search(subject) else subject[:LONGEST_SUBJECT]}
    attributes["person"] = people.pop() if len(people) == 1 else ""
    value = "D-" + _hash(customer, day.isoformat(), text)
    first = next((each for each in said if len(each.text) > 8 and not is_greeting(each.text)), said[0])
    yield Said(customer, "contacted", value, first.start, first.end, _kept(attributes), day)


def _tickets(said: Sequence[Sentence], customer: str, day: date, naming: Naming) -> Iterator[Said]:
    """Only where the text itself speaks of a complaint, a repair or a ticket."""
    for each in said:
        if _TICKET.search(each.text) and not _SETTLED.search(each.text):
            subject = TOKEN.sub("", each.text).strip(" ，,。.；;")[:LONGEST_SUBJECT]
            products = naming.products_in([each.text])
            attributes = {"subject": subject, "status": "open", "product": ""}
            if len(products) == 1:
                attributes["product"] = next(iter(products)).partition(":")[2]
            value = "T-" + _hash(customer, day.isoformat(), subject)
            yield Said(customer, "ticket", value, each.start, each.end, _kept(attributes), day)


def _budgets(said: Sequence[Sentence], customer: str, day: date) -> Iterator[Said]:
    """The months in which the budget of a year is applied for, in the year before."""
    for each in said:
        if not (_BUDGET.search(each.text) and _ASKED_FOR.search(each.text)) or _DOUBTED.search(each.text):
            continue
        year, months = _year(each.text, day), _window(each.text)
        if year and months:
            attributes = {"window_from": str(months[0]), "window_to": str(months[1])}
            end = date(year + 1, 1, 1)
            yield Said(customer, "budget", str(year), each.start, each.end, attributes, date(year, 1, 1), end)


def _year(text: str, day: date) -> int:
    """The one year that is named."""
    found = {int(m["year"]) if m["year"] else day.year + bool(m["next"]) for m in _YEAR.finditer(text)}
    return found.pop() if len(found) == 1 else 0


def _window(text: str) -> tuple[int, int] | None:
    found = list(_MONTHS.finditer(text))
    if len(found) == 1:
        match = found[0]
        first, last = (int(match["one"]),) * 2 if match["one"] else (int(match["a"]), int(match["b"]))
        return (first, last) if 1 <= first <= 12 and 1 <= last <= 12 else None
    named = list(_MONTHS_EN.finditer(text))
    if len(named) == 1:
        first = _NAMES.index(named[0]["a"].casefold()) + 1
        return first, _NAMES.index(named[0]["b"].casefold()) + 1 if named[0]["b"] else first
    return None


def _posts(said: Sequence[Sentence], name: str, day: date, naming: Naming) -> list[Said]:
    """Who holds which post, as the readers of documents read it."""
    blocks = tuple(Block("text", each.text) for each in said)
    document = Document(name, "text", language_of([each.text for each in said]), blocks, day)
    found: list[Said] = []
    for claim in claims(document, naming, day):
        each = said[claim.block]
        if claim.relation == "holds_title" and not _DOUBTED.search(each.text):
            attributes = dict(claim.attributes) | ({"one_holder": "yes"} if claim.one_holder else {})
            found.append(Said(claim.subject, "holds_title", claim.value, each.start, each.end, attributes, day))
    return [*found, *_new_posts(said, name, day, naming, {(each.subject, each.value) for each in found})]


def _new_posts(
    said: Sequence[Sentence], name: str, day: date, naming: Naming, known: set[tuple[str, str]]
) -> Iterator[Said]:
    """Somebody took over a known post: [[…]]接任设备科主任, our new head of purchasing is [[…]]."""
    if not naming.titles:
        return
    titles = "|".join(re.escape(title) for title in sorted(naming.titles, key=len, reverse=True))
    pattern = re.compile(_TOOK_OVER.format(titles=titles), re.IGNORECASE)
    here = naming.customers_in([name])
    for each in said:
        if _DOUBTED.search(TOKEN.sub("", each.text)) or len(here) != 1:
            continue
        for match in pattern.finditer(each.text):
            person, title = match["a"] or match["b"], match["ta"] or match["tb"]
            if (person, title) not in known:
                one = {"one_holder": "yes"} if title in naming.unique_titles else {}
                attributes = {"customer": next(iter(here)), **one}
                yield Said(person, "holds_title", title, each.start, each.end, attributes, day)


def _kept(attributes: Mapping[str, str]) -> dict[str, str]:
    return {name: text for name, text in attributes.items() if text}


def _hash(*parts: str) -> str:
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:10]
