"""A thread store in Redis, for processes on any number of machines.

Each operation is one short Lua script, which Redis runs atomically. A network lies between, so a
command may be lost, come late (its sender has given up long ago) or come twice (clients repeat
commands); and Redis may restart from an old snapshot, or a replica may take over that had not
heard of everything. An old head must not come back by any of these:

- **Late and repeated puts.** A head is put once in its life. `take` leaves a mark beside the
  entry, and a put of what has been taken does nothing. So a put that is executed changes
  something only while its head was never taken: then nobody appended after it. The mark stays
  for a day, far longer than a network can delay a command. A late or repeated `take` removes a
  head that its caller believes not to have: a fork. `CLOSED` is final and its put is idempotent.
- **A store set back in time.** Every entry carries the id of the Redis process that wrote it
  (``run_id``, new with every start, another on each replica); a script believes only what its own
  server wrote. A restart therefore costs one fork per conversation, whatever was on disk.
- **A put from before a restart.** A put names the server it was meant for: the one its turn took
  the head from, else the one known last. Another server refuses it. Else a thread that was closed
  or a head that was taken under the old server could come back under the new one.

What remains: the digest of the system messages sent to a pinned thread is not such a one-time
value; if Redis executes its put more than a turn late, a system message may be sent once too
often or too rarely there. Redis must not evict entries that are in use (``maxmemory-policy
noeviction``, or memory enough).
"""

from __future__ import annotations

from collections import OrderedDict
from contextlib import suppress
from inspect import iscoroutinefunction
from typing import Any
from urllib.parse import urlsplit

from ..errors import ConfigError
from ..seams import RedisClient
from .outage import DegradingStore, check_limits
from .store import CLOSED, DAY, DEFAULT_TTL

_CONNECT = 2.0  # seconds
_ANSWER = 2.0
_REST = 5.0  # a turn asks a few times: it shall not wait for a dead server each time
_MARKED = int(DAY * 1000)
_MOST_CLAIMS = 10_000

# KEYS: the entry, the mark of the value in ARGV[1]. An entry is "<run_id>:<value>".
_BEGIN = """
local server = string.match(redis.call('INFO', 'server'), 'run_id:(%w+)')
if not server then return redis.error_reply('ERR this server gives no run_id') end
local entry = redis.call('GET', KEYS[1])
local value = false
if entry and string.sub(entry, 1, #server + 1) == server .. ':' then
    value = string.sub(entry, #server + 2)
end
"""
_GET = _BEGIN + "return {server, value}"
_TAKE = (
    _BEGIN
    + """
if value ~= ARGV[1] then return {server, 0} end
redis.call('DEL', KEYS[1])
redis.call('SET', KEYS[2], '', 'PX', ARGV[2])
return {server, 1}
"""
)
_PUT = (
    _BEGIN
    + """
local closes = ARGV[1] == ''
if not closes and (ARGV[3] ~= server or value == '') then return {server, 0} end
if not closes and redis.call('EXISTS', KEYS[2]) == 1 then return {server, 0} end
redis.call('SET', KEYS[1], server .. ':' .. ARGV[1], 'PX', ARGV[2])
return {server, 1}
"""
)


