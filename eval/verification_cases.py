"""
Makes the shipped lines of suite `verification`: `python -m eval.verification_cases TEMPLATES`, one JSON line each.

Kept apart from the verifier: it imports nothing of it and knows no rule of it, only wordings, values and faults.
"""

import argparse
import json
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any, Literal

import yaml

from eval.verification_values import (
    POOLS,
    Pool,
    amount_fault,
    spoken_amount,
    spoken_day,
    spoken_period,
    spoken_quantity,
)

Lang = Literal["zh", "en"]
AS_OF = date(2026, 11, 21)
PER_TEMPLATE = 5
PER_FAULT = 3
ROOT_SEED = 20261121
Templates = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Deal:
    """A purchase, with what followed it."""

    product: str
    quantity: int
    unit: str
    amount: int
    day: date
    install: date
    warranty: int


@dataclass(frozen=True, slots=True)
class World:
    """Everything that is true in one line."""

    org: str
    person: str
    title: str
    since: date
    colleague: str
    colleague_title: str
    deal: Deal
    other: Deal
    budget_year: int
    budget_amount: int
    window: tuple[int, int]
    cert: str
    until: date
    tender: str
    closes: date
    start: date
    end: date
    pain: str


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
                "id": f"{self.lang}-{self.split}-{number:03}", "lang": self.lang, "as_of": AS_OF.isoformat(), "facts": listed,
                "sources": texts, "sentence": sentence, "cites": [each["id"] for each in texts],
                "label": "fault" if fault else "clean", "fault": fault, "split": self.split,
            }
        )  # fmt: skip

    def _facts(self, topic: str, w: World) -> list[dict[str, Any]]:
        name: Callable[[str], str] = lambda key: self.rng.choice(_RELATIONS[key])  # noqa: E731
        amount: Callable[[int], str] = lambda n: str(n) if self.rng.random() < 0.7 else f"{n:,}"  # noqa: E731
        if topic == "deal" or topic == "other":
            d = w.deal if topic == "deal" else w.other
            return [
                _fact(w.org, name("bought"), d.product, d.day),
                _fact(w.org, name("amount"), amount(d.amount), d.day),
                _fact(w.org, name("quantity"), f"{d.quantity}{_gap(self.lang)}{d.unit}", d.day),
            ]
        table: dict[str, Callable[[], list[dict[str, Any]]]] = {
            "install": lambda: [_fact(w.org, name("install"), w.deal.install.isoformat()), _fact(w.org, name("installed"), w.deal.product, w.deal.install)],
            "warranty": lambda: [_fact(w.deal.product, name("warranty"), str(w.deal.warranty)), _fact(w.other.product, name("warranty"), str(w.other.warranty))],
            "service": lambda: [_fact(w.deal.product, name("service"), w.org, w.start, w.end + timedelta(days=1))],
            "post": lambda: [_fact(w.person, name("post"), w.title, w.since), _fact(w.person, name("works"), w.org, w.since), _fact(w.colleague, name("post"), w.colleague_title, date(2018, 5, 6))],
            "ended": lambda: [_fact(w.person, name("post"), w.title, w.since - timedelta(days=900), date(2026, 6, 1)), _fact(w.person, name("works"), w.org)],
            "budget": lambda: [_fact(w.org, name("budget"), amount(w.budget_amount), date(w.budget_year, 1, 1), date(w.budget_year + 1, 1, 1)), _fact(w.org, name("window"), self._window(w.window), date(w.budget_year, 1, 1), date(w.budget_year + 1, 1, 1))],
            "certificate": lambda: [_fact(w.deal.product, name("certificate"), w.cert, None, w.until + timedelta(days=1))],
            "tender": lambda: [_fact(w.org, name("tender"), w.tender, None, w.closes), _fact(w.tender, "subject", w.deal.product)],
        }  # fmt: skip
        return table[topic]()

    def _window(self, window: tuple[int, int]) -> str:
        if self.lang == "zh":
            return f"{window[0]}月至{window[1]}月"
        return f"{_MONTHS[window[0] - 1]} to {_MONTHS[window[1] - 1]}"

    def source(self, kind: str, w: World) -> tuple[str, str]:
        """A text that states the truth in the words of a record."""
        texts: list[str] = self.templates[self.lang][f"{kind}_source"]
        return kind, self.rng.choice(texts).format(**self._slots(w, plain=True))

    def say(self, topic: str, w: World, template: str) -> str:
        """A wording with values said in one of many ways."""
        text = template.format(**self._slots(w, plain=False))
        return text[0].upper() + text[1:]

    def _slots(self, w: World, *, plain: bool) -> dict[str, str]:
        rng, lang, d = self.rng, self.lang, w.deal
        day: Callable[[date], str] = lambda x: spoken_day(x, lang, rng)  # noqa: E731
        full: Callable[[date], str] = lambda x: spoken_day(x, lang, None)  # noqa: E731
        values = {
            "org": w.org, "product": d.product, "person": w.person, "title": w.title, "cert": w.cert, "tender": w.tender, "pain": w.pain,
            "date_iso": d.day.isoformat(), "window": self._window(w.window), "window_plain": self._window(w.window),
            "year_full": f"{w.budget_year}年" if lang == "zh" else str(w.budget_year), "year": f"{w.budget_year}年" if lang == "zh" else str(w.budget_year),
            "amount_full": f"{d.amount:,}元" if lang == "zh" else f"RMB {d.amount:,}",
            "amount": spoken_amount(d.amount, lang, rng), "qty": spoken_quantity(d.quantity, d.unit, lang, rng),
            "qty_plain": spoken_quantity(d.quantity, d.unit, lang, None), "warranty": spoken_period(d.warranty, lang, rng),
            "warranty_plain": spoken_period(d.warranty, lang, None), "until": full(w.until), "closes": full(w.closes),
            "quarter": f"{d.day.year}年{rng.choice(('第', ''))}{'一二三四'[(d.day.month - 1) // 3]}季度" if lang == "zh" else rng.choice((f"Q{(d.day.month + 2) // 3} {d.day.year}", f"the {('first', 'second', 'third', 'fourth')[(d.day.month - 1) // 3]} quarter of {d.day.year}")),
        }  # fmt: skip
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


