"""A refusal whose reason is lost on the way: a proxy sends an empty body, or a page of its own.

Whether the service has forgotten what the history goes on from is not known then. A new thread with
the whole history is right in any case; a second refusal is the caller's error.
"""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest

from azure_agents.client.agent_client import AgentClient, AsyncAgentClient
from azure_agents.emulator import Emulator
from azure_agents.errors import BadRequestError, NotFoundError, ServiceError
from azure_agents.fold import Completion
from azure_agents.messages import Message, TurnRequest, assistant, user
from azure_agents.threads.memory import MemoryThreadStore

PAGE = b"<html><body>Not here</body></html>"
WAYS = [("v2", "auto"), ("v2", "conversation"), ("classic", "auto")]


class Proxy(httpx.BaseTransport, httpx.AsyncBaseTransport):
    """Refuses some requests that go on from something, in its own way; passes all others on."""

    def __init__(self, foundry: Emulator, refusal: tuple[int, bytes]) -> None:
        self._foundry, self._refusal = foundry, refusal
        self.refuses = 0
        self.thread: str | None = None

    def _answer(self, request: httpx.Request) -> httpx.Response | None:
        thread = self.thread or "no thread yet"
        goes_on = thread in request.url.path or thread.encode() in request.read()
        if request.method != "POST" or not goes_on or not self.refuses:
            return None
        self.refuses -= 1
        return httpx.Response(self._refusal[0], content=self._refusal[1])

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """For threads."""
        return self._answer(request) or self._foundry.transport.handle_request(request)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """For event loops."""
        answer = self._answer(request)
        return answer or await self._foundry.async_transport.handle_async_request(request)


class Play:
    """A conversation of one turn, behind a proxy."""

    def __init__(self, way: tuple[str, str], refusal: tuple[int, bytes], *, is_async: bool) -> None:
        generation, threads = way
        self._is_async = is_async
        self.foundry = Emulator(seed=5)
        agent = self.foundry.create_agent("my-agent", "well", generation=generation)
        self.proxy = Proxy(self.foundry, refusal)
        self._place: dict[str, Any] = {
            "model": agent.model,
            "endpoint": self.foundry.endpoint,
            "credential": self.foundry.credential,
            "thread_store": MemoryThreadStore(),
            "threads": threads,
        }
        told = self.ask(user("hi"))
        self.history = [user("hi"), assistant(told.text, anchor=told.finished.anchor)]
        self.proxy.thread = told.finished.thread_id

    def ask(self, *messages: Message, thread_id: str | None = None) -> Completion:
        """One call."""
        request = TurnRequest(messages, thread_id=thread_id)
        if self._is_async:
            client = AsyncAgentClient(**self._place, async_transport=self.proxy)
            return asyncio.run(client.complete(request))
        return AgentClient(**self._place, transport=self.proxy).complete(request)


REFUSALS = [(400, b""), (404, b""), (400, PAGE), (404, PAGE)]


@pytest.mark.parametrize("is_async", [False, True])
@pytest.mark.parametrize("refusal", REFUSALS, ids=str)
@pytest.mark.parametrize("way", WAYS, ids=str)
def test_the_whole_history_goes_to_a_new_thread(
    way: tuple[str, str], refusal: tuple[int, bytes], is_async: bool
) -> None:
    """Once, and the agent sees all of it."""
    play = Play(way, refusal, is_async=is_async)
    play.proxy.refuses = 1
    told = play.ask(*play.history, user("and?"))
    assert 0 == play.proxy.refuses
    assert play.proxy.thread != told.finished.thread_id
    assert ["hi", "well", "and?"] == [m.text for m in play.foundry.seen[-1].messages]


@pytest.mark.parametrize("is_async", [False, True])
@pytest.mark.parametrize("refusal", REFUSALS, ids=str)
@pytest.mark.parametrize("way", WAYS, ids=str)
def test_a_pinned_thread_is_not_left(
    way: tuple[str, str], refusal: tuple[int, bytes], is_async: bool
) -> None:
    """The caller hears what came, by its status."""
    play = Play(way, refusal, is_async=is_async)
    play.proxy.refuses = 1
    expected = BadRequestError if refusal[0] == 400 else NotFoundError
    with pytest.raises(expected) as caught:
        play.ask(user("and?"), thread_id=play.proxy.thread)
    assert refusal[0] == caught.value.status
    assert 1 == len(play.foundry.seen)


@pytest.mark.parametrize("way", WAYS, ids=str)
def test_a_refusal_with_a_reason_is_the_callers(way: tuple[str, str]) -> None:
    """It would be refused on a new thread, too: nothing more is sent."""
    said = b'{"error": {"message": "temperature must be below 2", "code": "invalid"}}'
    play = Play(way, (400, said), is_async=False)
    play.proxy.refuses = 1
    before = len(play.foundry.requests)
    with pytest.raises(ServiceError, match="temperature must be below 2"):
        play.ask(*play.history, user("and?"))
    assert before == len(play.foundry.requests)
