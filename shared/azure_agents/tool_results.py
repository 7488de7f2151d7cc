"""What function tools returned, by call id: so that no tool runs twice for one call.

A process may die, or an answer get lost, between a tool's end and the moment its result is on the
server. With results kept in a thread store (SQLite or Redis to outlive the process), the same call
gets the kept result instead of a second run. A process that dies *inside* a tool leaves no result:
whether the tool had its effect, only the tool can know.
"""

from __future__ import annotations

from collections.abc import Callable

from .threads.store import ThreadStore


class ToolResults:
    """Results of tool calls in a thread store.

    Args:
        store: Any thread store; results longer than it keeps (64 Ki characters) are not kept.
        scope: Keeps equal call ids of different applications apart.
    """

    def __init__(self, store: ThreadStore, scope: str = "") -> None:
        self._store = store
        self._scope = scope

    def recall(self, call_id: str) -> str | None:
        """The kept result of a call, or None."""
        return self._store.get(self._key(call_id))

    def keep(self, call_id: str, result: str) -> None:
        """Keep the result of a call."""
        self._store.put(self._key(call_id), result)

    def once(self, call_id: str, run: Callable[[], str]) -> str:
        """The kept result, or that of running the tool now."""
        kept = self.recall(call_id)
        if kept is not None:
            return kept
        result = run()
        self.keep(call_id, result)
        return result

    def _key(self, call_id: str) -> str:
        return f"tool:{self._scope}:{call_id}"
