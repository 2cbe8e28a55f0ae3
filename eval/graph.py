"""Suite `graph`, the pure part: a seeded sales graph, graphs from a folder, and percentiles of what was timed."""

import json
import math
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from time import perf_counter
from typing import Any

from eval.jsonl import BadData, at, read_lines

SEED = 20261121
TODAY = date(2026, 11, 21)
FIRST = date(2021, 1, 1)
KINDS = ("customer", "product", "person", "group")
SHARES = {"customer": 0.30, "product": 0.14, "group": 0.01}  # the rest are people


@dataclass(frozen=True, slots=True)
class Node:
    """`id` is `kind:number`."""

    id: str
    name: str


@dataclass(frozen=True, slots=True)
class Edge:
    """
    `value` is what the edge says besides where it leads, such as the number of an order. Without a `target` it is a
    property of its source, and counts as no edge.
    """

    source: str
    relation: str
    target: str
    value: str = ""
    since: date | None = None
    until: date | None = None
    attributes: dict[str, str] = field(default_factory=dict[str, str])


@dataclass(frozen=True, slots=True)
class Graph:
    """Nodes by id; every end of an edge is one of them."""

    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]

    @property
    def size(self) -> tuple[int, int]:
        """Nodes and edges."""
        return len(self.nodes), sum(bool(edge.target) for edge in self.edges)

    def of_kind(self, kind: str) -> list[str]:
        """In the order of the nodes."""
        return [node.id for node in self.nodes if node.id.startswith(f"{kind}:")]


def sales_graph(nodes: int, edges: int, seed: int = SEED) -> Graph:
    """
    Hospitals, products, people and purchasing groups: who works where under which title, who bought what, at what
    price, what broke, when they talked, what was promised. Some products sell much better than others.
    """
    chance = random.Random(seed)
    ids = {kind: [f"{kind}:{number}" for number in range(max(2, int(nodes * share)))] for kind, share in SHARES.items()}
    ids["person"] = [f"person:{number}" for number in range(nodes - sum(map(len, ids.values())))]
    made = list(_staff(chance, ids)) + list(_places(chance, ids))
    made += [_deal(chance, ids, number) for number in range(edges - len(made))]
    named = tuple(Node(id_, f"{kind} {id_.partition(':')[2]}") for kind in KINDS for id_ in ids[kind])
    return Graph(named, (*made[:edges], *_properties(chance, ids)))


def _staff(chance: random.Random, ids: dict[str, list[str]]) -> Iterator[Edge]:
    for number, person in enumerate(ids["person"]):
        customer = chance.choice(ids["customer"])
        yield Edge(person, "works_at", customer)
        title = ("设备科主任", "设备科工程师", "护士长")[number % 3]
        attributes = {"department": "设备科", "decides": "yes" if number % 3 == 0 else "no"}
        yield Edge(person, "holds_title", customer, title, _day(chance), None, attributes)


def _places(chance: random.Random, ids: dict[str, list[str]]) -> Iterator[Edge]:
    for number, customer in enumerate(ids["customer"]):
        yield Edge(customer, "purchases_through", chance.choice(ids["group"]))
        if number and number % 10 == 0:
            yield Edge(customer, "part_of", ids["customer"][number - chance.randrange(1, 10)])


def _properties(chance: random.Random, ids: dict[str, list[str]]) -> Iterator[Edge]:
    for number, customer in enumerate(ids["customer"]):
        for year in (2026, 2027):
            months = {"window_from": "10", "window_to": "11", "amount": str(chance.randrange(10**5, 10**7))}
            yield Edge(customer, "budget", "", str(year), date(year, 1, 1), date(year + 1, 1, 1), months)
        for talk in range(5):
            yield Edge(customer, "contacted", "", f"T{number}-{talk}", _day(chance), None, {"channel": "phone"})
        due = {"text": "提供注册证复印件", "due": "2026-12-31"}
        yield Edge(customer, "promise", "", f"W{number}", _day(chance), None, due)
        tender = {"title": "超声诊断系统采购", "category": "超声诊断系统"}
        yield Edge(customer, "tender", "", f"Z{number}", since := _day(chance), since + timedelta(days=30), tender)
    for number, product in enumerate(ids["product"]):
        until = {"until": "2027-12-30"}
        yield Edge(product, "certificate", "", f"国械注准{number:011}", FIRST, date(2027, 12, 31), until)


