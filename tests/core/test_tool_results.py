"""No tool runs twice for one call, as far as anybody can know."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import pytest

from azure_agents.errors import InvalidRequestError, StoreUnavailableError, ToolOutcomeUnknownError
from azure_agents.frameworks.tool_results import ToolResults, to_the_end
from azure_agents.messages import ToolCall
from azure_agents.threads.memory import MemoryThreadStore
from azure_agents.threads.store import LONGEST

CALL = ToolCall("call_1", "pay", '{"amount": 3, "to": "A"}')


class Till:
    """A tool that counts its runs."""

    def __init__(self, result: str = "paid") -> None:
        self.runs = 0
        self.result = result

    def __call__(self) -> str:
        """Run once more."""
        self.runs += 1
        return self.result


@pytest.mark.parametrize("result", ["paid", "", "begun:", "ended:x", "🙂"])
def test_the_result_of_a_call_is_kept(result: str) -> None:
    """Whatever it is: an empty one is a result as well."""
    till, results = Till(result), ToolResults(MemoryThreadStore())
    assert [result] * 2 == [results.once(CALL, till) for _ in range(2)]
    assert 1 == till.runs


def test_a_result_that_cannot_be_written_is_not_run_again() -> None:
    """Half of a surrogate pair has no bytes, and a long text no room; the tool ran all the same."""
    for result in ("\ud800", "x" * LONGEST):
        till, results = Till(result), ToolResults(MemoryThreadStore())
        assert result == results.once(CALL, till)
        with pytest.raises(ToolOutcomeUnknownError):
            results.once(CALL, till)
        assert 1 == till.runs


@pytest.mark.parametrize(
    ("scope", "call"),
    [
        ("two", CALL),
        ("one", ToolCall("call_2", CALL.name, CALL.arguments)),
        ("one", ToolCall(CALL.id, "charge", CALL.arguments)),
        ("one", ToolCall(CALL.id, CALL.name, '{"amount": 4, "to": "A"}')),
        ("one", ToolCall(CALL.id, CALL.name, "no JSON")),
    ],
)
def test_another_call_runs_by_itself(scope: str, call: ToolCall) -> None:
    """Of another application, with another id, of another tool, with other arguments."""
    till, store = Till(), MemoryThreadStore()
    ToolResults(store, "one").once(CALL, till)
    ToolResults(store, scope).once(call, till)
    assert 2 == till.runs


def test_the_same_arguments_in_another_order_are_the_same_call() -> None:
    """Frameworks parse and write them anew."""
    till, results = Till(), ToolResults(MemoryThreadStore())
    results.once(CALL, till)
    results.once(ToolCall(CALL.id, CALL.name, '{"to":"A","amount":3}'), till)
    assert 1 == till.runs


def test_a_call_that_was_begun_is_not_begun_again() -> None:
    """Not until somebody who knows better says so."""
    till, results = Till(), ToolResults(MemoryThreadStore())
    assert results.begin(CALL) is None
    with pytest.raises(ToolOutcomeUnknownError, match=r"'pay'.*'call_1'"):
        results.once(CALL, till)
    assert 0 == till.runs
    results.forget(CALL)
    assert "paid" == results.once(CALL, till)


def test_what_was_kept_is_not_forgotten() -> None:
    """A tool that ended has ended."""
    till, results = Till(), ToolResults(MemoryThreadStore())
    results.once(CALL, till)
    results.forget(CALL)
    results.once(CALL, till)
    assert 1 == till.runs


def test_a_tool_that_raises_may_run_again() -> None:
    """Its caller saw the error."""
    till, results = Till(), ToolResults(MemoryThreadStore())

    def fail() -> str:
        raise ValueError("no money")

    with pytest.raises(ValueError, match="no money"):
        results.once(CALL, fail)
    assert "paid" == results.once(CALL, till)


def test_without_a_store_no_tool_runs() -> None:
    """A beginning that is not remembered could be a second one."""

    class Forgetful(MemoryThreadStore):
        def get(self, key: str) -> Any:
            return None

    till = Till()
    with pytest.raises(StoreUnavailableError, match="'pay'"):
        ToolResults(Forgetful()).once(CALL, till)
    assert 0 == till.runs


def test_a_call_without_an_id_is_refused() -> None:
    """It could be any."""
    with pytest.raises(InvalidRequestError, match="'pay'"):
        ToolResults(MemoryThreadStore()).once(ToolCall("", "pay", "{}"), Till())


def test_a_caller_that_is_cancelled_waits_for_the_store() -> None:
    """The tool ran: its result is kept, even when the loop is closing."""
    results, begun, go_on = ToolResults(MemoryThreadStore()), threading.Event(), threading.Event()

    def keep() -> None:
        begun.set()
        assert go_on.wait(10)
        results.keep(CALL, "paid")

    async def leave() -> None:
        task = asyncio.create_task(to_the_end(keep))
        await asyncio.to_thread(begun.wait, 10)
        task.cancel()
        await asyncio.sleep(0)
        assert not task.done()
        go_on.set()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert "paid" == results.begin(CALL)

    asyncio.run(leave())
