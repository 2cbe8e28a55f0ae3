"""The facts as a llama-index PropertyGraphStore: reads are walks, writes are proposals that wait for a person."""

from collections.abc import Callable, Collection, Generator, Iterable, Sequence
from contextlib import contextmanager
from datetime import date, datetime
from typing import Any, NoReturn

from llama_index.core.graph_stores.types import (
    TRIPLET_SOURCE_KEY,
    ChunkNode,
    EntityNode,
    LabelledNode,
    PropertyGraphStore,
    Relation,
    Triplet,
)
from llama_index.core.schema import BaseNode, TextNode
from llama_index.core.vector_stores.types import VectorStoreQuery
from sqlalchemy import Connection, Engine

from governance.db import reading
from governance.errors import Invalid, Refused, Unavailable
from governance.vault import FORGOTTEN, TOKEN, Vault, forgotten
from rag import graph_walk as walks
from rag.facts import Fact, holds
from rag.graph_proposals import entity_called, proposal_of
from rag.graph_walk import EDGES, Identities, View
from rag.proposals import propose, withdraw
from rag.relations import RELATIONS
from rag.sources import Source, of_documents, sources

MENTIONS = "mentions"  # from a passage to what its facts are about
CHUNK = "text_chunk"


class FactGraphStore(PropertyGraphStore):
    """
    The graph of one day as one viewer may see it; `as_of`, `known_at` and `permitted` as in rag/graph_walk.py.

    A node's id is its stable id; what it is called stands in the property `display`, people have ids only. Relations
    carry the fact's own properties. `clock` is needed to propose; without it the store only reads.
    """

    supports_structured_queries = False
    supports_vector_queries = False

    def __init__(
        self,
        db: Engine,
        vault: Vault,
        *,
        as_of: date | None,
        known_at: datetime | None = None,
        permitted: Collection[str] | None = None,
        clock: Callable[[], datetime] | None = None,
        extractor: str = "llama-index",
    ) -> None:
        self._db, self._vault, self._clock, self._extractor = db, vault, clock, extractor
        self._view = View(as_of, known_at, None if permitted is None else frozenset(permitted))

    @property
    def client(self) -> Engine:
        """The database; read it with the functions of rag/."""
        return self._db

    def get(self, properties: dict[str, Any] | None = None, ids: list[str] | None = None) -> list[LabelledNode]:
        """No ids means none, as llama-index asks when a search found nothing; no argument means every entity."""
        with self._reading() as (tx, who):
            if ids is not None:
                return [*self._entities(tx, who, ids).values(), *self._chunks(tx, who, ids).values()]
            if properties and (source := properties.get(TRIPLET_SOURCE_KEY)):
                return list(self._entities(tx, who, self._ends(tx, who, [str(source)])).values())
            if properties and (document := properties.get("ref_doc_id")):
                found = of_documents(tx, self._vault, [str(document)])
                return list(self._chunks(tx, who, found, found).values())
            every = self._entities(tx, who, walks.everything(tx, self._view, who))
        wanted = (properties or {}).items()
        return [node for node in every.values() if all(_of(node, name) == text for name, text in wanted)]

    def get_triplets(
        self,
        entity_names: list[str] | None = None,
        relation_names: list[str] | None = None,
        properties: dict[str, Any] | None = None,
        ids: list[str] | None = None,
    ) -> list[Triplet]:
        """Edges of the named or listed nodes (else of those with the properties), of the named relations only."""
        chosen = EDGES if relation_names is None else relation_names
        with self._reading() as (tx, who):
            names = [id_ for name in entity_names or [] for id_ in entity_called(tx, name)]
            if entity_names is None and ids is None:
                if properties is None and relation_names is None:
                    return []
                names = [node.id for node in self.get(properties=properties)]
            asked = [who.one(id_) for id_ in [*names, *(ids or [])]]
            edges = walks.steps(tx, self._view, who, asked, relations=chosen)
            mentioned = self._mentions(tx, who, asked) if MENTIONS in chosen or relation_names is None else []
            return [*self._triplets(tx, who, edges), *mentioned]

    def get_rel_map(
        self,
        graph_nodes: list[LabelledNode],
        depth: int = 2,
        limit: int = 30,
        ignore_rels: list[str] | None = None,
    ) -> list[Triplet]:
        """The edges within so many steps of the nodes, nearest first; passages lead to what they mention."""
        relations = [name for name in EDGES if name not in (ignore_rels or ())]
        starts = [node.id for node in graph_nodes]
        with self._reading() as (tx, who):
            found = [] if MENTIONS in (ignore_rels or ()) else self._mentions(tx, who, starts)[:limit]
            starts += [triplet[2].id for triplet in found]
            if depth > bool(found) and len(found) < limit:
                room = limit - len(found)
                edges = walks.walk(tx, self._view, starts, depth=depth - bool(found), limit=room, relations=relations)
                found += self._triplets(tx, who, edges)
        return found

    def get_llama_nodes(self, node_ids: list[str]) -> list[BaseNode]:
        """The passages of these ids that may be seen."""
        with self._reading() as (tx, who):
            return [_text_node(node) for node in self._chunks(tx, who, node_ids).values()]

    async def aget_llama_nodes(self, node_ids: list[str]) -> list[BaseNode]:
        """The same; llama-index's own would look for whole nodes within the properties."""
        return self.get_llama_nodes(node_ids)

    def upsert_nodes(self, nodes: Sequence[LabelledNode]) -> None:
        """Nothing is added: entities come from records, passages from documents. Raises Invalid for unknown ones."""
        with reading(self._db) as tx:
            chunks = {node.id for node in nodes if isinstance(node, ChunkNode)}
            unknown = chunks - sources(tx, self._vault, chunks).keys()
            unknown |= {n.id for n in nodes if not isinstance(n, ChunkNode) and len(entity_called(tx, n.id)) != 1}
        if unknown:
            shown = "、".join(sorted(unknown)[:5])
            raise Invalid(
                reason={
                    "zh": f"图中没有（或不止一个）：{shown}。客户、产品和人员来自业务记录，段落来自文档，不能由此新增",
                    "en": f"unknown or not unique: {shown}. Entities come from records and passages from documents; "
                    "they are not added here",
                }
            )

    def upsert_llama_nodes(self, llama_nodes: list[BaseNode]) -> None:
        """Passages that are known already are accepted; raises Invalid for others."""
        self.upsert_nodes([ChunkNode(text="", id_=node.node_id) for node in llama_nodes])

    def upsert_relations(self, relations: list[Relation]) -> None:
        """
        Each becomes a proposal that waits for a person; never a fact. A relation between passages says nothing here.

        `properties`: `value` where the relation needs one, `valid_from`, `valid_to`, what else the fact says, and the
        passage under `triplet_source_id`. Raises Invalid; then none of them is proposed.
        """
        if self._clock is None:
            raise Refused(reason={"zh": "该图只读", "en": "this store only reads"})
        now = self._clock()
        with self._db.begin() as tx:
            texts = sources(tx, self._vault, {end for r in relations for end in (r.source_id, r.target_id)})
            claims = [r for r in relations if not (r.source_id in texts and r.target_id in texts)]
            asked = (
                proposal_of(tx, r.label, r.source_id, r.target_id, r.properties, self._extractor, now) for r in claims
            )
            propose(tx, list(asked), now)

    def delete(
        self,
        entity_names: list[str] | None = None,
        relation_names: list[str] | None = None,
        properties: dict[str, Any] | None = None,
        ids: list[str] | None = None,
    ) -> None:
        """Waiting proposals may be taken back by their ids. Facts are append-only: Refused for anything else."""
        asked = [*(entity_names or []), *(relation_names or []), *(properties or {})]
        if asked or not all(id_.startswith("q_") for id_ in ids or []):
            raise Refused(
                reason={
                    "zh": "事实只增不删；请撤下文件、更正记录，或由数据保护官撤回个人资料",
                    "en": "facts are append-only; retire the document, correct the record, or withdraw the person",
                }
            )
        if ids:
            with self._db.begin() as tx:
                withdraw(tx, ids)

    def structured_query(self, query: str, param_map: dict[str, Any] | None = None) -> NoReturn:
        """Not supported."""
        raise Unavailable(
            what={"zh": "图查询语言（Cypher）", "en": "A graph query language (Cypher)"},
            remedy={"zh": "请用 get_triplets 或 get_rel_map", "en": "use get_triplets or get_rel_map"},
        )

    def vector_query(self, query: VectorStoreQuery, **kwargs: Any) -> NoReturn:
        """Not supported."""
        raise Unavailable(
            what={"zh": "图中的向量检索", "en": "Vector search within the graph"},
            remedy={
                "zh": "请给 PropertyGraphIndex 另配 vector_store",
                "en": "give the PropertyGraphIndex a vector_store",
            },
        )

    def get_schema(self, refresh: bool = False) -> dict[str, list[str]]:
        """Which kinds of nodes there are, which relations are edges and which are properties."""
        with reading(self._db) as tx:
            there = walks.relations_there(tx, self._view)
        edges = [name for name in there if name in EDGES]
        labels = ["customer", "product", "person", "group", CHUNK]
        return {"labels": labels, "relations": [*edges, MENTIONS], "properties": [n for n in there if n not in edges]}

    def get_schema_str(self, refresh: bool = False) -> str:
        """One line each."""
        return "\n".join(f"{name}: {', '.join(found)}" for name, found in self.get_schema().items())

    @contextmanager
    def _reading(self) -> Generator[tuple[Connection, Identities]]:
        with reading(self._db) as tx:
            yield tx, walks.identities(tx, self._view.known_at)

    def _entities(self, tx: Connection, who: Identities, ids: Iterable[str]) -> dict[str, LabelledNode]:
        there = walks.existing(tx, self._view, who, ids)
        said = walks.properties(tx, self._view, who, there)
        return {id_: _entity_node(id_, said[id_]) for id_ in sorted(there)}

    def _chunks(
        self, tx: Connection, who: Identities, ids: Iterable[str], found: dict[str, Source] | None = None
    ) -> dict[str, ChunkNode]:
        """A passage that gives orders is none; with a permit one is seen when all that it states may be."""
        texts = sources(tx, self._vault, ids) if found is None else found
        shown = {id_: source for id_, source in texts.items() if not source.hostile}
        if self._view.permitted is not None and shown:
            said = walks.stated_by(tx, self._view, who, shown)
            shown = {id_: s for id_, s in shown.items() if id_ in said and all(map(self._shows, said[id_]))}
        gone = forgotten(tx) | who.gone if shown else frozenset[str]()
        return {id_: _chunk_node(source, gone) for id_, source in shown.items()}

    def _shows(self, fact: Fact) -> bool:
        customer = fact.attributes.get("customer", "")
        return all(self._view.shows(end) for end in (fact.subject, fact.object, customer) if end)

    def _ends(self, tx: Connection, who: Identities, ids: Iterable[str]) -> list[str]:
        """What the facts of these passages are about."""
        said = walks.stated_by(tx, self._view, who, ids)
        return [end for facts in said.values() for fact in facts for end in (fact.subject, fact.object) if end]

    def _mentions(self, tx: Connection, who: Identities, ids: Iterable[str]) -> list[Triplet]:
        chunks = self._chunks(tx, who, [id_ for id_ in ids if id_.startswith("s_")])
        said = walks.stated_by(tx, self._view, who, chunks)
        day = self._view.as_of
        about = {
            (source, end): fact
            for source, facts in said.items()
            for fact in facts
            if day is None or holds(fact, day)
            for end in (fact.subject, fact.object)
            if end
        }
        nodes = self._entities(tx, who, {end for _, end in about})
        return [
            (chunks[source], Relation(label=MENTIONS, source_id=source, target_id=end), nodes[end])
            for source, end in about
            if end in nodes
        ]

    def _triplets(self, tx: Connection, who: Identities, edges: Sequence[Fact]) -> list[Triplet]:
        said = walks.properties(tx, self._view, who, {end for fact in edges for end in (fact.subject, fact.object)})
        nodes = {id_: _entity_node(id_, facts) for id_, facts in said.items()}
        return [(_citing(nodes[fact.subject], fact), _relation(fact), nodes[fact.object]) for fact in edges]


