"""A call to a classic agent that cannot be sent: refused before anything is claimed or stopped."""

from __future__ import annotations

from typing import Any

import pytest

from azure_agents.client.agent_client import AgentClient
from azure_agents.emulator import Emulator, ToolCalls
from azure_agents.errors import InvalidRequestError
from azure_agents.messages import Media, Message, Text, TurnRequest, assistant, tool, user
from azure_agents.threads.memory import MemoryThreadStore

UNSENDABLE = Message("user", (Text("read it"), Media("file", data=b"x", name="a.pdf")))
PICTURE = Message(
    "tool", (Text("seen"), Media("image", url="https://x/a.png")), tool_call_id="call_1"
)


def reply(turn: Any) -> Any:
    """Calls a tool when asked to look."""
    return ToolCalls(("look", {}, "call_1")) if turn.messages[-1].text == "look" else "well"


class Play:
    """A client, its history and its agent."""

    def __init__(self) -> None:
        self.foundry = Emulator(seed=5)
        agent = self.foundry.create_agent("my-agent", reply, generation="classic")
        place = {"model": agent.model, **self.foundry.connection()}
        place.pop("async_transport")
        self.client = AgentClient(**place, thread_store=MemoryThreadStore())
        self.history: list[Message] = []

    def say(self, *messages: Message, thread_id: str | None = None) -> Any:
        """A turn, which joins the history."""
        history = [*self.history, *messages]
        told = self.client.complete(TurnRequest(tuple(history), thread_id=thread_id))
        said = assistant(told.text, *told.tool_calls, anchor=told.finished.anchor)
        self.history = [*history, said]
        return told

    def refuse(self, *messages: Message, **given: Any) -> None:
        """A turn that is refused, and nothing is sent for it."""
        before = len(self.foundry.requests)
        with pytest.raises(InvalidRequestError, match=r"a\.pdf"):
            self.say(*messages, **given)
        assert before == len(self.foundry.requests)


def test_a_refused_call_stops_no_run() -> None:
    """Twice refused, the run waits for its results still, and takes them."""
    play = Play()
    paused = play.say(user("look"))
    for _ in range(2):
        play.refuse(UNSENDABLE)
    assert paused.finished.run_id == play.say(tool("call_1", "x")).finished.run_id


def test_a_refused_call_costs_no_fork() -> None:
    """The thread goes on behind its last answer, with a pin in between too."""
    play = Play()
    first = play.say(user("hi"))
    play.refuse(UNSENDABLE)
    play.refuse(UNSENDABLE, thread_id=first.finished.thread_id)
    assert first.finished.thread_id == play.say(user("and?")).finished.thread_id


def test_a_result_that_a_run_cannot_take_is_told_and_leaves_no_run() -> None:
    """An image: in a sentence. The later turns of that conversation go on."""
    play = Play()
    paused = play.say(user("look"))
    assert paused.finished.run_id == play.say(PICTURE).finished.run_id
    play.say(user("and?"))
    assert ([], []) == (
        play.foundry.active_runs,
        [r for r in play.foundry.requests if r.path.endswith("/cancel")],
    )


def test_a_run_that_was_passed_over_is_cancelled_once() -> None:
    """However often the history comes back."""
    play = Play()
    play.say(user("look"))
    for _ in range(2):
        asked = [*play.history[:2], user("never mind")]
        play.client.complete(TurnRequest(tuple(asked)))
    assert 1 == len([r for r in play.foundry.requests if r.path.endswith("/cancel")])
