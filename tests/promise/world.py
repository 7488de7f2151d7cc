"""A small world to try the promise in: an emulator, clients on it, and conversations.

`World.apply` plays one step of a script. Every call is checked against the one oracle: the
transcript that the agent saw equals the messages of that call, as far as they say anything.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing, closing
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Any, NamedTuple, TypeAlias

from azure_agents.auth import make_auth
from azure_agents.client import AgentClient, AsyncAgentClient
from azure_agents.config import Timeouts, resolve_settings
from azure_agents.emulator import Emulator, Fault, McpApproval, ToolCalls
from azure_agents.errors import AzureAgentsError
from azure_agents.events import ApprovalRequest
from azure_agents.fold import Completion, fold
from azure_agents.messages import (
    ApprovalReply,
    Message,
    Text,
    ToolCall,
    TurnRequest,
    assistant,
    system,
    tool,
    user,
)
from azure_agents.threads.memory import MemoryThreadStore

# Few and alike on purpose: equal texts in different conversations are the hard case.
TEXTS = ("hi", "what now?", "  padded\n", "42", "naïve 🙂", "[tool result x: y]")
INSTRUCTIONS = "The agent's own instructions."

Fact: TypeAlias = tuple[str, ...]


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
        self.requests: dict[int, list[str]] = {}  # chat -> approval requests of its last answer
        self._script: list[ToolCall] = []

    # --- the agent ------------------------------------------------------------------------------

    def _reply(self, _: object) -> Any:
        if self._asks:
            return McpApproval("docs", "search", "{}")
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
            self._made += 1
            call = ToolCall(f"call_{self._made}", "look_up", f'{{"n": {self._made}}}')
            self._script.append(call)

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
        sync = AgentClient.of(
            settings, auth, transport=wires["transport"], store=store, clock=clock
        )
        aio = AsyncAgentClient.of(
            settings, auth, transport=wires["async_transport"], store=store, clock=clock
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
        if seen.generation == "classic":
            texts = [m.text for m in request.messages if m.role == "system"]
            assert (texts or None) == ([seen.additional_instructions] if texts else None)
            assert texts or not seen.additional_instructions

    # --- steps ----------------------------------------------------------------------------------

    async def apply(self, step: Step) -> None:
        """Play one step."""
        await STEPS[step.name](self, step)

    def chat(self, step: Step) -> list[Message]:
        """The conversation a step is about."""
        return self.chats[step.a % len(self.chats)]

    async def say(self, chat: list[Message], step: Step, *, store: int = 0) -> None:
        """Ask with `chat` and append the answer."""
        self._prepare(step)
        completion = await self.ask(chat, stream=bool(step.b & 4), store=store)
        chat.append(answer(completion))
        asked = [b.id for b in completion.blocks if isinstance(b, ApprovalRequest)]
        self.requests[id(chat)] = asked


def answer(completion: Completion) -> Message:
    """The answer as a caller keeps it."""
    return assistant(completion.text, *completion.tool_calls, anchor=completion.finished.anchor)


def _text(step: Step) -> Message:
    return user(TEXTS[step.b % len(TEXTS)])


async def _continue(world: World, step: Step) -> None:
    chat = world.chat(step)
    chat.append(_text(step))
    await world.say(chat, step)


async def _edit(world: World, step: Step) -> None:
    chat = world.chat(step)
    questions = [i for i, m in enumerate(chat) if m.role == "user"]
    if questions:
        index = questions[step.b % len(questions)]
        chat[index:] = [user("edited " + TEXTS[step.b % len(TEXTS)])]
        await world.say(chat, step)


async def _edit_answer(world: World, step: Step) -> None:
    chat = world.chat(step)
    answers = [i for i, m in enumerate(chat) if m.role == "assistant" and not m.tool_calls]
    if answers:
        index = answers[step.b % len(answers)]
        chat[index] = replace(chat[index], parts=(Text("the caller's own words"),))
        await _continue(world, step)


async def _branch(world: World, step: Step) -> None:
    chat = world.chat(step)
    world.chats.append(list(chat[: _cut(chat, step)]))
    await _continue(world, Step("continue", len(world.chats) - 1, step.b))


async def _travel(world: World, step: Step) -> None:
    chat = world.chat(step)
    del chat[_cut(chat, step) :]
    await _continue(world, step)


def _cut(chat: list[Message], step: Step) -> int:
    """A place right after an answer, and never between a call and its results."""
    places = [i + 1 for i, m in enumerate(chat) if m.role == "assistant" and not m.tool_calls]
    return places[step.b % len(places)] if places else 0


async def _regenerate(world: World, step: Step) -> None:
    chat = world.chat(step)
    if chat and chat[-1].role == "assistant":
        chat.pop()
        await world.say(chat, step)


async def _batch(world: World, step: Step) -> None:
    chat = world.chat(step)
    world._prepare(step)
    asked = [[*chat, user(TEXTS[(step.b + n) % len(TEXTS)])] for n in range(3)]
    if world.setting.is_async:
        done = await asyncio.gather(*(world.ask(messages, stream=True) for messages in asked))
    else:
        with ThreadPoolExecutor(3) as pool:
            done = list(pool.map(lambda m: asyncio.run(world.ask(m, stream=True)), asked))
    chat[:] = [*asked[step.b % 3], answer(done[step.b % 3])]


async def _twin(world: World, step: Step) -> None:
    """A second user types what the first one did."""
    copy: list[Message] = []
    for message in world.chat(step):
        if message.role == "user" and not message.is_approval:
            copy.append(message)
            await world.say(copy, step)
            if copy[-1].tool_calls:
                break
    world.chats.append(copy)


async def _strip(world: World, step: Step) -> None:
    chat = world.chat(step)
    keep = step.b % 3 == 0  # only some of them
    for index, message in enumerate(chat):
        if not (keep and index % 2):
            chat[index] = replace(message, anchor=None)
    await _continue(world, step)


async def _swap_anchors(world: World, step: Step) -> None:
    """Anchors of one conversation on the answers of another: a digest must catch it."""
    anchors = [m.anchor for m in world.chats[step.b % len(world.chats)] if m.anchor]
    chat = world.chat(step)
    for index, message in enumerate(chat):
        if message.role == "assistant" and anchors:
            chat[index] = replace(message, anchor=anchors[index % len(anchors)])
    await _continue(world, step)


async def _change_system(world: World, step: Step) -> None:
    world.system = (None, "be brief", "be kind")[step.b % 3]
    await _continue(world, step)


async def _restart(world: World, step: Step) -> None:
    world.stores[0] = MemoryThreadStore()
    await _continue(world, step)


async def _other_process(world: World, step: Step) -> None:
    chat = world.chat(step)
    chat.append(_text(step))
    await world.say(chat, step, store=1)


async def _cancel(world: World, step: Step) -> None:
    """Read a few events and leave; the history stays as it was."""
    world._prepare(step)
    request = world._request([*world.chat(step), _text(step)])
    sync, aio = world._clients(world.stores[0])
    if world.setting.is_async:
        async with aclosing(aio.stream(request)) as events:
            for _ in range(step.b % 6):
                await anext(events, None)
    else:
        with closing(sync.stream(request)) as events:
            for _ in range(step.b % 6):
                next(events, None)


FAULTS: tuple[Callable[[int], Fault], ...] = (
    lambda _: Fault("lost", method="POST"),
    lambda _: Fault("timeout_after", method="POST"),
    lambda _: Fault("reset_before", method="POST"),
    lambda _: Fault("refuse", method="POST"),
    lambda _: Fault("status_before", method="POST", status=503),
    lambda _: Fault("status_after", method="POST", status=500),
    lambda _: Fault("status_before", method="POST", status=429),
    lambda b: Fault("cut", method="POST", after_events=b % 9),
    lambda b: Fault("cut", method="POST", after_events=b % 9, mode="eof"),
    lambda b: Fault("cut", method="POST", after_events=b % 9, finishes=False),
    lambda _: Fault("lost", method="POST", finishes=False),
)


async def _fault(world: World, step: Step) -> None:
    """A request goes wrong once. The call succeeds, or fails with a typed error; never half."""
    fault = FAULTS[step.b % len(FAULTS)](step.a)
    world.foundry.faults.add(fault)
    chat = world.chat(step)
    chat.append(_text(step))
    try:
        await world.say(chat, step)
    except AzureAgentsError:
        assert not fault.finishes, "only a turn that the service lost may fail"
        chat.pop()
    finally:
        world.foundry.faults.clear()


async def _answer_tools(world: World, step: Step) -> None:
    """Results for the open calls: all, some, in any order, or after another question."""
    chat = world.chat(step)
    if not chat or not chat[-1].tool_calls:
        return
    ids = [call.id for call in chat[-1].tool_calls]
    ids = ids[:: -1 if step.b % 2 else 1]
    if step.b % 7 == 1:
        ids = ids[1:]  # the rest is never answered, or late
    results = [tool(i, f"result of {i}", is_error=step.b % 5 == 2) for i in ids]
    if step.b % 7 == 2:
        chat.append(user("before the results"))
    chat.extend(results)
    if not results:
        chat.append(user("instead of results"))
    await world.say(chat, step)


async def _approve(world: World, step: Step) -> None:
    """Yes or no to the last answer's request, at once or after other words."""
    chat = world.chat(step)
    asked = world.requests.get(id(chat))
    if not asked or not chat or chat[-1].role != "assistant":
        return
    if step.b % 5 == 1:
        chat.append(user("one moment"))
        await world.say(chat, Step("continue", step.a, 0))
    replies = tuple(ApprovalReply(request, approve=step.b % 2 == 0) for request in asked)
    world.requests[id(chat)] = []
    chat.append(Message("user", replies))
    await world.say(chat, Step("continue", step.a, 0))


