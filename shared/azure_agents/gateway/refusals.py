"""What a client hears of a failure: OpenAI's body or Anthropic's, and the status. Pure.

Nothing of the upstream is told but its words: no URL, no key, no header. Errors of this package
are written for those who set a gateway up, and name settings that a client cannot know: of those
that are no fault of the client's only the kind is told, and the log has the rest.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ..errors import (
    AuthenticationError,
    AzureAgentsError,
    ConfigError,
    ConflictError,
    ContentFilteredError,
    CredentialError,
    DeadlineError,
    InvalidRequestError,
    NotFoundError,
    PermissionDeniedError,
    ProtocolError,
    RateLimitError,
    ServerError,
    ServiceError,
    StreamInterruptedError,
    ThreadBusyError,
    TimedOutError,
    TransportError,
    TurnError,
)
from ..jsonio import JSON, dumps
from ..routing.health import is_about_an_id
from .routes import Door

# By status: the type of an error in OpenAI's API, and in Anthropic's.
_TYPES = {
    401: ("authentication_error", "authentication_error"),
    403: ("permission_error", "permission_error"),
    404: ("not_found_error", "not_found_error"),
    408: ("timeout_error", "timeout_error"),
    409: ("conflict_error", "invalid_request_error"),
    413: ("invalid_request_error", "request_too_large"),
    429: ("rate_limit_error", "rate_limit_error"),
    503: ("overloaded_error", "overloaded_error"),
    529: ("overloaded_error", "overloaded_error"),
}
_SERVER = ("api_error", "api_error")
_CLIENT = ("invalid_request_error", "invalid_request_error")
# Also as JSON may write it, with escaped slashes.
_URL = re.compile(r"\b(?:https?|wss?|rediss?):(?:\\*/){2}[^\s'\"<>)\\]+", re.IGNORECASE)
_HIDDEN = "[hidden]"


class Refusal(Exception):  # noqa: N818 - what a client is told, not a bug
    """An answer that is an error.

    Args:
        status: HTTP status.
        message: What is wrong and what to do, for the client.
        code: A word for programs.
        param: The field that is wrong.
        retry_after: Seconds after which it makes sense to ask again.
        headers: More headers of the answer.
        more: More fields of the error.
    """

    def __init__(
        self,
        status: int,
        message: str,
        *,
        code: str | None = None,
        param: str | None = None,
        retry_after: float | None = None,
        headers: tuple[tuple[bytes, bytes], ...] = (),
        more: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(message)
        self.status, self.message, self.code, self.param = status, message, code, param
        self.retry_after, self.headers, self.more = retry_after, headers, dict(more or {})

    def answer(self, door: Door, id: str = "") -> Refused:
        """Write the answer.

        Args:
            door: In whose form.
            id: Of the request; "" if it never became one.
        """
        return Refused(self.status, dumps(self.body(door, id)), (*self._waits(), *self.headers))

    def body(self, door: Door, id: str = "") -> JSON:
        """The error as JSON.

        Args:
            door: In whose form.
            id: As for `answer`.
        """
        named = {"request_id": id} if id else {}  # as Anthropic's API has it
        usual = _CLIENT if self.status < 500 else _SERVER
        openai, anthropic = _TYPES.get(self.status, usual)
        if self.code == "insufficient_quota":
            openai = self.code
        if door == "anthropic":
            inner = {"type": anthropic, "message": self.message}
            return {"type": "error", "error": inner, **named}
        told = {"message": self.message, "type": openai, "param": self.param, "code": self.code}
        return {"error": {**told, **self.more}, **named}

    def frame(self, door: Door, id: str = "") -> bytes:
        """The error as the last event of a stream.

        Args:
            door: In whose form.
            id: As for `answer`.
        """
        name = b"event: error\n" if door == "anthropic" else b""
        return name + b"data: " + dumps(self.body(door, id)) + b"\n\n"

    def _waits(self) -> tuple[tuple[bytes, bytes], ...]:
        if self.retry_after is None:
            return ()
        seconds = max(0.0, self.retry_after)
        return (
            (b"retry-after", b"%d" % math.ceil(seconds)),
            (b"retry-after-ms", b"%d" % math.ceil(seconds * 1000)),
        )


@dataclass(frozen=True, slots=True)
class Refused:
    """An error as it goes out."""

    status: int
    body: bytes
    headers: tuple[tuple[bytes, bytes], ...] = field(default=())


def refusal_of(error: AzureAgentsError) -> Refusal:
    """What a client hears of an error of this package.

    Args:
        error: Any.
    """
    status, message = _told(error)
    more = {} if error.content_filter is None else {"content_filter": error.content_filter}
    return Refusal(
        status,
        without_urls(message),
        code=error.code or _code(error, status),
        param=error.param,
        retry_after=error.retry_after,
        more=more,
    )


def without_secrets(error: AzureAgentsError, secrets: Iterable[str]) -> AzureAgentsError:
    """The error, made anew where its words hold a secret: a service may have repeated its key.

    Args:
        error: Any.
        secrets: Of the config.
    """
    known = [*secrets]
    message = _without(error.message, known)
    facts: dict[str, Any] = {
        name: _without(value, known) if isinstance(value, str) else value
        for name, value in error.facts.items()
    }
    is_clean = message == error.message and facts == dict(error.facts)
    return error if is_clean else type(error)(message, **facts)


def _without(text: str, secrets: Iterable[str]) -> str:
    for secret in secrets:
        text = text.replace(secret, _HIDDEN)
    return text


def without_urls(text: str) -> str:
    """The text with all URLs blotted out: they name the upstream.

    Args:
        text: What an upstream or this package said.
    """
    return _URL.sub(_HIDDEN, text)


def _told(error: AzureAgentsError) -> tuple[int, str]:
    """The status and the sentence."""
    if is_about_an_id(error):
        return 404, error.message
    for kinds, status in _CLIENTS:
        if isinstance(error, kinds):
            return status, error.message
    if isinstance(error, StreamInterruptedError):
        return 502, "the upstream's stream was cut before its end: ask again"
    if isinstance(error, _OURS):
        name = type(error).__name__
        return 502, f"the gateway's entry for this model is wrong ({name}): its log says what it is"
    if isinstance(error, ServiceError) and error.status is not None and error.status >= 400:
        return error.status, error.message
    for kinds, status, sentence in _UPSTREAMS:
        if isinstance(error, kinds):
            return status, sentence
    return 502, error.message


# Faults of the client's, which hear the whole sentence.
_CLIENTS: tuple[tuple[type[AzureAgentsError], int], ...] = (
    (InvalidRequestError, 400),
    (ContentFilteredError, 400),
    (ThreadBusyError, 409),
    (ConflictError, 409),
    (RateLimitError, 429),
)
_OURS = (AuthenticationError, PermissionDeniedError, NotFoundError, CredentialError, ConfigError)
_UPSTREAMS: tuple[tuple[type[AzureAgentsError], int, str], ...] = (
    (DeadlineError, 504, "no answer in the time that the gateway allows: ask again"),
    (TimedOutError, 504, "the upstream did not answer in time: ask again"),
    (TransportError, 502, "the upstream cannot be reached, or its answer was lost: ask again"),
    (ProtocolError, 502, "the upstream's answer cannot be understood"),
    (ServerError, 502, "the upstream failed: ask again"),
    (TurnError, 502, "the agent's run failed: ask again"),
)
_CODES = {429: "rate_limit_exceeded", 502: "upstream_error", 504: "upstream_timeout"}


def _code(error: AzureAgentsError, status: int) -> str | None:
    return "content_filter" if error.is_filtered else _CODES.get(status)