def _deal(chance: random.Random, ids: dict[str, list[str]], number: int) -> Edge:
    customer = chance.choice(ids["customer"])
    product = ids["product"][int(len(ids["product"]) * chance.random() ** 1.5)]
    since, drawn = _day(chance), chance.random()
    if drawn < 0.8:
        attributes = {"quantity": str(chance.randrange(1, 20)), "unit": "台", "category": "超声诊断系统"}
        return Edge(customer, "bought", product, f"D{number}", since, None, attributes)
    if drawn < 0.9:
        closed = since + timedelta(days=chance.randrange(3, 90))
        return Edge(customer, "ticket", product, f"G{number}", since, closed, {"subject": "报修"})
    return Edge(product, "price", customer, str(chance.randrange(100, 100_000)), since, None, {"currency": "CNY"})


def _day(chance: random.Random) -> date:
    return FIRST + timedelta(days=chance.randrange((TODAY - FIRST).days))


def read_graph(folder: Path) -> Graph:
    """`nodes.jsonl` and `edges.jsonl` as docs/eval.md describes them; raises BadData with file and line."""
    nodes: dict[str, Node] = {}
    for line, row in read_lines(folder / "nodes.jsonl", {"id": str}):
        if row["id"].partition(":")[0] not in KINDS or not row["id"].partition(":")[2] or len(row["id"]) > 100:
            raise at(
                "nodes.jsonl", line, f"id 应为“种类:编号”，种类为 {KINDS}", f"an id is KIND:NUMBER, KIND of {KINDS}"
            )
        nodes[row["id"]] = Node(row["id"], str(row.get("name", row["id"])))
    edges: list[Edge] = []
    for line, row in read_lines(folder / "edges.jsonl", {"source": str, "relation": str, "target": str}):
        for end in (row["source"], row["target"]):
            if end and end not in nodes:
                raise at("edges.jsonl", line, f"节点 {end} 不在 nodes.jsonl 中", f"{end} is not in nodes.jsonl")
        edges.append(_edge(line, row))
    if not edges:
        raise BadData("edges.jsonl 没有内容", "edges.jsonl is empty")
    return Graph(tuple(nodes.values()), tuple(edges))


def _edge(line: int, row: dict[str, Any]) -> Edge:
    try:
        since, until = (date.fromisoformat(row[name]) if row.get(name) else None for name in ("from", "to"))
    except (ValueError, TypeError) as wrong:
        raise at("edges.jsonl", line, "from、to 应为 YYYY-MM-DD", "from and to are YYYY-MM-DD") from wrong
    attributes = row.get("attributes", {})
    if not isinstance(attributes, dict):
        raise at("edges.jsonl", line, "attributes 应为对象", "attributes is an object")
    given = {str(name): str(text) for name, text in attributes.items()}
    value = str(row.get("value", ""))
    return Edge(row["source"], row["relation"], row["target"], value, since, until, given)


def write_graph(graph: Graph, folder: Path) -> None:
    """In the format that `read_graph` reads."""
    rows = ({"id": node.id, "name": node.name} for node in graph.nodes)
    _write(folder / "nodes.jsonl", rows)
    _write(folder / "edges.jsonl", map(_edge_row, graph.edges))


def _edge_row(edge: Edge) -> dict[str, object]:
    days = {name: day.isoformat() for name, day in (("from", edge.since), ("to", edge.until)) if day}
    row = {"source": edge.source, "relation": edge.relation, "target": edge.target, "value": edge.value}
    return {**row, **days, "attributes": edge.attributes}


def _write(path: Path, rows: Iterator[dict[str, Any]] | Iterator[dict[str, object]] | Any) -> None:
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")


def timed(ask: Callable[[str], object], about: Sequence[str]) -> list[float]:
    """Milliseconds of each question, after one that warms the caches."""
    ask(about[0])
    took: list[float] = []
    for each in about:
        began = perf_counter()
        ask(each)
        took.append((perf_counter() - began) * 1000)
    return took


def percentile(values: Sequence[float], share: float) -> float:
    """The nearest rank."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


def drawn(items: Sequence[str], count: int, seed: int = SEED) -> list[str]:
    """So many of them, or all, in a seeded order."""
    return random.Random(seed).sample(list(items), min(count, len(items)))
