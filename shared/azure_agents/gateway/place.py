"""Where a request comes from: without keys only programs of this machine may call, and no page.

A page of a browser could reach this machine, too, also under a name of its own that it bound to
this machine's address: so the address, the name and the origin are looked at.
"""

from __future__ import annotations

from functools import lru_cache
from urllib.parse import urlsplit

from ..settings.urls import is_loopback
from .asgi import Message
from .refusals import Refusal
from .requests import Request

_UNSPECIFIED = frozenset({"0.0.0.0", "::"})  # noqa: S104 - nothing is bound


def check_place(scope: Message, request: Request, *, is_shared: bool) -> None:
    """Refuse whoever is not on this machine.

    Args:
        scope: Of ASGI.
        request: Its head.
        is_shared: The config names the origin of its page.

    Raises:
        Refusal: It comes from elsewhere.
    """
    client = scope.get("client")
    is_here = client is None or _is_here(client[0])
    is_named = _is_name_of_here(request.header(b"host") or b"localhost")
    is_ours = is_shared or not request.header(b"origin")
    if not (is_here and is_named and is_ours):
        raise Refusal(
            403, "this gateway has no keys, so only programs on its own machine may call it"
        )


_is_here = lru_cache(1000)(is_loopback)


@lru_cache(1000)
def _is_name_of_here(host: bytes) -> bool:
    try:
        name = urlsplit(f"//{host.decode('latin-1')}").hostname or ""
        return name in _UNSPECIFIED or is_loopback(name)
    except ValueError:
        return False
