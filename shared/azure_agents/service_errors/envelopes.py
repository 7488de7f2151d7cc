"""Error answers of the service: six shapes on the wire, one tree of errors here.

    E1  {"error": {code, message, param, type, details[], additionalInfo: {request_id}}}
    E2  the same with ``additional_info``
    E3  {"error": {message, type, param, code}}
    E4  {"error": {code, message}}
    E5  {"statusCode": 401, "message": "…"}
    E6  an error event of a stream, or ``last_error`` / ``error`` of a failed run or response

The status alone does not say what is wrong: a missing role is a 401, an unknown agent and an
unknown thread are both a 404, and the same unknown response is a 404 or a 400. Code and param
decide first; where the service sends neither, the beginning of its message does (only the
beginning: a message may quote what a user wrote). Whatever the bytes are, the result is an
error with a bounded, printable message, in which everything that looks like a credential is hidden.
"""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlsplit

from ..errors import (
    AgentNotFoundError,
    AuthenticationError,
    BadRequestError,
    ConflictError,
    ContentFilteredError,
    NotFoundError,
    PermissionDeniedError,
    ProtocolError,
    RateLimitError,
    RunFailedError,
    ServerError,
    ServiceError,
    ThreadNotFoundError,
    one_line,
)
from ..jsonio import JSON, loads
from .content_filters import struck_by
from .hints import Service, filter_hint, hint_for
from .waits import wait_asked_for, wait_in_words

_MESSAGE_LENGTH = 500
_SNIPPET_LENGTH = 200
_WORD_LENGTH = 128
_DETAILS = 5

_RATE_CODES = frozenset(
    {"429", "rate_limit_exceeded", "too_many_requests", "ratelimitreached", "ratelimitexceeded"}
)
_SERVER_CODES = frozenset({"server_error", "internal_error", "internalservererror"})
_AGENT_CODES = frozenset({"deploymentnotfound", "model_not_found", "agent_not_found"})
_THREAD_CODES = frozenset({"previous_response_not_found", "conversation_not_found"})
_AGENT_PARAMS = ("agent", "assistant_id", "model")
_THREAD_PARAMS = ("previous_response_id", "conversation", "thread_id", "run_id", "response_id")

