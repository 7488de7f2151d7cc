"""Metrics and spend of a whole gateway: of one process, or of all its workers."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import Any

from ...jsonio import dumps
from .folder import Folder
from .sums import add_metrics, add_rows

_LOGGER = logging.getLogger("azure_agents")
_EVERY = 1.0  # seconds
_SHARE = 50  # a worker spends at most one part of so many on telling the others

Rows = Callable[[], list[dict[str, Any]]]


class Totals:
    """Tells what was counted, whichever worker is asked.

    Args:
        metrics: Renders those of this process.
        rows: Of the spend of this process.
        folder: That the workers share; None: there is only this process.
    """

    def __init__(self, metrics: Callable[[], bytes], rows: Rows, folder: Folder | None) -> None:
        self._metrics, self._rows, self._folder = metrics, rows, folder

    def metrics(self) -> bytes:
        """All metrics, in Prometheus' text format."""
        if self._folder is None:
            return self._metrics()
        self._folder.write("metrics", self._metrics())
        return add_metrics(self._folder.read("metrics"))

    def rows(self, caller: str | None = None) -> list[dict[str, Any]]:
        """All rows of spend, the newest day first.

        Args:
            caller: Only those of this key.
        """
        rows = self._rows()
        if self._folder is not None:
            self._folder.write("spend", dumps(rows))
            rows = add_rows(self._folder.read("spend"))
        return [row for row in rows if caller is None or caller == row["key"]]

    def tell(self) -> None:
        """Let the other workers know what this one has counted."""
        if self._folder is not None:
            self._folder.write("metrics", self._metrics())
            self._folder.write("spend", dumps(self._rows()))

    @asynccontextmanager
    async def telling(self) -> AsyncIterator[None]:
        """Let them know each second, and at the end."""
        if self._folder is None:
            yield
            return
        task = asyncio.create_task(self._tell_always())
        try:
            yield
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
            with _logged():
                self.tell()

    async def _tell_always(self) -> None:
        loop, took = asyncio.get_running_loop(), 0.0
        while True:
            await asyncio.sleep(max(_EVERY, took * _SHARE))
            begun = loop.time()
            with _logged():
                self.tell()
            took = loop.time() - begun


@contextmanager
def _logged() -> Iterator[None]:
    """A full disk ends nothing: what is not written now is in what is written next."""
    try:
        yield
    except OSError as error:
        _LOGGER.warning("the other workers cannot be told what was counted: %s", error)
