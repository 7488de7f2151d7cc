"""Facts about an agent that a client has read and may rely on for a few minutes."""

from __future__ import annotations

from collections.abc import Callable
from threading import Lock
from typing import Any

KEEP_SECONDS = 300.0
_MOST = 256  # facts; the oldest go first


class Memo:
    """Named facts, each with the time when it was read.

    Args:
        time: The client's clock.
    """

    def __init__(self, time: Callable[[], float]) -> None:
        self._time = time
        self._lock = Lock()
        self._facts: dict[str, tuple[float, Any]] = {}

    def get(self, name: str) -> Any:
        """Return the fact, or None if it is unknown or older than `KEEP_SECONDS`."""
        learnt, fact = self._facts.get(name, (0.0, None))
        return fact if self._time() - learnt < KEEP_SECONDS else None

    def put(self, name: str, fact: Any) -> None:
        """Keep a fact; in place of an older one of that name."""
        with self._lock:
            self._facts.pop(name, None)
            self._facts[name] = (self._time(), fact)
            if len(self._facts) > _MOST:
                del self._facts[next(iter(self._facts))]
