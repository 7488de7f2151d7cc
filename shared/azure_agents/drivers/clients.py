"""HTTP clients: one for threads, one per event loop, made when first needed.

Bare httpx collapses under parallel load, so the async client stands on ``httpx-aiohttp`` where that
is installed. A client of an event loop is closed with its loop: it lives in an async generator
that ends with the loop, so nobody has to remember to close it. The client of threads is closed when
nobody has it any more, or with the process.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from http.cookiejar import CookieJar, DefaultCookiePolicy
from ssl import SSLContext
from threading import Lock
from typing import Any
from weakref import finalize

import httpx

from ..settings.endpoint import Endpoint
from .bounds import abound, bound
from .loops import PerLoop, close_at_the_end
from .proxies import is_socks, proxy_to, with_header

CLEAN_UP = "azure-agents clean-up"  # name of the tasks and threads that do it
_CLEAN_UP_SECONDS = 5.0

_LIMITS = httpx.Limits(max_connections=None, max_keepalive_connections=100)
# Each of these wins over what the environment says (``HTTP_PROXY`` and the like).
_NO_PROXY: dict[str, None] = dict.fromkeys(("http://", "https://", "all://"))
_AIOHTTP_LIMITS = httpx.Limits(max_connections=0)  # None would mean aiohttp's own limit: 100


def _settings() -> dict[str, Any]:
    """Return the settings that both kinds of clients have; redirects are never followed.

    A client serves many users: a cookie that came with the answer to one must not go along with the
    questions of the next.
    """
    return {
        "limits": _LIMITS,
        "follow_redirects": False,
        "cookies": CookieJar(DefaultCookiePolicy(allowed_domains=())),
    }


class SyncClient:
    """The HTTP client of all threads.

    Args:
        transport: Used instead of the network, and left open.
        endpoint: Where all requests go; without it no proxy is used.
    """

    def __init__(
        self, transport: httpx.BaseTransport | None = None, endpoint: Endpoint | None = None
    ) -> None:
        self._transport = transport
        self._endpoint = endpoint
        self._client: httpx.Client | None = None
        self._end: Callable[[], object] | None = None
        self._lock = Lock()

    def get(self) -> httpx.Client:
        """Return the client; redirects are never followed.

        Raises:
            ConfigError: The environment names a proxy that cannot be used.
        """
        with self._lock:
            if self._client is None:
                self._client = self._new_client()
                if self._transport is None:
                    # Also when nobody has this object any more, and when the process ends.
                    self._end = finalize(self, self._client.close)
            return self._client

    def _new_client(self) -> httpx.Client:
        way: dict[str, Any] = {"transport": self._transport}
        if self._transport is None:
            way = _connect_options(_proxy_to(self._endpoint))
        return httpx.Client(event_hooks={"response": [bound]}, **way, **_settings())

    def close(self) -> None:
        """Close the connections; a later call opens new ones."""
        with self._lock:
            end, self._client, self._end = self._end, None, None
        if end is not None:
            end()


class LoopClients:
    """The HTTP clients of all event loops.

    Args:
        transport: Used instead of the network, and left open.
        endpoint: Where all requests go; without it no proxy is used.
    """

    def __init__(
        self,
        transport: httpx.AsyncBaseTransport | None = None,
        endpoint: Endpoint | None = None,
    ) -> None:
        self._transport = transport
        self._endpoint = endpoint
        self._tls: SSLContext | None = None
        self._known: PerLoop[tuple[httpx.AsyncClient, AsyncGenerator[None, None]]] = PerLoop()

    async def get(self) -> httpx.AsyncClient:
        """Return the client of the running loop; redirects are never followed.

        Raises:
            ConfigError: The environment names a proxy that cannot be used.
        """
        known = self._known.find()
        if known is not None and not known[0].is_closed:
            return known[0]
        client = self._new_client()
        lifetime = _lifetime(client, is_ours=self._transport is None)
        self._known.put((client, lifetime))
        await anext(lifetime)
        close_at_the_end(self, lifetime)
        return client

    def _new_client(self) -> httpx.AsyncClient:
        way: dict[str, Any] = {"transport": self._transport}
        if self._transport is None:
            way = self._connect_options(_proxy_to(self._endpoint))
        return httpx.AsyncClient(event_hooks={"response": [abound]}, **way, **_settings())

    def _connect_options(self, proxy: httpx.Proxy | None) -> dict[str, Any]:
        if proxy is not None and is_socks(proxy):  # aiohttp speaks no SOCKS
            return _connect_options(proxy)
        try:
            from httpx_aiohttp import AiohttpTransport
        except ImportError:
            return _connect_options(proxy)
        if self._tls is None:  # reading all certificates takes long: once is enough
            self._tls = httpx.create_ssl_context()
        proxy = proxy and with_header(proxy)
        made = AiohttpTransport(verify=self._tls, limits=_AIOHTTP_LIMITS, proxy=proxy)
        return {"transport": made}

    async def aclose(self) -> None:
        """Close the connections of the running loop; a later call opens new ones."""
        known = self._known.take()
        if known is not None:
            await known[1].aclose()


async def _lifetime(client: httpx.AsyncClient, *, is_ours: bool) -> AsyncGenerator[None, None]:
    """Live as long as a client: closing this generator closes it."""
    try:
        yield
    finally:
        # A client that is collected as its program ends is closed by a task that `asyncio.run`
        # cancels before its first step. Python throws that in here, and once more at the first
        # ``await``: the connections are closed all the same.
        try:
            await _wait_for_clean_ups()
        finally:
            if is_ours:
                await client.aclose()


async def _wait_for_clean_ups() -> None:
    """Wait for what still needs the client.

    A loop that ends closes all generators at once: after one tick, the turns that were left have
    begun to clean up.
    """
    await asyncio.sleep(0)
    tasks = [task for task in asyncio.all_tasks() if task.get_name() == CLEAN_UP]
    if tasks:
        await asyncio.wait(tasks, timeout=_CLEAN_UP_SECONDS)


def _proxy_to(endpoint: Endpoint | None) -> httpx.Proxy | None:
    return proxy_to(endpoint) if endpoint is not None else None


def _connect_options(proxy: httpx.Proxy | None) -> dict[str, Any]:
    """Return how an httpx client connects: by this proxy, whatever the environment says."""
    return {"mounts": _NO_PROXY} if proxy is None else {"proxy": proxy}
