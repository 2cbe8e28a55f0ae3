"""
Makes the shipped lines of suite `verification`: `python -m eval.verification_cases TEMPLATES`, one JSON line each.

Kept apart from the verifier: it imports nothing of it and knows no rule of it, only wordings, values and faults.
"""

import argparse
import json
import random
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any, Literal

import yaml

from eval.verification_values import (
    POOLS,
    Pool,
    spoken_amount,
    spoken_day,
    spoken_period,
    spoken_quantity,
)
from eval.verification_world import NEEDS, RELATIONS, SWAPS, TOPICS, TYPES, Deal, World, changed

Lang = Literal["zh", "en"]
AS_OF = date(2026, 11, 21)
PER_TEMPLATE = {"tune": 2, "heldout": 4}
PER_FAULT = {"tune": 1, "heldout": 3}
ROOT_SEED = 20261121
Templates = Mapping[str, Any]


@dataclass(slots=True)
class Maker:
    """Makes the lines of one language and split."""

    lang: Lang
    split: str
    templates: Templates
    rng: random.Random
    rows: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])

    @property
    def pool(self) -> Pool:
        """The values of this language and split; no other split has them."""
        return POOLS[self.lang, self.split]

    def world(self) -> World:
        """Another truth."""
        rng, pool = self.rng, self.pool
        org = rng.choice(pool.orgs)
        people, titles = rng.sample(pool.people, 2), rng.sample(pool.titles, 2)
        products = rng.sample(pool.products, 2)
        years = rng.sample((2022, 2023, 2024, 2025), 2)
        first, second = self._deal(products[0], years[0]), self._deal(products[1], years[1])
        while second.amount == first.amount or second.quantity == first.quantity or second.warranty == first.warranty:
            second = self._deal(products[1], years[1])
        start = date(rng.randint(2025, 2026), rng.randint(1, 10), 1)
        low = rng.randint(3, 9)
        return World(
            org, people[0], titles[0], date(rng.randint(2019, 2026), rng.randint(1, 10), rng.randint(1, 28)), people[1],
            titles[1], first, second, 2027, rng.randint(120, 980) * 10_000, (low, low + rng.randint(1, 3)),
            rng.choice(pool.certificates), date(rng.randint(2027, 2031), rng.randint(1, 12), rng.randint(1, 28)),
            f"{rng.choice(pool.tenders)}-2026-{rng.randint(100, 999)}", date(2026, 12, rng.randint(1, 28)), start,
            start.replace(year=start.year + 2) - timedelta(days=1), rng.choice(pool.pains),
        )  # fmt: skip

    def _deal(self, product: tuple[str, str], year: int) -> Deal:
        rng = self.rng
        day = date(year, rng.randint(1, 9), rng.randint(1, 28))
        months = rng.choice((12, 18, 24, 36, 48, 60))
        amount = rng.randint(1011, 98_997) * 100 if self.lang == "zh" else rng.randint(101, 9_899) * 1000
        return Deal(
            product[0], rng.randint(2, 28), product[1], amount, day, day + timedelta(days=rng.randint(32, 70)), months
        )

    def add(
        self, world: World, facts: Sequence[str], sources: Sequence[tuple[str, str]], sentence: str, fault: str
    ) -> None:
        """A line with these topics of facts and kinds of sources."""
        number = len(self.rows) + 1
        stated = [fact for topic in facts for fact in self._facts(topic, world)]
        listed = [{"id": f"f{at}", **fact} for at, fact in enumerate(stated, 1)]
        texts = [{"id": f"s{at}", "text": text} for at, (_, text) in enumerate(sources, 1)]
        self.rows.append(
            {
                "id": f"{self.lang}-{self.split}-{number:03}", "lang": self.lang, "as_of": AS_OF.isoformat(),
                "facts": listed,
                "sources": texts, "sentence": sentence, "cites": [each["id"] for each in texts],
                "label": "fault" if fault else "clean", "fault": fault, "split": self.split,
            }
        )  # fmt: skip

    def _facts(self, topic: str, w: World) -> list[dict[str, Any]]:
        name: Callable[[str], str] = lambda key: self.rng.choice(RELATIONS[key])  # noqa: E731
        amount: Callable[[int], str] = lambda n: str(n) if self.rng.random() < 0.7 else f"{n:,}"  # noqa: E731
        if topic == "deal" or topic == "other":
            d = w.deal if topic == "deal" else w.other
            return [
                _fact(w.org, name("bought"), d.product, d.day),
                _fact(w.org, name("amount"), amount(d.amount), d.day),
                _fact(w.org, name("quantity"), f"{d.quantity}{_gap(self.lang)}{d.unit}", d.day),
            ]
        table: dict[str, Callable[[], list[dict[str, Any]]]] = {
            "install": lambda: [
                _fact(w.org, name("install"), w.deal.install.isoformat()),
                _fact(w.org, name("installed"), w.deal.product, w.deal.install),
            ],
            "warranty": lambda: [
                _fact(w.deal.product, name("warranty"), str(w.deal.warranty)),
                _fact(w.other.product, name("warranty"), str(w.other.warranty)),
            ],
            "service": lambda: [_fact(w.deal.product, name("service"), w.org, w.start, w.end + timedelta(days=1))],
            "post": lambda: [
                _fact(w.person, name("post"), w.title, w.since),
                _fact(w.person, name("works"), w.org, w.since),
                _fact(w.colleague, name("post"), w.colleague_title, date(2018, 5, 6)),
            ],
            "ended": lambda: [
                _fact(w.person, name("post"), w.title, w.since - timedelta(days=900), date(2026, 6, 1)),
                _fact(w.person, name("works"), w.org),
            ],
            "budget": lambda: [
                _fact(
                    w.org,
                    name("budget"),
                    amount(w.budget_amount),
                    date(w.budget_year, 1, 1),
                    date(w.budget_year + 1, 1, 1),
                ),
                _fact(
                    w.org,
                    name("window"),
                    self._window(w.window),
                    date(w.budget_year, 1, 1),
                    date(w.budget_year + 1, 1, 1),
                ),
            ],
            "certificate": lambda: [
                _fact(w.deal.product, name("certificate"), w.cert, None, w.until + timedelta(days=1))
            ],
            "tender": lambda: [
                _fact(w.org, name("tender"), w.tender, None, w.closes),
                _fact(w.tender, "subject", w.deal.product),
            ],
        }
        return table[topic]()

    def _window(self, window: tuple[int, int]) -> str:
        if self.lang == "zh":
            return f"{window[0]}月至{window[1]}月"
        return f"{_MONTHS[window[0] - 1]} to {_MONTHS[window[1] - 1]}"

    def source(self, kind: str, w: World) -> tuple[str, str]:
        """A text that states the truth in the words of a record."""
        texts: list[str] = self.templates[self.lang][f"{kind}_source"]
        return kind, self.rng.choice(texts).format(**self.slots(w, plain=True))

    def say(self, topic: str, w: World, template: str) -> str:
        """A wording with values said in one of many ways."""
        text = template.format(**self.slots(w, plain=False))
        return text[0].upper() + text[1:]

    def slots(self, w: World, *, plain: bool) -> dict[str, str]:
        """What fills the slots of a wording, in plain record words or in one of many ways."""
        rng, lang, d = self.rng, self.lang, w.deal
        day: Callable[[date], str] = lambda x: spoken_day(x, lang, rng)  # noqa: E731
        full: Callable[[date], str] = lambda x: spoken_day(x, lang, None)  # noqa: E731
        values: dict[str, str] = {
            "org": w.org,
            "product": d.product,
            "person": w.person,
            "title": w.title,
            "cert": w.cert,
            "tender": w.tender,
            "pain": w.pain,
            "date_iso": d.day.isoformat(),
            "window": self._window(w.window),
            "window_plain": self._window(w.window),
            "year_full": f"{w.budget_year}年" if lang == "zh" else str(w.budget_year),
            "year": f"{w.budget_year}年" if lang == "zh" else str(w.budget_year),
            "amount_full": f"{d.amount:,}元" if lang == "zh" else f"RMB {d.amount:,}",
            "amount": spoken_amount(d.amount, lang, rng),
            "qty": spoken_quantity(d.quantity, d.unit, lang, rng),
            "qty_plain": spoken_quantity(d.quantity, d.unit, lang, None),
            "warranty": spoken_period(d.warranty, lang, rng),
            "warranty_plain": spoken_period(d.warranty, lang, None),
            "until": full(w.until),
            "closes": full(w.closes),
            "quarter": f"{d.day.year}年{rng.choice(('第', ''))}{'一二三四'[(d.day.month - 1) // 3]}季度"
            if lang == "zh"
            else rng.choice(
                (
                    f"Q{(d.day.month + 2) // 3} {d.day.year}",
                    f"the {('first', 'second', 'third', 'fourth')[(d.day.month - 1) // 3]} quarter of {d.day.year}",
                )
            ),
        }
        for name, when in {
            "date": d.day,
            "install": d.install,
            "since": w.since,
            "start": w.start,
            "end": w.end,
            "until": w.until,
            "closes": w.closes,
        }.items():
            values.setdefault(name, day(when))
            values[f"{name}_full"] = full(when)
        return values


