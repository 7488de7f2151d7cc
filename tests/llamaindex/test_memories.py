"""Memories that ask the LLM in the background, that forget, and that are kept for another day."""

import asyncio
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from llama_index.core.agent.workflow import FunctionAgent
from llama_index.core.base.llms.types import ChatMessage
from llama_index.core.chat_engine import SimpleChatEngine
from llama_index.core.llms import LLM
from llama_index.core.memory import (
    ChatMemoryBuffer,
    ChatSummaryMemoryBuffer,
    FactExtractionMemoryBlock,
    Memory,
)

from azure_agents.emulator import Emulator, ToolCalls
from llamaindex_azure_agents import AzureAgentLLM

from .oracle import Spoken, as_classic, brain, declared, oracle, seen

Make = Callable[..., AzureAgentLLM]


def reply(messages: list[Spoken]) -> str:
    """Facts and summaries where they are asked for; else what shows the history."""
    if "<facts>" in messages[-1][1]:
        return "<facts><fact>The user is called Ann.</fact></facts>"
    if any("summar" in text.casefold() for _, text, *_ in messages):
        return "They greeted each other."
    said = [message for message in messages if message[0] != "system"]
    return f"{len(said)} messages, last {said[-1][1][-20:]!r}"


@pytest.fixture(name="make")
def _make(make_llm: Make) -> Make:
    return lambda **settings: make_llm(brain(reply), **settings)


def facts(llm: LLM) -> Memory:
    """Takes facts out of what it drops: the true history and a foreign prompt behind it."""
    # Counted in questions: our anchor counts in tokens, and would be told from the mock's answers.
    return Memory.from_defaults(
        token_limit=6,
        chat_history_token_ratio=0.5,
        token_flush_size=1,
        memory_blocks=[FactExtractionMemoryBlock(llm=llm)],
        tokenizer_fn=re.compile("Question").findall,
    )


def summary(llm: LLM) -> ChatSummaryMemoryBuffer:
    """Sums up what it drops."""
    return ChatSummaryMemoryBuffer.from_defaults(llm=llm, token_limit=60)


def short(_: LLM) -> ChatMemoryBuffer:
    """Drops the oldest messages."""
    return ChatMemoryBuffer.from_defaults(token_limit=60)


QUESTIONS = [f"Question {n}: " + "what about it? " * 4 for n in range(5)]


@pytest.mark.parametrize("make_memory", [facts, summary, short])
@pytest.mark.parametrize("agentic", [True, False])
def test_memories_ask_beside_the_conversation(
    foundry: Emulator, make: Make, make_memory: Any, agentic: bool
) -> None:
    """Neither what is asked in the background nor what was dropped is in the conversation."""

    async def converse(llm: LLM) -> list[str]:
        memory = make_memory(llm)
        if agentic:
            agent = FunctionAgent(tools=[], llm=llm, system_prompt="Be brief.")
            return [str(await agent.run(text, memory=memory)) for text in QUESTIONS]
        engine = SimpleChatEngine.from_defaults(llm=llm, memory=memory)
        return [str(await engine.achat(text)) for text in QUESTIONS]

    mock = oracle(reply)
    ours, theirs = (asyncio.run(converse(llm)) for llm in (make(), mock))
    assert theirs == ours
    assert as_classic(mock.sent) == as_classic(seen(foundry))


def test_a_memory_is_shared_by_readers(foundry: Emulator, make: Make) -> None:
    """Ten questions at once behind one history: each branch sees the history and itself."""
    llm = make()
    history = [ChatMessage("one"), llm.chat([ChatMessage("one")]).message]

    async def ask() -> None:
        await asyncio.gather(*(llm.achat([*history, ChatMessage(str(n))]) for n in range(10)))

    asyncio.run(ask())
    first = ("user", "one", (), None)
    branches = sorted(seen(foundry)[1:])
    assert 10 == len(branches)
    assert all(branch[0] == first and 3 == len(branch) for branch in branches)
    assert [str(n) for n in range(10)] == [branch[2][1] for branch in branches]


def test_a_stored_conversation_goes_on(foundry: Emulator, make: Make) -> None:
    """A message is JSON: another process reads it and sends only what is new."""
    llm, long = make(), "word " * 500
    engine = SimpleChatEngine.from_defaults(llm=llm)
    engine.chat(long)
    stored = json.dumps([message.model_dump(mode="json") for message in engine.chat_history])
    history = [ChatMessage.model_validate(message) for message in json.loads(stored)]
    SimpleChatEngine.from_defaults(llm=llm, chat_history=history).chat("And?")
    assert ["user", "assistant", "user"] == [role for role, *_ in seen(foundry)[-1]]
    assert foundry.requests[-1].size < len(long)


def add(a: int, b: int) -> int:
    """Add two numbers."""
    return a + b


def test_an_agent_goes_on_where_it_was_stored(
    foundry: Emulator, generation: str, tmp_path: Path
) -> None:
    """Tool calls and anchors survive a database; a context alone would not remember."""
    database = f"sqlite+aiosqlite:///{tmp_path}/memory.db"
    script = [ToolCalls(("add", {"a": 1, "b": 2}, "call_1")), "3.", "Still 3."]
    tools = declared(generation, [add])
    agent = foundry.create_agent("helper", script, generation=generation, tools=tools)

    async def run(question: str) -> str:
        llm = AzureAgentLLM(agent.model, **foundry.connection())
        memory = Memory.from_defaults(session_id="ann", async_database_uri=database)
        return str(await FunctionAgent(tools=[add], llm=llm).run(question, memory=memory))

    assert "3." == asyncio.run(run("1+2?"))
    before = len(foundry.requests)
    assert "Still 3." == asyncio.run(run("Sure?"))
    roles = ["user", "assistant", "tool", "assistant", "user"]
    assert roles == [role for role, *_ in seen(foundry)[-1]]
    paths = [request.path for request in foundry.requests[before:] if request.method == "POST"]
    assert 1 == len(paths)  # nothing is replayed


def test_another_llm_reads_our_history(foundry: Emulator, make: Make) -> None:
    """What we leave in a message disturbs nobody, and theirs do not disturb us."""
    llm, mock = make(), oracle(["From the mock."])
    history = [ChatMessage("one"), llm.chat([ChatMessage("one")]).message, ChatMessage("two")]
    history.extend((mock.chat(history).message, ChatMessage("three")))
    llm.chat(history)
    expected = [(message.role.value, message.content) for message in history]
    assert expected == [(role, text) for role, text, *_ in seen(foundry)[-1]]
    assert expected[:3] == [(role, text) for role, text, *_ in mock.sent[-1]]
