"""A tool runs once for each call, whatever happens behind it."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from langchain_core.messages import AIMessage
from langchain_core.tools import tool
from langgraph.graph import END, START, MessagesState, StateGraph
from langgraph.prebuilt import ToolNode

from azure_agents.threads.memory import MemoryThreadStore
from azure_agents.threads.sqlite import SQLiteThreadStore
from azure_agents.tool_results import ToolResults
from langchain_azure_agents import arun_once, run_once

CALL = {"name": "pay", "args": {"amount": 3}, "id": "call_1", "type": "tool_call"}


def graph(store: Any, ran: list[int], *, fails: bool = False) -> Any:
    """A graph of one tool node."""

    @tool
    def pay(amount: int) -> str:
        """Pay."""
        ran.append(amount)
        if fails:
            raise ValueError("no money")
        return f"paid {amount}"

    node = ToolNode(
        [pay],
        wrap_tool_call=run_once(store),
        awrap_tool_call=arun_once(store),
        handle_tool_errors=True,
    )
    built = StateGraph(MessagesState).add_node("tools", node)
    return built.add_edge(START, "tools").add_edge("tools", END).compile()


@pytest.mark.parametrize("is_async", [False, True])
@pytest.mark.parametrize("fails", [False, True])
def test_the_same_call_gets_the_same_result_without_a_second_run(
    is_async: bool, fails: bool
) -> None:
    """Also an error is a result: the tool may have had its effect."""
    ran: list[int] = []
    play = graph(MemoryThreadStore(), ran, fails=fails)
    state = {"messages": [AIMessage("", tool_calls=[CALL])]}
    runs = [asyncio.run(play.ainvoke(state)) if is_async else play.invoke(state) for _ in range(2)]
    first, second = (run["messages"][-1] for run in runs)
    assert [3] == ran
    assert (first.content, first.status) == (second.content, second.status)


def test_a_restart_does_not_run_a_tool_again(tmp_path: Any) -> None:
    """The result outlives the process in a store on disk."""
    ran: list[int] = []
    state = {"messages": [AIMessage("", tool_calls=[CALL])]}
    for _ in range(2):
        graph(SQLiteThreadStore(tmp_path / "threads.db"), ran).invoke(state)
    assert [3] == ran


def test_results_of_two_applications_stay_apart() -> None:
    """Equal call ids under different scopes are different calls."""
    store = MemoryThreadStore()
    assert "a" == ToolResults(store, "one").once("call_1", lambda: "a")
    assert "b" == ToolResults(store, "two").once("call_1", lambda: "b")
    assert "a" == ToolResults(store, "one").once("call_1", lambda: "c")
