"""Ctrl-C, and again Ctrl-C while the turn is tidied up: the flow is closed all the same."""

from __future__ import annotations

import asyncio
from contextlib import suppress

import httpx
import pytest

from azure_agents import AgentClient, AsyncAgentClient
from azure_agents.emulator import Emulator
from azure_agents.errors import Abandoned
from azure_agents.events import TextDelta
from azure_agents.protocols.commands import Emit, Flow, Route, Send


class Interrupted(httpx.BaseTransport, httpx.AsyncBaseTransport):
    """Somebody presses Ctrl-C whenever a request is sent.

    Attributes:
        raised: What ended the requests; its frames keep the flow alive.
    """

    def __init__(self) -> None:
        self.raised: list[BaseException] = []

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        self.raised.append(KeyboardInterrupt())
        raise self.raised[-1]

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.raised.append(asyncio.CancelledError())
        raise self.raised[-1]


def turn(seen: list[str]) -> Flow[None]:
    """A turn that wants to tidy up by a request."""
    try:
        yield Emit([TextDelta("a")])
    except Abandoned:
        seen.append("abandoned")
        yield Send("POST", Route("/cancel"))
        seen.append("tidied up")
    finally:
        seen.append("closed")


def test_a_sync_flow_is_closed() -> None:
    """Python would else collect it by pieces, with errors that nobody can catch."""
    interrupted = Interrupted()
    given = {**Emulator().connection(), "transport": interrupted}
    client, seen = AgentClient("a", **given), list[str]()
    events = client._driver_with(client._wiring).events(turn(seen))
    next(events)
    with pytest.raises(KeyboardInterrupt):
        events.throw(KeyboardInterrupt())
    assert (["abandoned", "closed"], True) == (seen, bool(interrupted.raised))


async def test_an_async_flow_is_closed() -> None:
    """Its tidying up is a task, which may be cancelled."""
    interrupted = Interrupted()
    given = {**Emulator().connection(), "async_transport": interrupted}
    client, seen = AsyncAgentClient("a", **given), list[str]()
    events = client._driver_with(client._wiring).events(turn(seen))
    await anext(events)
    with suppress(asyncio.CancelledError):
        await events.aclose()
    assert (["abandoned", "closed"], True) == (seen, bool(interrupted.raised))
