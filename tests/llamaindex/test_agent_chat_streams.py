"""Streams of a chat engine that are left, forgotten, cancelled, or still on their way."""

import asyncio
import contextlib
import threading
from collections.abc import Callable
from typing import Any

import pytest

from azure_agents.emulator import Emulator, Text
from azure_agents.errors import InvalidRequestError, StreamInterruptedError
from llamaindex_azure_agents import AzureAgentChatEngine, AzureAgentLLM

Make = Callable[..., AzureAgentLLM]
SLOW = Text(deltas=("one ", "two"))


class Gate:
    """An agent that answers when it may."""

    def __init__(self) -> None:
        self.open = threading.Event()

    def __call__(self, turn: Any) -> Any:
        # Later turns come after the first one was told or cancelled.
        if len(turn.messages) == 1:
            assert self.open.wait(10)
        return SLOW


def shown(foundry: Emulator) -> list[str]:
    """What the agent was shown last."""
    return [one.text for one in foundry.seen[-1].messages]


@pytest.mark.parametrize("is_read", [True, False])
def test_a_stream_may_be_left(foundry: Emulator, make_llm: Make, is_read: bool) -> None:
    """After its first token, or before; its answer is part of the conversation all the same."""
    engine = AzureAgentChatEngine(make_llm(SLOW))
    answer = engine.stream_chat("Hi")
    if is_read:
        tokens = answer.response_gen
        next(tokens)
        tokens.close()
    assert ["Hi", "one two"] == [message.content for message in engine.chat_history]
    engine.chat("And?")
    assert ["Hi", "one two", "And?"] == shown(foundry)
    assert engine.thread_id != (answer.metadata or {})["thread_id"] or "thread_" in engine.thread_id


@pytest.mark.parametrize("is_read", [True, False])
def test_an_async_stream_may_be_left(foundry: Emulator, make_llm: Make, is_read: bool) -> None:
    """As above, in a task, which lives on without anybody who holds it."""

    async def leave() -> None:
        answer = await engine.astream_chat("Hi")
        if is_read:
            tokens = answer.async_response_gen()
            await anext(tokens)
            await tokens.aclose()
        del answer
        await engine.achat("And?")

    engine = AzureAgentChatEngine(make_llm(SLOW))
    asyncio.run(leave())
    assert ["Hi", "one two", "And?"] == shown(foundry)
    assert 4 == len(engine.chat_history)


def test_a_next_message_waits(foundry: Emulator, make_llm: Make) -> None:
    """For the stream before it, whoever reads that."""
    gate = Gate()
    engine = AzureAgentChatEngine(make_llm(gate))
    engine.stream_chat("Hi")
    threading.Timer(0.05, gate.open.set).start()
    engine.chat("And?")
    assert ["Hi", "one two", "And?"] == shown(foundry)


def test_an_async_message_waits_for_a_thread(foundry: Emulator, make_llm: Make) -> None:
    """The event loop runs on meanwhile."""
    gate = Gate()
    engine = AzureAgentChatEngine(make_llm(gate))
    engine.stream_chat("Hi")

    async def ask() -> None:
        asyncio.get_running_loop().call_later(0.05, gate.open.set)
        await engine.achat("And?")

    asyncio.run(ask())
    assert ["Hi", "one two", "And?"] == shown(foundry)


def test_whoever_stops_waiting_ends_nothing(foundry: Emulator, make_llm: Make) -> None:
    """Not the stream, and not the conversation."""
    gate = Gate()
    engine = AzureAgentChatEngine(make_llm(gate))
    engine.stream_chat("Hi")

    async def stop() -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(engine.achat("Never"), 0.05)
        gate.open.set()
        await engine.achat("And?")

    asyncio.run(stop())
    assert ["Hi", "one two", "And?"] == shown(foundry)


def test_a_loop_that_would_wait_for_itself_is_told(foundry: Emulator, make_llm: Make) -> None:
    """A sync call beside an async stream in a notebook: an error instead of a standstill."""

    async def mix() -> None:
        await engine.astream_chat("Hi")
        for ask in (lambda: engine.chat("And?"), lambda: engine.chat_history):
            with pytest.raises(InvalidRequestError, match="is still on its way"):
                ask()
        assert [] == foundry.requests
        await engine.achat("And?")

    engine = AzureAgentChatEngine(make_llm(SLOW))
    asyncio.run(mix())
    assert ["Hi", "one two", "And?"] == shown(foundry)


@pytest.mark.parametrize("began", [True, False])
def test_a_cancelled_task_is_told_and_forgotten(
    foundry: Emulator, make_llm: Make, began: bool
) -> None:
    """Who listens gets an error and does not wait for ever; the next message is alone."""

    async def cancel() -> None:
        answer = await engine.astream_chat("Hi")
        task = answer.awrite_response_to_history_task
        assert task is not None
        if began:
            await anext(answer.async_response_gen())
        task.cancel()
        if began:
            with pytest.raises(StreamInterruptedError, match="was cancelled"):
                _ = [token async for token in answer.async_response_gen()]
        await engine.achat("And?")

    engine = AzureAgentChatEngine(make_llm(Text(deltas=("one ",) * 50)))
    asyncio.run(cancel())
    assert "Hi" not in shown(foundry)
    assert 2 == len(engine.chat_history)


def test_a_loop_that_ended_is_not_waited_for(foundry: Emulator, make_llm: Make) -> None:
    """`asyncio.run` ends with the stream half read: the turn is none."""

    async def leave() -> None:
        await engine.astream_chat("Hi")

    engine = AzureAgentChatEngine(make_llm(SLOW))
    asyncio.run(leave())
    engine.chat("And?")
    assert ["And?"] == shown(foundry)


def test_a_stream_ends_in_its_own_conversation(foundry: Emulator, make_llm: Make) -> None:
    """After a reset its answer belongs to the old one."""
    gate = Gate()
    engine = AzureAgentChatEngine(make_llm(gate))
    answer = engine.stream_chat("Hi")
    engine.reset()
    gate.open.set()
    assert "one two" == "".join(answer.response_gen)
    assert ([], None) == (engine.chat_history, engine.thread_id)
