"""Time for drivers: a clock that can be replaced, so that no test ever waits."""

from __future__ import annotations

import asyncio
import time
from typing import Protocol


class Clock(Protocol):
    """Seconds that only go forward, and ways to let them pass."""

    def time(self) -> float:
        """Return the seconds since some moment."""

    def sleep(self, seconds: float) -> None:
        """Wait in a thread.

        Args:
            seconds: How long to wait.
        """

    async def asleep(self, seconds: float) -> None:
        """Wait on an event loop.

        Args:
            seconds: How long to wait.
        """


class SystemClock:
    """The machine's monotonic clock."""

    def time(self) -> float:
        """Return the seconds since some moment."""
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        """Wait in a thread.

        Args:
            seconds: How long to wait.
        """
        time.sleep(seconds)

    async def asleep(self, seconds: float) -> None:
        """Wait on an event loop.

        Args:
            seconds: How long to wait.
        """
        await asyncio.sleep(seconds)
