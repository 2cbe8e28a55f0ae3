"""What is true in one made line of suite `verification`, and what its fault makes of it."""

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any

from eval.verification_values import Pool, amount_fault

RELATIONS = {
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
}

TOPICS: Mapping[str, tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]] = {
    "purchase": (
        ("deal", "other"),
        ("purchase",),
        ("number", "amount", "unit", "date", "organisation", "relation", "pair"),
    ),
    "install": (("deal", "install"), ("install",), ("date", "organisation", "not_installed")),
    "warranty": (("warranty", "deal"), ("warranty",), ("period", "unit_period", "no_warranty")),
    "service": (("service",), ("service",), ("period_span",)),
    "post": (("post",), ("post",), ("name", "title", "organisation", "colleague", "ended")),
    "budget": (("budget", "deal"), ("budget",), ("window", "amount_budget")),
    "certificate": (("certificate",), ("certificate",), ("code", "until")),
    "tender": (("tender",), ("tender",), ("tender_code", "closes")),
    "quarter": (("deal", "other"), ("purchase",), ("quarter",)),
}

TYPES = {
    "amount": "number",
    "amount_budget": "number",
    "code": "number",
    "tender_code": "number",
    "pair": "relation",
    "not_installed": "relation",
    "no_warranty": "relation",
    "colleague": "relation",
    "unit_period": "unit",
    "period_span": "period",
    "window": "period",
    "quarter": "period",
    "ended": "period",
    "until": "date",
    "closes": "date",
}

NEEDS = {
    "number": "{qty}",
    "amount": "{amount}",
    "unit": "{qty}",
    "date": "{",
    "organisation": "{org}",
    "pair": "{amount}",
    "name": "{person}",
    "title": "{title}",
    "colleague": "{title}",
    "window": "{window}",
    "amount_budget": "{amount}",
    "code": "{cert}",
    "tender_code": "{tender}",
    "until": "{until}",
    "closes": "{closes}",
    "ended": "{title}",
}

SWAPS = {
    "zh": (
        ("采购合同", "维保合同"),
        ("采购", "安装"),
        ("购置", "租赁"),
        ("订购", "捐赠"),
        ("购买", "安装"),
        ("引进", "报废"),
        ("购入", "装机"),
        ("买的", "租用的"),
        ("购进", "租赁"),
    ),
    "en": (("bought", "installed"), ("purchased", "installed"), ("acquired", "leased"), ("ordered", "installed")),
}


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


def changed(w: World, fault: str, pool: Pool, rng: random.Random) -> World:
    """The world as a faulty sentence tells it; the same where the fault is made in the wording."""
    d = w.deal
    shift = rng.choice((-62, -35, 33, 64, 370))
    table: dict[str, Callable[[], World]] = {
        "number": lambda: _dealt(w, quantity=_other(rng, d.quantity, (w.other.quantity,), 2, 29)),
        "amount": lambda: _dealt(w, amount=amount_fault(d.amount, rng)),
        "date": lambda: _dealt(w, day=_away(d.day, shift), install=_away(d.install, shift)),
        "organisation": lambda: replace(
            w, org=rng.choice([o for o in pool.orgs if o != w.org and not o.startswith(w.org[:2])])
        ),
        "pair": lambda: _dealt(w, amount=w.other.amount),
        "period": lambda: _dealt(
            w,
            warranty=rng.choice(
                [m for m in (6, 12, 18, 24, 30, 36, 48, 60) if m not in (d.warranty, w.other.warranty)]
            ),
        ),
        "period_span": lambda: (
            replace(w, start=_away(w.start, 400)) if rng.random() < 0.5 else replace(w, end=_away(w.end, 400))
        ),
        "name": lambda: replace(w, person=rng.choice([p for p in pool.people if p not in (w.person, w.colleague)])),
        "title": lambda: replace(
            w, title=rng.choice([t for t in pool.titles if t not in (w.title, w.colleague_title)])
        ),
        "colleague": lambda: replace(w, title=w.colleague_title),
        "window": lambda: replace(w, window=(w.window[0] - 2, w.window[1] - 1)),
        "amount_budget": lambda: replace(w, deal=replace(d, amount=amount_fault(w.budget_amount, rng))),
        "code": lambda: replace(w, cert=w.cert[:-1] + str((int(w.cert[-1]) + rng.randint(1, 9)) % 10)),
        "tender_code": lambda: replace(w, tender=w.tender[:-1] + str((int(w.tender[-1]) + rng.randint(1, 9)) % 10)),
        "until": lambda: replace(w, until=_away(w.until, shift)),
        "closes": lambda: replace(w, closes=_away(w.closes, rng.choice((-3, 2, 5, 31)))),
        "quarter": lambda: _dealt(w, day=_away(d.day, rng.choice((92, 184)))),
        "ended": lambda: w,
        "relation": lambda: w,
        "not_installed": lambda: _dealt(w, install=d.day),
        "no_warranty": lambda: w,
        "unit": lambda: _dealt(w, unit=rng.choice([u for u in pool.units if u != d.unit])),
        "unit_period": lambda: w,
    }
    return table[fault]()


def _dealt(w: World, **parts: Any) -> World:
    return replace(w, deal=replace(w.deal, **parts))


def _away(day: date, days: int) -> date:
    """Another day of another month and, where the shift is long, of another year."""
    return day + timedelta(days=days)


def _other(rng: random.Random, value: int, also: Sequence[int], low: int, high: int) -> int:
    return rng.choice([n for n in range(low, high) if n != value and n not in also])