_MONTHS = ("January February March April May June July August September October November December").split()  # noqa: SIM905


def _fact(
    subject: str, relation: str, value: str, start: date | None = None, end: date | None = None
) -> dict[str, Any]:
    return {
        "subject": subject,
        "relation": relation,
        "value": value,
        "valid_from": start and start.isoformat(),
        "valid_to": end and end.isoformat(),
    }


def _gap(lang: Lang) -> str:
    return "" if lang == "zh" else " "


# Topic: facts, sources, and the faults that can be put into it.


def make(templates: Templates) -> list[dict[str, Any]]:
    """All lines, the same for the same templates."""
    rows: list[dict[str, Any]] = []
    for lang in ("zh", "en"):
        for split in ("tune", "heldout"):
            maker = Maker(lang, split, templates, random.Random(f"{ROOT_SEED}-{lang}-{split}"))
            for topic in TOPICS:
                _structured(maker, topic)
            _free(maker)
            rows += maker.rows
    return rows


def _structured(maker: Maker, topic: str) -> None:
    facts, kinds, faults = TOPICS[topic]
    for template in maker.templates[maker.lang][topic][maker.split]:
        for _ in range(PER_TEMPLATE[maker.split]):
            w = _for(topic, maker.world())
            maker.add(w, facts, [maker.source(kind, w) for kind in kinds], maker.say(topic, w, template), "")
        for fault in faults:
            if NEEDS.get(fault, "") not in template or (
                fault == "date" and "{date}" not in template and "{install}" not in template
            ):
                continue
            for _ in range(PER_FAULT[maker.split]):
                _faulty(maker, topic, template, fault)


