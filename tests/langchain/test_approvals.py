"""Server-side tools ask before they run, and users before they sign in: surfaced, and answered."""

from __future__ import annotations

import asyncio
import functools
import operator
from typing import Any

import pytest
from langchain.agents import create_agent
from langchain.agents.middleware import after_model
from langchain_core.messages import AIMessage, HumanMessage
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.types import Command, interrupt

from azure_agents.emulator import Consent, Emulator, McpApproval, McpCall, Parts, SeenTurn, Text
from azure_agents.errors import InvalidRequestError
from langchain_azure_agents import ChatAzureAgent, approve, decide, reject

ASKED = HumanMessage("delete it")
PATH = '{"path":"/tmp/x"}'


def files(turn: SeenTurn) -> Any:
    """Ask, and do what was decided."""
    last = turn.messages[-1]
    if last.role == "user" and last.text == "delete it":
        return McpApproval("files", "delete", PATH)
    if last.text == "approved":
        return Parts(McpCall("files", "delete", PATH, "gone"), Text("Deleted."))
    return f"Left alone: {last.text}"


def _stream(llm: Any, messages: Any) -> Any:
    return functools.reduce(operator.add, llm.stream(messages))


WAYS = {
    "invoke": lambda llm, x: llm.invoke(x),
    "ainvoke": lambda llm, x: asyncio.run(llm.ainvoke(x)),
    "stream": _stream,
}


@pytest.fixture(params=WAYS)
def ask(request: pytest.FixtureRequest) -> Any:
    """One way to call a model."""
    return WAYS[request.param]


@pytest.mark.parametrize("version", [None, "v1"])
def test_a_request_is_a_block_and_metadata(connect: Any, ask: Any, version: Any) -> None:
    """It is no tool call, since no tool node could run it."""
    answer = ask(connect(files, output_version=version), [ASKED])
    [asked] = answer.response_metadata["approval_requests"]
    assert {**asked, "id": "-"} == {
        "id": "-",
        "name": "delete",
        "arguments": PATH,
        "server_label": "files",
    }
    blocks = [b["value"] for b in answer.content_blocks if b["type"] == "non_standard"]
    assert blocks == [{"type": "approval_request", **asked}]
    assert ([], "") == (answer.tool_calls, answer.text)


@pytest.mark.parametrize("version", [None, "v1"])
def test_an_approved_tool_runs(connect: Any, foundry: Emulator, ask: Any, version: Any) -> None:
    """The reply is one request, the call and its result are blocks of the answer."""
    llm = connect(files, output_version=version)
    request = ask(llm, [ASKED])
    [asked] = request.response_metadata["approval_requests"]
    before = len(foundry.requests)
    answer = ask(llm, [ASKED, request, approve(asked["id"])])
    assert "Deleted." == answer.text
    assert [
        "server_tool_call",
        "server_tool_result",
        "text",
    ] == [b["type"] for b in answer.content_blocks]
    assert len(foundry.requests) == before + 1


def test_a_rejected_tool_does_not_run(connect: Any, foundry: Emulator, generation: str) -> None:
    """A reason reaches a v2 agent; a classic run knows none."""
    llm = connect(files)
    request = llm.invoke([ASKED])
    [asked] = request.response_metadata["approval_requests"]
    answer = llm.invoke([ASKED, request, reject(asked["id"], reason="not today")])
    assert "Left alone: denied" == answer.text
    [item] = foundry.requests[-1].body.get("input", [{}])
    assert item.get("reason") == {"v2": "not today", "classic": None}[generation]


def test_a_request_that_nobody_answers(
    connect: Any, foundry: Emulator, ask: Any, generation: str
) -> None:
    """Something else can be asked; the tool has not run, and a new classic thread is told so."""
    llm = connect(files)
    request = ask(llm, [ASKED])
    answer = ask(llm, [ASKED, request, HumanMessage("never mind")])
    assert "Left alone: never mind" == answer.text
    first, *told, last = [m.text for m in foundry.seen[-1].messages]
    assert ("delete it", "never mind") == (first, last)
    assert len(told) == {"v2": 0, "classic": 1}[generation]
    assert all('"decision":"none","outcome":"not run"' in record for record in told)


