"""What was spent: by key, model and day, in this process."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

from ..routing.tokens import used
from .passage import Ended

_MOST_ROWS = 100_000


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
        day = datetime.now(UTC).date().isoformat()
        row = self._rows[day, ended.caller, ended.asked.model]
        row.calls += 1
        amounts = used(ended.meter.usage)
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
