"""What a flow may ask its driver for.

A flow is a generator: it yields commands and gets their results; it does no I/O, knows no
clock and no ``async``. The sync and the async driver perform the same commands, so a protocol is
written once. Drivers throw into the flow: `TransportError` when a command failed on the network
(also in the middle of a `Pump`), `DeadlineError` when the turn took too long, and `Abandoned`
when the caller stopped. After the last two a flow may yield a few more `Send`s to clean up.
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
        pieces: Begins the body anew, for each time it is sent.
        sent: Told how many bytes are on their way: 0 at the start, then after each piece.
    """

    size: int
    pieces: Callable[[], Iterator[bytes]]
    sent: Callable[[int], None]


Query: TypeAlias = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Route:
    """Where a request goes; `Turn.route` makes one.

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
        stream: Leave a 2xx answer's body open for `Pump`.
        content_type: Media type of `body`.
        accept: Media types of the answer; None: JSON, and events if it is a stream.
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
    """The answer to a `Send`.

    Attributes:
        status: HTTP status.
        headers: Names in lower case.
        body: Empty while `is_open`; not shown, an error page may repeat what it was sent.
        is_open: The body is an open stream, waiting for a `Pump`.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes = field(default=b"", repr=False)
    is_open: bool = False


class Decoder(Protocol):
    """Bytes in, events out."""

    def feed(self, data: bytes) -> Iterable[Event]:
        """Take the next bytes, at any boundary."""

    @property
    def is_done(self) -> bool:
        """The final event was seen; what follows on the wire does not matter."""


@dataclass(frozen=True, slots=True)
class Pump:
    """Read the open body to its end through `decoder`; its events go straight to the caller."""

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
    """Read a value of the thread store; the result is ``str | None``."""

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
