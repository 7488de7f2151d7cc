"""`create_file` and the other functions for the files of a resource, each with its async twin."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from functools import partial
from typing import Any, Unpack

from ..errors import InvalidRequestError
from ..files.progress import OnProgress
from ..models.answers import Answer
from ..models.arguments import ModelArguments
from ..models.byte_answers import AsyncBytesAnswer, BytesAnswer
from ..models.byte_call import BytesCall
from ..models.call import bare_request, extra_of, fields_of
from ..models.forms import form_request
from ..models.lost_answers import create, delete
from ..models.resource_calls import (
    ResourceCall,
    for_files,
    named_id,
    page_query,
    read_resource,
    trace_of,
)
from ..models.settings import read_settings
from ..models.uploads import FileInput, read_upload
from ..naming import near, shown

PURPOSES = ("assistants", "batch", "evals", "fine-tune", "user_data", "vision")
_LINES = ("batch", "evals", "fine-tune")  # purposes whose files are JSON lines


def create_file(
    file: FileInput,
    purpose: str,
    *,
    expires_after: Mapping[str, Any] | None = None,
    model: str | None = None,
    progress: OnProgress | None = None,
    **arguments: Unpack[ModelArguments],
) -> Answer:
    """Upload a file to a resource, piece by piece.

    It is sent again only where it was provably not kept. After a lost answer there is one look in
    the list: the file of this name, size and purpose that was made since is the answer.

    Args:
        file: A path, bytes, an open binary file, or ``(name, content)``.
        purpose: ``batch``, ``fine-tune``, ``assistants``, ``vision``, ``user_data`` or ``evals``.
        expires_after: ``{"anchor": "created_at", "seconds": 1209600}``.
        model: A deployment of the resource; not needed.
        progress: Called with the bytes that are sent, and the bytes in all.
        arguments: Where, who and how, as for `azure_agents.completion`; without `timeout` the
            upload may take as long as it goes on.

    Returns:
        The service's file: ``file.id``, ``file.status``.

    Raises:
        InvalidRequestError: The file or its purpose is wrong; nothing was sent.
        TurnUnknownError: The answer was lost, and the list does not say what became of it.
        AzureAgentsError: See `azure_agents.errors`.
    """
    return _creation((file, purpose, expires_after), model, progress, arguments).whole()


async def acreate_file(
    file: FileInput,
    purpose: str,
    *,
    expires_after: Mapping[str, Any] | None = None,
    model: str | None = None,
    progress: OnProgress | None = None,
    **arguments: Unpack[ModelArguments],
) -> Answer:
    """Do as `create_file` does, on an event loop; the file is read in threads.

    Args:
        file: As for `create_file`.
        purpose: As for `create_file`.
        expires_after: As for `create_file`.
        model: As for `create_file`.
        progress: As for `create_file`; called on the event loop.
        arguments: As for `create_file`; instead of its `transport`, `async_transport` is used.
    """
    asked = (file, purpose, expires_after)
    call = await asyncio.to_thread(_creation, asked, model, progress, arguments)
    return await call.awhole()


def file_retrieve(
    file_id: str, *, model: str | None = None, **arguments: Unpack[ModelArguments]
) -> Answer:
    """Get what the service knows of a file.

    Args:
        file_id: The id that the service gave it.
        model: As for `create_file`.
        arguments: As for `create_file`.
    """
    return _retrieval(file_id, model, arguments).whole()


async def afile_retrieve(
    file_id: str, *, model: str | None = None, **arguments: Unpack[ModelArguments]
) -> Answer:
    """Do as `file_retrieve` does, on an event loop.

    Args:
        file_id: The id that the service gave it.
        model: As for `create_file`.
        arguments: As for `acreate_file`.
    """
    return await _retrieval(file_id, model, arguments).awhole()


def file_list(
    purpose: str | None = None,
    *,
    limit: int | None = None,
    after: str | None = None,
    model: str | None = None,
    **arguments: Unpack[ModelArguments],
) -> Answer:
    """List the files of a resource: one page, as the service gives it.

    Args:
        purpose: Only files of this purpose.
        limit: How many at most.
        after: The id of the last file of the page before.
        model: As for `create_file`.
        arguments: As for `create_file`.

    Returns:
        ``answer.data``, and ``answer.get("has_more")``.
    """
    return _listing(purpose, limit, after, model, arguments).whole()


async def afile_list(
    purpose: str | None = None,
    *,
    limit: int | None = None,
    after: str | None = None,
    model: str | None = None,
    **arguments: Unpack[ModelArguments],
) -> Answer:
    """Do as `file_list` does, on an event loop.

    Args:
        purpose: As for `file_list`.
        limit: As for `file_list`.
        after: As for `file_list`.
        model: As for `create_file`.
        arguments: As for `acreate_file`.
    """
    return await _listing(purpose, limit, after, model, arguments).awhole()


def file_delete(
    file_id: str, *, model: str | None = None, **arguments: Unpack[ModelArguments]
) -> Answer:
    """Delete a file.

    Args:
        file_id: The id that the service gave it.
        model: As for `create_file`.
        arguments: As for `create_file`.

    Returns:
        ``answer.deleted``: False where there was nothing to delete.
    """
    return _deletion(file_id, model, arguments).whole()


async def afile_delete(
    file_id: str, *, model: str | None = None, **arguments: Unpack[ModelArguments]
) -> Answer:
    """Do as `file_delete` does, on an event loop.

    Args:
        file_id: The id that the service gave it.
        model: As for `create_file`.
        arguments: As for `acreate_file`.
    """
    return await _deletion(file_id, model, arguments).awhole()


def file_content(
    file_id: str,
    *,
    stream: bool = False,
    model: str | None = None,
    progress: OnProgress | None = None,
    **arguments: Unpack[ModelArguments],
) -> BytesAnswer:
    """Load a file, such as the output of a batch.

    Up to 16 MiB are here when the call returns; the rest of a larger file is read when it is asked
    for, piece by piece. A connection that is lost is opened again, and no byte comes twice.

    Args:
        file_id: The id that the service gave it.
        stream: Read nothing ahead: the pieces come as the service sends them.
        model: As for `create_file`.
        progress: Called with the bytes that have come, and the bytes in all (None: unknown).
        arguments: As for `create_file`.

    Returns:
        ``answer.content``, ``answer.text``, ``answer.iter_lines()``, ``answer.iter_bytes()``,
        ``answer.stream_to_file(path)``.
    """
    return _loading(file_id, model, progress, arguments, streamed=stream).begun()


async def afile_content(
    file_id: str,
    *,
    stream: bool = False,
    model: str | None = None,
    progress: OnProgress | None = None,
    **arguments: Unpack[ModelArguments],
) -> AsyncBytesAnswer:
    """Do as `file_content` does, on an event loop.

    Args:
        file_id: As for `file_content`.
        stream: As for `file_content`.
        model: As for `create_file`.
        progress: As for `file_content`; called on the event loop.
        arguments: As for `acreate_file`.

    Returns:
        As for `file_content`; a file of more than 16 MiB is read by ``await answer.aread()``,
        ``answer.aiter_lines()``, ``answer.aiter_bytes()``, ``await answer.astream_to_file(path)``.
    """
    return await _loading(file_id, model, progress, arguments, streamed=stream).abegun()


# --- the calls ----------------------------------------------------------------------------------


def _creation(
    asked: tuple[object, object, object],
    model: object,
    progress: OnProgress | None,
    given: Mapping[str, Any],
) -> ResourceCall:
    file, purpose, expires_after = asked
    checked = _purpose(purpose)
    settings = for_files(read_settings(model, given), given)
    content = read_upload(file, "lines" if checked in _LINES else "file")
    fields = {"purpose": checked, "expires_after": _expiry(expires_after)}
    more = {**fields_of(given), **extra_of(given)}
    request = form_request(
        settings, "create_file", {**fields, **more}, [("file", content)], progress
    )
    made = {"filename": content.name, "bytes": content.size, "purpose": checked}
    trace = trace_of(settings, "file", "file_list", made, query=(("purpose", checked),))
    return ResourceCall(settings, request, partial(create, request, trace))


def _purpose(purpose: object) -> str:
    if isinstance(purpose, str) and purpose in PURPOSES:
        return purpose
    hint = near(purpose, PURPOSES) if isinstance(purpose, str) else ""
    known = ", ".join(map(repr, PURPOSES))
    raise InvalidRequestError(f"purpose={shown(purpose)} is unknown{hint}: use one of {known}")


def _expiry(expires_after: object) -> object:
    if expires_after is None:
        return None
    if isinstance(expires_after, Mapping) and {"anchor", "seconds"} == expires_after.keys():
        seconds = expires_after["seconds"]
        if isinstance(seconds, int) and not isinstance(seconds, bool) and seconds > 0:
            return expires_after
    raise InvalidRequestError(
        f"expires_after={shown(expires_after)} is not understood: pass "
        "{'anchor': 'created_at', 'seconds': 1209600}"
    )


def _retrieval(file_id: object, model: object, given: Mapping[str, Any]) -> ResourceCall:
    id = named_id(file_id, "file", "file_id")
    settings = read_resource("file_retrieve", model, given)
    return ResourceCall(settings, bare_request(settings, "file_retrieve", id=id))


def _listing(
    purpose: object, limit: object, after: object, model: object, given: Mapping[str, Any]
) -> ResourceCall:
    query = page_query(limit, after, purpose=None if purpose is None else _any_purpose(purpose))
    settings = read_resource("file_list", model, given)
    return ResourceCall(settings, bare_request(settings, "file_list", query=query))


def _any_purpose(purpose: object) -> str:
    # Files that the service makes have purposes of its own: batch_output, fine-tune-results.
    if isinstance(purpose, str) and purpose:
        return purpose
    raise InvalidRequestError(f"purpose must be a word, such as 'batch', got {shown(purpose)}")


def _deletion(file_id: object, model: object, given: Mapping[str, Any]) -> ResourceCall:
    id = named_id(file_id, "file", "file_id")
    settings = read_resource("file_delete", model, given)
    request = bare_request(settings, "file_delete", id=id)
    deleted = {"object": "file", "deleted": True, "id": id}
    return ResourceCall(settings, request, partial(delete, request, deleted), deleted)


def _loading(
    file_id: object,
    model: object,
    progress: OnProgress | None,
    given: Mapping[str, Any],
    *,
    streamed: bool,
) -> BytesCall:
    id = named_id(file_id, "file", "file_id")
    settings = read_resource("file_content", model, given, moves_file=True)
    request = bare_request(settings, "file_content", id=id)
    return BytesCall(settings, request, id, progress, streamed=streamed)
