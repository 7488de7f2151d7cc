"""`get_response` and the other functions for responses that the service keeps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, Unpack, overload

from ..errors import InvalidRequestError
from ..models.answers import Answer, AnswerStream, AsyncAnswerStream
from ..models.arguments import ModelArguments
from ..models.call import bare_request
from ..models.lost_answers import cancel, delete
from ..models.requests import Request, reading
from ..models.resource_calls import ResourceCall, named_id, page_query, read_resource
from ..models.response_answers import ResponseAnswer
from ..models.response_calls import ResponseCall
from ..models.settings import ModelSettings, query_of
from ..naming import shown
from ..protocols.commands import Flow


@overload
def get_response(
    response_id: str,
    *,
    stream: Literal[False] | None = None,
    starting_after: int | None = None,
    include: Sequence[str] | None = None,
    text_format: type | None = None,
    model: str | None = None,
    **arguments: Unpack[ModelArguments],
) -> ResponseAnswer: ...


@overload
def get_response(
    response_id: str,
    *,
    stream: Literal[True],
    starting_after: int | None = None,
    include: Sequence[str] | None = None,
    text_format: type | None = None,
    model: str | None = None,
    **arguments: Unpack[ModelArguments],
) -> AnswerStream: ...


def get_response(
    response_id: str,
    *,
    stream: bool | None = None,
    starting_after: int | None = None,
    include: Sequence[str] | None = None,
    text_format: type | None = None,
    model: str | None = None,
    **arguments: Unpack[ModelArguments],
) -> ResponseAnswer | AnswerStream:
    """Get a response that the service keeps.

    Args:
        response_id: The response, by the id that the service gave it.
        stream: Give its events, from the first one or from `starting_after`; for responses that
            were made in the background with a stream.
        starting_after: The `sequence_number` of the last event that you have.
        include: What is to come, too, by OpenAI's names.
        text_format: The class of ``answer.output_parsed``.
        model: A deployment of the resource; not needed.
        arguments: Where, who and how, as for `azure_agents.completion`.

    Returns:
        The response as it is now, also where it failed (``answer.status``, ``answer.output_text``);
        or with ``stream=True`` an iterator of events, which ends in an error where it failed.

    Raises:
        NotFoundError: The service does not keep it.
        AzureAgentsError: See `azure_agents.errors`.
    """
    asked = {"stream": stream, "starting_after": starting_after, "include": include}
    call = _retrieval(response_id, asked, text_format, model, arguments)
    return call.chunks() if stream else call.whole()


@overload
async def aget_response(
    response_id: str,
    *,
    stream: Literal[False] | None = None,
    starting_after: int | None = None,
    include: Sequence[str] | None = None,
    text_format: type | None = None,
    model: str | None = None,
    **arguments: Unpack[ModelArguments],
) -> ResponseAnswer: ...


@overload
async def aget_response(
    response_id: str,
    *,
    stream: Literal[True],
    starting_after: int | None = None,
    include: Sequence[str] | None = None,
    text_format: type | None = None,
    model: str | None = None,
    **arguments: Unpack[ModelArguments],
) -> AsyncAnswerStream: ...


async def aget_response(
    response_id: str,
    *,
    stream: bool | None = None,
    starting_after: int | None = None,
    include: Sequence[str] | None = None,
    text_format: type | None = None,
    model: str | None = None,
    **arguments: Unpack[ModelArguments],
) -> ResponseAnswer | AsyncAnswerStream:
    """Do as `get_response` does, on an event loop.

    Args:
        response_id: As for `get_response`.
        stream: As for `get_response`.
        starting_after: As for `get_response`.
        include: As for `get_response`.
        text_format: As for `get_response`.
        model: As for `get_response`.
        arguments: As for `get_response`; instead of its `transport`, `async_transport` is used.
    """
    asked = {"stream": stream, "starting_after": starting_after, "include": include}
    call = _retrieval(response_id, asked, text_format, model, arguments)
    return await call.achunks() if stream else await call.awhole()


def delete_response(
    response_id: str, *, model: str | None = None, **arguments: Unpack[ModelArguments]
) -> Answer:
    """Delete a response that the service keeps.

    Args:
        response_id: The id that the service gave it.
        model: As for `get_response`.
        arguments: As for `get_response`.

    Returns:
        ``answer.deleted``.

    Raises:
        NotFoundError: The service does not keep it.
        AzureAgentsError: See `azure_agents.errors`.
    """
    return _deletion(response_id, model, arguments).whole()


async def adelete_response(
    response_id: str, *, model: str | None = None, **arguments: Unpack[ModelArguments]
) -> Answer:
    """Do as `delete_response` does, on an event loop.

    Args:
        response_id: The id that the service gave it.
        model: As for `get_response`.
        arguments: As for `aget_response`.
    """
    return await _deletion(response_id, model, arguments).awhole()


def cancel_response(
    response_id: str, *, model: str | None = None, **arguments: Unpack[ModelArguments]
) -> ResponseAnswer:
    """Cancel a response that runs in the background.

    Args:
        response_id: The id that the service gave it.
        model: As for `get_response`.
        arguments: As for `get_response`.

    Returns:
        The response, with ``answer.status == "cancelled"``.

    Raises:
        BadRequestError: It does not run in the background, or is over.
        AzureAgentsError: See `azure_agents.errors`.
    """
    return _cancellation(response_id, model, arguments).whole()


async def acancel_response(
    response_id: str, *, model: str | None = None, **arguments: Unpack[ModelArguments]
) -> ResponseAnswer:
    """Do as `cancel_response` does, on an event loop.

    Args:
        response_id: The id that the service gave it.
        model: As for `get_response`.
        arguments: As for `aget_response`.
    """
    return await _cancellation(response_id, model, arguments).awhole()


def list_input_items(
    response_id: str,
    *,
    after: str | None = None,
    before: str | None = None,
    include: Sequence[str] | None = None,
    limit: int | None = None,
    order: Literal["asc", "desc"] | None = None,
    model: str | None = None,
    **arguments: Unpack[ModelArguments],
) -> Answer:
    """List the items that a response was made from: one page, as the service gives it.

    Args:
        response_id: The id that the service gave it.
        after: The id of the last item of the page before.
        before: The id of the first item of the page behind.
        include: What is to come, too, by OpenAI's names.
        limit: How many at most.
        order: ``asc``: the oldest first; ``desc``: the newest first, as without it.
        model: As for `get_response`.
        arguments: As for `get_response`.

    Returns:
        ``answer.data``, ``answer.has_more``, ``answer.last_id``.
    """
    asked = {"limit": limit, "after": after, "before": before, "order": order}
    return _listing(response_id, asked, include, model, arguments).whole()


async def alist_input_items(
    response_id: str,
    *,
    after: str | None = None,
    before: str | None = None,
    include: Sequence[str] | None = None,
    limit: int | None = None,
    order: Literal["asc", "desc"] | None = None,
    model: str | None = None,
    **arguments: Unpack[ModelArguments],
) -> Answer:
    """Do as `list_input_items` does, on an event loop.

    Args:
        response_id: The id that the service gave it.
        after: As for `list_input_items`.
        before: As for `list_input_items`.
        include: As for `list_input_items`.
        limit: As for `list_input_items`.
        order: As for `list_input_items`.
        model: As for `get_response`.
        arguments: As for `aget_response`.
    """
    asked = {"limit": limit, "after": after, "before": before, "order": order}
    return await _listing(response_id, asked, include, model, arguments).awhole()


class _Cancellation(ResponseCall):
    """A cancel, which after a lost answer may have been applied."""

    def __init__(self, settings: ModelSettings, request: Request, look: Request) -> None:
        super().__init__(settings, request, is_new=False)
        self._look = look

    def asking(self) -> Flow[ResponseAnswer]:
        """Make the flow of the call."""
        return reading(self.request, cancel(self.request, self._look), self.answer)


def _retrieval(
    response_id: object,
    asked: Mapping[str, Any],
    cls: type | None,
    model: str | None,
    given: Mapping[str, Any],
) -> ResponseCall:
    id = _id(response_id)
    after = asked["starting_after"]
    if after is not None and not (asked["stream"] and isinstance(after, int) and after >= 0):
        raise InvalidRequestError(
            "starting_after= is the sequence_number of an event, and goes with stream=True, got "
            f"{shown(after)}"
        )
    settings = read_resource("get_response", model, given)
    query = query_of({**asked, "stream": asked["stream"] or None}, "get_response")
    request = bare_request(settings, "get_response", id=id, query=query)
    return ResponseCall(settings, request, is_new=False, cls=cls)


def _deletion(response_id: object, model: str | None, given: Mapping[str, Any]) -> ResourceCall:
    id = _id(response_id)
    settings = read_resource("delete_response", model, given)
    request = bare_request(settings, "delete_response", id=id)
    deleted = {"id": id, "object": "response.deleted", "deleted": True}
    return ResourceCall(settings, request, lambda: delete(request, deleted), bare=deleted)


def _cancellation(
    response_id: object, model: str | None, given: Mapping[str, Any]
) -> _Cancellation:
    id = _id(response_id)
    settings = read_resource("cancel_response", model, given)
    look = bare_request(settings, "get_response", id=id)
    return _Cancellation(settings, bare_request(settings, "cancel_response", id=id), look)


def _listing(
    response_id: object,
    asked: Mapping[str, Any],
    include: Sequence[str] | None,
    model: str | None,
    given: Mapping[str, Any],
) -> ResourceCall:
    id = _id(response_id)
    if asked["order"] not in (None, "asc", "desc"):
        raise InvalidRequestError(f"order must be 'asc' or 'desc', got {shown(asked['order'])}")
    settings = read_resource("list_input_items", model, given)
    query = (*page_query(**asked), *query_of({"include": include}, "list_input_items"))
    return ResourceCall(settings, bare_request(settings, "list_input_items", id=id, query=query))


def _id(value: object) -> str:
    return named_id(value, "response", "response_id")