async def _late_result(world: World, step: Step) -> None:
    """A result for an older call that was passed over."""
    chat = world.chat(step)
    answered = {m.tool_call_id for m in chat}
    open_calls = [c.id for m in chat[:-1] for c in m.tool_calls if c.id not in answered]
    if open_calls:
        call_id = open_calls[step.b % len(open_calls)]
        chat.append(tool(call_id, f"late result of {call_id}"))
        await world.say(chat, step)


STEPS: dict[str, Callable[[World, Step], Any]] = {
    "continue": _continue,
    "edit": _edit,
    "edit answer": _edit_answer,
    "branch": _branch,
    "travel": _travel,
    "regenerate": _regenerate,
    "batch": _batch,
    "twin": _twin,
    "strip": _strip,
    "swap anchors": _swap_anchors,
    "change system": _change_system,
    "restart": _restart,
    "other process": _other_process,
    "cancel": _cancel,
    "fault": _fault,
}
TOOL_STEPS: dict[str, Callable[[World, Step], Any]] = {
    "answer tools": _answer_tools,
    "answer tools again": _answer_tools,
    "late result": _late_result,
    "approve": _approve,
    "approve again": _approve,
}
STEPS.update(TOOL_STEPS)

# --- the oracle ---------------------------------------------------------------------------------

