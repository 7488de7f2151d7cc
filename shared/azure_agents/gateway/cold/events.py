"""Events of images, transcriptions, speech and stored responses, as their bytes pass. Pure.

Whole events go on only. A stream without its last event was cut, and ends with an error.
"""

from __future__ import annotations

from ...errors import ConnectionLostError, ProtocolError
from ...jsonio import JSON, loads
from ...protocols.sse import MAX_EVENT_BYTES, SSEDecoder
from ..meter import Meter

_ENDS = (b"\n\n", b"\r\n\r\n", b"\r\r")
_LAST = frozenset(
    {
        "image_generation.completed",
        "image_edit.completed",
        "transcript.text.done",
        "speech.audio.done",
        "response.completed",
        "response.incomplete",
        "response.failed",
        "response.cancelled",
        "error",
    }
)
_DONE = b"[DONE]"


class Events:
    """One stream.

    Args:
        doing: What is being done, for errors.
        missing: How many last events make it whole: one for each image.
    """

    def __init__(self, doing: str, missing: int = 1) -> None:
        self.meter = Meter()
        self._doing, self._missing = doing, missing
        self._rest = b""

    def feed(self, piece: bytes) -> bytes:
        """Give the whole events.

        Args:
            piece: What came.

        Raises:
            ProtocolError: An event is too long.
        """
        data = self._rest + piece
        end = max((data.rfind(mark) + len(mark) for mark in _ENDS if mark in data), default=0)
        whole, self._rest = data[:end], data[end:]
        if len(self._rest) > MAX_EVENT_BYTES:
            raise ProtocolError(f"{self._doing}: an event is longer than {MAX_EVENT_BYTES} bytes")
        for event in SSEDecoder().feed(whole):
            self._note(event.name, event.data)
        return whole

    def end(self) -> None:
        """The stream is over.

        Raises:
            ConnectionLostError: It lacks its end.
        """
        if self._missing > 0:
            raise ConnectionLostError(f"{self._doing}: the stream was cut before its end")

    def _note(self, name: str, data: bytes) -> None:
        if data == _DONE:
            self._missing = 0
            return
        told = _object(data)
        self.meter.note(told)
        kind = told.get("type") or name
        if kind == "error" or told.get("error"):
            self._missing = 0
        elif kind in _LAST:
            self._missing -= 1


def _object(data: bytes) -> JSON:
    try:
        told = loads(data)
    except ProtocolError:
        return {}
    return told if isinstance(told, dict) else {}
