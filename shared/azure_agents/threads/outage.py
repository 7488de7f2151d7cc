"""How a store fails: it behaves as if it were empty, and logs one sentence for each outage.

While a store that others may reach is down, nothing wrong may follow from what it still holds:
a value that could not be replaced is not read back by this process, and a thread that could not
be closed gets no pinned turn (`store` says why).
"""

from __future__ import annotations

import logging
from abc import ABC, abstractmethod
from collections import OrderedDict
from threading import Lock
from time import monotonic
from typing import TYPE_CHECKING, TypeVar

from ..errors import ConfigError, StoreUnavailableError
from .store import CLOSED, can_keep, closes_thread, thread_of

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")
_LOGGER = logging.getLogger("azure_agents")
_MOST_DOUBTS = 10_000


class DegradingStore(ABC):
    """A `ThreadStore` that never raises into a turn, save where forgetting would be wrong.

    A subclass does the three operations; `put` and `take` say whether the store obeyed.

    Args:
        failures: What the operations raise while the store is down.
        rest: Seconds that a store which failed is left alone.
    """

    is_blocking = True

    def __init__(self, *failures: type[Exception], rest: float = 0.0) -> None:
        self._failures = failures
        self._rest = rest
        self._guard = Lock()
        self._is_down = False
        self._again_at = 0.0
        self._doubts: OrderedDict[str, None] = OrderedDict()

    def get(self, key: str) -> str | None:
        """Return the value, or None; None also while the store is down.

        Args:
            key: What the value was put under; one too long to be kept has none.
        """
        if not can_keep(key) or key in self._doubts:
            return None
        return self._attempt(lambda: self._get(key))

    def put(self, key: str, value: str) -> None:
        """Set the value unless the key is closed; lost while the store is down.

        Args:
            key: What it can be found under; at most `LONGEST` characters, else it is not kept.
            value: A short text, as long at most; `CLOSED` closes the key for good.

        Raises:
            StoreUnavailableError: The thread had to be closed and could not be.
        """
        if not can_keep(key, value):
            return
        must = closes_thread(key, value)
        is_lost = self._attempt(lambda: self._put(key, value), must=must) is None
        self._doubt(key, is_doubtful=is_lost)
        if must and is_lost:
            raise StoreUnavailableError(
                f"the thread store does not answer, and the pinned thread {thread_of(key)!r} must "
                "be closed there first, lest another process continues an older history on it: "
                "nothing was sent. Ask again when the store answers; a client that only uses "
                "pinned threads needs no shared store",
                thread_id=thread_of(key),
            )

    def take(self, key: str, expected: str) -> bool:
        """Remove the key if its value is `expected`, atomically; return whether it was removed.

        While the store is down it was not.

        Args:
            key: What the value was put under.
            expected: The value that must stand there; never `CLOSED`, which nobody takes.
        """
        if expected == CLOSED or not can_keep(key, expected):
            return False
        return bool(self._attempt(lambda: self._take(key, expected)))

    @abstractmethod
    def _get(self, key: str) -> str | None: ...

    @abstractmethod
    def _put(self, key: str, value: str) -> bool: ...

    @abstractmethod
    def _take(self, key: str, expected: str) -> bool: ...

    def _attempt(self, operation: Callable[[], T], *, must: bool = False) -> T | None:
        if self._is_down and not must and monotonic() < self._again_at:
            return None
        try:
            result = operation()
        except self._failures as error:
            self._again_at = monotonic() + self._rest
            self._log_change(error)
            return None
        self._log_change(None)
        return result

    def _log_change(self, error: Exception | None) -> None:
        """Log a change between up and down; never the text of an error, which may quote a URL."""
        with self._guard:
            if self._is_down == (error is not None):
                return
            self._is_down = error is not None
        if error is not None:
            sentence = "%r does not answer (%s): conversations fork until it does"
            _LOGGER.warning(sentence, self, type(error).__name__)
        else:
            _LOGGER.info("%r answers again", self)

    def _doubt(self, key: str, *, is_doubtful: bool) -> None:
        """Remember the keys whose put was lost: an older value may stand there, not to be read."""
        with self._guard:
            if is_doubtful:
                self._doubts[key] = None
                if len(self._doubts) > _MOST_DOUBTS:
                    self._doubts.popitem(last=False)
            else:
                self._doubts.pop(key, None)


def check_limits(*, ttl: float, size: int = 1) -> None:
    """Refuse limits under which nothing could be kept.

    Args:
        ttl: Seconds that an entry is kept.
        size: Most entries that are kept.

    Raises:
        ConfigError: A limit is not positive.
    """
    for name, value in (("ttl", ttl), ("size", size)):
        if not value > 0:
            raise ConfigError(f"{name}={value!r} keeps nothing: give a positive number")
