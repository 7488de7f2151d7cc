"""Clocks: one that stands still until it is moved, so that waits cost tests no time."""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections.abc import Iterator
from typing import Protocol


class Clock(Protocol):
    """A clock for the emulator; also fits where a client takes a clock."""

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
    """A clock that stands still; sleeping on it moves it, and takes no time.

    While its emulator is served it runs by itself, and sleeping on it really waits: a client
    behind a socket cannot read a clock that stands still.

    Args:
        start: Unix seconds to begin with; default now.
    """

    def __init__(self, start: float | None = None) -> None:
        self._now = time.time() if start is None else float(start)
        self._lock = threading.Lock()
        self._since = 0.0
        self._runs = 0

    def time(self) -> float:
        """Unix seconds on this clock."""
        with self._lock:
            return self._time()

    def _time(self) -> float:
        return self._now + (time.monotonic() - self._since if self._runs else 0.0)

    @contextlib.contextmanager
    def running(self) -> Iterator[None]:
        """Let time pass by itself for the length of a ``with`` block; `advance` still moves it."""
        self._run(1)
        try:
            yield
        finally:
            self._run(-1)

    def _run(self, more: int) -> None:
        with self._lock:
            self._now = self._time()
            self._since = time.monotonic()
            self._runs += more

    def advance(self, seconds: float) -> None:
        """Move time forward.

        Args:
            seconds: How far to move it, from 0 up.
        """
        if not seconds >= 0:
            raise ValueError(f"time moves forward only, got {seconds!r} seconds")
        with self._lock:
            self._now += seconds

    def sleep(self, seconds: float) -> None:
        """Move time forward without waiting; while the clock runs, wait instead.

        Args:
            seconds: How far to move it, or how long to wait while it runs.
        """
        if self._runs:
            time.sleep(seconds)
        else:
            self.advance(seconds)

    async def asleep(self, seconds: float) -> None:
        """Move time forward and let other tasks run once; while the clock runs, wait instead.

        Args:
            seconds: How far to move it, or how long to wait while it runs.
        """
        if self._runs:
            await asyncio.sleep(seconds)
            return
        self.advance(seconds)
        await asyncio.sleep(0)


class RealClock:
    """The system's clock: ``Emulator(clock=RealClock())``.

    It is for demonstrations, and for clients whose own waits are measured. The command line serves
    on it.
    """

    def time(self) -> float:
        """Unix seconds."""
        return time.time()

    def sleep(self, seconds: float) -> None:
        """Wait for these seconds.

        Args:
            seconds: How long to wait.
        """
        time.sleep(seconds)

    async def asleep(self, seconds: float) -> None:
        """Wait while other tasks run.

        Args:
            seconds: How long to wait.
        """
        await asyncio.sleep(seconds)
