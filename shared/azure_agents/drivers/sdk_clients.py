"""HTTP clients for other people's SDKs, on this package's connections and sign-in.

An SDK takes a client of the library that it was built on: ``httpx``, or ``httpx2`` in its newer
versions. The clients made here are of that library and hold no connection. Their transport takes
off every credential and gives the request to a client of this package, which puts the right one on
it, sends it nowhere but to its origin, follows no redirect, and has a connection of its own on each
event loop. So what the SDK is given as its key is never sent, and can be shown.

A failed sign-in leaves the transport as an error of this package and of the SDK at once: an SDK
passes its own errors on, but wraps others as lost connections and tries again.
"""

from __future__ import annotations

import functools
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.cookiejar import CookieJar, DefaultCookiePolicy
from importlib import import_module
from types import ModuleType
from typing import Any, NamedTuple

import httpx

from ..errors import AzureAgentsError
from ..settings.headers import ExtraHeaders
from ..settings.urls import Url
from .bounds import ENCODINGS
from .clients import LoopClients, SyncClient

# What an SDK puts on by itself: a placeholder for the key, and what its environment names. The
# first two of OpenAI's say who is billed there.
_TAKEN_OFF = frozenset(
    {
        "accept-encoding",
        "api-key",
        "authorization",
        "cookie",
        "host",
        "openai-organization",
        "openai-project",
        "x-api-key",
    }
)
_LIBRARIES = ("httpx", "httpx2")


@dataclass(frozen=True, slots=True)
class Route:
    """Where the requests of an SDK go, and what goes along.

    Attributes:
        url: The resource; nothing is sent to another origin.
        auth: Puts the credential on requests.
        headers: More headers for every request; they win over the SDK's.
        query: What every request has in its query.
        connect: Seconds to wait for a connection.
        transport: An httpx transport of sync calls, instead of the network.
        async_transport: The same for async calls.
    """

    url: Url
    auth: httpx.Auth = field(repr=False)
    headers: ExtraHeaders
    query: tuple[tuple[str, str], ...] = ()
    connect: float = 10.0
    transport: Any = None
    async_transport: Any = None


class SdkClients(NamedTuple):
    """An HTTP client of each kind, of the library that the SDK is built on."""

    sync: Any
    aio: Any


def sdk_clients(sdk: ModuleType, route: Route) -> SdkClients:
    """Make the HTTP clients that an SDK is given.

    Args:
        sdk: The imported package, ``openai`` or ``anthropic``.
        route: Where its requests go.
    """
    library = library_of(sdk)
    base: type[Exception] = getattr(sdk, "OpenAIError", None) or sdk.AnthropicError
    made = _classes(library)
    # No limit here: requests carry the SDK's, and the redirects of a client that follows none.
    settings: dict[str, Any] = {"follow_redirects": False, "trust_env": False, "timeout": None}
    return SdkClients(
        made.client(transport=made.transport(route, base), cookies=_no_cookies(), **settings),
        made.async_client(
            transport=made.async_transport(route, base), cookies=_no_cookies(), **settings
        ),
    )


def library_of(sdk: ModuleType) -> ModuleType:
    """Find the HTTP library that an SDK is built on.

    Args:
        sdk: The imported package.
    """
    roots = (base.__module__.partition(".")[0] for base in sdk.DefaultHttpxClient.__mro__)
    return import_module(next(root for root in roots if root in _LIBRARIES))


def _no_cookies() -> CookieJar:
    # A client serves many users: a cookie of one must not go along with the next.
    return CookieJar(DefaultCookiePolicy(allowed_domains=()))


class _Sender:
    """Sends requests of threads."""

    def __init__(self, route: Route, base: type[Exception]) -> None:
        self._route, self._base = route, base
        self._client = SyncClient(route.transport, route.url)  # type: ignore[arg-type]  # see there

    def send(self, library: Any, request: Any) -> Any:
        with _as_of(library, self._base):
            inner = _inner(request, request.read(), self._route)
            response = self._client.get().send(inner, auth=self._route.auth, stream=True)
            return _outer(library, response, self._base)

    def close(self) -> None:
        self._client.close()


class _AsyncSender:
    """Sends requests of tasks, on any number of event loops."""

    def __init__(self, route: Route, base: type[Exception]) -> None:
        self._route, self._base = route, base
        self._clients = LoopClients(route.async_transport, route.url)  # type: ignore[arg-type]

    async def send(self, library: Any, request: Any) -> Any:
        with _as_of(library, self._base):
            inner = _inner(request, await request.aread(), self._route)
            client = await self._clients.get()
            response = await client.send(inner, auth=self._route.auth, stream=True)
            return _outer(library, response, self._base)

    async def aclose(self) -> None:
        await self._clients.aclose()


