"""Which customers and products a text names, and which titles are known: what the readers of claims look for. Pure."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from rag.customers import Customer, Product

SHORTEST_ZH, SHORTEST_EN = 4, 8  # a shorter name of a customer may be a part of another's


@dataclass(frozen=True, slots=True)
class Naming:
    """`titles`: posts that people of customers hold; the ones with one holder at a time are `unique_titles`."""

    customers: Mapping[str, str] = field(default_factory=dict[str, str])
    products: Mapping[str, str] = field(default_factory=dict[str, str])
    titles: frozenset[str] = frozenset()
    unique_titles: frozenset[str] = frozenset()

    def customers_in(self, texts: Iterable[str]) -> set[str]:
        """All that these texts name; the longest name that fits counts."""
        return _found(self.customers, texts)

    def products_in(self, texts: Iterable[str]) -> set[str]:
        """All that these texts name."""
        return _found(self.products, texts)


def naming_of(
    customers: Sequence[Customer], products: Sequence[Product], titles: Iterable[str], unique: Iterable[str]
) -> Naming:
    """A name that two bear names neither."""
    bearers: dict[str, set[str]] = {}
    for customer in customers:
        for name in (customer.name, customer.name_en, *customer.aliases):
            if len(name) >= (SHORTEST_EN if name.isascii() else SHORTEST_ZH):
                bearers.setdefault(name.casefold(), set()).add(customer.id)
    goods: dict[str, set[str]] = {}
    for product in products:
        for name in (product.name, product.name_en, product.model):
            if len(name) > 2:
                goods.setdefault(name.casefold(), set()).add(product.id)
    return Naming(_only(bearers), _only(goods), frozenset(titles), frozenset(unique))


def _only(bearers: Mapping[str, set[str]]) -> dict[str, str]:
    return {name: next(iter(ids)) for name, ids in bearers.items() if len(ids) == 1}


def _found(names: Mapping[str, str], texts: Iterable[str]) -> set[str]:
    if not names:
        return set()
    longest = sorted(names, key=len, reverse=True)
    pattern = re.compile("|".join(rf"(?<![a-z0-9-]){re.escape(name)}(?![a-z0-9]|-[a-z0-9])" for name in longest))
    return {names[match.group()] for text in texts for match in pattern.finditer(text.casefold())}
