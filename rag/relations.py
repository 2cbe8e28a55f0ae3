"""The relations of the graph: what they point to, and which hold one statement at a time. Pure."""

import hashlib
import json
import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rag.facts import Fact


@dataclass(frozen=True, slots=True)
class Relation:
    """
    `object`: "value" or the attribute that names another entity, `prefix` stands before a bare id; "": a property.

    `slot`: of what the place is made that holds one statement at a time ("subject", "value" or attributes); none: many
    may hold. `says`: the parts in which two statements about one slot must not differ; an empty part says nothing.
    """

    object: str = ""
    prefix: str = ""
    slot: tuple[str, ...] = ()
    says: tuple[str, ...] = ("value",)
    where_unique: bool = False  # only those that the import marks: a department has one head and many engineers


RELATIONS: Mapping[str, Relation] = {
    "name": Relation(),
    "part_of": Relation(object="value", slot=("subject",)),
    "purchases_through": Relation(object="value"),
    "works_at": Relation(object="value"),
    "holds_title": Relation(
        object="customer", slot=("customer", "department", "value"), says=("subject",), where_unique=True
    ),
    "bought": Relation(object="product", prefix="product:"),
    "ticket": Relation(object="product", prefix="product:"),
    "tender": Relation(),
    "budget": Relation(slot=("subject", "value"), says=("window_from", "window_to", "amount")),
    "price": Relation(object="customer", slot=("subject", "customer", "currency", "unit")),
    "contacted": Relation(object="person"),
    "promise": Relation(),
    "certificate": Relation(slot=("subject", "value"), says=("until",)),
    "scope": Relation(slot=("subject", "language")),
    "warranty": Relation(slot=("subject",)),
}
_OTHER = Relation()
_MARKS = re.compile(r"[\s，,。.；;：:、]")
_BARE = re.compile(r"(?i)主任|科长|处长|部长|护士长|经理|总监|director|head|chief|manager")  # of what is not said


def object_of(relation: str, value: str, attributes: Mapping[str, str]) -> str:
    """The entity that a fact points to; "" for a property."""
    rule = RELATIONS.get(relation, _OTHER)
    named = value if rule.object == "value" else attributes.get(rule.object, "") if rule.object else ""
    return named if not named or named.startswith(rule.prefix) else rule.prefix + named


def slot_of(relation: str, subject: str, value: str, attributes: Mapping[str, str], *, unique: bool) -> str:
    """The key of the place that holds one statement at a time; "" where many may hold."""
    rule = RELATIONS.get(relation, _OTHER)
    if not rule.slot or (rule.where_unique and (not unique or _nowhere(value, attributes))):
        return ""
    parts = [relation, *(_part(name, subject, value, attributes) for name in rule.slot)]
    return "k_" + hashlib.sha256(json.dumps(parts, ensure_ascii=False).encode()).hexdigest()[:24]


def disagree(one: "Fact", other: "Fact") -> bool:
    """Whether two facts of one slot cannot both be right at a time."""
    names = RELATIONS.get(one.relation, _OTHER).says
    pairs = ((_said(name, one), _said(name, other)) for name in names)
    return any(mine and theirs and mine != theirs for mine, theirs in pairs)


def timeline(slot: Sequence["Fact"]) -> list["Fact"]:
    """
    The facts of one slot with their ends: an open one ends on the first day of the next that says otherwise.

    It depends on the facts alone, not on the order in which they came to be known: a late arrival or a retired
    successor moves the ends by itself. An end that a source states is never moved.
    """

    if len(slot) == 1:
        return list(slot)
    dated = sorted(((each.valid_from, each) for each in slot if each.valid_from), key=lambda pair: pair[0])

    def end(fact: "Fact") -> date | None:
        start = _start(fact)
        return next((day for day, other in dated if day > start and disagree(fact, other)), None)

    return [replace(fact, valid_to=end(fact)) if fact.valid_to is None else fact for fact in slot]


def clashes(slot: Sequence["Fact"]) -> list["Fact"]:
    """Of a timeline those that hold on one day with another that says otherwise: no rule decides between them."""
    return [
        fact
        for fact in slot
        if any(other.id != fact.id and disagree(fact, other) and _overlap(fact, other) for other in slot)
    ]


def by_slot(facts: Iterable["Fact"]) -> dict[str, list["Fact"]]:
    """Those that lie in a slot, by it."""
    found: dict[str, list[Fact]] = {}
    for fact in facts:
        if fact.slot:
            found.setdefault(fact.slot, []).append(fact)
    return found


def _nowhere(title: str, attributes: Mapping[str, str]) -> bool:
    """A bare "director" of no department: two of them may lead two departments, so neither ends the other."""
    return not attributes.get("department") and _BARE.fullmatch(title.strip()) is not None


def _part(name: str, subject: str, value: str, attributes: Mapping[str, str]) -> str:
    return subject if name == "subject" else value if name == "value" else attributes.get(name, "")


def _said(name: str, fact: "Fact") -> str:
    text = _part(name, fact.subject, fact.value, fact.attributes)
    return _MARKS.sub("", unicodedata.normalize("NFKC", text)).casefold()


def _start(fact: "Fact") -> date:
    return fact.valid_from or date.min


def _overlap(one: "Fact", other: "Fact") -> bool:
    return _start(one) < (other.valid_to or date.max) and _start(other) < (one.valid_to or date.max)
