"""Paused runs on each store: one of all who know a pause answers it, once, over restarts too."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import TYPE_CHECKING, Any

import pytest

from azure_agents.client.agent_client import AgentClient
from azure_agents.emulator import Emulator, Fault, ToolCalls
from azure_agents.errors import RateLimitError
from azure_agents.fold import Completion
from azure_agents.messages import Message, TurnRequest, assistant, tool, user

if TYPE_CHECKING:
    from .conftest import Backend

ASKED = user("how is it?")


def reply(turn: Any) -> Any:
    """Says what its tool returned."""
    last = turn.messages[-1].text.removeprefix("[tool result call_1: ").removesuffix("]")
    return ToolCalls(("weather", {}, "call_1")) if last == ASKED.text else f"it is {last}"


class Play:
    """A run that waits, known to a store."""

    def __init__(self, store: Any) -> None:
        self.foundry = Emulator(seed=5)
        self.agent = self.foundry.create_agent("my-agent", reply, generation="classic")
        self.paused = self.ask(store, ASKED)
        self.asked = assistant("", *self.paused.tool_calls, anchor=self.paused.finished.anchor)

    def ask(self, store: Any, *messages: Message) -> Completion:
        """One call by a new client."""
        place = {"model": self.agent.model, "thread_store": store, **self.foundry.connection()}
        for name in ("async_transport", "clock"):  # waits are real: threads race here
            place.pop(name)
        return AgentClient(**place).complete(TurnRequest(messages))

    def answer(self, store: Any, result: str) -> Completion:
        """The result of the call, from a client on this store."""
        return self.ask(store, ASKED, self.asked, tool("call_1", result))


def test_one_of_many_answers_a_pause(backend: Backend) -> None:
    """Eight at once with other results: each gets the answer to its own, one on the run."""
    store = backend.open()
    play = Play(store)
    barrier = Barrier(8)

    def one(number: int) -> Completion:
        barrier.wait()
        return play.answer(store, f"{number} degrees")

    with ThreadPoolExecutor(8) as pool:
        told = list(pool.map(one, range(8)))
    assert [f"it is {number} degrees" for number in range(8)] == [each.text for each in told]
    runs = [each.finished.run_id for each in told]
    assert (8, 1) == (len(set(runs)), runs.count(play.paused.finished.run_id))
    assert [] == play.foundry.active_runs


class Meeting:
    """A store whose readers go on only when both have read.

    Args:
        store: Where the values are.
    """

    def __init__(self, store: Any) -> None:
        self._store = store
        self._both_have_read = Barrier(2, timeout=10)

    def get(self, key: str) -> str | None:
        value: str | None = self._store.get(key)
        self._both_have_read.wait()
        return value

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)


@pytest.mark.slow
def test_of_two_who_found_a_pause_open_one_answers_it(backend: Backend) -> None:
    """Both read that the run waits before either takes the pause; the loser submits nothing.

    A run that has gone on went on with what its taker sent: two senders could not tell whose.
    """
    play = Play(store := backend.open())
    meeting = Meeting(store)
    with ThreadPoolExecutor(2) as pool:
        told = list(pool.map(lambda result: play.answer(meeting, result), ("cold", "warm")))
    assert ["it is cold", "it is warm"] == [each.text for each in told]
    runs = [each.finished.run_id for each in told]
    assert (2, 1) == (len(set(runs)), runs.count(play.paused.finished.run_id))
    paths = [request.path for request in play.foundry.requests]
    assert 1 == sum(path.endswith("/submit_tool_outputs") for path in paths)


@pytest.mark.parametrize("kind", ["status_before", "reset_before", "lost"])
def test_results_given_anew_after_a_restart_fork(lasting: Backend, kind: Any) -> None:
    """The store outlives the process: the old answer is followed by nobody."""
    play = Play(lasting.open())
    first = play.answer(lasting.open(), "cold")
    for result in ("warm", "cold"):
        play.foundry.faults.add(Fault(kind, path="/submit_tool_outputs$"))
        again = play.answer(lasting.open(), result)
        assert f"it is {result}" == again.text
        assert first.finished.run_id != again.finished.run_id


@pytest.mark.slow
def test_what_was_refused_may_be_given_again_by_anybody(lasting: Backend) -> None:
    """A limit for all tries: the pause is entered again, and another process answers it."""
    play = Play(lasting.open())
    play.foundry.faults.add(Fault("status_before", status=429, path="/submit_tool", times=3))
    with pytest.raises(RateLimitError):
        play.answer(lasting.open(), "cold")
    told = play.answer(lasting.open(), "warm")
    assert play.paused.finished.run_id == told.finished.run_id
