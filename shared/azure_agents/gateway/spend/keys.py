"""Keys of clients in Redis: made and deleted there, and known to every gateway within seconds.

Each gateway reads all of them every few seconds, and at once when somebody calls with a key that it
does not know, but at most once a second, whatever is guessed. While Redis is away the keys that
were read last are good. Redis has hashes only, as the config file does.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from time import monotonic
from typing import Any

from ...errors import ConfigError
from ...routing.redis_link import RedisLink
from ...routing.redis_script import Eval, Script
from ..config.client_keys import read_key
from ..config.objects import GatewayKey
from ..keyring import Caller
from .link import Shared, key_of

_LOGGER = logging.getLogger("azure_agents")
_EVERY = 5.0  # seconds between two readings: as long a deleted key may be used
_SOONEST = 1.0  # seconds between two readings because of unknown keys
_TAG = ("keys", "all")

# KEYS: a hash by name of JSON.
_READ = Script("return redis.call('HGETALL', KEYS[1])")
_ADD = Script("return redis.call('HSETNX', KEYS[1], ARGV[1], ARGV[2])")
_DELETE = Script("return redis.call('HDEL', KEYS[1], ARGV[1])")


class SharedKeys:
    """The keys in Redis, as they were read last.

    Args:
        shared: Redis.
        is_on: Whether the config is so that there are any.

    Attributes:
        known: Their hashes, and whose they are.
        is_read: Whether they were read at all.
    """

    def __init__(self, shared: Shared, is_on: Callable[[], bool]) -> None:
        self._shared, self._is_on = shared, is_on
        self._read_at = -_SOONEST
        self._reading = asyncio.Lock()
        self.known: tuple[tuple[bytes, Caller], ...] = ()
        self.is_read = False

    async def refresh(self) -> bool:
        """Read them again for a key that is unknown; False: they were, just now."""
        began = monotonic()
        if began - self._read_at < _SOONEST:
            return False
        async with self._reading:
            if self._read_at < began:
                await self.read()
        return True

    async def read(self) -> None:
        """Read them; what was read last stays while Redis is away."""
        self._read_at = monotonic()
        reply = await self._shared.ask(Eval(_READ, (self._shared.key(*_TAG),), ()))
        if reply is not None:
            keys = _keys(reply)
            self.known = tuple(
                (key.hash.encode(), Caller(key.name, key, key.is_admin)) for key in keys
            )
            self.is_read = True

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[None]:
        """Read them every few seconds, if the config is so."""
        task = asyncio.create_task(self._read_always())
        try:
            yield
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    async def _read_always(self) -> None:
        while True:
            if self._is_on():
                await self.read()
            await asyncio.sleep(_EVERY if self.is_read else _SOONEST)


class KeyStore:
    """Keys in Redis, for people who make and delete them.

    Args:
        url: Of Redis.
        prefix: First part of all keys there.

    Raises:
        ConfigError: The URL is none.
    """

    def __init__(self, url: str, prefix: str) -> None:
        self._link = RedisLink(url)
        self._key = key_of(prefix, *_TAG)

    def add(self, name: str, settings: Mapping[str, Any]) -> GatewayKey:
        """Let a key be good.

        Args:
            name: Of the key.
            settings: Its hash and what it may do, as the config file has them.

        Raises:
            ConfigError: A setting is wrong, there is one of this name, or Redis is away.
        """
        key = read_key({"name": name, **settings})
        if not self._ask(_ADD, key.name, json.dumps(dict(settings))):
            raise ConfigError(
                f"there is a key {key.name!r}: choose another name, or delete it first"
            )
        return key

    def all(self) -> list[GatewayKey]:
        """All keys, by name.

        Raises:
            ConfigError: Redis is away.
        """
        return sorted(_keys(self._ask(_READ)), key=lambda key: key.name)

    def delete(self, name: str) -> None:
        """Let a key be good no longer.

        Args:
            name: Of the key.

        Raises:
            ConfigError: There is none, or Redis is away.
        """
        if not self._ask(_DELETE, name):
            raise ConfigError(f"there is no key {name!r} in Redis")

    def _ask(self, script: Script, *args: str) -> Any:
        reply = self._link.ask(Eval(script, (self._key,), args))
        self._link.close()
        if reply is None:
            raise ConfigError("Redis did not answer: nothing was changed, as far as known")
        return reply


def _keys(reply: list[bytes]) -> list[GatewayKey]:
    """The keys that Redis has; one that is wrong is not good, and the log says so."""
    found = []
    for name, text in zip(reply[::2], reply[1::2], strict=True):
        try:
            found.append(read_key({**json.loads(text), "name": name.decode()}))
        except (ConfigError, ValueError, TypeError) as wrong:
            _LOGGER.warning(
                "the key %r in Redis is wrong: %s", name.decode("utf-8", "replace"), wrong
            )
    return found
