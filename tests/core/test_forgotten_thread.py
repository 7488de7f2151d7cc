"""A thread that the service has forgotten, in the middle of a history: told by the recorded body.

What is not there any more is no error: the history goes to a new thread. A pinned thread is one.
"""

from __future__ import annotations

import asyncio
import json
from contextlib import aclosing
from typing import Any

import httpx
import pytest

from azure_agents.client.agent_client import AgentClient, AsyncAgentClient
from azure_agents.emulator import Emulator, ToolCalls
from azure_agents.errors import ThreadNotFoundError
from azure_agents.fold import Completion, fold
from azure_agents.messages import Message, TurnRequest, assistant, tool, user
from azure_agents.threads.memory import MemoryThreadStore

from .recorded import FOLDER

RECORDED = json.loads((FOLDER / "classic" / "error_thread_not_found.json").read_text())
NOT_FOUND = next(e["response"] for e in RECORDED["entries"] if e["response"]["status"] == 404)
RECORDED_ID = "thread_2RisdHuAm98lz0arpEfhrnMu"


class Forgetful(httpx.BaseTransport, httpx.AsyncBaseTransport):
    """Answers for a forgotten thread as the service did, and passes everything else on."""

    def __init__(self, foundry: Emulator) -> None:
        self._foundry = foundry
        self.gone = "no thread yet"

    def _answer(self, request: httpx.Request) -> httpx.Response | None:
        if f"/{self.gone}" not in request.url.path:
            return None
        body = json.dumps(NOT_FOUND["body"]).replace(RECORDED_ID, self.gone)
        return httpx.Response(404, headers=NOT_FOUND["headers"], content=body)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """For threads."""
        return self._answer(request) or self._foundry.transport.handle_request(request)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """For event loops."""
        answer = self._answer(request)
        return answer or await self._foundry.async_transport.handle_async_request(request)


def reply(turn: Any) -> Any:
    """Calls a tool when asked to look."""
    return ToolCalls(("look", {}, "call_1")) if turn.messages[-1].text == "look" else "well"


class Play:
    """A conversation whose thread is gone."""

    def __init__(self, first: str, way: tuple[bool, bool]) -> None:
        self.is_async, self.is_streamed = way
        self.foundry = Emulator(seed=5)
        agent = self.foundry.create_agent("my-agent", reply, generation="classic")
        self.transport = Forgetful(self.foundry)
        place = {"model": agent.model, "endpoint": self.foundry.endpoint}
        self.place = {**place, "credential": self.foundry.credential}
        self.place["thread_store"] = MemoryThreadStore()
        told = self.ask(user(first))
        self.history = [user(first)]
        self.history.append(assistant(told.text, *told.tool_calls, anchor=told.finished.anchor))
        self.thread = self.transport.gone = told.finished.thread_id or ""

    def ask(self, *messages: Message, thread_id: str | None = None) -> Completion:
        """One call."""
        request = TurnRequest(messages, thread_id=thread_id)
        if self.is_async:
            return asyncio.run(self._aask(request))
        client = AgentClient(**self.place, transport=self.transport)
        return fold(client.stream(request)) if self.is_streamed else client.complete(request)

    async def _aask(self, request: TurnRequest) -> Completion:
        client = AsyncAgentClient(**self.place, async_transport=self.transport)
        if not self.is_streamed:
            return await client.complete(request)
        async with aclosing(client.stream(request)) as events:
            return fold([event async for event in events])


WAYS = [(a, b) for a in (False, True) for b in (False, True)]
NEXT: dict[str, tuple[str, Message]] = {
    "question": ("hi", user("and?")),
    "results": ("look", tool("call_1", "x")),
    "something else": ("look", user("never mind")),
}


@pytest.mark.parametrize("way", WAYS, ids=str)
@pytest.mark.parametrize(("first", "more"), NEXT.values(), ids=NEXT)
def test_the_history_is_told_to_a_new_thread(
    first: str, more: Message, way: tuple[bool, bool]
) -> None:
    """Whole, whatever the turn brings; the next one goes on there."""
    play = Play(first, way)
    told = play.ask(*play.history, more)
    assert play.thread != told.finished.thread_id
    seen = play.foundry.seen_by(told.finished.run_id or "")
    assert first == seen.messages[0].text
    assert more.text in seen.messages[-1].text
    said = assistant(told.text, anchor=told.finished.anchor)
    again = play.ask(*play.history, more, said, user("so?"))
    assert told.finished.thread_id == again.finished.thread_id


@pytest.mark.parametrize("way", WAYS, ids=str)
def test_a_pinned_thread_that_is_gone_is_an_error(way: tuple[bool, bool]) -> None:
    """Nobody else's thread takes its place."""
    play = Play("hi", way)
    with pytest.raises(ThreadNotFoundError, match=play.thread):
        play.ask(*play.history, user("and?"), thread_id=play.thread)
