"""llama-index over our facts: it reads walks of one day for one viewer, and what it writes waits for a person."""

import subprocess
import sys
from collections.abc import Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from llama_index.core import PropertyGraphIndex
from llama_index.core.base.embeddings.base import BaseEmbedding
from llama_index.core.graph_stores.types import KG_NODES_KEY, KG_RELATIONS_KEY, ChunkNode, EntityNode, Relation, Triplet
from llama_index.core.indices.property_graph import CustomPGRetriever, VectorContextRetriever
from llama_index.core.schema import BaseNode, TextNode, TransformComponent
from llama_index.core.vector_stores.simple import SimpleVectorStore
from llama_index.core.vector_stores.types import VectorStoreQuery
from sqlalchemy import Engine

from governance.db import reading
from governance.errors import Conflict, Invalid, NotFound, Refused, Unavailable
from governance.vault import forget
from rag.facts import add_facts, make_fact
from rag.graph_store import FactGraphStore
from rag.identity import merge, merges_in, suggest_merges
from rag.proposals import accept, proposals_in
from rag.tables import facts
from tests.small_graph import H1, H2, HEAD, NOW, OLD_HEAD, P1, P2, TODAY, fact, graph

GROUP = "group:江北采购联盟"


@pytest.fixture
def store(db: Engine, tmp_path: Path) -> FactGraphStore:
    return FactGraphStore(db, graph(db, tmp_path), as_of=TODAY, clock=lambda: NOW)


def said(triplets: Sequence[Triplet]) -> set[tuple[str, str, str]]:
    return {(one.id, relation.label, other.id) for one, relation, other in triplets}


def around(store: FactGraphStore, id_: str, **how: Any) -> set[tuple[str, str, str]]:
    return said(store.get_rel_map(store.get(ids=[id_]), **how))


def test_a_node_is_called_by_its_id_and_says_what_is_known_on_the_day(store: FactGraphStore) -> None:
    [hospital, product] = store.get(ids=[H1, P1])
    assert (hospital.id, hospital.label, hospital.properties["display"]) == (H1, "customer", "青禾市第一人民医院")
    assert (product.properties["display"], product.properties["model"], product.properties["warranty"]) == (
        *("彩色超声", "CY-90"),
        "36",
    )
    [person] = store.get(ids=[HEAD])
    assert (person.label, person.properties) == ("person", {"display": HEAD})
    assert store.get(ids=[]) == []
    assert store.get(ids=["customer:none", "p_' OR 1=1", "%", "s_x", ""]) == []
    assert {node.id for node in store.get()} == {H1, H2, P1, P2, HEAD, OLD_HEAD, GROUP}
    assert [node.id for node in store.get(properties={"display": "云渚市中心医院"})] == [H2]


def test_two_steps_lead_from_a_hospital_over_its_product_to_the_next(store: FactGraphStore) -> None:
    one = {(H1, "bought", P1), (H1, "purchases_through", GROUP)}
    people = {(HEAD, "works_at", H1), (HEAD, "holds_title", H1), (OLD_HEAD, "works_at", H1)}
    assert around(store, H1, depth=1) == one | people  # the post of the one before had ended
    assert around(store, H1, depth=2) == one | people | {(H2, "bought", P1)}
    assert around(store, H1, depth=9) == one | people | {(H2, "bought", P1), (H2, "bought", P2)}
    assert around(store, H1, depth=2, ignore_rels=["works_at", "holds_title"]) == one | {(H2, "bought", P1)}
    assert len(around(store, H1, depth=2, limit=2)) == 2
    assert around(store, H1, depth=0) == set()
    [(_, relation, _)] = store.get_triplets(ids=[H1], relation_names=["bought"])
    assert relation.properties["value"] == "D1"
    assert relation.properties["quantity"] == "2"
    assert relation.properties["valid_from"] == "2025-03-01"
    assert relation.properties["source"] == "s_row"
    assert relation.properties["fact"].startswith("f_")


def test_triplets_are_found_by_name_alias_id_relation_and_never_by_nothing(store: FactGraphStore) -> None:
    bought = {(H1, "bought", P1)}
    assert said(store.get_triplets(entity_names=["青禾一院"], relation_names=["bought"])) == bought
    assert said(store.get_triplets(ids=[H1], relation_names=["bought"])) == bought
    assert said(store.get_triplets(relation_names=["purchases_through"])) == {(H1, "purchases_through", GROUP)}
    assert said(store.get_triplets(properties={"display": "输液泵"})) == {(H2, "bought", P2)}
    for nothing in ({}, {"ids": []}, {"entity_names": []}, {"entity_names": ["不存在"]}, {"relation_names": []}):
        assert store.get_triplets(**nothing) == []


