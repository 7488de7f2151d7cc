"""A limit of time for what one task does: `asyncio.timeout`, for a third of its cost."""

from __future__ import annotations

import asyncio


class within:  # noqa: N801 - it is used as a function
    """Cancels what is done inside when its time is over; raises `TimeoutError` then.

    Args:
        seconds: How long it may take; None: no limit.
    """

    __slots__ = ("_before", "_is_late", "_seconds", "_task", "_timer")

    def __init__(self, seconds: float | None) -> None:
        self._seconds, self._is_late = seconds, False
        self._timer: asyncio.TimerHandle | None = None

    def __enter__(self) -> None:
        if self._seconds is None:
            return
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - whoever waits does so in one
        self._task, self._before = task, task.cancelling()
        self._timer = asyncio.get_running_loop().call_later(self._seconds, self._expire)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: object
    ) -> None:
        if self._timer is None:
            return
        self._timer.cancel()
        # If others wanted to cancel it, too, it is cancelled.
        is_ours = self._is_late and self._task.uncancel() <= self._before
        if is_ours and kind is not None and issubclass(kind, asyncio.CancelledError):
            raise TimeoutError from error

    def _expire(self) -> None:
        self._is_late = True
        self._task.cancel()
