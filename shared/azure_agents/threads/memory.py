"""The thread store in memory: bounded, least recently used out first, one per process."""

from __future__ import annotations

from collections import OrderedDict
from threading import Lock

DEFAULT_SIZE = 100_000  # about 20 MB when full


class MemoryThreadStore:
    """A `ThreadStore` for one process; forgetting an entry costs a fork, never a wrong history.

    Args:
        size: Largest number of entries.
    """

    is_blocking = False

    def __init__(self, size: int = DEFAULT_SIZE) -> None:
        self._size = size
        self._entries: OrderedDict[str, str] = OrderedDict()
        self._lock = Lock()

    def get(self, key: str) -> str | None:
        """The value, or None."""
        with self._lock:
            if key in self._entries:
                self._entries.move_to_end(key)
            return self._entries.get(key)

    def put(self, key: str, value: str) -> None:
        """Set the value; the oldest entry leaves when the store is full."""
        with self._lock:
            self._entries[key] = value
            self._entries.move_to_end(key)
            while len(self._entries) > self._size:
                self._entries.popitem(last=False)

    def take(self, key: str, expected: str) -> bool:
        """Remove the key if its value is `expected`, atomically; whether it was."""
        with self._lock:
            if self._entries.get(key) != expected:
                return False
            del self._entries[key]
            return True


_SHARED = MemoryThreadStore()


def shared_store() -> MemoryThreadStore:
    """The store every client of this process uses unless it is given another."""
    return _SHARED
