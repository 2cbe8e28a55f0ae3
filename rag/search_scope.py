"""What a search may look at, and what is known of a passage for it; opaque ids only, never a name or a text."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date

from governance.errors import Language


@dataclass(frozen=True, slots=True)
class Scope:
    """
    A part left empty limits nothing. A passage must fit every other part: of `customers`, `products`, `documents` and
    `kinds` it has any one, of `purposes` its passport permits all, and it is dated `not_after` or bears no date.
    """

    customers: frozenset[str] = frozenset()
    products: frozenset[str] = frozenset()
    documents: frozenset[str] = frozenset()
    kinds: frozenset[str] = frozenset()  # of the document: markdown, mail, dialogue …
    language: Language | None = None
    not_after: date | None = None
    purposes: frozenset[str] = frozenset()


EVERYTHING = Scope()


@dataclass(frozen=True, slots=True)
class Tags:
    """What a passage is filtered by; customers and products are those that it mentions."""

    language: Language
    document: str = ""
    kind: str = ""
    day: date | None = None
    customers: frozenset[str] = frozenset()
    products: frozenset[str] = frozenset()
    purposes: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Point:
    """One searchable piece of text. `id` is a UUID that changes with the text and with what it is filtered by."""

    id: str
    source: str
    tags: Tags


def fits(scope: Scope, tags: Tags) -> bool:
    """Whether the passage lies within the scope; the engines must agree with it."""
    any_of: tuple[tuple[Collection[str], Collection[str]], ...] = (
        (scope.customers, tags.customers),
        (scope.products, tags.products),
        (scope.documents, {tags.document}),
        (scope.kinds, {tags.kind}),
        ({scope.language} if scope.language else (), {tags.language}),
    )
    if any(wanted and not set(wanted) & set(own) for wanted, own in any_of):
        return False
    late = scope.not_after is not None and tags.day is not None and tags.day > scope.not_after
    return scope.purposes <= tags.purposes and not late
