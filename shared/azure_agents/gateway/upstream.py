"""The connections to upstreams: the one place of the gateway that opens sockets.

Connections wait here for the next request, the last one used first, so that those that are not
needed grow old and are closed. Proxies and certificates are those of the environment, read as the
library's other clients read them; upstreams behind a proxy are asked by `proxied`.
"""

from __future__ import annotations

import asyncio
import re
import ssl
from functools import lru_cache, partial
from socket import SOCK_STREAM
from typing import TYPE_CHECKING, Any

import httpx

from ..errors import ConfigError, ConnectionLostError, NotSentError
from .exchange import Call, Incoming
from .proxied import Proxied

if TYPE_CHECKING:
    from .connections import Answer, Connection

_MISSING = 'the gateway needs httptools, install it with: pip install "azure-agents[gateway]"'
_KEEP_ALIVE = 55.0  # seconds; Azure closes idle connections after a minute or more, guess
_MOST_IDLE = 1_000  # connections to one upstream
_REAP = 5.0  # seconds between two looks for those that are too old
_LOOKUP = 10.0  # seconds that the addresses of a name are believed
_NEXT_ADDRESS = 0.25  # seconds until the next address is tried beside the first (RFC 8305)
_TARGET = re.compile(r"/[!-~]*")

_Origin = tuple[str, str, int]


class Upstream:
    """The connections of one event loop."""

    def __init__(self) -> None:
        self._all: set[Connection] = set()
        self._idle: dict[_Origin, list[Connection]] = {}
        self._lookups: dict[tuple[str, int], asyncio.Future[Any]] = {}
        self._reaping: asyncio.TimerHandle | None = None
        self._tls: ssl.SSLContext | None = None
        self._proxied: Proxied | None = None

    async def ask(self, call: Call, doing: str) -> Incoming:
        """Send a request, and wait for the head of its answer.

        A connection that was kept alive may have died unseen: a request that got no byte in answer
        is made once more on a new one, if a second one harms nobody.

        Args:
            call: The request.
            doing: What is being done, for errors.

        Raises:
            NotSentError: There is no connection.
            ConnectionLostError: It broke.
            TimedOutError: Something took too long.
            ProtocolError: What came is no HTTP.
        """
        if call.way.proxy is not None or not isinstance(call.body, bytes):
            return await self._by_proxy().ask(call, doing)
        origin, request = _written(call)
        kept = self._kept(origin)
        if kept is not None:
            answer = _send(kept, call, request, doing)
            try:
                return await answer.begun()
            except ConnectionLostError:
                if answer.is_heard or not call.may_repeat:
                    raise
        made = await self._open(origin, call.connect, doing)
        return await _send(made, call, request, doing).begun()

    def _by_proxy(self) -> Proxied:
        if self._proxied is None:
            self._proxied = Proxied(self._trusted(), _KEEP_ALIVE)
        return self._proxied

    def _trusted(self) -> ssl.SSLContext:
        self._tls = self._tls or httpx.create_ssl_context()
        return self._tls

    # --- connections --------------------------------------------------------------------------

    def _kept(self, origin: _Origin) -> Connection | None:
        """The connection that was used last, if there is one."""
        idle = self._idle.get(origin)
        now = asyncio.get_running_loop().time()
        while idle:
            one = idle.pop()
            if one.is_open and one.idle_until > now:
                return one
            one.abort()
        return None

    async def _open(self, origin: _Origin, most: float, doing: str) -> Connection:
        try:
            async with asyncio.timeout(most):
                return await self._connect(origin)
        except (OSError, UnicodeError) as error:  # timeouts are OSErrors
            kind = type(error).__name__
            raise NotSentError(f"{doing}: no connection ({kind})") from error

    async def _connect(self, origin: _Origin) -> Connection:
        try:
            from aiohappyeyeballs import start_connection

            from .connections import Connection
        except ImportError as missing:
            raise ConfigError(_MISSING) from missing

        loop, (scheme, host, port) = asyncio.get_running_loop(), origin
        found = await self._addresses(host, port)
        is_tls = scheme == "https"
        _, made = await loop.create_connection(
            lambda: Connection(partial(self._free, origin), self._all.discard),
            sock=await start_connection(found, happy_eyeballs_delay=_NEXT_ADDRESS, loop=loop),
            ssl=self._trusted() if is_tls else None,
            server_hostname=host if is_tls else None,
        )
        self._all.add(made)
        return made

    async def _addresses(self, host: str, port: int) -> Any:
        """Where a name leads: asked once for all who want to know at the same time."""
        looking = self._lookups.get((host, port))
        if looking is None:
            loop = asyncio.get_running_loop()
            looking = asyncio.ensure_future(loop.getaddrinfo(host, port, type=SOCK_STREAM))
            self._lookups[host, port] = looking
            forget = partial(self._lookups.pop, (host, port), None)
            loop.call_later(_LOOKUP, forget)
            looking.add_done_callback(lambda one: forget() if one.exception() else None)
        return await asyncio.shield(looking)

    def _free(self, origin: _Origin, one: Connection) -> None:
        """Keep a connection for the next request."""
        loop = asyncio.get_running_loop()
        idle = self._idle.setdefault(origin, [])
        if len(idle) >= _MOST_IDLE:
            one.abort()
            return
        one.idle_until = loop.time() + min(one.keep_alive, _KEEP_ALIVE)
        idle.append(one)
        if self._reaping is None:
            self._reaping = loop.call_later(_REAP, self._reap)

    def _reap(self) -> None:
        """Close connections that nobody needed, and forget those that were closed."""
        loop, self._reaping = asyncio.get_running_loop(), None
        now = loop.time()
        for origin, idle in list(self._idle.items()):
            for one in idle:
                if one.idle_until <= now:
                    one.abort()
            self._idle[origin] = [one for one in idle if one.is_open]
            if not self._idle[origin]:
                del self._idle[origin]
        if self._idle:
            self._reaping = loop.call_later(_REAP, self._reap)

    async def aclose(self) -> None:
        """Close all connections."""
        if self._reaping is not None:
            self._reaping.cancel()
            self._reaping = None
        for one in list(self._all):
            one.abort()
        self._idle.clear()
        if self._proxied is not None:
            await self._proxied.aclose()
            self._proxied = None
        await asyncio.sleep(0)  # in which the loop lets go of them


