"""Files of a project, in both generations: upload, list, look, load, delete.

The routes differ by their root and the ``api-version``, nothing else. An upload whose answer was
lost is made again: the service may then keep the file twice, which disturbs nobody. A delete is
made again, too, and finding nothing then is success.

Content never passes through a flow as a whole: it is read while it is sent (`Upload`), and what
arrives is handed over piece by piece (`Arriving`). Flows touch no disk: `Files` opens the files.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from email.message import Message as Headers
from typing import Protocol

from ..errors import (
    AzureAgentsError,
    ConnectionLostError,
    InvalidRequestError,
    NotFoundError,
    ServerError,
)
from ..events import Event, Progress
from ..jsonio import JSON, malformed
from ..naming import check_id
from ..protocols.commands import Flow, Pump, Query, Send
from ..protocols.retry import is_transient, may_have_been_applied
from ..protocols.sending import fetch, read_list, read_object, retrying, send
from ..protocols.turn import Turn
from .multipart import content_type, form

PAGE = 100
BEAT = 256 * 1024  # bytes that are handed over at once


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A file that the service keeps.

    Attributes:
        id: What messages, tools and vector stores name it by.
        name: Its name, as it was given.
        size: Bytes.
        purpose: What it was uploaded for.
        status: The service's word, ``processed`` once it can be used.
        created_at: Unix seconds.
        expires_at: Unix seconds, or None: kept until it is deleted.
    """

    id: str
    name: str
    size: int
    purpose: str
    status: str
    created_at: int | None = None
    expires_at: int | None = None


class Content(Protocol):
    """A file that can be uploaded; `azure_agents.files.disk.LocalFile` is one."""

    @property
    def name(self) -> str:
        """The file's name."""

    @property
    def size(self) -> int:
        """How many bytes it has."""

    def pieces(self) -> Iterator[bytes]:
        """Read it from its start, piece by piece."""


# --- shared with vector stores ------------------------------------------------------------------


@contextmanager
def name_missing(thing: str) -> Iterator[None]:
    """Name the thing that the service does not know in a `NotFoundError` of the block."""
    try:
        yield
    except NotFoundError as error:
        raise NotFoundError(
            f"{thing} is unknown to the service: it may be deleted, expired, or of another project "
            f"({error.message})",
            **error.facts,
        ) from error


def delete(turn: Turn, path: str, doing: str) -> Flow[None]:
    """Delete; after a lost answer a 404 means that the first request deleted it."""
    is_lost = False

    def attempt() -> Flow[None]:
        nonlocal is_lost
        try:
            yield from send(Send("DELETE", turn.route(path)), turn, doing)
        except NotFoundError:
            if not is_lost:
                raise
        except AzureAgentsError as error:
            is_lost = is_lost or may_have_been_applied(error)
            raise

    yield from retrying(attempt, turn, when=is_transient)


# --- files --------------------------------------------------------------------------------------


def upload(
    turn: Turn, content: Content, purpose: str, sent: Callable[[int], None]
) -> Flow[StoredFile]:
    """Upload a file.

    Args:
        turn: Whose key is the boundary of the form.
        content: The file.
        purpose: What the service shall do with it.
        sent: Called with its bytes sent so far; begins at 0 with every attempt.
    """
    boundary = f"azure-agents-{turn.operation}"
    body = form(
        boundary,
        purpose=purpose,
        name=content.name,
        size=content.size,
        pieces=content.pieces,
        sent=sent,
    )
    request = Send(
        "POST",
        turn.route("/files"),
        body,
        content_type=content_type(boundary),
    )
    doing = f"upload the file {content.name!r}"

    def attempt() -> Flow[JSON]:
        reply = yield from send(request, turn, doing)
        return read_object(reply)

    stored = yield from retrying(attempt, turn, when=is_transient)
    if stored.get("status") == "error":
        said = str(stored.get("status_details") or "it does not say why")[:200]
        raise ServerError(f"{doing}: the service could not use it: {said!r}")
    return read_file(stored)


def read_file(wire: JSON) -> StoredFile:
    """Decode a file object."""
    with malformed(wire):
        return StoredFile(
            id=wire["id"],
            name=wire.get("filename") or "",
            size=int(wire.get("bytes") or 0),
            purpose=wire.get("purpose") or "",
            status=wire.get("status") or "",
            created_at=wire.get("created_at"),
            expires_at=wire.get("expires_at"),
        )


