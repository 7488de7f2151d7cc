"""What a client's request says: checked, before anything is asked."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from itertools import chain
from random import getrandbits
from typing import NamedTuple

from ..errors import ProtocolError
from ..jsonio import BOM, JSON, loads
from ..models.settings import SETTINGS
from .asgi import Message
from .refusals import Refusal
from .routes import Route

MOST_HEADERS = 64 * 1024  # bytes
_PLAIN = {b"content-encoding": b"identity", b"transfer-encoding": b"chunked"}
_ID = re.compile(rb"[\w.:-]{1,128}")
_MOST_NAME = 256  # characters of a model
NO_MODEL = "model must name a model: GET /v1/models has the names"
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


class Request(NamedTuple):
    """The head of a request.

    Attributes:
        method: HTTP method.
        path: Decoded, without its query.
        headers: Names in lower case.
        id: The client's ``x-request-id``, else a new one.
        first: The first value of each header.
    """

    method: str
    path: str
    headers: list[tuple[bytes, bytes]]
    id: bytes
    first: Mapping[bytes, bytes]

    def header(self, name: bytes) -> bytes | None:
        """One header; None if it is not there.

        Args:
            name: In lower case.
        """
        return self.first.get(name)


def read_head(scope: Message) -> Request:
    """Read the head of a request.

    Args:
        scope: Of ASGI.
    """
    headers = list(scope["headers"])
    first: dict[bytes, bytes] = dict(reversed(headers))
    id = first.get(b"x-request-id") or b""
    if not (id and _ID.fullmatch(id)):
        id = b"%032x" % getrandbits(128)
    return Request(scope["method"], _path(scope["path"]), headers, id, first)


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
    if sum(map(len, chain.from_iterable(request.headers))) > MOST_HEADERS:
        raise Refusal(431, f"the headers are longer than {MOST_HEADERS} bytes")
    first = request.first
    if b"content-encoding" in first or b"transfer-encoding" in first:
        _check_packing(request.headers)


def _check_packing(headers: list[tuple[bytes, bytes]]) -> None:
    for name, value in headers:
        if name in _PLAIN and value.strip().lower() != _PLAIN[name]:
            raise Refusal(415, f"the body is packed: send it as it is, without {name.decode()}")


class Body(NamedTuple):
    """The body of a call.

    Attributes:
        model: By the name that the client used, in the body or in the path.
        given: The other fields.
        raw: Its bytes; None if they cannot go up: a field is for the gateway.
        names_model: The bytes have a field ``model``.
        is_bare: No id in it has a mark.
    """

    model: str
    given: JSON
    raw: bytes | None
    names_model: bool
    is_bare: bool


def read_body_of(body: bytes, route: Route) -> Body:
    """Read the body of a call.

    Args:
        body: Bytes.
        route: What its path asks for.

    Raises:
        Refusal: It is no JSON object, names no model, or a setting that is none of a client's.
    """
    given = read_object(body)
    check_fields(given)
    names_model = "model" in given
    model = _model(given.pop("model", None), route)
    is_bare = b"~" not in body and b"\\u007" not in body
    raw = body.removeprefix(BOM) if _PATIENCE.isdisjoint(given) else None
    return Body(model, given, raw, names_model, is_bare)


def check_fields(names: Iterable[str]) -> None:
    """Refuse fields that are settings of the gateway, such as a base or a credential.

    Args:
        names: Of a body, a form or a query.

    Raises:
        Refusal: One is.
    """
    wrong = _NEVER.intersection(names)
    if wrong:
        name = min(wrong)
        raise Refusal(
            400, f"{name} is a setting of the gateway, and no part of a request", param=name
        )


def read_object(body: bytes) -> JSON:
    """Read a body that is a JSON object.

    Args:
        body: Bytes.

    Raises:
        Refusal: It is none.
    """
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


def _model(named: object, route: Route) -> str:
    model = named if route.model is None else route.model
    if isinstance(model, str) and 0 < len(model) <= _MOST_NAME:
        return model
    raise Refusal(400, NO_MODEL, param="model", code="missing_model")
