"""An end to reads that httpx cannot end: it looks at a read timeout once, when a body begins.

But the deadline of a turn comes nearer while a body trickles in, and nobody waits for the rest of
an answer that is whole. So a timer shuts the socket down: a read that blocks returns at once, and
the connection is lost.
"""

from __future__ import annotations

import socket
from contextlib import suppress
from threading import Timer
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import httpx


class Watchdog:
    """Watches over the body of one response, while a thread reads it."""

    def __init__(self, response: httpx.Response) -> None:
        self._response = response
        stream = response.extensions.get("network_stream")
        self._socket: Any = stream.get_extra_info("socket") if stream is not None else None
        self._timer: Timer | None = None

    def allow(self, seconds: float | None) -> None:
        """Let all reads together take so long from now; None: as long as they like."""
        self.rest()
        if seconds is None or self._socket is None:
            return
        self._timer = Timer(seconds, self._shut)
        self._timer.daemon = True
        self._timer.start()

    def rest(self) -> None:
        """Watch no longer: the body is read, and the connection has other uses."""
        timer, self._timer = self._timer, None
        if timer is not None:
            timer.cancel()

    def _shut(self) -> None:
        if self._response.is_closed:  # its connection may serve somebody else by now
            return
        with suppress(OSError):  # gone already
            self._socket.shutdown(socket.SHUT_RDWR)
