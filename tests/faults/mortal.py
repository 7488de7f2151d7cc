"""A process as tests see it: a client whose steps are known, and who may die at one of them."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import aclosing, closing
from itertools import count
from threading import current_thread
from typing import Any

from azure_agents.drivers.clients import CLEAN_UP
from azure_agents.emulator import Emulator
from azure_agents.errors import (
    AzureAgentsError,
    BadRequestError,
    InvalidRequestError,
    NotSentError,
    PoisonedThreadError,
    ThreadBusyError,
    ToolOutcomeUnknownError,
    TurnError,
)
from azure_agents.fold import Completion, Fold
from azure_agents.frameworks.tool_results import ToolResults
from azure_agents.messages import ToolCall, TurnRequest
from azure_agents.threads.memory import MemoryThreadStore
from tests.promise.oracle import Fact
from tests.stores.watched import Watched

from .conversation import Conversation, Shape


class Died(BaseException):
    """The process is gone; nothing in it may catch this."""


class Process:
    """A process with a client, and with the results of its tools.

    Args:
        connect: Makes its clients, see `Conversation.connect`.
        store: Its thread store.
        results: The store of its tools' results.
        number: Which one it is, for the names of its operations.
    """

    def __init__(
        self, connect: Callable[..., tuple[Any, Any]], store: Any, results: Any, number: int
    ) -> None:
        self.number = number
        self._made_with = connect, store, results
        self._is_dead = False
        self._steps = 0
        self._plans: dict[int, Callable[[], None]] = {}
        keys = (f"{number}-{turn}" for turn in count())
        seams = {"observer": self, "operation_keys": keys.__next__}
        self.sync, self.aio = connect(Watched(store, self.step), **seams)
        self.results = ToolResults(Watched(results, self.step))

    def successor(self, later: int = 1) -> Process:
        """Another process with the same stores; its number is so much higher."""
        return Process(*self._made_with, self.number + later)

    def plan(self, plans: dict[int, Callable[[], None]]) -> None:
        """What is to happen at which step, counted from now."""
        self._steps, self._plans = 0, plans

    def step(self, _: str = "") -> None:
        """Take a step."""
        if self._is_dead:
            # A stream that was lost with the process is tidied up in a thread: nothing is sent.
            raise NotSentError("dead") if current_thread().name == CLEAN_UP else Died
        self._steps += 1
        happens = self._plans.pop(self._steps, None)
        if happens is not None:
            happens()

    def record(self, _: object) -> None:
        """Watch requests, as an observer."""
        self.step()

    def die(self) -> None:
        """Whatever this process still tries to do has no effect."""
        self._is_dead = True
        raise Died


class Mortal(Conversation):
    """A conversation whose process may die, and be followed by another one with the same store."""

    def __init__(self, shape: Shape, foundry: Emulator | None = None) -> None:
        super().__init__(shape, foundry)
        self.kept = MemoryThreadStore()  # of tool results; it outlives every process
        self.store = MemoryThreadStore()
        self.stuck: AzureAgentsError | None = None  # why the last attempt failed
        self.process = Process(self.connect, self.store, self.kept, 0)

    def get_unstuck(self) -> None:
        """What the documentation says to do about a pinned thread that takes no turn."""
        stuck = self.stuck
        if isinstance(stuck, ThreadBusyError) and stuck.run_id:
            self.process.sync.cancel(thread_id=stuck.thread_id, run_id=stuck.run_id)
        if isinstance(stuck, PoisonedThreadError) and self.pin:
            self.pin = self.process.sync.fork_thread(self.pin)
        self.stuck = None

    def run_tool(self, call: ToolCall) -> str:
        """As before; the process may die just before and just after the effect."""

        def run() -> str:
            self.process.step()
            self.effects[call.id] += 1
            self.process.step()
            return f"result of {call.arguments}"

        try:
            return self.process.results.once(call, run)
        except ToolOutcomeUnknownError as error:
            return str(error)

    async def send(self, request: TurnRequest) -> Completion:
        """The call itself; each event is a step."""
        process, is_async = self.process, self.shape.is_async
        if not self.shape.is_streamed:
            answer = (process.aio if is_async else process.sync).complete(request)
            return (await answer) if is_async else answer
        folding = Fold()
        if is_async:
            async with aclosing(process.aio.stream(request)) as events:
                async for event in events:
                    folding.add(event)
                    process.step()
        else:
            with closing(process.sync.stream(request)) as events:
                for event in events:
                    folding.add(event)
                    process.step()
        return folding.result()

    def begin_anew(self, *, is_store_lost: bool = False) -> None:
        if is_store_lost:
            self.store = MemoryThreadStore()
        number = self.process.number + 1
        self.process = Process(self.connect, self.store, self.kept, number)

    def faults_met(self) -> int:
        return sum(bool(request.fault) for request in self.foundry.requests)


def takes_no_results(error: AzureAgentsError) -> bool:
    """Whether the run that waited for them is over, so that they cannot be handed in any more."""
    if isinstance(error, TurnError):
        return error.run_id is not None
    wrong = BadRequestError, InvalidRequestError
    return isinstance(error, wrong) and not isinstance(error, PoisonedThreadError)


def is_within(said: list[Fact], facts: list[Fact]) -> bool:
    """Whether all of it is there, in this order."""
    rest = iter(facts)
    return all(fact in rest for fact in said)
