"""The thread store: three small operations, the same for memory, SQLite and Redis.

It remembers which head an append-only thread stands at. `take` is the claim: whoever takes the
head may append, everybody else forks. Keys are made here, values are short strings.
"""

from __future__ import annotations

from typing import Protocol


class ThreadStore(Protocol):
    """A bounded map of short strings with an atomic take.

    `is_blocking` says whether the operations do I/O; the async driver then runs them in a thread.
    """

    is_blocking: bool

    def get(self, key: str) -> str | None:
        """The value, or None."""

    def put(self, key: str, value: str) -> None:
        """Set the value."""

    def take(self, key: str, expected: str) -> bool:
        """Remove the key if its value is `expected`, atomically; whether it was."""


def head_key(scope: str, thread: str) -> str:
    """Where the head of an append-only thread is kept."""
    return f"head:{scope}:{thread}"


def system_key(scope: str, thread: str) -> str:
    """Where the digest of the system messages last sent to a pinned thread is kept."""
    return f"system:{scope}:{thread}"
