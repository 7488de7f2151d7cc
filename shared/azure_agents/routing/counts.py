"""Gives requests their places: in this process, and in all processes that share a Redis.

What this process starts is always counted here, whatever Redis says: so while Redis is away, and
when it comes back empty, a process never starts more than the limits allow. With Redis a request
needs a place in both, the one here first.

The functions that ask Redis are flows: they yield what it is to be asked, and are sent its answer,
None while it is away.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping
from dataclasses import dataclass
from threading import Lock
from typing import Any, NamedTuple, TypeAlias, TypeVar

from ..drivers.clock import Clock
from .deployments import Deployment
from .limits import SECOND, Amounts, Limits
from .redis_script import Eval, SharedWindows
from .windows import Load, Place, Tally, Used

T = TypeVar("T")
Asking: TypeAlias = Generator[Eval, Any, T]


class Ticket(NamedTuple):
    """A place of one request on one deployment.

    Attributes:
        deployment: Where.
        place: In the counts of this process.
        shared_at: When it was given a place in Redis, by its clock; None: it has none there.
    """

    deployment: Deployment
    place: Place
    shared_at: int | None = None


class Counts:
    """The counts of some deployments.

    Args:
        clock: Time, to be replaced in tests.
        prefix: First part of all keys in Redis; None: only this process is counted.
        minute: Seconds of a minute; tests have short ones.
    """

    def __init__(self, clock: Clock, prefix: str | None = None, *, minute: float = 60.0) -> None:
        self._time = clock.time
        self._prefix = prefix
        self._minute = minute
        self._lock = Lock()
        self._of: dict[str, _Counted] = {}
        self._before: Mapping[str, _Counted] = {}

    def take_over(self, other: Counts) -> None:
        """Go on with what others have counted of deployments whose limits are the same.

        Args:
            other: Its requests may run on: they are counted here, too.
        """
        if other._prefix == self._prefix:
            self._before = dict(other._of)

    @property
    def is_shared(self) -> bool:
        """Whether Redis is asked, too."""
        return self._prefix is not None

    def wait(self, deployment: Deployment, amounts: Amounts) -> int:
        """Microseconds until a request may begin, as far as this process knows; 0: now.

        Args:
            deployment: Which one.
            amounts: What the request will use, as far as known.
        """
        with self._lock:
            return self._counted(deployment).wait(amounts, self._now())

    def refused_for(self, deployment: Deployment) -> int:
        """Microseconds for which Redis refused the last request that it refused; 0: none."""
        return max(0, self._counted(deployment).refused_until - self._now())

    def load(self, deployment: Deployment) -> Load:
        """How much this process has in use of a deployment."""
        with self._lock:
            return self._counted(deployment).tally.load(self._now())

    def running(self, deployment: Deployment) -> int:
        """How many requests of this process run on a deployment."""
        return self._counted(deployment).running

    def counted(self, deployment: Deployment) -> dict[str, int]:
        """What this process counts now, by the name of the limit."""
        with self._lock:
            return self._counted(deployment).tally.counted(self._now())

    def windows(self, deployment: Deployment) -> list[Used]:
        """What this process counts of each window that has a limit."""
        with self._lock:
            return self._counted(deployment).tally.windows(self._now())

    def begin(self, deployment: Deployment, amounts: Amounts) -> Asking[Ticket | None]:
        """Give a request a place, or None if there is none now.

        Args:
            deployment: Where.
            amounts: What it will use, as far as known.
        """
        ticket = self.begin_here(deployment, amounts)
        shared = self._counted(deployment).shared
        if ticket is None or shared is None:
            return ticket
        place = ticket.place
        try:
            reply = yield shared.begin(amounts)
        except BaseException:
            self._take_back(deployment, place)  # the caller has left
            raise
        if reply is None or reply[0]:
            begun = self._begins_now(deployment, place)
            return Ticket(deployment, begun, None if reply is None else int(reply[1]))
        self._refused(deployment, place, int(reply[1]), reply[2])
        return None

    def begin_here(self, deployment: Deployment, amounts: Amounts) -> Ticket | None:
        """Give a request a place in the counts of this process alone.

        Args:
            deployment: Where.
            amounts: What it will use, as far as known.
        """
        most = deployment.most_running
        with self._lock:
            counted, now = self._counted(deployment), self._now()
            if counted.wait(amounts, now) > 0 or (most is not None and counted.running >= most):
                return None
            counted.running += 1
            return Ticket(deployment, counted.tally.begin(amounts, now))

    def finish_here(
        self, ticket: Ticket, used: Amounts | None, left: Mapping[str, int] | None
    ) -> None:
        """Do what `end`, `learn` and `settle_here` do.

        Args:
            ticket: Of the request.
            used: As the answer tells; None: it does not.
            left: As for `learn`.
        """
        with self._lock:
            counted = self._counted(ticket.deployment)
            counted.running -= 1
            if left:
                counted.tally.learn(left, self._now())
            if used is not None:
                counted.tally.settle(ticket.place, used)

    def settle_here(self, ticket: Ticket, used: Amounts) -> None:
        """Count what a request really used in this process alone.

        Args:
            ticket: Of the request.
            used: As the answer tells.
        """
        with self._lock:
            self._counted(ticket.deployment).tally.settle(ticket.place, used)

    def settle(self, ticket: Ticket, used: Amounts) -> Asking[None]:
        """Count what a request really used.

        Args:
            ticket: Of the request.
            used: As the answer tells.
        """
        self.settle_here(ticket, used)
        shared = self._counted(ticket.deployment).shared
        if shared is not None and shared.counts_tokens and ticket.shared_at is not None:
            yield shared.settle(ticket.shared_at, ticket.place.amounts, used)

    def end(self, ticket: Ticket) -> None:
        """Count a request as running no longer."""
        with self._lock:
            self._counted(ticket.deployment).running -= 1

    def learn(self, deployment: Deployment, left: Mapping[str, int]) -> None:
        """Count what others used of a deployment, as its service tells.

        Args:
            deployment: Which one.
            left: What is left of the service's minute, of ``requests`` and of ``tokens``.
        """
        if left:
            with self._lock:
                self._counted(deployment).tally.learn(left, self._now())

    def cool(self, deployment: Deployment, seconds: float) -> Asking[None]:
        """Let the other processes ask the deployment no more for a while."""
        shared = self._counted(deployment).shared
        if shared is not None:
            yield shared.cool(seconds)

    def _begins_now(self, deployment: Deployment, place: Place) -> Place:
        # It has waited for Redis, maybe long: its windows begin when it does.
        with self._lock:
            return self._counted(deployment).tally.move(place, self._now())

    def _take_back(self, deployment: Deployment, place: Place) -> None:
        with self._lock:
            counted = self._counted(deployment)
            counted.tally.take_back(place)
            counted.running -= 1

    def _refused(self, deployment: Deployment, place: Place, wait: int, why: Any) -> None:
        self._take_back(deployment, place)
        with self._lock:
            counted, until = self._counted(deployment), self._now() + wait
            counted.refused_until = until
            # A smaller request may still find room in the slices: it is not kept from asking.
            if why not in (b"slices", "slices"):
                counted.full_until = max(counted.full_until, until)

    def _counted(self, deployment: Deployment) -> _Counted:
        found = self._of.get(deployment.id)
        if found is None:
            found = self._of.setdefault(deployment.id, self._new(deployment))
        return found

    def _new(self, deployment: Deployment) -> _Counted:
        limits, before = deployment.limits, self._before.get(deployment.id)
        if before is not None and before.limits == limits:
            return before
        # What is counted like a deployment and is none, such as a key, is never chosen.
        tally = Tally(limits, self._minute, is_compared=bool(deployment.model))
        if self._prefix is None:
            return _Counted(limits, tally)
        windows = limits.starts(self._minute), limits.slices(self._minute)
        return _Counted(limits, tally, SharedWindows(self._prefix, deployment.id, *windows))

    def _now(self) -> int:
        return int(self._time() * SECOND)


@dataclass(slots=True)
class _Counted:
    """What is known of one deployment.

    `full_until` is when the other processes, too, leave room for a request; `refused_until` is when
    the one that was refused last may ask again.
    """

    limits: Limits
    tally: Tally
    shared: SharedWindows | None = None
    running: int = 0
    full_until: int = 0
    refused_until: int = 0

    def wait(self, amounts: Amounts, now: int) -> int:
        return max(self.tally.wait(amounts, now), self.full_until - now)
