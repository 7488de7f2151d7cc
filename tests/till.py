"""A tool with an effect, for tests that count how often it happens."""

from __future__ import annotations

from typing import Any


class Till:
    """Takes money, and ends each time as it was told: returns or raises the next of `ends`."""

    def __init__(self, *ends: Any) -> None:
        self.paid: list[int] = []
        self.ends = list(ends)

    def pay(self, amount: int) -> Any:
        """Take the money, and end as told."""
        self.paid.append(amount)
        end = self.ends.pop(0) if self.ends else f"paid {amount}"
        if isinstance(end, BaseException):
            raise end
        return end
