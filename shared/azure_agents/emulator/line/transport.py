"""httpx transports that talk to the emulator in process: no sockets, real chunks.

`httpx.MockTransport` cannot stream and `httpx.ASGITransport` buffers to the end, so tests on them
never see half an event. These transports deliver every chunk as a read of its own.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

import httpx

from ..world.exchange import Request
from .wireline import AwaitReply, Break, Chunk, Head, Idle

if TYPE_CHECKING:
    from pathlib import Path

    from ..world.clock import Clock
    from .wireline import Actions, Wireline

ROOT = "/api/projects/demo"


def read_request(
    method: str, path: str, query: str, headers: dict[str, str], body: bytes
) -> Request:
    """Build a request relative to the project root; outside it is the resource of the project."""
    inside = path == ROOT or path.startswith(f"{ROOT}/")
    return Request(
        method=method.upper(),
        path=path.removeprefix(ROOT) if inside else path,
        query=dict(parse_qsl(query, keep_blank_values=True)),
        headers={name.lower(): value for name, value in headers.items()},
        body=body,
        is_for_resource=not inside,
    )


def _from_httpx(request: httpx.Request, body: bytes) -> Request:
    url = request.url
    headers, query = dict(request.headers), url.query.decode()
    read = read_request(request.method, url.path, query, headers, body)
    return replace(read, scheme=url.scheme)


class _Patience:
    """The read timeout of one exchange: how long the client waits without a byte."""

    def __init__(self, request: httpx.Request) -> None:
        self._request = request
        self._idle = 0.0

    @property
    def _limit(self) -> float | None:
        """The timeout now: a client may change it between two reads, and httpcore reads it anew."""
        limit: float | None = (self._request.extensions.get("timeout") or {}).get("read")
        return limit

    def seconds(self, idle: float) -> tuple[float, Exception | None]:
        """Return the seconds to wait now, and the timeout error to raise then, if one is due."""
        limit = self._limit
        left = float("inf") if limit is None else limit - self._idle
        if idle < left:
            self._idle += idle
            return idle, None
        wait = 0.0 if left == float("inf") else left
        return wait, httpx.ReadTimeout("the read operation timed out", request=self._request)

    def heard(self) -> None:
        """Start the timeout anew: a byte has arrived."""
        self._idle = 0.0


def _error(name: str, request: httpx.Request) -> Exception:
    kinds: dict[str, type[httpx.RequestError]] = {
        "ConnectError": httpx.ConnectError,
        "ConnectTimeout": httpx.ConnectTimeout,
        "ReadError": httpx.ReadError,
    }
    return kinds[name](f"the emulator broke the connection ({name})", request=request)


def _response(head: Head, stream: httpx.SyncByteStream | httpx.AsyncByteStream) -> httpx.Response:
    return httpx.Response(head.status, headers=head.headers, stream=stream)


def trusting(authority: Path) -> dict[str, Any]:
    """Build transports over the network that trust a served emulator's certificate only."""
    trust = ssl.create_default_context(cafile=str(authority))
    return {
        "transport": httpx.HTTPTransport(verify=trust),
        "async_transport": httpx.AsyncHTTPTransport(verify=trust),
    }


class SyncTransport(httpx.BaseTransport):
    """Carries requests of synchronous clients to the emulator.

    Args:
        wireline: The emulator's end of the connection.
        clock: The clock that waits pass on.
        hosts: The emulator's hosts; to every other host there is no connection.
    """

    def __init__(self, wireline: Wireline, clock: Clock, hosts: Sequence[str]) -> None:
        self._wireline = wireline
        self._clock = clock
        self._hosts = hosts

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send one request and return the response, whose body streams."""
        if request.url.host not in self._hosts:
            raise httpx.ConnectError(f"unknown host {request.url.host!r}", request=request)
        body = request.read()
        actions = self._wireline.exchange(_from_httpx(request, body))
        played = _play(actions, request, self._clock)
        head = next(played)
        assert isinstance(head, Head)  # noqa: S101 - bytes come after the head
        return _response(head, _SyncBody(played))


def _play(actions: Actions, request: httpx.Request, clock: Clock) -> Iterator[Head | bytes]:
    patience = _Patience(request)
    try:
        for action in actions:
            match action:
                case Head():
                    patience.heard()
                    yield action
                case Chunk(data):
                    patience.heard()
                    yield data
                case AwaitReply(turn):
                    turn.ask_agent()
                case Idle(seconds):
                    wait, error = patience.seconds(seconds)
                    clock.sleep(wait)
                    if error is not None:
                        raise error
                case Break(""):
                    return
                case Break(name):
                    raise _error(name, request)
    finally:
        actions.close()


class _SyncBody(httpx.SyncByteStream):
    def __init__(self, played: Iterator[Head | bytes]) -> None:
        self._played = played

    def __iter__(self) -> Iterator[bytes]:
        for data in self._played:
            assert isinstance(data, bytes)  # noqa: S101 - the head came first
            yield data

    def close(self) -> None:
        self._played.close()  # type: ignore[attr-defined]  # a generator


class AsyncTransport(httpx.AsyncBaseTransport):
    """Carries requests of asynchronous clients to the emulator; arguments as `SyncTransport`."""

    def __init__(self, wireline: Wireline, clock: Clock, hosts: Sequence[str]) -> None:
        self._wireline = wireline
        self._clock = clock
        self._hosts = hosts

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send one request and return the response, whose body streams."""
        if request.url.host not in self._hosts:
            raise httpx.ConnectError(f"unknown host {request.url.host!r}", request=request)
        body = await request.aread()
        actions = self._wireline.exchange(_from_httpx(request, body))
        played = _aplay(actions, request, self._clock)
        head = await anext(played)
        assert isinstance(head, Head)  # noqa: S101 - bytes come after the head
        return _response(head, _AsyncBody(played))


async def _aplay(
    actions: Actions, request: httpx.Request, clock: Clock
) -> AsyncIterator[Head | bytes]:
    patience = _Patience(request)
    try:
        for action in actions:
            match action:
                case Head():
                    patience.heard()
                    yield action
                case Chunk(data):
                    patience.heard()
                    await asyncio.sleep(
                        0
                    )  # a real client waits for the socket here: other tasks run
                    yield data
                case AwaitReply(turn):
                    await turn.ask_agent_async()
                case Idle(seconds):
                    wait, error = patience.seconds(seconds)
                    await clock.asleep(wait)
                    if error is not None:
                        raise error
                case Break(""):
                    return
                case Break(name):
                    raise _error(name, request)
    finally:
        actions.close()


class _AsyncBody(httpx.AsyncByteStream):
    def __init__(self, played: AsyncIterator[Head | bytes]) -> None:
        self._played = played

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for data in self._played:
            assert isinstance(data, bytes)  # noqa: S101 - the head came first
            yield data

    async def aclose(self) -> None:
        await self._played.aclose()  # type: ignore[attr-defined]  # a generator
