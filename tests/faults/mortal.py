"""A process as tests see it: a client whose steps are known, and who may die at one of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from azure_agents.tool_results import ToolResults
from tests.stores.watched import Watched


class Died(BaseException):
    """The process is gone; nothing in it may catch this."""


class Process:
    """A process with a client, and with the results of its tools.

    Args:
        connect: Makes its clients, see `Conversation.connect`.
        store: Its thread store.
        results: The store of its tools' results.
        number: Which one it is, for the names of its operations.
    """

    def __init__(
        self, connect: Callable[..., tuple[Any, Any]], store: Any, results: Any, number: int
    ) -> None:
        self.number = number
        self._is_dead = False
        self._steps = 0
        self._plans: dict[int, Callable[[], None]] = {}
        keys = iter(f"{number}-{turn}" for turn in range(99))
        seams = {"observer": self, "operation_keys": keys.__next__}
        self.sync, self.aio = connect(Watched(store, self.step), **seams)
        self.results = ToolResults(Watched(results, self.step))

    def plan(self, plans: dict[int, Callable[[], None]]) -> None:
        """What is to happen at which step, counted from now."""
        self._steps, self._plans = 0, plans

    def step(self, _: str = "") -> None:
        """Take a step."""
        if self._is_dead:
            raise Died
        self._steps += 1
        happens = self._plans.pop(self._steps, None)
        if happens is not None:
            happens()

    def record(self, _: object) -> None:
        """Watch requests, as an observer."""
        self.step()

    def die(self) -> None:
        """Whatever this process still tries to do has no effect."""
        self._is_dead = True
        raise Died