_MONTHS = "January February March April May June July August September October November December".split()  # noqa: SIM905
_RELATIONS = {
    "bought": ("bought", "purchase", "采购", "purchased_product"),
    "amount": ("purchase_amount", "采购金额", "合同金额", "contract_amount"),
    "quantity": ("purchase_quantity", "采购数量", "quantity_bought"),
    "install": ("installation_date", "安装日期", "installed_on"),
    "installed": ("installed", "安装"),
    "warranty": ("warranty_months", "质保月数", "质保期（月）"),
    "service": ("maintenance_contract", "维保合同"),
    "post": ("holds_title", "职务", "title"),
    "works": ("works_at", "任职单位"),
    "budget": ("budget_amount", "预算金额"),
    "window": ("budget_window", "预算窗口"),
    "certificate": ("registration_certificate", "注册证编号"),
    "tender": ("tender_number", "招标编号"),
}  # fmt: skip


def _fact(
    subject: str, relation: str, value: str, start: date | None = None, end: date | None = None
) -> dict[str, Any]:
    return {"subject": subject, "relation": relation, "value": value, "valid_from": start and start.isoformat(), "valid_to": end and end.isoformat()}  # fmt: skip


def _gap(lang: Lang) -> str:
    return "" if lang == "zh" else " "


# Topic: facts, sources, and the faults that can be put into it.
_TOPICS: Mapping[str, tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]] = {
    "purchase": (("deal", "other"), ("purchase",), ("number", "amount", "unit", "date", "organisation", "relation", "pair")),
    "install": (("deal", "install"), ("install",), ("date", "organisation", "not_installed")),
    "warranty": (("warranty", "deal"), ("warranty",), ("period", "unit_period", "no_warranty")),
    "service": (("service",), ("service",), ("period_span",)),
    "post": (("post",), ("post",), ("name", "title", "organisation", "colleague", "ended")),
    "budget": (("budget", "deal"), ("budget",), ("window", "amount_budget")),
    "certificate": (("certificate",), ("certificate",), ("code", "until")),
    "tender": (("tender",), ("tender",), ("tender_code", "closes")),
    "quarter": (("deal", "other"), ("purchase",), ("quarter",)),
}  # fmt: skip
_TYPE = {
    "amount": "number", "amount_budget": "number", "code": "number", "tender_code": "number", "pair": "relation",
    "not_installed": "relation", "no_warranty": "relation", "colleague": "relation", "unit_period": "unit",
    "period_span": "period", "window": "period", "quarter": "period", "ended": "period", "until": "date", "closes": "date",
}  # fmt: skip
_NEEDS = {
    "number": "{qty}", "amount": "{amount}", "unit": "{qty}", "date": "{", "organisation": "{org}", "pair": "{amount}", "name": "{person}",
    "title": "{title}", "colleague": "{title}", "window": "{window}", "amount_budget": "{amount}", "code": "{cert}", "tender_code": "{tender}",
    "until": "{until}", "closes": "{closes}", "ended": "{title}",
}  # fmt: skip


