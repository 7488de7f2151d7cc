"""Pinned threads: the caller's word that the thread holds everything up to the last answer.

The model here is simple: a thread is a list of facts, a `resp_…` id names one list for ever. Every
pinned call adds what it says behind its last assistant message, once, and the agent sees that.
"""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from azure_agents.emulator import Fault
from azure_agents.errors import InvalidRequestError, ThreadNotFoundError, TurnUnknownError
from azure_agents.fold import Completion, fold
from azure_agents.messages import Message, TurnRequest, assistant, system, tool, user

from .oracle import Fact, expected_facts, in_any_order, seen_facts
from .steps import FAULTS, TEXTS
from .test_promise import EXAMPLES, GRID, trying
from .world import Setting, Step, World


class Pins:
    """Threads of one world, as their caller believes them to be."""

    def __init__(self, setting: Setting, handle: str) -> None:
        self.world = World(setting, seed=3)
        self.handle = handle
        self.known: dict[str, list[Fact]] = {}
        self.sent_system: dict[str, str] = {}
        self.last: Completion | None = None

    async def begin(self) -> None:
        """Make the first thread."""
        world = self.world
        world.said = "hello"
        request = TurnRequest((user("first"),))
        if self.handle == "conv_":
            path = f"{world.foundry.endpoint}/openai/v1/conversations"
            made = await self._post(path)
            self.known[made["id"]] = []
            return
        completion = await self._call(request)
        self._keep(completion.finished.thread_id or "", [("user", "first")], completion)

    async def _post(self, url: str) -> Any:
        import httpx

        transport = self.world.foundry.async_transport
        token = self.world.foundry.credential.get_token("https://ai.azure.com/.default").token
        async with httpx.AsyncClient(transport=transport) as client:
            reply = await client.post(url, json={}, headers={"Authorization": f"Bearer {token}"})
            return reply.json()

    async def _call(self, request: TurnRequest, *, stream: bool = False) -> Completion:
        sync, aio = self.world._clients(self.world.stores[0])
        if self.world.setting.is_async:
            return await aio.complete(request)
        return fold(sync.stream(request)) if stream else sync.complete(request)

    def _keep(self, handle: str, said: list[Fact], completion: Completion) -> None:
        text = completion.text.strip()
        answer: list[Fact] = [("assistant", text)] if text else []
        answer += [("call", call.id) for call in completion.tool_calls]
        self.known[handle] = [*said, *answer]
        self.last = completion

    async def ask(self, step: Step, *, fault: bool) -> None:
        """One call on a pinned thread."""
        handle = sorted(self.known)[step.a % len(self.known)]
        open_calls = [f[1] for f in self.known[handle] if f[0] == "call"]
        done = {f[1] for f in self.known[handle] if f[0] == "result"}
        waiting = [c for c in open_calls if c not in done]
        self.world._prepare(step)
        self.world._asks = False  # approvals on pins are tried in the adapters' tests
        fresh = [tool(c, f"result {c}") for c in waiting] or [user(TEXTS[step.b % len(TEXTS)])]
        history: list[Message] = []
        if step.b % 3 and not waiting:
            history = [user("whatever the caller remembers"), assistant("of it")]
        system_text = ("", "be brief", "be kind")[step.a % 3] if not waiting else ""
        front = [system(system_text)] if system_text else []
        request = TurnRequest((*front, *history, *fresh), thread_id=handle)
        kind = self._break_something(step) if fault else ""
        try:
            completion = await self._call(request, stream=bool(step.b % 2))
        except TurnUnknownError:
            # Nothing was applied, but the client cannot know: it must not post a second time.
            assert kind in {"reset_before", "status_before"}
            assert not handle.startswith("resp_")
        else:
            self._check(handle, front, fresh, completion)
        finally:
            self.world.foundry.faults.clear()

    def _break_something(self, step: Step) -> str:
        fault = FAULTS[step.b % 7](step.a)
        self.world.foundry.faults.add(fault)
        return fault.kind

    def _check(
        self, handle: str, front: list[Message], fresh: list[Message], completion: Completion
    ) -> None:
        finished = completion.finished
        seen = self.world.foundry.seen_by(finished.run_id or finished.response_id or "")
        said = expected_facts(tuple(fresh), "classic")
        if seen.generation == "v2" and front and self.sent_system.get(handle) != front[0].text:
            said = [("system", front[0].text), *said]
        whole = [*self.known[handle], *said]
        assert in_any_order(whole) == seen_facts(seen)
        new = finished.thread_id or ""
        assert new.startswith("resp_") if self.handle == "resp_" else new == handle
        assert finished.anchor is None or self.world.setting.has_tools
        self._keep(new, whole, completion)
        sent = front[0].text if front else self.sent_system.get(handle)
        if sent:
            self.sent_system[new] = sent


