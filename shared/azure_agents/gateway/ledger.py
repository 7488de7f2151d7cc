"""What was spent: by key, model and day, in this process."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from functools import lru_cache
from time import time
from typing import Any

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


class Ledger:
    """The rows of one process."""

    def __init__(self) -> None:
        self._rows: dict[tuple[str, str, str], Spent] = defaultdict(Spent)

    def note(self, ended: Ended, cost: float | None) -> None:
        """Write a call down.

        Args:
            ended: How it ended; without a deployment nothing was spent.
            cost: US dollars; None: not known.
        """
        if not ended.deployment or ended.meter is None:
            return
        row = self._rows[_day(int(time()) // _SECONDS_OF_A_DAY), ended.caller, ended.asked.model]
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
            del self._rows[min(self._rows)]

    def rows(self) -> list[dict[str, Any]]:
        """All rows, the newest day first."""
        found = sorted(self._rows.items(), reverse=True)
        return [
            {"day": day, "key": key, "model": model, **asdict(row)}
            for (day, key, model), row in found
        ]
