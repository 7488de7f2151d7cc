"""Values that belong to one event loop and end with it, however it ends.

`asyncio.run` closes the async generators of a loop before it closes the loop. A loop that somebody
closes with ``close()`` alone does not, and nobody can run it afterwards. So the first thing that is
kept for a loop wraps its ``close``: what was left with the loop is closed before.

The values hang on the loop itself. A dictionary by loops would keep the loops alive: an HTTP
client knows its loop, and so does a lock that somebody waited for. All of it is touched by the
loop's own thread only.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import suppress
from threading import Thread
from typing import Any, Generic, TypeVar, cast
from weakref import WeakKeyDictionary, ref

V = TypeVar("V")

_SECONDS = 10.0  # the most that closing a loop waits for what is left to clean up


class PerLoop(Generic[V]):
    """One value for each event loop."""

    def find(self) -> V | None:
        """Return the value of the running loop, if it has one."""
        return cast("V | None", _end_of_loop().values.get(self))

    def put(self, value: V) -> V:
        """Make this the value of the running loop."""
        _end_of_loop().values[self] = value
        return value

    def take(self) -> V | None:
        """Return the value of the running loop, and keep it no longer."""
        return cast("V | None", _end_of_loop().values.pop(self, None))


def close_at_the_end(owner: object, lifetime: AsyncGenerator[Any, None]) -> None:
    """Close a generator when the running loop ends, or when nobody has its owner any more.

    Args:
        owner: Whom it serves. The generator must not know it, or it would live as long as the loop.
        lifetime: What to close. A loop that ends cancels also the task that closes it, so its
            ``finally`` must reach its end although each ``await`` in it may raise.
    """
    _end_of_loop().keep(owner, lifetime)


def _end_of_loop() -> _End:
    loop = asyncio.get_running_loop()
    end = loop.close
    if not isinstance(end, _End):
        end = _End(loop)
        loop.close = end  # type: ignore[method-assign]
    return end


class _End:
    """Stands for the ``close`` of a loop with which something of ours was left."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.values: WeakKeyDictionary[PerLoop[Any], Any] = WeakKeyDictionary()
        self._loop = loop
        self._close = loop.close
        self._lifetimes: dict[ref[object], AsyncGenerator[Any, None]] = {}
        self._has_let_go = False

    def keep(self, owner: object, lifetime: AsyncGenerator[Any, None]) -> None:
        self._lifetimes[ref(owner, self._let_go)] = lifetime

    def _let_go(self, owner: ref[object]) -> None:
        # Called wherever the owner is collected: in any thread, in the middle of anything. Nobody
        # has the generator any more, so the loop closes it, by a hook of its own.
        self._has_let_go |= _is_open(self._lifetimes.pop(owner, None))

    def __call__(self) -> None:
        if not (self._loop.is_running() or self._loop.is_closed()) and self._has_more():
            self._run_once_more()
        self._close()

    def _has_more(self) -> bool:
        return self._has_let_go or any(map(_is_open, self._lifetimes.values()))

    def _run_once_more(self) -> None:
        """Run the loop until all is closed; in a thread of its own if this one runs another."""
        if asyncio._get_running_loop() is None:  # noqa: SLF001 - documented, for such as this
            self._finish()
            return
        thread = Thread(target=self._finish, name="azure-agents end of a loop")
        thread.start()
        thread.join()

    def _finish(self) -> None:
        with suppress(Exception):  # whatever happens, the loop is closed next
            self._loop.run_until_complete(self._all_closed())

    async def _all_closed(self) -> None:
        async with asyncio.timeout(_SECONDS):
            lifetimes = list(self._lifetimes.values())
            await asyncio.gather(*(one.aclose() for one in lifetimes), return_exceptions=True)
            await asyncio.sleep(0)  # now the hook's tasks have begun
            await asyncio.gather(*filter(_closes, asyncio.all_tasks()), return_exceptions=True)


def _is_open(lifetime: Any) -> bool:
    return lifetime is not None and lifetime.ag_frame is not None


def _closes(task: asyncio.Task[Any]) -> bool:
    """Whether a task closes a generator that was collected."""
    return type(task.get_coro()).__name__ == "async_generator_athrow"
