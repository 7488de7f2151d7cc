"""A list that may forget its oldest entries, so that a server can run for weeks."""

from __future__ import annotations

from typing import TypeVar

T = TypeVar("T")


class Log(list[T]):
    """A list of what happened.

    Attributes:
        limit: The most entries it keeps, the newest ones; None keeps all.
    """

    limit: int | None = None

    def append(self, entry: T) -> None:
        """Note one more."""
        super().append(entry)
        if self.limit is not None and len(self) > self.limit:
            del self[: len(self) - self.limit]