def changed(w: World, fault: str, maker: Maker) -> World | None:
    """The world as a faulty sentence tells it; None where the fault is made otherwise."""
    rng, pool, d = maker.rng, maker.pool, w.deal
    shift = rng.choice((-62, -35, 33, 64, 370))
    deal: Callable[..., World] = lambda **parts: replace(w, deal=replace(d, **parts))  # noqa: E731
    table: dict[str, Callable[[], World]] = {
        "number": lambda: deal(quantity=_other(rng, d.quantity, (w.other.quantity,), 2, 29)),
        "amount": lambda: deal(amount=amount_fault(d.amount, rng)),
        "date": lambda: deal(day=_away(d.day, shift), install=_away(d.install, shift)),
        "organisation": lambda: replace(w, org=rng.choice([o for o in pool.orgs if o != w.org and not o.startswith(w.org[:2])])),
        "pair": lambda: deal(amount=w.other.amount),
        "period": lambda: deal(warranty=rng.choice([m for m in (6, 12, 18, 24, 30, 36, 48, 60) if m not in (d.warranty, w.other.warranty)])),
        "period_span": lambda: replace(w, start=_away(w.start, 400)) if rng.random() < 0.5 else replace(w, end=_away(w.end, 400)),
        "name": lambda: replace(w, person=rng.choice([p for p in pool.people if p not in (w.person, w.colleague)])),
        "title": lambda: replace(w, title=rng.choice([t for t in pool.titles if t not in (w.title, w.colleague_title)])),
        "colleague": lambda: replace(w, title=w.colleague_title),
        "window": lambda: replace(w, window=(w.window[0] - 2, w.window[1] - 1)),
        "amount_budget": lambda: replace(w, deal=replace(d, amount=amount_fault(w.budget_amount, rng))),
        "code": lambda: replace(w, cert=w.cert[:-1] + str((int(w.cert[-1]) + rng.randint(1, 9)) % 10)),
        "tender_code": lambda: replace(w, tender=w.tender[:-1] + str((int(w.tender[-1]) + rng.randint(1, 9)) % 10)),
        "until": lambda: replace(w, until=_away(w.until, shift)),
        "closes": lambda: replace(w, closes=_away(w.closes, rng.choice((-3, 2, 5, 31)))),
        "quarter": lambda: deal(day=_away(d.day, rng.choice((92, 184)))),
        "ended": lambda: w,
        "relation": lambda: w,
        "not_installed": lambda: deal(install=d.day),
        "no_warranty": lambda: w,
        "unit": lambda: deal(unit=rng.choice([u for u in pool.units if u != d.unit])),
        "unit_period": lambda: w,
    }  # fmt: skip
    return table[fault]()


def _away(day: date, days: int) -> date:
    """Another day of another month and, where the shift is long, of another year."""
    return day + timedelta(days=days)


def _other(rng: random.Random, value: int, also: Sequence[int], low: int, high: int) -> int:
    return rng.choice([n for n in range(low, high) if n != value and n not in also])


def make(templates: Templates) -> list[dict[str, Any]]:
    """All lines, the same for the same templates."""
    rows: list[dict[str, Any]] = []
    for lang in ("zh", "en"):
        for split in ("tune", "heldout"):
            maker = Maker(lang, split, templates, random.Random(f"{ROOT_SEED}-{lang}-{split}"))
            for topic in _TOPICS:
                _structured(maker, topic)
            _free(maker)
            rows += maker.rows
    return rows


def _structured(maker: Maker, topic: str) -> None:
    facts, kinds, faults = _TOPICS[topic]
    for template in maker.templates[maker.lang][topic][maker.split]:
        for _ in range(PER_TEMPLATE if maker.lang == "zh" else PER_TEMPLATE + 2):
            w = _for(topic, maker.world())
            maker.add(w, facts, [maker.source(kind, w) for kind in kinds], maker.say(topic, w, template), "")
        for fault in faults:
            if _NEEDS.get(fault, "") not in template or (
                fault == "date" and "{date}" not in template and "{install}" not in template
            ):
                continue
            for _ in range(PER_FAULT):
                _faulty(maker, topic, template, fault)


def _for(topic: str, w: World) -> World:
    """The budget's amount is said in the place of the purchase's."""
    return replace(w, deal=replace(w.deal, amount=w.budget_amount)) if topic == "budget" else w


def _faulty(maker: Maker, topic: str, template: str, fault: str) -> None:
    facts, kinds, _ = _TOPICS[topic]
    w = _for(topic, maker.world())
    told = changed(w, fault, maker)
    if told is None:
        return
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
        swaps = _SWAPS[maker.lang]
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
    maker.add(w, facts, sources, sentence, _TYPE.get(fault, fault))


_SWAPS = {
    "zh": (("采购合同", "维保合同"), ("采购", "安装"), ("购置", "租赁"), ("订购", "捐赠"), ("购买", "安装"), ("引进", "报废"), ("购入", "装机"), ("买的", "租用的"), ("购进", "租赁")),
    "en": (("bought", "installed"), ("purchased", "installed"), ("acquired", "leased"), ("ordered", "installed")),
}  # fmt: skip


def _free(maker: Maker) -> None:
    """What no fact and value alone can tell: needs, denials, plans told as done; and talk that claims nothing."""
    words = maker.templates[maker.lang]
    for template, heard in words["need"][maker.split] * 3:
        w = maker.world()
        text = heard.format(**maker._slots(w, plain=True))
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
        maker.add(w, (), [("note", heard.format(**maker._slots(w, plain=True)))], maker.say("denied", w, template), "")
    for template, heard in words["planned"][maker.split] * 3:
        w = maker.world()
        kind = "comparison" if any(word in template for word in ("比同类", "better")) else "modality"
        facts = ("deal",) if kind == "comparison" else ()
        maker.add(
            w, facts, [("note", heard.format(**maker._slots(w, plain=True)))], maker.say("planned", w, template), kind
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
        print(json.dumps(row, ensure_ascii=False))


if __name__ == "__main__":
    main()
