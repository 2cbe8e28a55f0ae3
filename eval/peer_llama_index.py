"""llama-index as it comes, over the same documents and the same embedding: the peer of the retrieval suite."""

from collections.abc import Callable, Mapping
from typing import Any

Embed = Callable[[str], list[float]]


def llama_index_search(
    docs: Mapping[str, str], question: Embed, passage: Embed, depth: int
) -> Callable[[str], list[str]]:
    """
    Documents → SentenceSplitter with its defaults → VectorStoreIndex over SimpleVectorStore, `depth` nodes a question.

    Covered: its default pipeline. Not covered: its hybrid retrievers, rerankers and stores, which need choosing.
    """
    from llama_index.core import Document, VectorStoreIndex
    from llama_index.core.embeddings import BaseEmbedding
    from llama_index.core.node_parser import SentenceSplitter

    class Same(BaseEmbedding):
        def _get_query_embedding(self, query: str) -> list[float]:
            return question(query)

        async def _aget_query_embedding(self, query: str) -> list[float]:
            return question(query)

        def _get_text_embedding(self, text: str) -> list[float]:
            return passage(text)

    documents = [Document(text=text, id_=id_) for id_, text in docs.items()]
    index = VectorStoreIndex.from_documents(
        documents, embed_model=Same(model_name="same"), transformations=[SentenceSplitter()]
    )
    retriever: Any = index.as_retriever(similarity_top_k=depth)

    def search(text: str) -> list[str]:
        return list(dict.fromkeys(str(found.node.ref_doc_id) for found in retriever.retrieve(text)))

    return search