def test_the_day_and_the_moment_are_honoured(db: Engine, tmp_path: Path, store: FactGraphStore) -> None:
    vault = store._vault  # pyright: ignore[reportPrivateUsage]
    before = FactGraphStore(db, vault, as_of=date(2026, 2, 28))
    assert (OLD_HEAD, "holds_title", H1) in around(before, H1, depth=1)
    assert (HEAD, "holds_title", H1) not in around(before, H1, depth=1)
    assert (H2, "bought", P1) not in around(before, H1, depth=2)
    unknown = FactGraphStore(db, vault, as_of=TODAY, known_at=NOW - timedelta(seconds=1))
    assert unknown.get() == []
    every_day = FactGraphStore(db, vault, as_of=None)
    assert {(HEAD, "holds_title", H1), (OLD_HEAD, "holds_title", H1)} <= around(every_day, H1, depth=1)


def test_a_walk_stops_at_whoever_may_not_be_seen(db: Engine, tmp_path: Path) -> None:
    vault = graph(db, tmp_path)
    mine = FactGraphStore(db, vault, as_of=TODAY, permitted=[H1, HEAD])
    assert around(mine, H1, depth=5) == {
        (H1, "bought", P1),
        (H1, "purchases_through", GROUP),
        (HEAD, "works_at", H1),
        (HEAD, "holds_title", H1),
    }
    assert mine.get(ids=[H2, OLD_HEAD]) == []
    assert H2 not in {node.id for node in mine.get()}
    assert around(mine, P1) == around(mine, P1, depth=1) | around(mine, H1, depth=1)
    assert said(mine.get_triplets(ids=[P1], relation_names=["bought"])) == {(H1, "bought", P1)}
    nobody = FactGraphStore(db, vault, as_of=TODAY, permitted=[])
    assert around(nobody, P1, depth=3) == set()
    assert mine.get(ids=["s_row"]) == []  # it states facts about the other hospital too
    assert [node.id for node in mine.get(ids=["s_card"])] == ["s_card"]


def test_merged_ids_are_one_node_and_who_withdrew_is_none(db: Engine, tmp_path: Path) -> None:
    vault = graph(db, tmp_path)
    store = FactGraphStore(db, vault, as_of=TODAY)
    with db.begin() as tx:
        twin = fact("customer:H9", "name", "青禾市第一人民医院")
        add_facts(tx, [twin, fact("customer:H9", "bought", "D9", product="P2", since=date(2026, 1, 1))])
        suggest_merges(tx, NOW)
        [asked] = merges_in(tx, "waiting")
        merge(tx, asked.id, by="ling", reason="同一医院", now=NOW)
    assert {(H1, "bought", P1), (H1, "bought", P2)} <= around(store, H1, depth=1)
    assert [node.id for node in store.get(ids=["customer:H9"])] == [H1]
    assert around(store, "customer:H9", depth=1) == around(store, H1, depth=1)
    only = FactGraphStore(db, vault, as_of=TODAY, permitted=[H1])
    assert (H1, "bought", P2) in around(only, P2, depth=1)
    with db.begin() as tx:
        forget(tx, vault, HEAD, actor="dpo", now=NOW)
    every = [FactGraphStore(db, vault, as_of=day, known_at=at) for day in (None, TODAY) for at in (None, NOW)]
    for each in every:
        assert HEAD not in str([each.get(), each.get_rel_map(each.get(), depth=3, limit=99), each.get(ids=["s_told"])])
        assert each.get(ids=[HEAD]) == []


def test_passages_are_nodes_that_mention_what_they_state_and_orders_are_none(store: FactGraphStore) -> None:
    [chunk] = store.get(ids=["s_card", "s_hostile"])
    assert isinstance(chunk, ChunkNode)
    assert (chunk.text, chunk.properties["ref_doc_id"]) == ("CY-90 整机质保期：36个月", "d_card")
    assert said(store.get_rel_map([chunk], depth=1)) == {("s_card", "mentions", P1)}
    assert (H1, "bought", P1) in said(store.get_rel_map([chunk], depth=2))
    assert [node.id for node in store.get(properties={"ref_doc_id": "d_card"})] == ["s_card", "s_told"]
    assert [node.id for node in store.get(properties={"triplet_source_id": "s_card"})] == [P1]
    assert [node.get_content() for node in store.get_llama_nodes(["s_card", "s_none"])] == [chunk.text]


