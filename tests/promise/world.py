"""A small world to try the promise in: an emulator, clients on it, and conversations.

`steps` says what can happen in it. Every call is checked against the one oracle (`oracle`): the
transcript that the agent saw equals the messages of that call, as far as they say anything.
"""

from __future__ import annotations

from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from azure_agents.client.agent_client import AgentClient, AsyncAgentClient
from azure_agents.client.base import make_client
from azure_agents.emulator import Emulator, McpApproval, SeenTurn, ToolCalls
from azure_agents.events import ApprovalRequest
from azure_agents.fold import Completion, fold
from azure_agents.messages import Message, ToolCall, TurnRequest, assistant, system
from azure_agents.settings.config import resolve_settings
from azure_agents.settings.timeouts import Timeouts
from azure_agents.sign_in.auth import make_auth
from azure_agents.threads.memory import MemoryThreadStore

from .oracle import expected_facts, seen_facts, told_in_part

# Few and alike on purpose: equal texts in different conversations are the hard case.
TEXTS = ("hi", "what now?", "  padded\n", "42", "naïve 🙂", "[tool result x: y]")
INSTRUCTIONS = "The agent's own instructions."


class Step(NamedTuple):
    """One step of a script: what to do, and numbers to choose with."""

    name: str
    a: int
    b: int


@dataclass(frozen=True)
class Setting:
    """One point of the grid."""

    generation: str
    is_async: bool
    threads: str = "auto"
    has_tools: bool = False
    owner: str | None = None


class World:
    """The state of one example."""

    def __init__(self, setting: Setting, seed: int) -> None:
        self.setting = setting
        self.foundry = Emulator(seed=seed)
        self.agent = self.foundry.create_agent(
            "my-agent",
            reply=self._reply,
            instructions=INSTRUCTIONS,
            generation=setting.generation,
        )
        self.stores = [MemoryThreadStore(), MemoryThreadStore()]
        self.chats: list[list[Message]] = [[], []]
        self.system: str | None = None
        self.calls = 0
        self.said = ""
        self._made = 0
        self._asks = False
        self._script: list[ToolCall] = []

    # --- the agent ------------------------------------------------------------------------------

    def _reply(self, _: object) -> Any:
        if self._asks:
            return McpApproval("docs", "search", f'{{"number": {self.number()}}}')
        if self._script:
            return ToolCalls(*((c.name, c.arguments, c.id) for c in self._script))
        return self.said

    def _prepare(self, step: Step) -> None:
        """What the agent says next: equal texts often, empty sometimes, calls if it has tools."""
        self.said = ("ok", "sure: done", "", " spaced ", "naïve ✓")[step.b % 5]
        count = step.a % 4 if self.setting.has_tools and step.b % 2 else 0
        self._asks = self.setting.has_tools and step.b % 5 == 4
        self._script = []
        for _ in range(count):
            number = self.number()
            call = ToolCall(f"call_{number}", "look_up", f'{{"n": {number}}}')
            self._script.append(call)

    def number(self) -> int:
        """A number that no other call has."""
        self._made += 1
        return self._made

    # --- calling --------------------------------------------------------------------------------

    def _clients(self, store: MemoryThreadStore) -> tuple[AgentClient, AsyncAgentClient]:
        wires = self.foundry.connection()
        settings = resolve_settings(
            model=self.agent.model,
            endpoint=wires["endpoint"],
            threads=self.setting.threads,
            timeout=Timeouts(read=5, first_event=5, between_events=5, turn=60),
            env={},
        )
        auth = make_auth(credential=wires["credential"], endpoint=settings.endpoint, env={})
        clock: Any = self.foundry.clock
        sync = make_client(
            AgentClient, settings, auth, transport=wires["transport"], store=store, clock=clock
        )
        aio = make_client(
            AsyncAgentClient,
            settings,
            auth,
            transport=wires["async_transport"],
            store=store,
            clock=clock,
        )
        return sync, aio

    def _request(self, messages: list[Message]) -> TurnRequest:
        front = [system(self.system)] if self.system else []
        return TurnRequest((*front, *messages), owner=self.setting.owner)

    async def ask(self, messages: list[Message], *, stream: bool, store: int = 0) -> Completion:
        """One call, checked."""
        request = self._request(messages)
        sync, aio = self._clients(self.stores[store])
        if not self.setting.is_async:
            return self._ask_sync(sync, request, stream=stream)
        if not stream:
            completion = await aio.complete(request)
        else:
            async with aclosing(aio.stream(request)) as events:
                completion = fold([event async for event in events])
        self.check(request, completion)
        return completion

    def _ask_sync(self, client: AgentClient, request: TurnRequest, *, stream: bool) -> Completion:
        completion = fold(client.stream(request)) if stream else client.complete(request)
        self.check(request, completion)
        return completion

    def check(self, request: TurnRequest, completion: Completion) -> None:
        """The promise."""
        self.calls += 1
        finished = completion.finished
        seen = self.foundry.seen_by(finished.run_id or finished.response_id or "")
        assert INSTRUCTIONS == seen.instructions
        assert expected_facts(request.messages, seen.generation) == seen_facts(seen)
        assert [] == told_in_part(request.messages, seen, self._thread_of(seen))
        if seen.generation == "classic":
            texts = [m.text for m in request.messages if m.role == "system"]
            assert (texts or None) == ([seen.additional_instructions] if texts else None)
            assert texts or not seen.additional_instructions

    def _thread_of(self, seen: SeenTurn) -> list[Any]:
        """All items that a v2 agent had, also those that are no messages; [] if nothing is kept."""
        response = self.foundry._world.responses.get(seen.response_id or "")
        return [*response.context, *response.inputs] if response else []

    # --- for steps ------------------------------------------------------------------------------

    def restart(self) -> None:
        """The first process starts anew, and has lost its store."""
        self.stores[0] = MemoryThreadStore()

    def chat(self, step: Step) -> list[Message]:
        """The conversation a step is about."""
        return self.chats[step.a % len(self.chats)]

    async def say(self, chat: list[Message], step: Step, *, store: int = 0) -> None:
        """Ask with `chat` and append the answer."""
        self._prepare(step)
        completion = await self.ask(chat, stream=bool(step.b & 4), store=store)
        chat.append(answer(completion))


def answer(completion: Completion) -> Message:
    """The answer as a caller keeps it."""
    finished = completion.finished
    asks = tuple(block for block in completion.blocks if isinstance(block, ApprovalRequest))
    said = assistant(completion.text, *completion.tool_calls, anchor=finished.anchor, asks=asks)
    return replace(said, outcomes=finished.approval_outcomes)
