"""The groups of a brief: what may be said of a customer on a day, each value with its facts."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from governance.errors import Language
from governance.vault import TOKEN, token
from rag.company import Company
from rag.customer_buying import quantity_of, recent_orders
from rag.customer_lines import contacts_until, open_tenders, open_tickets, promises
from rag.customers import Customer
from rag.dates import say_date, say_month
from rag.facts import Fact
from rag.hostile import is_sayable
from rag.values import Group, Purchase, say_quantity, say_window, value

NEW_IN_POST_MONTHS = 18
# 设备科主任 is said 设备科张伟主任: the post follows the name, what comes before it leads
_POST = re.compile(
    r"(?:代理?|常务|执行)?(?:副|总)?(?:主任|科长|处长|部长|院长|所长|组长|站长|校长|厂长|护士长|经理|总监|主管|总经理|董事长|书记|工程师|科员|专员)$"
)


@dataclass(frozen=True, slots=True)
class Desk:
    company: Company
    customer: Customer
    as_of: date
    language: Language

    def say(self, text: str) -> str:
        return self.company.translate(text, self.language)

    def named(self, words: str, fact: Fact) -> tuple[str, str]:
        """What a ticket or a tender is called, and the same as stored: its number when no words can be said."""
        return (self.say(words), words) if is_nameable(words) else (fact.value, fact.value)

    def can_say(self, words: str) -> bool:
        """Whether these words of a record may be quoted, and are known in the language."""
        foreign = self.language == "en" and re.search(r"[\u4e00-\u9fff]", self.say(words)) is not None
        return is_nameable(words) and not foreign


def is_nameable(words: str) -> bool:
    """Whether a ticket or a tender may be called by these words of a record."""
    return bool(words) and not TOKEN.search(words) and is_sayable("text", words)


def customer_groups(desk: Desk, stated: Sequence[Fact]) -> list[Group]:
    """The customer's name, budget, open ticket and tender, the last conversation and an open promise of ours."""
    names = [fact for fact in stated if fact.relation == "name"]
    text = desk.customer.name if desk.language == "zh" else desk.customer.name_en
    groups = [Group("customer", (value("customer", "organisation", text, desk.customer.name, names),))]
    read = (_budget, _ticket, _tender, _promise)
    groups += [group for group in (each(desk, stated) for each in read) if group]
    return groups + _contact(desk, stated)


def decider_groups(desk: Desk, decider: Fact | None, place: Fact | None) -> list[Group]:
    """Who decides, how he is called, and since when he holds the post if that is not long ago."""
    if decider is None:
        return []
    field = "name" if desk.language == "zh" else "name_en"
    support = [decider, place] if place else [decider]
    person = value("decider", "person", token(decider.subject, field), decider.subject, support)
    configured = decider.value in (*desk.company.file.glossary, *desk.company.file.decision_titles)
    post = decider.value if configured or is_sayable("title", decider.value) else desk.company.term("contact", "zh")
    spoken = desk.say(post) if post == decider.value else desk.company.term("contact", desk.language)
    title = value("decider_title", "title", spoken, post, [decider])
    leading, following = _around(post, desk.language) if post == decider.value else ("", "")
    full = f"{leading}{person.text}{following}" if desk.language == "zh" else f"{person.text}, {spoken}"
    short = f"{person.text}{following}" if desk.language == "zh" else person.text
    called = value("decider_called", "called", full, post, support)
    address = value("decider_address", "called", short, post if following else "", support)
    groups = [Group("decider", (person, title, called, address))]
    since = decider.valid_from
    if since is not None and _months_between(since, desk.as_of) <= NEW_IN_POST_MONTHS:
        month = value("decider_since", "month", say_month(since, desk.language), since.isoformat()[:7], [decider])
        groups.append(Group("title_change", (month,)))
    return groups


def _around(post: str, language: Language) -> tuple[str, str]:
    """What of a Chinese post is said before the name and what behind it; all before where no known word ends it."""
    found = _POST.search(post) if language == "zh" else None
    return (post[: found.start()], found[0]) if found else (post, "")


def _months_between(first: date, last: date) -> float:
    return (last.year - first.year) * 12 + last.month - first.month + (last.day - first.day) / 31


