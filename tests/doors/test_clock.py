"""The emulator's clock comes with `connection()`: deadlines pass on it, and nobody waits."""

from __future__ import annotations

import asyncio
import copy
import pickle
import time
from collections.abc import Callable
from typing import Any

import pytest
from langchain_core.messages import HumanMessage
from llama_index.core.base.llms.types import ChatMessage

from azure_agents import AgentClient, AsyncAgentClient, acompletion, completion
from azure_agents.emulator import Emulator, Parts, Pause
from azure_agents.errors import DeadlineError
from azure_agents.messages import TurnRequest, user
from langchain_azure_agents import ChatAzureAgent
from llamaindex_azure_agents import AzureAgentLLM

HISTORY = [{"role": "user", "content": "hi"}]
ASKED = TurnRequest((user("hi"),))
# Each wait is short enough for a socket; all of them are much longer than the turn may take.
SLOW = Parts(*(part for _ in range(60) for part in (Pause(10), "word ")))


async def _all(stream: Any) -> list[Any]:
    return [item async for item in stream]


async def _llamaindex_stream(llm: Any) -> list[Any]:
    return await _all(await llm.astream_chat([ChatMessage("hi")]))


async def _completion_stream(**arguments: Any) -> list[Any]:
    return await _all(await acompletion(messages=HISTORY, stream=True, **arguments))


DOORS: dict[str, Callable[..., Any]] = {
    "invoke": lambda **of: ChatAzureAgent(**of).invoke("hi"),
    "stream": lambda **of: list(ChatAzureAgent(**of).stream("hi")),
    "ainvoke": lambda **of: asyncio.run(ChatAzureAgent(**of).ainvoke([HumanMessage("hi")])),
    "astream": lambda **of: asyncio.run(_all(ChatAzureAgent(**of).astream("hi"))),
    "chat": lambda **of: AzureAgentLLM(**of).chat([ChatMessage("hi")]),
    "stream_chat": lambda **of: list(AzureAgentLLM(**of).stream_chat([ChatMessage("hi")])),
    "achat": lambda **of: asyncio.run(AzureAgentLLM(**of).achat([ChatMessage("hi")])),
    "astream_chat": lambda **of: asyncio.run(_llamaindex_stream(AzureAgentLLM(**of))),
    "completion": lambda **of: completion(messages=HISTORY, **of),
    "completion, streamed": lambda **of: list(completion(messages=HISTORY, stream=True, **of)),
    "acompletion": lambda **of: asyncio.run(acompletion(messages=HISTORY, **of)),
    "acompletion, streamed": lambda **of: asyncio.run(_completion_stream(**of)),
    "client": lambda **of: AgentClient(**of).complete(ASKED),
    "client, streamed": lambda **of: list(AgentClient(**of).stream(ASKED)),
    "async client": lambda **of: asyncio.run(AsyncAgentClient(**of).complete(ASKED)),
    "async client, streamed": lambda **of: asyncio.run(_all(AsyncAgentClient(**of).stream(ASKED))),
}


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("generation", ["v2", "classic"])
def test_a_deadline_passes_on_the_emulators_clock(generation: Any, door: str) -> None:
    """After 60 of its seconds, and long before 60 of ours."""
    with Emulator() as foundry:
        agent = foundry.create_agent("slow", SLOW, generation=generation)
        began, began_here = foundry.clock.time(), time.monotonic()
        with pytest.raises(DeadlineError):
            DOORS[door](model=agent.model, timeout=60, **foundry.connection())
        assert 60 <= foundry.clock.time() - began < 120
        assert time.monotonic() - began_here < 30


def test_the_clock_is_no_part_of_who_a_model_is() -> None:
    """It is not shown, dumped or pickled; copies keep it."""
    with Emulator() as foundry:
        agent = foundry.create_agent("my-agent")
        chat = ChatAzureAgent(model=agent.model, **foundry.connection())
        llm = AzureAgentLLM(agent.model, **foundry.connection())
        assert copy.copy(chat).clock is foundry.clock
        assert "clock" not in chat.model_dump()
        assert "clock" not in llm.to_dict()
        assert "Clock" not in repr(chat) + repr(llm)
        assert (
            chat._get_llm_string()
            == ChatAzureAgent(
                **{**foundry.connection(), "model": agent.model, "clock": None}
            )._get_llm_string()
        )
        assert pickle.loads(pickle.dumps(chat)).clock is None  # noqa: S301 - our own
        pickle.dumps(llm)