PIN_GRID = [
    (setting, handle)
    for setting in GRID
    for handle in (("thread_",) if setting.generation == "classic" else ("conv_", "resp_"))
]


@pytest.mark.slow
@pytest.mark.quick
@pytest.mark.parametrize(("setting", "handle"), PIN_GRID, ids=str)
@pytest.mark.parametrize("has_tools", [False, True])
def test_a_pinned_thread_gets_what_is_new_and_nothing_twice(
    setting: Setting, handle: str, has_tools: bool
) -> None:
    """Whatever history the caller sends along, and whatever gets lost on the way."""

    @trying(EXAMPLES // 4)
    @given(script=st.lists(st.tuples(st.integers(0, 99), st.integers(0, 99), st.booleans())))
    def try_script(script: list[tuple[int, int, bool]]) -> None:
        async def play() -> None:
            pins = Pins(Setting(setting.generation, setting.is_async, has_tools=has_tools), handle)
            await pins.begin()
            for a, b, fault in script[:7]:
                await pins.ask(Step("ask", a, b), fault=fault)

        asyncio.run(play())

    try_script()


@pytest.mark.parametrize("setting", GRID, ids=str)
def test_an_unknown_pin_is_an_error_and_never_a_replay(setting: Setting) -> None:
    """The caller said that the thread holds the history; without it there is nothing to go on."""
    world = World(setting, seed=1)
    handle = "thread_unknown" if setting.generation == "classic" else "resp_unknown"
    sync, aio = world._clients(world.stores[0])
    request = TurnRequest((user("a"), assistant("b"), user("c")), thread_id=handle)
    with pytest.raises(ThreadNotFoundError, match=handle):
        asyncio.run(aio.complete(request)) if setting.is_async else sync.complete(request)
    assert [] == world.foundry.seen


@pytest.mark.parametrize("setting", GRID, ids=str)
def test_nothing_new_for_a_pinned_thread_is_an_error(setting: Setting) -> None:
    """A history that ends with an answer leaves nothing to send."""
    world = World(setting, seed=1)
    handle = "thread_x" if setting.generation == "classic" else "conv_x"
    sync, aio = world._clients(world.stores[0])
    request = TurnRequest((user("a"), assistant("b")), thread_id=handle)
    with pytest.raises(InvalidRequestError, match="nothing to send"):
        asyncio.run(aio.complete(request)) if setting.is_async else sync.complete(request)
    assert [] == world.foundry.requests


def test_a_lost_turn_on_a_pinned_conversation_is_waited_for_and_never_posted_twice() -> None:
    """The stored turn is found by its operation key and told as the answer."""
    pins = Pins(Setting("v2", is_async=False), "conv_")
    asyncio.run(pins.begin())
    pins.world.foundry.faults.add(Fault("lost", method="POST", path="responses"))
    asyncio.run(pins.ask(Step("ask", 0, 0), fault=False))
    posts = [r for r in pins.world.foundry.requests if r.path.endswith("/responses")]
    assert 1 == len([r for r in posts if r.method == "POST"])
