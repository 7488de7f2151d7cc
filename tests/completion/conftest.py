from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from azure_agents.emulator import Emulator

FUNCTION = {
    "name": "get_weather",
    "description": "The weather in a city.",
    "parameters": {
        "type": "object",
        "properties": {"city": {"type": "string"}},
        "required": ["city"],
    },
}
TOOL = {"type": "function", "function": FUNCTION}  # as OpenAI's chat format and classic agents say


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
def declared(generation: str) -> Any:
    """A function tool in the form in which agents of this generation declare it."""
    return {"type": "function", **FUNCTION} if generation == "v2" else TOOL


@pytest.fixture
def agent(foundry: Emulator, generation: str) -> Any:
    """Make an agent; the result is the first arguments of a call of it."""

    def make(reply: Any = None, **fields: Any) -> dict[str, Any]:
        made = foundry.create_agent("my-agent", reply, generation=generation, **fields)
        connection = foundry.connection()
        api_base = connection.pop("endpoint")
        return {"model": f"azure_ai/agents/{made.model}", "api_base": api_base, **connection}

    return make
