"""The recipe of docs/langchain.md: three agents that hand over to each other in one graph."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path
from typing import Any

import pytest
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.types import Command

from azure_agents.emulator import Emulator, McpApproval, McpCall, Parts, ToolCalls
from langchain_azure_agents import ChatAzureAgent

PAGE = Path(__file__).parents[2] / "docs" / "langchain.md"
NAMES = ("desk", "clerk", "files")


def recipe() -> Any:
    """The function `team_of` as the page has it."""
    blocks = re.findall(r"^```python\n(.*?)^```", PAGE.read_text(), re.DOTALL | re.MULTILINE)
    [code] = [block for block in blocks if "def team_of" in block]
    namespace: dict[str, Any] = {"__name__": "page"}
    exec(code, namespace)  # noqa: S102 - our own page
    return namespace["team_of"]


def desk(turn: Any) -> Any:
    """Hand over by what is asked."""
    if turn.last_user_text == "both":
        return ToolCalls(("to_clerk", {}), ("to_files", {}))
    wanted = "files" if turn.last_user_text.startswith("Delete") else "clerk"
    return ToolCalls((f"to_{wanted}", {}))


def clerk(turn: Any) -> Any:
    """Tell what users said so far."""
    return ", ".join(m.text for m in turn.messages if m.role == "user")


def files(turn: Any) -> Any:
    """Delete after approval."""
    last = turn.messages[-1].text
    if last == "approved":
        return Parts(McpCall("files", "delete", "{}", "gone"), "Deleted.")
    return "Left alone." if last == "denied" else McpApproval("files", "delete", "{}")


class Team:
    """Three agents on an emulator, and the graph of the page."""

    def __init__(self, foundry: Emulator, generation: Any, *, is_async: bool) -> None:
        self.foundry, self.saver, self.is_async = foundry, InMemorySaver(), is_async
        replies = {"desk": desk, "clerk": clerk, "files": files}
        self.models = {}
        for name in NAMES:
            others: Any = [
                {"type": "function", "name": f"to_{other}", "parameters": {}}
                for other in NAMES
                if other != name
            ]
            tools = others if generation == "v2" else ()
            made = foundry.create_agent(name, replies[name], generation=generation, tools=tools)
            self.models[name] = made.model
        self.restart()

    def restart(self) -> None:
        """Build the graph and its models anew; the checkpoints stay."""
        where = self.foundry.connection()
        llms = {name: ChatAzureAgent(model=one, **where) for name, one in self.models.items()}
        self.app = recipe()(llms, self.saver)

    def go(self, given: Any, config: Any = None) -> Any:
        """Run the graph, on its thread or from a checkpoint."""
        given = {"messages": [("user", given)]} if isinstance(given, str) else given
        config = config or {"configurable": {"thread_id": "1"}}
        if self.is_async:
            return asyncio.run(self.app.ainvoke(given, config))
        return self.app.invoke(given, config)


@pytest.fixture(params=[False, True], ids=["sync", "async"])
def team(request: pytest.FixtureRequest, foundry: Emulator, generation: Any) -> Team:
    """Three agents of a generation."""
    return Team(foundry, generation, is_async=request.param)


def test_a_handoff_takes_the_whole_conversation_along(team: Team) -> None:
    """The next agent sees all that was said, by whomever."""
    team.go("one")
    messages = team.go("two")["messages"]
    assert "one, two" == messages[-1].text
    kinds = ["human", "ai", "tool", "ai"]
    assert kinds * 2 == [one.type for one in messages]


def test_of_two_handoffs_at_once_one_is_carried_out(team: Team) -> None:
    """The call of the other is left unanswered, and the conversation goes on all the same."""
    state = team.go("both")
    if asked := state.get("__interrupt__"):
        decisions = {"decisions": [{"type": "approve"}] * len(asked)}
        state = team.go(Command(resume=decisions))
    assert 1 == sum(one.type == "tool" for one in state["messages"])
    assert team.go("next")["messages"][-1].text.endswith("next")


@pytest.mark.parametrize(("word", "text"), [("approve", "Deleted."), ("reject", "Left alone.")])
def test_an_approval_after_a_restart(team: Team, word: str, text: str) -> None:
    """The checkpoint holds the question; nobody is asked anew."""
    [asked] = team.go("Delete it")["__interrupt__"]
    assert "delete" == asked.value["action_requests"][0]["name"]
    team.restart()
    turns = len(team.foundry.seen)
    messages = team.go(Command(resume={"decisions": [{"type": word}]}))["messages"]
    assert (text, 1) == (messages[-1].text, len(team.foundry.seen) - turns)


def test_going_back(team: Team) -> None:
    """Agents see the branch they are on, and the other branch stays as it was."""
    team.go("one")
    team.go("two")
    history = list(team.app.get_state_history({"configurable": {"thread_id": "1"}}))
    early, late = (
        next(one for one in history if not one.next and len(one.values["messages"]) == length)
        for length in (4, 8)
    )
    assert "one, three" == team.go("three", early.config)["messages"][-1].text
    team.restart()
    assert "one, two, four" == team.go("four", late.config)["messages"][-1].text
