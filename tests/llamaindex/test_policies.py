"""Thread policies and owners, as LlamaIndex's callers meet them."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from llama_index.core.agent.workflow import FunctionAgent
from llama_index.core.base.llms.types import ChatMessage
from llama_index.core.chat_engine import SimpleChatEngine
from llama_index.core.memory import ChatMemoryBuffer

from azure_agents.emulator import Emulator, ToolCalls
from llamaindex_azure_agents import AzureAgentLLM

from .oracle import declared, seen

Make = Callable[..., AzureAgentLLM]
POLICIES = ("auto", "conversation", "ephemeral")


def add(a: int, b: int) -> int:
    """Add two numbers."""
    return a + b


@pytest.mark.parametrize("threads", POLICIES)
def test_every_policy_holds_conversations(
    foundry: Emulator, make_llm: Make, ask: Any, threads: str
) -> None:
    """The agent sees the history, wherever it is kept; also an edited one."""
    llm = make_llm(lambda turn: f"{len(turn.messages)}", threads=threads)
    history = [ChatMessage("a")]
    history += [ask(llm, history).message, ChatMessage("b")]
    history += [ask(llm, history).message, ChatMessage("c")]
    edited = [ChatMessage("A"), *history[1:]]
    assert ["5", "5"] == [ask(llm, each).message.content for each in (history, edited)]
    assert ["A", "1", "b", "3", "c"] == [text for _, text, *_ in seen(foundry)[-1]]


@pytest.mark.parametrize("threads", POLICIES)
@pytest.mark.parametrize("streaming", [True, False])
def test_every_policy_holds_tool_rounds(
    foundry: Emulator, generation: str, threads: str, streaming: bool
) -> None:
    """Two rounds, and the next question."""
    script = [
        ToolCalls(("add", {"a": 1, "b": 2}), ("add", {"a": 3, "b": 4})),
        ToolCalls(("add", {"a": 3, "b": 7})),
        "10.",
        "Bye.",
    ]
    agent = foundry.create_agent(
        "helper", script, generation=generation, tools=declared(generation, [add])
    )
    llm = AzureAgentLLM(agent.model, **foundry.connection(), threads=threads)

    async def run() -> list[str]:
        helper = FunctionAgent(tools=[add], llm=llm, streaming=streaming)
        memory = ChatMemoryBuffer.from_defaults()
        return [str(await helper.run(text, memory=memory)) for text in ("Sum up", "Thanks")]

    assert ["10.", "Bye."] == asyncio.run(run())


def test_nothing_is_kept_of_ephemeral_turns(
    foundry: Emulator, make_llm: Make, ask: Any, generation: str
) -> None:
    """v2 does not store the answer, a classic thread is deleted."""
    llm = make_llm("ok", threads="ephemeral")
    response = ask(llm, [ChatMessage("Hi")])
    assert {} == response.message.additional_kwargs
    if generation == "v2":
        assert foundry.requests[-1].body["store"] is False
    else:
        assert "DELETE" == foundry.requests[-1].method


def test_a_conversation_has_an_id_to_pin(foundry: Emulator, make_llm: Make) -> None:
    """An engine of another process may go on in it with nothing but the id."""
    llm = make_llm(lambda turn: f"{len(turn.messages)}", threads="conversation")
    thread_id = llm.chat([ChatMessage("Hi")]).raw["thread_id"]
    assert thread_id.startswith(("conv_", "thread_"))
    pinned = AzureAgentLLM(llm.model, **foundry.connection(), thread_id=thread_id)
    engine = SimpleChatEngine.from_defaults(llm=pinned)
    assert ["3", "5"] == [str(engine.chat(text)) for text in ("And?", "And now?")]


@pytest.mark.parametrize("where", ["constructor", "call"])
def test_an_owner_continues_histories_of_text(
    foundry: Emulator, make_llm: Make, ask: Any, where: str
) -> None:
    """Some engines keep the text of an answer alone; under an owner that is enough."""
    llm = make_llm("ok", **({"owner": "ann"} if where == "constructor" else {}))
    options = {"owner": "ann"} if where == "call" else {}
    long = ChatMessage("word " * 500)
    answer = ask(llm, [long], **options).message.content
    history = [long, ChatMessage(answer, role="assistant"), ChatMessage("And?")]
    ask(llm, history, **options)
    assert ["user", "assistant", "user"] == [role for role, *_ in seen(foundry)[-1]]
    assert foundry.requests[-1].size < len(long.content or "")


def test_another_owner_shares_nothing(foundry: Emulator, make_llm: Make, ask: Any) -> None:
    """Two users may have said the same."""
    llm = make_llm("ok")
    ask(llm, [ChatMessage("Hi")], owner="ann")
    history = [ChatMessage("Hi"), ChatMessage("ok", role="assistant"), ChatMessage("And?")]
    ask(llm, history, owner="bob")
    first, second = foundry.seen
    assert second.previous_response_id is None
    assert first.thread_id is None or first.thread_id != second.thread_id
