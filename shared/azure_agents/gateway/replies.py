"""Answers of an attempt on their way to the client: whole, or as a stream."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

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
        told: All headers of the service, by name in lower case.
    """

    status: int
    headers: Sequence[Header]
    body: bytes
    meter: Meter
    told: dict[str, str] = field(default_factory=dict)


class Rest(Protocol):
    """The rest of a stream, and what holds it."""

    is_slow: bool  # whether to let go of the upstream may take time

    @property
    def is_over(self) -> bool:
        """Whether the last event was given."""

    async def read(self) -> bytes:
        """Give whole events, as soon as there are any; none: it is over.

        Raises:
            AzureAgentsError: The stream failed.
        """

    async def close(self) -> None:
        """Let go of the upstream; called once, however the stream ended."""


@dataclass(slots=True)
class Stream:
    """An answer whose first content is there.

    Attributes:
        headers: As for `Whole`.
        first: What came until now.
        rest: The rest.
        meter: What it used until now.
        told: As for `Whole`.
    """

    headers: Sequence[Header]
    first: bytes
    rest: Rest
    meter: Meter
    told: dict[str, str] = field(default_factory=dict)


Reply = Whole | Stream