def list_files(turn: Turn, purpose: str | None) -> Flow[list[StoredFile]]:
    """List all files of the project."""
    query: Query = (("purpose", purpose),) if purpose else ()
    if turn.settings.agent.generation == "v2":  # the classic route knows no pages
        query = (*query, ("limit", str(PAGE)))
    items = yield from read_list(turn.route("/files", *query), turn, "list the files")
    return [read_file(item) for item in items]


def get_file(turn: Turn, id: str) -> Flow[StoredFile]:
    """Get what the service knows of a file."""
    route = turn.route(f"/files/{check_id(id)}")
    with name_missing(f"file {id!r}"):
        return read_file((yield from fetch(route, turn, "look at the file")))


def delete_file(turn: Turn, id: str) -> Flow[None]:
    """Delete a file."""
    with name_missing(f"file {id!r}"):
        yield from delete(turn, f"/files/{check_id(id)}", "delete the file")


def download(turn: Turn, id: str, container_id: str | None, arriving: Arriving) -> Flow[None]:
    """Load a file; the caller takes its bytes from `arriving` at every event and at the end."""
    route = turn.route(_content_path(turn, id, container_id))
    # An error comes as JSON, so anything else is accepted too.
    accept = "application/octet-stream, */*;q=0.5"
    request = Send("GET", route, stream=True, accept=accept)

    def attempt() -> Flow[None]:
        reply = yield from send(request, turn, "load the file")
        arriving.begin(reply.headers)
        yield Pump(arriving)
        arriving.check_whole()

    hint = "" if container_id else " (what code interpreter made on v2 needs its container_id)"
    with name_missing(f"file {id!r}{hint}"):
        yield from retrying(attempt, turn, when=is_transient)


def _content_path(turn: Turn, id: str, container_id: str | None) -> str:
    path = f"/files/{check_id(id)}/content"
    if container_id is None:
        return path
    if turn.settings.agent.generation != "v2":
        raise InvalidRequestError(
            f"container_id={container_id!r} is for v2 agents: a classic file needs its id only"
        )
    return f"/containers/{check_id(container_id, 'container')}{path}"


class Arriving:
    """Collects the bytes of one file until they are written; a `Decoder`.

    Args:
        id: The file, for messages.
        limit: Most bytes that may come.

    Attributes:
        total: Bytes the service announced, or None.
        received: Bytes that have come in this attempt.
        filename: What the service calls the file; not to be trusted.
    """

    def __init__(self, id: str, limit: int) -> None:
        self._id = id
        self._limit = limit
        self._pieces: list[bytes] = []
        self._offset = 0
        self.total: int | None = None
        self.received = 0
        self.filename: str | None = None

    def begin(self, headers: Mapping[str, str]) -> None:
        """Start from the first byte, also after an attempt that was cut."""
        self._pieces, self._offset, self.received = [], 0, 0
        length = headers.get("content-length", "")
        is_plain = "content-encoding" not in headers
        self.total = int(length) if is_plain and length.isascii() and length.isdigit() else None
        self.filename = _filename(headers)
        self._check_size(self.total or 0)

    def _check_size(self, size: int) -> None:
        if size > self._limit:
            raise InvalidRequestError(
                f"file {self._id!r} is larger than max_size={self._limit} bytes: allow more"
            )

    @property
    def is_done(self) -> bool:
        """Whether all bytes that were announced have come."""
        return self.total is not None and self.received >= self.total

    def feed(self, data: bytes) -> Iterable[Event]:
        """Take bytes; yield an event when enough have come to be written."""
        self._check_size(self.received + len(data))
        self._pieces.append(data)
        self.received += len(data)
        if self.received - self._offset >= BEAT:
            yield Progress(self._id, "download", "in_progress")

    def take(self) -> tuple[int, bytes]:
        """Hand over the bytes that have come since the last call, and their offset in the file."""
        offset, data = self._offset, b"".join(self._pieces)
        self._pieces, self._offset = [], offset + len(data)
        return offset, data

    def check_whole(self) -> None:
        """Check that all bytes that were announced have come.

        Raises:
            ConnectionLostError: The end is missing.
        """
        if self.total is not None and self.received != self.total:
            raise ConnectionLostError(
                f"file {self._id!r} did not arrive whole: {self.received} of {self.total} bytes"
            )


def _filename(headers: Mapping[str, str]) -> str | None:
    parsed = Headers()
    parsed["content-disposition"] = headers.get("content-disposition", "")
    return parsed.get_filename()
