"""Chat with a deployment in OpenAI's format: the body that goes up, the answers that come back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import uuid4

from pydantic import BaseModel

from ..errors import ConfigError, InvalidRequestError
from ..jsonio import JSON, load_object
from ..naming import shown
from ..protocols.commands import Flow, Reply
from ..settings.headers import ExtraHeaders
from .answers import Answer, AsyncChatStream, ChatStream
from .formats import Format, format_of
from .operations import OPERATIONS
from .recent_clients import recent_clients
from .requests import Request, ask, stream
from .rules import KEPT
from .settings import SETTINGS, ModelSettings, read_settings
from .surfaces import locate

# What a deployment has no place for: only agents have threads, and tell users apart.
OF_AGENTS = frozenset(
    {
        "agent_session_id",
        "anchor_key",
        "ephemeral_approvals",
        "image_generation_deployment",
        "instructions",
        "instructions_mode",
        "name_turns",
        "owner",
        "thread_id",
        "thread_store",
        "threads",
        "user_identity",
    }
)
_NOT_SERVED = {
    "responses": "chat over the responses operation is not served by this version: use 'azure/…'",
    "text": "text completions are not served by this version",
}


class ChatCall:
    """One checked call of `completion` for a deployment; nothing has been sent.

    Args:
        model: The model string.
        messages: OpenAI chat messages.
        streamed: Whether the answer comes in chunks.
        given: The other arguments of the call.
    """

    def __init__(
        self, model: str, messages: Sequence[object], given: Mapping[str, Any], *, streamed: bool
    ) -> None:
        for name in sorted(
            OF_AGENTS & {name for name, value in given.items() if value is not None}
        ):
            raise InvalidRequestError(
                f"{name}= is for agents, and {model!r} is a deployment: leave it out"
            )
        self.settings = read_settings(model, given)
        if self.settings.model.family in _NOT_SERVED:
            raise ConfigError(f"model={model!r}: {_NOT_SERVED[self.settings.model.family]}")
        self._format = format_of(self.settings)
        self._headers = _with_format(self.settings.headers, self._format)
        self.request = _request(self.settings, self._format, messages, given, streamed=streamed)
        self.include_usage = bool((given.get("stream_options") or {}).get("include_usage"))

    def whole(self) -> Answer:
        """Ask, and wait for the whole answer."""
        client, _ = recent_clients(self.settings)
        reply = client.result(self._asking(), self.settings.timeouts, self._headers)
        return self.answer(reply)

    async def awhole(self) -> Answer:
        """Do as `whole` does, on an event loop."""
        _, client = recent_clients(self.settings)
        reply = await client.result(self._asking(), self.settings.timeouts, self._headers)
        return self.answer(reply)

    def chunks(self) -> ChatStream:
        """Ask, and give the chunks as they come."""
        client, _ = recent_clients(self.settings)
        chunks = client.chunks(self._streaming(), self.settings.timeouts, self._headers)
        return ChatStream(chunks, self._of_chunk)

    async def achunks(self) -> AsyncChatStream:
        """Do as `chunks` does, on an event loop."""
        _, client = recent_clients(self.settings)
        chunks = client.chunks(self._streaming(), self.settings.timeouts, self._headers)
        return await AsyncChatStream(chunks, self._of_chunk).begin()

    def _asking(self) -> Flow[Reply]:
        return ask(self.request)

    def _streaming(self) -> Flow[None]:
        doing, wanted = self.request.doing, self.include_usage
        return stream(self.request, lambda: self._format.decoder(doing, include_usage=wanted))

    def answer(self, reply: Reply) -> Answer:
        """The answer of a reply, and what is known beside it."""
        return Answer(self._format.answer(load_object(reply.body)), self.hidden(reply.headers))

    def _of_chunk(self, chunk: JSON) -> list[Answer]:
        return [Answer(chunk, self.hidden({}))]

    def hidden(self, headers: Mapping[str, str]) -> dict[str, Any]:
        """What LiteLLM keeps in ``_hidden_params``."""
        known = {
            "custom_llm_provider": self.settings.model.provider,
            "model": self.settings.model.requested,
            "headers": {k: v for k, v in headers.items() if k in _TOLD or k.startswith(_LIMITS)},
        }
        notes = self.settings.surface.notes
        return {**known, "notes": list(notes)} if notes else known


# What of an answer's headers callers may see: ids and limits.
_TOLD = frozenset(
    {"x-request-id", "apim-request-id", "request-id", "x-ms-region", "azureml-model-session"}
)
_LIMITS = ("x-ratelimit-", "anthropic-ratelimit-", "x-ms-")


def _with_format(headers: ExtraHeaders, format: Format) -> ExtraHeaders:
    return ExtraHeaders({**format.headers, **headers.reveal()}) if format.headers else headers


def _request(
    settings: ModelSettings,
    format: Format,
    messages: Sequence[object],
    given: Mapping[str, Any],
    *,
    streamed: bool,
) -> Request:
    operation = OPERATIONS[format.operation]
    place = locate(settings.surface, operation, settings.model.name)
    fields = {k: v for k, v in given.items() if k not in SETTINGS and v is not None}
    extra = given.get("extra_body") or {}
    if not isinstance(extra, Mapping):
        raise InvalidRequestError(f"extra_body must be a dictionary, got {type(extra).__name__}")
    body = format.body([_message(message) for message in messages], {**fields, **extra})
    if place.model is not None:
        body = {"model": place.model, **body}
    if streamed:
        body["stream"] = True
    return Request(
        operation,
        place,
        settings.model.requested,
        body,
        policy=settings.policy,
        key=uuid4().hex,
        droppable=frozenset(fields) - KEPT if settings.drops else frozenset(),
    )


def _message(message: object) -> JSON:
    """A message as it goes up; objects of earlier answers as the dictionaries that they are."""
    if isinstance(message, Mapping | BaseModel):
        plain: JSON = _plain(message)
        return plain
    raise InvalidRequestError(
        f"messages must be dictionaries or messages of earlier answers, got {shown(message)}"
    )


def _plain(value: Any) -> Any:
    # Callers put parts of earlier answers into messages of their own: "tool_calls": m.tool_calls.
    if isinstance(value, str):
        return value
    if isinstance(value, Answer | BaseModel):
        return value.model_dump()
    if isinstance(value, Mapping):
        return {name: _plain(one) for name, one in value.items()}
    return [_plain(one) for one in value] if isinstance(value, list | tuple) else value
