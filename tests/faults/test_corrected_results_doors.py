"""Corrected results at the three doors: the answer is to these, whatever one request meets."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from langchain_core.messages import HumanMessage, ToolMessage
from llama_index.core.base.llms.types import ChatMessage

from azure_agents import completion
from azure_agents.emulator import Emulator, Fault, ToolCalls
from azure_agents.threads.memory import MemoryThreadStore
from langchain_azure_agents import ChatAzureAgent
from llamaindex_azure_agents import AzureAgentLLM

SUBMIT = r"/submit_tool_outputs$"
FAULTS: dict[str, dict[str, Any] | None] = {
    "none": None,
    "503": {"kind": "status_before", "status": 503},
    "reset": {"kind": "reset_before"},
    "lost": {"kind": "lost"},
}


def reply(turn: Any) -> Any:
    """Says what its tool returned."""
    last = turn.messages[-1].text
    sky = next((word for word in ("rain", "sun") if word in last), None)
    return f"it is {sky}" if sky else ToolCalls(("weather", {}, "call_1"))


def langchain(place: dict[str, Any]) -> Callable[..., Any]:
    """A question, or the results that follow it."""
    llm = ChatAzureAgent(**place, max_retries=1)
    asked = llm.invoke([HumanMessage("how is it?")])

    def answer(result: str) -> str:
        given = ToolMessage(result, tool_call_id=asked.tool_calls[0]["id"])
        return llm.invoke([HumanMessage("how is it?"), asked, given]).text

    return answer


def llamaindex(place: dict[str, Any]) -> Callable[..., Any]:
    """The same."""
    llm = AzureAgentLLM(**place)
    question = ChatMessage("how is it?")
    asked = llm.chat([question]).message

    def answer(result: str) -> str:
        given = ChatMessage(result, role="tool", additional_kwargs={"tool_call_id": "call_1"})
        return llm.chat([question, asked, given]).message.content or ""

    return answer


def openai(place: dict[str, Any]) -> Callable[..., Any]:
    """The same."""
    question = {"role": "user", "content": "how is it?"}
    asked = completion(messages=[question], **place).choices[0].message

    def answer(result: str) -> str:
        given = {"role": "tool", "tool_call_id": "call_1", "content": result}
        answered = completion(messages=[question, asked, given], **place)
        return answered.choices[0].message.content or ""

    return answer


@pytest.mark.parametrize("door", [langchain, llamaindex, openai])
@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
def test_results_that_are_corrected_are_answered(door: Any, fault: dict[str, Any] | None) -> None:
    """Not the answer to the first ones; the same again is answered anew."""
    foundry = Emulator(seed=5)
    agent = foundry.create_agent("my-agent", reply, generation="classic")
    answer = door(
        {"model": agent.model, "thread_store": MemoryThreadStore(), **foundry.connection()}
    )
    assert "it is rain" == answer("rain")
    for result in ("sun", "rain"):
        if fault is not None:
            foundry.faults.add(Fault(**fault, method="POST", path=SUBMIT))
        before = len(foundry.seen)
        assert f"it is {result}" == answer(result)
        assert before + 1 == len(foundry.seen)
        foundry.faults.clear()
    assert [] == foundry.active_runs
