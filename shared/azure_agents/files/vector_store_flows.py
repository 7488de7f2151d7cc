"""Vector stores: made, filled, waited for, in both generations.

Files are added one by one, so that an error names the refused file, and each is polled until it is
indexed, as recorded. What a write makes can be found again, by its metadata or its id: after a lost
answer the flow looks for it before it writes again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from ..errors import (
    BadRequestError,
    DeadlineError,
    InvalidRequestError,
    NotFoundError,
    ServerError,
    ServiceError,
)
from ..jsonio import JSON, dumps, malformed
from ..naming import check_id
from ..protocols.commands import Flow, Send
from ..protocols.options import OPERATION
from ..protocols.sending import fetch, read_list, read_object, send, write_once
from ..protocols.turn import Turn
from ..protocols.waiting import poll, suppress_but_deadline
from .file_flows import PAGE, delete, get_file, name_missing

Added: TypeAlias = tuple[str, str | None]  # id of a file, and its name if known

_SHOWN = 5  # failed files that an error names
_NAME_LENGTH = 256
_ACTIVE = frozenset({"in_progress"})


@dataclass(frozen=True, slots=True)
class FileCounts:
    """Files of a vector store by status.

    Attributes:
        in_progress: Files that are still being read.
        completed: Files that can be searched.
        failed: Files that the service could not read.
        cancelled: Files whose reading was stopped.
        total: All files of the store.
    """

    in_progress: int = 0
    completed: int = 0
    failed: int = 0
    cancelled: int = 0
    total: int = 0


@dataclass(frozen=True, slots=True)
class VectorStore:
    """A vector store.

    Attributes:
        id: What an agent's file search tool names it by.
        name: What it is called.
        status: ``in_progress`` while files are indexed, ``completed`` or ``expired``.
        size: Bytes used.
        files: How many files it has.
        created_at: Unix seconds.
        expires_at: Unix seconds, or None.
    """

    id: str
    name: str
    status: str
    size: int
    files: FileCounts
    created_at: int | None = None
    expires_at: int | None = None

    @property
    def is_ready(self) -> bool:
        """Whether everything in it can be searched: no file is being indexed."""
        return self.status == "completed" and self.files.in_progress == 0


def read_store(wire: JSON) -> VectorStore:
    """Decode a vector store object."""
    with malformed(wire):
        counts = wire.get("file_counts") or {}
        return VectorStore(
            id=wire["id"],
            name=wire.get("name") or "",
            status=wire["status"],
            size=int(wire.get("usage_bytes") or 0),
            files=FileCounts(**{name: int(counts.get(name) or 0) for name in FileCounts.__slots__}),
            created_at=wire.get("created_at"),
            expires_at=wire.get("expires_at"),
        )


def _path(*parts: str) -> str:
    return "/".join(("/vector_stores", *parts))


def checked_store(id: str) -> str:
    """Refuse what is no id of a vector store.

    Args:
        id: ``vs_…``.

    Raises:
        InvalidRequestError: It is none.
    """
    return check_id(id, "vector store")


# --- making and filling -------------------------------------------------------------------------


def create_store(
    turn: Turn, name: str, files: Sequence[Added], days: int | None, *, wait: bool
) -> Flow[VectorStore]:
    """Make a vector store and put files into it.

    Raises:
        ServiceError: A file was refused or could not be indexed. The store stays, as the message
            says: it holds the files before that one.
    """
    body: JSON = {"name": _checked_name(name), "metadata": {OPERATION: turn.operation}}
    if days is not None:
        body["expires_after"] = {"anchor": "last_active_at", "days": _checked_days(days)}
    request = Send("POST", turn.route(_path()), dumps(body))

    def write() -> Flow[JSON]:
        return read_object((yield from send(request, turn, "create the vector store")))

    made = yield from write_once(turn, write, lambda: _find_named(turn))
    store = read_store(made)
    return (yield from add_files(turn, store.id, files, wait=wait)) if files else store


def _checked_name(name: object) -> str:
    if isinstance(name, str) and 0 < len(name.strip()) <= _NAME_LENGTH:
        return name
    raise InvalidRequestError(f"name={str(name)[:80]!r}: give the vector store a name")


def _checked_days(days: object) -> int:
    if isinstance(days, int) and not isinstance(days, bool) and days >= 1:
        return days
    raise InvalidRequestError(f"expires_after_days={days!r} must be a whole number, 1 or more")


def _find_named(turn: Turn) -> Flow[JSON | None]:
    # An attempt whose answer was lost may have made the store: it is among the newest, and its
    # metadata holds the key of this turn. Stores may share a name, so the name would not do.
    route = turn.route(_path(), ("limit", "20"), ("order", "desc"))
    page = yield from fetch(route, turn, "look for the vector store")
    for store in page.get("data") or ():
        if (store.get("metadata") or {}).get(OPERATION) == turn.operation:
            return dict(store)
    return None


def add_files(
    turn: Turn, store_id: str, files: Sequence[Added], *, wait: bool
) -> Flow[VectorStore]:
    """Put files into a vector store; with `wait`, return when they can be searched."""
    checked_store(store_id)
    for file in files:
        yield from _add(turn, store_id, file)
    if wait:
        yield from _say_how_to_wait(store_id, _wait_for_files(turn, store_id, files))
    return (yield from get_store(turn, store_id))


def _add(turn: Turn, store_id: str, file: Added) -> Flow[JSON]:
    body = dumps({"file_id": check_id(file[0])})
    request = Send("POST", turn.route(_path(store_id, "files")), body)

    def write() -> Flow[JSON]:
        return read_object((yield from send(request, turn, "add the file")))

    def look() -> Flow[JSON | None]:
        try:
            return (yield from _get_entry(turn, store_id, file[0]))
        except NotFoundError:
            return None

    try:
        return (yield from write_once(turn, write, look))
    except ServiceError as error:
        raise type(error)(
            f"file {_name_of(file)} was not added to vector store {store_id!r}, which stays as it "
            f"was before: {error.message}",
            **error.facts,
        ) from error


def _get_entry(turn: Turn, store_id: str, file_id: str) -> Flow[JSON]:
    route = turn.route(_path(store_id, "files", file_id))
    return (yield from fetch(route, turn, "look at the file in the vector store"))


# --- waiting ------------------------------------------------------------------------------------


def wait_for_store(turn: Turn, store_id: str) -> Flow[VectorStore]:
    """Poll a vector store until none of its files is being indexed.

    Raises:
        ServiceError: It has expired, or files of it could not be indexed.
        DeadlineError: It took too long.
    """
    wire = yield from _say_how_to_wait(
        store_id, poll(lambda: _get_wire(turn, store_id), active=_ACTIVE)
    )
    store = read_store(wire)
    if store.status == "expired":
        raise ServiceError(
            f"vector store {store_id!r} has expired: create it again", code="expired"
        )
    if store.files.failed or store.files.cancelled:
        yield from _raise_failed(turn, store_id)
    return store


def _say_how_to_wait(store_id: str, waiting: Flow[JSON]) -> Flow[JSON]:
    try:
        return (yield from waiting)
    except DeadlineError as error:
        raise DeadlineError(
            f"vector store {store_id!r} was not ready in time, and goes on being indexed: wait "
            f"longer with timeout=, or later with wait_until_ready({store_id!r})",
            **error.facts,
        ) from error


def _wait_for_files(turn: Turn, store_id: str, files: Sequence[Added]) -> Flow[JSON]:
    failed: list[tuple[Added, JSON]] = []
    for file in files:
        entry = yield from poll(_entry_getter(turn, store_id, file[0]), active=_ACTIVE)
        if entry.get("status") != "completed":
            failed.append((file, entry))
    if failed:
        raise _failure(store_id, failed)
    return {}


def _entry_getter(turn: Turn, store_id: str, file_id: str) -> Callable[[], Flow[JSON]]:
    return lambda: _get_entry(turn, store_id, file_id)


def _raise_failed(turn: Turn, store_id: str) -> Flow[None]:
    path = _path(store_id, "files")
    entries: list[JSON] = []
    for status in ("failed", "cancelled"):
        route = turn.route(path, ("filter", status), ("limit", str(PAGE)))
        entries += yield from read_list(route, turn, "list the files that failed")
    named: list[tuple[Added, JSON]] = []
    for number, entry in enumerate(entries):
        name = None
        if number < _SHOWN:
            with suppress_but_deadline():
                name = (yield from get_file(turn, str(entry["id"]))).name
        named.append(((str(entry["id"]), name), entry))
    raise _failure(store_id, named)


def _failure(store_id: str, failed: Sequence[tuple[Added, JSON]]) -> ServiceError:
    reasons = [f"{_name_of(file)}: {_reason(entry)}" for file, entry in failed[:_SHOWN]]
    more = f"; and {len(failed) - _SHOWN} more" if len(failed) > _SHOWN else ""
    codes = [(entry.get("last_error") or {}).get("code") for _, entry in failed]
    is_ours = any(code in {"invalid_file", "unsupported_file"} for code in codes)
    cls = BadRequestError if is_ours else ServerError
    return cls(
        f"vector store {store_id!r}: {len(failed)} file(s) cannot be searched: "
        f"{'; '.join(reasons)}{more}. The store stays: remove them, or delete it",
        code=next((str(code) for code in codes if code), None),
    )


def _reason(entry: JSON) -> str:
    error = entry.get("last_error") or {}
    said = str(error.get("message") or "the service gives no reason")[:200]
    return f"{error.get('code') or entry.get('status')} ({said!r})"


def _name_of(file: Added) -> str:
    id, name = file
    return f"{name!r} ({id})" if name else repr(id)


# --- looking and removing -----------------------------------------------------------------------


def _get_wire(turn: Turn, store_id: str) -> Flow[JSON]:
    route = turn.route(_path(checked_store(store_id)))
    with name_missing(f"vector store {store_id!r}"):
        return (yield from fetch(route, turn, "look at the vector store"))


def get_store(turn: Turn, store_id: str) -> Flow[VectorStore]:
    """Get a vector store as it is now."""
    return read_store((yield from _get_wire(turn, store_id)))


def list_stores(turn: Turn) -> Flow[list[VectorStore]]:
    """List all vector stores of the project."""
    route = turn.route(_path(), ("limit", str(PAGE)))
    items: Iterable[JSON] = yield from read_list(route, turn, "list the vector stores")
    return [read_store(item) for item in items]


def list_file_ids(turn: Turn, store_id: str) -> Flow[list[str]]:
    """List the ids of the files in a vector store."""
    route = turn.route(_path(checked_store(store_id), "files"), ("limit", str(PAGE)))
    with name_missing(f"vector store {store_id!r}"):
        items = yield from read_list(route, turn, "list the files of the vector store")
    return [str(item["id"]) for item in items]


def delete_store(turn: Turn, store_id: str) -> Flow[None]:
    """Delete a vector store; the files stay."""
    with name_missing(f"vector store {store_id!r}"):
        yield from delete(turn, _path(checked_store(store_id)), "delete the vector store")


def remove_file(turn: Turn, store_id: str, file_id: str) -> Flow[None]:
    """Take a file out of a vector store; the file itself stays."""
    path = _path(checked_store(store_id), "files", check_id(file_id))
    with name_missing(f"file {file_id!r} of vector store {store_id!r}"):
        yield from delete(turn, path, "remove the file")
