"""The fault matrix: every fault at every request of every kind of conversation, one at a time.

A scenario of three turns (a question, a question whose answer needs tools, their results, and one
more question) is played once without faults to learn its requests. Then it is played again for
every request and every fault. The oracle is what the emulator knows: what it stored, what its
agents saw, what still runs. A turn ends well, with the whole right answer, or with a typed error -
and the conversation goes on rightly either way.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from typing import Any

from azure_agents.auth import make_auth
from azure_agents.client import Agents, AsyncAgents
from azure_agents.config import Timeouts, resolve_settings
from azure_agents.emulator import Emulator, Fault, Text, ToolCalls
from azure_agents.errors import (
    AzureAgentsError,
    RunFailedError,
    StreamInterruptedError,
    TurnUnknownError,
)
from azure_agents.fold import Completion, fold
from azure_agents.messages import Message, TurnRequest, assistant, tool, user
from azure_agents.threads.memory import MemoryThreadStore
from tests.promise.world import expected_facts, seen_facts

CALLS = ToolCalls(("look_up", {"n": 1}, "call_1"), ("look_up", {"n": 2}, "call_2"))
ANSWERS = {"first": "one", "second": CALLS, "results": "two and two", "third": "three, at last"}
FUNCTION = {"name": "look_up", "parameters": {}}
TOOLS = {
    "v2": [{"type": "function", **FUNCTION}],
    "classic": [{"type": "function", "function": FUNCTION}],
}


@dataclass(frozen=True)
class Shape:
    """One kind of conversation."""

    generation: str
    threads: str = "auto"
    is_async: bool = False
    is_streamed: bool = True
    is_background: bool = False
    is_pinned: bool = False

    def __str__(self) -> str:
        words = [self.generation, self.threads, "pinned" if self.is_pinned else ""]
        words += ["background" if self.is_background else ""]
        words += ["async" if self.is_async else "sync", "stream" if self.is_streamed else "whole"]
        return " ".join(filter(None, words))


def _shapes() -> Iterator[Shape]:
    for is_async in (False, True):
        for is_streamed in (False, True):
            shape = Shape("v2", is_async=is_async, is_streamed=is_streamed)
            yield shape
            yield replace(shape, threads="conversation")
            yield replace(shape, threads="conversation", is_pinned=True)
            yield replace(shape, is_background=True)
            yield replace(shape, generation="classic")
            yield replace(shape, generation="classic", is_pinned=True)


SHAPES = tuple(_shapes())

FAULTS: dict[str, dict[str, Any]] = {
    "connection refused": {"kind": "refuse"},
    "connect timeout": {"kind": "connect_timeout"},
    "reset before it was applied": {"kind": "reset_before"},
    "answer lost": {"kind": "lost"},
    "answer timed out": {"kind": "timeout_after"},
    **{f"{n} before": {"kind": "status_before", "status": n} for n in (500, 502, 503, 504)},
    **{f"{n} after": {"kind": "status_after", "status": n} for n in (500, 503)},
    "429 retry-after": {"kind": "status_before", "status": 429, "headers": {"retry-after": "2"}},
    "429 retry-after-ms": {
        "kind": "status_before",
        "status": 429,
        "headers": {"retry-after-ms": "300"},
    },
    "401 expired token": {"kind": "status_before", "status": 401},
    "408 before": {"kind": "status_before", "status": 408},
    **{f"cut after event {k}": {"kind": "cut", "after_events": k} for k in (0, 1, 3, 5, 8, 13)},
    "quiet end after event 4": {"kind": "cut", "after_events": 4, "mode": "eof"},
    "stalled after event 4": {"kind": "stall", "after_events": 4},
    "slow start": {"kind": "delay", "seconds": 3.0},
    "answer lost and turn lost": {"kind": "lost", "finishes": False},
    "cut and turn lost": {"kind": "cut", "after_events": 5, "finishes": False},
}
# The service itself lost the turn; or a pinned thread cannot know what became of it.
MAY_FAIL = {
    "answer lost and turn lost": (RunFailedError, StreamInterruptedError, TurnUnknownError),
    "cut and turn lost": (RunFailedError, StreamInterruptedError, TurnUnknownError),
}
MOST_EXTRA_REQUESTS = 8  # look-ups, a fork and its clean-up; polls of a run that goes on
UNKNOWN_WHEN_PINNED = {name for name in FAULTS if "before" in name}


@dataclass
class Outcome:
    """What became of one case."""

    shape: Shape
    request: int
    fault: str
    verdict: str  # "answered" or the name of the typed error
    wrong: list[str] = field(default_factory=list)


class Conversation:
    """One play of the scenario."""

    def __init__(self, shape: Shape) -> None:
        self.shape = shape
        self.foundry = Emulator(seed=5)
        agent = self.agent = self.foundry.create_agent(
            "my-agent",
            reply=self._reply,
            generation=shape.generation,
            tools=TOOLS[shape.generation],
        )
        wires = self.foundry.connection()
        settings = resolve_settings(
            model=agent.model,
            endpoint=wires["endpoint"],
            threads=shape.threads,
            timeout=Timeouts(read=5, first_event=5, between_events=5, turn=60),
            env={},
        )
        auth = make_auth(credential=wires["credential"], endpoint=settings.endpoint, env={})
        common: Any = {"store": MemoryThreadStore(), "clock": self.foundry.clock}
        common["operation_keys"] = iter(f"op{n}" for n in range(99)).__next__
        self.sync = Agents(settings, auth, transport=wires["transport"], **common)
        self.aio = AsyncAgents(settings, auth, transport=wires["async_transport"], **common)
        self.history: list[Message] = []
        self.pin: str | None = None
        self.errors: list[AzureAgentsError] = []
        self.wrong: list[str] = []

    def _reply(self, turn: Any) -> Any:
        last = turn.messages[-1]
        if last.role == "tool" or last.text.startswith("[tool result"):
            return Text(ANSWERS["results"], deltas=("two ", "and", " two"))  # type: ignore[arg-type]
        said = ANSWERS[turn.last_user_text.split()[0]]
        return Text(said, deltas=tuple(said)) if isinstance(said, str) else said

    async def play(self) -> None:
        """All turns; one that fails is asked once more, as a caller would."""
        await self._turn(user("first question"))
        await self._turn(user("second question"))
        calls = self.history[-1].tool_calls
        if calls:
            await self._turn(*(tool(call.id, f"result {call.id}") for call in calls))
        await self._turn(user("third question"))

    async def _turn(self, *messages: Message) -> None:
        history = [*self.history, *messages]
        try:
            completion = await self._ask(history)
        except AzureAgentsError as error:
            self.errors.append(error)
            self.foundry.faults.clear()
            if self.pin and isinstance(error, RunFailedError):
                return  # the question is on the thread: asking again would say it twice
            # Whoever gets a TurnUnknownError looks at the thread first: there is nothing there.
            completion = await self._ask(history)
        self._check(history, completion)
        text, calls = completion.text, completion.tool_calls
        answer = assistant(text, *calls, anchor=completion.finished.anchor)
        self.history = [*history, answer]
        if self.shape.is_pinned:
            self.pin = completion.finished.thread_id

    async def _ask(self, history: list[Message]) -> Completion:
        options = {"background": True} if self.shape.is_background else {}
        request = TurnRequest(tuple(history), thread_id=self.pin, options=options)
        if not self.shape.is_async:
            if self.shape.is_streamed:
                return fold(self.sync.stream(request))
            return self.sync.complete(request)
        if not self.shape.is_streamed:
            return await self.aio.complete(request)
        async with aclosing(self.aio.stream(request)) as events:
            return fold([event async for event in events])

    def _check(self, history: list[Message], completion: Completion) -> None:
        finished = completion.finished
        seen = self.foundry.seen_by(finished.run_id or finished.response_id or "")
        self._expect("answer", seen.reply and seen.reply.text, completion.text)
        if completion.usage is not None and seen.usage is not None:
            key = "prompt_tokens" if seen.generation == "classic" else "input_tokens"
            self._expect("usage", seen.usage.get(key), completion.usage.input_tokens)
        if not self.shape.is_pinned:
            expected = expected_facts(tuple(history), seen.generation)
            self._expect("transcript", expected, seen_facts(seen))
            return
        twice = [f for f, n in Counter(seen_facts(seen)).items() if n > 1 and f[0] != "assistant"]
        self._expect("doubled", [], twice)

    def _expect(self, what: str, expected: object, actual: object) -> None:
        if expected != actual:
            self.wrong.append(f"{what}: expected {expected!r}, got {actual!r}")

    def still_running(self) -> list[str]:
        """Runs that nobody waits for any more."""
        self.foundry.clock.advance(30.0)
        kept = self.history[-1].anchor or ""
        runs = self.foundry.active_runs
        return [run for run in runs if run not in kept]


def count_requests(shape: Shape) -> int:
    """Requests of the scenario without faults."""
    conversation = Conversation(shape)
    asyncio.run(conversation.play())
    assert not conversation.errors
    assert not conversation.wrong
    return len(conversation.foundry.requests)


def try_case(shape: Shape, request: int, name: str, minimum: int) -> Outcome:
    """Play the scenario with one fault at one request (counted from 1)."""
    conversation = Conversation(shape)
    conversation.foundry.faults.add(Fault(nth=request, **FAULTS[name]))
    wrong = conversation.wrong
    _play(conversation)
    errors = conversation.errors
    wrong += [f"wrong error for {name}: {e!r}" for e in errors if not _is_allowed(shape, name, e)]
    made = len(conversation.foundry.requests)
    if made > minimum + MOST_EXTRA_REQUESTS and not errors:
        wrong.append(f"{made} requests where {minimum} do without the fault")
    verdict = type(errors[0]).__name__ if errors else "answered"
    return Outcome(shape, request, name, verdict, wrong)


def try_several(shape: Shape, faults: list[tuple[int, str]]) -> Outcome:
    """Play the scenario with several faults; any typed error will do, but nothing half-done."""
    conversation = Conversation(shape)
    for request, name in faults:
        conversation.foundry.faults.add(Fault(nth=request, **FAULTS[name]))
    _play(conversation)
    errors = conversation.errors
    verdict = type(errors[0]).__name__ if errors else "answered"
    return Outcome(shape, 0, " + ".join(name for _, name in faults), verdict, conversation.wrong)


def _play(conversation: Conversation) -> None:
    wrong = conversation.wrong
    try:
        asyncio.run(conversation.play())
    except AzureAgentsError as error:
        wrong.append(f"the conversation did not recover: {error!r}")
    for error in conversation.errors:
        if not (error.thread_id or error.run_id or error.response_id or error.agent):
            wrong.append(f"an error without ids: {error!r}")
    wrong += [f"still running: {run}" for run in conversation.still_running()]


def _is_allowed(shape: Shape, name: str, error: AzureAgentsError) -> bool:
    if isinstance(error, MAY_FAIL.get(name, ())):
        return True
    if isinstance(error, TurnUnknownError):
        return shape.is_pinned and name in UNKNOWN_WHEN_PINNED
    return False


def cases(shape: Shape) -> Iterator[tuple[int, str]]:
    """Every request and fault of one shape."""
    for request in range(1, count_requests(shape) + 1):
        for name in FAULTS:
            yield request, name


def try_shape(shape: Shape) -> list[Outcome]:
    """All cases of one shape."""
    minimum = count_requests(shape)
    return [try_case(shape, request, name, minimum) for request, name in cases(shape)]
