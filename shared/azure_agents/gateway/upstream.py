"""The pool of connections to upstreams: the one place of the gateway that opens sockets.

It stands on aiohttp, which is ten times as fast as httpx here. No redirect is followed, no cookie
is kept, nothing is decompressed, and lines are not looked for. Proxies and certificates are those
of the environment, read as the library's other clients read them.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

import httpx

from ..drivers.proxies import is_socks, proxy_to, with_header
from ..errors import (
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
        with _errors_of(self._doing):
            return await self._answer.read()

    async def error_body(self) -> bytes:
        """Read the body of an error: its first megabyte, and no more."""
        with _errors_of(self._doing):
            body = await self._answer.content.read(_MOST_ERROR)
            while len(body) < _MOST_ERROR and not self._answer.content.at_eof():
                body += await self._answer.content.read(_MOST_ERROR - len(body))
        self.close()
        return body

    async def pieces(self) -> AsyncIterator[bytes]:
        """Give all bytes that are there, then all that came meanwhile, and so on."""
        with _errors_of(self._doing):
            async for piece in self._answer.content.iter_any():
                yield piece

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
            with _errors_of(doing):
                return Incoming(await self._send(call), doing)
        except ConnectionLostError:
            if not isinstance(call.body, bytes):
                raise
        with _errors_of(doing):
            return Incoming(await self._send(call), doing)

    async def _send(self, call: Call) -> aiohttp.ClientResponse:
        import aiohttp

        session = self._session or self._open()
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=call.connect, sock_read=call.read)
        return await session.request(
            call.method,
            call.url,
            data=call.body,
            headers=call.headers,
            allow_redirects=False,
            timeout=timeout,
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


@contextmanager
def _errors_of(doing: str) -> Iterator[None]:
    """Turn aiohttp's errors into this package's; their words name the upstream."""
    import aiohttp

    try:
        yield
    except (aiohttp.ClientProxyConnectionError, aiohttp.ClientConnectorError) as error:
        raise NotSentError(f"{doing}: no connection ({type(error).__name__})") from error
    except (aiohttp.ServerTimeoutError, TimeoutError) as error:
        if isinstance(error, aiohttp.ConnectionTimeoutError):
            raise NotSentError(f"{doing}: no connection in time") from error
        raise TimedOutError(f"{doing}: no answer in time") from error
    except aiohttp.ClientResponseError as error:
        raise ProtocolError(f"{doing}: not HTTP ({type(error).__name__})") from error
    except (aiohttp.ClientError, ConnectionError, OSError) as error:
        raise ConnectionLostError(
            f"{doing}: the answer was lost ({type(error).__name__})"
        ) from error
