"""More messages than one request may hold, one by one to a pinned thread that is busy meanwhile."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from azure_agents.client.agent_client import AgentClient
from azure_agents.emulator import Emulator
from azure_agents.messages import TurnRequest, user
from azure_agents.threads.memory import MemoryThreadStore

BUSY = "Thread {thread} already has an active run run_1."


class Busy(httpx.BaseTransport):
    """Says once, of one kind of request, that another run is active."""

    def __init__(self, foundry: Emulator, place: str, after: int) -> None:
        self._inner = foundry.transport
        self._place, self._after = place, after

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Pass on, but for the one."""
        if request.method == "POST" and request.url.path.endswith(self._place):
            self._after -= 1
            if self._after == 0 and b"additional_messages" not in request.content:
                thread = request.url.path.split("/threads/")[1].partition("/")[0]
                error = {"message": BUSY.format(thread=thread), "type": "invalid_request_error"}
                return httpx.Response(400, json={"error": error})
        return self._inner.handle_request(request)


@pytest.mark.parametrize(("place", "after"), [("/runs", 2), ("/messages", 1), ("/messages", 2)])
def test_no_message_is_posted_twice(place: str, after: int) -> None:
    """Whatever was posted before is not posted again once the thread is free."""
    foundry = Emulator(seed=5)
    agent = foundry.create_agent("my-agent", ["one", "two"], generation="classic")
    given: dict[str, Any] = {"model": agent.model, "thread_store": MemoryThreadStore()}
    given |= foundry.connection()
    given.pop("async_transport")
    first = AgentClient(**given).complete(TurnRequest((user("hello"),)))
    foundry.rules.most_messages = 1
    given["transport"] = Busy(foundry, place, after)
    asked = (user("a"), user("b"))
    request = TurnRequest(asked, thread_id=first.finished.thread_id)
    assert "two" == AgentClient(**given).complete(request).text
    told = [message.text for message in foundry.seen[-1].messages]
    assert ["hello", "one", "a", "b"] == told
