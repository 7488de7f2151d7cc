"""The way to upstreams behind a proxy, and of bodies that come in pieces: aiohttp's client.

It knows CONNECT, and costs some times as much as `connections`. No redirect is followed, no cookie
is kept, nothing is decompressed.
"""

from __future__ import annotations

import asyncio
import ssl
from contextlib import suppress
from functools import cache, lru_cache
from typing import TYPE_CHECKING

from ..errors import (
    AzureAgentsError,
    ConfigError,
    ConnectionLostError,
    NotSentError,
    ProtocolError,
    TimedOutError,
)
from .exchange import Call, Incoming

if TYPE_CHECKING:
    import aiohttp

_NO_AIOHTTP = 'the gateway needs aiohttp, install it with: pip install "azure-agents[gateway]"'
_LINGER = 1.0  # seconds that the end of a stream may come behind its last event
_SKIPPED = ("user-agent", "accept-encoding", "accept", "content-type")


class ProxiedAnswer(Incoming):
    """An answer that aiohttp reads.

    Args:
        answer: aiohttp's.
        doing: What is being done, for errors.
    """

    def __init__(self, answer: aiohttp.ClientResponse, doing: str) -> None:
        self._answer, self._doing = answer, doing
        self._ending: asyncio.Task[None] | None = None
        self.status = answer.status
        self.headers = {name.lower(): value for name, value in answer.headers.items()}

    async def read(self) -> bytes:
        """As every answer."""
        try:
            return await self._answer.content.readany()
        except _failures() as error:
            raise _told(error, self._doing) from error

    def finish(self) -> None:
        """As every answer."""
        if not self._answer.content.is_eof():
            self._ending = asyncio.create_task(self._finish())

    async def _finish(self) -> None:
        with suppress(Exception):  # all that was to be read has been read
            async with asyncio.timeout(_LINGER):
                while not self._answer.content.is_eof():
                    await self._answer.content.readany()
        self._answer.close()

    def close(self) -> None:
        """As every answer."""
        self._answer.close()


class Proxied:
    """The pool of one event loop.

    Args:
        tls: Whom to trust.
        keep_alive: Seconds that a connection may be idle.
    """

    def __init__(self, tls: ssl.SSLContext, keep_alive: float) -> None:
        self._tls, self._keep_alive = tls, keep_alive
        self._session: aiohttp.ClientSession | None = None

    async def ask(self, call: Call, doing: str) -> Incoming:
        """As `upstream.Upstream.ask`."""
        try:
            return ProxiedAnswer(await self._send(call), doing)
        except _failures() as error:
            told = _told(error, doing)
            may_repeat = call.may_repeat and isinstance(call.body, bytes)
            if not (isinstance(told, ConnectionLostError) and may_repeat):
                raise told from error
        try:
            return ProxiedAnswer(await self._send(call), doing)
        except _failures() as error:
            raise _told(error, doing) from error

    async def _send(self, call: Call) -> aiohttp.ClientResponse:
        session, headers = self._session or self._open(), call.headers
        if call.way.proxy is not None and call.url.scheme == "http":
            # The proxy reads the request itself, and aiohttp gives it its headers at CONNECT only.
            headers = {**headers, **(call.way.headers or {})}
        return await session.request(
            call.method,
            call.url,
            data=call.body,
            headers=headers,
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
                limit=0, ssl=self._tls, keepalive_timeout=self._keep_alive
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
