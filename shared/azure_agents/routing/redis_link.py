"""Asks Redis, and is never a reason for a request to fail or to wait long.

Redis may be away, or take connections and never answer, also at the start. A command waits a
bounded time. After one that failed, Redis is left alone for a while and each process counts for
itself; then one request tries again, while the others go on without. The log gets a line when
Redis goes and one when it is back.

Scripts are called by their digest. Where Redis does not know it yet, or the user may not call so,
the whole script is sent; ``SCRIPT`` is never used, since some servers refuse it.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncGenerator
from contextlib import suppress
from importlib import import_module
from threading import Lock
from time import monotonic
from typing import Any
from urllib.parse import quote, urlsplit

from ..drivers.loops import PerLoop, close_at_the_end
from ..errors import ConfigError
from ..naming import shown
from .redis_script import Eval

_LOGGER = logging.getLogger("azure_agents")
_CONNECT = 0.5  # seconds
_ANSWER = 0.5
_REST = 2.0  # seconds that a Redis which failed is left alone
_CONNECTIONS = 64
_PORTS = 65_535
_SCHEMES = ("redis", "rediss", "unix")


class Breaker:
    """Says whether Redis may be asked now.

    Args:
        rest: Seconds that it is left alone after it failed.
        place: What to call it in the log; without a password.
    """

    def __init__(self, place: str, rest: float = _REST) -> None:
        self._lock = Lock()
        self._place = place
        self._rest = rest
        self._again_at = 0.0
        self.is_down = False
        self.outages = 0

    def lets(self) -> bool:
        """Whether to ask; of those that come after a rest only the first one is let."""
        if not self.is_down:
            return True
        with self._lock:
            now = monotonic()
            if now < self._again_at:
                return False
            self._again_at = now + self._rest
            return True

    def succeeded(self) -> None:
        """Redis answered."""
        if not self.is_down:
            return
        with self._lock:
            was_down, self.is_down = self.is_down, False
        if was_down:
            _LOGGER.info("%s answers again: the router's counts are shared", self._place)

    def failed(self, error: Exception) -> None:
        """Redis did not answer as it should.

        Args:
            error: Why; its text may hold a URL, so it is not logged.
        """
        with self._lock:
            was_down, self.is_down = self.is_down, True
            self._again_at = monotonic() + self._rest
            self.outages += not was_down
        if not was_down:
            _LOGGER.warning(
                "%s does not answer (%s): each process counts its own requests until it does",
                self._place,
                type(error).__name__,
            )


class RedisLink:
    """Connections to one Redis, for threads and event loops; nothing is opened before it is used.

    Args:
        url: ``redis://``, ``rediss://`` or ``unix://``.
        rest: Seconds that a Redis which failed is left alone.

    Raises:
        ConfigError: redis-py is missing, or `url` is no URL of it.
    """

    def __init__(self, url: str, *, rest: float = _REST) -> None:
        self._url = url
        self.breaker = Breaker(f"Redis at {shown_url(url)}", rest)
        self._client = _client_of(url, "redis")
        self._of_loops: PerLoop[tuple[Any, AsyncGenerator[None, None]]] = PerLoop()

    def ask(self, asked: Eval) -> Any:
        """Run a script; None while Redis is away.

        Args:
            asked: The script with its keys and arguments.
        """
        if not self.breaker.lets():
            return None
        try:
            reply = self._run(self._client, asked)
        except Exception as error:  # noqa: BLE001 - whatever it is, no request fails for it
            self.breaker.failed(error)
            return None
        self.breaker.succeeded()
        return reply

    async def aask(self, asked: Eval) -> Any:
        """Do as `ask` does, on an event loop.

        Args:
            asked: As for `ask`.
        """
        if not self.breaker.lets():
            return None
        try:
            reply = await self._arun(await self._of_this_loop(), asked)
        except Exception as error:  # noqa: BLE001 - whatever it is, no request fails for it
            self.breaker.failed(error)
            return None
        self.breaker.succeeded()
        return reply

    def close(self) -> None:
        """Close the connections of threads; the link can still be used."""
        with suppress(Exception):
            self._client.connection_pool.disconnect()

    def _run(self, client: Any, asked: Eval) -> Any:
        try:
            return client.evalsha(asked.script.digest, len(asked.keys), *asked.keys, *asked.args)
        except _unknown():
            return client.eval(asked.script.text, len(asked.keys), *asked.keys, *asked.args)

    async def _arun(self, client: Any, asked: Eval) -> Any:
        place = (len(asked.keys), *asked.keys, *asked.args)
        try:
            return await client.evalsha(asked.script.digest, *place)
        except _unknown():
            return await client.eval(asked.script.text, *place)

    async def _of_this_loop(self) -> Any:
        known = self._of_loops.find()
        if known is not None:
            return known[0]
        client = _client_of(self._url, "redis.asyncio")
        lifetime = _lifetime(client)
        self._of_loops.put((client, lifetime))
        await anext(lifetime)
        close_at_the_end(self, lifetime)
        return client

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {shown_url(self._url)}>"


async def _lifetime(client: Any) -> AsyncGenerator[None, None]:
    try:
        yield
    finally:
        with suppress(Exception):
            await client.connection_pool.disconnect()


def url_of(host: str, port: object, password: str | None, username: str | None = None) -> str:
    """Make a URL of what LiteLLM's arguments say.

    Args:
        host: Name or address.
        port: A number, also as text; None: 6379.
        password: Of the user; may be secret.
        username: With a password; None: Redis's default user.

    Raises:
        ConfigError: `port` is no port.
    """
    number = str(port or 6379)
    if not number.isdecimal() or not 0 < int(number) <= _PORTS:
        raise ConfigError(f"redis_port must be a port, got {shown(port)}")
    name = f"[{host}]" if ":" in host else host
    user = f"{quote(username or '', safe='')}:{quote(password, safe='')}@" if password else ""
    return f"redis://{user}{name}:{number}/0"


def shown_url(url: str) -> str:
    """Give the URL without user, password and options."""
    try:
        parts = urlsplit(url)
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        return "…"
    is_misplaced = "@" in parts.path + parts.query + parts.fragment  # a password with / ? or #
    if is_misplaced or parts.scheme not in _SCHEMES:
        return "…"
    return f"{parts.scheme}://{parts.hostname or ''}{port}{parts.path}"


def _client_of(url: str, module: str) -> Any:
    try:
        library, retry = import_module(module), import_module(f"{module}.retry")
        from redis.backoff import NoBackoff
        from redis.exceptions import ConnectionError as Lost
    except ImportError as error:
        raise ConfigError(
            "a router that counts in Redis needs redis-py, install it with: "
            'pip install "azure-agents[redis]"'
        ) from error
    try:
        pool = library.BlockingConnectionPool.from_url(
            url,
            max_connections=_CONNECTIONS,
            timeout=_ANSWER,
            socket_connect_timeout=_CONNECT,
            socket_timeout=_ANSWER,
            # Once, for a kept connection that a firewall cut; a time-out is not tried again.
            retry=retry.Retry(NoBackoff(), 1, supported_errors=(Lost,)),
        )
    except (ValueError, TypeError):
        pass  # the error is raised outside: as its context, this one could show the password
    else:
        return library.Redis(connection_pool=pool)
    raise ConfigError(
        f"{shown_url(url)!r} is no Redis URL: use redis://host:6379/0, rediss://… (TLS) or "
        "unix:///path/of/socket, with special characters of a password percent-encoded"
    )


def _unknown() -> tuple[type[Exception], ...]:
    """Errors after which the whole script is sent."""
    from redis.exceptions import NoPermissionError, NoScriptError

    return NoScriptError, NoPermissionError
