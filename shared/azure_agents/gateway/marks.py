"""Ids of an answer that passes, each with the mark of the deployment that made it. Pure.

Only responses hold such ids, and only where a model has several resources: then their events are
written anew.
"""

from __future__ import annotations

from contextlib import suppress

from ..errors import ProtocolError
from ..jsonio import dumps, loads
from ..protocols.sse import SSEDecoder
from ..routing.sticky import marked


def marked_body(body: bytes, mark: str) -> bytes:
    """A whole answer with marks.

    Args:
        body: JSON.
        mark: Of the deployment.
    """
    return dumps(marked(loads(body), mark))


def marked_events(block: bytes, mark: str) -> bytes:
    """Events with marks.

    Args:
        block: Whole events.
        mark: Of the deployment.
    """
    return b"".join(_event(name, data, mark) for name, data in SSEDecoder().feed(block))


def _event(name: str, data: bytes, mark: str) -> bytes:
    with suppress(ProtocolError):  # no JSON holds no ids
        data = marked_body(data, mark)
    said = b"" if name == "message" else b"event: %s\n" % name.encode()
    return b"%sdata: %s\n\n" % (said, data)
