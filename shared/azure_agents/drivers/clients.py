"""HTTP clients: one for threads, one per event loop, made when first needed.

Bare httpx collapses under parallel load, so the async client stands on ``httpx-aiohttp`` where that
is installed. A client of an event loop is closed with its loop: it lives in an async generator
that the loop finalises when it shuts down, so nobody has to remember to close it.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from http.cookiejar import CookieJar, DefaultCookiePolicy
from threading import Lock
from typing import Any
from weakref import WeakKeyDictionary

import httpx

from .bounds import abound, bound

CLEAN_UP = "azure-agents clean-up"  # name of the tasks that tidy up after a turn that was left
_CLEAN_UP_SECONDS = 5.0

_LIMITS = httpx.Limits(max_connections=None, max_keepalive_connections=100)
# Each of these wins over what the environment says (``HTTP_PROXY`` and the like).
_NO_PROXY: dict[str, None] = dict.fromkeys(("http://", "https://", "all://"))
_AIOHTTP_LIMITS = httpx.Limits(max_connections=0)  # None would mean aiohttp's own limit: 100


def _settings(*, is_local: bool) -> dict[str, Any]:
    """What both kinds of clients are made with; redirects are never followed.

    A client serves many users: a cookie that came with the answer to one must not go along with the
    questions of the next. To this machine plain http is allowed, and a proxy is another machine.
    """
    return {
        "limits": _LIMITS,
        "follow_redirects": False,
        "cookies": CookieJar(DefaultCookiePolicy(allowed_domains=())),
        "mounts": _NO_PROXY if is_local else None,
    }


class SyncClient:
    """The HTTP client of all threads.

    Args:
        transport: Used instead of the network, and left open.
        is_local: Whether all requests go to this machine.
    """

    def __init__(
        self, transport: httpx.BaseTransport | None = None, *, is_local: bool = False
    ) -> None:
        self._transport = transport
        self._is_local = is_local
        self._client: httpx.Client | None = None
        self._lock = Lock()

    def get(self) -> httpx.Client:
        """The client; redirects are never followed."""
        with self._lock:
            if self._client is None:
                self._client = httpx.Client(
                    transport=self._transport,
                    event_hooks={"response": [bound]},
                    **_settings(is_local=self._is_local),
                )
            return self._client

    def close(self) -> None:
        """Close the connections; a later call opens new ones."""
        with self._lock:
            client, self._client = self._client, None
        if client is not None and self._transport is None:
            client.close()


class LoopClients:
    """The HTTP clients of all event loops.

    Args:
        transport: Used instead of the network, and left open.
        is_local: Whether all requests go to this machine.
    """

    def __init__(
        self, transport: httpx.AsyncBaseTransport | None = None, *, is_local: bool = False
    ) -> None:
        self._transport = transport
        self._is_local = is_local
        self._lock = Lock()
        self._alive: WeakKeyDictionary[
            asyncio.AbstractEventLoop, tuple[httpx.AsyncClient, AsyncGenerator[None, None]]
        ] = WeakKeyDictionary()

    async def get(self) -> httpx.AsyncClient:
        """The client of the running loop; redirects are never followed."""
        loop = asyncio.get_running_loop()
        with self._lock:
            known = self._alive.get(loop)
            if known is not None:
                return known[0]
            client = self._new_client()
            lifetime = self._closed_with(loop, client)
            self._alive[loop] = (client, lifetime)
        await anext(lifetime)
        return client

    async def _closed_with(
        self, loop: asyncio.AbstractEventLoop, client: httpx.AsyncClient
    ) -> AsyncGenerator[None, None]:
        try:
            yield
        finally:
            await _clean_ups()
            with self._lock:
                known = self._alive.get(loop)
                # A client knows its loop: what stays here would keep both alive for good.
                if known is not None and known[0] is client:
                    del self._alive[loop]
            if self._transport is None:
                await client.aclose()

    def _new_client(self) -> httpx.AsyncClient:
        transport = self._transport or _fast_transport()
        return httpx.AsyncClient(
            transport=transport,
            event_hooks={"response": [abound]},
            **_settings(is_local=self._is_local),
        )

    async def aclose(self) -> None:
        """Close the connections of the running loop; a later call opens new ones."""
        with self._lock:
            known = self._alive.pop(asyncio.get_running_loop(), None)
        if known is not None:
            await known[1].aclose()


async def _clean_ups() -> None:
    """Wait for what still needs the client.

    A loop that ends closes all generators at once: after one tick, streams have begun to tidy up.
    """
    await asyncio.sleep(0)
    tasks = [task for task in asyncio.all_tasks() if task.get_name() == CLEAN_UP]
    if tasks:
        await asyncio.wait(tasks, timeout=_CLEAN_UP_SECONDS)


def _fast_transport() -> httpx.AsyncBaseTransport | None:
    try:
        from httpx_aiohttp import AiohttpTransport
    except ImportError:
        return None
    return AiohttpTransport(limits=_AIOHTTP_LIMITS)
