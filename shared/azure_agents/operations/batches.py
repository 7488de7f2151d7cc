"""`create_batch` and the other functions for batches, each with its async twin."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any, Unpack

from ..errors import InvalidRequestError
from ..models.answers import Answer
from ..models.arguments import ModelArguments, NoEndpointArguments
from ..models.call import bare_request, extra_of, fields_of, json_request
from ..models.lost_answers import cancel, create
from ..models.resource_calls import ResourceCall, named_id, page_query, read_resource, trace_of
from ..models.settings import read_settings
from ..naming import shown


def create_batch(
    completion_window: str = "24h",
    endpoint: str = "/v1/chat/completions",
    input_file_id: str = "",
    *,
    metadata: Mapping[str, str] | None = None,
    model: str | None = None,
    **arguments: Unpack[NoEndpointArguments],
) -> Answer:
    """Start a batch: the requests of a file, answered within a day at half the price.

    It is started again only where it provably was not. After a lost answer there is one look in the
    list: the batch of this file, with this metadata, that was made since is the answer.

    Args:
        completion_window: ``24h``.
        endpoint: ``/v1/chat/completions``, or what else the lines of the file ask.
        input_file_id: A file with purpose ``batch``.
        metadata: Up to 16 texts by name, kept with the batch.
        model: A deployment of the resource; not needed, since each line names its own.
        arguments: Where, who and how, as for `azure_agents.completion`; fields that the service
            knows and this function does not name go up as they are.

    Returns:
        The service's batch: ``batch.id``, ``batch.status``.

    Raises:
        TurnUnknownError: The answer was lost, and the list does not say what became of it.
        AzureAgentsError: See `azure_agents.errors`.
    """
    asked = (completion_window, endpoint, input_file_id, metadata)
    return _creation(asked, model, arguments).whole()


async def acreate_batch(
    completion_window: str = "24h",
    endpoint: str = "/v1/chat/completions",
    input_file_id: str = "",
    *,
    metadata: Mapping[str, str] | None = None,
    model: str | None = None,
    **arguments: Unpack[NoEndpointArguments],
) -> Answer:
    """Do as `create_batch` does, on an event loop.

    Args:
        completion_window: As for `create_batch`.
        endpoint: As for `create_batch`.
        input_file_id: As for `create_batch`.
        metadata: As for `create_batch`.
        model: As for `create_batch`.
        arguments: As for `create_batch`; instead of its `transport`, `async_transport` is used.
    """
    asked = (completion_window, endpoint, input_file_id, metadata)
    return await _creation(asked, model, arguments).awhole()


def retrieve_batch(
    batch_id: str, *, model: str | None = None, **arguments: Unpack[ModelArguments]
) -> Answer:
    """Look at a batch; ``output_file_id`` is empty until it is completed.

    Args:
        batch_id: The id that the service gave it.
        model: As for `create_batch`.
        arguments: As for `create_batch`.
    """
    return _of_one("retrieve_batch", batch_id, model, arguments).whole()


async def aretrieve_batch(
    batch_id: str, *, model: str | None = None, **arguments: Unpack[ModelArguments]
) -> Answer:
    """Do as `retrieve_batch` does, on an event loop.

    Args:
        batch_id: The id that the service gave it.
        model: As for `create_batch`.
        arguments: As for `acreate_batch`.
    """
    return await _of_one("retrieve_batch", batch_id, model, arguments).awhole()


def cancel_batch(
    batch_id: str, *, model: str | None = None, **arguments: Unpack[ModelArguments]
) -> Answer:
    """Cancel a batch; what has been answered is kept.

    Args:
        batch_id: The id that the service gave it.
        model: As for `create_batch`.
        arguments: As for `create_batch`.
    """
    return _of_one("cancel_batch", batch_id, model, arguments).whole()


async def acancel_batch(
    batch_id: str, *, model: str | None = None, **arguments: Unpack[ModelArguments]
) -> Answer:
    """Do as `cancel_batch` does, on an event loop.

    Args:
        batch_id: The id that the service gave it.
        model: As for `create_batch`.
        arguments: As for `acreate_batch`.
    """
    return await _of_one("cancel_batch", batch_id, model, arguments).awhole()


def list_batches(
    after: str | None = None,
    limit: int | None = None,
    *,
    model: str | None = None,
    **arguments: Unpack[ModelArguments],
) -> Answer:
    """List the batches of a resource, the newest first: one page, as the service gives it.

    Args:
        after: The id of the last batch of the page before.
        limit: How many at most.
        model: As for `create_batch`.
        arguments: As for `create_batch`.

    Returns:
        ``answer.data``, and ``answer.get("has_more")``.
    """
    return _listing(after, limit, model, arguments).whole()


async def alist_batches(
    after: str | None = None,
    limit: int | None = None,
    *,
    model: str | None = None,
    **arguments: Unpack[ModelArguments],
) -> Answer:
    """Do as `list_batches` does, on an event loop.

    Args:
        after: As for `list_batches`.
        limit: As for `list_batches`.
        model: As for `create_batch`.
        arguments: As for `acreate_batch`.
    """
    return await _listing(after, limit, model, arguments).awhole()


# --- the calls ----------------------------------------------------------------------------------


def _creation(
    asked: tuple[object, object, object, object], model: object, given: Mapping[str, Any]
) -> ResourceCall:
    window, endpoint, file_id, metadata = asked
    named = {"completion_window": window, "endpoint": endpoint}
    if not isinstance(window, str) or not window:
        raise InvalidRequestError(f"completion_window must be '24h', got {shown(window)}")
    if not isinstance(endpoint, str) or not endpoint.startswith("/"):
        raise InvalidRequestError(
            f"endpoint must be what the lines ask, such as '/v1/chat/completions', got "
            f"{shown(endpoint)}"
        )
    _check_metadata(metadata)
    settings = read_settings(model, given)
    body = {**named, "input_file_id": named_id(file_id, "file", "input_file_id")}
    trace = trace_of(settings, "batch", "list_batches", {**body, "metadata": metadata})
    kept = {} if metadata is None else {"metadata": metadata}
    fields = {**body, **kept, **fields_of(given), **extra_of(given)}
    request = json_request(settings, "create_batch", fields)
    return ResourceCall(settings, request, partial(create, request, trace))


def _check_metadata(metadata: object) -> None:
    is_texts = isinstance(metadata, Mapping) and all(
        isinstance(one, str) for pair in metadata.items() for one in pair
    )
    if metadata is not None and not is_texts:
        raise InvalidRequestError(f"metadata must be a dictionary of texts, got {shown(metadata)}")


def _of_one(
    operation: str, batch_id: object, model: object, given: Mapping[str, Any]
) -> ResourceCall:
    id = named_id(batch_id, "batch", "batch_id")
    settings = read_resource(operation, model, given)
    request = bare_request(settings, operation, id=id)
    if operation == "retrieve_batch":
        return ResourceCall(settings, request)
    look = bare_request(settings, "retrieve_batch", id=id)
    bare = {"id": id, "object": "batch"}
    return ResourceCall(settings, request, partial(cancel, request, look), bare)


def _listing(after: object, limit: object, model: object, given: Mapping[str, Any]) -> ResourceCall:
    settings = read_resource("list_batches", model, given)
    query = page_query(limit, after)
    return ResourceCall(settings, bare_request(settings, "list_batches", query=query))
