"""A conversation that comes to the turn a window is about, and the oracle for what became of it.

The oracle is the emulator's own state: what it stored, what its agents saw, what still runs.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable
from copy import copy
from typing import Any

import pytest

from azure_agents.client.agent_client import AgentClient, AsyncAgentClient
from azure_agents.emulator import Fault, Text, ToolCalls
from azure_agents.errors import AzureAgentsError
from azure_agents.events import Event
from azure_agents.fold import Completion, fold
from azure_agents.frameworks.tool_results import ToolResults
from azure_agents.messages import Message, ToolCall, TurnRequest, assistant, tool, user
from azure_agents.protocols.options import OPERATION
from azure_agents.threads.memory import MemoryThreadStore
from tests.promise.oracle import expected_facts, seen_facts

from .conversation import Conversation
from .windows import Way

TALE = ("once ", "upon ", "a time")
TOLD = ("two ", "and ", "two")
TURN = r"/(?:responses|runs|submit_tool_outputs)$"  # requests that let an agent answer
_CALLS = (("look_up", {"n": 1}), ("look_up", {"n": 2}))


def answer(turn: Any) -> Any:
    """What the agent says: it depends on the transcript only, so a second answer is the same."""
    last = turn.messages[-1]
    if last.role == "tool" or last.text.startswith("[tool "):
        return Text(deltas=TOLD)
    match turn.last_user_text.split()[0]:
        case "look":
            return ToolCalls(*_CALLS)
        case "tell":
            return Text(deltas=TALE)
    return Text(deltas=("hello ", turn.last_user_text))


class Talk:
    """A client at the turn that a window is about.

    Args:
        way: Client, conversation and turn.
        store: Of the thread heads; one in memory if left out.
        opens: Whether the conversation is begun, so that the turn goes on with it.
    """

    def __init__(self, way: Way, *, store: Any = None, opens: bool = True) -> None:
        self.way = way
        self._play = Conversation(way.shape)
        self.foundry, self.agent = self._play.foundry, self._play.agent
        self.agent.script(answer)
        self.store = MemoryThreadStore() if store is None else store
        self._kept: Any = MemoryThreadStore()  # what tools returned
        self._keys = map("op{}".format, range(999))
        self.deadline = 60.0
        self.connect()
        self.effects = Counter[str]()  # how often the tool ran for each call
        self.history: list[Message] = []
        self.pin: str | None = None
        self.events: list[Event] = []
        if opens:
            self.begin()
        self.start = len(self.foundry.requests)

    def connect(self, store: Any = None, results: Any = None) -> None:
        """New clients, as after a restart; the stores outlive it or are other ones."""
        self.store = self.store if store is None else store
        self._kept = self._kept if results is None else results
        self.sync: AgentClient
        self.aio: AsyncAgentClient
        self.sync, self.aio = self._play.connect(
            self.store, deadline=self.deadline, operation_keys=self._keys.__next__
        )
        self.results = ToolResults(self._kept)

    def twin(self) -> Talk:
        """Another caller of the same service and store, who knows nothing yet."""
        twin = copy(self)
        twin.connect()
        twin.history, twin.events = [], []
        return twin

    def begin(self) -> None:
        """Up to the turn."""
        self.say(user("hello"))
        if self.way.has_results:
            self.say(user("look it up"))

    # --- the turn -------------------------------------------------------------------------------

    @property
    def next(self) -> list[Message]:
        """The messages of the turn: a question, or the results of the tools."""
        calls = self.history[-1].tool_calls if self.history else ()
        if calls:
            return [tool(call.id, self.run_tool(call)) for call in calls]
        return [user("tell me a tale")]

    def run_tool(self, call: ToolCall) -> str:
        """The result of a call; what the tool does is counted."""

        def run() -> str:
            self.effects[call.id] += 1
            return f"result of {call.arguments}"

        return self.results.once(call, run)

    def request(self, history: list[Message]) -> TurnRequest:
        """A call with these messages."""
        options = {"background": True} if self.way.shape.is_background else {}
        return TurnRequest(tuple(history), thread_id=self.pin, options=options)

    def ask(self, history: list[Message]) -> Completion:
        """One call."""
        request = self.request(history)
        self.events = []
        if self.way.is_async:
            return asyncio.run(self.aask(request))
        if not self.way.is_streamed:
            return self.sync.complete(request)
        return fold(self._noted(event) for event in self.sync.stream(request))

    async def aask(self, request: TurnRequest) -> Completion:
        """One call on the running event loop."""
        if not self.way.is_streamed:
            return await self.aio.complete(request)
        events = self.aio.stream(request)
        try:
            return fold([self._noted(event) async for event in events])
        finally:
            await events.aclose()

    def _noted(self, event: Event) -> Event:
        self.events.append(event)
        return event

    def say(self, *messages: Message) -> Completion:
        """One call that has to end well and rightly; its answer joins the history."""
        history = [*self.history, *messages]
        completion = self.ask(history)
        self.check(history, completion)
        finished = completion.finished
        said = assistant(completion.text, *completion.tool_calls, anchor=finished.anchor)
        self.history = [*history, said]
        if self.way.is_pinned:
            self.pin = finished.thread_id
        return completion

    def say_next(self) -> Completion:
        """The turn, well."""
        return self.say(*self.next)

    def fail_next(self, *errors: type[AzureAgentsError]) -> AzureAgentsError:
        """The turn, badly."""
        return self.fail_with([*self.history, *self.next], *errors, keep=self.paused)

    def fail_with(
        self,
        history: list[Message],
        *errors: type[AzureAgentsError],
        keep: Callable[[], str | None] | str | None = None,
    ) -> AzureAgentsError:
        """A call that fails in time, with a typed error that names it, and nothing left behind."""
        began = self.foundry.clock.time()
        with pytest.raises(errors) as caught:
            self.ask(history)
        assert self.foundry.clock.time() - began <= self.deadline + 2.0
        error = caught.value
        assert error.agent == self.agent.model
        self.check_runs(keep=keep() if callable(keep) else keep)
        return error

    def try_next(self) -> AzureAgentsError | None:
        """The turn, well or badly; the error is a typed one that names it."""
        try:
            self.say_next()
        except AzureAgentsError as error:
            return error
        return None

    def paused(self) -> str | None:
        """The run that still waits for the results of this turn."""
        anchor = self.history[-1].anchor or "" if self.history else ""
        runs = self.foundry._world.active_runs.values()
        return next((r.id for r in runs if r.status == "requires_action" and r.id in anchor), None)

    def go_on(self) -> None:
        """Whatever happened, the conversation goes on rightly."""
        self.foundry.faults.clear()
        self.say(user("so what?"))

    # --- the oracle -----------------------------------------------------------------------------

    def check(self, history: list[Message], completion: Completion) -> None:
        """Text, tokens and transcript are the server's, and nothing is left behind."""
        finished = completion.finished
        seen = self.foundry.seen_by(finished.run_id or finished.response_id or "")
        assert seen.reply is not None
        assert seen.reply.text == completion.text
        called = [call.id for call in completion.tool_calls]
        assert called == [call.id for call in seen.reply.tool_calls]
        assert expected_facts(tuple(history), seen.generation) == seen_facts(seen)
        self._check_usage(completion, seen.usage)
        self.check_runs(keep=finished.run_id)

    def _check_usage(self, completion: Completion, counted: Any) -> None:
        if completion.usage is None:
            assert completion.tool_calls, "only a classic run that waits has no usage yet"
            return
        name = "prompt_tokens" if self.way.generation == "classic" else "input_tokens"
        assert counted[name] == completion.usage.input_tokens

    def check_runs(self, keep: str | None = None) -> None:
        """No run goes on that nobody waits for, no tool ran twice, and nothing is there twice."""
        assert [] == [run for run in self.active() if run != keep]
        assert set() == {call for call, count in self.effects.items() if count > 1}
        assert [] == self.doubled()

    def active(self) -> list[str]:
        """Classic runs that are not over, but for those that are being cancelled."""
        world = self.foundry._world
        runs = [run.id for run in world.active_runs.values() if run.status != "cancelling"]
        background = [r for r in world.responses.values() if r.is_background]
        return runs + [r.id for r in background if r.status in ("queued", "in_progress")]

    def doubled(self) -> list[str]:
        """Messages of one operation that are on a thread or conversation twice."""
        world = self.foundry._world
        found = []
        for thread in world.threads.values():
            found += _twice(e.seen[0].text for e in thread.entries if e.seen[0].role == "user")
        for conversation in world.conversations.values():
            said = (item for item in conversation.items if item.get("role") == "user")
            found += _twice(str(item["content"]) for item in said)
        return found

    def runs_of_the_turn(self) -> Counter[tuple[str, str]]:
        """How many runs each thread has of each operation, and each conversation responses."""
        world = self.foundry._world
        runs = [run.wire for thread in world.threads.values() for run in thread.runs.values()]
        found = Counter((str(r["thread_id"]), r["metadata"].get(OPERATION, "")) for r in runs)
        for response in world.responses.values():
            if response.conversation is not None:
                key = (response.params.get("metadata") or {}).get(OPERATION, "")
                found[response.conversation.id, key] += 1
        return found

    @property
    def made(self) -> list[str]:
        """The requests since the turn began, without ids."""
        return [f"{r.method} {shape(r.path)}" for r in self.foundry.requests[self.start :]]

    @property
    def posts(self) -> list[Any]:
        """The bodies of the turn's own requests since then."""
        logged = self.foundry.requests[self.start :]
        return [r.body for r in logged if r.method == "POST" and not r.path.endswith("/cancel")]

    def hit(self, kind: Any, **fault: Any) -> None:
        """Plan a fault for the turn."""
        self.foundry.faults.add(Fault(kind, **fault))


def _twice(texts: Iterable[str]) -> list[str]:
    return [text for text, count in Counter(texts).items() if count > 1]


def shape(path: str) -> str:
    """A path with its ids left out."""
    prefixes = ("thread_", "run_", "resp_", "conv_")
    return "/".join("{id}" if part.startswith(prefixes) else part for part in path.split("/"))


def requests_of(way: Way, prepare: Callable[[Talk], None] = lambda _: None) -> list[str]:
    """The requests of the turn when nothing goes wrong."""
    talk = Talk(way)
    prepare(talk)
    talk.say_next()
    return talk.made
