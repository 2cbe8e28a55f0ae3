"""What the documents say about one product on a day: certificate, scope, warranty; disputed when two of them differ."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import Connection

from governance.errors import Language
from rag.company import Bilingual, Company
from rag.customers import Product
from rag.dates import say_date
from rag.facts import Fact, facts_about, holds
from rag.product_state import CertificateState, by_language, certificate_on, disputes, until_of
from rag.values import Group, Notice, value


@dataclass(frozen=True, slots=True)
class Offer:
    """The product's groups; `disputed` are groups whose documents contradict each other, never in `groups`."""

    groups: tuple[Group, ...]
    disputed: tuple[str, ...]
    notices: tuple[Notice, ...]
    facts: tuple[Fact, ...]


def offer_of(
    tx: Connection,
    company: Company,
    product: Product,
    as_of: date,
    language: Language,
    *,
    known_at: datetime | None = None,
) -> Offer:
    """Everything that may be said about the product."""
    stated = facts_about(tx, product.id, as_of=None, known_at=known_at)
    names = [fact for fact in stated if fact.relation == "name"]
    groups: list[Group] = []
    if product.category:
        name = product.name if language == "zh" else product.name_en
        category = company.translate(product.category, language)
        groups.append(
            Group(
                "product",
                (
                    value("product", "product", name, product.name, names),
                    value("category", "category", category, product.category, names),
                ),
            )
        )
    certificate = certificate_on(stated, as_of)
    against = disputes(stated, as_of, certificate)
    parts = (
        _certificate(company, product, certificate, language),
        _scope(company, product, stated, against, as_of, language),
        _warranty(product, stated, against, as_of, language),
    )
    for part in parts:
        groups += part.groups
    return Offer(
        tuple(groups),
        tuple(group for part in parts for group in part.disputed),
        tuple(notice for part in parts for notice in part.notices),
        tuple(stated),
    )


def _certificate(company: Company, product: Product, known: CertificateState, language: Language) -> Offer:
    if known.kind == "expired":
        return Offer((), (), _expired(company, product, known), ())
    if known.kind == "disputed":
        return _dispute("certificate", product, company.file.terms["certificate"], known.facts, _certificate_words)
    if known.kind != "valid":
        return Offer((), (), (), ())
    day = date.fromisoformat(known.until)
    values = (
        value("certificate", "certificate", known.number, known.number, known.facts),
        value(
            "certificate_until",
            "date",
            say_date(day, language),
            known.until,
            [fact for fact in known.facts if until_of(fact)],
        ),
    )
    return Offer((Group("certificate", values),), (), (), ())


def _scope(
    company: Company,
    product: Product,
    stated: Sequence[Fact],
    against: Mapping[str, Sequence[Fact]],
    as_of: date,
    language: Language,
) -> Offer:
    if "scope" in against:
        return _dispute("scope", product, Bilingual(zh="适用范围", en="scope"), against["scope"], _words)
    of_language = by_language([fact for fact in stated if holds(fact, as_of)])
    facts = of_language.get(language, [])
    text = facts[0].value if facts else ""
    if not facts and language == "en":  # what is stored in Chinese may have an approved translation
        facts = of_language.get("zh", [])
        text = company.translate(facts[0].value.rstrip("。."), language) if facts else ""
        text = "" if facts and text == facts[0].value.rstrip("。.") else text
    if not text:
        return Offer((), (), (), ())
    return Offer((Group("scope", (value("scope", "text", text.rstrip("。."), facts[0].value, facts),)),), (), (), ())


def _warranty(
    product: Product, stated: Sequence[Fact], against: Mapping[str, Sequence[Fact]], as_of: date, language: Language
) -> Offer:
    facts = [fact for fact in stated if fact.relation == "warranty" and holds(fact, as_of)]
    if not facts:
        return Offer((), (), (), ())
    if "warranty" in against:
        return _dispute(
            "warranty",
            product,
            Bilingual(zh="质保期", en="warranty"),
            facts,
            lambda fact: Bilingual(zh=f"{fact.value}个月", en=f"{fact.value} months"),
        )
    months = facts[0].value
    text = f"{months}个月" if language == "zh" else f"{months} month{'' if months == '1' else 's'}"
    return Offer((Group("warranty", (value("warranty", "period", text, months, facts),)),), (), (), ())


def _dispute(
    group: str, product: Product, what: Bilingual, facts: Sequence[Fact], words: Callable[[Fact], Bilingual]
) -> Offer:
    said = [words(fact) for fact in facts]
    chinese, english = (list(dict.fromkeys(each)) for each in zip(*((one.zh, one.en) for one in said), strict=True))
    text = Bilingual(
        zh=f"“{product.name}”的{what.zh}在资料中互相矛盾：{'；'.join(chinese)}。核实之前不可引用。",
        en=f"The documents contradict each other about the {what.en} of {product.name_en}: {'; '.join(english)}."
        " Do not quote it before it is checked.",
    )
    return Offer((), (group,), (Notice("contradiction", text, _sources(facts)),), ())


def _expired(company: Company, product: Product, known: CertificateState) -> tuple[Notice, ...]:
    day, term = date.fromisoformat(known.until), company.file.terms["certificate"]
    text = Bilingual(
        zh=f"“{product.name}”的{term.zh} {known.number} 已于{say_date(day, 'zh')}到期，不可作为有效证书引用。",
        en=f"The {term.en} {known.number} of {product.name_en} expired on {say_date(day, 'en')};"
        " do not quote it as valid.",
    )
    return (Notice("expired_certificate", text, _sources(known.facts)),)


def _certificate_words(fact: Fact) -> Bilingual:
    return Bilingual(zh=f"{fact.value}（有效期至{until_of(fact)}）", en=f"{fact.value} (valid until {until_of(fact)})")


def _words(fact: Fact) -> Bilingual:
    return Bilingual(zh=fact.value, en=fact.value)


def _sources(facts: Sequence[Fact]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(fact.source for fact in facts))
