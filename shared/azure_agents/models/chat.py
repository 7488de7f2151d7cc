"""Chat with a deployment in OpenAI's format: the body that goes up, the answers that come back."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from pydantic import BaseModel

from ..errors import InvalidRequestError
from ..jsonio import JSON
from ..naming import shown
from ..protocols.commands import Reply
from ..settings.headers import ExtraHeaders
from .answers import Answer
from .call import AnswerCall, extra_of, fields_of, json_request, plain, wants_usage
from .formats import Format, format_of
from .requests import StreamDecoder
from .schemas import with_schemas
from .settings import ModelSettings, read_settings

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

# Arguments of image enhancements, which went with the base that ends in /extensions.
_RETIRED = {
    "dataSources": "pass data_sources=",
    "enhancements": "leave it out; images go into messages as 'image_url'",
}
_IGNORED = {
    "enable_preview_features": "enable_preview_features= was set aside: streams are real here",
}


class ChatCall(AnswerCall):
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
        settings = read_settings(model, given)
        fields = _fields(settings, given)
        self.include_usage = wants_usage(given)
        self._notes = [_IGNORED[name] for name in _IGNORED if fields.pop(name, None) is not None]
        self._format = format_of(settings)
        body = self._format.body(_checked(messages), {**fields, **extra_of(given)})
        operation = self._format.operation
        request = json_request(settings, operation, body, droppable=fields, streamed=streamed)
        super().__init__(settings, request, _with_format(settings.headers, self._format))

    def decoder(self) -> StreamDecoder:
        """Make the decoder of one stream."""
        return self._format.decoder(self.request.doing, include_usage=self.include_usage)

    def hidden(self, headers: Mapping[str, str]) -> dict[str, Any]:
        """What LiteLLM keeps in ``_hidden_params``."""
        known = super().hidden(headers)
        notes = [*known.get("notes", ()), *self._notes]
        return {**known, "notes": notes} if notes else known

    def answer(self, reply: Reply) -> Answer:
        """The answer of a reply, and what is known beside it."""
        return Answer(self._format.answer(self.object_of(reply)), self.hidden(reply.headers))


def _with_format(headers: ExtraHeaders, format: Format) -> ExtraHeaders:
    return ExtraHeaders({**format.headers, **headers.reveal()}) if format.headers else headers


def _fields(settings: ModelSettings, given: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments that go up: JSON, with a schema in place of every class."""
    fields = fields_of(given)
    # What agents call instructions is a field of a response, too.
    passed = {"instructions"} if settings.model.family == "responses" else set()
    for name in sorted(fields.keys() & OF_AGENTS - passed):
        raise InvalidRequestError(
            f"{name}= is for agents, and {settings.model.requested!r} is a deployment: leave it out"
        )
    for name in sorted(fields.keys() & _RETIRED.keys()):
        raise InvalidRequestError(f"{name}= was retired by Azure: {_RETIRED[name]}")
    return {name: plain(value) for name, value in with_schemas(fields).items()}


def _checked(messages: object) -> list[JSON]:
    if isinstance(messages, str) or not isinstance(messages, Iterable):
        raise InvalidRequestError(
            f"messages must be a list, got {shown(messages)}: [{{'role': 'user', 'content': …}}]"
        )
    chat = [_message(message) for message in messages]
    if not chat:
        raise InvalidRequestError("no messages: give at least one")
    return chat


def _message(message: object) -> JSON:
    """A message as it goes up; objects of earlier answers as the dictionaries that they are."""
    if isinstance(message, Mapping | BaseModel):
        sent: JSON = plain(message)
        return sent
    raise InvalidRequestError(
        f"messages must be dictionaries or messages of earlier answers, got {shown(message)}"
    )
