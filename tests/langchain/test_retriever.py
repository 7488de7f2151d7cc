"""An agent's vector stores as a retriever."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.runnables import RunnablePassthrough

from azure_agents import Agents, FileSearchTool
from azure_agents.emulator import Emulator
from azure_agents.errors import InvalidRequestError
from langchain_azure_agents import AzureAgentRetriever, ChatAzureAgent

if TYPE_CHECKING:
    from langchain_core.documents import Document

TEXT = "Everybody has thirty days of holidays."


@pytest.fixture
def searching(foundry: Emulator, generation: Any, tmp_path: Path) -> ChatAzureAgent:
    """The model of an agent that searches in a file."""
    path = tmp_path / "handbook.md"
    path.write_text(TEXT)
    with Agents(**foundry.connection()) as agents:
        made = agents.create(
            "searcher", model="m", tools=[FileSearchTool([path])], generation=generation
        )
    return ChatAzureAgent(model=made.id, **foundry.connection())


@pytest.mark.parametrize("is_async", [False, True])
def test_passages_are_documents(searching: ChatAzureAgent, is_async: bool) -> None:
    """With their file and how well they fit."""
    retriever = AzureAgentRetriever(llm=searching, max_results=3)
    question = "How many days of holidays?"
    found = asyncio.run(retriever.ainvoke(question)) if is_async else retriever.invoke(question)
    assert [TEXT] == [one.page_content for one in found]
    assert "handbook.md" == found[0].metadata["file_name"]
    assert 0 < found[0].metadata["score"] <= 1


def test_a_chain_answers_from_the_files(searching: ChatAzureAgent, connect: Any) -> None:
    """The usual chain: what was found goes into the prompt of a model."""

    def joined(documents: list[Document]) -> str:
        return "\n".join(one.page_content for one in documents)

    prompt = ChatPromptTemplate.from_template("From {context}: {question}")
    inputs: Any = {
        "context": AzureAgentRetriever(llm=searching) | joined,
        "question": RunnablePassthrough(),
    }
    chain = inputs | prompt | connect()
    assert TEXT in chain.invoke("How many days of holidays?").text


def test_an_agent_without_files_is_an_error(connect: Any) -> None:
    """And so is a search that cannot be one."""
    with pytest.raises(InvalidRequestError, match="has no vector store"):
        AzureAgentRetriever(llm=connect()).invoke("x")
    with pytest.raises(InvalidRequestError, match="max_results=0"):
        AzureAgentRetriever(llm=connect(), max_results=0).invoke("x")