def _for(topic: str, w: World) -> World:
    """The budget's amount is said in the place of the purchase's."""
    return replace(w, deal=replace(w.deal, amount=w.budget_amount)) if topic == "budget" else w


def _faulty(maker: Maker, topic: str, template: str, fault: str) -> None:
    facts, kinds, _ = TOPICS[topic]
    w = _for(topic, maker.world())
    told = changed(w, fault, maker.pool, maker.rng)
    if topic == "budget":
        facts = ("budget",)
    sources = [maker.source(kind, w) for kind in kinds]
    if fault == "colleague":
        sources.append(
            maker.source("post", replace(w, person=w.colleague, title=w.colleague_title, since=date(2018, 5, 6)))
        )
    if fault == "pair":
        sources.append(maker.source("purchase", replace(w, deal=w.other)))
    if fault in ("not_installed", "no_warranty"):
        facts, sources = ("deal",), [maker.source("purchase", w)]
    if fault == "ended":
        if "{since}" in template:
            return
        facts = ("ended",)
    sentence = maker.say(topic, told, template)
    if fault == "relation":
        swaps = SWAPS[maker.lang]
        words = [(old, new) for old, new in swaps if old in sentence]
        if not words:
            return
        sentence = sentence.replace(*words[0])
    if fault == "unit_period":
        sentence = maker.say(
            topic,
            told,
            template.replace(
                "{warranty}", f"{w.deal.warranty}年" if maker.lang == "zh" else f"{w.deal.warranty} years"
            ),
        )
    maker.add(w, facts, sources, sentence, TYPES.get(fault, fault))


def _free(maker: Maker) -> None:
    """What no fact and value alone can tell: needs, denials, plans told as done; and talk that claims nothing."""
    words = maker.templates[maker.lang]
    for template, heard in words["need"][maker.split] * 3:
        w = maker.world()
        text = heard.format(**maker.slots(w, plain=True))
        maker.add(w, ("deal",), [("dialogue", text), maker.source("purchase", w)], maker.say("need", w, template), "")
    for template in words["invented"][maker.split] * 3:
        w = maker.world()
        maker.add(
            w, ("deal",), [maker.source("purchase", w)], maker.say("invented", w, template), "invented_pain_point"
        )
    for template in words["negated"][maker.split] * 3:
        w = maker.world()
        kind = "purchase" if any(word in template for word in ("购", "买", "bought", "purchase")) else "warranty"
        maker.add(w, ("deal", "warranty"), [maker.source(kind, w)], maker.say("negated", w, template), "negation")
    for template, heard in words["denied"][maker.split] * 2:
        w = maker.world()
        maker.add(w, (), [("note", heard.format(**maker.slots(w, plain=True)))], maker.say("denied", w, template), "")
    for template, heard in words["planned"][maker.split] * 3:
        w = maker.world()
        kind = "comparison" if any(word in template for word in ("比同类", "better")) else "modality"
        facts = ("deal",) if kind == "comparison" else ()
        maker.add(
            w, facts, [("note", heard.format(**maker.slots(w, plain=True)))], maker.say("planned", w, template), kind
        )
    for template in words["small"][maker.split] * 3:
        w = maker.world()
        maker.add(w, ("deal",), [maker.source("purchase", w)], template, "")


def main() -> None:
    """Writes the lines to standard output."""
    parser = argparse.ArgumentParser(prog="python -m eval.verification_cases", description=(__doc__ or "").strip())
    parser.add_argument("templates", type=Path)
    asked = parser.parse_args()
    for row in make(yaml.safe_load(asked.templates.read_text(encoding="utf-8"))):
        sys.stdout.write(json.dumps(row, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
