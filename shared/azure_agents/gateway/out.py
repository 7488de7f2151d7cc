"""The answer to one request, on its way out: begun once, ended once, whatever happens."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from .asgi import AtOnce, Message, Send, answer
from .refusals import Refusal, Refused
from .replies import Header
from .routes import Door

_OK = 200
_EVENTS = (
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-cache"),
    (b"x-accel-buffering", b"no"),  # proxies in front would wait for more
)
# One line: behind an empty one OpenAI's SDK for Go, before 3.43, reads an event without data.
_BEAT = b": waiting for the first content\n"


class Out:
    """One answer.

    Args:
        send: Of the request.
        door: In whose form errors are told.
        headers: Of the answer, however it ends.
        at_once: Sends a whole answer for less; None: nothing does.
    """

    def __init__(
        self, send: Send, door: Door, headers: Iterable[Header], at_once: AtOnce | None = None
    ) -> None:
        self._send, self._at_once, self.door = send, at_once, door
        self._headers = list(headers)
        self.status: int | None = None
        self.is_ended = False

    @property
    def _id(self) -> str:
        return dict(self._headers).get(b"x-request-id", b"").decode("latin-1")

    def add(self, *headers: Header) -> None:
        """Add headers, before the answer has begun."""
        self._headers += headers

    def tap(self, seen: Callable[[bytes], object]) -> None:
        """Let somebody see the bytes of the answer.

        Args:
            seen: Is given each piece, before it is sent.
        """
        send = self._send

        async def tapped(message: Message) -> None:
            seen(message.get("body", b""))
            await send(message)

        self._send, self._at_once = tapped, None

    def has(self, name: bytes) -> bool:
        """Whether the answer will have a header.

        Args:
            name: In lower case.
        """
        return any(known == name for known, _ in self._headers)

    async def whole(self, status: int, body: bytes, headers: Iterable[Header] = ()) -> None:
        """Send all of the answer.

        Args:
            status: HTTP status.
            body: All of it.
            headers: More of them.
        """
        self.status, self.is_ended = status, True
        sent = (*self._headers, *headers)
        at_once = self._at_once if status == _OK else None
        if at_once is None or not at_once(body, sent):
            await answer(self._send, status, body, sent)

    async def begin(self, headers: Iterable[Header] = ()) -> None:
        """Begin a stream, unless it has begun.

        Args:
            headers: More of them.
        """
        if self.status is not None:
            return
        self.status = 200
        known = {*(name for name, _ in _EVENTS)}
        own = (pair for pair in headers if pair[0] not in known)
        sent = [*_EVENTS, *self._headers, *own]
        await self._send({"type": "http.response.start", "status": 200, "headers": sent})

    async def open(self, status: int, headers: Iterable[Header]) -> None:
        """Begin an answer of bytes.

        Args:
            status: HTTP status.
            headers: More of them, the content type among them.
        """
        self.status = status
        sent = [*self._headers, *headers]
        await self._send({"type": "http.response.start", "status": status, "headers": sent})

    def cut(self) -> None:
        """Leave an answer of bytes unfinished: the server closes the connection.

        So nobody takes a part for the whole.
        """
        self.is_ended = True

    async def piece(self, data: bytes) -> None:
        """Send a piece of a stream."""
        if data:
            await self._send({"type": "http.response.body", "body": data, "more_body": True})

    async def beat(self) -> None:
        """Tell that the stream lives; a comment, which is no event."""
        await self.begin()
        await self.piece(_BEAT)

    async def end(self, data: bytes = b"") -> None:
        """End a stream.

        Args:
            data: Its last piece.
        """
        if not self.is_ended:
            self.is_ended = True
            await self._send({"type": "http.response.body", "body": data})

    async def refuse(self, refusal: Refusal | Refused) -> None:
        """End with an error: an answer of its own, or the last event of a stream.

        Args:
            refusal: The error.
        """
        if self.is_ended:
            return
        if self.status is None:
            refused = (
                refusal.answer(self.door, self._id) if isinstance(refusal, Refusal) else refusal
            )
            kind = (b"content-type", b"application/json")
            own = [pair for pair in refused.headers if pair[0] != kind[0]]
            await self.whole(refused.status, refused.body, (kind, *own))
        elif isinstance(refusal, Refusal):
            await self.end(refusal.frame(self.door, self._id))
        else:
            name = b"event: error\n" if self.door == "anthropic" else b""
            one_line = refusal.body.replace(b"\r", b" ").replace(b"\n", b" ")
            await self.end(name + b"data: " + one_line + b"\n\n")
