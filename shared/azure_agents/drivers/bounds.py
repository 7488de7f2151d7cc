"""Bounds on how much of an answer is ever held, whatever the peer sends.

Streams are bounded event by event (`sse`) and downloads by their callers. What is left is an answer
that is read whole, and an error, of which a page is enough. Compressed bytes grow when they are
read: one layer of gzip a thousandfold, which the bounds allow for; two layers a millionfold, and
other codings further still, so those are not asked for and not read.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import httpx

from ..errors import ProtocolError

MAX_BODY = 64 * 1024 * 1024  # bytes, unpacked: twice a generated image
MAX_ERROR = 64 * 1024  # bytes as they come
ENCODINGS = "gzip, deflate"
_READABLE = frozenset({"", "identity", "gzip", "x-gzip", "deflate"})


def check_size(size: int) -> None:
    """Refuse to hold more of a body.

    Raises:
        ProtocolError: It has more than `MAX_BODY` bytes.
    """
    if size > MAX_BODY:
        raise ProtocolError(f"an answer of the service is larger than {MAX_BODY} bytes")


def bound(response: httpx.Response) -> None:
    """Bound the body of a response before anybody reads it: a hook of sync clients.

    Raises:
        ProtocolError: It is packed in a way that nobody asked for.
    """
    encoding = response.headers.get("content-encoding", "").strip().lower()
    if encoding not in _READABLE:
        raise ProtocolError(
            f"the answer has the content encoding {encoding[:80]!r}, and only {ENCODINGS!r} was "
            "asked for: look for a proxy between here and the service"
        )
    if not response.is_success:
        response.stream = _FirstPage(response.stream)


async def abound(response: httpx.Response) -> None:
    """Do as `bound` does, in an async client."""
    bound(response)


class _FirstPage(httpx.SyncByteStream, httpx.AsyncByteStream):
    """The beginning of a body."""

    def __init__(self, body: httpx.SyncByteStream | httpx.AsyncByteStream) -> None:
        self._body = body

    def __iter__(self) -> Iterator[bytes]:
        left = MAX_ERROR
        for piece in self._body:  # type: ignore[union-attr]  # in a sync client
            yield piece[:left]
            left -= len(piece)
            if left <= 0:
                return

    async def __aiter__(self) -> AsyncIterator[bytes]:
        left = MAX_ERROR
        async for piece in self._body:  # type: ignore[union-attr]  # in an async client
            yield piece[:left]
            left -= len(piece)
            if left <= 0:
                return

    def close(self) -> None:
        self._body.close()  # type: ignore[union-attr]

    async def aclose(self) -> None:
        await self._body.aclose()  # type: ignore[union-attr]
