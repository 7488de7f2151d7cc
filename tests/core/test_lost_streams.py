"""Sync streams that somebody loses, such as a web server whose browser has gone.

Starlette reads a sync generator in threads and, when the browser leaves, drops it: it is collected
wherever Python collects, mostly in the thread of the event loop.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from azure_agents import AgentClient, completion
from azure_agents.emulator import Emulator
from azure_agents.messages import TurnRequest, user
from langchain_azure_agents import ChatAzureAgent
from llamaindex_azure_agents import AzureAgentLLM

from ..eventually import eventually

HI = TurnRequest((user("Hi"),))
SLOW = 1.0  # seconds that a cancel takes


class SlowToCancel(httpx.BaseTransport):
    """The emulator, in no hurry to cancel."""

    def __init__(self, foundry: Emulator) -> None:
        self._transport = foundry.transport

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("/cancel"):
            time.sleep(SLOW)
        return self._transport.handle_request(request)


def of_completion(model: str, given: dict[str, Any]) -> Iterator[Any]:
    """The chunks of `completion`."""
    return iter(completion(model, [{"role": "user", "content": "Hi"}], stream=True, **given))


STREAMS: dict[str, Callable[[str, dict[str, Any]], Iterator[Any]]] = {
    "core": lambda model, given: AgentClient(model, **given).stream(HI),
    "completion": of_completion,
    "langchain": lambda model, given: ChatAzureAgent(model=model, **given).stream("Hi"),
    "llamaindex": lambda model, given: iter(AzureAgentLLM(model, **given).stream_complete("Hi")),
}


def begun(door: str, foundry: Emulator) -> Iterator[Any]:
    """A stream of which a first piece was read."""
    agent = foundry.create_agent("a", "word " * 200, generation="classic")
    given = {**foundry.connection(), "transport": SlowToCancel(foundry)}
    words = STREAMS[door](agent.model, given)
    next(words)
    return words


def is_cancelled(foundry: Emulator) -> bool:
    """Whether the run was stopped on the server."""
    return any(request.path.endswith("/cancel") for request in foundry.requests)


@pytest.mark.parametrize("door", STREAMS)
async def test_a_stream_that_is_lost_does_not_hold_an_event_loop_up(door: str) -> None:
    """The run is cancelled all the same, by a thread of its own."""
    foundry = Emulator()
    words = begun(door, foundry)
    start = time.monotonic()
    del words
    gc.collect()
    assert time.monotonic() - start < SLOW
    await eventually(lambda: is_cancelled(foundry))


@pytest.mark.parametrize("door", STREAMS)
def test_elsewhere_it_is_cancelled_when_that_returns(door: str) -> None:
    """Where no loop would be held up it is waited for."""
    foundry = Emulator()
    words = begun(door, foundry)
    del words
    gc.collect()
    assert is_cancelled(foundry)
