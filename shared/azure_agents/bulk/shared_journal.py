"""The journal of a run on many machines, in Redis: who asks which row, and what rows came to.

A process that asks rows has a *lease*, which it renews while it lives. A row is claimed in the name
of that process before it is sent. Whoever wants a row that another has claimed waits for its end,
or for the end of the other's lease: then the process is gone, and the row is taken up where it was,
under the same names, so that what was in flight is found at the service and not asked twice.

A process that lost its lease, since its machine stood still or its network was away, may meet
another one on its rows. It notes nothing from then on, and its rows fail.

All commands are scripts, which Redis runs atomically and which do no harm if they run twice.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from hashlib import sha256
from importlib import import_module
from threading import Event, Thread
from typing import Any, Literal
from uuid import uuid4

from ..errors import ConfigError, TransportError
from ..jsonio import JSON, canonical, loads
from .journal import Begun, Change, Progress, State
from .work import EndedError

VARIABLE = "AZURE_AGENTS_REDIS_URL"
LEASE = 30.0  # seconds
_KEPT = 30 * 24 * 3600  # seconds after which a journal that nobody uses is dropped
_TIMEOUT, _TRIES, _LONGEST_WAIT = 5.0, 6, 3.0  # of a command: seconds, tries, seconds between them
_THREADS = 4

# KEYS: the row, my lease. ARGV: me, digest of the row, what leases' keys begin with, how long kept.
_CLAIM = """
if redis.call('EXISTS', KEYS[2]) == 0 then return {'lost'} end
local row = redis.call('HMGET', KEYS[1], 'state', 'owner', 'digest', 'attempt', 'progress', 'told')
if row[3] and row[3] ~= ARGV[2] then return {'other'} end
if row[1] == 'done' or row[1] == 'failed' then return {row[1], '0', row[6]} end
if row[2] and row[2] ~= ARGV[1] and redis.call('EXISTS', ARGV[3] .. row[2]) == 1 then
    return {'held'}
end
redis.call('HSET', KEYS[1], 'state', 'begun', 'owner', ARGV[1], 'digest', ARGV[2])
redis.call('EXPIRE', KEYS[1], ARGV[4])
return {row[1] or 'new', row[4] or '0', row[5] or ''}
"""
# KEYS: the row, my lease, counts. ARGV: me, how long kept, the state, then names and values.
_NOTE = """
if redis.call('EXISTS', KEYS[2]) == 0 then return 0 end
local row = redis.call('HMGET', KEYS[1], 'owner', 'state')
if row[1] ~= ARGV[1] then return 0 end
redis.call('HSET', KEYS[1], 'state', ARGV[3], unpack(ARGV, 4))
redis.call('EXPIRE', KEYS[1], ARGV[2])
if ARGV[3] ~= 'begun' and row[2] == 'begun' then
    redis.call('HDEL', KEYS[1], 'progress')
    redis.call('HINCRBY', KEYS[3], ARGV[3], 1)
    redis.call('EXPIRE', KEYS[3], ARGV[2])
