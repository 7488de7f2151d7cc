"""A client that leaves in the very moment in which the first content of its stream is there."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest

from azure_agents.gateway.asked import Asked
from azure_agents.gateway.meter import Meter
from azure_agents.gateway.passage import Ended, _One


async def test_what_was_used_is_booked_all_the_same() -> None:
    """The upstream has worked, and counted it; so must the books."""
    meter = Meter({"prompt_tokens": 3})
    routed = SimpleNamespace(
        ticket=SimpleNamespace(deployment=SimpleNamespace(id="first")),
        answer=SimpleNamespace(meter=meter),
    )
    asked = Asked("chat", "openai", "gpt", {}, None, streams=True)
    booked: list[Ended] = []
    tasks: list[asyncio.Task[None]] = []

    async def route(call: Any, ask: Any) -> Any:
        tasks[0].cancel()  # both are done in the same turn of the loop
        return routed

    async def stream(reply: Any) -> None:
        await asyncio.sleep(0)  # here the client is noticed to have gone

    board: Any = SimpleNamespace(route=route)
    out: Any = SimpleNamespace(status=200, add=lambda *headers: None)
    ended = Ended(asked, "app", "gpt")
    one: Any = _One(board, Any, out, ended, booked.append, asker=Any)
    one._stream = stream
    tasks.append(asyncio.create_task(one.answer(Any, 15.0)))
    with pytest.raises(asyncio.CancelledError):
        await tasks[0]
    one.book(499)
    assert [("first", meter)] == [(ended.deployment, ended.meter) for ended in booked]
