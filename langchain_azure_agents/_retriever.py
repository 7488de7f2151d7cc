"""A retriever over an agent's vector stores: its files in a chain, without asking the agent."""

from __future__ import annotations

from typing import TYPE_CHECKING

from langchain_core.documents import Document
from langchain_core.retrievers import BaseRetriever

from ._chat_model import ChatAzureAgent
from ._errors import translated

if TYPE_CHECKING:
    from langchain_core.callbacks import (
        AsyncCallbackManagerForRetrieverRun,
        CallbackManagerForRetrieverRun,
    )

    from azure_agents import Passage


class AzureAgentRetriever(BaseRetriever):
    """Finds passages in the vector stores of an agent, or in others of its project.

    Example:
        >>> retriever = AzureAgentRetriever(llm=llm, max_results=4)
        >>> retriever.invoke("How many holidays do I have?")

    Each document has the passage's text, and as metadata ``file_id``, ``file_name``, ``score``
    (0 to 1), and what the vector store notes of the file. The service searches; nothing is embedded
    here.

    Attributes:
        llm: The agent's model: project, sign-in, and whose stores are searched.
        vector_store_ids: ``vs_…`` of other stores to search instead.
        max_results: Passages at most, 1 to 50.
        min_score: Passages that fit less well are left out (0 to 1); None: none are.
    """

    llm: ChatAzureAgent
    vector_store_ids: tuple[str, ...] = ()
    max_results: int = 10
    min_score: float | None = None

    def _get_relevant_documents(
        self,
        query: str,
        *,
        run_manager: CallbackManagerForRetrieverRun,  # noqa: ARG002 - LangChain calls it so
    ) -> list[Document]:
        with translated():
            stores = self.llm.client.vector_stores
            found = stores.search(
                query,
                self.vector_store_ids,
                max_results=self.max_results,
                min_score=self.min_score,
            )
        return [_document(passage) for passage in found]

    async def _aget_relevant_documents(
        self,
        query: str,
        *,
        run_manager: AsyncCallbackManagerForRetrieverRun,  # noqa: ARG002 - LangChain calls it so
    ) -> list[Document]:
        with translated():
            stores = self.llm.async_client.vector_stores
            found = await stores.search(
                query,
                self.vector_store_ids,
                max_results=self.max_results,
                min_score=self.min_score,
            )
        return [_document(passage) for passage in found]


def _document(passage: Passage) -> Document:
    facts = {"file_id": passage.file_id, "file_name": passage.file_name, "score": passage.score}
    return Document(passage.text, metadata={**passage.attributes, **facts})
