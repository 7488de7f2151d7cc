"""Bodies that are read while they are sent: files that are too large to hold.

Two classes, since httpx asks a body what it is: one that can be iterated either way is taken for a
sync one and refused by the async client.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from typing import TypeAlias

from ..protocols.commands import Upload


class UploadBody:
    """The body of an `Upload`.

    Attributes:
        failure: What went wrong while the body was read. It is kept because aiohttp reports it as
            a lost connection, and the caller would look at the network instead of the file.
    """

    def __init__(self, upload: Upload) -> None:
        self.upload = upload
        self.failure: Exception | None = None

    @contextmanager
    def _failure_kept(self) -> Iterator[None]:
        try:
            yield
        except Exception as exc:
            self.failure = exc
            raise


class SyncUploadBody(UploadBody):
    """A body for `httpx.Client`."""

    def __iter__(self) -> Iterator[bytes]:
        with self._failure_kept():
            done = 0
            self.upload.sent(done)
            for piece in self.upload.pieces():
                yield piece
                done += len(piece)
                self.upload.sent(done)


class AsyncUploadBody(UploadBody):
    """A body for `httpx.AsyncClient`; each piece is read in a thread, since disks block."""

    async def __aiter__(self) -> AsyncIterator[bytes]:
        with self._failure_kept():
            done = 0
            self.upload.sent(done)
            pieces = self.upload.pieces()
            while (piece := await asyncio.to_thread(next, pieces, None)) is not None:
                yield piece
                done += len(piece)
                self.upload.sent(done)


RequestBody: TypeAlias = bytes | UploadBody | None