def test_the_schema_names_what_there_is(store: FactGraphStore) -> None:
    schema = store.get_schema()
    assert set(schema["relations"]) == {"purchases_through", "works_at", "holds_title", "bought", "mentions"}
    assert "warranty" in schema["properties"]
    assert "relations: " in store.get_schema_str()


def test_what_is_written_becomes_a_proposal_never_a_fact(db: Engine, store: FactGraphStore) -> None:
    with reading(db) as tx:
        before = tx.execute(facts.select()).all()
    relation = Relation(
        label="BOUGHT",
        source_id="云渚市中心医院",
        target_id="YD-300",
        properties={"value": "D7", "quantity": 3, "triplet_source_id": "s_card", "valid_from": "2026-10-01"},
    )
    store.upsert_nodes([EntityNode(name="云渚市中心医院"), EntityNode(name=P2), ChunkNode(text="x", id_="s_card")])
    store.upsert_llama_nodes([TextNode(id_="s_card", text="x")])
    store.upsert_relations([relation, Relation(label="NEXT", source_id="s_card", target_id="s_told")])
    with db.begin() as tx:
        assert tx.execute(facts.select()).all() == before
        [waiting] = proposals_in(tx, "waiting")
        assert (waiting.subject, waiting.relation, waiting.object) == (H2, "bought", P2)
        assert (waiting.value, waiting.attributes["quantity"]) == ("D7", "3")
        accept(tx, waiting.id, by="ling", reason="", now=NOW)
    assert len(store.get_triplets(ids=[H2, P2], relation_names=["bought"])) == 3


@pytest.mark.parametrize(
    "wrong",
    [
        {"label": "LIKES"},
        {"source_id": "某医院"},
        {"target_id": H2},
        {"properties": {"triplet_source_id": "s_card"}},
        {"properties": {"value": "D7"}},
        {"properties": {"value": "D7", "triplet_source_id": "s_hostile"}},
        {"properties": {"value": "D7", "triplet_source_id": "s_card", "valid_from": "someday"}},
        {"properties": {"value": "D7", "triplet_source_id": "s_card", "valid_from": "2030-01-01"}},
        {"properties": {"value": f"[[{HEAD}.name]]", "triplet_source_id": "s_card"}},
    ],
)
def test_what_cannot_be_a_proposal_is_refused_as_a_whole(
    db: Engine, store: FactGraphStore, wrong: dict[str, Any]
) -> None:
    good = {"label": "bought", "source_id": H2, "target_id": P2}
    good["properties"] = {"value": "D7", "triplet_source_id": "s_card"}
    with pytest.raises(Invalid):
        store.upsert_relations([Relation(**good), Relation(**{**good, **wrong})])
    with reading(db) as tx:
        assert proposals_in(tx, "waiting") == []


def test_strangers_deletions_and_other_query_languages_are_refused(db: Engine, store: FactGraphStore) -> None:
    for node in (EntityNode(name="某医院"), EntityNode(name="p_" + "9" * 16), ChunkNode(text="x", id_="s_none")):
        with pytest.raises(Invalid):
            store.upsert_nodes([node])
    for what in (
        {"ids": [H1]},
        {"entity_names": ["青禾一院"]},
        {"relation_names": ["bought"]},
        {"properties": {"a": 1}},
    ):
        with pytest.raises(Refused):
            store.delete(**what)
    store.delete(ids=[])
    with pytest.raises(NotFound):
        store.delete(ids=["q_none"])
    with pytest.raises(Unavailable):
        store.structured_query("MATCH (n) RETURN n")
    with pytest.raises(Unavailable):
        store.vector_query(VectorStoreQuery())
    relation = Relation(label="bought", source_id=H2, target_id=P2, properties={"value": "D7", "source": "s_card"})
    with pytest.raises(Refused):
        FactGraphStore(db, store._vault, as_of=TODAY).upsert_relations([relation])  # pyright: ignore[reportPrivateUsage]
    store.upsert_relations([relation])
    with db.begin() as tx:
        [waiting] = proposals_in(tx, "waiting")
    store.delete(ids=[waiting.id])
    store.upsert_relations([relation])
    with db.begin() as tx:
        accept(tx, waiting.id, by="ling", reason="", now=NOW)
    with pytest.raises(Conflict):
        store.delete(ids=[waiting.id])


