"""One client of each kind on an emulator; the async one is driven from plain tests."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from azure_agents.client.agent_client import AgentClient, AsyncAgentClient
from azure_agents.client.base import make_client
from azure_agents.emulator import Emulator
from azure_agents.settings.config import resolve_settings
from azure_agents.settings.endpoint import parse_endpoint
from azure_agents.sign_in.auth import make_auth
from azure_agents.threads.memory import MemoryThreadStore


class Blocking:
    """An async object whose coroutines are run to their end: the twin in the same tests."""

    def __init__(self, inner: Any, runner: asyncio.Runner) -> None:
        self._inner = inner
        self._runner = runner

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._inner, name)
        if not callable(found):
            return self._wrapped(found)
        return lambda *args, **options: self._called(found(*args, **options))

    def _called(self, result: Any) -> Any:
        if not inspect.iscoroutine(result):
            return self._wrapped(result)
        return self._runner.run(result)

    def _wrapped(self, value: Any) -> Any:
        if isinstance(value, list):
            return [self._wrapped(one) for one in value]
        is_ours = type(value).__name__.startswith("Async")
        return Blocking(value, self._runner) if is_ours else value


@pytest.fixture
def foundry() -> Iterator[Any]:
    """A fresh emulator."""
    with Emulator() as emulator:
        yield emulator


@pytest.fixture(params=["v2", "classic"])
def generation(request: pytest.FixtureRequest) -> Any:
    """Both generations of the service."""
    return request.param


@pytest.fixture(params=["sync", "async"])
def mode(request: pytest.FixtureRequest) -> Any:
    """Both shells."""
    return request.param


@pytest.fixture
def runner() -> Iterator[Any]:
    """An event loop for the async shell."""
    with asyncio.Runner() as made:
        yield made


@pytest.fixture
def connect(foundry: Emulator, generation: str, mode: str, runner: asyncio.Runner) -> Iterator[Any]:
    """Make a client; the service's transport or endpoint may be replaced."""
    made: list[Any] = []

    def make(**where: Any) -> Any:
        made.append(open_client(**where))
        return made[-1]

    def open_client(
        *, transport: Any = None, endpoint: str | None = None, reply: Any = None
    ) -> Any:
        agent = foundry.create_agent("my-agent", reply, generation=generation)  # type: ignore[arg-type]
        place = endpoint or foundry.endpoint
        settings = resolve_settings(model=agent.model, endpoint=place, env={})
        auth = make_auth(credential=foundry.credential, endpoint=parse_endpoint(place), env={})
        shared: dict[str, Any] = {"store": MemoryThreadStore(), "clock": foundry.clock}
        if mode == "sync":
            wire = transport or (None if endpoint else foundry.transport)
            return make_client(AgentClient, settings, auth, transport=wire, **shared)
        wire = transport or (None if endpoint else foundry.async_transport)
        return Blocking(
            make_client(AsyncAgentClient, settings, auth, transport=wire, **shared), runner
        )

    yield make
    for one in made:
        one.close() if mode == "sync" else one.aclose()


@pytest.fixture
def agents(connect: Any) -> Any:
    """A client of an agent."""
    return connect()


@pytest.fixture
def uploads(foundry: Emulator) -> Any:
    """How many uploads have reached the service."""
    return lambda: sum(
        logged.method == "POST" and logged.path.endswith("/files") for logged in foundry.requests
    )


class Answering(httpx.MockTransport):
    """Answers everything alike, for what the emulator never does."""

    def __init__(self, status: int, headers: dict[str, str], pieces: list[bytes]) -> None:
        self.requests: list[httpx.Request] = []
        self._answer = status, headers, pieces
        super().__init__(self._handle)

    def _handle(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        status, headers, pieces = self._answer
        return httpx.Response(status, headers=headers, stream=_Stream(pieces))


class _Stream(httpx.SyncByteStream, httpx.AsyncByteStream):
    def __init__(self, pieces: list[bytes]) -> None:
        self._pieces = pieces

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._pieces)

    async def __aiter__(self) -> Any:
        for piece in self._pieces:
            yield piece


@pytest.fixture
def answering() -> type[Answering]:
    """A transport that answers everything alike."""
    return Answering
