"""`python -m rag customer NAME`: everything known about a customer on a day, with its sources; people by post."""

import argparse
from datetime import UTC, date, datetime, time

from sqlalchemy import Engine

from governance.db import reading
from governance.errors import Language
from governance.vault import Vault, pseudonymise
from rag.company import Company
from rag.customer_360 import Customer360, customer_360
from rag.customer_labels import LABELS, ORDER
from rag.customer_lines import Support
from rag.customer_words import Worded, Wording
from rag.customers import find_customer, products
from rag.facts import Fact
from rag.sources import Source

SHOWN_SOURCES = 4  # of one line


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:  # pyright: ignore[reportPrivateUsage]
    """`customer NAME [--product P] [--as-of DAY] [--known-at MOMENT]`."""
    parser = commands.add_parser("customer", help="客户全貌 / everything known about a customer")
    parser.add_argument(
        "customer", help="编号、名称、简称、曾用名或登记号 / id, name, alias, former name, registration"
    )
    parser.add_argument("--product", help="拟介绍的产品；不写为全部 / what to offer; all when left out")
    parser.add_argument("--as-of", type=date.fromisoformat, help="YYYY-MM-DD，默认今天 / today when left out")
    known = "YYYY-MM-DD，只用截至该日已知的资料 / only what was known by the end of that day"
    parser.add_argument("--known-at", type=date.fromisoformat, help=known)


def run(db: Engine, vault: Vault, company: Company, asked: argparse.Namespace, language: Language) -> int:
    """Print the card; raises NotFound, Conflict, Invalid."""
    day: date = asked.as_of or datetime.now(UTC).date()
    known_at = datetime.combine(asked.known_at, time.max, tzinfo=UTC) if asked.known_at else None
    with reading(db) as tx:
        customer = find_customer(tx, asked.customer)
        known = customer_360(tx, vault, company, customer, product=asked.product, as_of=day, known_at=known_at)
        names = {p.id: p.name_en if language == "en" else p.name for p in products(tx)}
    print("\n".join(_card(known, Wording(company, language, names), language)))
    return 0


def _card(known: Customer360, wording: Wording, language: Language) -> list[str]:
    until = {"zh": "截至", "en": "as of"}[language]
    name = known.customer.name_en if language == "en" else known.customer.name
    said = [f"{name} · {until} {known.as_of}"]
    by_part: dict[str, list[Worded]] = {}
    for line in wording.lines(known):
        by_part.setdefault(line.part, []).append(line)
    for part in ORDER:
        if lines := by_part.get(part):
            said += ["", LABELS[part].say(language), *(_line(known, line, language) for line in lines)]
    if known.conflicts:
        said += ["", {"zh": "资料互相矛盾", "en": "The sources contradict each other"}[language]]
        for conflict in known.conflicts:
            said += ["  ≠ " + " | ".join(_side(known, fact, wording, language) for fact in conflict.facts)]
    if known.unknown:
        said += ["", {"zh": "未知：", "en": "Not known: "}[language] + " · ".join(wording.unknown(known))]
    return said


def _line(known: Customer360, line: Worded, language: Language) -> str:
    mark = f" 【{line.tag}】" if line.tag and language == "zh" else f" [{line.tag}]" if line.tag else ""
    return f"  {'!' if line.mark else '·'} {pseudonymise(line.text, language)}{mark}  ({_places(known, line.support)})"


def _side(known: Customer360, fact: Fact, wording: Wording, language: Language) -> str:
    texts = [
        fact.value,
        *(text for key, text in fact.attributes.items() if key in ("until", "window_from", "window_to")),
    ]
    said = " ".join(wording.company.translate(text, language) for text in texts)
    since = f" {fact.valid_from}" if fact.valid_from else ""
    return f"{pseudonymise(said, language)}{since} ({_places(known, Support((fact.id,), (fact.source,)))})"


def _places(known: Customer360, support: Support) -> str:
    places = list(dict.fromkeys(_place(known.sources[key]) for key in support.sources if key in known.sources))
    more = len(places) - SHOWN_SOURCES
    return "; ".join([*places[:SHOWN_SOURCES], *([f"+{more}"] if more > 0 else [])])


def _place(source: Source) -> str:
    return source.title + (f"#{source.row}" if source.row else f" p.{source.page}" if source.page else "")