def test_a_circle_is_walked_once_and_a_hub_shows_its_newest_edges(db: Engine, store: FactGraphStore) -> None:
    ring = [fact(f"customer:R{i}", "part_of", f"customer:R{(i + 1) % 3}") for i in range(3)]
    days = [date(2020, 1, 1) + timedelta(days=i) for i in range(3000)]
    hub = [
        make_fact(f"customer:B{i}", "bought", f"B{i}", {"product": "HUB"}, source="s_row", known_from=NOW, valid_from=d)
        for i, d in enumerate(days)
    ]
    with db.begin() as tx:
        add_facts(tx, [*ring, *hub])
    assert len(around(store, "customer:R0", depth=10_000, limit=99)) == 3
    found = store.get_rel_map(store.get(ids=["product:HUB"]), depth=3, limit=10)
    newest = [day for day in days if day <= TODAY][-10:]
    assert sorted(relation.properties["valid_from"] for _, relation, _ in found) == [day.isoformat() for day in newest]


class Letters(BaseEmbedding):
    """Counts letters: enough to tell names apart."""

    def _get_text_embedding(self, text: str) -> list[float]:
        return [sum(ord(letter) % 64 == place for letter in text) + 0.0 for place in range(64)]

    _get_query_embedding = _get_text_embedding

    async def _aget_query_embedding(self, query: str) -> list[float]:
        return self._get_text_embedding(query)


def test_an_index_over_the_facts_retrieves_triplets_with_the_passages_that_state_them(store: FactGraphStore) -> None:
    vectors, embedding = SimpleVectorStore(stores_text=False), Letters()
    names = {node.id: node.properties["display"] for node in store.get(properties={"label": "customer"})}
    vectors.add(
        [TextNode(id_=id_, text=name, embedding=embedding.get_text_embedding(name)) for id_, name in names.items()]
    )
    index = PropertyGraphIndex.from_existing(
        property_graph_store=store, vector_store=vectors, embed_model=embedding, kg_extractors=[Keeps()], llm=None
    )
    near = VectorContextRetriever(
        store, vector_store=vectors, embed_model=embedding, similarity_top_k=1, path_depth=1, include_text=True
    )
    found = index.as_retriever(sub_retrievers=[near]).retrieve("云渚市中心医院买过什么")
    texts = [node.get_content() for node in found]
    assert any(f"{H2} -> bought -> {P2}" in text and "客户：青禾" in text for text in texts)

    class Named(CustomPGRetriever):
        def init(self, **kwargs: Any) -> None:
            pass

        def custom_retrieve(self, query_str: str) -> str:
            nodes = [node for node in store.get() if node.properties["display"] in query_str]
            return "\n".join(str(triplet[2]) for triplet in store.get_rel_map(nodes, depth=1))

    [node] = index.as_retriever(sub_retrievers=[Named(store)]).retrieve("彩色超声卖给了谁")
    assert "青禾市第一人民医院" in node.get_content() or "彩色超声" in node.get_content()


class Keeps(TransformComponent):
    """An extractor: what the passage says is given."""

    def __call__(self, nodes: Sequence[BaseNode], **kwargs: Any) -> Sequence[BaseNode]:
        for node in nodes:
            node.metadata[KG_NODES_KEY] = [EntityNode(name=H2, label="customer"), EntityNode(name=P2, label="product")]
            node.metadata[KG_RELATIONS_KEY] = [
                Relation(label="bought", source_id=H2, target_id=P2, properties={"value": "D8"})
            ]
        return nodes


def test_building_an_index_with_an_extractor_ends_in_proposals(db: Engine, store: FactGraphStore) -> None:
    PropertyGraphIndex(
        nodes=store.get_llama_nodes(["s_card"]),
        property_graph_store=store,
        kg_extractors=[Keeps()],
        embed_kg_nodes=False,
        use_async=False,
    )
    with reading(db) as tx:
        [waiting] = proposals_in(tx, "waiting")
    assert (waiting.subject, waiting.object, waiting.source, waiting.extractor) == (H2, P2, "s_card", "llama-index")


def test_the_rest_of_rag_does_not_load_llama_index() -> None:
    code = "import rag.facts, rag.graph_walk, rag.proposals, rag.pipeline, sys; print('llama_index' in sys.modules)"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "False"
