"""A question in plain words → facts and quotations with their sources; what is not known is said to be unknown."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime

from sqlalchemy import Connection, Engine

from governance.db import reading
from governance.errors import Invalid, Language
from governance.vault import TOKEN, Vault
from rag.answer_customer import customer_lines
from rag.answer_product import MOST_LINES, Desk, Line, bought_by, buyers, product_lines
from rag.asking import Asked, Aspect, understand
from rag.company import Bilingual, Company
from rag.customers import products
from rag.search_context import around, spans
from rag.sources import Source, sources
from rag.tokens import tokens_of
from rag.vectors import Index, Scope

MOST_SURE, MOST_QUOTATIONS = 3, 5
LEAST_SHARE = 0.34  # of the question's words that a quotation must hold; below it is only "perhaps related"
_ASKING = frozenset(
    [
        "什么",
        "怎么",
        "怎样",
        "多少",
        "哪些",
        "哪个",
        "哪家",
        "哪里",
        "谁",
        "几",
        "吗",
        "呢",
        "请问",
        "多久",
        "如何",
        "为什么",
    ]
) | {"who", "where", "why", "can", "has", "have", "was", "were", "there", "their", "you", "our", "much", "many"}
Search = Callable[[str, Sequence[str]], Sequence[str]]  # question, entities it is about → ids of passages, best first


@dataclass(frozen=True, slots=True)
class Answer:
    """
    `lines` answer; `related` are quotations that may or may not. `unknown` names what was asked and is not known;
    `unclear` are names that fit several. `sources` holds all that is referred to. People are tokens throughout.
    """

    asked: Asked
    language: Language
    as_of: date
    lines: tuple[Line, ...]
    related: tuple[Line, ...]
    unknown: tuple[Bilingual, ...]
    unclear: tuple[tuple[str, tuple[str, ...]], ...]
    sources: Mapping[str, Source]


def answer(
    db: Engine,
    vault: Vault,
    company: Company,
    question: str,
    *,
    search: Search,
    as_of: date,
    language: Language,
    known_at: datetime | None = None,
    whose: str = "",
) -> Answer:
    """
    Facts of the graph first, then what the passages say. `whose`: the customer that is meant when none is named.

    Raises Invalid for a question without a word.
    """
    with reading(db) as tx:
        asked = understand(tx, question, [company.term("customer", each) for each in ("zh", "en")])
        if not tokens_of(asked.text):
            raise Invalid(reason={"zh": "请写出要问的内容", "en": "write what you want to know"})
        if whose and not (asked.customers or asked.products or asked.strangers or asked.unclear):
            asked = replace(asked, customers=(whose,))
        desk = _desk(tx, company, asked, as_of, known_at, language)
        lines, unknown, about = _from_facts(desk, vault, asked)
    hits = search(asked.text, about)
    with reading(db) as tx:
        found = sources(tx, vault, hits)
        quoted = _quotations(asked, [found[hit] for hit in hits if hit in found])
        quoted = [(share, _with_context(tx, vault, line)) for share, line in quoted]
        cited = sources(tx, vault, [key for line in lines for key in line.sources])
    least = 2.0 if asked.strangers else LEAST_SHARE  # what is said of others answers nothing about a stranger
    sure = [line for share, line in quoted if share >= least][:MOST_SURE]
    return Answer(
        asked,
        language,
        as_of,
        (*lines[:MOST_LINES], *sure),
        tuple(line for _, line in quoted if line not in sure),
        tuple(unknown),
        tuple((text, tuple(desk.name(entity) for entity in entities)) for text, entities in asked.unclear),
        cited | found,
    )


def search_in(index: Index, as_of: date) -> Search:
    """
    First among the passages about the products named, or else about the customers, dated until the day; then among all.
    """

    def search(question: str, about: Sequence[str]) -> list[str]:
        goods = frozenset(each for each in about if each.startswith("product:"))
        whose = frozenset(each for each in about if each.startswith("customer:")) if not goods else frozenset[str]()
        narrow = Scope(products=goods, customers=whose, not_after=as_of)
        scopes = [narrow, Scope(not_after=as_of)] if goods or whose else [Scope(not_after=as_of)]
        found = (hit.source for scope in scopes for hit in index.search(question, limit=MOST_QUOTATIONS, scope=scope))
        return list(dict.fromkeys(found))[: MOST_QUOTATIONS + 2]

    return search


def _desk(
    tx: Connection, company: Company, asked: Asked, as_of: date, known_at: datetime | None, language: Language
) -> Desk:
    goods = {product.id: product for product in products(tx)}
    return Desk(tx, company, as_of, known_at, language, goods, asked.years)


def _from_facts(desk: Desk, vault: Vault, asked: Asked) -> tuple[list[Line], list[Bilingual], list[str]]:
    """Lines, what of it is not known, and the entities that the passages should be about."""
    lines: list[Line] = []
    unknown: list[Bilingual] = []
    wanted = {aspect.id for aspect in asked.aspects}
    about = [*asked.products]
    if "buyers" in wanted and (asked.products or asked.categories):
        lines += buyers(desk, asked.products, asked.categories)
        return lines, [] if lines else [_nothing(desk, "", _aspect(asked, "buyers"))], about
    unknown += [_stranger(desk, name) for name in asked.strangers]
    chosen = [aspect for aspect in asked.aspects if aspect.about == "customer"]
    for customer in asked.customers:
        known = customer_lines(desk, vault, customer, [aspect.id for aspect in chosen])
        for aspect in chosen:
            lines += known[aspect.id]
            unknown += [] if known[aspect.id] else [_nothing(desk, customer, aspect)]
    goods = _products(desk, asked)
    for aspect in asked.aspects:
        if aspect.about == "product":
            for product in goods:
                found = product_lines(desk, product, aspect.id, asked.customers)
                lines += found
                unknown += [] if found else [_nothing(desk, product, aspect)]
    return lines, unknown, [*dict.fromkeys([*about, *goods, *asked.customers])]


def _products(desk: Desk, asked: Asked) -> list[str]:
    """Those named; else those that the named customer bought, of the category named; else those of the category."""
    if asked.products:
        return list(asked.products)
    if asked.customers and any(aspect.id == "purchases" for aspect in asked.aspects):
        return [product for customer in asked.customers for product in bought_by(desk, customer, asked.categories)]
    return [key for key, product in desk.products.items() if product.category in asked.categories]


def _aspect(asked: Asked, name: str) -> Aspect:
    return next(aspect for aspect in asked.aspects if aspect.id == name)


def _stranger(desk: Desk, name: str) -> Bilingual:
    zh, en = (desk.company.term("customer", language) for language in ("zh", "en"))
    return Bilingual(zh=f"客户名单中没有叫“{name}”的{zh}。", en=f"No {en} called '{name}' is known.")


def _nothing(desk: Desk, entity: str, aspect: Aspect) -> Bilingual:
    whose = f"{desk.name(entity)}：" if entity else ""
    return Bilingual(
        zh=f"{whose}截至{desk.as_of.isoformat()}，资料中没有“{aspect.names.zh}”。",
        en=f"{whose.replace('：', ': ')}nothing is known about '{aspect.names.en}' as of {desk.as_of.isoformat()}.",
    )


def _quotations(asked: Asked, found: Sequence[Source]) -> list[tuple[float, Line]]:
    """The passages with the share of the question's own words that each holds, the words that answer best marked."""
    words = _own_words(asked)
    scored: list[tuple[float, Line]] = []
    for source in found:
        if not source.hostile and source.text.strip():
            held = words & set(tokens_of(f"{source.title} {source.heading} {source.text}"))
            line = Line(source.text, (), (source.id,), quoted=True, marks=_marks(asked.text, source.text))
            scored.append((len(held) / max(1, len(words)), line))
    return sorted(scored, key=lambda pair: -pair[0])[:MOST_QUOTATIONS]


def _own_words(asked: Asked) -> set[str]:
    """What the question says beside the names of what it is about, which every passage about them holds."""
    words = set(tokens_of(asked.text)) - _ASKING
    return words - {word for name in asked.names for word in tokens_of(name)} or words


def _marks(question: str, text: str) -> tuple[tuple[int, int], ...]:
    """The sentences that answer best; none when that is the whole text."""
    found = spans(question, text)
    return found if sum(end - start for start, end in found) < len(text.strip()) else ()


def _with_context(tx: Connection, vault: Vault, line: Line) -> Line:
    """The passages around the quotation, to be read along with it."""
    text = "\n".join(source.text for source in around(tx, vault, line.sources[0]))
    return replace(line, context=text if text != line.text else "")


def people_in(lines: Iterable[Line]) -> list[str]:
    """The people whom the lines name or are about, by id, in order."""
    named = (
        person
        for line in lines
        for person in (line.person, *(match[1] for match in TOKEN.finditer(f"{line.text}\n{line.context}")))
    )
    return [person for person in dict.fromkeys(named) if person]