def replies(message: HumanMessage) -> Any:
    """The decisions of a reply."""
    blocks: Any = message.content
    return {b["value"]["request_id"]: b["value"]["approve"] for b in blocks}


TWO = AIMessage("", response_metadata={"approval_requests": [{"id": "a"}, {"id": "b"}]})
DECISIONS = [
    (True, {"a": True, "b": True}),
    (False, {"a": False, "b": False}),
    ("True", {"a": False, "b": False}),
    (1, {"a": False, "b": False}),
    ({"b": True}, {"a": False, "b": True}),
    ({"a": "yes", "b": 1}, {"a": False, "b": False}),
    ({"decision": True}, {"a": False, "b": False}),
    ({}, {"a": False, "b": False}),
]


@pytest.mark.parametrize(("decision", "expected"), DECISIONS)
def test_only_true_approves(decision: Any, expected: Any) -> None:
    """For all requests of a message or for one of them; the rest is denied."""
    assert replies(decide(TWO, decision)) == expected


def test_a_message_that_asks_for_nothing() -> None:
    """There is nothing to decide."""
    with pytest.raises(InvalidRequestError, match="asks for no approval"):
        decide(AIMessage("hi"), True)


def test_replies_for_several_requests() -> None:
    """The helpers take any number of ids."""
    assert {"a": True, "b": True} == replies(approve("a", "b"))
    assert {"a": False, "b": False} == replies(reject("a", "b"))


@after_model(can_jump_to=["model"])
def ask_a_human(state: Any, runtime: Any) -> Any:
    """Stop the graph where an agent asks."""
    last = state["messages"][-1]
    if requests := last.response_metadata.get("approval_requests"):
        return {"messages": [decide(last, interrupt(requests))], "jump_to": "model"}
    return None


@pytest.mark.parametrize(("said", "outcome"), [(True, "Deleted."), ("yes", "Left alone: denied")])
@pytest.mark.parametrize("way", ["invoke", "ainvoke", "stream"])
def test_an_interrupted_graph(connect: Any, way: str, said: Any, outcome: str) -> None:
    """A graph waits for a human, and another model object goes on with its checkpoint."""
    saver = InMemorySaver()
    config: Any = {"configurable": {"thread_id": "1"}}
    llm = connect(files)
    apps = [
        create_agent(model, [], middleware=[ask_a_human], checkpointer=saver)
        for model in (llm, llm.model_copy(deep=True))
    ]
    for app, given in zip(apps, ({"messages": [ASKED]}, Command(resume=said)), strict=True):
        if way == "ainvoke":
            asyncio.run(app.ainvoke(given, config))
        elif way == "invoke":
            app.invoke(given, config)
        else:
            list(app.stream(given, config, stream_mode="messages"))
    assert app.get_state(config).values["messages"][-1].text == outcome


@pytest.mark.parametrize("version", [None, "v1"])
def test_a_link_to_sign_in(foundry: Emulator, ask: Any, version: Any) -> None:
    """Consent is metadata and a block; after signing in the question is asked again."""
    agent = foundry.create_agent("mail", [Consent("https://login.example/c", "mail"), "One mail."])
    llm = ChatAzureAgent(model=agent.model, output_version=version, **foundry.connection())
    history: list[Any] = [HumanMessage("read my mail")]
    history.append(ask(llm, history))
    [asked] = history[-1].response_metadata["consent_requests"]
    assert ("https://login.example/c", "mail") == (asked["link"], asked["server_label"])
    blocks = [b["value"] for b in history[-1].content_blocks if b["type"] == "non_standard"]
    assert blocks == [{"type": "consent_request", **asked}]
    history.append(HumanMessage("again, please"))
    assert "One mail." == ask(llm, history).text
