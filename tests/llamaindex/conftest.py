"""An emulated project, and the eight endpoints as a table."""

import asyncio
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from llama_index.core.base.llms.types import ChatMessage, ChatResponse, CompletionResponse

from azure_agents.emulator import Emulator
from llamaindex_azure_agents import AzureAgentLLM

pytest.register_assert_rewrite("tests.llamaindex.oracle")

MakeLLM = Callable[..., AzureAgentLLM]


@pytest.fixture(autouse=True)
def _no_loop() -> None:
    # Without a loop that was set, LlamaIndex's `asyncio_run` makes one and leaves it open.
    asyncio.set_event_loop(None)


@pytest.fixture(name="foundry")
def _foundry() -> Iterator[Emulator]:
    with Emulator() as foundry:
        yield foundry


@pytest.fixture(params=["v2", "classic"])
def generation(request: pytest.FixtureRequest) -> str:
    """Generation of the agent service."""
    return str(request.param)


@pytest.fixture
def make_llm(foundry: Emulator, generation: str) -> MakeLLM:
    """Make an agent that answers `reply`, and the LLM that talks to it."""

    def make(reply: Any = None, **settings: Any) -> AzureAgentLLM:
        agent = foundry.create_agent("helper", reply=reply, generation=generation)
        return AzureAgentLLM(agent.model, **foundry.connection(), **settings)

    return make


async def _collect(awaitable: Any) -> list[Any]:
    return [chunk async for chunk in await awaitable]


def _last(chunks: list[Any]) -> Any:
    return chunks[-1]


Ask = Callable[..., ChatResponse]
CHATS: dict[str, Ask] = {
    "chat": lambda llm, messages, **kw: llm.chat(messages, **kw),
    "stream_chat": lambda llm, messages, **kw: _last(list(llm.stream_chat(messages, **kw))),
    "achat": lambda llm, messages, **kw: asyncio.run(llm.achat(messages, **kw)),
    "astream_chat": lambda llm, messages, **kw: _last(
        asyncio.run(_collect(llm.astream_chat(messages, **kw)))
    ),
}
COMPLETIONS: dict[str, Callable[..., CompletionResponse]] = {
    "complete": lambda llm, prompt, **kw: llm.complete(prompt, **kw),
    "stream_complete": lambda llm, prompt, **kw: _last(list(llm.stream_complete(prompt, **kw))),
    "acomplete": lambda llm, prompt, **kw: asyncio.run(llm.acomplete(prompt, **kw)),
    "astream_complete": lambda llm, prompt, **kw: _last(
        asyncio.run(_collect(llm.astream_complete(prompt, **kw)))
    ),
}
STREAMS: dict[str, Callable[..., list[Any]]] = {
    "stream_chat": lambda llm, prompt: list(llm.stream_chat([ChatMessage(prompt)])),
    "astream_chat": lambda llm, prompt: asyncio.run(
        _collect(llm.astream_chat([ChatMessage(prompt)]))
    ),
    "stream_complete": lambda llm, prompt: list(llm.stream_complete(prompt)),
    "astream_complete": lambda llm, prompt: asyncio.run(_collect(llm.astream_complete(prompt))),
}


@pytest.fixture(params=CHATS)
def ask(request: pytest.FixtureRequest) -> Ask:
    """One of the four chat endpoints; gives the whole (last) response."""
    return CHATS[request.param]


@pytest.fixture(params=COMPLETIONS)
def complete(request: pytest.FixtureRequest) -> Callable[..., CompletionResponse]:
    """One of the four completion endpoints; gives the whole (last) response."""
    return COMPLETIONS[request.param]


@pytest.fixture(params=STREAMS)
def streamed(request: pytest.FixtureRequest) -> Callable[..., list[Any]]:
    """One of the four streaming endpoints; gives all chunks."""
    return STREAMS[request.param]
