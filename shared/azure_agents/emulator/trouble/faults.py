"""Planned faults: what goes wrong between a client and the service, on demand.

A fault names the request that it hits (method, path, how many matching ones to let pass, a
predicate on the body) and what happens to it: before it is applied, after it is applied, or while
its answer streams. If several faults are due, the first one hits.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal, TypeAlias, get_args

from ...jsonio import JSON

Kind: TypeAlias = Literal[
    "refuse",  # no connection; nothing is applied
    "connect_timeout",  # no connection in time; nothing is applied
    "reset_before",  # the connection breaks before the request is applied
    "status_before",  # an error status instead of applying the request
    "lost",  # applied, and the connection breaks before the answer
    "timeout_after",  # applied, and the answer does not come in time
    "status_after",  # applied, and answered with an error status
    "cut",  # the answer breaks off
    "stall",  # the answer stops coming, the connection stays
    "delay",  # the answer is late
    "duplicate",  # stream events come twice
]


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault.

    Args:
        kind: What goes wrong, see `Kind`.
        method: Only requests with this method.
        path: Only requests with a match of this pattern in their path (after the project root).
        nth: The first matching request that is hit, counted from 1.
        times: How many matching requests are hit from there on; None hits all.
        when: Only requests whose parsed body satisfies this.
        status: Status of `status_before` and `status_after`.
        headers: Their headers; 429 has retry headers by default.
        body: Their JSON body; by default the service's body for that status.
        after_events: Events to let through before `cut`, `stall`, `delay`; for `duplicate` the
            number of the event that comes twice (default all of them).
        after_bytes: Body bytes to let through before `cut`.
        seconds: How long `delay` takes on the clock.
        mode: `cut` with an error, or as if the body ended there.
        finishes: Whether the service finishes the turn of a lost, cut or stalled answer; if not,
            the v2 response is gone, or the classic run has failed.
    """

    kind: Kind
    method: str | None = None
    path: str | None = None
    nth: int = 1
    times: int | None = 1
    when: Callable[[Any], bool] | None = None
    status: int = 503
    headers: Mapping[str, str] = field(default_factory=dict)
    body: JSON | None = None
    after_events: int | None = None
    after_bytes: int | None = None
    seconds: float = 0.0
    mode: Literal["error", "eof"] = "error"
    finishes: bool = True

    def __post_init__(self) -> None:
        if self.kind not in get_args(Kind):
            raise ValueError(f"unknown fault {self.kind!r}; use one of {', '.join(get_args(Kind))}")

    def matches(self, method: str, path: str, body: object) -> bool:
        """Whether a request fits the method, path and predicate of this fault.

        Args:
            method: HTTP method of the request, in capitals.
            path: Its path after the project's, without the query.
            body: Its parsed JSON, or the bytes if it is none, or None.
        """
        return (
            (self.method is None or self.method.upper() == method)
            and (self.path is None or re.search(self.path, path) is not None)
            and (self.when is None or bool(self.when(body)))
        )


# The most common faults by name; most of them hit turns only.
TURNS = r"(?:/(?:responses|runs|submit_tool_outputs|completions)|/anthropic/v1/messages)$"
NAMED: Mapping[str, Fault] = {
    "connection refused": Fault("refuse"),
    "connection reset": Fault("reset_before"),
    "throttled": Fault("status_before", method="POST", path=TURNS, status=429),
    "throttled twice": Fault("status_before", method="POST", path=TURNS, status=429, times=2),
    "token expired": Fault("status_before", status=401),
    "server error": Fault("status_before", method="POST", path=TURNS, status=500),
    "unavailable": Fault("status_before", method="POST", path=TURNS, status=503),
    "answer lost": Fault("lost", method="POST", path=TURNS),
    "stream cut": Fault("cut", method="POST", path=TURNS, after_events=6),
    "stream silent": Fault("stall", method="POST", path=TURNS, after_events=6),
    "turn lost": Fault("cut", method="POST", path=TURNS, after_events=3, finishes=False),
}


class Faults:
    """The faults of one emulator, with how often each has matched."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: list[tuple[Fault, list[int]]] = []

    def add(self, *faults: Fault) -> None:
        """Plan faults.

        Args:
            faults: The faults to plan; each counts the requests that it fits from now on.
        """
        with self._lock:
            self._counts += [(fault, [0]) for fault in faults]

    def plan(self, name: str, **changes: Any) -> None:
        """Plan a fault by its name, see `NAMED`.

        Args:
            name: The name of a fault in `NAMED`.
            changes: Fields of `Fault` that replace the named one's, such as ``nth=2``.
        """
        if name not in NAMED:
            known = ", ".join(repr(one) for one in NAMED)
            raise ValueError(f"no fault is called {name!r}; use one of {known}")
        self.add(replace(NAMED[name], **changes))

    def clear(self) -> None:
        """Forget every planned fault."""
        with self._lock:
            self._counts.clear()

    def due(self, method: str, path: str, body: object) -> Fault | None:
        """Count a request, and return the fault that hits it, if one does.

        Args:
            method: HTTP method of the request, in capitals.
            path: Its path after the project's, without the query.
            body: Its parsed JSON, or the bytes if it is none, or None.
        """
        hit: Fault | None = None
        with self._lock:
            for fault, count in self._counts:
                if not fault.matches(method, path, body):
                    continue
                count[0] += 1
                last = None if fault.times is None else fault.nth + fault.times - 1
                if hit is None and fault.nth <= count[0] and (last is None or count[0] <= last):
                    hit = fault
        return hit
