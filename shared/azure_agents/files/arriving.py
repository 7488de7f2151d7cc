"""The bytes of an answer on their way from a stream to whoever wants them: a `Decoder`.

Bytes never pass through a flow: it pumps them in here, and the caller takes them out at every
event. An attempt that is cut begins anew, at the first byte. What the caller has for good (`keep`)
is skipped then; what was taken without that is given again, from its place on.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from email.message import Message as Headers

from ..errors import ConnectionLostError, InvalidRequestError, ProtocolError
from ..events import Event, Progress

BEAT = 256 * 1024  # bytes that are handed over at once


class Arriving:
    """Collects the bytes of one answer until they are taken.

    Args:
        what: What arrives, for messages: ``file 'file-1'``.
        limit: Most bytes that may come; None: any number.
        beat: Bytes that are handed over at once; 1: all as they come.

    Attributes:
        total: Bytes the service announced, or None.
        received: Bytes that have come in this attempt.
        kept: Bytes that the caller has for good.
        filename: What the service calls the file; not to be trusted.
        headers: Of the answer, names in lower case; empty before there is one.
    """

    def __init__(self, what: str, limit: int | None, *, beat: int = BEAT) -> None:
        self._what = what
        self._limit = limit
        self._beat = beat
        self._pieces: list[bytes] = []
        self._offset = 0
        self.total: int | None = None
        self.received = 0
        self.kept = 0
        self.filename: str | None = None
        self.headers: Mapping[str, str] = {}

    def begin(self, headers: Mapping[str, str]) -> None:
        """Start from the first byte, also after an attempt that was cut.

        Args:
            headers: Of the answer.

        Raises:
            ProtocolError: The caller has bytes of an answer that had another size.
        """
        before = self.total
        self._pieces, self._offset, self.received = [], self.kept, 0
        length = headers.get("content-length", "")
        is_plain = "content-encoding" not in headers
        self.total = int(length) if is_plain and length.isascii() and length.isdigit() else None
        if self.kept and self.total != before:
            raise ProtocolError(
                f"{self._what} was cut, and came with another size: {before} bytes, then "
                f"{self.total}"
            )
        self.filename = _filename(headers)
        self.headers = headers
        self._check_size(self.total or 0)

    def _check_size(self, size: int) -> None:
        if self._limit is not None and size > self._limit:
            raise InvalidRequestError(
                f"{self._what} is larger than max_size={self._limit} bytes: allow more"
            )

    @property
    def is_done(self) -> bool:
        """Whether all bytes that were announced have come."""
        return self.total is not None and self.received >= self.total

    def feed(self, data: bytes) -> Iterable[Event]:
        """Take bytes; yield an event when enough have come to be taken out."""
        self._check_size(self.received + len(data))
        is_known = max(self._offset - self.received, 0) if not self._pieces else 0
        self.received += len(data)
        if new := data[is_known:]:
            self._pieces.append(new)
        if self.received - self._offset >= self._beat:
            yield self.beat()

    def beat(self) -> Event:
        """Make the event by which a caller is told to look."""
        return Progress(self._what, "download", "in_progress")

    def take(self) -> tuple[int, bytes]:
        """Hand over the bytes that have come since the last call, and their offset in the file."""
        offset, data = self._offset, b"".join(self._pieces)
        self._pieces, self._offset = [], offset + len(data)
        return offset, data

    def keep(self) -> None:
        """Note that the caller has all that was taken for good: it does not come again."""
        self.kept = self._offset

    def check_whole(self) -> None:
        """Check that all bytes that were announced have come.

        Raises:
            ConnectionLostError: The end is missing.
        """
        if self.total is not None and self.received != self.total:
            raise ConnectionLostError(
                f"{self._what} did not arrive whole: {self.received} of {self.total} bytes"
            )
        if self.received < self.kept:
            raise ConnectionLostError(
                f"{self._what} did not arrive whole: {self.received} bytes, and {self.kept} before"
            )


def _filename(headers: Mapping[str, str]) -> str | None:
    parsed = Headers()
    parsed["content-disposition"] = headers.get("content-disposition", "")
    return parsed.get_filename()
