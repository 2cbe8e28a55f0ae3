"""Suite `graph`: loading a customer graph, walking it and forgetting a customer, in our store and in llama-index's."""

import gc
import sys
import tempfile
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter
from typing import Any

from llama_index.core.graph_stores import SimplePropertyGraphStore
from llama_index.core.graph_stores.types import EntityNode, LabelledNode, Relation
from sqlalchemy import Engine, insert

from eval.graph import TODAY, Edge, Graph, drawn, percentile, read_graph, sales_graph, timed
from eval.jsonl import BadData
from governance.db import migrate, open_engine, reading
from governance.settings import Settings
from governance.vault import Vault, open_vault
from rag import tables
from rag.company import load_company
from rag.customer_360 import customer_360
from rag.customers import customers
from rag.facts import Fact, add_facts, edges_of, facts_around, make_fact, retire
from rag.graph_store import FactGraphStore
from rag.relations import RELATIONS
from rag.sources import Source, add_sources

NOW = datetime(2026, 11, 21, 9, tzinfo=UTC)
SIZES = {"10k": (10_000, 50_000), "100k": (100_000, 500_000)}
BATCH, ASKED, ASKED_PEER, DELETED = 5000, 200, 3, 20
DEALS = ("bought", "ticket", "price")


def run(data: Path | None, settings: Settings) -> dict[str, Any]:
    """The folder's graph under the suffix `_data`, or two seeded ones; nothing of the company's data is touched."""
    graphs = {"data": _checked(read_graph(data))} if data else {}
    sizes = [] if data else list(SIZES)
    metrics: dict[str, Any] = {}
    for suffix in (*graphs, *sizes):
        graph = graphs.get(suffix) or sales_graph(*SIZES[suffix])
        with tempfile.TemporaryDirectory() as scratch:
            measured = _measure(graph, Path(scratch), settings, beside=suffix != "100k")
        metrics |= {f"{name}_{suffix}": value for name, value in measured.items()}
        del graph
        gc.collect()
    return metrics


def _checked(graph: Graph) -> Graph:
    if strange := {edge.relation for edge in graph.edges} - RELATIONS.keys():
        known = ", ".join(RELATIONS)
        shown = ", ".join(sorted(strange)[:5])
        raise BadData(f"未知的关系 {shown}；可用：{known}", f"unknown relations {shown}; there are {known}")
    return graph


def _measure(graph: Graph, folder: Path, settings: Settings, *, beside: bool) -> dict[str, Any]:
    nodes, edges = graph.size
    sys.stderr.write(f"graph: {nodes} nodes, {edges} edges\n")
    migrate(url := f"sqlite:///{folder / 'graph.db'}")
    db, vault = open_engine(url), open_vault(folder / "keys")
    began = perf_counter()
    facts = _load(db, vault, graph)
    load_s = perf_counter() - began
    asked = drawn(graph.of_kind("customer"), ASKED)
    found = {"nodes": nodes, "edges": edges, "facts": facts, "load_s": round(load_s, 2)}
    peer = _peer(graph, asked[:ASKED_PEER]) if beside else {}
    del graph
    gc.collect()
    ours = _ours(db, vault, settings, asked)
    found |= ours | peer
    if peer:
        found["peer_two_hop_ratio"] = round(peer["peer_rel_map_p50_ms"] / ours["rel_map_p50_ms"], 1)
        found["peer_load_ratio"] = round(load_s / max(peer["peer_load_s"], 0.01), 1)
    found |= _deletions(db, vault, asked[-DELETED:])
    db.dispose()
    return found


def _ours(db: Engine, vault: Vault, settings: Settings, asked: Sequence[str]) -> dict[str, float]:
    store = FactGraphStore(db, vault, as_of=TODAY)
    company = load_company(settings.company)
    with reading(db) as tx:
        known = {customer.id: customer for customer in customers(tx)}
        bought = {fact.subject: fact.object for fact in edges_of(tx, asked, as_of=TODAY, relations=["bought"])}

    def two_hop(customer: str) -> list[Fact]:
        """The other hospitals that bought, pay for or complain about what this one bought."""
        with reading(db) as tx:
            own = edges_of(tx, [customer], as_of=TODAY, relations=["bought"])
            return edges_of(tx, {fact.object for fact in own}, as_of=TODAY, relations=DEALS)

    def gather(customer: str) -> object:
        with reading(db) as tx:
            return customer_360(tx, vault, company, known[customer], product=bought.get(customer), as_of=TODAY)

    def around(customer: str) -> object:
        with reading(db) as tx:
            return facts_around(tx, customer)

    reached = sum(len(two_hop(customer)) for customer in asked) / len(asked)
    starts = _starts(store, asked)
    return {
        "two_hop_edges": round(reached, 1),
        **_percentiles("two_hop", timed(two_hop, asked)),
        **_percentiles("rel_map", timed(lambda id_: store.get_rel_map([starts[id_]], depth=2), asked)),
        **_percentiles("facts_around", timed(around, asked)),
        **_percentiles("customer_360", timed(gather, asked)),
    }


