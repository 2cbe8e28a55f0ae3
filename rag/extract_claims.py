"""What a document claims about customers, people and prices, by rules; each waits for a person, few are wrong."""

import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import PurePath

from governance.vault import TOKEN
from rag.blocks import Block, Document, label_key
from rag.dates import find_date
from rag.extract_naming import Naming
from rag.hostile import is_hostile
from rag.turns import turn_line

EXTRACTOR = "rules-1"
_TEMPLATE = re.compile(r"模板|样例|示例|template|sample form", re.IGNORECASE)
_FORM = re.compile(r"[<＜〈][^<>＜＞〈〉]{1,20}[>＞〉]|[_＿]{3,}|X{3,}")
_CHANNELS: Mapping[str, re.Pattern[str]] = {  # by how a document calls itself
    "mail": re.compile(r"(?:回复：|转发：)?(?:邮件|来信|e-?mail\b|mail\b)", re.IGNORECASE),
    "phone": re.compile(r"(?:电话|通话)(?:录音|记录|转写|纪要)|call (?:transcript|record|notes)", re.IGNORECASE),
    "chat": re.compile(r"(?:企业)?(?:微信)?聊天记录|chat (?:history|export)", re.IGNORECASE),
    "meeting": re.compile(r"会议(?:纪要|记录)|(?:meeting )?minutes\b", re.IGNORECASE),
    "visit": re.compile(r"拜访(?:记录|纪要)|visit (?:report|notes)", re.IGNORECASE),
}
_TENDER = re.compile(r"(?:招标|项目|采购)编号\s*[:：]\s*(?P<id>[A-Za-z]{1,8}[-A-Za-z0-9]*\d[-A-Za-z0-9]*)")
_BID_DAYS = {"published": ("公告日期", "发布日期"), "closes": ("投标截止日期", "截止日期", "投标截止时间")}
_WINNER = re.compile(r"中标(?:单位|人|供应商)\s*[:：为]\s*(?P<name>[^\s，,；;。：:、]{4,40})")
_WON = re.compile(r"中标(?:金额|价)\s*[:：为]\s*(?P<amount>[\d,，.]+)\s*(?P<unit>万?元)")
_MONEY = re.compile(r"[¥￥]?\s*(?P<amount>\d[\d,，]*(?:\.\d+)?)\s*(?P<unit>万?元)?")
_PRICE_LABEL = re.compile(
    r"(?:含税|投标|中标|合同|成交|产品)?(?:单价|报价|售价)|目录价|(?:list|unit) price", re.IGNORECASE
)
_PRODUCT_LABEL = re.compile(r"(?:产品|货物|设备)?(?:名称|型号|规格型号)|产品|model|product(?: name)?", re.IGNORECASE)
_PART_LABEL = re.compile(r"备件|配件|附件|部件|耗材|选配|适用|spare|part|accessor", re.IGNORECASE)
_UNIT_PRICE = re.compile(r"单价(?:为|是|[:：])?\s*[¥￥]?\s*(?P<amount>\d[\d,，]*(?:\.\d+)?)\s*(?P<unit>万?元)")
_NOT_NOW = re.compile(r"时任|前任|原任?|曾任?|历任|卸任|离任|不再|拟任|升任|接任|代理|候选|副$|兼$")
_TASK = ("事项", "约定事项", "任务", "行动项", "待办", "待办事项", "工作内容", "action", "task")
_OWNER = ("负责方", "负责人", "责任方", "责任人", "承办", "owner", "responsible")
_DUE = ("时间", "完成时间", "完成时限", "期限", "截止", "截止日期", "截止时间", "due", "deadline")
_PROMISES = re.compile(
    r"我(?:方|公司|司|们)[^，,。；;]{0,12}?(?:承诺|保证|将|负责)|由我(?:方|公司|司)[^，,。；;]{0,20}"
)
_DENIED = re.compile(r"不[得应能要可]|不承诺|未承诺|没有|无法|如果|若|除非|不保证|争取|预计|计划")
_BY = re.compile(r"(?P<month>\d{1,2})月(?P<day>\d{1,2})日(?:上午|下午)?(?:之?前|以前|内)")
_SENTENCE = re.compile(r"[^。！？；!?\n]+")


@dataclass(frozen=True, slots=True)
class Claim:
    """`words` of block `block` say so. `one_holder`: a title that one person holds at a time."""

    subject: str
    relation: str
    value: str
    attributes: Mapping[str, str]
    valid_from: date | None
    block: int
    words: str
    valid_to: date | None = None
    one_holder: bool = False


@dataclass(frozen=True, slots=True)
class _Page:
    """A document with who is named in it; `customer`: the only one."""

    document: Document
    naming: Naming
    customer: str | None
    day: date | None
    texts: Mapping[int, str] = field(default_factory=dict[int, str])


