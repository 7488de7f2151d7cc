"""What only one generation of agents can do, asked of the other: refused, and nothing is sent."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from azure_agents.client.agent_client import AgentClient, AsyncAgentClient
from azure_agents.emulator import Emulator
from azure_agents.errors import InvalidRequestError
from azure_agents.messages import TurnRequest, user

Ask = Callable[[Any], Any]
HI = (user("hi"),)


def asking(**given: Any) -> Ask:
    """A call."""
    return lambda client: client.complete(TurnRequest(HI, **given))


WRONG: dict[str, dict[str, Ask]] = {
    "classic": {
        "resume": lambda client: client.resume("resp_1"),
        "cancel": lambda client: client.cancel(response_id="resp_1"),
        "fork": lambda client: client.fork_thread("conv_1"),
        "pin of a response": asking(thread_id="resp_1"),
        "pin of a conversation": asking(thread_id="conv_1"),
        "background": asking(options={"background": True}),
        "include": asking(options={"include": ["file_search_call.results"]}),
        "reasoning effort": asking(options={"reasoning_effort": "low"}),
    },
    "v2": {
        "cancel": lambda client: client.cancel(thread_id="thread_1", run_id="run_1"),
        "fork": lambda client: client.fork_thread("thread_1"),
        "pin of a thread": asking(thread_id="thread_1"),
        "truncation strategy": asking(options={"truncation_strategy": {"type": "auto"}}),
        "prompt tokens": asking(options={"max_prompt_tokens": 9}),
    },
}
CASES = [(generation, name) for generation, asks in WRONG.items() for name in asks]


def sync(place: dict[str, Any], ask: Ask) -> None:
    """In this thread."""
    found = ask(AgentClient(**place))
    if hasattr(found, "__next__"):
        next(found)


def aio(place: dict[str, Any], ask: Ask) -> None:
    """On an event loop."""

    async def run() -> None:
        found = ask(AsyncAgentClient(**place))
        await (anext(found) if hasattr(found, "__anext__") else found)

    asyncio.run(run())


@pytest.mark.parametrize(("run", "other"), [(sync, "async_transport"), (aio, "transport")])
@pytest.mark.parametrize(("generation", "name"), CASES)
def test_it_is_refused_before_anything_is_sent(
    generation: str, name: str, run: Any, other: str
) -> None:
    """The error says what does not fit."""
    with Emulator() as foundry:
        agent = foundry.create_agent("my-agent", "hello", generation=generation)
        place = {"model": agent.model, **foundry.connection()}
        place.pop(other)
        with pytest.raises(InvalidRequestError):
            run(place, WRONG[generation][name])
        assert [] == foundry.requests