class RedisThreadStore(DegradingStore):
    """A `ThreadStore` for processes on any number of machines.

    Nothing is sent before the first call. The commands used are EVAL, and within it GET, SET,
    DEL, EXISTS and INFO.

    Args:
        redis: ``redis://``, ``rediss://`` or ``unix://`` URL, or a sync client of redis-py for
            everything that a URL cannot say; give such a client short timeouts.
        prefix: First part of all keys; stores with different prefixes know nothing of each other.
        ttl: Seconds that an entry is kept.

    Raises:
        ConfigError: redis-py is missing, or `redis` is neither a URL of it nor a sync client.
    """

    def __init__(
        self,
        redis: str | RedisClient,
        *,
        prefix: str = "azure-agents",
        ttl: float = DEFAULT_TTL,
    ) -> None:
        check_limits(ttl=ttl)
        self._client, failure = _connect(redis)
        super().__init__(failure, OSError, rest=_REST)
        self._place = _shown(redis) if isinstance(redis, str) else type(redis).__name__
        self._prefix = prefix
        self._ttl = max(1, int(ttl * 1000))
        self._server = b""
        self._claims: OrderedDict[str, bytes] = OrderedDict()

    def close(self) -> None:
        """Close the connections; the store can still be used."""
        with suppress(*self._failures):
            self._client.close()

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._place!r}, prefix={self._prefix!r})"

    def __reduce__(self) -> tuple[Any, ...]:
        raise TypeError(
            f"{self!r} cannot be pickled, since its settings may hold a password: "
            "make the store anew in the other process"
        )

    # --- operations -----------------------------------------------------------------------------

    def _get(self, key: str) -> str | None:
        _, value = self._run(_GET, key, "")
        return None if value is None else _decoded(value)

    def _put(self, key: str, value: str) -> bool:
        if not self._server:
            self._get(key)
        server = self._server
        # A head names the server that its turn took the head before from: after a failover the new
        # server refuses it, since the thread may have been closed under the old one meanwhile.
        # `CLOSED` follows no claim, and may go to whatever server there is now.
        if value != CLOSED:
            with self._guard:
                server = self._claims.pop(key, server)
        _, done = self._run(_PUT, key, value, self._ttl, server)
        return bool(done)

    def _take(self, key: str, expected: str) -> bool:
        server, is_ours = self._run(_TAKE, key, expected, _MARKED)
        if is_ours:
            with self._guard:
                self._claims[key] = server
                if len(self._claims) > _MOST_CLAIMS:
                    self._claims.popitem(last=False)
        return bool(is_ours)

    def _run(self, script: str, key: str, value: str, *more: int | bytes) -> tuple[bytes, Any]:
        """Run a script; return the server that ran it, and its result."""
        # The braces put both keys into one slot of a cluster.
        entry = f"{self._prefix}:{{{key}}}"
        keys = [entry.encode(), f"{entry}:taken:{value}".encode()]
        server, result = self._client.eval(script, len(keys), *keys, value.encode(), *more)
        self._server = server if isinstance(server, bytes) else server.encode()
        return self._server, result


def _connect(given: object) -> tuple[Any, type[Exception]]:
    """Return a client, and the base class of redis-py's errors."""
    try:
        from redis.exceptions import RedisError
    except ImportError as exc:
        raise ConfigError(
            'RedisThreadStore needs redis-py, install it with: pip install "azure-agents[redis]"'
        ) from exc
    if isinstance(given, str):
        return _from_url(given), RedisError
    if not callable(getattr(given, "eval", None)) or iscoroutinefunction(
        getattr(given, "execute_command", None)
    ):
        raise ConfigError(
            f"redis is a {type(given).__name__}: give a URL (redis://…) or a sync client, "
            "redis.Redis(…); async turns use it in a thread"
        )
    return given, RedisError


def _from_url(url: str) -> Any:
    from redis import Redis
    from redis.backoff import NoBackoff
    from redis.exceptions import ConnectionError as Lost
    from redis.retry import Retry

    try:
        return Redis.from_url(
            url,
            socket_connect_timeout=_CONNECT,
            socket_timeout=_ANSWER,
            # Once, for a pooled connection that a firewall cut; a time-out is not tried again.
            retry=Retry(NoBackoff(), 1, supported_errors=(Lost,)),
        )
    except (ValueError, TypeError):
        pass  # the error is raised outside: as its context, this one could show the password
    raise ConfigError(
        f"{_shown(url)!r} is no Redis URL: use redis://host:6379/0, rediss://… (TLS) or "
        "unix:///path/of/socket, with special characters of a password percent-encoded"
    )


def _shown(url: str) -> str:
    """Return the URL without user, password and options."""
    try:
        parts = urlsplit(url)
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        return "…"
    misplaced = "@" in parts.path + parts.query + parts.fragment  # a password with / ? or #
    if misplaced or parts.scheme not in ("redis", "rediss", "unix"):
        return "…"
    return f"{parts.scheme}://{parts.hostname or ''}{port}{parts.path}"


def _decoded(answer: str | bytes) -> str:
    return answer if isinstance(answer, str) else answer.decode()
