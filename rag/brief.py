"""What is known about one customer on one day: groups of values with facts and sources, gaps and disputes named."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import Connection

from governance.consent import REDACTION, Permit
from governance.errors import Language, NoConsent
from governance.vault import TOKEN, Vault, pseudonymise, token
from rag.company import GROUPS, Bilingual, Company
from rag.customer_buying import quantity_of, recent_orders
from rag.customer_lines import open_tenders, open_tickets
from rag.customers import (
    Customer,
    Product,
    customers,
    deciding_posts,
    decision_maker,
    disputed_posts,
    find_customer,
    find_product,
    products,
    workplace,
)
from rag.dates import say_date, say_month
from rag.facts import Fact, facts_about
from rag.hostile import is_sayable
from rag.offers import Offer, offer_of
from rag.sources import Source, sources
from rag.values import Group, Notice, Purchase, Value, say_quantity, say_window, value

__all__ = [
    "Brief",
    "Customer",
    "Group",
    "Notice",
    "Product",
    "Purchase",
    "Value",
    "brief",
    "customers",
    "decision_maker",
    "find_customer",
    "find_product",
    "products",
]

PRODUCT_GROUPS = frozenset({"product", "certificate", "scope", "warranty"})
NEW_IN_POST_MONTHS = 18


@dataclass(frozen=True, slots=True)
class Brief:
    """
    `groups` holds what may be said; "rep" is the caller's. `unknown` and `disputed` are ids of groups that may not be;
    the product's are in neither when no product is offered. `facts` and `sources` hold all that is referred to.
    """

    customer: Customer
    product: str | None
    language: Language
    as_of: date
    groups: Mapping[str, Group]
    unknown: tuple[str, ...]
    disputed: tuple[str, ...]
    facts: Mapping[str, Fact]
    sources: Mapping[str, Source]
    purchases: tuple[Purchase, ...]
    titles: tuple[Fact, ...]
    notices: tuple[Notice, ...]


@dataclass(frozen=True, slots=True)
class _Desk:
    company: Company
    customer: Customer
    as_of: date
    language: Language

    def say(self, text: str) -> str:
        return self.company.translate(text, self.language)

    def named(self, words: str, fact: Fact) -> tuple[str, str]:
        """What a ticket or a tender is called, and the same as stored: its number when no words can be said."""
        return (self.say(words), words) if _is_nameable(words) else (fact.value, fact.value)


def _is_nameable(words: str) -> bool:
    """Whether a ticket or a tender may be called by these words of a record."""
    return bool(words) and not TOKEN.search(words) and is_sayable("text", words)


def brief(
    tx: Connection,
    vault: Vault,
    company: Company,
    permit: Permit | None,
    customer: Customer,
    *,
    product: str | None,
    as_of: date,
    language: Language,
    known_at: datetime | None = None,
) -> Brief:
    """
    Of a day, as far as was known at `known_at` (None: now). No personal value is read: people stay tokens.

    Raises NoConsent unless the permit covers the decision maker; without a known one no permit is needed. Raises
    NotFound for an unknown product.
    """
    decider = decision_maker(tx, customer.id, as_of, known_at=known_at)
    if decider is not None and (permit is None or permit.purpose == REDACTION or not permit.covers(decider.subject)):
        raise _refusal(customer, decider)
    desk = _Desk(company, customer, as_of, language)
    stated = facts_about(tx, customer.id, as_of=None, known_at=known_at)
    rivals = disputed_posts(tx, customer.id, as_of, known_at=known_at)
    place = workplace(tx, decider.subject, customer.id) if decider else None
    bought = _purchases(stated, as_of)
    by_id = {fact.id: fact for fact in stated}
    offered = find_product(tx, product) if product else None
    offer = offer_of(tx, company, offered, as_of, language, known_at=known_at) if offered else Offer((), (), (), ())
    groups = [*_customer_groups(desk, stated), *_decider_groups(desk, decider, place)]
    groups += [*_purchase_groups(desk, bought, by_id), *offer.groups]
    known = {group.id: group for group in groups}
    titles = tuple(deciding_posts(tx, customer.id, known_at=known_at))
    all_facts = {fact.id: fact for fact in (*stated, *offer.facts, *titles, *((place,) if place else ()))}
    notices = (*_title_notice(desk, known, decider), *_tender_notice(desk, stated), *_ticket_notices(desk, stated))
    notices += (*_dispute_notice(rivals), *offer.notices)
    disputed = (*(("decider",) if rivals and "decider" not in known else ()), *offer.disputed)
    used = _used(known.values(), bought, titles)
    cited = [*(all_facts[key].source for key in used), *(source for notice in notices for source in notice.sources)]
    asked = GROUPS.keys() - {"rep"} - (frozenset() if offered else PRODUCT_GROUPS)
    return Brief(
        customer=customer,
        product=offered.id if offered else None,
        language=language,
        as_of=as_of,
        groups={name: known[name] for name in GROUPS if name in known},
        unknown=tuple(name for name in GROUPS if name in asked and name not in known and name not in disputed),
        disputed=disputed,
        facts={key: all_facts[key] for key in used},
        sources=sources(tx, vault, cited),
        purchases=tuple(bought),
        titles=titles,
        notices=notices,
    )


def _refusal(customer: Customer, decider: Fact) -> NoConsent:
    reason = {"zh": "没有涵盖此人的许可", "en": "no permit covers this person"}
    purpose = {"zh": "联系", "en": "contact"}
    return NoConsent(subject=f"{customer.name}{decider.value}", purpose=purpose, reason=reason)


def _used(groups: Iterable[Group], bought: Sequence[Purchase], titles: Sequence[Fact]) -> list[str]:
    ids = [key for group in groups for item in group.values for key in item.facts]
    ids += [key for purchase in bought for key in purchase.facts]
    return list(dict.fromkeys([*ids, *(fact.id for fact in titles)]))


def _customer_groups(desk: _Desk, stated: Sequence[Fact]) -> list[Group]:
    names = [fact for fact in stated if fact.relation == "name"]
    text = desk.customer.name if desk.language == "zh" else desk.customer.name_en
    groups = [Group("customer", (value("customer", "organisation", text, desk.customer.name, names),))]
    groups += [group for group in (_budget(desk, stated), _ticket(desk, stated), _tender(desk, stated)) if group]
    return groups


def _decider_groups(desk: _Desk, decider: Fact | None, place: Fact | None) -> list[Group]:
    if decider is None:
        return []
    field = "name" if desk.language == "zh" else "name_en"
    support = [decider, place] if place else [decider]
    person = value("decider", "person", token(decider.subject, field), decider.subject, support)
    configured = decider.value in (*desk.company.file.glossary, *desk.company.file.decision_titles)
    post = decider.value if configured or is_sayable("title", decider.value) else desk.company.term("contact", "zh")
    spoken = desk.say(post) if post == decider.value else desk.company.term("contact", desk.language)
    title = value("decider_title", "title", spoken, post, [decider])
    groups = [Group("decider", (person, title))]
    since = decider.valid_from
    if since is not None and _months_between(since, desk.as_of) <= NEW_IN_POST_MONTHS:
        month = value("decider_since", "month", say_month(since, desk.language), since.isoformat()[:7], [decider])
        groups.append(Group("title_change", (month,)))
    return groups


def _months_between(first: date, last: date) -> float:
    return (last.year - first.year) * 12 + last.month - first.month + (last.day - first.day) / 31


def _budget(desk: _Desk, stated: Sequence[Fact]) -> Group | None:
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


def _ticket(desk: _Desk, stated: Sequence[Fact]) -> Group | None:
    opened = open_tickets(stated, desk.as_of)
    named = [fact for fact in opened if _is_nameable(fact.attributes.get("subject", ""))] or opened
    if not named or (day := named[0].valid_from) is None:
        return None
    subject = named[0].attributes.get("subject", "")
    values = (
        value("ticket_date", "date", say_date(day, desk.language), day.isoformat(), named[:1]),
        value("ticket_subject", "text", *desk.named(subject, named[0]), named[:1]),
    )
    return Group("ticket", values)


def _tender(desk: _Desk, stated: Sequence[Fact]) -> Group | None:
    ending = [fact for fact in open_tenders(stated, desk.as_of) if fact.valid_to is not None]
    dated = [fact for fact in ending if _is_nameable(fact.attributes.get("title", ""))] or ending
    if not dated or (closes := dated[0].valid_to) is None:
        return None
    title = dated[0].attributes.get("title", "")
    values = (
        value("tender_title", "text", *desk.named(title, dated[0]), dated[:1]),
        value("tender_closes", "date", say_date(closes, desk.language), closes.isoformat(), dated[:1]),
    )
    return Group("tender", values)


def _purchases(stated: Sequence[Fact], as_of: date) -> list[Purchase]:
    """Per category and unit what was bought in the last three years, newest first."""
    found: list[Purchase] = []
    for (category, unit), bought in recent_orders(stated, as_of).items():
        amounts = [quantity_of(fact) for _, fact in bought]
        whole = int(sum(amounts)) if all(amount > 0 and amount.is_integer() for amount in amounts) else 0
        years = tuple(sorted({day.year for day, _ in bought}))
        last = max(day for day, _ in bought)
        found.append(Purchase(category, years, whole, unit, last, tuple(fact.id for _, fact in bought)))
    return sorted(found, key=lambda purchase: (purchase.last, purchase.category, purchase.unit), reverse=True)


def _purchase_groups(desk: _Desk, bought: Sequence[Purchase], by_id: Mapping[str, Fact]) -> list[Group]:
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


def _title_notice(desk: _Desk, known: Mapping[str, Group], decider: Fact | None) -> tuple[Notice, ...]:
    if decider is None or decider.valid_from is None or "title_change" not in known:
        return ()
    title = desk.company.translate(decider.value, "en")
    text = Bilingual(
        zh=f"决策人（{decider.value}）从{say_month(decider.valid_from, 'zh')}起任现职，此前的沟通对象可能已变动。",
        en=f"The decision maker ({title}) has held the post since {say_month(decider.valid_from, 'en')};"
        " earlier contacts may have changed.",
    )
    return (Notice("title_change", text, (decider.source,)),)


def _dispute_notice(rivals: Sequence[Fact]) -> tuple[Notice, ...]:
    if not rivals:
        return ()
    text = Bilingual(
        zh=f"谁担任“{rivals[0].value}”在资料中互相矛盾，核实之前不可指名。",
        en="The sources contradict each other about who decides. Name nobody before it is checked.",
    )
    return (Notice("contradiction", text, tuple(dict.fromkeys(fact.source for fact in rivals))),)


def _tender_notice(desk: _Desk, stated: Sequence[Fact]) -> tuple[Notice, ...]:
    notices: list[Notice] = []
    for fact in open_tenders(stated, desk.as_of):
        title = fact.attributes.get("title", "")
        zh = f"“{pseudonymise(title, 'zh')}”正在招标"
        en = f"The tender '{pseudonymise(desk.company.translate(title, 'en'), 'en')}' is open"
        if fact.valid_to:
            zh, en = f"{zh}（{say_date(fact.valid_to, 'zh')}截止）", f"{en} until {say_date(fact.valid_to, 'en')}"
        text = Bilingual(
            zh=f"{zh}：期间只能通过招标公告规定的渠道沟通，不得推介产品。",
            en=f"{en}: until then communicate only through the channel of its notice, and do not promote products.",
        )
        notices.append(Notice("tender_blackout", text, (fact.source,)))
    return tuple(notices)


def _ticket_notices(desk: _Desk, stated: Sequence[Fact]) -> tuple[Notice, ...]:
    notices: list[Notice] = []
    for fact in open_tickets(stated, desk.as_of):
        subject, day = fact.attributes.get("subject", ""), fact.valid_from or desk.as_of
        text = Bilingual(
            zh=f"{say_date(day, 'zh')}登记的服务单“{pseudonymise(subject, 'zh')}”尚未关闭。",
            en=f"The service ticket '{pseudonymise(desk.company.translate(subject, 'en'), 'en')}' of"
            f" {say_date(day, 'en')} is still open.",
        )
        notices.append(Notice("open_ticket", text, (fact.source,)))
    return tuple(notices)
