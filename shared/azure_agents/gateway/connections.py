"""Connections to upstreams over HTTP/1.1: the loop's sockets, and httptools' parser.

A general client costs more than all the rest of a call through the gateway, so this one does only
what a gateway needs: one request at a time with its body at hand, and one answer whose bytes are
given as they came. All that reads bytes of the other side is llhttp, in its strict mode: it refuses
two lengths, a length beside chunks, bare line feeds and folded headers. A connection is used again
only after an answer with a known end, behind which nothing came; else it is closed.
"""

from __future__ import annotations

import asyncio
import re
from functools import lru_cache
from itertools import repeat
from math import inf
from typing import TYPE_CHECKING, Any

import httptools

from ..errors import AzureAgentsError, ConnectionLostError, ProtocolError, TimedOutError
from .exchange import Incoming

if TYPE_CHECKING:
    from collections.abc import Callable

_MOST_HEAD = 2**16  # bytes of a head, of trailers, or of anything else that is no body
_MOST_WAITING = 2**16  # bytes of a body that wait for their reader, until no more are read
_MOST_LINGER = 2**16  # bytes behind the last event of a stream
_LINGER = 1.0  # seconds that the end of an answer may come behind its last event
_MARGIN = 1.0  # seconds before the other side closes an idle connection, as it told
_TIMEOUT = re.compile(r"timeout=(\d{1,6})")
_OK, _NO_CONTENT, _NOT_MODIFIED = 200, 204, 304


class Answer(Incoming):
    """What comes back for one request. Its head comes with `begun`, its body with `read`.

    Args:
        connection: On which it comes.
        doing: What is being done, for errors.
        has_body: Unless what was asked was only its head.
    """

    def __init__(self, connection: Connection, doing: str, *, has_body: bool) -> None:
        self.status = 0
        self.headers: dict[str, str] = {}
        self.doing, self.has_body = doing, has_body
        self.is_heard = self.is_over = self.is_dropped = False
        self.error: AzureAgentsError | None = None
        self._connection = connection
        self.pieces: list[bytes] = []
        self._size = 0
        self._waiter: asyncio.Future[None] | None = None

    async def begun(self) -> Answer:
        """Wait for the head, and return this; close where it does not come.

        Raises:
            ConnectionLostError: The connection broke.
            TimedOutError: It took too long.
            ProtocolError: It is no HTTP.
        """
        try:
            while not self.status:
                await self._wait()
        except BaseException:
            self.close()
            raise
        return self

    async def read(self) -> bytes:
        """Give all bytes of the body that are there, or wait for some; none: it is over.

        Raises:
            ConnectionLostError: The connection broke before the end.
            TimedOutError: Nothing came for too long.
            ProtocolError: It is no HTTP.
        """
        while not self.pieces:
            if self.is_over and self.error is None:
                return b""
            await self._wait()
        pieces = self.pieces
        data = pieces[0] if len(pieces) == 1 else b"".join(pieces)
        pieces.clear()
        if self._size > _MOST_WAITING:
            self._connection.go_on()
        self._size = 0
        return data

    async def _wait(self) -> None:
        if self.error is not None:
            raise self.error
        self._waiter = asyncio.get_running_loop().create_future()
        try:
            await self._waiter
        finally:
            self._waiter = None

    def took(self, size: int) -> bool:
        """Count what was put into `pieces`; returns whether more should wait.

        Args:
            size: Bytes of the read that brought them.
        """
        self._size += size
        if not self.is_dropped:
            return self._size > _MOST_WAITING
        self.pieces.clear()
        if self._size > _MOST_LINGER:
            self.close()
        return False

    def wake(self) -> None:
        """Tell the reader that something came."""
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def finish(self) -> None:
        """Let the connection be used again, if the end of the answer comes at once."""
        if not self.is_over:
            self.is_dropped, self._size = True, 0
            self.pieces.clear()
            asyncio.get_running_loop().call_later(_LINGER, self.close)

    def close(self) -> None:
        """Close the connection, unless all of the answer came."""
        if not self.is_over:
            self._connection.abort()


