"""Sync streams that somebody loses, such as a web server whose browser has gone.

Starlette reads a sync generator in threads and, when the browser leaves, drops it: it is collected
wherever Python collects, mostly in the thread of the event loop.
"""

from __future__ import annotations

import gc
import time
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import aclosing
from threading import Event
from typing import Any

import anyio
import httpx
import pytest
from anyio.to_thread import run_sync

from azure_agents import AgentClient, completion
from azure_agents.emulator import Emulator
from azure_agents.messages import TurnRequest, user
from langchain_azure_agents import ChatAzureAgent
from llamaindex_azure_agents import AzureAgentLLM

from ..eventually import eventually

SLOW = 0.1  # seconds that a cancel takes
END = object()
Options = dict[str, Any]
Open = Callable[[str, Options, Options], Iterator[Any]]


class _Body(httpx.SyncByteStream):
    """A stream that tells when it is closed."""

    def __init__(self, stream: httpx.SyncByteStream, closed: list[str]) -> None:
        self._stream, self._closed = stream, closed

    def __iter__(self) -> Iterator[bytes]:
        yield from self._stream

    def close(self) -> None:
        self._closed.append("stream")
        self._stream.close()


class SlowToCancel(httpx.BaseTransport):
    """The emulator, in no hurry to cancel.

    Attributes:
        closed: One entry for each stream of events that was closed.
        may_cancel: No cancel goes through before this is set, as it is at first.
    """

    def __init__(self, foundry: Emulator) -> None:
        self._transport = foundry.transport
        self.closed: list[str] = []
        self.may_cancel = Event()
        self.may_cancel.set()

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("/cancel"):
            self.may_cancel.wait(10)
            time.sleep(SLOW)
        response = self._transport.handle_request(request)
        if "event-stream" in response.headers.get("content-type", ""):
            assert isinstance(response.stream, httpx.SyncByteStream)
            response.stream = _Body(response.stream, self.closed)
        return response


def of_completion(model: str, given: Options, options: Options) -> Iterator[Any]:
    """The chunks of `completion`."""
    messages = [{"role": "user", "content": "Hi"}]
    return iter(completion(model, messages, stream=True, **given, **options))


def of_core(model: str, given: Options, options: Options) -> Iterator[Any]:
    """The events of the client."""
    return AgentClient(model, **given).stream(TurnRequest((user("Hi"),), options=options))


STREAMS: dict[str, Open] = {
    "core": of_core,
    "completion": of_completion,
    "langchain": lambda model, given, options: ChatAzureAgent(model=model, **given).stream(
        "Hi", **options
    ),
    "llamaindex": lambda model, given, options: iter(
        AzureAgentLLM(model, **given).stream_complete("Hi", **options)
    ),
}
KINDS: dict[str, Options] = {"classic": {}, "v2": {}, "background": {"background": True}}
BOTH = [
    *((door, "classic") for door in STREAMS),
    ("core", "v2"),
    ("llamaindex", "v2"),
    ("completion", "background"),
    ("langchain", "background"),
]


class Lost:
    """A stream of a door, of which nobody read the end.

    Args:
        door: The door.
        kind: Generation of the agent, or ``background`` for such an answer of v2.
    """

    def __init__(self, door: str, kind: str) -> None:
        generation: Any = "classic" if kind == "classic" else "v2"
        self._foundry = Emulator()
        self._agent = self._foundry.create_agent("a", "word " * 200, generation=generation)
        self._transport = SlowToCancel(self._foundry)
        self.may_cancel = self._transport.may_cancel
        self._open, self._kind = STREAMS[door], kind

    def words(self) -> Iterator[Any]:
        """The stream."""
        given = {**self._foundry.connection(), "transport": self._transport}
        return self._open(self._agent.model, given, KINDS[self._kind])

    def begun(self) -> Iterator[Any]:
        """The stream after its first piece."""
        words = self.words()
        next(words)
        return words

    def is_over(self) -> bool:
        """Whether the turn was stopped; a plain answer of v2 ends with its connection."""
        paths = [request.path for request in self._foundry.requests]
        cancels = sum(path.endswith("/cancel") for path in paths)
        return (1, cancels) == (len(self._transport.closed), 0 if self._kind == "v2" else 1)


@pytest.mark.parametrize(("door", "kind"), BOTH)
async def test_a_stream_that_is_lost_does_not_hold_an_event_loop_up(door: str, kind: str) -> None:
    """The turn is stopped all the same, by a thread of its own."""
    lost = Lost(door, kind)
    words = lost.begun()
    lost.may_cancel.clear()
    del words
    gc.collect()
    assert kind == "v2" or not lost.is_over()  # v2 has nothing to wait for
    lost.may_cancel.set()
    await eventually(lost.is_over)


@pytest.mark.parametrize(("door", "kind"), BOTH)
def test_elsewhere_it_is_stopped_when_that_returns(door: str, kind: str) -> None:
    """Where no loop would be held up it is waited for."""
    lost = Lost(door, kind)
    words = lost.begun()
    del words
    gc.collect()
    assert lost.is_over()


async def in_threads(pieces: Iterator[Any]) -> AsyncGenerator[Any, None]:
    """The pieces, each fetched in a thread of the pool, as Starlette's `StreamingResponse` does."""
    while True:
        piece = await run_sync(next, pieces, END)
        if piece is END:
            return
        yield piece


@pytest.mark.parametrize(("door", "kind"), BOTH)
async def test_a_browser_that_leaves_stops_the_turn(door: str, kind: str) -> None:
    """A web application's own generator stands around the stream, and a pool of threads reads."""
    lost = Lost(door, kind)

    def body() -> Iterator[str]:
        for _ in lost.words():
            yield "word "

    async def respond(browser: anyio.CancelScope) -> None:
        with browser:
            async with aclosing(in_threads(body())) as pieces:
                async for _ in pieces:
                    browser.cancel()

    await respond(anyio.CancelScope())
    await eventually(lost.is_over)
