"""What the sources say of one product on a day: which certificate is valid, and about what they contradict. Pure."""

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Literal

from rag.facts import Fact, holds
from rag.relations import clashes

RELATIONS = ("certificate", "scope", "warranty")


@dataclass(frozen=True, slots=True)
class CertificateState:
    """
    `number` and `until` (ISO) only when it is valid or expired; `facts` are those that state it or contradict.

    "unstated": a certificate is named, but nobody says until when it is valid.
    """

    kind: Literal["valid", "expired", "disputed", "unstated", "none"]
    number: str = ""
    until: str = ""
    facts: tuple[Fact, ...] = ()


def certificate_on(stated: Sequence[Fact], day: date) -> CertificateState:
    """Of several valid ones the one that ends last: a renewed certificate takes the old one's place."""
    known = _with_first_days([fact for fact in stated if fact.relation == "certificate"])
    live = {fact.value for fact in known if holds(fact, day)}
    if not live:
        return _ended(known, day)
    newest = max(until_of(fact) for fact in known if fact.value in live and holds(fact, day))
    last = {fact.value for fact in known if fact.value in live and until_of(fact) == newest}
    facts = sorted((fact for fact in known if fact.value in last), key=lambda fact: -len(fact.attributes))
    against = {fact.id for fact in clashes(facts)}
    if len(last) > 1 or any(fact.id in against and holds(fact, day) for fact in facts):
        return CertificateState("disputed", facts=tuple(facts))
    telling = tuple(fact for fact in facts if holds(fact, day))
    if not newest:
        return CertificateState("unstated", facts[0].value, "", telling)
    return CertificateState("valid", facts[0].value, newest, telling)


def disputes(stated: Sequence[Fact], day: date, certificate: CertificateState) -> Mapping[str, tuple[Fact, ...]]:
    """Relation → the statements of that day that contradict each other; `certificate` is the state of that day."""
    found: dict[str, tuple[Fact, ...]] = {}
    if certificate.kind == "disputed":
        found["certificate"] = certificate.facts
    now = [fact for fact in stated if holds(fact, day)]
    for facts in by_language(now).values():
        if len({_squeezed(fact.value) for fact in facts}) > 1:
            found.setdefault("scope", tuple(facts))
    warranties = tuple(fact for fact in now if fact.relation == "warranty")
    if len({fact.value for fact in warranties}) > 1:
        found["warranty"] = warranties
    return found


def by_language(stated: Sequence[Fact]) -> dict[str, list[Fact]]:
    """The scopes, each with those in its language."""
    found: dict[str, list[Fact]] = defaultdict(list)
    for fact in stated:
        if fact.relation == "scope":
            found[fact.attributes.get("language", "zh")].append(fact)
    return found


def until_of(fact: Fact) -> str:
    """The last day of validity as stated, ISO; "" when the document does not say."""
    return fact.attributes.get("until", "")


def _with_first_days(stated: Sequence[Fact]) -> list[Fact]:
    """A document that leaves the first day out speaks of the same period as one that states it."""
    first: dict[tuple[str, str], date] = {}
    for fact in stated:
        key = (fact.value, until_of(fact))
        if fact.valid_from and until_of(fact):
            first[key] = max(first.get(key, date.min), fact.valid_from)
    return [
        replace(fact, valid_from=first.get((fact.value, until_of(fact)))) if fact.valid_from is None else fact
        for fact in stated
    ]


def _ended(known: Sequence[Fact], day: date) -> CertificateState:
    ended = [fact for fact in known if until_of(fact) and until_of(fact) < day.isoformat()]
    if not ended:
        return CertificateState("none")
    last = max(ended, key=until_of)
    return CertificateState(
        "expired", last.value, until_of(last), tuple(fact for fact in ended if fact.value == last.value)
    )


def _squeezed(text: str) -> str:
    return re.sub(r"[\s，,。.；;：:、]", "", text).casefold()