def _inner(request: Any, body: bytes, route: Route) -> httpx.Request:
    headers = [
        (name, value)
        for name, value in request.headers.multi_items()
        if name.lower() not in _TAKEN_OFF and name.lower() not in route.headers.reveal()
    ]
    headers += [("accept-encoding", ENCODINGS), *route.headers.reveal().items()]
    waits = dict(request.extensions.get("timeout") or {})
    longest = waits.get("connect")
    waits["connect"] = route.connect if longest is None else min(longest, route.connect)
    url = httpx.URL(str(request.url))
    return httpx.Request(
        request.method,
        url.copy_merge_params(list(route.query)) if route.query else url,
        headers=headers,
        content=body,
        extensions={"timeout": waits},
    )


def _outer(library: Any, response: httpx.Response, base: type[Exception]) -> Any:
    """The response as one of the SDK's library, its body unread."""
    headers = response.headers.raw
    stream: Any = _classes(library).body(response, base)
    if response.is_stream_consumed:  # the sign-in read it, to see why it was refused
        headers = [(name, value) for name, value in headers if name.lower() not in _OF_THE_BYTES]
        stream = library.ByteStream(response.content)
    kept = {k: v for k, v in response.extensions.items() if k in {"http_version", "reason_phrase"}}
    return library.Response(response.status_code, headers=headers, stream=stream, extensions=kept)


_OF_THE_BYTES = frozenset({b"content-encoding", b"content-length", b"transfer-encoding"})


@contextmanager
def _as_of(library: Any, base: type[Exception]) -> Iterator[None]:
    """Let errors leave as those of the SDK's library, and ours as the SDK's own."""
    try:
        yield
    except AzureAgentsError as error:
        raise _both(type(error), base)(error.message, **error.facts) from error
    except httpx.TransportError as error:
        kind = getattr(library, type(error).__name__, library.TransportError)
        raise kind(str(error)) from error


_DUAL: dict[tuple[Any, Any], Any] = {}  # of our class and the SDK's base


def _both(ours: type[AzureAgentsError], base: type[Exception]) -> Any:
    def reduced(self: AzureAgentsError) -> tuple[Any, ...]:
        return _rebuild, (ours, base, self.message, self.facts)

    if (ours, base) not in _DUAL:
        names = {"__module__": ours.__module__, "__doc__": ours.__doc__, "__reduce__": reduced}
        _DUAL[ours, base] = type(ours.__name__, (ours, base), names)
    return _DUAL[ours, base]


def _rebuild(
    ours: type[AzureAgentsError], base: type[Exception], message: str, facts: Mapping[str, Any]
) -> Any:
    return _both(ours, base)(message, **facts)


class _Classes(NamedTuple):
    """Classes of one HTTP library."""

    client: Any
    async_client: Any
    transport: Any
    async_transport: Any
    body: Any


@functools.cache
def _classes(library: Any) -> _Classes:
    return _Classes(
        _shared(library.Client),
        _shared(library.AsyncClient),
        _transport(library),
        _async_transport(library),
        _body(library),
    )


def _shared(client: Any) -> Any:
    """A client that copies of a model share, as they share their credential."""

    class Shared(client):  # type: ignore[misc]  # the library's class is known at run time only
        def __copy__(self) -> Any:
            return self

        def __deepcopy__(self, memo: dict[int, Any]) -> Any:
            return self

        def __repr__(self) -> str:
            return f"<{client.__module__.partition('.')[0]}.{client.__name__} of azure-agents>"

    return Shared


def _transport(library: Any) -> Any:
    class Transport(library.BaseTransport):  # type: ignore[misc]  # as above
        def __init__(self, route: Route, base: type[Exception]) -> None:
            self._sender = _Sender(route, base)

        def handle_request(self, request: Any) -> Any:
            return self._sender.send(library, request)

        def close(self) -> None:
            self._sender.close()

    return Transport


def _async_transport(library: Any) -> Any:
    class AsyncTransport(library.AsyncBaseTransport):  # type: ignore[misc]  # as above
        def __init__(self, route: Route, base: type[Exception]) -> None:
            self._sender = _AsyncSender(route, base)

        async def handle_async_request(self, request: Any) -> Any:
            return await self._sender.send(library, request)

        async def aclose(self) -> None:
            await self._sender.aclose()

    return AsyncTransport


def _body(library: Any) -> Any:
    class Body(library.SyncByteStream, library.AsyncByteStream):  # type: ignore[misc]  # as above
        """The bytes as they come, packed as they are: the SDK's library unpacks them.

        Who iterates anew goes on: OpenAI's SDK reads the rest behind the end of a stream.
        """

        def __init__(self, response: httpx.Response, base: type[Exception]) -> None:
            self._response, self._base = response, base
            self._pieces: Any = None

        def __iter__(self) -> Iterator[bytes]:
            self._pieces = self._pieces or iter(self._response.stream)  # type: ignore[arg-type]
            with _as_of(library, self._base):
                yield from self._pieces

        async def __aiter__(self) -> AsyncIterator[bytes]:
            self._pieces = self._pieces or aiter(self._response.stream)  # type: ignore[arg-type]
            with _as_of(library, self._base):
                async for piece in self._pieces:
                    yield piece

        def close(self) -> None:
            self._response.close()

        async def aclose(self) -> None:
            await self._response.aclose()

    return Body