_RESULT = re.compile(r"\[tool (?:result|error) (call_\S+): (.*)\]", re.DOTALL)
_TOLD = re.compile(r"\[(approved|denied) (\w+)\]")
_CALL = re.compile(r"\n?\[tool call (call_\S+): .*\]")


def expected_facts(messages: tuple[Message, ...], generation: str) -> list[Fact]:
    """What the messages of a call say: texts, answered calls, results; nothing else."""
    answered = {m.tool_call_id for m in messages if m.role == "tool"}
    facts: list[Fact] = []
    for message in messages:
        if message.role == "tool":
            facts.append(("result", message.tool_call_id or "", message.text))
        elif message.role != "system" or generation != "classic":
            facts += _said(message.role, message.text)
            facts += (_decision(p) for p in message.parts if isinstance(p, ApprovalReply))
            facts += (("call", c.id) for c in message.tool_calls if c.id in answered)
    return _in_any_order(facts)


def seen_facts(seen: Any) -> list[Fact]:
    """The same, of what the agent saw; classic may tell calls and results as text."""
    facts: list[Fact] = []
    for message in seen.messages:
        result = _RESULT.fullmatch(message.text) if message.role == "user" else None
        if message.role == "tool":
            facts.append(("result", message.tool_call_id, message.text))
        elif result is not None:
            facts.append(("result", result[1], result[2]))
        elif (told := _TOLD.fullmatch(message.text)) and message.role == "user":
            facts.append(("result", told[2], told[1]))
        else:
            facts += _said(message.role, _CALL.sub("", message.text))
            facts += (("call", i) for i in _CALL.findall(message.text))
            facts += (("call", call.id) for call in message.tool_calls)
    return _in_any_order(facts)


def _decision(reply: ApprovalReply) -> Fact:
    return "result", reply.request_id, "approved" if reply.approve else "denied"


def _in_any_order(facts: list[Fact]) -> list[Fact]:
    """Results of one round belong to their calls by id: their order says nothing."""
    ordered: list[Fact] = []
    for is_result, group in groupby(facts, key=lambda fact: fact[0] == "result"):
        run = list(group)
        ordered += sorted(run) if is_result else run
    return ordered


def _said(role: str, text: str) -> list[Fact]:
    return [(role, text.strip())] if text.strip() else []
