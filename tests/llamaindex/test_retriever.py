"""An agent's vector stores as a retriever."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from llama_index.core.query_engine import RetrieverQueryEngine

from azure_agents import Agents, FileSearchTool
from azure_agents.emulator import Emulator
from azure_agents.errors import InvalidRequestError
from llamaindex_azure_agents import AzureAgentLLM, AzureAgentRetriever

TEXT = "Everybody has thirty days of holidays."
QUESTION = "How many days of holidays?"


@pytest.fixture
def searching(foundry: Emulator, generation: Any, tmp_path: Path) -> AzureAgentLLM:
    """The LLM of an agent that searches in a file."""
    path = tmp_path / "handbook.md"
    path.write_text(TEXT)
    with Agents(**foundry.connection()) as agents:
        made = agents.create(
            "searcher", model="m", tools=[FileSearchTool([path])], generation=generation
        )
    return AzureAgentLLM(model=made.id, **foundry.connection())


@pytest.mark.parametrize("is_async", [False, True])
def test_passages_are_nodes(searching: AzureAgentLLM, is_async: bool) -> None:
    """With their file and how well they fit."""
    retriever = AzureAgentRetriever(searching, max_results=3)
    found = asyncio.run(retriever.aretrieve(QUESTION)) if is_async else retriever.retrieve(QUESTION)
    assert [TEXT] == [one.text for one in found]
    assert "handbook.md" == found[0].metadata["file_name"]
    assert 0 < (found[0].score or 0) <= 1


def test_an_engine_answers_from_the_files(searching: AzureAgentLLM, make_llm: Any) -> None:
    """What was found is the engine's source, and stands in the question to the model."""
    engine = RetrieverQueryEngine.from_args(AzureAgentRetriever(searching), llm=make_llm())
    response = engine.query(QUESTION)
    assert TEXT in str(response)
    assert [TEXT] == [node.text for node in response.source_nodes]


def test_an_agent_without_files_is_an_error(make_llm: Any) -> None:
    """And so is a search that cannot be one."""
    with pytest.raises(InvalidRequestError, match="has no vector store"):
        AzureAgentRetriever(make_llm()).retrieve("x")
