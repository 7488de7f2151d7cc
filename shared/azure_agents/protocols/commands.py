"""The commands that a flow may give its driver.

A flow is a generator: it yields commands and gets their results. It does no I/O, reads no clock and
has no ``async``. The sync and the async driver perform the same commands, so a protocol is written
once. A driver throws into the flow: `TransportError` when a command failed on the network (also in
the middle of a `Pump`), `DeadlineError` when the turn took too long, `Abandoned` when the caller
left. After the last two a flow may yield a few more commands to clean up.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeAlias, TypeVar

from ..errors import AzureAgentsError
from ..events import Event


@dataclass(frozen=True, slots=True)
class Upload:
    """A body that is read while it is sent, since it may be too large to hold.

    Attributes:
        size: Bytes in all.
        pieces: Starts reading the body from its beginning, each time it is sent.
        sent: Called with the number of bytes on their way: 0 at the start, then after each piece.
    """

    size: int
    pieces: Callable[[], Iterator[bytes]]
    sent: Callable[[int], None]


Query: TypeAlias = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Route:
    """Path and query of a request; `Turn.route` makes one.

    Attributes:
        path: Path below the project endpoint, for instance ``/openai/v1/responses``.
        query: Query parameters, in order.
    """

    path: str
    query: Query = ()


@dataclass(frozen=True, slots=True)
class Send:
    """Send a request below the project endpoint; the result is a `Reply`.

    Attributes:
        method: HTTP method.
        route: Path and query.
        body: JSON text as bytes, an `Upload`, or None.
        stream: Leave the body of a 2xx reply open for `Pump`.
        content_type: Media type of `body`.
        accept: Media types of the reply; None: JSON, and events if it is a stream.
    """

    method: str
    route: Route
    body: bytes | Upload | None = None
    stream: bool = False
    content_type: str = "application/json"
    accept: str | None = None

    @property
    def path(self) -> str:
        """Path below the project endpoint."""
        return self.route.path

    @property
    def query(self) -> Query:
        """Query parameters."""
        return self.route.query


@dataclass(frozen=True, slots=True)
class Reply:
    """The reply to a `Send`.

    Attributes:
        status: HTTP status.
        headers: Names in lower case.
        body: Empty while `is_open`. Not in the repr: an error page may repeat what it was sent.
        is_open: Whether the body is an open stream, to be read by a `Pump`.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes = field(default=b"", repr=False)
    is_open: bool = False


class Decoder(Protocol):
    """Turns the bytes of a stream into events."""

    def feed(self, data: bytes) -> Iterable[Event]:
        """Take the next bytes, cut anywhere; returns the events that they complete."""

    @property
    def is_done(self) -> bool:
        """Whether the final event was seen; what follows on the wire does not matter."""


@dataclass(frozen=True, slots=True)
class Pump:
    """Read the open body to its end through `decoder`, and hand its events to the caller."""

    decoder: Decoder


@dataclass(frozen=True, slots=True)
class Emit:
    """Hand events to the caller."""

    events: Iterable[Event]


@dataclass(frozen=True, slots=True)
class Sleep:
    """Wait.

    Attributes:
        seconds: How long.
        instead: Thrown at once, in place of `DeadlineError`, if the turn's deadline comes first.
    """

    seconds: float
    instead: AzureAgentsError | None = None


@dataclass(frozen=True, slots=True)
class StoreGet:
    """Read a value from the thread store; the result is ``str | None``."""

    key: str


@dataclass(frozen=True, slots=True)
class StorePut:
    """Write a value into the thread store."""

    key: str
    value: str


@dataclass(frozen=True, slots=True)
class StoreTake:
    """Remove `key` if its value is `expected`, atomically; the result is ``bool``."""

    key: str
    expected: str


Command: TypeAlias = Send | Pump | Emit | Sleep | StoreGet | StorePut | StoreTake

T = TypeVar("T")
Flow: TypeAlias = Generator[Command, Any, T]