def _entity_node(id_: str, said: Sequence[Fact]) -> EntityNode:
    """Several statements of one relation are a list; the attributes of a single one stand beside it."""
    texts: dict[str, Any] = {"display": id_.partition(":")[2] or id_}
    by_relation: dict[str, list[Fact]] = {}
    for fact in said:
        by_relation.setdefault(fact.relation, []).append(fact)
    if named := by_relation.pop("name", []):
        texts |= {**named[-1].attributes, "display": named[-1].value}
    for relation, facts in by_relation.items():
        if len(facts) == 1:
            texts[relation] = facts[0].value
            texts |= {f"{relation}.{name}": text for name, text in facts[0].attributes.items()}
        else:
            texts[relation] = [fact.value for fact in facts]
    return EntityNode(name=id_, label=walks.kind_of(id_), properties=texts)


def _citing(node: EntityNode, fact: Fact) -> EntityNode:
    """llama-index looks for the passage of a triplet at its first node."""
    return node.model_copy(update={"properties": {**node.properties, TRIPLET_SOURCE_KEY: fact.source}})


def _relation(fact: Fact) -> Relation:
    days = {"valid_from": fact.valid_from, "valid_to": fact.valid_to}
    said = {name: day.isoformat() for name, day in days.items() if day}
    own = {"value": fact.value} if RELATIONS[fact.relation].object != "value" else {}
    properties = {**fact.attributes, **own, **said, "source": fact.source, "fact": fact.id}
    return Relation(label=fact.relation, source_id=fact.subject, target_id=fact.object, properties=properties)


def _chunk_node(source: Source, gone: Collection[str]) -> ChunkNode:
    said = {"title": source.title, "heading": source.heading, "page": source.page, "row": source.row}
    properties = {name: text for name, text in said.items() if text} | {"ref_doc_id": source.document}
    text = TOKEN.sub(lambda match: FORGOTTEN["zh"] if match[1] in gone else match[0], source.text)
    return ChunkNode(text=text, id_=source.id, label=CHUNK, properties=properties)


def _text_node(node: ChunkNode) -> TextNode:
    return TextNode(text=node.text, id_=node.id, metadata=node.properties)


def _of(node: LabelledNode, name: str) -> object:
    return {"id": node.id, "name": node.id, "label": node.label}.get(name, node.properties.get(name))
