"""Files of a project, in both generations: upload, list, look, load, delete.

The routes differ by their root and the ``api-version``, nothing else. An upload whose answer was
lost is made again: the service may then keep the file twice, which disturbs nobody. A delete is
made again, too, and finding nothing then is success.

Content never passes through a flow as a whole: it is read while it is sent (`Upload`), and what
arrives is handed over piece by piece (`Arriving`). Flows touch no disk: `Files` opens the files.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from ..errors import (
    AzureAgentsError,
    InvalidRequestError,
    NotFoundError,
    ServerError,
)
from ..jsonio import JSON, malformed
from ..naming import check_id
from ..protocols.commands import Flow, Pump, Query, Send
from ..protocols.retry import is_transient, may_have_been_applied
from ..protocols.sending import fetch, read_list, read_object, retrying, send
from ..protocols.turn import Turn
from .arriving import Arriving
from .multipart import Content, FilePart, TextPart, content_type, form

PAGE = 100
_PURPOSE = re.compile(r"[a-z][a-z0-9_-]{0,63}")


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
    if not _PURPOSE.fullmatch(purpose):
        raise InvalidRequestError(
            f"purpose={purpose!r} is malformed: use 'assistants', or another word of the service"
        )
    # Its fields stand in the recorded order.
    body = form(boundary, (TextPart("purpose", purpose), FilePart("file", content)), sent)
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
