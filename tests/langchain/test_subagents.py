"""`agent_tool`: agents as tools of another agent, with a memory in the outer thread."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from langchain.agents import create_agent
from langchain.agents.middleware import wrap_tool_call
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage
from langchain_core.tools import tool
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.types import Command

from azure_agents import SQLiteThreadStore
from azure_agents.emulator import Emulator, McpApproval, McpCall, Parts, ToolCalls
from langchain_azure_agents import ChatAzureAgent, run_once
from langchain_azure_agents.subagents import agent_tool
from langchain_azure_agents.subagents._tool import _remembered

APPROVE = {"decisions": [{"type": "approve"}]}
REJECT = {"decisions": [{"type": "reject"}]}


def boss(turn: Any) -> Any:
    """Ask those who are named (``clerk: …; files: …``), and tell what they said."""
    last = turn.messages[-1]
    if last.role == "tool":
        results = [m.text for m in turn.messages if m.role == "tool"]
        calls = [m for m in turn.messages if m.tool_calls][-1].tool_calls
        return " | ".join(results[-len(calls) :])
    asked = [part.split(": ") for part in last.text.split("; ")]
    return ToolCalls(*((name, {"question": question}) for name, question in asked))


def files(turn: Any) -> Any:
    """Delete after approval, else tell what was asked so far."""
    last = turn.messages[-1]
    if last.text == "approved":
        path = turn.last_user_text.removeprefix("Delete ")
        return Parts(McpCall("files", "delete", "{}", "gone"), f"Deleted {path}.")
    if last.text == "denied":
        return "Left alone."
    if last.text.startswith("Delete"):
        return McpApproval("files", "delete", f'{{"path": "{last.text[7:]}"}}')
    return ", ".join(m.text for m in turn.messages if m.role == "user")


def _thread(id: str) -> Any:
    return {"configurable": {"thread_id": id}}


class Office:
    """Three agents on an emulator; one asks the two others. `restart` leaves the checkpoints."""

    def __init__(self, foundry: Emulator, generation: Any, *, is_async: bool) -> None:
        names = ("clerk", "files")
        declared: Any = [{"type": "function", "name": one, "parameters": {}} for one in names]
        tools = declared if generation == "v2" else ()
        self.foundry, self.saver, self.is_async = foundry, InMemorySaver(), is_async
        self.models = {
            name: foundry.create_agent(
                name, reply, generation=generation, tools=tools if name == "boss" else ()
            ).model
            for name, reply in (("boss", boss), ("clerk", None), ("files", files))
        }
        self.restart()

    def restart(self, *middleware: Any) -> None:
        """Build everything anew, as another process does."""
        where = self.foundry.connection()
        llms = {name: ChatAzureAgent(model=one, **where) for name, one in self.models.items()}
        tools = [agent_tool(llms[name], name, "Asks.") for name in ("clerk", "files")]
        self.app = create_agent(llms["boss"], tools, middleware=middleware, checkpointer=self.saver)

    def go(self, given: Any, config: Any = "1") -> Any:
        """Run the graph, on a thread or from a checkpoint."""
        given = {"messages": [("user", given)]} if isinstance(given, str) else given
        settled = _thread(config) if isinstance(config, str) else config
        if self.is_async:
            return asyncio.run(self.app.ainvoke(given, settled))
        return self.app.invoke(given, settled)

    def ask(self, text: str, config: Any = "1") -> str:
        """Run the graph; gives its last message."""
        return str(self.go(text, config)["messages"][-1].text)


@pytest.fixture(params=[False, True], ids=["sync", "async"])
def office(request: pytest.FixtureRequest, foundry: Emulator, generation: Any) -> Office:
    """Three agents of a generation."""
    return Office(foundry, generation, is_async=request.param)


def test_each_outer_thread_has_its_own_inner_one(office: Office) -> None:
    """An agent remembers what this outer thread told it, and nothing else."""
    office.ask("clerk: My name is Ada.")
    assert "Your name is Ada." == office.ask("clerk: What is my name?")
    assert "You have not told me your name yet." == office.ask("clerk: What is my name?", "2")
    assert "Your name is Ada. | What now?" == office.ask(
        "clerk: What is my name?; files: What now?"
    )


def test_the_inner_thread_goes_on(office: Office, generation: str) -> None:
    """The server has what was said before: it is not sent again."""
    office.ask("clerk: My name is Ada.")
    office.foundry.requests.clear()
    office.ask("clerk: What is my name?")
    bodies = [request.body for request in office.foundry.requests if request.method == "POST"]
    assert not any("My name is Ada." in str(body) for body in bodies)
    threads = sum(request.path.endswith("/threads") for request in office.foundry.requests)
    assert 0 == threads, generation


def test_an_approval_reaches_the_caller_and_survives_a_restart(office: Office) -> None:
    """The inner agent is not asked anew, so the decision meets the request that was shown."""
    [asked] = office.go("files: Delete /x")["__interrupt__"]
    assert {"path": "/x"} == asked.value["action_requests"][0]["args"]
    office.restart()
    turns = len(office.foundry.seen)
    state = office.go(Command(resume=APPROVE))
    assert ("Deleted /x.", 2) == (state["messages"][-1].text, len(office.foundry.seen) - turns)
    office.restart()
    assert office.ask("files: And?").startswith("Delete /x, ")


def test_two_that_ask_at_once_are_decided_by_their_ids(office: Office) -> None:
    """Each interrupt has its own; what is denied does not run."""
    asked = office.go("files: Delete /x; files: Delete /y")["__interrupt__"]
    paths = {one.value["action_requests"][0]["args"]["path"]: one.id for one in asked}
    decisions = {paths["/x"]: REJECT, paths["/y"]: APPROVE}
    state = office.go(Command(resume=decisions))
    assert "Left alone. | Deleted /y." == state["messages"][-1].text


def test_going_back_takes_the_inner_agent_back(office: Office) -> None:
    """It forgets what the branch did not say, and the other branch is left as it was."""
    office.ask("files: one")
    office.ask("files: two")
    history = list(office.app.get_state_history(_thread("1")))
    early = next(one for one in history if not one.next and len(one.values["messages"]) == 4)
    assert "one, three" == office.ask("files: three", early.config)
    late = next(one for one in history if not one.next and len(one.values["messages"]) == 8)
    assert "one, two, four" == office.ask("files: four", late.config)


def test_without_artifacts_the_texts_are_remembered(
    foundry: Emulator, generation: Any, tmp_path: Any
) -> None:
    """`run_once` keeps the text of a result only."""
    office = Office(foundry, generation, is_async=False)
    store = SQLiteThreadStore(str(tmp_path / "store.sqlite"))
    office.restart(wrap_tool_call(run_once(store)))
    office.ask("clerk: My name is Ada.")
    assert "Your name is Ada." == office.ask("clerk: What is my name?")


def test_what_is_remembered() -> None:
    """Exchanges with this tool that went well, by artifact or by text."""

    def call(id: str, name: str) -> Any:
        return {"id": id, "name": name, "args": {"question": f"Q{id}"}}

    messages = [
        HumanMessage("Go"),
        AIMessage("", tool_calls=[call("1", "clerk"), call("2", "files"), call("3", "clerk")]),
        ToolMessage("A1", name="clerk", tool_call_id="1"),
        ToolMessage("A2", name="files", tool_call_id="2"),
        ToolMessage("no", name="clerk", tool_call_id="3", status="error"),
    ]
    found = [(one.type, one.text) for one in _remembered(messages, "clerk")]
    assert [("human", "Q1"), ("ai", "A1")] == found


def test_an_inner_agent_may_call_functions(foundry: Emulator, generation: Any) -> None:
    """Its calls and their results are part of its memory."""

    @tool
    def add(a: int, b: int) -> int:
        """Add."""
        return a + b

    declared: Any = [{"type": "function", "name": "add", "parameters": {}}]
    tools = declared if generation == "v2" else ()
    script = [ToolCalls(("add", {"a": 1, "b": 2})), "It is 3.", "As I said, 3."]
    inner = foundry.create_agent("maths", script, generation=generation, tools=tools)
    asking: Any = [{"type": "function", "name": "maths", "parameters": {}}]
    outer = foundry.create_agent(
        "boss", boss, generation=generation, tools=asking if generation == "v2" else ()
    )
    where = foundry.connection()
    maths = agent_tool(ChatAzureAgent(model=inner.model, **where), "maths", "Adds.", tools=[add])
    llm = ChatAzureAgent(model=outer.model, **where)
    app = create_agent(llm, [maths], checkpointer=InMemorySaver())
    answers = [
        app.invoke({"messages": [("user", text)]}, _thread("1"))["messages"][-1].text
        for text in ("maths: What is 1 + 2?", "maths: Sure?")
    ]
    assert ["It is 3.", "As I said, 3."] == answers
    seen = next(turn for turn in reversed(foundry.seen) if turn.last_user_text == "Sure?")
    assert 5 == len(seen.messages)
