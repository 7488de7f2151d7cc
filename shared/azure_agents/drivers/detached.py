"""Clean-up of an abandoned turn in a task of its own, which no cancellation of the caller reaches.

When a caller leaves a turn, its run goes on at the service until somebody cancels it there, which
takes a request or two. They cannot be sent by the task that was cancelled, nor by a generator that
is being closed: so a task sends them, and whoever closes the events waits for it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any, TypeAlias

from .clients import CLEAN_UP

CleanUp: TypeAlias = Callable[[], Coroutine[Any, Any, None]]
_RUNNING: set[asyncio.Task[None]] = set()  # a loop holds its tasks weakly only


class DetachedCleanUp:
    """The clean-up of one turn, if it needs one."""

    def __init__(self) -> None:
        self._ended: asyncio.Future[None] | None = None
        self._has_begun = False

    def start(self, clean_up: CleanUp) -> None:
        """Start the task; without a running loop nothing can be done.

        Args:
            clean_up: Cleans up; called again if its task was cancelled before it began.
        """
        try:
            self._ended = asyncio.get_running_loop().create_future()
        except RuntimeError:
            return
        self._create_task(clean_up)

    async def wait(self) -> None:
        """Wait until the clean-up has ended; it goes on although the waiting task is cancelled."""
        if self._ended is not None:
            await asyncio.shield(self._ended)

    def _create_task(self, clean_up: CleanUp) -> None:
        task = asyncio.create_task(self._run(clean_up), name=CLEAN_UP)
        _RUNNING.add(task)
        task.add_done_callback(partial(self._on_end, clean_up))

    async def _run(self, clean_up: CleanUp) -> None:
        self._has_begun = True
        await clean_up()

    def _on_end(self, clean_up: CleanUp, task: asyncio.Task[None]) -> None:
        _RUNNING.discard(task)
        # A loop that ends cancels all its tasks once. A task cancelled before its first step never
        # runs at all, and the run would go on at the service: another task takes its place.
        if task.cancelled() and not self._has_begun:
            self._create_task(clean_up)
        elif self._ended is not None and not self._ended.done():
            error = None if task.cancelled() else task.exception()
            if error is None:
                self._ended.set_result(None)
            else:
                self._ended.set_exception(error)
