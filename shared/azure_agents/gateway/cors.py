"""Browsers: which pages may read answers. None, unless the config names their origins. Pure."""

from __future__ import annotations

from collections.abc import Collection

from .replies import Header
from .requests import Request

_EVERY = "*"
_MINUTES = b"600"  # seconds that a browser remembers


def cors_headers(request: Request, origins: Collection[str]) -> tuple[Header, ...]:
    """The headers that let a page read an answer; none if its origin is not named.

    Args:
        request: With the page's ``origin``.
        origins: That the config names.
    """
    origin = request.header(b"origin")
    if origin is None or not ({origin.decode("latin-1"), _EVERY} & {*origins}):
        return ()
    shown = b"x-request-id, x-thread-id, x-response-cost, retry-after"
    return (
        (b"access-control-allow-origin", origin),
        (b"access-control-expose-headers", shown),
        (b"vary", b"origin"),
    )


def preflight_headers(request: Request) -> tuple[Header, ...]:
    """The rest of the answer to a browser that asks before it sends.

    Args:
        request: With what it wants to send.
    """
    wanted = request.header(b"access-control-request-headers") or b"authorization, content-type"
    return (
        (b"access-control-allow-methods", b"GET, POST"),
        (b"access-control-allow-headers", wanted),
        (b"access-control-max-age", _MINUTES),
    )