def _deletions(db: Engine, vault: Vault, asked: Sequence[str]) -> dict[str, Any]:
    """All facts of a customer and those that name it are retired in one transaction; a walk must then find nothing."""
    store = FactGraphStore(db, vault, as_of=TODAY)
    left, took = 0, list[float]()
    for customer in asked:
        began = perf_counter()
        with db.begin() as tx:
            everything = edges_of(tx, [customer], as_of=None)
            retire(tx, {fact.id for fact in (*everything, *facts_around(tx, customer))}, NOW)
        took.append((perf_counter() - began) * 1000)
        left += len(store.get(ids=[customer])) + len(store.get_triplets(ids=[customer]))
    return {"delete_customer_ms": round(percentile(took, 0.5), 2), "left_after_delete": left}


def _peer(graph: Graph, asked: Sequence[str]) -> dict[str, Any]:
    """llama-index's SimplePropertyGraphStore with the same nodes and edges."""
    store = SimplePropertyGraphStore()
    began = perf_counter()
    store.upsert_nodes([EntityNode(name=node.id, label=node.id.partition(":")[0]) for node in graph.nodes])
    store.upsert_relations(
        [
            Relation(
                label=edge.relation, source_id=edge.source, target_id=edge.target, properties=dict(edge.attributes)
            )
            for edge in graph.edges
            if edge.target
        ]
    )
    load_s = perf_counter() - began
    starts = _starts(store, asked)
    took = timed(lambda id_: store.get_rel_map([starts[id_]], depth=2), asked)
    began = perf_counter()
    store.delete(ids=[asked[0]])
    delete_ms = (perf_counter() - began) * 1000
    return {
        "peer_load_s": round(load_s, 2),
        "peer_rel_map_p50_ms": round(percentile(took, 0.5), 2),
        "peer_delete_ms": round(delete_ms, 2),
    }


def _starts(store: Any, asked: Sequence[str]) -> dict[str, LabelledNode]:
    return {id_: store.get(ids=[id_])[0] for id_ in asked}


def _percentiles(name: str, took: Sequence[float]) -> dict[str, float]:
    return {f"{name}_p50_ms": round(percentile(took, 0.5), 2), f"{name}_p95_ms": round(percentile(took, 0.95), 2)}


def _load(db: Engine, vault: Vault, graph: Graph) -> int:
    """As an import does it: every row is a source, sealed, with a fact that cites it."""
    document = {"id": "d_graph", "name": "graph", "kind": "export", "language": "zh", "sha256": "0" * 64}
    with db.begin() as tx:
        tx.execute(insert(tables.documents).values(**document, passport="", added_at=NOW))
    rows = [(f"s_{number}", edge) for number, edge in enumerate(_edges(graph))]
    for start in range(0, len(rows), BATCH):
        part = rows[start : start + BATCH]
        with db.begin() as tx:
            add_sources(tx, vault, (_source(id_, start + place, edge) for place, (id_, edge) in enumerate(part)))
            add_facts(tx, (_fact(edge, id_) for id_, edge in part))
    return len(rows)


def _edges(graph: Graph) -> Iterator[Edge]:
    """Names are properties too; people have none here."""
    for node in graph.nodes:
        if node.id.startswith(("customer:", "product:")):
            yield Edge(node.id, "name", "", node.name)
    yield from graph.edges


def _fact(edge: Edge, source: str) -> Fact:
    pointed = _own(edge.target)
    rule = RELATIONS[edge.relation]
    attributes, value = dict(edge.attributes), edge.value
    if rule.object == "value":
        value = pointed
    elif rule.object and pointed:
        attributes[rule.object] = pointed.removeprefix(rule.prefix)
    if edge.relation in ("works_at", "holds_title"):
        attributes["customer"] = pointed
    return make_fact(
        _own(edge.source),
        edge.relation,
        value,
        attributes,
        source=source,
        known_from=NOW,
        valid_from=edge.since,
        valid_to=edge.until,
        unique=value.endswith("主任"),
    )


def _own(entity: str) -> str:
    """People have keyed ids."""
    kind, _, number = entity.partition(":")
    return f"p_{int(number):016x}" if kind == "person" and number.isdigit() else entity


def _source(id_: str, row: int, edge: Edge) -> Source:
    text = f"{edge.source} {edge.relation} {edge.target} {edge.value}"
    return Source(id_, "d_graph", "graph", "row", None, row, "", edge.since, text, position=row)
