"""Users that the service keeps apart, and the deployment that an agent draws with, end to end."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from langchain_core.messages import HumanMessage
from llama_index.core.base.llms.types import ChatMessage

from azure_agents import completion
from azure_agents.emulator import Emulator, GeneratedImage
from azure_agents.errors import BadRequestError, ThreadNotFoundError
from langchain_azure_agents import ChatAzureAgent
from llamaindex_azure_agents import AzureAgentLLM


@pytest.fixture
def foundry() -> Iterator[Emulator]:
    """A fresh emulator."""
    with Emulator() as emulator:
        yield emulator


@pytest.mark.parametrize("generation", ["v2", "classic"])
def test_the_threads_of_another_user_are_not_continued(foundry: Emulator, generation: Any) -> None:
    """An answer that Ann's browser gave to Bob goes to a thread of Bob's, by its messages."""
    agent = foundry.create_agent("a", generation=generation)
    llm = ChatAzureAgent(model=agent.model, **foundry.connection())
    history: list[Any] = [HumanMessage("My name is Ada.")]
    history += [llm.invoke(history, user_identity="ann"), HumanMessage("What is my name?")]
    before = len(foundry.requests)
    assert "Your name is Ada." == llm.invoke(history, user_identity="bob").text
    assert all(one.status < 400 for one in foundry.requests[before:])
    assert "Your name is Ada." == llm.invoke(history, user_identity="ann").text


def test_a_pinned_thread_of_another_user_is_unknown(foundry: Emulator) -> None:
    """As the service says it: 404."""
    agent = foundry.create_agent("a")
    llm = ChatAzureAgent(model=agent.model, **foundry.connection(), threads="conversation")
    thread = llm.invoke("hi", user_identity="ann").response_metadata["thread_id"]
    with pytest.raises(ThreadNotFoundError):
        llm.invoke("hi", user_identity="bob", thread_id=thread)
    assert llm.invoke("hi", user_identity="ann", thread_id=thread).text


@pytest.mark.parametrize("place", ["constructor", "call"])
def test_an_agent_draws_with_the_deployment(foundry: Emulator, place: str) -> None:
    """Without the header the service answers 400; with it there is an image."""
    tools = [{"type": "image_generation", "model": "gpt-image-1-mini"}]
    agent = foundry.create_agent("painter", [[GeneratedImage("aGk="), "Here."]] * 3, tools=tools)
    known = {**foundry.connection(), "model": agent.model}
    with pytest.raises(BadRequestError, match="image_generation_deployment="):
        ChatAzureAgent(**known).invoke("Draw.")
    given = {"image_generation_deployment": "gpt-image-1-mini"}
    settings, call = (given, {}) if place == "constructor" else ({}, given)
    answer: Any = ChatAzureAgent(**known, **settings).invoke("Draw.", **call)
    assert "image" in [block["type"] for block in answer.content_blocks]
    other = AzureAgentLLM(**known, **settings).chat([ChatMessage("Draw.")], **call)
    assert other.additional_kwargs["files"]
    third: Any = completion(messages=[{"role": "user", "content": "Draw."}], **known, **given)
    fields = third.choices[0].message.provider_specific_fields
    assert "image" in [block["type"] for block in fields["blocks"]]
