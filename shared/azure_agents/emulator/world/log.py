"""A list and a dictionary that may drop their oldest entries: a server can run for weeks."""

from __future__ import annotations

from typing import TypeVar

T = TypeVar("T")


class Log(list[T]):
    """A list that keeps at most its newest entries.

    Attributes:
        limit: The most entries that it keeps; None keeps all.
    """

    limit: int | None = None

    def append(self, entry: T) -> None:
        """Add an entry, and drop the oldest ones beyond the limit."""
        super().append(entry)
        if self.limit is not None and len(self) > self.limit:
            del self[: len(self) - self.limit]


class Shelf(dict[str, T]):
    """A dictionary that keeps at most its newest entries.

    Attributes:
        limit: The most entries that it keeps; None keeps all.
    """

    limit: int | None = None

    def __setitem__(self, key: str, entry: T) -> None:
        """Add an entry, and drop the oldest ones beyond the limit."""
        super().__setitem__(key, entry)
        while self.limit is not None and len(self) > self.limit:
            del self[next(iter(self))]