def _budget(desk: Desk, stated: Sequence[Fact]) -> Group | None:
    """This year's budget; the next year's from the first month of its window on, when it is being planned."""
    year, month = desk.as_of.year, desk.as_of.month
    budgets = {
        fact.value: fact
        for fact in stated
        if fact.relation == "budget" and fact.attributes.get("window_from") and fact.attributes.get("window_to")
    }
    coming = budgets.get(str(year + 1))
    planned = coming is not None and month >= int(coming.attributes["window_from"])
    past = max((key for key in budgets if int(key) <= year), default="")
    fact = coming if planned else budgets.get(past)
    if fact is None:
        return None
    first, last = int(fact.attributes["window_from"]), int(fact.attributes["window_to"])
    window = say_window(first, last, desk.language)
    values = (
        value("budget_year", "year", _year(int(fact.value), desk.language), fact.value, [fact]),
        value("budget_window", "period", window, f"{first}/{last}", [fact]),
    )
    return Group("budget", values)


def _year(year: int, language: Language) -> str:
    return f"{year}年" if language == "zh" else str(year)


def _ticket(desk: Desk, stated: Sequence[Fact]) -> Group | None:
    opened = open_tickets(stated, desk.as_of)
    named = [fact for fact in opened if is_nameable(fact.attributes.get("subject", ""))] or opened
    if not named or (day := named[0].valid_from) is None:
        return None
    subject = named[0].attributes.get("subject", "")
    values = (
        value("ticket_date", "date", say_date(day, desk.language), day.isoformat(), named[:1]),
        value("ticket_subject", "text", *desk.named(subject, named[0]), named[:1]),
    )
    return Group("ticket", values)


def _tender(desk: Desk, stated: Sequence[Fact]) -> Group | None:
    ending = [fact for fact in open_tenders(stated, desk.as_of) if fact.valid_to is not None]
    dated = [fact for fact in ending if is_nameable(fact.attributes.get("title", ""))] or ending
    if not dated or (closes := dated[0].valid_to) is None:
        return None
    title = dated[0].attributes.get("title", "")
    values = (
        value("tender_title", "text", *desk.named(title, dated[0]), dated[:1]),
        value("tender_closes", "date", say_date(closes, desk.language), closes.isoformat(), dated[:1]),
    )
    return Group("tender", values)


def _contact(desk: Desk, stated: Sequence[Fact]) -> list[Group]:
    """The last conversation with anyone there, and what it was about where that can be said in the language."""
    last = next(iter(contacts_until(stated, desk.as_of)), None)
    if last is None or (day := last.valid_from) is None:
        return []
    groups = [Group("contact", (value("contact_date", "date", say_date(day, desk.language), day.isoformat(), [last]),))]
    subject = last.attributes.get("subject", "")
    if desk.can_say(subject):
        groups.append(Group("contact_topic", (value("contact_subject", "text", desk.say(subject), subject, [last]),)))
    return groups


def _promise(desk: Desk, stated: Sequence[Fact]) -> Group | None:
    """Of what we promised and have not kept the part due first, in the record's own words."""
    for line in promises(stated, desk.as_of):
        if desk.can_say(line.text):
            behind = [fact for fact in stated if fact.id in line.support.facts]
            return Group("promise", (value("promise_text", "text", desk.say(line.text), line.text, behind),))
    return None


def purchases_of(stated: Sequence[Fact], as_of: date) -> list[Purchase]:
    """Per category and unit what was bought in the last three years, newest first."""
    found: list[Purchase] = []
    for (category, unit), bought in recent_orders(stated, as_of).items():
        amounts = [quantity_of(fact) for _, fact in bought]
        whole = int(sum(amounts)) if all(amount > 0 and amount.is_integer() for amount in amounts) else 0
        years = tuple(sorted({day.year for day, _ in bought}))
        last = max(day for day, _ in bought)
        found.append(Purchase(category, years, whole, unit, last, tuple(fact.id for _, fact in bought)))
    return sorted(found, key=lambda purchase: (purchase.last, purchase.category, purchase.unit), reverse=True)


def purchase_groups(desk: Desk, bought: Sequence[Purchase], by_id: Mapping[str, Fact]) -> list[Group]:
    complete = [each for each in bought if each.quantity and each.category and is_sayable("category", each.category)]
    groups: list[Group] = []
    for number, purchase in enumerate(complete[:3], start=1):
        facts = [by_id[key] for key in purchase.facts]
        year = purchase.last.year
        of_year = [fact for fact in facts if fact.valid_from and fact.valid_from.year == year]
        count = say_quantity(purchase.quantity, purchase.unit, desk.company, desk.language)
        values = (
            value(f"buy{number}_year", "year", _year(year, desk.language), str(year), of_year),
            value(f"buy{number}_category", "category", desk.say(purchase.category), purchase.category, facts),
            value(f"buy{number}_quantity", "quantity", count, str(purchase.quantity), facts),
        )
        groups.append(Group(f"purchase{number}", values))
    return groups
