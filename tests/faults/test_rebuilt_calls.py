"""Calls rebuilt from id, name and arguments, as most code in OpenAI's format does: without anchor.

The store knows which run waits for a call. That is no right to the run: the history must be the one
the run paused in.
"""

from __future__ import annotations

from typing import Any

import pytest
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage
from llama_index.core.base.llms.types import ChatMessage, ToolCallBlock

from azure_agents import completion
from azure_agents.client.agent_client import AgentClient
from azure_agents.client.base import make_client
from azure_agents.emulator import Emulator, ToolCalls
from azure_agents.fold import Completion
from azure_agents.messages import Message, ToolCall, TurnRequest, assistant, tool, user
from azure_agents.settings.config import resolve_settings
from azure_agents.sign_in.auth import make_auth
from azure_agents.threads.memory import MemoryThreadStore
from langchain_azure_agents import ChatAzureAgent
from llamaindex_azure_agents import AzureAgentLLM

CALLS = (("look", {"n": 1}, "call_1"), ("look", {"n": 2}, "call_2"))
REBUILT = assistant(
    "", ToolCall("call_1", "look", '{"n":1}'), ToolCall("call_2", "look", '{"n": 2}')
)
RESULTS = (tool("call_1", "one"), tool("call_2", "two"))
ASKED = user("look it up")


def reply(turn: Any) -> Any:
    """Calls its tools until it is given results."""
    return "found" if turn.messages[-1].role == "tool" else ToolCalls(*CALLS)


class Play:
    """An agent that waits for the results of its calls."""

    def __init__(self, **settings: Any) -> None:
        self.foundry = Emulator(seed=5)
        self.agent = self.foundry.create_agent("my-agent", reply, generation="classic")
        self.store = MemoryThreadStore()
        self.paused = self.ask(ASKED, **settings)

    def ask(self, *messages: Message, owner: str | None = None, **settings: Any) -> Completion:
        """One call, by a client made anew."""
        place = {"model": self.agent.model, "endpoint": self.foundry.endpoint}
        made = resolve_settings(**{**place, "env": {}, **settings})
        auth = make_auth(endpoint=made.endpoint, credential=self.foundry.credential, env={})
        transport = self.foundry.transport
        client = make_client(AgentClient, made, auth, transport=transport, store=self.store)
        return client.complete(TurnRequest(messages, owner=owner))


@pytest.mark.parametrize("owner", [None, "ada"])
def test_results_of_rebuilt_calls_go_to_the_run_that_waits(owner: str | None) -> None:
    """Whatever the arguments' spelling: the agent gets them as results, not as somebody's words."""
    play = Play(owner=owner)
    found = play.ask(ASKED, REBUILT, *RESULTS, owner=owner)
    assert ("found", play.paused.finished.run_id) == (found.text, found.finished.run_id)
    assert [] == play.foundry.active_runs


def test_a_rebuilt_call_that_is_passed_over_is_cancelled() -> None:
    """Another question instead of results: no run waits for them."""
    play = Play()
    play.ask(ASKED, REBUILT, user("never mind"))
    assert [play.foundry.seen[-1].run_id] == play.foundry.active_runs


STRANGERS: dict[str, dict[str, Any]] = {
    "another history": {"messages": (user("mine"), REBUILT, *RESULTS)},
    "another owner": {"messages": (ASKED, REBUILT, *RESULTS), "owner": "eve"},
    "a key": {"messages": (ASKED, REBUILT, *RESULTS), "anchor_key": "k" * 40},
}


@pytest.mark.parametrize("given", STRANGERS.values(), ids=STRANGERS)
def test_a_call_id_alone_is_no_right_to_a_run(given: dict[str, Any]) -> None:
    """The run is neither answered nor stopped."""
    play = Play()
    told = play.ask(*given["messages"], **{k: v for k, v in given.items() if k != "messages"})
    assert play.paused.finished.run_id != told.finished.run_id
    assert play.paused.finished.run_id in play.foundry.active_runs


def test_where_anchors_are_sealed_no_call_is_entered() -> None:
    """With `anchor_key=` an anchor proves that the caller was given it; a call id does not."""
    play = Play(anchor_key="k" * 40)
    play.ask(ASKED, REBUILT, *RESULTS, anchor_key="k" * 40)
    play.ask(ASKED, REBUILT, *RESULTS)
    assert play.paused.finished.run_id in play.foundry.active_runs


# --- the doors: messages that a program makes up itself ---


def openai(place: dict[str, Any]) -> str:
    """`completion()`."""
    asked = {"role": "user", "content": "look it up"}
    first = completion(messages=[asked], **place).choices[0].message
    calls = [
        {
            "id": call.id,
            "type": "function",
            "function": {"name": call.function.name, "arguments": call.function.arguments},
        }
        for call in first.tool_calls
    ]
    rebuilt = {"role": "assistant", "content": None, "tool_calls": calls}
    given = [{"role": "tool", "tool_call_id": call["id"], "content": "one"} for call in calls]
    answer = completion(messages=[asked, rebuilt, *given], stream=True, **place)
    return "".join(chunk.choices[0].delta.content or "" for chunk in answer if chunk.choices)


def langchain(place: dict[str, Any]) -> str:
    """LangChain: a message that keeps the calls and nothing else."""
    llm = ChatAzureAgent(**place)
    first = llm.invoke("look it up")
    calls = [{"id": c["id"], "name": c["name"], "args": c["args"]} for c in first.tool_calls]
    given = [ToolMessage("one", tool_call_id=call["id"]) for call in calls]
    return llm.invoke([HumanMessage("look it up"), AIMessage("", tool_calls=calls), *given]).text


def llamaindex(place: dict[str, Any]) -> str:
    """LlamaIndex: a message with blocks of calls."""
    llm = AzureAgentLLM(**place)
    asked = ChatMessage("look it up")
    calls = llm.get_tool_calls_from_response(llm.chat([asked]))
    blocks = [
        ToolCallBlock(tool_call_id=c.tool_id, tool_name=c.tool_name, tool_kwargs=c.tool_kwargs)
        for c in calls
    ]
    given = [
        ChatMessage("one", role="tool", additional_kwargs={"tool_call_id": call.tool_id})
        for call in calls
    ]
    rebuilt = ChatMessage(role="assistant", blocks=blocks)
    return llm.chat([asked, rebuilt, *given]).message.content or ""


@pytest.mark.parametrize("door", [openai, langchain, llamaindex])
def test_a_loop_over_made_up_messages_ends(door: Any) -> None:
    """The run gets its results, and no other one calls again."""
    foundry = Emulator(seed=5)
    agent = foundry.create_agent("my-agent", reply, generation="classic")
    place = {"model": agent.model, "thread_store": MemoryThreadStore(), **foundry.connection()}
    assert "found" == door(place)
    assert 1 == len({turn.run_id for turn in foundry.seen})


def test_what_no_store_knows_is_told_as_calls_and_results() -> None:
    """Another process without the store: both are told, and neither as the user's words."""
    play = Play()
    play.store = MemoryThreadStore()
    play.agent.script(["found"])
    told = play.ask(ASKED, REBUILT, *RESULTS)
    seen = play.foundry.seen_by(told.finished.run_id or "")
    calls = '[tool call call_1: look({"n":1})]\n[tool call call_2: look({"n": 2})]'
    expected = [
        ("user", "look it up"),
        ("assistant", calls),
        ("assistant", "[tool result call_1: one]"),
        ("assistant", "[tool result call_2: two]"),
    ]
    assert expected == [(message.role, message.text) for message in seen.messages]
