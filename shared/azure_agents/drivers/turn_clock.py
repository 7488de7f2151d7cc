"""The time of one turn: its deadline, and how long each single wait may take.

Four limits hold at once. The *turn* has a deadline. A request waits at most ``read`` seconds for
its head and for each further piece; a stream waits for its *first event*, and after that *between
two events*. Of a deployment's stream that is the first *content*: filter results and roles come at
once, long before the model writes. Every wait is cut to what is left of the turn as it begins. Once
the deadline has passed, or the caller is gone, `begin_clean_up` sets a new one, a few seconds away,
once.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx

from ..errors import DeadlineError
from ..protocols.commands import Decoder, Sleep
from ..settings.timeouts import Timeouts
from .clock import Clock

CLEAN_UP_SECONDS = 2.0  # all that a turn may take once its caller is gone or its time is up
AFTER_THE_END = 1.0  # seconds to wait for the end of a stream whose answer is whole
_SHORTEST = 0.001  # seconds


class WaitLimits(dict[str, float | None]):
    """Limits of the waits of one request, as httpx reads them; the turn bounds each as it begins.

    One request has many waits: a connection, a head, after a 401 all of it again. Limits that were
    fixed when the request was built would let each of them take what was left then.
    """

    def __init__(self, limits: httpx.Timeout, left: Callable[[], float | None]) -> None:
        super().__init__(limits.as_dict())
        self._left = left

    def get(self, name: str, default: Any = None) -> float | None:
        """Return the seconds that a wait which begins now may take."""
        return shorter(super().get(name, default), self._left())


class TurnClock:
    """Deadline and waits of one turn.

    Args:
        timeouts: Limits in seconds; None is no limit.
        clock: Where the time comes from.

    Attributes:
        is_late: The deadline has passed or the caller is gone: only clean-up is left.
    """

    def __init__(self, timeouts: Timeouts, clock: Clock) -> None:
        self._timeouts = timeouts
        self._clock = clock
        self._deadline = None if timeouts.turn is None else clock.time() + timeouts.turn
        self._has_first_event = False  # of the stream that is open
        self._first_event_by: float | None = None
        self._wait_until: float | None = None  # when the wait for an event is too long
        self._whole_since: float | None = None  # since when the answer is, while its stream goes on
        self.is_late = False

    # --- the deadline ---------------------------------------------------------------------------

    def begin_clean_up(self) -> None:
        """Leave a few seconds from now on, whatever the deadline was; once only."""
        if not self.is_late:
            self._deadline = self._clock.time() + CLEAN_UP_SECONDS
        self.is_late = True

    @property
    def is_over(self) -> bool:
        """Whether the deadline has passed."""
        return self._deadline is not None and self._clock.time() >= self._deadline

    def remaining(self) -> float | None:
        """Return the seconds until the deadline; None without one.

        Raises:
            DeadlineError: None are left.
        """
        if self._deadline is None:
            return None
        left = self._deadline - self._clock.time()
        if left <= 0:
            raise self.too_late()
        return left

    def too_late(self) -> DeadlineError:
        """Make the error of a turn that took too long."""
        return DeadlineError(
            f"the turn took longer than timeout={self._timeouts.turn} seconds: pass a longer "
            "timeout="
        )

    def within_turn(self, seconds: float | None) -> float | None:
        """Return the given seconds, or what is left of the turn if that is less.

        Raises:
            DeadlineError: Nothing is left.
        """
        return shorter(seconds, self.remaining())

    def check_pause(self, command: Sleep) -> None:
        """Refuse a pause that the deadline would end.

        Raises:
            AzureAgentsError: `command.instead`, or a `DeadlineError`.
        """
        if self._deadline is None:
            return
        left = self._deadline - self._clock.time()
        if command.seconds >= left:
            raise command.instead or self.too_late()

    # --- requests -------------------------------------------------------------------------------

    def limits(self, *, stream: bool) -> httpx.Timeout:
        """Return the limits of the waits of one request."""
        limits = self._timeouts
        read = limits.first_event if stream else limits.read
        return httpx.Timeout(connect=limits.connect, read=read, write=limits.read, pool=None)

    def left(self) -> float | None:
        """Return the seconds until the deadline, or next to none; None without one."""
        if self._deadline is None:
            return None
        # Never 0: to aiohttp that is no limit at all, and to a socket it means "do not wait".
        return max(self._deadline - self._clock.time(), _SHORTEST)

    # --- streams --------------------------------------------------------------------------------

    def await_first_event(self) -> None:
        """Start the wait for the first event of the next stream."""
        limit = self._timeouts.first_event
        self._has_first_event, self._wait_until = False, None
        self._first_event_by = None if limit is None else self._clock.time() + limit

    def note_bytes(self, data: bytes, decoder: Decoder) -> None:
        """Take note of bytes of a stream, once its decoder has read them."""
        # A comment is no event: it keeps a connection open that has nothing to say yet. If it were
        # one, the limit between events would hold while the agent has not even begun.
        if not self._has_first_event:
            has_begun = getattr(decoder, "has_content", None)  # only decoders of deployments tell
            self._has_first_event = not _is_silent(data) if has_begun is None else has_begun

    def longest_wait(self) -> float | None:
        """Return the seconds that any wait of a stream may take, the turn aside."""
        waits = (self._for_first_event(), self._timeouts.between_events)
        return None if None in waits else max(filter(None, waits))

    def next_wait(self) -> float | None:
        """Start a wait for the next bytes of a stream; return its seconds, the turn aside."""
        between = self._timeouts.between_events
        limit = between if self._has_first_event else self._for_first_event()
        self._wait_until = None if limit is None else self._clock.time() + limit
        return limit

    def _for_first_event(self) -> float | None:
        if self._first_event_by is None:
            return None
        return max(self._first_event_by - self._clock.time(), _SHORTEST)

    @property
    def is_wait_over(self) -> bool:
        """Whether the wait for the next bytes of a stream took all its time."""
        return self._wait_until is not None and self._clock.time() >= self._wait_until

    def is_end_overdue(self, decoder: Decoder) -> bool:
        """Whether the end of a stream was waited for long enough, its answer being whole.

        Raises:
            DeadlineError: The answer is not whole in time.
        """
        if not decoder.is_done:
            self._whole_since = None
            self.remaining()
            return False
        now = self._clock.time()
        self._whole_since = now if self._whole_since is None else self._whole_since
        return now - self._whole_since > AFTER_THE_END


def shorter(first: float | None, second: float | None) -> float | None:
    """Return the shorter of two limits; None is no limit."""
    given = [value for value in (first, second) if value is not None]
    return min(given) if given else None


def _is_silent(data: bytes) -> bool:
    return all(not line or line.startswith(b":") for line in data.splitlines())
