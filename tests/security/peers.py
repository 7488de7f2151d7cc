"""Peers for security tests: a transport that notes everything, and the four ways to ask."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any

import httpx

from azure_agents.client.agent_client import AgentClient, AsyncAgentClient
from azure_agents.client.base import make_client
from azure_agents.messages import TurnRequest, user
from azure_agents.settings.config import resolve_settings
from azure_agents.sign_in.auth import FoundryAuth, make_auth

ORIGIN = "https://r.services.ai.azure.com"
ENDPOINT = f"{ORIGIN}/api/projects/p"
HI = TurnRequest((user("Hi"),))

Answer = Callable[[httpx.Request], httpx.Response]


class Whole(httpx.SyncByteStream, httpx.AsyncByteStream):
    """A body in pieces as a socket gives them."""

    def __init__(self, data: bytes) -> None:
        self.pieces = [data[at : at + 65536] for at in range(0, len(data), 65536)]

    def __iter__(self) -> Iterator[bytes]:
        return iter(self.pieces)

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for piece in self.pieces:
            yield piece


def _unread(answer: httpx.Response) -> httpx.Response:
    """An answer that was made of bytes counts as read: as a stream it would only be an error."""
    if not answer.is_stream_consumed:
        return answer
    headers = answer.headers.raw
    return httpx.Response(answer.status_code, headers=headers, stream=Whole(answer.content))


@dataclass
class Recorder(httpx.BaseTransport, httpx.AsyncBaseTransport):
    """Stands in for every network there is: notes each request and answers it.

    Attributes:
        answer: Makes the answer to a request.
        requests: What came.
    """

    answer: Answer
    requests: list[httpx.Request] = field(default_factory=list)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        request.read()
        self.requests.append(request)
        return _unread(self.answer(request))

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        await request.aread()
        self.requests.append(request)
        return _unread(self.answer(request))


@dataclass
class Clients:
    """Both clients of one set of arguments, made when they are first used."""

    auth: FoundryAuth
    settings: Any
    transport: Any = None
    clock: Any = None

    def sync(self) -> AgentClient:
        """The client of threads."""
        seams: dict[str, Any] = {"transport": self.transport, "clock": self.clock}
        return make_client(AgentClient, self.settings, self.auth, **seams)

    def aio(self) -> AsyncAgentClient:
        """The client of event loops."""
        seams: dict[str, Any] = {"transport": self.transport, "clock": self.clock}
        return make_client(AsyncAgentClient, self.settings, self.auth, **seams)


def connect(
    transport: Any = None,
    *,
    model: str = "my-agent",
    endpoint: str = ENDPOINT,
    env: dict[str, str] | None = None,
    sign_in: dict[str, Any] | None = None,
    clock: Any = None,
    **settings: Any,
) -> Clients:
    """Clients that try once; `sign_in` are arguments of `make_auth`."""
    fields = {"model": model, "endpoint": endpoint, "max_retries": 0, "env": env or {}, **settings}
    resolved = resolve_settings(**fields)
    auth = make_auth(endpoint=resolved.endpoint, env=env or {}, **(sign_in or {}))
    return Clients(auth, resolved, transport, clock)


def _complete(clients: Clients, request: TurnRequest) -> Any:
    agents = clients.sync()
    try:
        return agents.complete(request)
    finally:
        agents.close()


def _stream(clients: Clients, request: TurnRequest) -> Any:
    agents = clients.sync()
    try:
        return list(agents.stream(request))
    finally:
        agents.close()


def _acomplete(clients: Clients, request: TurnRequest) -> Any:
    return asyncio.run(clients.aio().complete(request))


def _astream(clients: Clients, request: TurnRequest) -> Any:
    async def run() -> list[Any]:
        async with aclosing(clients.aio().stream(request)) as events:
            return [event async for event in events]

    return asyncio.run(run())


WAYS: dict[str, Callable[[Clients, TurnRequest], Any]] = {
    "sync": _complete,
    "sync stream": _stream,
    "async": _acomplete,
    "async stream": _astream,
}
