"""Labels such as 注册证编号 in documents → facts about the product that the document names; instructions stay text."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta

from governance.vault import TOKEN
from rag.blocks import Document, label_key
from rag.company import Documents
from rag.customers import Product, plain
from rag.dates import find_date, parse_months
from rag.hostile import is_hostile

_UNIT = r"(?:\s*[（(](?P<unit>[^（）()]{1,8})[）)])?"
SINGLE = ("certificate", "certificate_from", "certificate_until", "scope", "warranty")


@dataclass(frozen=True, slots=True)
class Statement:
    """A fact that a document states; `evidence` are the blocks and the words in them that state it."""

    product: str
    relation: str
    value: str
    attributes: Mapping[str, str]
    valid_from: date | None
    valid_to: date | None
    evidence: tuple[tuple[int, str], ...]


@dataclass(slots=True)
class _Card:
    """What one place of a document says about one product: relation → raw words, block."""

    product: str
    said: dict[str, tuple[str, int]] = field(default_factory=dict[str, tuple[str, int]])


def statements(document: Document, labels: Documents, products: Sequence[Product]) -> list[Statement]:
    """Facts about the products; a value that holds personal data or lies in a hostile block is never one."""
    pattern = _label_pattern(labels.labels)
    if pattern is None:
        return []
    relations = {label_key(label): relation for relation, names in labels.labels.items() for label in names}
    cards = _cards(document, pattern, relations, _Names(products))
    found = [statement for card in cards for statement in _statements(card, labels, document.language)]
    return list({(s.product, s.relation, s.value, str(s.attributes)): s for s in reversed(found)}.values())[::-1]


class _Names:
    """Finds products by id, name, English name and model in labels, headings and file names."""

    def __init__(self, products: Sequence[Product]) -> None:
        self.exact = {plain(name): p.id for p in products for name in (p.name, p.name_en, p.model) if name}
        named = [(name, p.id) for p in products for name in (p.name, p.name_en, p.model) if len(name) > 2]
        self.patterns = [
            (re.compile(rf"(?<![A-Za-z0-9-]){re.escape(name)}(?![A-Za-z0-9]|-[A-Za-z0-9])", re.IGNORECASE), id_)
            for name, id_ in named
        ]

    def only(self, text: str) -> str | None:
        """The one product that a text names; None for none or several."""
        if exact := self.exact.get(plain(text)):
            return exact
        found = {id_ for pattern, id_ in self.patterns if pattern.search(text)}
        return found.pop() if len(found) == 1 else None


def _label_pattern(labels: Mapping[str, Sequence[str]]) -> re.Pattern[str] | None:
    names = sorted((name for group in labels.values() for name in group), key=len, reverse=True)
    if not names:
        return None
    alternatives = "|".join(re.escape(name) for name in names)
    return re.compile(
        rf"(?:^|(?<=[\s，,；;。|、（(]))(?P<label>{alternatives}){_UNIT}\s*[:：]\s*", re.IGNORECASE | re.MULTILINE
    )


def _labelled(text: str, pattern: re.Pattern[str], relations: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Relation and raw words, a value ending with its line or at the next label."""
    for line in text.split("\n"):
        matches = list(pattern.finditer(line))
        ends = [*(match.start() for match in matches[1:]), len(line)][: len(matches)]
        for match, end in zip(matches, ends, strict=True):
            words = line[match.end() : end].strip(" \t，,；;|、。")
            unit = match["unit"] or ""
            relation = relations[label_key(match["label"])]
            if words and not TOKEN.search(words):
                yield relation, f"{words}{unit}" if re.fullmatch(r"[\d.]+", words) else words


def _cards(
    document: Document, pattern: re.Pattern[str], relations: Mapping[str, str], names: _Names
) -> Iterator[_Card]:
    """
    One card per product and place. A row of a table that names its product speaks of that product only; elsewhere the
    product named last in a label, or alone in a heading, is the one that is spoken of.
    """
    titles = [document.name, *(block.text for block in document.blocks[:2] if block.kind != "table")]
    current = next((found for found in map(names.only, titles) if found), None)
    open_cards: dict[str, _Card] = {}
    for position, block in enumerate(document.blocks):
        if is_hostile(block.text):
            continue
        if block.kind == "heading":
            current = names.only(block.text) or current
            continue
        said = list(_labelled(block.text, pattern, relations))
        about, named = _product_of(said, names)
        if block.kind == "table" and len(said) > 1 and named:
            if about:
                yield _filled(_Card(about), said, position)
            continue
        current = about if named else current
        if current is None:
            continue
        card = open_cards.setdefault(current, _Card(current))
        for relation, words in said:
            if relation in SINGLE and relation in card.said and card.said[relation][0] != words:
                yield card
                card = open_cards[current] = _Card(current)
            _filled(card, [(relation, words)], position)
    yield from open_cards.values()


def _product_of(said: Sequence[tuple[str, str]], names: _Names) -> tuple[str | None, bool]:
    """The product that labels name, and whether they name any; an unknown one is None: its facts are nobody's."""
    named = [words for relation, words in said if relation in ("product", "model")]
    return next((found for found in map(names.only, named) if found), None), bool(named)


def _filled(card: _Card, said: Sequence[tuple[str, str]], position: int) -> _Card:
    for relation, words in said:
        if relation in SINGLE:
            card.said.setdefault(relation, (words, position))
    return card


def _statements(card: _Card, labels: Documents, language: str) -> Iterator[Statement]:
    if "certificate" in card.said:
        yield from _certificate(card, labels)
    if "scope" in card.said:
        words, position = card.said["scope"]
        yield Statement(card.product, "scope", words, {"language": language}, None, None, ((position, words),))
    if "warranty" in card.said:
        words, position = card.said["warranty"]
        try:
            months = parse_months(words)
        except ValueError:
            return
        yield Statement(card.product, "warranty", str(months), {}, None, None, ((position, words),))


def _certificate(card: _Card, labels: Documents) -> Iterator[Statement]:
    """A number with its validity; the last day still counts, so the fact ends with the day after."""
    words, position = card.said["certificate"]
    if labels.certificate_pattern:
        numbers = {match.group() for match in re.finditer(labels.certificate_pattern, words)}
    else:
        numbers = {re.split(r"[\s，,；;（(]", words, maxsplit=1)[0]}
    if len(numbers) != 1:
        return
    days = {
        name: find_date(card.said[name][0]) for name in ("certificate_from", "certificate_until") if name in card.said
    }
    since, until = days.get("certificate_from"), days.get("certificate_until")
    if since and until and until < since:
        return
    evidence = [(position, words)]
    if until and card.said["certificate_until"][1] != position:
        last_day, place = card.said["certificate_until"]
        evidence.append((place, last_day))
    attributes = {"from": since.isoformat() if since else "", "until": until.isoformat() if until else ""}
    end = until + timedelta(days=1) if until else None
    yield Statement(card.product, "certificate", numbers.pop(), attributes, since, end, tuple(evidence))
