"""One checked call of one operation: what every function over the table shares.

A function reads its arguments (`azure_agents.models.settings`), makes a `Request` and asks by one
of the four methods of `OperationCall`. How an answer is read is the subclass's: JSON here, a chat
in `azure_agents.models.chat`.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Generator, Iterable, Mapping
from difflib import get_close_matches
from functools import lru_cache
from typing import Any, Generic, TypeVar
from uuid import uuid4

from pydantic import BaseModel

from ..errors import ConfigError, InvalidRequestError
from ..jsonio import JSON
from ..naming import shown
from ..prices.fields import is_price
from ..protocols.commands import Flow, Reply
from ..settings.headers import ExtraHeaders
from .answers import Answer, AnswerStream, AsyncAnswerStream
from .operation_table import OPERATIONS, Operation
from .recent_clients import recent_clients
from .replies import object_of
from .requests import Request, StreamDecoder, ask, stream
from .rules import KEPT
from .settings import SETTINGS, ModelSettings
from .surfaces import Place, locate

_NEARLY = 0.85  # as alike as ``apikey`` and ``api_key``; no field of OpenAI's is so like a setting
# Arguments that LiteLLM or OpenAI's SDK keeps for itself.
_ELSEWHERE = {
    "azure_deployment": "name it in the model string, 'azure/<deployment>'",
    "azure_endpoint": "pass api_base=",
    "caching": "answers are not cached: leave it out",
    "deployment_id": "name it in the model string, 'azure/<deployment>'",
    "fallbacks": "pass them to a Router",
    "headers": "pass extra_headers=",
    "mock_response": "ask a deployment of azure_agents.emulator",
    "request_timeout": "pass timeout=",
}
A = TypeVar("A")

# What of an answer's headers callers may see: ids, limits, bills.
_TOLD = frozenset(
    {
        *("x-request-id", "apim-request-id", "request-id"),
        *("x-ms-region", "azureml-model-session"),
        "csp-billing-usage",  # what is billed for speech and transcriptions
    }
)
_LIMITS = ("x-ratelimit-", "anthropic-ratelimit-", "x-ms-")


def told_headers(headers: Mapping[str, str]) -> dict[str, str]:
    """The headers of an answer that callers may see.

    Args:
        headers: Of a reply, names in lower case.
    """
    return {k: v for k, v in headers.items() if is_told(k)}


@lru_cache(1_000)
def is_told(name: str) -> bool:
    """Whether callers may see a header of an answer.

    Args:
        name: Of the header, in lower case.
    """
    return name in _TOLD or name.startswith(_LIMITS)


class OperationCall(Generic[A]):
    """One checked call; nothing has been sent.

    Args:
        settings: Of the call.
        request: What goes up.
        headers: Of every request; by default the caller's.
    """

    def __init__(
        self, settings: ModelSettings, request: Request, headers: ExtraHeaders | None = None
    ) -> None:
        self.settings, self.request = settings, request
        self._headers = settings.headers if headers is None else headers
        self._heard: Mapping[str, str] = {}  # headers of the answer that streams

    def answer(self, reply: Reply) -> A:
        """Read a whole reply."""
        raise NotImplementedError

    def object_of(self, reply: Reply) -> JSON:
        """The JSON object of a whole reply.

        Raises:
            AzureAgentsError: It is an error, or no answer of the operation.
        """
        return object_of(
            self.request.operation, reply, self.request.doing, self.request.place.service
        )

    def asking(self) -> Flow[A]:
        """Make the flow of a call whose answer comes whole."""
        return ask(self.request, self.answer)

    def decoder(self) -> StreamDecoder:
        """Make the decoder of one stream; only of an operation that streams."""
        raise NotImplementedError

    def hidden(self, headers: Mapping[str, str]) -> dict[str, Any]:
        """What LiteLLM keeps in ``_hidden_params``.

        Args:
            headers: Of the reply.
        """
        known = {
            "custom_llm_provider": self.settings.model.provider,
            "model": self.settings.model.requested,
            **self.settings.costs,
            "headers": told_headers(headers),
        }
        notes = self.settings.surface.notes
        return {**known, "notes": list(notes)} if notes else known

    def whole(self) -> A:
        """Ask, and wait for the whole answer."""
        client, _ = recent_clients(self.settings)
        flow = self.asking()
        return client.result(flow, self.settings.timeouts, self._headers)

    async def awhole(self) -> A:
        """Do as `whole` does, on an event loop."""
        _, client = recent_clients(self.settings)
        flow = self.asking()
        return await client.result(flow, self.settings.timeouts, self._headers)

    def received(self) -> Generator[JSON, None, None]:
        """Ask, and give what the decoder makes of the stream."""
        client, _ = recent_clients(self.settings)
        flow = stream(self.request, self.decoder, self._hear)
        return client.chunks(flow, self.settings.timeouts, self._headers)

    def areceived(self) -> AsyncGenerator[JSON, None]:
        """Do as `received` does, on an event loop."""
        _, client = recent_clients(self.settings)
        flow = stream(self.request, self.decoder, self._hear)
        return client.chunks(flow, self.settings.timeouts, self._headers)

    def chunks(self) -> AnswerStream:
        """Ask, and give the chunks as they come."""
        return AnswerStream(self.received(), self._of_chunk)

    async def achunks(self) -> AsyncAnswerStream:
        """Do as `chunks` does, on an event loop."""
        return await AsyncAnswerStream(self.areceived(), self._of_chunk).begin()

    def _of_chunk(self, chunk: JSON) -> list[Answer]:
        return [Answer(chunk, self.hidden(self._heard))]

    def _hear(self, headers: Mapping[str, str]) -> None:
        self._heard = headers


class AnswerCall(OperationCall[Answer]):
    """A call that is answered with a JSON object."""

    def answer(self, reply: Reply) -> Answer:
        """Read a whole reply."""
        return Answer(self.object_of(reply), self.hidden(reply.headers))


def fields_of(given: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments of a call that go up: all that are no settings, and not None.

    Args:
        given: The arguments of the call.

    Raises:
        InvalidRequestError: One is nearly the name of a setting: a key would go up in the body.
    """
    fields = {
        k: v for k, v in given.items() if k not in SETTINGS and v is not None and not is_price(k)
    }
    for name in fields:
        if advice := _advice(name):
            raise InvalidRequestError(f"there is no argument {name!r}: {advice}")
    return fields


