"""A thread store in memory: bounded, least recently used out first, one per process."""

from __future__ import annotations

from collections import OrderedDict
from threading import Lock
from time import monotonic

from .store import CLOSED, DEFAULT_TTL, can_keep

DEFAULT_SIZE = 100_000  # about 20 MB when full


class MemoryThreadStore:
    """A `ThreadStore` for one process; forgetting an entry costs a fork, never a wrong history.

    Args:
        size: Largest number of entries.
        ttl: Seconds that an entry is kept.
    """

    is_blocking = False

    def __init__(self, size: int = DEFAULT_SIZE, *, ttl: float = DEFAULT_TTL) -> None:
        self._size = size
        self._ttl = ttl
        self._entries: OrderedDict[str, tuple[str, float]] = OrderedDict()
        self._lock = Lock()

    def get(self, key: str) -> str | None:
        """Return the value, or None.

        Args:
            key: What the value was put under; one too long to be kept has none.
        """
        with self._lock:
            value = self._value(key)
            if value is not None:
                self._entries.move_to_end(key)
            return value

    def put(self, key: str, value: str) -> None:
        """Set the value unless the key is closed; the oldest entry leaves a full store.

        Args:
            key: What it can be found under; at most `LONGEST` characters, else it is not kept.
            value: A short text, as long at most; `CLOSED` closes the key for good.
        """
        if not can_keep(key, value):
            return
        with self._lock:
            if self._value(key) == CLOSED:
                value = CLOSED
            self._entries[key] = (value, monotonic() + self._ttl)
            self._entries.move_to_end(key)
            while len(self._entries) > self._size:
                self._entries.popitem(last=False)

    def take(self, key: str, expected: str) -> bool:
        """Remove the key if its value is `expected`, atomically; return whether it was removed.

        Args:
            key: What the value was put under.
            expected: The value that must stand there; never `CLOSED`, which nobody takes.
        """
        with self._lock:
            if expected == CLOSED or self._value(key) != expected:
                return False
            del self._entries[key]
            return True

    def _value(self, key: str) -> str | None:
        value, expires = self._entries.get(key, (None, 0.0))
        return value if monotonic() < expires else None


_SHARED = MemoryThreadStore()


def shared_store() -> MemoryThreadStore:
    """Return the store that every client of this process uses unless it is given another."""
    return _SHARED
