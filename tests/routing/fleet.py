"""Several resources, each an emulator, on one clock; and the ways in which a router is asked."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from azure_agents.emulator import Emulator, FakeClock
from azure_agents.emulator.line.transport import AsyncTransport, SyncTransport
from azure_agents.routing.router import Router

HELLO = [{"role": "user", "content": "Hello"}]
WAYS = ["sync", "sync stream", "async", "async stream"]


class Resource(Emulator):
    """An emulator at a host of its own."""

    def __init__(self, host: str, clock: FakeClock) -> None:
        super().__init__(clock=clock)
        self.resource = f"https://{host}"
        self.transport = SyncTransport(self.wireline, clock, host)
        self.async_transport = AsyncTransport(self.wireline, clock, host)

    def entry(self, deployment: str = "dep", *, name: str = "gpt", **more: Any) -> dict[str, Any]:
        """An entry of a `model_list` for a deployment here."""
        model = deployment if "/" in deployment else f"azure/{deployment}"
        params = {"model": model, **self.deployment_connection(), **more}
        return {"model_name": name, "litellm_params": params}

    @property
    def statuses(self) -> list[int | None]:
        """How the requests were answered."""
        return [request.status for request in self.requests]


class Fleet:
    """Resources by their names, made when they are first asked for."""

    def __init__(self, stack: ExitStack) -> None:
        self.clock = FakeClock(start=1_000_000.0)
        self._stack = stack
        self._made: dict[str, Resource] = {}

    def __getitem__(self, name: str) -> Resource:
        if name not in self._made:
            one = Resource(f"{name}.openai.azure.com", self.clock)
            self._made[name] = self._stack.enter_context(one)
            one.deploy("dep", f"from {name}")
        return self._made[name]

    def router(self, *entries: dict[str, Any], **arguments: Any) -> Router:
        """A router on the fleet's clock."""
        return Router(list(entries), clock=self.clock, **arguments)


@pytest.fixture
def fleet() -> Iterator[Fleet]:
    """Resources that a test may break."""
    with ExitStack() as stack:
        yield Fleet(stack)


def ask(router: Router, way: str = "sync", model: str = "gpt", **more: Any) -> Any:
    """One call; a stream comes back as the list of its chunks."""
    streams = way.endswith("stream")
    given = {"messages": HELLO, **more, "stream": streams or None}
    if way.startswith("sync"):
        answer = router.completion(model, **given)
        return list(answer) if streams else answer

    async def run() -> Any:
        answer = await router.acompletion(model, **given)
        return [chunk async for chunk in answer] if streams else answer

    return asyncio.run(run())


def text_of(answer: Any) -> str:
    """What an answer says, whole or in chunks."""
    if isinstance(answer, list):
        deltas = (choice.delta for chunk in answer for choice in chunk.choices)
        return "".join(delta.get("content") or "" for delta in deltas)
    return str(answer.choices[0].message.content)