def claims(document: Document, naming: Naming, today: date) -> list[Claim]:
    """
    Tenders, prices, talks, titles and promises, each once. Forms to fill in and hostile blocks claim nothing.

    `document` refers to people by tokens. A date that lies in the future is not used.
    """
    said = {place: _said(block) for place, block in enumerate(document.blocks) if not is_hostile(block.text)}
    if _TEMPLATE.search(document.name) or any(_FORM.search(text) for text in said.values()):
        return []
    named = naming.customers_in([_title(document), *said.values()])
    day = document.date if document.date and document.date <= today else None
    page = _Page(document, naming, named.pop() if len(named) == 1 else None, day, said)
    found = [*_prices(page)]
    if page.customer:
        found += [*_tenders(page), *_talks(page), *_of_one_title(list(_titles(page))), *_promises(page)]
    return list({(c.subject, c.relation, c.value, str(c.attributes)): c for c in reversed(found)}.values())[::-1]


def _said(block: Block) -> str:
    return turn_line(block.speaker, block.role, block.text) if block.kind == "turn" else block.text


def _title(document: Document) -> str:
    """What the file is called."""
    return PurePath(document.name.rsplit("›", 1)[-1]).stem.replace("_", " ")


def _talks(page: _Page) -> Iterator[Claim]:
    """That the document of a mail, call, chat, meeting or visit exists; who wrote what is not claimed."""
    if page.day is None:
        return
    first = next((place for place in page.texts if page.texts[place].strip()), None)
    if first is None:
        return
    names = [page.texts[first].split("\n", 1)[0], re.sub(r"^\d+\s*", "", _title(page.document))]
    kinds = {"mail": "mail", "dialogue": ""}
    channel = kinds.get(page.document.kind) or next(
        (name for name, pattern in _CHANNELS.items() if any(pattern.match(text) for text in names)), ""
    )
    if channel:
        subject = TOKEN.sub("", names[0])[:60]
        said = {"channel": channel, "subject": "" if TOKEN.search(names[0]) else subject}
        value = "D-" + _hash(page.document.name, page.day.isoformat())
        yield Claim(page.customer or "", "contacted", value, said, page.day, first, "")


def _tenders(page: _Page) -> Iterator[Claim]:
    """One tender of one customer: its number with what stands beside it."""
    places = [(place, match) for place, text in page.texts.items() for match in _TENDER.finditer(text)]
    if len({match["id"] for _, match in places}) != 1:
        return
    place, match = places[0]
    text = page.texts[place]
    days = {name: _labelled_day(text, labels) for name, labels in _BID_DAYS.items()}
    won, winner = _WON.search(text), _WINNER.search(text)
    closes, published = days["closes"], days["published"]
    if closes and published and closes <= published:
        return
    said = {
        "closes": closes.isoformat() if closes else "",
        "amount": _plain_amount(won["amount"], won["unit"]) if won else "",
        "winner": winner["name"] if winner and not TOKEN.search(winner["name"]) else "",
    }
    if any(said.values()) or published:
        yield Claim(page.customer or "", "tender", match["id"], said, published, place, match.group(), closes)


def _prices(page: _Page) -> Iterator[Claim]:
    """Rows that name one product and its price, and sentences with one product and a unit price; never of parts."""
    for place, text in page.texts.items():
        block = page.document.blocks[place]
        if block.kind == "table":
            cells = _cells(text)
            if any(_PART_LABEL.search(label) for label in cells) or _PART_LABEL.search(block.heading):
                continue
            named = page.naming.products_in(c for label, c in cells.items() if _PRODUCT_LABEL.fullmatch(_bare(label)))
            priced = {label: cell for label, cell in cells.items() if _PRICE_LABEL.fullmatch(_bare(label))}
            if len(named) == 1 and len(priced) == 1:
                [(label, cell)] = priced.items()
                unit = next((cell for label, cell in cells.items() if _bare(label) in ("单位", "unit")), "")
                yield from _price(page, place, named.pop(), label, cell, unit)
        elif block.kind in ("text", "item") and page.customer:
            for sentence in _SENTENCE.findall(text):
                match, named = _UNIT_PRICE.search(sentence), page.naming.products_in([sentence])
                if match and len(named) == 1 and not _PART_LABEL.search(sentence):
                    yield from _price(page, place, named.pop(), "", match.group()[2:], "")


def _price(page: _Page, place: int, product: str, label: str, cell: str, unit: str) -> Iterator[Claim]:
    match = _MONEY.search(cell)
    said = (match["unit"] if match else "") or next(iter(re.findall("万?元", label)), "")
    if match is None or not said or len(_MONEY.findall(cell)) > 1:
        return
    for_whom = "" if "目录" in label or "list" in label.casefold() else page.customer
    if for_whom is None:  # a price that was offered to somebody, but to whom?
        return
    attributes = {"customer": for_whom, "currency": "CNY", "unit": unit}
    yield Claim(product, "price", _plain_amount(match["amount"], said), attributes, page.day, place, cell)


