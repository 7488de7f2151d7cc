from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from azure_agents.emulator import Emulator
from langchain_azure_agents import ChatAzureAgent

from .asking import add, added


@pytest.fixture
def foundry() -> Iterator[Any]:
    """A fresh emulator."""
    with Emulator() as emulator:
        yield emulator


@pytest.fixture(params=["v2", "classic"])
def generation(request: pytest.FixtureRequest) -> Any:
    """Both generations of the service."""
    return request.param


@pytest.fixture
def connect(foundry: Emulator, generation: str) -> Any:
    """Make a model of an agent that answers with `reply`."""

    def make(reply: Any = None, *, name: Any = "my-agent", **settings: Any) -> Any:
        agent = foundry.create_agent(name, reply, generation=generation)
        return ChatAzureAgent(model=agent.model, **(foundry.connection() | settings))

    return make


@pytest.fixture
def llm(connect: Any) -> Any:
    """A model of an agent with a memory."""
    return connect()


@pytest.fixture(params=["invoke", "stream"])
def ask(request: pytest.FixtureRequest) -> Any:
    """Both ways to the same answer."""
    if request.param == "invoke":
        return lambda llm, x, **kw: llm.invoke(x, **kw)
    return lambda llm, x, **kw: added(llm.stream(x, **kw))


@pytest.fixture
def with_tools(foundry: Emulator, generation: Any) -> Any:
    """Make a model with the tool `add`."""

    def make(reply: Any) -> Any:
        declared = [{"type": "function", "name": "add", "parameters": {}}]
        tools = declared if generation == "v2" else ()
        agent = foundry.create_agent("tools", reply, generation=generation, tools=tools)
        return ChatAzureAgent(model=agent.model, **foundry.connection()).bind_tools([add])

    return make
