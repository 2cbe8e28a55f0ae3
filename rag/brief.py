"""What is known about one customer on one day: groups of values with facts and sources, gaps and disputes named."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import Connection

from governance.consent import REDACTION, Permit
from governance.errors import Language, NoConsent
from governance.vault import Vault, pseudonymise
from rag.brief_groups import Desk, customer_groups, decider_groups, purchase_groups, purchases_of
from rag.company import GROUPS, Bilingual, Company
from rag.customer_lines import open_tenders, open_tickets, promises
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
from rag.offers import Offer, offer_of
from rag.sources import Source, sources
from rag.values import Group, Notice, Purchase, Value

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
    desk = Desk(company, customer, as_of, language)
    stated = facts_about(tx, customer.id, as_of=None, known_at=known_at)
    rivals = disputed_posts(tx, customer.id, as_of, known_at=known_at)
    place = workplace(tx, decider.subject, customer.id) if decider else None
    bought = purchases_of(stated, as_of)
    by_id = {fact.id: fact for fact in stated}
    offered = find_product(tx, product) if product else None
    offer = offer_of(tx, company, offered, as_of, language, known_at=known_at) if offered else Offer((), (), (), ())
    groups = [*customer_groups(desk, stated), *decider_groups(desk, decider, place)]
    groups += [*purchase_groups(desk, bought, by_id), *offer.groups]
    known = {group.id: group for group in groups}
    titles = tuple(deciding_posts(tx, customer.id, known_at=known_at))
    all_facts = {fact.id: fact for fact in (*stated, *offer.facts, *titles, *((place,) if place else ()))}
    notices = (*_title_notice(desk, known, decider), *_tender_notice(desk, stated), *_ticket_notices(desk, stated))
    notices += (*_promise_notices(desk, stated), *_dispute_notice(rivals), *offer.notices)
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


def _title_notice(desk: Desk, known: Mapping[str, Group], decider: Fact | None) -> tuple[Notice, ...]:
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


def _tender_notice(desk: Desk, stated: Sequence[Fact]) -> tuple[Notice, ...]:
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


def _ticket_notices(desk: Desk, stated: Sequence[Fact]) -> tuple[Notice, ...]:
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


def _promise_notices(desk: Desk, stated: Sequence[Fact]) -> tuple[Notice, ...]:
    """What we promised and is late: the customer will ask."""
    notices: list[Notice] = []
    for line in promises(stated, desk.as_of):
        if line.overdue and line.due:
            text = Bilingual(
                zh=f"我方承诺“{pseudonymise(line.text, 'zh')}”已过期（期限{say_date(line.due, 'zh')}），客户可能会问。",
                en=f"We promised '{pseudonymise(desk.company.translate(line.text, 'en'), 'en')}' by"
                f" {say_date(line.due, 'en')}: it is late, and the customer may ask.",
            )
            notices.append(Notice("late_promise", text, line.support.sources))
    return tuple(notices)
