"""A store that tells each of its steps: where a process may be killed, or another one come in."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


class Watched:
    """A thread store whose operations are steps, before and after.

    Args:
        store: The store itself.
        step: Is told of each step.
        name: What the store is called in their names.
    """

    def __init__(self, store: Any, step: Callable[[str], None], name: str = "store") -> None:
        self._store = store
        self._step = step
        self._name = name
        self.is_blocking = store.is_blocking

    def get(self, key: str) -> Any:
        """As the store."""
        return self._around("get", key)

    def put(self, key: str, value: str) -> None:
        """As the store."""
        self._around("put", key, value)

    def take(self, key: str, expected: str) -> Any:
        """As the store."""
        return self._around("take", key, expected)

    def _around(self, operation: str, *args: str) -> Any:
        self._step(f"before {self._name} {operation}")
        result = getattr(self._store, operation)(*args)
        self._step(f"after {self._name} {operation}")
        return result
