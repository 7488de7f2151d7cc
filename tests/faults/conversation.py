"""The scenario that faults are tried on: four turns, their caller, and what the oracle asks.

A question, a question whose answer needs tools, their results, and one more question. The oracle is
what the emulator knows: what it stored, what its agents saw, what still runs.
"""

from __future__ import annotations

from collections import Counter
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

from azure_agents.client.agent_client import AgentClient, AsyncAgentClient
from azure_agents.client.base import make_client
from azure_agents.emulator import Emulator, SeenTurn, Text, ToolCalls
from azure_agents.errors import (
    AzureAgentsError,
    RunFailedError,
    StreamInterruptedError,
    ThreadBusyError,
    TurnError,
    TurnUnknownError,
)
from azure_agents.fold import Completion, fold
from azure_agents.frameworks.tool_results import ToolResults
from azure_agents.messages import Message, ToolCall, TurnRequest, assistant, tool, user
from azure_agents.protocols.options import OPERATION
from azure_agents.settings.config import resolve_settings
from azure_agents.settings.timeouts import Timeouts
from azure_agents.sign_in.auth import make_auth
from azure_agents.threads.memory import MemoryThreadStore
from tests.promise.oracle import expected_facts, seen_facts

CALLS = ToolCalls(("look_up", {"n": 1}), ("look_up", {"n": 2}))
ANSWERS = {"first": "one", "second": CALLS, "third": "three, at last", "rival": "one for you"}
RESULT_ANSWER = ("two ", "and", " two")
FUNCTION = {"name": "look_up", "parameters": {}}
TOOLS: dict[str, Any] = {
    "v2": [{"type": "function", **FUNCTION}],
    "classic": [{"type": "function", "function": FUNCTION}],
}
DEADLINE = 60.0
# What a turn may take beyond its deadline to stop its run on the server.
TIDYING = 2.0
_OF_A_TURN = (TurnError, StreamInterruptedError, ThreadBusyError, TurnUnknownError)
_TOKENS = {
    "v2": ("input_tokens", "output_tokens", "total_tokens"),
    "classic": ("prompt_tokens", "completion_tokens", "total_tokens"),
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


class Conversation:
    """One play of the scenario, by default on an emulator of its own."""

    def __init__(self, shape: Shape, foundry: Emulator | None = None) -> None:
        self.shape = shape
        self.foundry = foundry or Emulator(seed=5)
        self.agent = self.foundry.create_agent(
            "my-agent", _reply, generation=shape.generation, tools=TOOLS[shape.generation]
        )
        keys = iter(f"op{number}" for number in range(99))
        self.sync, self.aio = self.connect(MemoryThreadStore(), operation_keys=keys.__next__)
        self.results = ToolResults(MemoryThreadStore())
        self.effects = Counter[str]()  # how often the tool ran for each call
        self.history: list[Message] = []
        self.pin: str | None = None
        self.patience = TIDYING
        self.is_left = False  # a turn that failed on a pinned thread was not asked again
        self.errors: list[AzureAgentsError] = []
        self.wrong: list[str] = []

    def connect(
        self, store: Any, *, deadline: float = DEADLINE, **seams: Any
    ) -> tuple[AgentClient, AsyncAgentClient]:
        """New clients."""
        wires = self.foundry.connection()
        settings = resolve_settings(
            model=self.agent.model,
            endpoint=wires["endpoint"],
            threads=self.shape.threads,
            timeout=Timeouts(read=5, first_event=5, between_events=5, turn=deadline),
            env={},
        )
        auth = make_auth(credential=wires["credential"], endpoint=settings.endpoint, env={})
        seams |= {"store": store, "clock": self.foundry.clock}
        return (
            make_client(AgentClient, settings, auth, transport=wires["transport"], **seams),
            make_client(
                AsyncAgentClient, settings, auth, transport=wires["async_transport"], **seams
            ),
        )

    async def play(self) -> None:
        """All turns; one that fails is asked once more, as a caller would."""
        await self._turn(user("first question"))
        await self._turn(user("second question"))
        calls = self.history[-1].tool_calls
        if calls:
            await self._turn(*(tool(call.id, self.run_tool(call)) for call in calls))
        await self._turn(user("third question"))

    async def _turn(self, *messages: Message) -> None:
        history = [*self.history, *messages]
        try:
            completion = await self.ask(history)
        except AzureAgentsError as error:
            self.errors.append(error)
            self.foundry.faults.clear()
            if self.pin and isinstance(error, RunFailedError):
                self.is_left = True  # the question is on the thread: asked again it is there twice
                return
            # Whoever gets a TurnUnknownError looks at the thread first: there is nothing there.
            completion = await self.ask(history)
        self.check(history, completion)
        self.keep(history, completion)

    def run_tool(self, call: ToolCall) -> str:
        """The result of a call; what the tool does is counted."""

        def run() -> str:
            self.effects[call.id] += 1
            return f"result of {call.arguments}"

        return self.results.once(call, run)

    def keep(self, history: list[Message], completion: Completion) -> None:
        """Take the answer into the history."""
        calls, finished = completion.tool_calls, completion.finished
        self.history = [*history, assistant(completion.text, *calls, anchor=finished.anchor)]
        if self.shape.is_pinned:
            self.pin = finished.thread_id

    async def ask(self, history: list[Message]) -> Completion:
        """One call, which has to end in time."""
        options = {"background": True} if self.shape.is_background else {}
        request = TurnRequest(tuple(history), thread_id=self.pin, options=options)
        began = self.foundry.clock.time()
        try:
            return await self.send(request)
        finally:
            took = self.foundry.clock.time() - began
            if took > DEADLINE + self.patience:
                self.wrong.append(f"a call took {took} seconds, its deadline was {DEADLINE}")

    async def send(self, request: TurnRequest) -> Completion:
        """The call itself, by the client that the shape is about."""
        if not self.shape.is_async:
            if self.shape.is_streamed:
                return fold(self.sync.stream(request))
            return self.sync.complete(request)
        if not self.shape.is_streamed:
            return await self.aio.complete(request)
        async with aclosing(self.aio.stream(request)) as events:
            return fold([event async for event in events])

    def check(
        self, history: list[Message], completion: Completion, *, is_loose: bool = False
    ) -> None:
        """Text and tokens are the server's."""
        finished = completion.finished
        seen = self.foundry.seen_by(finished.run_id or finished.response_id or "")
        self.expect("answer", seen.reply and seen.reply.text, completion.text)
        self.check_usage(completion, seen)
        self.check_transcript(history, seen, is_loose=is_loose or self.is_left)

    def check_usage(self, completion: Completion, seen: SeenTurn) -> None:
        """The tokens that were told are the server's."""
        if completion.usage is not None and seen.usage is not None:
            usage = completion.usage
            told = (usage.input_tokens, usage.output_tokens, usage.total_tokens)
            self.expect("usage", tuple(seen.usage[n] for n in _TOKENS[seen.generation]), told)

    def check_transcript(self, history: list[Message], seen: SeenTurn, *, is_loose: bool) -> None:
        """The agent saw the history and nothing else; at least nothing twice."""
        facts = seen_facts(seen)
        if not is_loose:
            self.expect("transcript", expected_facts(tuple(history), seen.generation), facts)
            return
        twice = [fact for fact, n in Counter(facts).items() if n > 1 and fact[0] != "assistant"]
        self.expect("doubled", [], twice)

    def expect(self, what: str, expected: object, actual: object) -> None:
        """Note a difference."""
        if expected != actual:
            self.wrong.append(f"{what}: expected {expected!r}, got {actual!r}")

    def check_end(self) -> None:
        """What must hold when all turns are over."""
        self.wrong += [f"an error without ids: {e!r}" for e in self.errors if not has_ids(e)]
        self.wrong += [f"{n} runs of {call}" for call, n in self.effects.items() if n > 1]
        self.wrong += [f"still running: {run}" for run in self.still_running()]

    def still_running(self) -> list[str]:
        """Runs that nobody waits for any more."""
        kept = (self.history[-1].anchor if self.history else "") or ""
        return [run for run in self.foundry.active_runs if run not in kept]

    def visible(self) -> list[tuple[str, str, int]]:
        """What a reader of the conversation sees, whatever its ids are."""
        return [(m.role, m.text, len(m.tool_calls)) for m in self.history]


def has_ids(error: AzureAgentsError) -> bool:
    """Ids of the turn, where there was one, or the name of its operation; else the agent."""
    has_ids = bool(error.thread_id or error.run_id or error.response_id)
    is_named = OPERATION in error.message
    return has_ids or is_named or (error.agent is not None and not isinstance(error, _OF_A_TURN))


def _reply(turn: Any) -> Any:
    last = turn.messages[-1]
    if last.role == "tool" or last.text.startswith("[tool "):
        return Text(deltas=RESULT_ANSWER)
    said = ANSWERS[turn.last_user_text.split()[0]]
    return Text(deltas=tuple(said)) if isinstance(said, str) else said
