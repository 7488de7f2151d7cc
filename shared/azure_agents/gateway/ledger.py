"""What was spent: by key, model and day, in this process."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from functools import lru_cache
from time import time
from typing import Any, TypeAlias

from .passage import Ended

_MOST_ROWS = 100_000
_SECONDS_OF_A_DAY = 24 * 60 * 60


@dataclass(slots=True)
class Spent:
    """One row.

    Attributes:
        calls: How many.
        unpriced: Those of them whose cost is not known.
        input_tokens: Tokens that went up.
        output_tokens: Tokens that came back.
        cost: US dollars of the others.
    """

    calls: int = 0
    unpriced: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cost: float = 0.0


@lru_cache(2)
def _day(number: int) -> str:
    """A day as ``2026-12-01``, by its number since 1970."""
    return datetime.fromtimestamp(number * _SECONDS_OF_A_DAY, UTC).date().isoformat()


Name: TypeAlias = tuple[str, str, str]  # day, key, model


class Ledger:
    """The rows of one process.

    Attributes:
        changed: Names of rows that others have not been told of.
    """

    def __init__(self) -> None:
        self._rows: dict[Name, Spent] = defaultdict(Spent)
        self.changed: set[Name] = set()  # whoever tells others of them takes them out

    def note(self, ended: Ended, cost: float | None) -> None:
        """Write a call down.

        Args:
            ended: How it ended; without a deployment nothing was spent.
            cost: US dollars; None: not known.
        """
        if not ended.deployment or ended.meter is None:
            return
        name = _day(int(time()) // _SECONDS_OF_A_DAY), ended.caller, ended.asked.model
        row = self._rows[name]
        self.changed.add(name)
        row.calls += 1
        amounts = ended.meter.used()
        if amounts is not None:
            row.input_tokens += amounts.input
            row.output_tokens += amounts.output
        if cost is None:
            row.unpriced += 1
        else:
            row.cost += cost
        if len(self._rows) > _MOST_ROWS:
            oldest = min(self._rows)
            del self._rows[oldest]
            self.changed.discard(oldest)

    def row(self, name: Name) -> dict[str, Any]:
        """The numbers of a row.

        Args:
            name: Of the row.
        """
        return asdict(self._rows[name])

    def change_all(self) -> None:
        """Let others be told of all rows again."""
        self.changed.update(self._rows)

    def rows(self) -> list[dict[str, Any]]:
        """All rows, the newest day first."""
        found = sorted(self._rows.items(), reverse=True)
        return [
            {"day": day, "key": key, "model": model, **asdict(row)}
            for (day, key, model), row in found
        ]
