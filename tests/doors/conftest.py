"""The three doors: one agent, asked through LangChain, LlamaIndex and `completion()`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from langchain_core.messages import convert_to_messages
from llama_index.core.base.llms.types import (
    AudioBlock,
    ChatMessage,
    ContentBlock,
    DocumentBlock,
    ImageBlock,
    TextBlock,
)

from azure_agents import completion
from azure_agents.emulator import Emulator
from langchain_azure_agents import ChatAzureAgent
from llamaindex_azure_agents import AzureAgentLLM

Ask = Callable[..., str]


def _langchain(model: str, connection: dict[str, Any], messages: Any, **options: Any) -> str:
    llm = ChatAzureAgent(model=model, **connection)
    return llm.invoke(convert_to_messages(messages), **options).text


def _llamaindex(model: str, connection: dict[str, Any], messages: Any, **options: Any) -> str:
    llm = AzureAgentLLM(model, **connection)
    return llm.chat(list(map(as_chat_message, messages)), **options).message.content or ""


def as_chat_message(message: Any) -> ChatMessage:
    """A message in OpenAI's format as LlamaIndex users write it."""
    if isinstance(message, ChatMessage):
        return message
    rest = {name: value for name, value in message.items() if name not in ("role", "content")}
    content = message.get("content")
    if isinstance(content, list):
        content = list(map(as_block, content))
    return ChatMessage(content, role=message["role"], additional_kwargs=rest)


def as_block(part: dict[str, Any]) -> ContentBlock:
    """A content part in OpenAI's format as LlamaIndex users write it."""
    match part["type"]:
        case "image_url":
            return ImageBlock(url=part["image_url"]["url"])
        case "file":
            return DocumentBlock(url=f"foundry-file:{part['file']['file_id']}")
        case "input_audio":
            return AudioBlock(audio=part["input_audio"]["data"].encode(), format="wav")
        case _:
            return TextBlock(text=part["text"])


def _completion(model: str, connection: dict[str, Any], messages: Any, **options: Any) -> str:
    api_base = connection.pop("endpoint")
    answer = completion(model, messages, api_base=api_base, **connection, **options)
    return answer.choices[0].message.content or ""


DOORS = {"langchain": _langchain, "llamaindex": _llamaindex, "completion": _completion}


@pytest.fixture
def foundry() -> Iterator[Any]:
    """A fresh emulator."""
    with Emulator() as emulator:
        yield emulator


@pytest.fixture(params=["v2", "classic"])
def generation(request: pytest.FixtureRequest) -> str:
    """Both generations of the service."""
    return str(request.param)


@pytest.fixture(params=DOORS)
def door(request: pytest.FixtureRequest) -> str:
    """Each of the three doors."""
    return str(request.param)


@pytest.fixture
def make_ask(foundry: Emulator, generation: str, door: str) -> Callable[..., Ask]:
    """Make an agent that answers `reply`; gives what asks it, messages in OpenAI's format."""

    def make(reply: Any = None, **fields: Any) -> Ask:
        agent = foundry.create_agent("helper", reply, generation=generation, **fields)
        return lambda messages, **options: DOORS[door](
            agent.model, foundry.connection(), messages, **options
        )

    return make
