"""`responses` and `aresponses`: OpenAI's newer way to ask a model, with tools that run there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, TypeAlias, Unpack, overload

from ..errors import InvalidRequestError
from ..models.answers import AnswerStream, AsyncAnswerStream
from ..models.arguments import ModelArguments
from ..models.call import body_of, fields_of, json_request, plain
from ..models.response_answers import ResponseAnswer
from ..models.response_calls import ResponseCall
from ..models.schemas import named_schema
from ..models.settings import read_settings
from ..naming import shown

Input: TypeAlias = str | Sequence[Any]
# One of these is what a response goes on from.
_BEGINNINGS = ("input", "prompt", "previous_response_id", "conversation")


class ResponseArguments(ModelArguments, total=False):
    """What a response is asked for with, by OpenAI's names."""

    background: bool | None
    conversation: str | Mapping[str, Any] | None
    include: Sequence[str] | None
    instructions: str | None
    max_output_tokens: int | None
    max_tool_calls: int | None
    metadata: Mapping[str, str] | None
    parallel_tool_calls: bool | None
    previous_response_id: str | None
    prompt: Mapping[str, Any] | None
    prompt_cache_key: str | None
    prompt_cache_retention: str | None
    reasoning: Mapping[str, Any] | None
    safety_identifier: str | None
    service_tier: str | None
    store: bool | None
    stream_options: Mapping[str, Any] | None
    temperature: float | None
    text: Mapping[str, Any] | None
    text_format: type | Mapping[str, Any] | None
    tool_choice: str | Mapping[str, Any] | None
    tools: Sequence[Mapping[str, Any]] | None
    top_logprobs: int | None
    top_p: float | None
    truncation: str | None
    user: str | None


@overload
def responses(
    input: Input | None = None,
    model: str | None = None,
    *,
    stream: Literal[False] | None = None,
    **arguments: Unpack[ResponseArguments],
) -> ResponseAnswer: ...


@overload
def responses(
    input: Input | None = None,
    model: str | None = None,
    *,
    stream: Literal[True],
    **arguments: Unpack[ResponseArguments],
) -> AnswerStream: ...


@overload
def responses(
    input: Input | None = None,
    model: str | None = None,
    *,
    stream: bool | None,
    **arguments: Unpack[ResponseArguments],
) -> ResponseAnswer | AnswerStream: ...


def responses(
    input: Input | None = None,
    model: str | None = None,
    *,
    stream: bool | None = None,
    **arguments: Unpack[ResponseArguments],
) -> ResponseAnswer | AnswerStream:
    """Ask a deployment for a response.

    Args:
        input: A text, or a list of items: messages, results of calls, items of earlier answers.
        model: A deployment: ``azure/my-deployment``, ``openai/gpt-5``; agents are asked by
            `azure_agents.completion`.
        stream: Give the events of the service as they come: ``event.type``, ``event.delta``.
        arguments: `tools`, `reasoning`, `previous_response_id`, `background`, … by OpenAI's names;
            `text_format` (a pydantic model, of which ``answer.output_parsed`` is one, or the
            service's dictionary); where, who and how as for `azure_agents.completion`.

    Returns:
        The service's answer (``answer.output_text``, ``answer.output``, ``answer.id``), or with
        ``stream=True`` an iterator of events: close it, or leave its ``with`` block, to stop early.

    Raises:
        AzureAgentsError: See `azure_agents.errors`; also where the response itself failed.
    """
    call = _call(input, model, arguments, streamed=bool(stream))
    return call.chunks() if stream else call.whole()


@overload
async def aresponses(
    input: Input | None = None,
    model: str | None = None,
    *,
    stream: Literal[False] | None = None,
    **arguments: Unpack[ResponseArguments],
) -> ResponseAnswer: ...


@overload
async def aresponses(
    input: Input | None = None,
    model: str | None = None,
    *,
    stream: Literal[True],
    **arguments: Unpack[ResponseArguments],
) -> AsyncAnswerStream: ...


@overload
async def aresponses(
    input: Input | None = None,
    model: str | None = None,
    *,
    stream: bool | None,
    **arguments: Unpack[ResponseArguments],
) -> ResponseAnswer | AsyncAnswerStream: ...


async def aresponses(
    input: Input | None = None,
    model: str | None = None,
    *,
    stream: bool | None = None,
    **arguments: Unpack[ResponseArguments],
) -> ResponseAnswer | AsyncAnswerStream:
    """Do as `responses` does, on an event loop; a stream is an async iterator of events.

    Args:
        input: As for `responses`.
        model: As for `responses`.
        stream: As for `responses`.
        arguments: As for `responses`; instead of its `transport`, `async_transport` is used.
    """
    call = _call(input, model, arguments, streamed=bool(stream))
    return await call.achunks() if stream else await call.awhole()


def _call(
    input: object, model: str | None, given: Mapping[str, Any], *, streamed: bool
) -> ResponseCall:
    settings = read_settings(model, given)
    fields = plain({"input": input, **fields_of(given)})
    cls = given.get("text_format")
    is_class = cls is not None and not isinstance(cls, Mapping)
    if "text_format" in fields:
        fields["text"] = _formatted(fields.pop("text_format"), fields.get("text"))
    body = _checked(body_of(fields, given))
    request = json_request(settings, "responses", body, droppable=fields, streamed=streamed)
    in_background = body.get("background") is True
    return ResponseCall(
        settings, request, in_background=in_background, cls=cls if is_class else None
    )


def _formatted(wanted: Any, text: object) -> dict[str, Any]:
    """The ``text`` of a body, with the format of a class or a dictionary.

    Raises:
        InvalidRequestError: It has a format already, or the class has no schema.
    """
    other = dict(text) if isinstance(text, Mapping) else {}
    if "format" in other:
        raise InvalidRequestError("text_format= and text={'format': …} are the same: pass one")
    if not isinstance(wanted, Mapping):
        wanted = {"type": "json_schema", **named_schema("text_format", wanted)}
    return {**other, "format": wanted}


def _checked(body: dict[str, Any]) -> dict[str, Any]:
    """A body that asks for something.

    Raises:
        InvalidRequestError: It does not, or its input is no text and no list of items.
    """
    given = body.get("input")
    if given is None:
        body = {name: value for name, value in body.items() if name != "input"}
    elif not isinstance(given, str | list):
        raise InvalidRequestError(f"input must be a text or a list of items, got {shown(given)}")
    for index, item in enumerate(given if isinstance(given, list) else ()):
        if not isinstance(item, Mapping):
            raise InvalidRequestError(
                f"input[{index}] must be a dictionary or an item of an earlier answer, got "
                f"{shown(item)}"
            )
    if not any(body.get(name) for name in _BEGINNINGS):
        raise InvalidRequestError("nothing is asked: pass input=, or prompt=")
    return body
