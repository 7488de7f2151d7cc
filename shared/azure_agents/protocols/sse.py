"""Decode server-sent events: bytes in, cut anywhere; whole events out.

The rules are those of the WHATWG event stream. LF, CR and CRLF end a line, also when CR and LF come
in two chunks. A BOM at the very start is skipped, and so are comment lines. The data lines of an
event are joined with LF; an event without data is dropped. UTF-8 is decoded per event, so a chunk
may end inside a character.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from ..errors import ProtocolError

_LINE_END = re.compile(rb"\r\n|\n|\r")
_BOM = b"\xef\xbb\xbf"
# Name of the event that only keeps a stream alive. Recorded of v2: after every 30 seconds of
# silence, with a sequence number of its own. Of classic streams it is reported, with empty data
# (Azure.AI.Agents.Persistent broke at it); none is recorded there.
KEEPALIVE = "keepalive"
MAX_EVENT_BYTES = 32 * 1024 * 1024  # a generated image arrives as one base64 event


class ServerSentEvent(NamedTuple):
    """One event: its name (``message`` if none was given) and its data, undecoded."""

    name: str
    data: bytes


class SSEDecoder:
    """Decoder of one stream.

    Args:
        limit: Most bytes that a line, or all data lines of one event, may have.
    """

    def __init__(self, limit: int = MAX_EVENT_BYTES) -> None:
        self._limit = limit
        # Buffers, not lists of chunks: chunks of two bytes would take many times their memory.
        self._line = bytearray()  # an unfinished line
        self._data = bytearray()  # the data of the event in the making, a LF behind each line
        self._held = 0  # bytes of its data lines, so that empty ones count against the limit, too
        self._name = b""
        self._at_start = True
        self._after_cr = False  # the last chunk ended in CR: a LF that follows belongs to it

    def feed(self, data: bytes) -> list[ServerSentEvent]:
        """Take the next bytes; returns the events that they complete.

        Raises:
            ProtocolError: An event is larger than the limit.
        """
        if self._after_cr and data:
            self._after_cr = False
            data = data.removeprefix(b"\n")
        if not data:
            return []
        lines = _LINE_END.split(data)
        tail = lines.pop()
        self._after_cr = not tail and data.endswith(b"\r")
        events = []
        for line in lines:
            event = self._take_line(self._whole(line))
            if event is not None:
                events.append(event)
        self._check(tail)
        self._line += tail
        return events

    def _whole(self, line: bytes) -> bytes:
        self._check(line)
        if self._line:
            line = bytes(self._line + line)
            self._line.clear()
        if self._at_start:
            self._at_start = False
            line = line.removeprefix(_BOM)
        return line

    def _check(self, piece: bytes) -> None:
        if self._held + len(self._line) + len(piece) > self._limit:
            raise ProtocolError(f"a server-sent event is larger than {self._limit} bytes")

    def _take_line(self, line: bytes) -> ServerSentEvent | None:
        if not line:
            return self._dispatch()
        field, _, value = line.partition(b":")
        if field == b"data":
            self._held += len(line)
            self._data += value.removeprefix(b" ") + b"\n"
        elif field == b"event":
            self._name = value.removeprefix(b" ")
        return None

    def _dispatch(self) -> ServerSentEvent | None:
        name, data = self._name, bytes(self._data[:-1])
        has_data = bool(self._data)
        self._name, self._held = b"", 0
        self._data.clear()
        if not has_data:
            return None
        return ServerSentEvent(name.decode("utf-8", "replace") or "message", data)
