"""What a question about a customer is answered with: lines of its card on the day, its place and its registration."""

from collections.abc import Callable, Iterator, Mapping, Sequence

from governance.vault import Vault
from rag.answer_product import Desk, Line
from rag.customer_360 import Customer360, customer_360
from rag.customer_words import Worded, Wording
from rag.facts import Fact, facts_about

PARTS: Mapping[str, str] = {"decider": "decision_makers"}  # aspects that are parts of the card under another name
_FIELDS = (
    ("registration", "登记号", "registration"),
    ("campus", "院区", "campus"),
    ("former_names", "曾用名", "former names"),
    ("level", "等级", "level"),
    ("region", "省市", "region"),
)


def customer_lines(desk: Desk, vault: Vault, customer: str, aspects: Sequence[str]) -> dict[str, list[Line]]:
    """Aspect → its lines; none when nothing is known."""
    whose = desk.customer(customer)
    if whose is None or not aspects:
        return {aspect: [] for aspect in aspects}
    known = customer_360(desk.tx, vault, desk.company, whose, product=None, as_of=desk.as_of, known_at=desk.known_at)
    worded = [line for line in Wording(desk.company, desk.language).lines(known) if _meant(desk, known, line)]
    found = {aspect: [_line(line) for line in worded if line.part == PARTS.get(aspect, aspect)] for aspect in aspects}
    if "decider" in found and "decision_makers" in known.disputed:
        found["decider"].insert(0, _disputed(desk, known))
    for aspect in found.keys() & _STATED.keys():
        stated = facts_about(desk.tx, customer, as_of=desk.as_of, known_at=desk.known_at)
        found[aspect] = list(_STATED[aspect](desk, stated))
    return found


def _meant(desk: Desk, known: Customer360, line: Worded) -> bool:
    """When the question names years, orders of other years are not."""
    if line.part != "purchases" or not desk.years:
        return True
    days = (known.facts[key].valid_from for key in line.support.facts)
    return any(day is not None and day.year in desk.years for day in days)


def _line(line: Worded) -> Line:
    text = f"{line.text} · {line.tag}" if line.tag else line.text
    return Line(text, line.support.facts, line.support.sources, person=line.person)


def _disputed(desk: Desk, known: Customer360) -> Line:
    facts = [fact for conflict in known.conflicts for fact in conflict.facts if fact.relation == "holds_title"]
    zh = "谁任现职在资料中互相矛盾，核实之前不可指名。"
    en = "The sources contradict each other about who holds the post; name nobody before it is checked."
    sources = tuple(dict.fromkeys(fact.source for fact in facts))
    return Line(desk.say(zh, en), tuple(fact.id for fact in facts), sources)


def _group(desk: Desk, stated: Sequence[Fact]) -> Iterator[Line]:
    for fact in stated:
        if fact.relation == "part_of":
            yield _of(fact, desk.say(f"隶属{desk.name(fact.object)}", f"Part of {desk.name(fact.object)}"))
        elif fact.relation == "purchases_through":
            name = desk.company.translate(fact.object.partition(":")[2], desk.language)
            yield _of(fact, desk.say(f"采购联盟：{name}", f"Purchasing group: {name}"))


def _identity(desk: Desk, stated: Sequence[Fact]) -> Iterator[Line]:
    for fact in stated:
        if fact.relation == "name":
            said = [
                desk.say(f"{zh}：{value}", f"{en}: {desk.company.translate(value, desk.language)}")
                for field, zh, en in _FIELDS
                if (value := fact.attributes.get(field))
            ]
            name = fact.value if desk.language == "zh" else fact.attributes.get("name_en") or fact.value
            yield _of(fact, desk.say("；", "; ").join([name, *said]))


def _of(fact: Fact, text: str) -> Line:
    return Line(text, (fact.id,), (fact.source,))


_STATED: Mapping[str, Callable[[Desk, Sequence[Fact]], Iterator[Line]]] = {"group": _group, "identity": _identity}