end
return 1
"""
_TAKE = """
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call('DEL', KEYS[1])
"""


@dataclass(frozen=True, slots=True)
class Claim:
    """What a claim of a row came to.

    Attributes:
        state: ``ours``: ask it; ``held``: another process asks it; ``done``, ``failed``: it is
            over; ``other``: a row of this name and with other columns is in the journal.
        begun: How far the row is, of ours; None: it is new.
        told: What it came to, where it is over.
    """

    state: Literal["ours", "held", "done", "failed", "other"]
    begun: Begun | None = None
    told: JSON | None = None


class SharedJournal:
    """The journal of one run, for one process that asks rows.

    Args:
        run: The name of the run.
        lease: Seconds after which a process that is not heard of is taken for gone.

    Raises:
        ConfigError: There is no Redis.
    """

    def __init__(self, run: str, lease: float = LEASE) -> None:
        self._client = _client()
        self._lease, self._me = lease, uuid4().hex
        self._tag = f"azure-agents-bulk:{{{sha256(run.encode()).hexdigest()[:24]}}}"
        self._thread = ThreadPoolExecutor(_THREADS, "bulk-journal")
        self._closed = Event()
        self._run("SET", self._my_lease, "", "PX", int(lease * 1000))
        self.run_id = self._run_id()
        Thread(target=self._renew, name="bulk-lease", daemon=True).start()

    # --- the run --------------------------------------------------------------------------------

    def _run_id(self) -> str:
        key = f"{self._tag}:facts"
        self._run("HSETNX", key, "run", canonical(uuid4().hex[:16]))
        self._run("EXPIRE", key, _KEPT)
        return str(self.facts()["run"])

    def facts(self) -> dict[str, Any]:
        """What was noted of the run, by name."""
        found = self._run("HGETALL", f"{self._tag}:facts")
        return {name.decode(): loads(value) for name, value in found.items()}

    def note_facts(self, facts: Mapping[str, Any]) -> None:
        """Note facts of the run.

        Args:
            facts: JSON values by name.
        """
        flat = [part for name, value in facts.items() for part in (name, canonical(value))]
        self._run("HSET", f"{self._tag}:facts", *flat)

    def hold(self) -> bool:
        """Become the one process that leads the run; False: another one does, and lives."""
        key, mine = f"{self._tag}:leader", self._me
        leader = self._run("GET", key)
        if leader and self._run("EXISTS", f"{self._tag}:lease:{leader.decode()}"):
            return bool(leader.decode() == mine)
        self._run("EVAL", _TAKE, 1, key, leader or "")
        return bool(self._run("SET", key, mine, "NX", "EX", _KEPT))

    def count(self, state: State) -> int:
        """How many rows have come to an end.

        Args:
            state: ``done`` or ``failed``.
        """
        return int(self._run("HGET", f"{self._tag}:counts", state) or 0)

    # --- rows -----------------------------------------------------------------------------------

    def operation(self, number: int, turn: int, attempt: int) -> str:
        """Name a turn: the same in every process that asks it.

        Args:
            number: Of the row.
            turn: Of the row, from 0.
            attempt: From 0; another one after a turn that failed for certain.
        """
        return f"bulk-{self.run_id}-{number:x}-{turn}-{attempt}"

    async def claim(self, number: int, digest: str) -> Claim:
        """Take a row, if nobody else asks it.

        Args:
            number: Of the row.
            digest: Of its columns.

        Raises:
            EndedError: Redis is away, or this process has lost its lease.
        """
        keys = (self._row(number), self._my_lease)
        args = (self._me, digest, f"{self._tag}:lease:", _KEPT)
        state, *rest = await self._arun("EVAL", _CLAIM, len(keys), *keys, *args)
        word = state.decode()
        if word == "lost":
            raise EndedError from self._lost()
        if word in ("done", "failed"):
            return Claim(word, told=loads(rest[1]))
        if word in ("held", "other"):
            return Claim(word)
        progress = loads(rest[1]) if rest[1] else None
        begun = Begun(int(rest[0]), was_sent=True, progress=progress)
        return Claim("ours", begun if word == "begun" else None)

    async def note(self, *changes: Change) -> None:
        """Note how far rows are; Redis has it when this returns.

        Args:
            changes: In their order.

        Raises:
            EndedError: Redis is away, or this process has lost its lease.
        """
        for one in changes:
            if isinstance(one, Progress):
                kept = "" if one.progress is None else canonical(one.progress)
                values = ("attempt", one.attempt, "progress", kept)
                await self._note(one.number, "begun", *values)

    async def end(self, number: int, state: State, told: JSON) -> None:
        """Note what a row came to.

        Args:
            number: Of the row.
            state: ``done`` or ``failed``.
            told: The columns of its answer, or of its error.

        Raises:
            EndedError: As for `note`.
        """
        await self._note(number, state, "told", canonical(told))

    async def _note(self, number: int, state: str, *values: str | int) -> None:
        keys = (self._row(number), self._my_lease, f"{self._tag}:counts")
        if not await self._arun("EVAL", _NOTE, len(keys), *keys, self._me, _KEPT, state, *values):
            raise EndedError from self._lost()

    # --- what tools returned: a thread store for `ToolResults` -----------------------------------

    is_blocking = True

    def get(self, key: str) -> str | None:
        """Return the value that was kept under a key, or None.

        Args:
            key: Of the value.
        """
        found = self._must("GET", self._kept(key))
        return None if found is None else str(found.decode())

    def put(self, key: str, value: str) -> None:
        """Keep a value.

        Args:
            key: Under which.
            value: The value.
        """
        self._must("SET", self._kept(key), value, "EX", _KEPT)

    def take(self, key: str, expected: str) -> bool:
        """Remove a key if its value is `expected`; return whether it was removed.

        Args:
            key: Of the value.
            expected: The value that must be there.
        """
        return bool(self._must("EVAL", _TAKE, 1, self._kept(key), expected))

    def close(self) -> None:
        """Give the lease up: rows that are not over may be taken up by others at once."""
        if not self._closed.is_set():
            self._closed.set()
            self._run("DEL", self._my_lease)
            self._thread.shutdown(wait=False)
            self._client.close()

    # --- Redis ----------------------------------------------------------------------------------

    @property
    def _my_lease(self) -> str:
        return f"{self._tag}:lease:{self._me}"

    def _row(self, number: int) -> str:
        return f"{self._tag}:row:{number:x}"

    def _kept(self, key: str) -> str:
        return f"{self._tag}:kept:{sha256(key.encode()).hexdigest()}"

    def _renew(self) -> None:
        # In a thread of its own: a loop that is held up by a function must not cost the lease.
        while not self._closed.wait(self._lease / 5):
            try:
                # Never made anew (XX): another process may have taken rows meanwhile.
                self._run("SET", self._my_lease, "", "XX", "PX", int(self._lease * 1000))
            except TransportError:
                continue  # the lease is over soon, and then whoever notes something hears of it

    async def _arun(self, *command: str | int) -> Any:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._thread, self._must, *command)

    def _must(self, *command: Any) -> Any:
        # Of a row's work: it says nothing of the row, so the row must not fail for it.
        try:
            return self._run(*command)
        except TransportError as error:
            raise EndedError from error

    def _run(self, *command: Any) -> Any:
        from redis.exceptions import RedisError

        try:
            return self._client.execute_command(*command)
        except RedisError as error:
            kind = type(error).__name__  # its text may hold the URL
        raise TransportError(f"the Redis of {VARIABLE} does not answer ({kind}): see to it")

    def _lost(self) -> TransportError:
        return TransportError(
            f"Redis has not heard of this process for {self._lease:g} s, so its rows are others': "
            "run the same command again to go on"
        )


def redis_url() -> str:
    """The URL of the Redis, as the environment names it.

    Raises:
        ConfigError: It names none.
    """
    url = os.environ.get(VARIABLE)
    if not url:
        raise ConfigError(
            "a run on many machines needs the URL of a Redis in the environment variable "
            f"{VARIABLE}, on each of them"
        )
    return url


def _client() -> Any:
    url = redis_url()
    try:
        redis, retry = import_module("redis"), import_module("redis.retry")
        from redis.backoff import ExponentialBackoff
    except ImportError as error:
        raise ConfigError(
            'the journal in Redis needs redis-py, install it with: pip install "azure-agents[ray]"'
        ) from error
    try:
        return redis.Redis.from_url(
            url,
            socket_timeout=_TIMEOUT,
            socket_connect_timeout=_TIMEOUT,
            retry=retry.Retry(ExponentialBackoff(cap=_LONGEST_WAIT), _TRIES),
        )
    except ValueError:
        pass  # the error is raised outside: as its context, this one could show the password
    raise ConfigError(
        f"the value of {VARIABLE} is no Redis URL: use redis://, rediss:// or unix://"
    )
