"""The twenty windows in which a turn can be lost, doubled or left running, and how to fall in.

`WINDOWS` is the table of the page on reliability. A test of a window is marked `@window(number)`:
it is about eight ways (sync or async, streamed or whole, a question or the results of tools) for
each kind of conversation the window concerns, and about the values of its own columns. `make
test-all` runs every row of that product. `make test` runs a covering array: every value of a column
meets every kind with questions and with results, both clients, streams and whole answers.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import product
from typing import Any, NamedTuple

import pytest

from tests.covering import chosen

from .conversation import Shape


class Window(NamedTuple):
    """One moment at which something goes wrong, and what must never come of it."""

    number: int
    name: str
    never: str


WINDOWS = (
    Window(1, "request not sent", "counted as sent"),
    Window(2, "answer lost: create a thread or conversation", "a turn on the lost one"),
    Window(3, "answer lost: post a message", "duplicate user message"),
    Window(4, "answer lost: start a run or response", "two runs for one turn"),
    Window(5, "error status after it was stored", "posted again blindly"),
    Window(6, "429 with a wait", "sleep beyond the deadline"),
    Window(7, "run failed at the rate limit", "re-posting the message"),
    Window(8, "stream cut mid-answer", "repeated or lost tokens"),
    Window(9, "tool results sent, answer lost", "tool executed twice"),
    Window(10, "client dies between tool call and results", "side effect repeated"),
    Window(11, "client gone while the run waits for results", "raw 'run is active' to the user"),
    Window(12, "run expired or failed", "silent stop"),
    Window(13, "answer incomplete", "polled to the timeout"),
    Window(14, "token expires during a turn", "frozen header"),
    Window(15, "caller gone", "orphaned paid run, locked thread"),
    Window(16, "two clients on one thread", "interleaved turns presented as one"),
    Window(17, "poisoned history", "endless retries"),
    Window(18, "lists lag behind", "duplicate by race"),
    Window(19, "events twice or out of order", "doubled text"),
    Window(20, "restart between turns", "lost conversation"),
)

KINDS = {
    "classic": Shape("classic"),
    "chain": Shape("v2"),
    "conversation": Shape("v2", threads="conversation"),
    "background": Shape("v2", is_background=True),
    "classic pinned": Shape("classic", is_pinned=True),
    "conversation pinned": Shape("v2", threads="conversation", is_pinned=True),
}
OURS = ("classic", "chain", "conversation", "background")
CLASSIC = ("classic", "classic pinned")
PINNED = ("classic pinned", "conversation pinned")
TURNS = ("text", "tools")
CLIENTS = ("sync", "async")


@dataclass(frozen=True)
class Way:
    """How a window is fallen into."""

    kind: str
    is_async: bool
    is_streamed: bool
    turn: str

    @property
    def shape(self) -> Shape:
        """The conversation and the client."""
        return replace(KINDS[self.kind], is_async=self.is_async, is_streamed=self.is_streamed)

    @property
    def generation(self) -> str:
        """Of the agent."""
        return self.shape.generation

    @property
    def is_pinned(self) -> bool:
        """The thread is the caller's and cannot fork."""
        return self.shape.is_pinned

    @property
    def has_results(self) -> bool:
        """The turn brings the results of tools."""
        return self.turn == "tools"

    def __str__(self) -> str:
        client = CLIENTS[self.is_async]
        return f"{self.kind}-{client}-{'stream' if self.is_streamed else 'whole'}-{self.turn}"


EIGHT = tuple(product((False, True), (False, True), TURNS))
# Window -> test -> the ways it is about, all of which `make test-all` runs.
WAYS: dict[int, dict[str, tuple[Way, ...]]] = {window.number: {} for window in WINDOWS}

Test = Callable[..., Any]


def window(
    number: int,
    *kinds: str,
    turns: tuple[str, ...] = TURNS,
    clients: tuple[str, ...] = CLIENTS,
    **columns: Any,
) -> Callable[[Test], Test]:
    """Run a test of a window in its ways.

    Args:
        number: Of the window.
        *kinds: The conversations it is about; all, if none is named. ``classic:tools`` is about
            one kind of turn only.
        turns: Where it makes no sense for a question, or for results.
        clients: Where it makes no sense for threads, or for event loops.
        **columns: More parameters of the test, by name.
    """
    given = kinds or tuple(KINDS)
    ways = tuple(
        Way(kind, is_async, is_streamed, turn)
        for kind, only in (named.split(":") if ":" in named else (named, "") for named in given)
        for is_async, is_streamed, turn in EIGHT
        if turn in turns and only in ("", turn) and CLIENTS[is_async] in clients
    )

    def mark(test: Test) -> Test:
        WAYS[number][test.__name__] = ways
        return pytest.mark.parametrize(("way", *columns), _rows(ways, *columns.values()))(test)

    return mark


def _rows(ways: tuple[Way, ...], *columns: tuple[Any, ...]) -> list[Any]:
    """What a test is run with: the product, or its covering array."""
    rows = [*product(ways, *columns)]
    # A kind of conversation and of turn are one column: what the flows do depends on both.
    parts = [((w.kind, w.turn), w.is_async, w.is_streamed, *more) for w, *more in rows]
    kept = [rows[place] for place in chosen(parts)]
    return [pytest.param(*row, id="-".join(map(_named, row))) for row in kept]


def _named(value: object) -> str:
    return getattr(value, "__name__", str(value))


def ways_of(number: int) -> set[Way]:
    """The ways in which a window is fallen into."""
    return {way for ways in WAYS[number].values() for way in ways}
