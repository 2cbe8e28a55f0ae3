"""What a question about a customer is answered with, out of all that is known about it on the day."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date

from governance.vault import Vault, token
from rag.answer_product import Desk, Line
from rag.company import Bilingual
from rag.customer_360 import Customer360, customer_360
from rag.customer_buying import PurchaseLine
from rag.customer_lines import Support
from rag.dates import say_date
from rag.facts import Fact, facts_about
from rag.values import say_quantity

TRENDS: Mapping[str, Bilingual] = {
    "new": Bilingual(zh="近一年新采购", en="new in the last year"),
    "up": Bilingual(zh="较上一年度增加", en="up on the year before"),
    "down": Bilingual(zh="较上一年度减少", en="down on the year before"),
    "flat": Bilingual(zh="与上一年度持平", en="as in the year before"),
}
CHANNELS: Mapping[str, Bilingual] = {
    "phone": Bilingual(zh="电话", en="phone"),
    "visit": Bilingual(zh="拜访", en="visit"),
    "mail": Bilingual(zh="邮件", en="mail"),
    "meeting": Bilingual(zh="会议", en="meeting"),
    "chat": Bilingual(zh="聊天", en="chat"),
}
CONSENTS: Mapping[str, Bilingual] = {
    "live": Bilingual(zh="有效", en="live"),
    "expired": Bilingual(zh="已到期", en="expired"),
    "withdrawn": Bilingual(zh="已撤回", en="withdrawn"),
    "absent": Bilingual(zh="没有记录", en="absent"),
}


def customer_lines(desk: Desk, vault: Vault, customer: str, aspects: Sequence[str]) -> dict[str, list[Line]]:
    """Aspect → its lines; none when nothing is known."""
    if customer not in desk.customers:
        return {aspect: [] for aspect in aspects}
    known = customer_360(
        desk.tx,
        vault,
        desk.company,
        desk.customers[customer],
        product=None,
        as_of=desk.as_of,
        known_at=desk.known_at,
    )
    return {aspect: list(_SAY[aspect](desk, known)) for aspect in aspects}


def _line(text: str, rests_on: Support) -> Line:
    return Line(text, rests_on.facts, rests_on.sources)


def _person(desk: Desk, person: str) -> str:
    return token(person, "name" if desk.language == "zh" else "name_en")


def _day(desk: Desk, day: date | None) -> str:
    return say_date(day, desk.language) if day else desk.say("日期不详", "day unknown")


def _term(desk: Desk, text: str) -> str:
    return desk.company.translate(text, desk.language)


def _deciders(desk: Desk, known: Customer360) -> Iterator[Line]:
    if "decision_makers" in known.disputed:
        facts = [fact for conflict in known.conflicts for fact in conflict.facts if fact.relation == "holds_title"]
        sources = tuple(dict.fromkeys(fact.source for fact in facts))
        text = desk.say(
            "谁任现职在资料中互相矛盾，核实之前不可指名。",
            "The sources contradict each other about who holds the post.",
        )
        yield Line(text, tuple(fact.id for fact in facts), sources)
    for line in known.decision_makers:
        title, since = _term(desk, line.title), _day(desk, line.since)
        zh = f"{_person(desk, line.person)}，{title}，{since}起任职"
        yield _line(desk.say(zh, f"{_person(desk, line.person)}, {title} since {since}"), line.support)


def _changes(desk: Desk, known: Customer360) -> Iterator[Line]:
    for line in known.changes:
        who, title, day = _person(desk, line.person), _term(desk, line.title), _day(desk, line.day)
        began = line.event == "began"
        zh = f"{who}自{day}起任{title}" if began else f"{who}自{day}起不再任{title}"
        en = f"{who} {'became' if began else 'ceased to be'} {title} on {day}"
        yield _line(desk.say(zh, en), line.support)


def _budget(desk: Desk, known: Customer360) -> Iterator[Line]:
    if line := known.budget:
        first, last = _day(desk, line.first), _day(desk, line.last)
        guess = desk.say("（按往年窗口推算）", " (projected from earlier years)") if line.projected else ""
        zh = f"{line.year}年度预算的申报窗口：{first}至{last}{guess}"
        yield _line(desk.say(zh, f"The {line.year} budget is applied for from {first} to {last}{guess}"), line.support)


def _purchases(desk: Desk, known: Customer360) -> Iterator[Line]:
    for line in known.purchases:
        if desk.years and not any(_bought_in(known.facts[key], desk.years) for key in line.support.facts):
            continue
        yield _line(_purchase_words(desk, line), line.support)


def _bought_in(fact: Fact, years: Sequence[int]) -> bool:
    return fact.valid_from is not None and fact.valid_from.year in years


def _purchase_words(desk: Desk, line: PurchaseLine) -> str:
    def count(amount: float) -> str:
        whole = int(amount)
        return say_quantity(whole, line.unit, desk.company, desk.language) if amount == whole else f"{amount:g}"

    category, trend = _term(desk, line.category), TRENDS[line.trend].say(desk.language)
    return desk.say(
        f"{category}：近一年{count(line.last12)}，上一年{count(line.previous12)}，再前一年{count(line.older12)}，"
        f"{trend}；最近一次{_day(desk, line.last)}",
        f"{category}: {count(line.last12)} in the last year, {count(line.previous12)} and {count(line.older12)} in the "
        f"two before, {trend}; last on {_day(desk, line.last)}",
    )


def _tickets(desk: Desk, known: Customer360) -> Iterator[Line]:
    for line in known.open_tickets:
        zh = f"{_day(desk, line.opened)}登记，尚未关闭：{line.subject}（{line.id}）"
        yield _line(
            desk.say(zh, f"{_term(desk, line.subject)} ({line.id}), open since {_day(desk, line.opened)}"), line.support
        )


def _promises(desk: Desk, known: Customer360) -> Iterator[Line]:
    for line in known.promises:
        due = _day(desk, line.due) if line.due else desk.say("未定期限", "no day agreed")
        late = desk.say("，已逾期", ", overdue") if line.overdue else ""
        owner = desk.say(f"，负责人{line.owner}", f", {_term(desk, line.owner)}") if line.owner else ""
        zh = f"{_day(desk, line.made)}承诺：{line.text}（期限{due}{late}{owner}）"
        en = f"Promised on {_day(desk, line.made)}: {_term(desk, line.text)} (due: {due}{late}{owner})"
        yield _line(desk.say(zh, en), line.support)


def _communications(desk: Desk, known: Customer360) -> Iterator[Line]:
    for line in known.communications:
        channel = CHANNELS[line.channel].say(desk.language) if line.channel in CHANNELS else line.channel
        whom = f"{desk.say('，', ', ')}{_person(desk, line.person)}" if line.person else ""
        colon = desk.say("：", ": ")
        yield _line(f"{_day(desk, line.day)} {channel}{whom}{colon}{_term(desk, line.subject)}", line.support)


def _tenders(desk: Desk, known: Customer360) -> Iterator[Line]:
    for line in known.tenders:
        title, end = _term(desk, line.title), _day(desk, line.blackout_to) if line.blackout_to else ""
        zh = f"“{title}”正在招标" + (f"，{end}截止" if end else "") + "：期间不得推介产品"
        en = f"The tender '{title}' is open" + (f" until {end}" if end else "") + ": promote nothing meanwhile"
        yield _line(desk.say(zh, en), line.support)


def _consent(desk: Desk, known: Customer360) -> Iterator[Line]:
    for line in known.decision_makers:
        state, title = CONSENTS[line.consent].say(desk.language), _term(desk, line.title)
        zh = f"{_person(desk, line.person)}（{title}）的联系同意：{state}"
        yield _line(
            desk.say(zh, f"Consent of {_person(desk, line.person)} ({title}) to contact: {state}"), line.support
        )


def _group(desk: Desk, known: Customer360) -> Iterator[Line]:
    stated = facts_about(desk.tx, known.customer.id, as_of=desk.as_of, known_at=desk.known_at)
    for fact in stated:
        if fact.relation == "part_of":
            zh, en = f"隶属{desk.name(fact.object)}", f"Part of {desk.name(fact.object)}"
        elif fact.relation == "purchases_through":
            name = _term(desk, fact.object.partition(":")[2])
            zh, en = f"采购联盟：{name}", f"Purchasing group: {name}"
        else:
            continue
        yield Line(desk.say(zh, en), (fact.id,), (fact.source,))


def _identity(desk: Desk, known: Customer360) -> Iterator[Line]:
    fields = (
        ("registration", "登记号", "registration"),
        ("campus", "院区", "campus"),
        ("former_names", "曾用名", "former names"),
        ("level", "等级", "level"),
        ("region", "省市", "region"),
    )
    for fact in facts_about(desk.tx, known.customer.id, as_of=None, known_at=desk.known_at, relation="name"):
        said = [
            desk.say(f"{zh}：{value}", f"{en}: {_term(desk, value)}")
            for field, zh, en in fields
            if (value := fact.attributes.get(field))
        ]
        name = fact.value if desk.language == "zh" else fact.attributes.get("name_en") or fact.value
        yield Line(desk.say("；", "; ").join([name, *said]), (fact.id,), (fact.source,))


_SAY: Mapping[str, Callable[[Desk, Customer360], Iterator[Line]]] = {
    "decider": _deciders,
    "changes": _changes,
    "budget": _budget,
    "purchases": _purchases,
    "tickets": _tickets,
    "promises": _promises,
    "communications": _communications,
    "tenders": _tenders,
    "consent": _consent,
    "group": _group,
    "identity": _identity,
}
