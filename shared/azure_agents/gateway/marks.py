"""Ids of an answer that passes, with the mark of a deployment and the seal of a key. Pure.

Only responses hold such ids, and only where there are several resources or several keys: then their
events are written anew.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any, TypeAlias

from ..errors import ProtocolError
from ..jsonio import dumps, loads
from ..protocols.sse import SSEDecoder

Change: TypeAlias = Callable[[Any], Any]


def changed_body(body: bytes, change: Change) -> bytes:
    """A whole answer with other ids.

    Args:
        body: JSON.
        change: Gives the new JSON.
    """
    return dumps(change(loads(body)))


def changed_events(block: bytes, change: Change) -> bytes:
    """Events with other ids.

    Args:
        block: Whole events.
        change: Gives the new JSON of one.
    """
    return b"".join(_event(name, data, change) for name, data in SSEDecoder().feed(block))


def _event(name: str, data: bytes, change: Change) -> bytes:
    with suppress(ProtocolError):  # no JSON holds no ids
        data = changed_body(data, change)
    said = b"" if name == "message" else b"event: %s\n" % name.encode()
    return b"%sdata: %s\n\n" % (said, data)
