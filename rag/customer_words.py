"""Customer 360 in words, line by line, in the order in which a rep needs it; people are ids beside the text. Pure."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Literal

from governance.errors import Language
from rag.company import Company
from rag.customer_360 import Customer360
from rag.customer_buying import BudgetLine, PurchaseLine
from rag.customer_labels import CHANNELS, CONSENT, NOT_LATELY, PRODUCT_RELATIONS, TRENDS, UNKNOWN
from rag.customer_lines import CommunicationLine, PromiseLine, Support, TenderLine
from rag.customer_people import ChangeLine, DeciderLine
from rag.dates import say_date

SOON_DAYS = 90
CONTACT_DURING_TENDER = "contact-during-tender"  # the rule whose article the blackout quotes
Mark = Literal["", "late", "soon", "warn"]  # late: overdue; soon: ends before long; warn: must be known before a call


@dataclass(frozen=True, slots=True)
class Worded:
    """
    One line of a part. `person` is whom it is about ("" nobody): named beside it to whom that is permitted.

    `tag` says in a word or two what `mark` stands for; `cells` is the same as `text` for a table.
    """

    part: str
    text: str
    support: Support
    person: str = ""
    mark: Mark = ""
    tag: str = ""
    cells: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Wording:
    """Says a card in one language. `products`: product id (a subject of facts) → its name."""

    company: Company
    language: Language
    products: Mapping[str, str] = field(default_factory=dict[str, str])

    def lines(self, known: Customer360) -> Iterator[Worded]:
        """Every line, part by part."""
        yield from (self._decider(line) for line in known.decision_makers)
        yield from (self._change(line) for line in known.changes)
        for ticket in known.open_tickets:
            text = self._say(ticket.subject) or ticket.id
            yield Worded("tickets", self._with(text, self._opened(ticket.opened), ticket.id), ticket.support)
        yield from (self._promise(line, known.as_of) for line in known.promises)
        yield from (self._tender(line) for line in known.tenders)
        yield from (self._purchase(line) for line in known.purchases)
        if known.budget:
            yield self._budget(known.budget, known.as_of)
        yield from self._offered(known)
        yield from (self._communication(line, known.posts) for line in known.communications)
        yield from (self._consent(line) for line in known.decision_makers)

    def unknown(self, known: Customer360) -> list[str]:
        """The parts of which nothing was ever known."""
        return [UNKNOWN[part].say(self.language) for part in known.unknown]

    def tender_article(self) -> str:
        """The article of the rule that forbids contact during a tender; "" when no pack in force has it."""
        rules = (rule for _, rule in self.company.rules() if rule.id == CONTACT_DURING_TENDER)
        return next((rule.article for rule in rules), "")

    def _both(self, zh: str, en: str) -> str:
        return zh if self.language == "zh" else en

    def _say(self, text: str) -> str:
        return self.company.translate(text, self.language)

    def _day(self, day: date) -> str:
        return say_date(day, self.language)

    def _with(self, text: str, *details: str) -> str:
        """Details in brackets behind the text."""
        kept = [each for each in details if each]
        if not kept:
            return text
        return f"{text}（{'，'.join(kept)}）" if self.language == "zh" else f"{text} ({', '.join(kept)})"

    def _opened(self, day: date | None) -> str:
        return self._both(f"{self._day(day)}登记", f"opened {self._day(day)}") if day else ""

    def _post(self, title: str, department: str) -> str:
        """The department only where the title does not say it."""
        return self._with(self._say(title), "" if title.startswith(department) else self._say(department))

    def _decider(self, line: DeciderLine) -> Worded:
        since = line.since
        period = self._both(f"，{self._day(since)}起任职", f", since {self._day(since)}") if since else ""
        return Worded("decision_makers", self._post(line.title, line.department) + period, line.support, line.person)

    def _change(self, line: ChangeLine) -> Worded:
        began = line.event == "began"
        post = self._post(line.title, line.department)
        zh = f"{self._day(line.day)} {post}{'到任' if began else '离任'}"
        en = f"{self._day(line.day)}: {'took up' if began else 'left'} the post of {post}"
        return Worded("changes", self._both(zh, en), line.support, line.person)

    def _promise(self, line: PromiseLine, today: date) -> Worded:
        owner = self._both(f"负责人：{line.owner}", f"owner: {self._say(line.owner)}") if line.owner else ""
        due = self._both("未约定期限", "no due day")
        if line.due:
            due = self._both(f"应于{self._day(line.due)}前完成", f"due {self._day(line.due)}")
        tag = ""
        if line.overdue and line.due:
            days = (today - line.due).days
            tag = self._both(f"逾期 {days} 天", f"{days} day{'' if days == 1 else 's'} overdue")
        text = self._with(self._say(line.text), due, owner)
        return Worded("promises", text, line.support, mark="late" if line.overdue else "", tag=tag)

    def _tender(self, line: TenderLine) -> Worded:
        title = self._say(line.title) or line.id
        first = self._day(line.blackout_from) if line.blackout_from else "?"
        last = (
            self._day(line.blackout_to) if line.blackout_to else self._both("未注明截止日期", "no closing day stated")
        )
        zh = f"“{title}”，{first}公告，{last}{'截止' if line.blackout_to else ''}。"
        zh += "静默期：只通过招标公告规定的渠道沟通，不得推介产品。"
        en = (
            f"'{title}', published {first}, {'closes ' if line.blackout_to else ''}{last}. Blackout: communicate only "
            "through the channel of the notice, promote no products."
        )
        article = self.tender_article()
        text = self._both(zh, en) + (self._both(f"依据：{article}", f" Article: {article}") if article else "")
        return Worded("tenders", text, line.support, mark="warn", tag=self._both("招标静默期", "Tender blackout"))

    def _purchase(self, line: PurchaseLine) -> Worded:
        category, unit = self._say(line.category) or "–", self._say(line.unit)
        idle = not line.last12 and not line.previous12
        tag = (NOT_LATELY if idle else TRENDS[line.trend]).say(self.language)
        now, before, older = (f"{n:,.10g}" for n in (line.last12, line.previous12, line.older12))
        zh = f"{category}：近一年 {now} {unit}，上一年度 {before} {unit}，再上一年度 {older} {unit}；"
        zh += f"最近一次 {self._day(line.last)}"
        counted = unit.removesuffix("s") if now == "1" else unit
        en = (
            f"{category}: {now} {counted} in the last year, {before} the year before, {older} in the year before that; "
        )
        en += f"newest order {self._day(line.last)}"
        cells = (self._with(category, unit), now, before, older, line.last.isoformat())
        return Worded("purchases", self._both(zh, en), line.support, tag=tag, cells=cells)

    def _budget(self, line: BudgetLine, today: date) -> Worded:
        zh = f"{line.year}年度预算：{self._day(line.first)}至{self._day(line.last)}申报"
        en = f"Budget {line.year}: applied for from {self._day(line.first)} to {self._day(line.last)}"
        if line.projected:
            zh, en = (
                f"{zh}（没有该年度的记录，按以往月份推算）",
                f"{en} (no record of that year; the months of earlier ones)",
            )
        running = line.first <= today
        days = ((line.last if running else line.first) - today).days
        zh_tag = f"正在申报，还剩 {days} 天" if running else f"{days} 天后开始"
        en_tag = f"open now, {days} days left" if running else f"begins in {days} days"
        near = running or days <= SOON_DAYS
        return Worded(
            "budget", self._both(zh, en), line.support, mark="soon" if near else "", tag=self._both(zh_tag, en_tag)
        )

    def _offered(self, known: Customer360) -> Iterator[Worded]:
        for line in known.certificates:
            days = (line.until - known.as_of).days
            near = days <= SOON_DAYS
            zh, en = (
                f"{line.number}，有效期至{self._day(line.until)}",
                f"{line.number}, valid until {self._day(line.until)}",
            )
            text = f"{self._product(line.product)}{self._both('：' + zh, ': ' + en)}"
            tag = self._both(f"还有 {days} 天到期", f"expires in {days} days") if near else ""
            yield Worded("certificates", text, line.support, mark="soon" if near else "", tag=tag)
        for line in known.expired:
            zh = f"：{line.number} 已于{self._day(line.until)}到期，不可作为有效证书引用"
            en = f": {line.number} expired on {self._day(line.until)}; do not quote it as valid"
            text, tag = self._product(line.product) + self._both(zh, en), self._both("已过期", "expired")
            yield Worded("certificates", text, line.support, mark="late", tag=tag)
        for line in known.contradictions:
            what = PRODUCT_RELATIONS[line.relation].say(self.language)
            zh = f"的{what}在资料中互相矛盾，核实之前不可引用"
            en = f": the sources contradict each other about the {what}; do not quote it before it is checked"
            text, tag = self._product(line.product) + self._both(zh, en), self._both("有矛盾", "disputed")
            yield Worded("certificates", text, line.support, mark="warn", tag=tag)

    def _communication(self, line: CommunicationLine, posts: Mapping[str, str]) -> Worded:
        channel = CHANNELS[line.channel].say(self.language) if line.channel in CHANNELS else self._say(line.channel)
        day = self._day(line.day) if line.day else "?"
        post = self._say(posts[line.person]) if line.person in posts else ""
        text = self._both(f"{day} {channel}", f"{day}, {channel}")
        subject = self._say(line.subject)
        text += self._both(f"：{subject}", f": {subject}") if subject else ""
        return Worded("communications", self._with(text, post), line.support, line.person)

    def _consent(self, line: DeciderLine) -> Worded:
        colon = self._both("：", ": ")
        said = CONSENT[line.consent].say(self.language)
        if line.consent_day:
            day = self._day(line.consent_day)
            said = self._with(said, self._both(f"至{day}", f"until {day}") if line.consent == "live" else day)
        text = f"{self._say(line.title)}{colon}{said}"
        return Worded("consent", text, line.consent_support, line.person, mark="" if line.consent == "live" else "warn")

    def _product(self, product: str) -> str:
        return self.products.get(product) or product.partition(":")[2]
