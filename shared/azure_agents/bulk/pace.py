"""When a request may begin: by the limits, by what the service says, by how many are under way.

Three things hold a request back, in this order:

- how many are under way. That number grows while the service answers, doubled at first, and is cut
  at a 429 (additive increase, multiplicative decrease), once for all that began before the cut;
- the time that a 429 asked for: nobody asks before it;
- the limits, in the router's exact windows, here and in the Redis of all processes. The windows are
  2 % longer than a minute: what leaves here in time may arrive with less between.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, replace
from hashlib import sha256

from ..drivers.clock import Clock
from ..errors import RateLimitError
from ..routing.counts import Counts, Ticket
from ..routing.deployments import Deployment
from ..routing.drivers import Driver
from ..routing.flow import Attempt, left_of
from ..routing.limits import SECOND, Amounts, Limits
from ..routing.redis_link import RedisLink

MINUTE = 61.2  # seconds
# The limits of a minute, as services tell them.
_TOLD = {"rpm": "x-ratelimit-limit-requests", "tpm": "x-ratelimit-limit-tokens"}
_PREFIX = "azure-agents-bulk"
_FIRST = 8  # requests under way before the service has said anything
_CUT = 0.7
_SHORTEST = 0.0005  # seconds of a wait
_WAITS = (1.0, 30.0)  # seconds after a 429 that names no time: first and longest


class StoppedError(Exception):
    """No request begins any more; never leaves the run."""


@dataclass(frozen=True, slots=True)
class Pass:
    """The leave to send one request.

    Attributes:
        ticket: Its place in the limits.
        at: When it was given, in seconds.
    """

    ticket: Ticket
    at: float


class Pace:
    """Holds requests back; for one event loop.

    Args:
        model: What is asked: with the limits, it names the counts in Redis.
        limits: Of the model.
        most: The most requests under way.
        clock: Time, to be replaced in tests.
        redis_url: Of the Redis that shares the counts; None: this process alone counts.
    """

    def __init__(
        self, model: str, limits: Limits, most: int, clock: Clock, redis_url: str | None = None
    ) -> None:
        self._clock, self._most = clock, most
        self._link = None if redis_url is None else RedisLink(redis_url)
        self._counts = Counts(clock, None if redis_url is None else _PREFIX, minute=MINUTE)
        self._driver = Driver(clock, self._link)
        id = sha256(model.encode()).hexdigest()[:16]
        self._id, self._given = id, limits
        self._deployment = Deployment(id, model, model, model, limits=limits)
        self._gate = asyncio.Lock()
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._allowed = float(min(_FIRST, most))
        self._free_at = 0.0
        self._cut_at = float("-inf")
        self._refusals = 0  # in a row
        self._was_cut = False
        self.running = 0
        self.throttled = 0
        self.is_stopped = False

    @property
    def allowed(self) -> int:
        """How many requests may be under way now."""
        return max(1, int(self._allowed))

    async def enter(self, amounts: Amounts) -> Pass:
        """Wait until a request may begin.

        Args:
            amounts: What it will use, as far as known.

        Raises:
            StoppedError: None begins any more.
        """
        await self._slot()
        try:
            async with self._gate:  # one after the other, so that nobody overtakes
                ticket = await self._ticket(amounts)
        except BaseException:
            self._release()
            raise
        return Pass(ticket, self._clock.time())

    async def leave(
        self, entered: Pass, used: Amounts | None, headers: Mapping[str, str] | None = None
    ) -> None:
        """A request was answered.

        Args:
            entered: What `enter` gave.
            used: Tokens; None: it was not told.
            headers: Of the answer.
        """
        await self._learn(headers or {})
        if used is not None:
            await self._driver.arun(self._counts.settle(entered.ticket, used), _none)
        self._refusals = 0
        grown = 1 / self._allowed if self._was_cut else 1
        self._allowed = min(float(self._most), self._allowed + grown)
        self.drop(entered)

    async def _learn(self, headers: Mapping[str, str]) -> None:
        """Keep the limits that the service tells, where the user named none, and what is left."""
        told = {name: headers.get(header, "") for name, header in _TOLD.items()}
        known = {name: int(value) for name, value in told.items() if value.isdecimal()}
        now = self._deployment.limits
        limits = replace(now, **{k: v for k, v in known.items() if v and self._may_learn(k)})
        if limits != now:
            # Counted anew, since the windows of other limits differ: what is under way, and what
            # the service says that it has counted.
            id = f"{self._id}/{limits.rpm}/{limits.tpm}"
            self._deployment = replace(self._deployment, id=id, limits=limits)
            for _ in range(self.running):
                flow = self._counts.begin(self._deployment, Amounts())
                ticket: Ticket | None = await self._driver.arun(flow, _none)
                if ticket is not None:
                    self._counts.end(ticket)
        self._counts.learn(self._deployment, left_of(headers))

    def _may_learn(self, name: str) -> bool:
        return getattr(self._given, name) is None

    def drop(self, entered: Pass) -> None:
        """A request has failed, or was given up.

        Args:
            entered: What `enter` gave.
        """
        self._counts.end(entered.ticket)
        self._release()

    async def refused(self, entered: Pass, error: RateLimitError) -> None:
        """A request was refused with a 429: all wait as long as it says.

        Args:
            entered: What `enter` gave.
            error: The refusal.
        """
        self.throttled += 1
        now = self._clock.time()
        wait = error.retry_after
        if wait is None:
            first, longest = _WAITS
            wait = min(longest, first * 2.0 ** min(self._refusals, 10))
        self._refusals += 1
        self._free_at = max(self._free_at, now + wait)
        self.cut(entered)
        await self._driver.arun(self._counts.settle(entered.ticket, Amounts()), _none)
        await self._driver.arun(self._counts.cool(self._deployment, wait), _none)
        self.drop(entered)

    def cut(self, entered: Pass) -> None:
        """Let fewer requests be under way: one was refused, or took too long.

        Args:
            entered: What `enter` gave.
        """
        if entered.at > self._cut_at:
            self._cut_at, self._was_cut = self._clock.time(), True
            self._allowed = max(1.0, self._allowed * _CUT)

    def stop(self) -> None:
        """Let no request begin any more; those that wait raise `StoppedError`."""
        self.is_stopped = True
        while self._waiting:
            self._wake()

    def close(self) -> None:
        """Close the connections to Redis."""
        if self._link is not None:
            self._link.close()

    async def _slot(self) -> None:
        while not self.is_stopped and (self.running >= self.allowed):
            turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiting.append(turn)
            try:
                await turn
            except asyncio.CancelledError:
                if turn.done() and not turn.cancelled():
                    self._wake()  # it was this one's turn: the next one's, then
                raise
        self._check()
        self.running += 1

    def _release(self) -> None:
        self.running -= 1
        for _ in range(min(self.allowed - self.running, len(self._waiting))):
            self._wake()

    def _wake(self) -> None:
        while self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(None)
                return

    async def _ticket(self, amounts: Amounts) -> Ticket:
        while True:
            self._check()
            wait = self._free_at - self._clock.time()
            if wait <= 0:
                flow = self._counts.begin(self._deployment, amounts)
                ticket: Ticket | None = await self._driver.arun(flow, _none)
                if ticket is not None:
                    return ticket
                wait = self._wait(amounts)
            await self._pause(wait)

    def _wait(self, amounts: Amounts) -> float:
        counts = self._counts
        wait = max(counts.wait(self._deployment, amounts), counts.refused_for(self._deployment))
        return max(_SHORTEST, wait / SECOND)

    async def _pause(self, seconds: float) -> None:
        # In pieces: a run that is stopped need not wait for the end of an hour.
        await self._clock.asleep(min(max(seconds, _SHORTEST), 1.0))

    def _check(self) -> None:
        if self.is_stopped:
            raise StoppedError


async def _none(attempt: Attempt) -> None:
    raise AssertionError(f"counting asks nobody: {attempt}")
