"""What a client's request says: checked, before anything is asked."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from ..errors import ProtocolError
from ..jsonio import JSON, loads
from ..models.settings import SETTINGS
from .asgi import Headers, Message
from .attempts import Asked, going_up
from .refusals import Refusal
from .routes import Route

MOST_HEADERS = 64 * 1024  # bytes
_ID = re.compile(rb"[\w.:-]{1,128}")
_MOST_NAME = 256  # characters of a model
# Settings that are the config file's alone, in any spelling that the library knows; and those of
# the router and of agents. What a client may bound is its own patience.
_PATIENCE = frozenset({"timeout", "stream_timeout", "max_retries", "num_retries"})
_NEVER = (SETTINGS - _PATIENCE) | {
    "anchor_key",
    "azure_endpoint",
    "content_policy_fallbacks",
    "context_window_fallbacks",
    "fallbacks",
    "input_cost_per_token",
    "litellm_params",
    "model_list",
    "output_cost_per_token",
    "owner",
    "thread_store",
    "user_config",
    "user_identity",
}


@dataclass(frozen=True, slots=True)
class Request:
    """The head of a request.

    Attributes:
        method: HTTP method.
        path: Decoded, without its query.
        headers: Names in lower case.
        id: The client's ``x-request-id``, else a new one.
    """

    method: str
    path: str
    headers: list[tuple[bytes, bytes]]
    id: bytes

    def header(self, name: bytes) -> bytes | None:
        """One header; None if it is not there.

        Args:
            name: In lower case.
        """
        return next((value for known, value in self.headers if known == name), None)


def read_head(scope: Message) -> Request:
    """Read the head of a request.

    Args:
        scope: Of ASGI.
    """
    headers = list(scope["headers"])
    given = next((value for name, value in headers if name == b"x-request-id"), b"")
    id = given if _ID.fullmatch(given) else uuid4().hex.encode()
    return Request(scope["method"], _path(scope["path"]), headers, id)


def _path(path: str) -> str:
    """The path without a slash at its end, which many clients put there."""
    return path[:-1] if path.endswith("/") and path != "/" else path


def check_head(request: Request) -> None:
    """Refuse heads that are too long, and bodies that are packed.

    Args:
        request: The head.

    Raises:
        Refusal: It is one.
    """
    if sum(len(name) + len(value) for name, value in request.headers) > MOST_HEADERS:
        raise Refusal(431, f"the headers are longer than {MOST_HEADERS} bytes")
    if (request.header(b"content-encoding") or b"identity").lower() != b"identity":
        raise Refusal(415, "the body is packed: send it as it is, without content-encoding")


def read_call_of(body: bytes, route: Route, headers: Headers) -> Asked:
    """Read the body of a call.

    Args:
        body: Bytes.
        route: What its path asks for.
        headers: Of the request.

    Raises:
        Refusal: It is no JSON object, names no model, or a setting that is none of a client's.
    """
    given = _object(body)
    for name in sorted(_NEVER & given.keys()):
        raise Refusal(
            400, f"{name} is a setting of the gateway, and no part of a request", param=name
        )
    model, raw = _model(given, route), body
    del_model = {k: v for k, v in given.items() if k != "model"}
    if _PATIENCE & given.keys() or b"~" in body or b"\\u007" in body:
        raw = b""
    streams = given.get("stream") is True
    return Asked(
        route.operation,
        route.door,
        model,
        del_model,
        raw or None,
        streams,
        going_up(list(headers)),
    )


def _object(body: bytes) -> JSON:
    try:
        given = loads(body)
    except ProtocolError as wrong:
        is_deep = "nested deeper" in wrong.message
        raise Refusal(
            400, "the body is nested too deeply" if is_deep else "the body is no JSON"
        ) from None
    if not isinstance(given, dict):
        raise Refusal(400, "the body must be a JSON object")
    return given


def _model(given: Mapping[str, Any], route: Route) -> str:
    model = route.model if route.model is not None else given.get("model")
    if isinstance(model, str) and 0 < len(model) <= _MOST_NAME:
        return model
    raise Refusal(400, "model must be the name of a model", param="model", code="missing_model")
