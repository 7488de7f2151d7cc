"""Time that stands still until somebody moves it, so that expiry and waits are tested at once."""

from __future__ import annotations

import asyncio
import threading
import time
from typing import Protocol


class Clock(Protocol):
    """What the emulator needs of a clock; also fits where a client wants to sleep."""

    def time(self) -> float:
        """Unix seconds."""
        ...

    def sleep(self, seconds: float) -> None:
        """Let time pass."""
        ...

    async def asleep(self, seconds: float) -> None:
        """Let time pass while other tasks run."""
        ...


class FakeClock:
    """A clock that only moves when told to; sleeping on it takes no time.

    Args:
        start: Unix seconds to begin with; default now.
    """

    def __init__(self, start: float | None = None) -> None:
        self._now = time.time() if start is None else float(start)
        self._lock = threading.Lock()

    def time(self) -> float:
        """Unix seconds on this clock."""
        with self._lock:
            return self._now

    def advance(self, seconds: float) -> None:
        """Move time forward."""
        if not seconds >= 0:
            raise ValueError(f"time moves forward only, got {seconds!r} seconds")
        with self._lock:
            self._now += seconds

    def sleep(self, seconds: float) -> None:
        """Advance, without waiting."""
        self.advance(seconds)

    async def asleep(self, seconds: float) -> None:
        """Advance, and let other tasks run once."""
        self.advance(seconds)
        await asyncio.sleep(0)


class RealClock:
    """The clock on the wall, for the served emulator."""

    def time(self) -> float:
        """Unix seconds."""
        return time.time()

    def sleep(self, seconds: float) -> None:
        """Wait."""
        time.sleep(seconds)

    async def asleep(self, seconds: float) -> None:
        """Wait while other tasks run."""
        await asyncio.sleep(seconds)
