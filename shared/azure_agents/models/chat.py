"""Chat with a deployment in OpenAI's format: the body that goes up, the answers that come back."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from pydantic import BaseModel

from ..errors import InvalidRequestError
from ..jsonio import JSON, load_object
from ..naming import shown
from ..protocols.commands import Reply
from ..settings.headers import ExtraHeaders
from .answers import Answer
from .call import AnswerCall, extra_of, fields_of, json_request, plain, wants_usage
from .formats import Format, format_of
from .requests import Request, StreamDecoder
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
        for name in sorted(
            OF_AGENTS & {name for name, value in given.items() if value is not None}
        ):
            raise InvalidRequestError(
                f"{name}= is for agents, and {model!r} is a deployment: leave it out"
            )
        settings = read_settings(model, given)
        self._format = format_of(settings)
        request = _request(settings, self._format, messages, given, streamed=streamed)
        super().__init__(settings, request, _with_format(settings.headers, self._format))
        self.include_usage = wants_usage(given)

    def decoder(self) -> StreamDecoder:
        """Make the decoder of one stream."""
        return self._format.decoder(self.request.doing, include_usage=self.include_usage)

    def answer(self, reply: Reply) -> Answer:
        """The answer of a reply, and what is known beside it."""
        return Answer(self._format.answer(load_object(reply.body)), self.hidden(reply.headers))


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
    fields = fields_of(given)
    chat = _checked(messages)
    body = format.body(chat, {**fields, **extra_of(given)})
    return json_request(settings, format.operation, body, droppable=fields, streamed=streamed)


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
