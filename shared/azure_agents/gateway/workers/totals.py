"""Metrics and spend of one process, of all workers of a gateway, or of all that share a Redis."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from itertools import chain
from time import monotonic
from typing import Any

from ...jsonio import dumps
from ..ledger import Ledger
from ..spend.budgets import Budgets
from ..spend.link import Shared
from ..spend.rows import SharedRows
from .folder import Folder
from .sums import add_metrics, add_rows

_LOGGER = logging.getLogger("azure_agents")
_EVERY = 1.0  # seconds
_WATCHED = 10.0  # seconds after which nobody looks any longer
_SHARE = 50  # a worker spends at most one part of so many on telling the others


class Totals:
    """Tells what was counted, whichever process is asked.

    Args:
        metrics: Renders those of this process.
        ledger: Of this process.
        budgets: Of this process.
        shared: Redis.
        folder: That the workers share; None: there is only this process.
        also: Tells the other workers more; None: nothing.
    """

    def __init__(
        self,
        metrics: Callable[[], bytes],
        ledger: Ledger,
        budgets: Budgets,
        shared: Shared,
        folder: Folder | None,
        *,
        also: Callable[[], object] | None = None,
    ) -> None:
        self._metrics, self._ledger, self._folder = metrics, ledger, folder
        self._also = also
        self._budgets, self._shared = budgets, shared
        self._rows = SharedRows(ledger, shared)
        self._last: list[dict[str, Any]] | None = None
        self._seen_at = -_WATCHED

    def metrics(self) -> bytes:
        """All metrics of this gateway, in Prometheus' text format."""
        if self._folder is None:
            return self._metrics()
        self._folder.write("metrics", self._metrics())
        return add_metrics(self._folder.read("metrics"))

    async def rows(self, caller: str | None = None) -> tuple[list[dict[str, Any]], bool]:
        """All rows of spend, the newest day first; and whether no process is missing.

        Args:
            caller: Only those of this key.
        """
        found = await self._rows.rows() if self._shared.is_on else None
        rows = self._of_workers() if found is None else add_rows(found)
        only = [row for row in rows if caller is None or caller == row["key"]]
        return only, found is not None or not self._shared.is_on

    def seen(self) -> list[dict[str, Any]]:
        """All rows as they were last read, for who looks every second and waits for nothing."""
        self._seen_at = monotonic()
        return add_rows(self._last) if self._last is not None else self._of_workers()

    def _of_workers(self) -> list[dict[str, Any]]:
        if self._folder is None:
            return self._ledger.rows()
        self._folder.write("spend", dumps(self._ledger.rows()))
        texts = (json.loads(text) for text, _ in self._folder.read("spend"))
        return add_rows(chain.from_iterable(texts))

    async def tell(self, *, at_the_end: bool = False) -> None:
        """Let the other processes know what this one has counted.

        Args:
            at_the_end: This process ends.
        """
        if self._folder is not None:
            with _logged():
                self._folder.write("metrics", self._metrics())
                self._folder.write("spend", dumps(self._ledger.rows()))
                if self._also is not None:
                    self._also()
        if self._shared.is_on:
            await self._budgets.tell(at_the_end=at_the_end)
            await self._rows.write()
        is_watched = monotonic() - self._seen_at < _WATCHED
        self._last = await self._rows.rows() if is_watched and self._shared.is_on else None

    @asynccontextmanager
    async def telling(self) -> AsyncIterator[None]:
        """Let them know each second, and at the end."""
        task = asyncio.create_task(self._tell_always())
        try:
            yield
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
            await self.tell(at_the_end=True)

    async def _tell_always(self) -> None:
        loop, took = asyncio.get_running_loop(), 0.0
        while True:
            await asyncio.sleep(max(_EVERY, took * _SHARE))
            begun = loop.time()
            await self.tell()
            took = 0.0 if self._shared.is_on else loop.time() - begun


@contextmanager
def _logged() -> Iterator[None]:
    """A full disk ends nothing: what is not written now is in what is written next."""
    try:
        yield
    except OSError as error:
        _LOGGER.warning("the other workers cannot be told what was counted: %s", error)
