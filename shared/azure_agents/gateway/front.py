"""The clients' side of the wire: uvicorn's connection, with bounds where it has none.

httptools reads heads of any length, and uvicorn waits for the rest of a request, and for a client
that does not read its stream, as long as the connection lives. Here a head has a length, whatever
is waited for has a time, and what is no HTTP is answered in the form of every other error. A bound
on time costs no call anything: each connection looks at itself every few seconds.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, cast

import httptools
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from .asgi import AT_ONCE, Message
from .refusals import Refusal
from .replies import Header
from .requests import MOST_HEADERS

_MOST_OTHER = 2 * MOST_HEADERS  # bytes of heads, trailers and framing that belong to one request
_FRAMING = 16  # of them that each piece of a body may have for itself
_MOST_WAITING = 32  # requests that a client may send before the first of them is answered
_PACE = 1024  # bytes of a body that a client must send within `patience`

_CONTROLS = bytes({*range(32), 127} - {9})  # a tab may stand in a header
_LENGTHS = frozenset({b"content-length", b"transfer-encoding"})
_GONE, _HEAD, _BODY, _READER = "gone", "head", "body", "reader"


class ClientConnection(HttpToolsProtocol):
    """One connection of a client.

    Attributes:
        look: Seconds between two looks at what is waited for.
        patience: Seconds for a whole head, and for each kilobyte of a body.
        reader_patience: Seconds in which a client that reads slowly must have taken what waits.
    """

    look = 5.0
    patience = 30.0
    reader_patience = 120.0

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        self._heard = self._other = self._pauses = 0
        self._counted: Any = None
        self._waits: tuple[Any, ...] | None = None
        self._since = 0.0
        self._looking: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        """Begin to look."""
        super().connection_made(transport)
        self._looking = self.loop.call_later(self.look, self._look)

    def connection_lost(self, exc: Exception | None) -> None:
        """End to look."""
        super().connection_lost(exc)
        if self._looking is not None:
            self._looking.cancel()
            self._looking = None

    def data_received(self, data: bytes) -> None:
        """Read bytes of a client."""
        self._unset_keepalive_if_required()
        size = len(data)
        self._heard += size
        if self._counted is not self.cycle:  # a request has begun since
            self._counted, self._other = self.cycle, 0
        self._other += size
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade as asked:
            if self.cycle.keep_alive:
                self._stay(data[asked.args[0] :])
        except httptools.HttpParserError:
            self.send_400_response("this is no HTTP request")
        if self._other > _MOST_OTHER:
            self._refuse(431, f"the head of the request is longer than {MOST_HEADERS} bytes")
        elif len(self.pipeline) > _MOST_WAITING:
            self.transport.abort()

    def on_headers_complete(self) -> None:
        """Begin a request. What comes behind its body is no header, though uvicorn adds it."""
        super().on_headers_complete()
        self.headers = []
        cast(Any, self.scope)["extensions"] = {AT_ONCE: self._answer_at_once}

    def _answer_at_once(self, scope: Message, body: bytes, headers: Sequence[Header]) -> bool:
        """Send a whole answer with status 200, if nothing about it needs uvicorn's care.

        uvicorn looks at each header by itself, which costs more than all else that it does.
        """
        cycle: Any = self.cycle
        is_last = cycle.scope is scope and cycle.keep_alive  # of those that came until now
        is_begun = cycle.disconnected or cycle.response_started or self.flow.write_paused
        if not is_last or is_begun or cycle.default_headers or scope["method"] == "HEAD":
            return False
        fields = b"\r\n".join(map(b": ".join, headers))
        controls = len(fields) - len(fields.translate(None, _CONTROLS))
        if controls != 2 * (len(headers) - 1):  # a line break between two of them, and no other
            return False
        head = b"%scontent-length: %d\r\n%s\r\n\r\n" % (STATUS_LINE[200], len(body), fields)
        cycle.response_started = cycle.response_complete = True
        cycle.waiting_for_100_continue = False
        self.transport.write(head + body)
        cycle.message_event.set()
        cycle.on_response()
        return True

    def on_body(self, body: bytes) -> None:
        """Read a piece of a body."""
        self._other -= len(body) + _FRAMING
        super().on_body(body)

    def pause_writing(self) -> None:
        """Wait until the client has read."""
        self._pauses += 1
        super().pause_writing()

    def send_400_response(self, msg: str) -> None:
        """Answer what is no HTTP, and close the connection."""
        self._refuse(400, msg)

    def _stay(self, rest: bytes) -> None:
        """Go on with HTTP/1.1 where a client offers another protocol (RFC 9110, 7.8).

        The parser believes that the other protocol follows the head. Java's client offers HTTP/2
        with its first request, and sends a body that is meant for whoever answers.
        """
        cycle: Any = self.cycle
        cycle.keep_alive = False  # what follows the body is nobody's
        fields = [pair for pair in cycle.scope["headers"] if pair[0] in _LENGTHS]
        self.parser = httptools.HttpRequestParser(_Rest(self if fields else None))
        if fields:
            cycle.more_body = True
            head = b"".join([b"%s: %s\r\n" % pair for pair in fields])
            with suppress(httptools.HttpParserUpgrade):  # behind the body
                self.parser.feed_data(b"POST / HTTP/1.1\r\n%s\r\n%s" % (head, rest))

    # --- time -------------------------------------------------------------------------------------

    def _look(self) -> None:
        self._looking = self.loop.call_later(self.look, self._look)
        waits, now = self._waited(), self.loop.time()
        if waits is None or waits != self._waits:
            self._waits, self._since = waits, now
        elif now - self._since >= (self.reader_patience if waits[0] == _READER else self.patience):
            self._give_up(waits[0])

    def _waited(self) -> tuple[Any, ...] | None:
        """What the client is waited for; None: nothing. It is another one when it got on."""
        cycle: Any = self.cycle
        if self.transport.is_closing():
            return (_GONE,)
        if self.flow.write_paused:
            return (_READER, self._pauses)
        if cycle is None or cycle.response_complete:
            # Between two requests uvicorn's own timer runs.
            return None if self.timeout_keep_alive_task is not None else (_HEAD, cycle)
        is_waiting = cycle.more_body and not self.flow.read_paused
        return (_BODY, cycle, self._heard // _PACE) if is_waiting else None

    def _give_up(self, waits: str) -> None:
        cycle, scope = cast(Any, self.cycle), cast(Any, self.scope)
        is_answered = cycle is not None and cycle.response_started
        if waits in (_GONE, _READER) or (waits == _BODY and is_answered):
            self.transport.abort()
        elif scope is None or (is_answered and scope is cycle.scope):
            self.transport.close()  # not a byte came, or nobody wants the rest of the body
        else:
            self._refuse(408, "the rest of the request did not come in time")

    def _refuse(self, status: int, text: str) -> None:
        """Answer what never becomes a request, and close the connection."""
        if self.transport.is_closing():
            return
        refused = Refusal(status, text).answer("openai")
        cycle: Any = self.cycle
        if cycle is None or not cycle.response_started or cycle.response_complete:
            fields = b"content-type: application/json\r\nconnection: close\r\ncontent-length: "
            head = b"%s%s%d\r\n\r\n" % (STATUS_LINE[status], fields, len(refused.body))
            self.transport.write(head + refused.body)
        self.transport.close()


class _Rest:
    """Hears the body of a request whose head is read already, and nothing behind it."""

    def __init__(self, connection: ClientConnection | None) -> None:
        self._connection = connection

    def on_body(self, body: bytes) -> None:
        if self._connection is not None:
            self._connection.on_body(body)

    def on_message_complete(self) -> None:
        if self._connection is not None:
            self._connection.on_message_complete()
            self._connection = None
