"""Answers of an attempt on their way to the client: whole, or as a stream."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field

from .meter import Meter

Header = tuple[bytes, bytes]


@dataclass(slots=True)
class Whole:
    """An answer that is there.

    Attributes:
        status: HTTP status.
        headers: That a client may see, the content type among them.
        body: All of it.
        meter: What it used.
        told: Headers of the service, by name in lower case: limits, ids.
    """

    status: int
    headers: Sequence[Header]
    body: bytes
    meter: Meter
    told: dict[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class Stream:
    """An answer whose first content is there.

    Attributes:
        headers: As for `Whole`.
        first: What came until now.
        rest: The rest, in whole events; it raises if the stream fails.
        close: Lets go of the upstream; called once, however it ended.
        meter: What it used until now.
        told: As for `Whole`.
    """

    headers: Sequence[Header]
    first: bytes
    rest: AsyncIterator[bytes]
    close: Callable[[], Awaitable[None]]
    meter: Meter
    told: dict[str, str] = field(default_factory=dict)


Reply = Whole | Stream
