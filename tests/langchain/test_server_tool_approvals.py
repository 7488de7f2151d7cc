"""`ServerToolApprovals`: requests of server-side tools as interrupts of LangChain's own form."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from langchain.agents import create_agent
from langchain.agents.middleware import HumanInTheLoopMiddleware
from langchain_core.tools import tool
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.types import Command

from azure_agents.emulator import Emulator, McpApproval, McpCall, Parts, ToolCalls
from langchain_azure_agents import ChatAzureAgent
from langchain_azure_agents.middleware import ServerToolApprovals
from langchain_azure_agents.middleware._approvals import _arguments

THREAD: Any = {"configurable": {"thread_id": "1"}}
APPROVE = {"decisions": [{"type": "approve"}]}
RAN: list[int] = []


@tool
def add(a: int, b: int) -> int:
    """Add."""
    RAN.append(a + b)
    return a + b


def files(turn: Any) -> Any:
    """Ask before deleting, twice where two are asked for, beside a call where that is asked for."""
    last = turn.messages[-1]
    if last.text == "approved":
        return Parts(McpCall("files", "delete", '{"path": "/x"}', "gone"), "Deleted.")
    if last.text == "denied":
        return "Left alone."
    if last.role == "tool":
        return f"It is {last.text}."
    first = McpApproval("files", "delete", '{"path": "/x"}')
    if turn.last_user_text == "two":
        return Parts(first, McpApproval("files", "move", '{"path": "/y"}'))
    if turn.last_user_text == "both":
        return Parts(ToolCalls(("add", {"a": 1, "b": 2})), first)
    return first


def app_of(foundry: Emulator, generation: Any, *more: Any, saver: Any = None) -> Any:
    """An agent of LangChain around an agent that asks."""
    declared: Any = [{"type": "function", "name": "add", "parameters": {}}]
    tools = declared if generation == "v2" else ()
    agent = foundry.create_agent("files", files, generation=generation, tools=tools)
    llm = ChatAzureAgent(model=agent.model, **foundry.connection())
    middleware = [ServerToolApprovals(), *more]
    return create_agent(llm, [add], middleware=middleware, checkpointer=saver or InMemorySaver())


@pytest.fixture(params=[False, True], ids=["sync", "async"])
def go(request: pytest.FixtureRequest) -> Any:
    """Run a graph in one of both ways."""

    def run(app: Any, given: Any, config: Any = THREAD) -> Any:
        given = {"messages": [("user", given)]} if isinstance(given, str) else given
        if request.param:
            return asyncio.run(app.ainvoke(given, config))
        return app.invoke(given, config)

    return run


DECISIONS = [
    ({"type": "approve"}, True, None, "Deleted."),
    ({"type": "reject"}, False, None, "Left alone."),
    ({"type": "reject", "message": "Not today"}, False, "Not today", "Left alone."),
]


@pytest.mark.parametrize("row", DECISIONS)
def test_a_request_is_an_interrupt_and_the_decision_goes_on(
    foundry: Emulator, generation: Any, go: Any, row: Any
) -> None:
    """In the form of `HumanInTheLoopMiddleware`, which pages for people know."""
    decision, approve, reason, text = row
    app = app_of(foundry, generation)
    [asked] = go(app, "one")["__interrupt__"]
    said = 'Tool: delete\nServer: files\nArgs: {"path": "/x"}'
    action = {
        "name": "delete",
        "args": {"path": "/x"},
        "description": f"Tool execution requires approval\n\n{said}",
    }
    review = {"action_name": "delete", "allowed_decisions": ["approve", "reject"]}
    assert {"action_requests": [action], "review_configs": [review]} == asked.value
    messages = go(app, Command(resume={"decisions": [decision]}))["messages"]
    value = messages[-2].content[0]["value"]
    assert (approve, reason) == (value["approve"], value.get("reason"))
    assert text == messages[-1].text


WRONG: Any = [
    (True, "resume with"),
    ("approve", "resume with"),
    ({"decisions": "approve"}, "resume with"),
    ({"decisions": []}, "0 decisions for 1 requests"),
    ({"decisions": [{"type": "approve"}] * 2}, "2 decisions for 1 requests"),
    ({"decisions": [True]}, r"decisions[0] must be"),
    ({"decisions": [{"type": "edit", "edited_action": {}}]}, r"decisions[0] must be"),
    ({"decisions": [{"type": "respond", "message": "x"}]}, r"decisions[0] must be"),
    ({"decisions": [{"type": "APPROVE"}]}, r"decisions[0] must be"),
    ({"decisions": [{"type": True}]}, r"decisions[0] must be"),
]


@pytest.mark.parametrize(("given", "said"), WRONG)
def test_a_wrong_decision_decides_nothing(
    foundry: Emulator, generation: Any, go: Any, given: Any, said: str
) -> None:
    """It is asked again, with what was wrong, and nothing is sent until it is right."""
    app = app_of(foundry, generation)
    go(app, "one")
    sent = len(foundry.requests)
    [asked] = go(app, Command(resume=given))["__interrupt__"]
    assert (True, sent) == (asked.value["error"].startswith(said), len(foundry.requests))
    assert "Deleted." == go(app, Command(resume=APPROVE))["messages"][-1].text


def test_several_requests_are_decided_in_order(foundry: Emulator, go: Any) -> None:
    """One decision for each; those denied do not run."""
    app = app_of(foundry, "v2")
    [asked] = go(app, "two")["__interrupt__"]
    assert ["delete", "move"] == [one["name"] for one in asked.value["action_requests"]]
    decisions = {"decisions": [{"type": "reject"}, {"type": "approve"}]}
    messages = go(app, Command(resume=decisions))["messages"]
    asks = messages[1].response_metadata["approval_requests"]
    values = [block["value"] for block in messages[2].content]
    decided = [(value["request_id"], value["approve"]) for value in values]
    assert [(asks[0]["id"], False), (asks[1]["id"], True)] == decided


HUMANS: Any = [
    ([], [APPROVE], 3, "3"),
    (["add"], [{"decisions": [{"type": "approve"}]}, APPROVE], 3, "3"),
    (["add"], [{"decisions": [{"type": "reject"}]}, APPROVE], None, "User rejected"),
]


@pytest.mark.parametrize("row", HUMANS)
def test_beside_calls_of_functions(foundry: Emulator, go: Any, row: Any) -> None:
    """An answer may call and ask at once: the model gets results and decisions together.

    LangChain's own middleware for tools of the application works beside ours.
    """
    gated, resumes, ran, result = row
    RAN.clear()
    humans = [HumanInTheLoopMiddleware(dict.fromkeys(gated, True))] if gated else []
    app = app_of(foundry, "v2", *humans)
    state = go(app, "both")
    for resume in resumes:
        assert state["__interrupt__"]
        state = go(app, Command(resume=resume))
    messages = state["messages"]
    assert [one for one in [ran] if one is not None] == RAN
    [told] = [one for one in messages if one.type == "tool"]
    assert told.text.startswith(result)
    [asked] = messages[1].response_metadata["approval_requests"]
    [decided] = [one for one in messages[2:] if one.type == "human"]
    assert asked["id"] == decided.content[0]["value"]["request_id"]
    assert "approval_outcomes" not in messages[-1].response_metadata
    assert 2 == len(foundry.seen)


def test_nothing_that_does_not_ask_is_stopped(foundry: Emulator, generation: Any, go: Any) -> None:
    """Nor an answer that was decided before."""
    agent = foundry.create_agent("plain", generation=generation)
    llm = ChatAzureAgent(model=agent.model, **foundry.connection())
    app = create_agent(llm, [], middleware=[ServerToolApprovals()], checkpointer=InMemorySaver())
    assert "__interrupt__" not in go(app, "Hi")
    app = app_of(foundry, generation)
    go(app, "one")
    assert "__interrupt__" not in go(app, Command(resume=APPROVE))


def test_the_question_outlives_the_process(foundry: Emulator, generation: Any, go: Any) -> None:
    """The checkpoint holds it; a new graph with a new model takes the decision."""
    saver = InMemorySaver()
    go(app_of(foundry, generation, saver=saver), "one")
    agent = foundry.agents[-1].model
    llm = ChatAzureAgent(model=agent, **foundry.connection())
    again = create_agent(llm, [add], middleware=[ServerToolApprovals()], checkpointer=saver)
    asked = again.get_state(THREAD).interrupts
    assert ["delete"] == [one.value["action_requests"][0]["name"] for one in asked]
    assert "Deleted." == go(again, Command(resume=APPROVE))["messages"][-1].text


def test_arguments_that_are_no_object_are_shown_as_they_are() -> None:
    """A person has to see what the tool would get."""
    texts = ['{"a": 1}', "[1]", "{cut", ""]
    wanted = [{"a": 1}, {"arguments": "[1]"}, {"arguments": "{cut"}, {"arguments": ""}]
    assert wanted == [_arguments(text) for text in texts]
