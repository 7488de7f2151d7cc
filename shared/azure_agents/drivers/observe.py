"""A hook to watch the requests of a turn; it costs nothing when off.

A driver asks once per turn whether somebody listens (``observer is not None``) and then reports
each request. Events carry the path below the project endpoint and never a query, header or body:
no secret and no text of the conversation passes through here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, TypeAlias


@dataclass(frozen=True, slots=True)
class RequestStarted:
    """A request is about to be sent; `attempt` counts from 1.

    Attributes:
        method: HTTP method, in capitals.
        path: What follows the project's URL, without the query.
        attempt: Which attempt at this request it is, from 1.
    """

    method: str
    path: str
    attempt: int = 1


@dataclass(frozen=True, slots=True)
class RequestEnded:
    """A request has an answer, or none: then `status` is None.

    For an open stream `seconds` is the time until its headers.

    Attributes:
        method: HTTP method, in capitals.
        path: What follows the project's URL, without the query.
        status: HTTP status of the answer; None if there was none.
        seconds: How long it took; for an open stream, until its headers.
        request_id: The service's id of the request; None if it gave none.
    """

    method: str
    path: str
    status: int | None
    seconds: float
    request_id: str | None = None


@dataclass(frozen=True, slots=True)
class Retrying:
    """Something failed and is tried again after a wait.

    Attributes:
        reason: What failed, in words.
        seconds: How long the wait before the next attempt is.
    """

    reason: str
    seconds: float


Observation: TypeAlias = RequestStarted | RequestEnded | Retrying


class Observer(Protocol):
    """Whoever wants to know; must be quick, thread-safe and never raise."""

    def record(self, event: Observation) -> None:
        """Take one event.

        Args:
            event: What happened; it holds no headers, bodies or secrets.
        """
