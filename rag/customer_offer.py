"""What may be said of the products that a customer could be offered, on one day. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from rag.customer_lines import Support, support
from rag.facts import Fact
from rag.product_state import certificate_on, disputes


@dataclass(frozen=True, slots=True)
class CertificateLine:
    """Of one product (a subject of facts); `until` is its last day."""

    product: str
    number: str
    until: date
    support: Support


@dataclass(frozen=True, slots=True)
class DisputedLine:
    """The sources contradict each other about the `relation` of a product: nothing of it may be quoted."""

    product: str
    relation: str
    support: Support


def certificates(
    offered: Mapping[str, Sequence[Fact]], day: date
) -> tuple[tuple[CertificateLine, ...], tuple[CertificateLine, ...], tuple[DisputedLine, ...]]:
    """Valid, expired, and what the sources contradict each other about, by product."""
    found: dict[str, list[CertificateLine]] = {"valid": [], "expired": []}
    against: list[DisputedLine] = []
    for product, stated in sorted(offered.items()):
        known = certificate_on(stated, day)
        if known.until and known.kind in found:
            until = date.fromisoformat(known.until)
            found[known.kind].append(CertificateLine(product, known.number, until, support(known.facts)))
        against += [DisputedLine(product, name, support(facts)) for name, facts in disputes(stated, day, known).items()]
    return tuple(found["valid"]), tuple(found["expired"]), tuple(against)


def by_product(stated: Iterable[Fact]) -> dict[str, tuple[Fact, ...]]:
    """The statements under their subjects."""
    found: dict[str, list[Fact]] = {}
    for fact in stated:
        found.setdefault(fact.subject, []).append(fact)
    return {subject: tuple(facts) for subject, facts in found.items()}
