"""A retriever over an agent's vector stores: its files in an engine, without asking the agent."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from llama_index.core.base.base_retriever import BaseRetriever
from llama_index.core.callbacks import CallbackManager
from llama_index.core.schema import NodeWithScore, QueryBundle, TextNode

from ._llm import AzureAgentLLM

if TYPE_CHECKING:
    from azure_agents import Passage


class AzureAgentRetriever(BaseRetriever):
    """Finds passages in the vector stores of an agent, or in others of its project.

    Example:
        >>> retriever = AzureAgentRetriever(llm, max_results=4)
        >>> RetrieverQueryEngine.from_args(retriever, llm=llm).query("How many holidays?")

    Each node has the passage's text, and as metadata ``file_id``, ``file_name`` and what the vector
    store notes of the file. The service searches; nothing is embedded here.

    Args:
        llm: The agent's model: project, sign-in, and whose stores are searched.
        vector_store_ids: ``vs_…`` of other stores to search instead.
        max_results: Passages at most, 1 to 50.
        min_score: Passages that fit less well are left out (0 to 1); None: none are.
        callback_manager: As of every retriever.
    """

    def __init__(
        self,
        llm: AzureAgentLLM,
        *,
        vector_store_ids: Sequence[str] = (),
        max_results: int = 10,
        min_score: float | None = None,
        callback_manager: CallbackManager | None = None,
    ) -> None:
        super().__init__(callback_manager=callback_manager)
        self._llm = llm
        self._ids = tuple(vector_store_ids)
        self._limits: dict[str, Any] = {"max_results": max_results, "min_score": min_score}

    def _retrieve(self, query_bundle: QueryBundle) -> list[NodeWithScore]:
        stores = self._llm.client.vector_stores
        found = stores.search(query_bundle.query_str, self._ids, **self._limits)
        return [_node(passage) for passage in found]

    async def _aretrieve(self, query_bundle: QueryBundle) -> list[NodeWithScore]:
        stores = self._llm.async_client.vector_stores
        found = await stores.search(query_bundle.query_str, self._ids, **self._limits)
        return [_node(passage) for passage in found]


def _node(passage: Passage) -> NodeWithScore:
    facts = {"file_id": passage.file_id, "file_name": passage.file_name}
    node = TextNode(text=passage.text, metadata={**passage.attributes, **facts})
    return NodeWithScore(node=node, score=passage.score)