def _titles(page: _Page) -> Iterator[Claim]:
    """A person beside a known title: 设备科主任X, X（设备科主任）; not one who held it or will."""
    if not page.naming.titles:
        return
    titles = "|".join(re.escape(title) for title in sorted(page.naming.titles, key=len, reverse=True))
    who = r"\[\[(?P<{0}>p_[0-9a-f]{{16}})\.name(?:_en)?\]\]"
    before = re.compile(rf"(?<![\u4e00-\u9fff])?(?P<title>{titles})[:：为是]?\s?{who.format('person')}")
    after = re.compile(rf"{who.format('person')}(?:[（(,，]|\s)\s?(?P<title>{titles})(?=[）),，。；;\s]|$)")
    for place, text in page.texts.items():
        if len(page.naming.customers_in([text]) - {page.customer}):
            continue
        for match in (*before.finditer(text), *after.finditer(text)):
            lead = re.split(r"[。；;，,、\n]", text[: match.start()])[-1][-8:]
            title = match["title"]
            if _NOT_NOW.search(lead) or "副" in lead[-1:] or (lead and lead[-1:] in "代兼拟"):
                continue
            said = {"customer": page.customer or ""}
            unique = title in page.naming.unique_titles
            yield Claim(match["person"], "holds_title", title, said, page.day, place, match.group(), None, unique)


def _of_one_title(found: list[Claim]) -> list[Claim]:
    """Whoever is called by two titles in one document may be two people of one name: then nothing is claimed."""
    posts: dict[str, set[str]] = {}
    for claim in found:
        posts.setdefault(claim.subject, set()).add(claim.value)
    return [claim for claim in found if len(posts[claim.subject]) == 1]


def _promises(page: _Page) -> Iterator[Claim]:
    """A row or sentence with what is promised, by whom and until when; the day on which it was said is needed."""
    if page.day is None:
        return
    for place, text in page.texts.items():
        if page.document.blocks[place].kind == "table":
            cells = {label_key(label): cell for label, cell in _cells(text).items()}
            parts = [next((cells[name] for name in names if name in cells), "") for names in (_TASK, _OWNER, _DUE)]
            if all(parts) and (due := find_date(parts[2]) or _day_of(page.day, parts[2])) and due >= page.day:
                yield from _promise(page, place, parts[0], parts[1], due)
        elif page.document.blocks[place].kind in ("text", "item", "turn"):
            for sentence in _SENTENCE.findall(text):
                due = find_date(sentence) if re.search(r"日之?前", sentence) else None
                due = due or _day_of(page.day, sentence)
                if due and due >= page.day and _PROMISES.search(sentence) and not _DENIED.search(sentence):
                    yield from _promise(page, place, sentence.strip(), "我方", due)


def _promise(page: _Page, place: int, text: str, owner: str, due: date) -> Iterator[Claim]:
    if TOKEN.search(text) or len(text) > 200 or (TOKEN.search(owner) and not TOKEN.fullmatch(owner)):
        return
    value = "D-" + _hash(page.customer or "", text, due.isoformat())
    said = {"text": text, "owner": owner, "due": due.isoformat()}
    yield Claim(page.customer or "", "promise", value, said, page.day, place, text)


def _day_of(said_on: date, text: str) -> date | None:
    """11月5日前, said in November, is this year's; 1月5日前, said in December, the next one's."""
    if match := _BY.search(text):
        for year in (said_on.year, said_on.year + 1):
            try:
                due = date(year, int(match["month"]), int(match["day"]))
            except ValueError:
                return None
            if said_on <= due < said_on + timedelta(days=200):
                return due
    return None


def _labelled_day(text: str, labels: tuple[str, ...]) -> date | None:
    for label in labels:
        if match := re.search(rf"{label}\s*[:：]\s*(?P<day>[^\s，,；;。]+)", text):
            return find_date(match["day"])
    return None


def _cells(text: str) -> dict[str, str]:
    """The row of a table: label → cell."""
    pairs = (line.partition("：") for line in text.split("\n"))
    return {label.strip(): cell.strip() for label, mark, cell in pairs if mark}


def _bare(label: str) -> str:
    """Without what stands in brackets."""
    return re.sub(r"[（(][^（）()]*[）)]", "", label).strip().casefold()


def _plain_amount(amount: str, unit: str) -> str:
    """In 元, plain digits: 89.2万元 → 892000."""
    number = float(re.sub("[,，]", "", amount)) * (10_000 if unit.startswith("万") else 1)
    return f"{number:.2f}".rstrip("0").rstrip(".")


def _hash(*parts: str) -> str:
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:10]