# Recorded: "Agent X doesn't exist", "Conversation 'conv_x' not found", "No thread found with id",
# "Response with id 'resp_x' not found.", "resp_x not found". The rest is quoted from issues.
_AGENT_MESSAGE = re.compile(
    r"no assistant found|agent \S+ (?:with version|doesn't exist|does not exist|not found)"
    r"|the api deployment for this resource does not exist",
    re.IGNORECASE,
)
_THREAD_MESSAGE = re.compile(
    r"no (?:thread|run|conversation|response) found"
    r"|(?:previous )?(?:response|conversation|thread|run|session) (?:with id )?'\S*'"
    r" (?:was )?not found"
    r"|(?:resp|wfresp|caresp|conv|thread|run)_\S+ not found"
    r"|(?:invalid .{0,300})?malformed identifier",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class _Envelope:
    """The content of an error answer, whichever of the six shapes it had."""

    message: str = ""
    code: str | None = None
    param: str | None = None
    type: str = ""
    request_id: str | None = None
    filters: JSON | None = None

    @property
    def words(self) -> set[str]:
        return {(self.code or "").lower(), self.type.lower()}


def error_from_reply(
    status: int,
    headers: Mapping[str, str],
    body: bytes,
    *,
    doing: str,
    of: Service = "agents",
    now: float | None = None,
    **facts: str | None,
) -> ServiceError:
    """Make the error of an answer whose status is no success.

    Args:
        status: HTTP status.
        headers: Headers of the answer; names in any case.
        body: Body of the answer; any bytes.
        doing: The operation that failed, for the message: ``"creating a response"``.
        of: Who answered, for the advice in the message.
        now: Unix time, for a ``retry-after`` date; the clock's if left out.
        **facts: ``agent`` or ``model``, ``thread_id``, ``run_id``, ``response_id`` of the turn.
    """
    found = {str(name).lower(): str(value) for name, value in headers.items()}
    envelope = _envelope_of_body(body)
    cls = _classify(status, envelope)
    text = _redirect(found, of) if 300 <= status < 400 else envelope.message or _snippet(body)
    error = _raised(cls, of)(
        _sentence(doing, text, _hint(cls, status, envelope, of)),
        status=status,
        code=envelope.code,
        param=envelope.param,
        request_id=envelope.request_id or request_id_of(found),
        retry_after=wait_asked_for(found, time.time() if now is None else now, envelope.message),
        content_filter=envelope.filters,
    )
    error.is_unexplained = status in {400, 404} and envelope == _Envelope()
    error.add_facts(**facts)
    return error


def error_from_event(
    data: object, *, doing: str, of: Service = "agents", **facts: str | None
) -> ServiceError:
    """Make the error of an error event in a stream, of either generation.

    Args:
        data: The event's data: decoded JSON, or text that is no JSON.
        doing: The operation that failed.
        of: As for `error_from_reply`.
        **facts: As for `error_from_reply`.
    """
    envelope = _envelope_of(data)
    status = int(envelope.code) if envelope.code in {"400", "401", "403", "404", "409"} else None
    cls = _classify_event(status, envelope)
    text = envelope.message or "an error event that does not say why"
    error = _raised(cls, of)(
        _sentence(doing, text, _hint(cls, status, envelope, of)),
        code=envelope.code,
        param=envelope.param,
        request_id=envelope.request_id,
        retry_after=wait_in_words(envelope.message),
        content_filter=envelope.filters,
    )
    error.add_facts(**facts)
    return error


def error_from_last_error(
    data: object, *, doing: str, **facts: str | None
) -> RateLimitError | RunFailedError:
    """Make the error of a failed run or response.

    Args:
        data: Its ``last_error`` or ``error``, or the whole run, response or ``…failed`` event.
        doing: The operation that failed.
        **facts: As for `error_from_reply`.
    """
    envelope = replace(_envelope_of(_reason(data)), filters=_filters_of(data))
    cls = RateLimitError if envelope.words & _RATE_CODES else RunFailedError
    text = envelope.message or "failed, and the service gives no reason"
    error = cls(
        _sentence(doing, text, filter_hint(envelope.filters)),
        code=envelope.code,
        param=envelope.param,
        retry_after=wait_in_words(envelope.message),
        content_filter=envelope.filters,
    )
    error.add_facts(**facts)
    return error


def _reason(data: object) -> object:
    for key in ("response", "last_error", "error"):
        if isinstance(data, dict) and isinstance(data.get(key), dict):
            data = data[key]
    return data


def _filters_of(data: object) -> JSON | None:
    # A failed response names its filters beside the error, in ``content_filters``.
    response = data.get("response", data) if isinstance(data, dict) else None
    beside = response.get("content_filters") if isinstance(response, dict) else None
    return struck_by(_reason(data), beside)


# Reading


def _envelope_of_body(body: bytes) -> _Envelope:
    try:
        return _envelope_of(loads(body))
    except ProtocolError:
        return _Envelope()


def _envelope_of(data: object) -> _Envelope:
    if isinstance(data, list) and data:
        data = data[0]
    if isinstance(data, str):
        return _Envelope(_clean(data, _MESSAGE_LENGTH))
    if not isinstance(data, dict):
        return _Envelope()
    inner = data.get("error")
    if isinstance(inner, str):
        return _Envelope(_clean(inner, _MESSAGE_LENGTH))
    envelope = _envelope_of_object(inner if isinstance(inner, dict) else data)
    beside = _word(data.get("request_id"))
    return envelope if envelope.request_id else replace(envelope, request_id=beside)


def _envelope_of_object(data: dict[str, Any]) -> _Envelope:
    details = data.get("details")
    items = [item for item in details if isinstance(item, dict)] if type(details) is list else []
    message = _word(data.get("message"), _MESSAGE_LENGTH) or ""
    parts = [message, *(_detail(item) for item in items[:_DETAILS])]
    more = data.get("additionalInfo") or data.get("additional_info")
    return _Envelope(
        message=_bounded("; ".join(part for part in parts if part), _MESSAGE_LENGTH),
        code=_word(data.get("code")),
        param=_word(data.get("param")) or next((_word(i.get("param")) for i in items), None),
        type=_word(data.get("type")) or "",
        request_id=_word(more.get("request_id")) if isinstance(more, dict) else None,
        filters=struck_by(data),
    )


def _detail(item: dict[str, Any]) -> str:
    message, param = _word(item.get("message"), _SNIPPET_LENGTH), _word(item.get("param"))
    return f"{message} (at {param})" if message and param else message or ""


def _word(value: object, limit: int = _WORD_LENGTH) -> str | None:
    if isinstance(value, bool) or not isinstance(value, str | int):
        return None
    # An integer of 5,000 digits has no text: Python refuses to write it.
    text = value if isinstance(value, str) else f"{value:d}" if abs(value) < 10**18 else ""
    return _clean(text, limit) or None


def _snippet(body: bytes) -> str:
    text = _clean(body[: 4 * _SNIPPET_LENGTH].decode("utf-8", "replace"), _SNIPPET_LENGTH)
    return f"an answer that is not the service's: {text!r}" if text else "an empty answer"


def _clean(text: str, limit: int) -> str:
    # Lone surrogates cannot be printed; a line break would forge a line in a log.
    text = text[: 4 * limit].encode("utf-8", "replace").decode()
    return _bounded(one_line(text).strip(), limit)


def _bounded(text: str, limit: int) -> str:
    return text if len(text) <= limit else f"{text[: limit - 1]}…"


# Deciding


def _raised(cls: type[ServiceError], of: Service) -> type[ServiceError]:
    # Callers that catch the error of a missing agent make one anew: a deployment is none.
    return NotFoundError if cls is AgentNotFoundError and of != "agents" else cls


def _classify(status: int, envelope: _Envelope) -> type[ServiceError]:
    if status in {401, 403}:
        denied = status == 403 or "permissiondenied" in envelope.words
        return PermissionDeniedError if denied else AuthenticationError
    if status == 429 or (400 <= status < 500 and envelope.words & _RATE_CODES):
        return RateLimitError
    if 400 <= status < 500 and envelope.filters is not None:
        return ContentFilteredError
    if status in {400, 404}:
        return _classify_unknown(status, envelope)
    if status == 409:
        return ConflictError
    if status >= 500:
        return ServerError
    return BadRequestError if status >= 400 else ServiceError


def _classify_unknown(status: int, envelope: _Envelope) -> type[ServiceError]:
    # "conversation" is also the param of a conversation that is merely busy.
    missing = status == 404 or (envelope.code or "").endswith("not_found")
    param = (envelope.param or "").lstrip("/") if missing else ""
    words, message = envelope.words, envelope.message
    if words & _THREAD_CODES or param.startswith(_THREAD_PARAMS) or _THREAD_MESSAGE.match(message):
        return ThreadNotFoundError
    if words & _AGENT_CODES or param.startswith(_AGENT_PARAMS) or _AGENT_MESSAGE.match(message):
        return AgentNotFoundError
    return NotFoundError if status == 404 else BadRequestError


def _classify_event(status: int | None, envelope: _Envelope) -> type[ServiceError]:
    words = envelope.words
    if words & _RATE_CODES:
        return RateLimitError
    if envelope.filters is not None:
        return ContentFilteredError
    if words & _SERVER_CODES or (envelope.code or "").startswith("5"):
        return ServerError
    if "permissiondenied" in words:
        return PermissionDeniedError
    if status is None:  # a bare "error" event: of the errors with a class, only an unknown id
        cls = _classify_unknown(400, envelope)
        is_bad = "invalid_request_error" in words or cls is not BadRequestError
        return cls if is_bad else ServiceError
    return _classify(status, envelope)


def _sentence(doing: str, text: str, hint: str) -> str:
    return f"{doing}: {text}" + (f" - {hint}" if hint else "")


def _hint(cls: type[ServiceError], status: int | None, envelope: _Envelope, of: Service) -> str:
    facts: dict[str, Any] = {"message": envelope.message, "filters": envelope.filters}
    return hint_for(cls, status, words=envelope.words, of=of, **facts)


def _redirect(headers: Mapping[str, str], of: Service) -> str:
    own = "the project's own endpoint" if of == "agents" else "the resource's own URL as api_base="
    return (
        f"a redirect to {_location(headers.get('location', ''))}; redirects are never followed "
        f"with a credential, use {own}"
    )


def _location(location: str) -> str:
    # Only the origin of a redirect's target is shown: its path or query may hold a secret.
    try:
        parts = urlsplit(location)
        host, port = parts.hostname, parts.port
    except ValueError:
        return "an unreadable address"
    if not host:
        return "a path of the same host"
    origin = f"{parts.scheme or 'https'}://{host}" + (f":{port}" if port else "")
    return repr(_clean(origin, _WORD_LENGTH))


# Facts in headers and prose


def request_id_of(headers: Mapping[str, str]) -> str | None:
    """Give the id that an answer's headers name; None where they name none.

    Args:
        headers: Headers of an answer, with names in lower case, or of httpx.
    """
    for name in ("x-request-id", "apim-request-id", "request-id"):  # the last one is Claude's
        # Recorded: hosted agents answer with the id twice, "a,a".
        found = (one.strip() for one in headers.get(name, "").split(","))
        ids = list(dict.fromkeys(one for one in found if one and " " not in one))  # words are none
        if ids:
            return _word(",".join(ids))
    return None
