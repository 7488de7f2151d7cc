"""The rows of `/spend` of all processes that share a Redis."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from itertools import islice
from time import monotonic
from typing import Any

from ..ledger import Ledger
from .link import Shared
from .scripts import KEPT_DAYS, read, rows_of, write

_MOST_AT_ONCE = 500  # rows in a command
_FRESH = 1.0  # seconds for which rows that were read are told again


class SharedRows:
    """Writes the rows of this process to Redis, and reads those of all.

    Args:
        ledger: Of this process.
        shared: Redis.
    """

    def __init__(self, ledger: Ledger, shared: Shared) -> None:
        self._ledger, self._shared = ledger, shared
        self._days: set[str] = set()  # that Redis knows of this process
        self._read: list[dict[str, Any]] = []
        self._read_at = -_FRESH

    async def write(self) -> bool:
        """Write what has changed; False: Redis is away, and it stays to be written."""
        while changed := list(islice(self._ledger.changed, _MOST_AT_ONCE)):
            day = changed[0][0]
            names = [name for name in changed if name[0] == day]
            rows = {name[1:]: self._ledger.row(name) for name in names}
            self._ledger.changed.difference_update(names)  # calls may change them meanwhile
            is_written = False
            try:
                is_written = await self._written(day, rows)
            finally:
                if not is_written:
                    self._ledger.changed.update(names)
            if not is_written:
                return False
        return True

    async def _written(self, day: str, rows: Mapping[tuple[str, str], Mapping[str, Any]]) -> bool:
        reply = await self._shared.ask(write(self._key(day), self._shared.process, rows))
        if reply and day in self._days:
            self._ledger.change_all()  # Redis has lost what it knew
            self._days.clear()
        if reply is not None:
            self._days.add(day)
        return reply is not None

    async def rows(self) -> list[dict[str, Any]] | None:
        """Those of all processes, each by itself; None: Redis is away."""
        if monotonic() - self._read_at < _FRESH:
            return self._read
        if not await self.write():
            return None
        today = datetime.now(UTC).date()
        days = [str(today - timedelta(days=back)) for back in range(KEPT_DAYS)]
        reply = await self._shared.ask(read(tuple(map(self._key, days))))
        if reply is None:
            return None
        found = zip(days, reply, strict=True)
        self._read = [row for day, values in found for row in rows_of(day, values)]
        self._read_at = monotonic()
        return self._read

    def _key(self, day: str) -> str:
        return self._shared.key("spend", day)
