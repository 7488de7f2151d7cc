"""The pool of connections to upstreams: the one place of the gateway that opens sockets.

It stands on aiohttp, which is ten times as fast as httpx here. No redirect is followed, no cookie
is kept, nothing is decompressed, and lines are not looked for. Proxies and certificates are those
of the environment, read as the library's other clients read them.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any, cast

import httpx

from ..drivers.proxies import is_socks, proxy_to, with_header
from ..errors import (
    AzureAgentsError,
    ConfigError,
    ConnectionLostError,
    NotSentError,
    ProtocolError,
    TimedOutError,
)
from ..sign_in.auth import Destination

if TYPE_CHECKING:
    import aiohttp

_NO_AIOHTTP = 'the gateway needs aiohttp, install it with: pip install "azure-agents[gateway]"'
_MOST_ERROR = 2**20  # bytes of an error's body that are read
_LINGER = 1.0  # seconds that the end of a stream may come behind its last event
_KEEP_ALIVE = 55.0  # seconds; Azure closes idle connections after a minute or more, guess
_SKIPPED = ("user-agent", "accept-encoding", "accept", "content-type")


@dataclass(frozen=True, slots=True)
class Way:
    """The way to an upstream: directly, or by a proxy.

    Attributes:
        proxy: Its URL; None: directly.
        headers: For the proxy; may be secret.
    """

    proxy: str | None = None
    headers: Mapping[str, str] | None = field(default=None, repr=False)


def way_to(url: Destination) -> Way:
    """Find the way to an upstream.

    Args:
        url: Its base.

    Raises:
        ConfigError: The environment names a proxy that cannot be used.
    """
    proxy = proxy_to(cast(Any, url))
    if proxy is None:
        return Way()
    if is_socks(proxy):
        raise ConfigError("the gateway reaches no upstream by SOCKS: name an http proxy")
    proxy = with_header(proxy)
    return Way(str(proxy.url), dict(proxy.headers))


@dataclass(frozen=True, slots=True)
class Call:
    """One request for an upstream.

    Attributes:
        url: All of it, encoded; an `yarl.URL`.
        headers: With the credential.
        body: Bytes, or an async iterator of them.
        method: HTTP method.
        connect: Seconds for a connection.
        read: Seconds until the next bytes.
        way: To it.
    """

    url: Any
    headers: Mapping[str, str] = field(repr=False)
    body: Any = field(repr=False)
    method: str = "POST"
    connect: float = 10.0
    read: float = 600.0
    way: Way = field(default=Way(), repr=False)


class Incoming:
    """An answer whose head has come.

    Args:
        answer: aiohttp's.
        doing: What is being done, for errors.
    """

    def __init__(self, answer: aiohttp.ClientResponse, doing: str) -> None:
        self._answer, self._doing = answer, doing
        self.status = answer.status
        self.headers = {name.lower(): value for name, value in answer.headers.items()}

    async def whole(self) -> bytes:
        """Read the body, and give the connection back."""
        try:
            return await self._answer.read()
        except _failures() as error:
            raise _told(error, self._doing) from error

    async def error_body(self) -> bytes:
        """Read the body of an error: its first megabyte, and no more."""
        body = b""
        try:
            while len(body) < _MOST_ERROR and not self._answer.content.at_eof():
                body += await self._answer.content.read(_MOST_ERROR - len(body))
        except _failures() as error:
            raise _told(error, self._doing) from error
        self.close()
        return body

    async def pieces(self) -> AsyncIterator[bytes]:
        """Give all bytes that are there, then all that came meanwhile, and so on."""
        content = self._answer.content
        try:
            while piece := await content.readany():
                yield piece
        except _failures() as error:
            raise _told(error, self._doing) from error

    async def finish(self) -> None:
        """Let the connection be used again, if the end of the answer comes at once."""
        content = self._answer.content
        try:
            async with asyncio.timeout(_LINGER):
                while not content.is_eof():
                    await content.readany()
        except Exception:  # noqa: BLE001, S110 - all that was to be read has been read
            pass
        finally:
            self._answer.close()

    def close(self) -> None:
        """Close the connection, unless all of the answer was read."""
        self._answer.close()


class Upstream:
    """The pool of one event loop."""

    def __init__(self) -> None:
        self._session: aiohttp.ClientSession | None = None

    async def ask(self, call: Call, doing: str) -> Incoming:
        """Send a request, and wait for the head of its answer.

        A connection that was kept alive may have died unseen: a request that got no byte in answer
        is made once more.

        Args:
            call: The request.
            doing: What is being done, for errors.

        Raises:
            NotSentError: There is no connection.
            ConnectionLostError: It broke.
            TimedOutError: Something took too long.
        """
        try:
            return Incoming(await self._send(call), doing)
        except _failures() as error:
            told = _told(error, doing)
            if not (isinstance(told, ConnectionLostError) and isinstance(call.body, bytes)):
                raise told from error
        try:
            return Incoming(await self._send(call), doing)
        except _failures() as error:
            raise _told(error, doing) from error

    async def _send(self, call: Call) -> aiohttp.ClientResponse:
        session = self._session or self._open()
        return await session.request(
            call.method,
            call.url,
            data=call.body,
            headers=call.headers,
            allow_redirects=False,
            timeout=_timeout(call.connect, call.read),
            proxy=call.way.proxy,
            proxy_headers=call.way.headers,
        )

    def _open(self) -> aiohttp.ClientSession:
        try:
            import aiohttp
        except ImportError as missing:
            raise ConfigError(_NO_AIOHTTP) from missing
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(
                limit=0, ssl=httpx.create_ssl_context(), keepalive_timeout=_KEEP_ALIVE
            ),
            auto_decompress=False,
            cookie_jar=aiohttp.DummyCookieJar(),
            skip_auto_headers=_SKIPPED,
            trust_env=False,  # the environment was read by `way_to`
        )
        return self._session

    async def aclose(self) -> None:
        """Close all connections."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()


def _told(error: Exception, doing: str) -> AzureAgentsError:
    """The error of this package for one of aiohttp's, whose words name the upstream."""
    import aiohttp

    kind = type(error).__name__
    unconnected = (
        aiohttp.ClientProxyConnectionError,
        aiohttp.ClientConnectorError,
        aiohttp.ConnectionTimeoutError,
    )
    if isinstance(error, unconnected):
        return NotSentError(f"{doing}: no connection ({kind})")
    if isinstance(error, TimeoutError):
        return TimedOutError(f"{doing}: no answer in time")
    if isinstance(error, aiohttp.ClientResponseError):
        return ProtocolError(f"{doing}: not HTTP ({kind})")
    return ConnectionLostError(f"{doing}: the answer was lost ({kind})")


@cache
def _failures() -> tuple[type[Exception], ...]:
    import aiohttp

    return (aiohttp.ClientError, OSError)  # timeouts are OSErrors


@lru_cache(100)
def _timeout(connect: float, read: float) -> aiohttp.ClientTimeout:
    import aiohttp

    return aiohttp.ClientTimeout(total=None, sock_connect=connect, sock_read=read)