class Connection(asyncio.Protocol):
    """One connection.

    Args:
        free: Is told when it can be used again.
        lost: Is told when it is closed.
    """

    def __init__(
        self, free: Callable[[Connection], object], lost: Callable[[Connection], object]
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._free, self._lost = free, lost
        self._headers: dict[bytes, bytes] = {}  # also trailers, which nobody reads
        # The parser tells it each header: a function of Python's would cost more than the rest.
        self.on_header = self._headers.__setitem__
        self._parser: Any = httptools.HttpResponseParser(self)
        self._transport: Any = None
        self._answer: Answer | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._bare = 0  # bytes that came since the last piece of a body
        self._heard = 0.0  # when the last bytes came
        self._read = 0.0  # seconds that may pass between them
        self._is_paused = self._is_bounded = self._keeps = False
        self.idle_until = 0.0
        self.keep_alive = inf  # seconds, as the other side told

    @property
    def is_open(self) -> bool:
        """Whether a request can be sent."""
        return self._transport is not None and not self._transport.is_closing()

    def send(self, request: bytes, doing: str, read: float, *, has_body: bool = True) -> Answer:
        """Send a request.

        Args:
            request: Head and body.
            doing: What is being done, for errors.
            read: Seconds until the next bytes of the answer.
            has_body: Whether the answer may have a body.
        """
        self._answer = answer = Answer(self, doing, has_body=has_body)
        self._headers.clear()
        self._bare, self._keeps = 0, False
        self._heard, self._read = self._loop.time(), read
        self._transport.write(request)
        self._look_within(read)
        return answer

    def abort(self) -> None:
        """Close at once."""
        if self._transport is not None:
            self._transport.abort()

    def go_on(self) -> None:
        """Read again, after the reader was slow."""
        if self._is_paused and self.is_open:
            self._is_paused, self._heard = False, self._loop.time()
            self._transport.resume_reading()

    def _pause_if(self, is_enough: bool) -> None:  # noqa: FBT001 - its name says it
        if is_enough and not self._is_paused and self.is_open:
            self._is_paused = True
            self._transport.pause_reading()

    def _look_within(self, seconds: float) -> None:
        """Look in time. One of an earlier request that is still to come will do, and look again."""
        if self._timer is not None:
            if self._timer.when() <= self._loop.time() + seconds:
                return
            self._timer.cancel()
        self._timer = self._loop.call_later(seconds, self._look)

    def _look(self) -> None:
        """Close if nothing came for too long; a reader that is slow has all the time."""
        self._timer = None
        if self._answer is None:
            return
        rest = self._read - (self._loop.time() - self._heard)
        if self._is_paused:
            rest = self._read
        if rest > 0:
            self._look_within(rest)
        else:
            self._fail(TimedOutError(f"{self._answer.doing}: no answer in time"))

    def _fail(self, error: AzureAgentsError) -> None:
        self.abort()
        if self._answer is not None:
            self._answer.error = self._answer.error or error
            self._answer.wake()

    # --- the loop tells -----------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Parse bytes, and wake the reader once for all that they bring."""
        answer = self._answer
        if answer is None:  # nobody asked
            self.abort()
            return
        self._heard = self._loop.time()
        answer.is_heard, before = True, len(answer.pieces)
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
            self._keeps = False
            if not answer.is_over:
                kind = type(error).__name__
                self._fail(ProtocolError(f"{answer.doing}: not HTTP ({kind})"))
        if len(answer.pieces) > before:
            self._bare = 0
            self._pause_if(answer.took(len(data)))
        else:
            self._bare += len(data)
        if self._bare > _MOST_HEAD:
            self._fail(ProtocolError(f"{answer.doing}: a head is larger than {_MOST_HEAD} bytes"))
        if answer.is_over:
            self._end()
        answer.wake()

    def eof_received(self) -> bool:
        """Close: a server that sends no more takes no more requests."""
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell the reader, unless this is how its answer ends."""
        answer, self._transport = self._answer, None
        if answer is not None and answer.status and not self._is_bounded and exc is None:
            answer.is_over = True
            answer.wake()
        elif answer is not None:
            kind = "closed" if exc is None else type(exc).__name__
            self._fail(ConnectionLostError(f"{answer.doing}: the answer was lost ({kind})"))
        self._answer = None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._lost(self)
        self._parser = None  # which holds this: without a circle both are freed at once

    def _end(self) -> None:
        """Be free, if nothing speaks against it."""
        self._answer = None
        if self._keeps and self.is_open and self._transport.get_write_buffer_size() == 0:
            self.go_on()
            self._free(self)
        else:
            self.abort()

    # --- the parser tells ---------------------------------------------------------------------

    def on_message_begin(self) -> None:
        """Another answer than the one that was asked for is a reason to close."""
        self._keeps = False

    def on_headers_complete(self) -> None:
        """Read a head: 1xx are followed by another."""
        answer, status = self._answer, self._parser.get_status_code()
        if answer is None or answer.is_over or status < _OK:
            return
        values = map(str, self._headers.values(), repeat("latin-1"))
        answer.headers = headers = dict(zip(_names(tuple(self._headers)), values, strict=True))
        coding = headers.get("transfer-encoding")
        self._is_bounded = (
            coding is not None
            or "content-length" in headers
            or status in (_NO_CONTENT, _NOT_MODIFIED)
        )
        packed = headers.get("content-encoding", "identity")
        if (coding or "chunked").lower() != "chunked" or packed.lower() != "identity":
            self._fail(ProtocolError(f"{answer.doing}: the body is packed, which nobody asked for"))
            return
        answer.status = status
        answer.is_over = not answer.has_body  # the parser would wait for one

    def on_body(self, data: bytes) -> None:
        """Take a piece of a body."""
        if self._answer is not None and not self._answer.is_over:
            self._answer.pieces.append(data)

    def on_message_complete(self) -> None:
        """The end of an answer, or of a 1xx before it."""
        answer = self._answer
        if answer is None or answer.is_over:
            return
        if not answer.status:
            self._headers.clear()
            return
        answer.is_over = True
        self._keeps = self._parser.should_keep_alive()
        told = answer.headers.get("keep-alive")
        if told is not None and (found := _TIMEOUT.search(told)) is not None:
            self.keep_alive = float(found[1]) - _MARGIN


@lru_cache(100)
def _names(names: tuple[bytes, ...]) -> tuple[str, ...]:
    """The names of headers; nearly all answers of a service have the same."""
    return tuple(name.decode("latin-1").lower() for name in names)