@lru_cache(1024)
def _advice(name: str) -> str | None:
    """What to do instead, of an argument that is nobody's field."""
    meant = get_close_matches(name, SETTINGS, 1, _NEARLY)
    return _ELSEWHERE.get(name) or (f"did you mean {meant[0]!r}?" if meant else None)


def body_of(fields: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """A body of fields, and of what the caller puts into it past all rules.

    Args:
        fields: What the function knows.
        given: The arguments of the call.

    Raises:
        InvalidRequestError: ``extra_body`` is no dictionary.
    """
    return {**fields, **extra_of(given)}


def wants_usage(given: Mapping[str, Any]) -> bool:
    """Whether a caller asked for the chunk with the usage of a stream.

    Args:
        given: The arguments of the call.

    Raises:
        InvalidRequestError: ``stream_options`` is no dictionary.
    """
    options = given.get("stream_options")
    if options is None or isinstance(options, Mapping):
        return bool((options or {}).get("include_usage"))
    raise InvalidRequestError(
        f"stream_options must be a dictionary such as {{'include_usage': True}}, got "
        f"{shown(options)}"
    )


def extra_of(given: Mapping[str, Any]) -> Mapping[str, Any]:
    """The fields that a caller puts into the body past all rules.

    Args:
        given: The arguments of the call.

    Raises:
        InvalidRequestError: ``extra_body`` is no dictionary.
    """
    extra = given.get("extra_body") or {}
    if not isinstance(extra, Mapping):
        raise InvalidRequestError(f"extra_body must be a dictionary, got {type(extra).__name__}")
    return extra


def place_of(settings: ModelSettings, operation: Operation, id: str = "") -> Place:
    """Where an operation is, if the model has it.

    Args:
        settings: Of the call.
        operation: A row of the table.
        id: The file, batch, job or response that the path names.

    Raises:
        ConfigError: It is an operation of other models, or of a model, and none was named.
    """
    model = settings.model
    if (model.provider == "anthropic") != (operation.name in ("messages", "count_tokens")):
        raise ConfigError(
            f"{operation.name}: {model.requested!r} is a Claude model, which is asked by "
            f"completion(): name a deployment of Azure OpenAI ('azure/<deployment>')"
        )
    needs_model = operation.of_deployment or operation.makes == "response"
    if needs_model and not (model.name or settings.surface.deployment):
        raise ConfigError(
            f"{operation.name} is asked of a deployment: pass model='azure/<deployment>'"
        )
    return locate(settings.surface, operation, model.name, id)


def json_request(
    settings: ModelSettings,
    operation: str,
    body: Mapping[str, Any],
    *,
    droppable: Iterable[str] = (),
    id: str = "",
    query: tuple[tuple[str, str], ...] = (),
    streamed: bool = False,
) -> Request:
    """A request whose body is JSON.

    Args:
        settings: Of the call.
        operation: The name of a row of the table.
        body: Without ``model`` and ``stream``.
        droppable: Fields that may be left out if the service refuses them, and the caller said so.
        id: The file, batch, job or response that the path names.
        query: Of this operation, such as ``limit`` of a list.
        streamed: Whether the answer comes in chunks.

    Raises:
        ConfigError: It is an operation of other models.
    """
    row = OPERATIONS[operation]
    place = place_of(settings, row, id)
    named = {} if place.model is None else {"model": place.model}
    return Request(
        row,
        place,
        settings.model.requested,
        {**named, **body, **({"stream": True} if streamed else {})},
        query=(*query, *settings.query),
        policy=settings.policy,
        key=uuid4().hex,
        droppable=frozenset(droppable) - KEPT if settings.drops else frozenset(),
    )


def bare_request(
    settings: ModelSettings,
    operation: str,
    *,
    id: str = "",
    query: tuple[tuple[str, str], ...] = (),
) -> Request:
    """A request without a body.

    Args:
        settings: Of the call.
        operation: The name of a row of the table.
        id: The file, batch, job or response that the path names.
        query: Of this operation, such as ``limit`` of a list.

    Raises:
        ConfigError: It is an operation of other models.
    """
    row = OPERATIONS[operation]
    return Request(
        row,
        place_of(settings, row, id),
        settings.model.requested,
        query=(*query, *settings.query),
        policy=settings.policy,
        key=uuid4().hex,
    )


def plain(value: Any) -> Any:
    """A value as JSON has it: answers of earlier calls, and parts of them, as dictionaries.

    Args:
        value: Any part of a body.
    """
    try:
        return _plain(value)
    except RecursionError:
        raise InvalidRequestError(
            f"a {type(value).__name__} is nested too deeply, or holds itself: it has no JSON form"
        ) from None


def _plain(value: Any) -> Any:
    # Callers put parts of earlier answers into what they send: "tool_calls": m.tool_calls.
    if isinstance(value, str):
        return value
    if isinstance(value, Answer | BaseModel):
        return value.model_dump()
    if isinstance(value, Mapping):
        return {name: _plain(one) for name, one in value.items()}
    return [_plain(one) for one in value] if isinstance(value, list | tuple) else value
