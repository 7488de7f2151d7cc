"""What both kinds of byte answers share: what was read ahead, and who may have it. No I/O.

What is whole can be had any number of times. What is too large to be read ahead is had once: by an
iteration, which keeps it for good, piece by piece, or by a sink, which has it at the end.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from email.message import Message as Headers
from typing import Any

from ..errors import InvalidRequestError
from ..files.arriving import Arriving
from ..files.disk import MAX_SIZE, FileSink, Sink
from ..files.progress import OnProgress, checked_progress
from ..naming import shown

AHEAD = 16 * 1024 * 1024  # bytes that are read before a call returns


class ByteBody:
    """The bytes of an answer, as far as they are here.

    Args:
        arriving: Takes the bytes from the stream.
        name: What a file in a folder is called where the service gives no name.
        hidden: Says of the headers what is known beside the bytes.
        progress: Called with the bytes done and the bytes in all (None: unknown).
        ahead: How many bytes are read before the call returns.
    """

    def __init__(
        self,
        arriving: Arriving,
        name: str,
        hidden: Callable[[Mapping[str, str]], dict[str, Any]],
        progress: OnProgress | None = None,
        ahead: int = AHEAD,
    ) -> None:
        self._arriving = arriving
        self._name = name
        self._hidden = hidden
        self._progress = checked_progress(progress)
        self._most_ahead = ahead
        self._ahead: list[bytes] = []
        self._is_whole = False
        self._is_spent = False

    @property
    def content_type(self) -> str:
        """The media type of the bytes, as the service says; empty if it does not."""
        return self._arriving.headers.get("content-type", "")

    @property
    def size(self) -> int | None:
        """Bytes in all; None while that is not known."""
        return self._arriving.received if self._is_whole else self._arriving.total

    @property
    def is_whole(self) -> bool:
        """Whether all of it is here, and no connection is open."""
        return self._is_whole

    @property
    def _hidden_params(self) -> dict[str, Any]:
        return self._hidden(self._arriving.headers)

    def __repr__(self) -> str:
        size = "?" if self.size is None else self.size
        return f"<{type(self).__name__} {self.content_type or 'bytes'}, {size} bytes>"

    def __reduce__(self) -> tuple[Any, ...]:
        if not self._is_whole:
            raise TypeError("an answer that is still arriving has no copies: read content first")
        headers = dict(self._arriving.headers)
        return _copied, (type(self), self._held, headers, self._name, self._hidden_params)

    # --- before the call returns ----------------------------------------------------------------

    def _wants_more(self) -> bool:
        """Keep what has come; whether more is to be read ahead."""
        offset, data = self._arriving.take()
        if offset == 0:  # also where an attempt was cut and began anew
            self._ahead.clear()
        if data:
            self._ahead.append(data)
            self._report()
        return offset + len(data) < self._most_ahead

    def _end_ahead(self) -> None:
        self._wants_more()
        self._is_whole = True
        self._report_end()

    def _report(self) -> None:
        self._progress(self._arriving.received, self._arriving.total)

    def _report_end(self) -> None:
        self._progress(self._arriving.received, self._arriving.received)

    # --- afterwards -----------------------------------------------------------------------------

    def _begin(self) -> list[bytes]:
        """Give what was read ahead; a body that is not whole is given once.

        Raises:
            InvalidRequestError: It was given before.
        """
        if self._is_whole:
            return self._ahead
        if self._is_spent:
            raise InvalidRequestError(
                "this answer was read or closed already: what is too large to be held is read "
                "once. Ask for it again, or keep what you read"
            )
        self._is_spent = True
        pieces, self._ahead = self._ahead, []
        return pieces

    def _begin_for_good(self) -> list[bytes]:
        pieces = self._begin()
        if not self._is_whole:
            self._arriving.keep()
        return pieces

    def _next_for_good(self) -> bytes:
        _, data = self._arriving.take()
        self._arriving.keep()
        self._report()
        return data

    def _fill(self, sink: Sink) -> None:
        """Write what was read ahead."""
        offset = 0
        for piece in self._begin():
            sink.write(offset, piece)
            offset += len(piece)

    def _write_next(self, sink: Sink) -> None:
        sink.write(*self._arriving.take())
        self._report()

    def _hold(self, data: bytes) -> bytes:
        self._ahead, self._is_whole = [data], True
        return data

    @property
    def _held(self) -> bytes:
        if len(self._ahead) != 1:
            self._ahead = [b"".join(self._ahead)]
        return self._ahead[0]

    def _check_holdable(self, sink: Sink | None = None) -> None:
        if isinstance(sink, FileSink):
            return
        size = max(self._arriving.total or 0, self._arriving.received)
        if size > MAX_SIZE:
            raise InvalidRequestError(
                f"the answer has {size} bytes, and at most {MAX_SIZE} are held: use "
                "stream_to_file(path) or iter_bytes()"
            )

    def _name_in_folder(self) -> str:
        return self._arriving.filename or self._name

    @property
    def _charset(self) -> str:
        parsed = Headers()
        parsed["content-type"] = self.content_type
        charset = parsed.get_content_charset("utf-8")
        try:
            b"".decode(charset)
        except (LookupError, UnicodeError):
            return "utf-8"
        return charset


def _copied(
    kind: type[ByteBody],
    data: bytes,
    headers: Mapping[str, str],
    name: str,
    hidden: dict[str, Any],
) -> ByteBody:
    """Make a whole answer from what a copy or a pickle of it holds."""
    arriving = Arriving(name, None)
    arriving.headers, arriving.received = headers, len(data)
    answer = kind(arriving, name, lambda _: hidden)
    answer._hold(data)  # noqa: SLF001 - of this module
    return answer


class Slices:
    """Cuts bytes into slices of one size; without a size they pass as they come.

    Args:
        size: Bytes of each slice but the last.

    Raises:
        InvalidRequestError: It is no number of bytes.
    """

    def __init__(self, size: object = None) -> None:
        if size is not None and (not isinstance(size, int) or isinstance(size, bool) or size < 1):
            raise InvalidRequestError(
                f"chunk_size must be a whole number of bytes, 1 or more, got {shown(size)}"
            )
        self._size = size
        self._left = bytearray()

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Take bytes; give the slices that are full."""
        if self._size is None:
            if data:
                yield data
            return
        self._left += data
        while len(self._left) >= self._size:
            yield bytes(self._left[: self._size])
            del self._left[: self._size]

    def end(self) -> Iterator[bytes]:
        """Give the last slice."""
        if self._left:
            yield bytes(self._left)


class Lines:
    """Cuts bytes into lines of text; only LF and CRLF end one, as in JSON lines.

    Args:
        charset: In which the text is written.
    """

    def __init__(self, charset: str) -> None:
        self._charset = charset
        self._left: list[bytes] = []

    def feed(self, data: bytes) -> Iterator[str]:
        """Take bytes; give the lines that they end."""
        *whole, rest = data.split(b"\n")
        for line in whole:
            self._left.append(line)
            yield self._text()
        if rest:
            self._left.append(rest)

    def end(self) -> Iterator[str]:
        """Give a last line that nothing ends."""
        if self._left:
            yield self._text()

    def _text(self) -> str:
        line, self._left = b"".join(self._left), []
        return line.removesuffix(b"\r").decode(self._charset, errors="replace")
