"""What is tidied up is tidied up: in the two seconds that are left for it, and else it is named.

Two faults: the request that starts a run outlives the turn's time, and whoever tidies up afterwards
meets another one.
"""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from azure_agents.emulator import Fault, Parts, Pause, ToolCalls
from azure_agents.errors import AzureAgentsError
from azure_agents.messages import Message, TurnRequest, assistant, tool, user
from azure_agents.threads.memory import MemoryThreadStore

from .conversation import Conversation, Shape

WAYS = ((False, True), (False, False), (True, True), (True, False))
SECOND: dict[str, dict[str, Any]] = {
    "502 on a look": {"kind": "status_before", "status": 502, "method": "GET"},
    "two of them": {"kind": "status_before", "status": 502, "method": "GET", "times": 2},
    "reset of a look": {"kind": "reset_before", "method": "GET"},
    "429 on a look": {"kind": "status_before", "status": 429, "method": "GET"},
    "503 on the cancel": {"kind": "status_before", "status": 503, "path": "/cancel$"},
    "reset of the cancel": {"kind": "reset_before", "path": "/cancel$"},
    "lost cancel": {"kind": "lost", "path": "/cancel$"},
}
RUN = r"/runs$|/submit_tool_outputs$"


def reply(turn: Any) -> Any:
    """Calls a tool when asked to look, and takes its time for the turn."""
    said = turn.messages[-1].text
    if said == "look":
        return ToolCalls(("look", {}, "call_1"))
    return "hello" if said == "hello" else [Parts(Pause(500.0), "one")]


class Play:
    """A turn that is about to hang."""

    def __init__(self, way: tuple[bool, bool], turn: str) -> None:
        self._play = Conversation(Shape("classic", is_async=way[0], is_streamed=way[1]))
        self.foundry = self._play.foundry
        self._play.agent.script(reply)
        self._play.sync, self._play.aio = self._play.connect(MemoryThreadStore(), deadline=4.0)
        self.history: list[Message] = []
        self.run: str | None = None
        if turn != "first":
            self.say(user("look") if turn == "results" else user("hello"))
        self.history += [tool("call_1", "x")] if turn == "results" else [user("and?")]

    def ask(self) -> Any:
        """One call."""
        return asyncio.run(self._play.send(TurnRequest(tuple(self.history))))

    def say(self, message: Message) -> None:
        """A turn before."""
        self.history.append(message)
        told = self.ask()
        self.history.append(assistant(told.text, *told.tool_calls, anchor=told.finished.anchor))

    def hang(self, **second: Any) -> AzureAgentsError:
        """The turn, whose time is over before its run tells anything."""
        self.foundry.faults.add(Fault("timeout_after", method="POST", path=RUN))
        self.foundry.faults.add(Fault(**second))
        began = self.foundry.clock.time()
        with pytest.raises(AzureAgentsError) as caught:
            self.ask()
        assert self.foundry.clock.time() - began <= 4.0 + 2.0
        return caught.value

    def active(self) -> list[str]:
        """The runs that go on."""
        world = self.foundry._world
        return [run.id for run in world.active_runs.values() if run.status != "cancelling"]


@pytest.mark.parametrize("way", WAYS, ids=str)
@pytest.mark.parametrize("turn", ["first", "next", "results"])
def test_a_run_that_outlives_its_turn_is_stopped_although_a_look_fails(
    way: tuple[bool, bool], turn: str
) -> None:
    """It is looked for and cancelled again, with short pauses."""
    for name, second in SECOND.items():
        play = Play(way, turn)
        play.hang(**second)
        assert [] == play.active(), name


@pytest.mark.parametrize("way", WAYS, ids=str)
@pytest.mark.parametrize("turn", ["next", "results"])
def test_a_run_that_cannot_be_stopped_stands_on_the_error(
    way: tuple[bool, bool], turn: str
) -> None:
    """Thread and run, as far as anybody could find them."""
    play = Play(way, turn)
    error = play.hang(kind="status_before", status=503, path="/cancel$", times=None)
    (run,) = play.active()
    assert run == error.run_id
    assert run in play.foundry._world.threads[error.thread_id or ""].runs
    assert "may go on" in str(error)


def hang_in_background(way: tuple[bool, bool], **second: Any) -> tuple[AzureAgentsError, Any]:
    """The same on v2, where only such a response goes on by itself: the error, and the response."""
    play = Conversation(Shape("v2", is_async=way[0], is_streamed=way[1], is_background=True))
    play.agent.script([Parts(Pause(500.0), "one")])
    play.sync, play.aio = play.connect(MemoryThreadStore(), deadline=4.0)
    play.foundry.faults.add(Fault("timeout_after", method="POST", path="/responses$"))
    play.foundry.faults.add(Fault(**second))
    with pytest.raises(AzureAgentsError) as caught:
        asyncio.run(play.ask([user("hello")]))
    (response,) = play.foundry._world.responses.values()
    return caught.value, response


@pytest.mark.parametrize("way", WAYS, ids=str)
def test_a_background_response_that_outlives_its_turn_is_stopped(way: tuple[bool, bool]) -> None:
    """It is looked for and cancelled again, with short pauses."""
    for name, second in SECOND.items():
        _, response = hang_in_background(way, **second)
        assert "cancelled" == response.status, name


@pytest.mark.parametrize("way", WAYS, ids=str)
def test_a_background_response_that_cannot_be_stopped_stands_on_the_error(
    way: tuple[bool, bool],
) -> None:
    """As far as anybody could find it."""
    error, _ = hang_in_background(
        way, kind="status_before", status=503, path="/cancel$", times=None
    )
    assert "may go on" in str(error)