def _send(connection: Connection, call: Call, request: bytes, doing: str) -> Answer:
    return connection.send(request, doing, call.read, has_body=call.method != "HEAD")


def _written(call: Call) -> tuple[_Origin, bytes]:
    """Whom to ask, and the bytes of the request.

    Raises:
        ConfigError: A header or the path holds what would be read as another.
    """
    body = bytes(call.body)
    origin, head = _head(call.method, call.url, tuple(call.headers.items()))
    if body or call.method != "GET":
        return origin, b"%scontent-length: %d\r\n\r\n%s" % (head, len(body), body)
    return origin, b"%s\r\n" % head


@lru_cache(250)
def _head(method: str, url: Any, headers: tuple[tuple[str, str], ...]) -> tuple[_Origin, bytes]:
    """What all requests of an entry with one credential share, while clients add nothing."""
    fields = "".join([f"{name}: {value}\r\n" for name, value in headers])
    ends = len(headers)
    if fields.count("\n") != ends or fields.count("\r") != ends or "\0" in fields:
        raise ConfigError("a header for the upstream holds a line break")
    target = url.raw_path_qs
    if _TARGET.fullmatch(target) is None:
        raise ConfigError("the path of the upstream holds a space or a control character")
    named = any(name == "host" for name, _ in headers)
    host = "" if named else f"host: {url.host_port_subcomponent}\r\n"
    try:
        head = f"{method} {target} HTTP/1.1\r\n{host}{fields}".encode("latin-1")
    except UnicodeEncodeError as error:
        raise ConfigError("a header for the upstream is not in Latin-1") from error
    return (url.scheme, url.raw_host, url.port), head
