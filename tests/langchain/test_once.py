"""A tool runs once for each call, whatever happens behind it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import closing
from typing import Any

import pytest
from langchain_core.messages import AIMessage, ToolMessage
from langchain_core.tools import tool
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import END, START, MessagesState, StateGraph
from langgraph.prebuilt import ToolNode
from langgraph.types import Command, interrupt

from azure_agents.threads.memory import MemoryThreadStore
from azure_agents.threads.sqlite import SQLiteThreadStore
from langchain_azure_agents import arun_once, run_once

from ..till import Till

CALL = {"name": "pay", "args": {"amount": 3}, "id": "call_1", "type": "tool_call"}


def graph(store: Any, act: Callable[[int], Any], *, handles: bool = True, **options: Any) -> Any:
    """A graph of one tool node, whose tool does `act`."""

    @tool
    def pay(amount: int) -> Any:
        """Pay."""
        return act(amount)

    node = ToolNode(
        [pay],
        wrap_tool_call=run_once(store),
        awrap_tool_call=arun_once(store),
        handle_tool_errors=handles,
    )
    built = StateGraph(MessagesState).add_node("tools", node)
    return built.add_edge(START, "tools").add_edge("tools", END).compile(**options)


def play(built: Any, is_async: bool, call: Any = CALL, thread: str = "1") -> ToolMessage:
    """Run the tool for a call; the message that came of it."""
    state = {"messages": [AIMessage("", tool_calls=[call])]}
    config = {"configurable": {"thread_id": thread}}
    run = asyncio.run(built.ainvoke(state, config)) if is_async else built.invoke(state, config)
    message: ToolMessage = run["messages"][-1]
    return message


ways = pytest.mark.parametrize("is_async", [False, True], ids=["sync", "async"])
RICH = [{"type": "text", "text": "paid"}, {"type": "image", "url": "https://example.com/a.png"}]


@ways
@pytest.mark.parametrize("end", ["paid", "", RICH, ValueError("no money")], ids=str)
def test_the_same_call_gets_the_same_result_without_a_second_run(is_async: bool, end: Any) -> None:
    """Also an error is a result: the tool may have had its effect."""
    till, store = Till(end), MemoryThreadStore()
    first, second = (play(graph(store, till.pay), is_async) for _ in range(2))
    assert [3] == till.paid
    assert (first.content, first.status, first.name) == (second.content, second.status, second.name)


def test_a_restart_does_not_run_a_tool_again(tmp_path: Any) -> None:
    """The result outlives the process in a store on disk."""
    till = Till()
    for _ in range(2):
        with closing(SQLiteThreadStore(tmp_path / "threads.db")) as store:
            play(graph(store, till.pay), is_async=False)
    assert [3] == till.paid


@ways
def test_a_tool_in_which_the_process_ended_is_not_run_again(is_async: bool) -> None:
    """Nobody knows whether it had its effect; the agent is told so."""
    till, store = Till(KeyboardInterrupt()), MemoryThreadStore()
    with pytest.raises(KeyboardInterrupt):
        play(graph(store, till.pay), is_async)
    for _ in range(2):
        told = play(graph(store, till.pay), is_async)
        assert ("error", "call_1") == (told.status, told.tool_call_id)
        assert "may have had its effect" in str(told.content)
    assert [3] == till.paid


@ways
def test_a_tool_that_raised_may_run_again(is_async: bool) -> None:
    """The error reached whoever runs the graph, and he runs it again."""
    till, store = Till(ValueError("no money")), MemoryThreadStore()
    with pytest.raises(ValueError, match="no money"):
        play(graph(store, till.pay, handles=False), is_async)
    assert "paid 3" == play(graph(store, till.pay, handles=False), is_async).content
    assert [3, 3] == till.paid


@ways
def test_a_tool_that_asks_somebody_goes_on_when_he_answers(is_async: bool) -> None:
    """LangGraph runs it from its start again, as it says."""
    till = Till()

    def ask(amount: int) -> Any:
        return till.pay(amount) if interrupt("Really?") else "not paid"

    built = graph(MemoryThreadStore(), ask, checkpointer=InMemorySaver())
    config = {"configurable": {"thread_id": "1"}}
    play(built, is_async)
    answer: Any = Command(resume=True)
    state = asyncio.run(built.ainvoke(answer, config)) if is_async else built.invoke(answer, config)
    assert "paid 3" == state["messages"][-1].content
    assert [3] == till.paid


@ways
def test_a_command_is_not_kept(is_async: bool) -> None:
    """It steers the graph, which is steered again when it is played again."""
    message = ToolMessage("moved", tool_call_id="call_1")
    till, store = Till(*[Command(update={"messages": [message]})] * 2), MemoryThreadStore()
    for _ in range(2):
        assert "moved" == play(graph(store, till.pay), is_async).content
    assert [3, 3] == till.paid


@pytest.mark.parametrize(
    ("call", "thread"),
    [
        ({**CALL, "args": {"amount": 4}}, "1"),  # edited by whoever approves calls
        ({**CALL, "id": "call_2"}, "1"),
        (CALL, "2"),
    ],
    ids=["arguments", "id", "thread"],
)
def test_another_call_is_another_call(call: Any, thread: str) -> None:
    """And another conversation is another conversation."""
    till, store = Till(), MemoryThreadStore()
    play(graph(store, till.pay), is_async=False)
    play(graph(store, till.pay), False, call, thread)
    assert 2 == len(till.paid)
