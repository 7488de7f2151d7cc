"""Answers that are bytes: speech, and the content of files.

A call reads ahead: an answer of up to 16 MiB is whole when the call returns, holds no connection
and can be read any number of times, also by the methods without ``await`` of an async answer. The
rest of a larger one is read when it is asked for, once, and only `content` holds it. With
``stream=True`` nothing is read ahead: the pieces come as the service sends them.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncGenerator, AsyncIterator, Generator, Iterator
from contextlib import aclosing, closing
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from ..errors import InvalidRequestError
from ..files.disk import FileSink, MemorySink, Sink
from .byte_body import ByteBody, Lines, Slices


class BytesAnswer(ByteBody):
    """The bytes of an answer: `content`, `iter_bytes`, `stream_to_file`.

    Close it, or leave its ``with`` block, to stop a large answer early; that closes its connection.
    """

    _beats: Generator[Any, None, None]

    def begin(self, beats: Generator[Any, None, None]) -> Self:
        """Wait until the service accepts the call, and read ahead.

        Args:
            beats: Gives an event whenever bytes are to be taken; closing it stops the call.
        """
        self._beats = beats
        for _ in beats:
            if not self._wants_more():
                return self
        self._end_ahead()
        return self

    def iter_bytes(self, chunk_size: int | None = None) -> Iterator[bytes]:
        """Give the bytes piece by piece, without holding them.

        Args:
            chunk_size: Bytes of each piece but the last; by default as they come.

        Raises:
            AzureAgentsError: The answer is cut; see `azure_agents.errors`.
        """
        return self._sliced(Slices(chunk_size))

    def iter_lines(self) -> Iterator[str]:
        """Give the lines of a text one by one, such as those of a batch's output."""
        lines = Lines(self._charset)
        for piece in self._pieces():
            yield from lines.feed(piece)
        yield from lines.end()

    def _sliced(self, slices: Slices) -> Iterator[bytes]:
        for piece in self._pieces():
            yield from slices.feed(piece)
        yield from slices.end()

    def _pieces(self) -> Iterator[bytes]:
        pieces = self._begin_for_good()
        if self._is_whole:
            yield from pieces
            return
        with closing(self._beats) as beats:
            yield from pieces
            for _ in beats:
                yield self._next_for_good()
        yield self._next_for_good()
        self._report_end()

    @property
    def content(self) -> bytes:
        """All bytes, held in memory, up to 512 MiB."""
        if self._is_whole:
            return self._held
        self._check_holdable()
        sink = MemorySink()
        self._pour(sink)
        return self._hold(bytes(sink.data))

    @property
    def text(self) -> str:
        """All bytes as text."""
        return self.content.decode(self._charset, errors="replace")

    def read(self) -> bytes:
        """Give `content`."""
        return self.content

    def stream_to_file(
        self, file: str | os.PathLike[str], *, chunk_size: int | None = None
    ) -> Path:
        """Write the bytes to a file, piece by piece; a whole file takes its name, or none does.

        Args:
            file: A file, which is replaced; or a folder, where the file gets a free name.
            chunk_size: Taken as LiteLLM takes it, and not needed.

        Returns:
            The path of the file.

        Raises:
            AzureAgentsError: The answer is cut, or there is no such folder.
        """
        Slices(chunk_size)
        with FileSink(file) as sink:
            self._pour(sink)
            return sink.commit(self._name_in_folder())

    write_to_file = stream_to_file

    def _pour(self, sink: Sink) -> None:
        self._fill(sink)
        if self._is_whole:
            return
        with closing(self._beats) as beats:
            for _ in beats:
                self._write_next(sink)
                self._check_holdable(sink)
        self._write_next(sink)
        self._report_end()

    def close(self) -> None:
        """Stop reading; the connection of an answer that is not whole is closed."""
        self._is_spent = True
        if not self._is_whole:
            self._beats.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


class AsyncBytesAnswer(ByteBody):
    """The twin of `BytesAnswer`: `aread`, `aiter_bytes`, `astream_to_file`.

    The methods without ``await`` (`content`, `text`, `iter_bytes`, `stream_to_file`) are for an
    answer that is whole, as up to 16 MiB are; without ``await`` nothing more can be read.
    """

    _beats: AsyncGenerator[Any, None]

    async def begin(self, beats: AsyncGenerator[Any, None]) -> Self:
        """Wait until the service accepts the call, and read ahead.

        Args:
            beats: Gives an event whenever bytes are to be taken; closing it stops the call.
        """
        self._beats = beats
        async for _ in beats:
            if not self._wants_more():
                return self
        self._end_ahead()
        return self

    async def aiter_bytes(self, chunk_size: int | None = None) -> AsyncIterator[bytes]:
        """Give the bytes piece by piece, without holding them.

        Args:
            chunk_size: Bytes of each piece but the last; by default as they come.

        Raises:
            AzureAgentsError: The answer is cut; see `azure_agents.errors`.
        """
        slices = Slices(chunk_size)
        async with aclosing(self._pieces()) as pieces:
            async for piece in pieces:
                for cut in slices.feed(piece):
                    yield cut
        for cut in slices.end():
            yield cut

    async def aiter_lines(self) -> AsyncIterator[str]:
        """Give the lines of a text one by one, such as those of a batch's output."""
        lines = Lines(self._charset)
        async with aclosing(self._pieces()) as pieces:
            async for piece in pieces:
                for line in lines.feed(piece):
                    yield line
        for line in lines.end():
            yield line

    async def _pieces(self) -> AsyncGenerator[bytes, None]:
        pieces = self._begin_for_good()
        if self._is_whole:
            for piece in pieces:
                yield piece
            return
        async with aclosing(self._beats) as beats:
            for piece in pieces:
                yield piece
            async for _ in beats:
                yield self._next_for_good()
        yield self._next_for_good()
        self._report_end()

    async def aread(self) -> bytes:
        """Give all bytes, held in memory, up to 512 MiB."""
        if self._is_whole:
            return self._held
        self._check_holdable()
        sink = MemorySink()
        await self._pour(sink)
        return self._hold(bytes(sink.data))

    async def astream_to_file(
        self, file: str | os.PathLike[str], *, chunk_size: int | None = None
    ) -> Path:
        """Write the bytes to a file, piece by piece; as `BytesAnswer.stream_to_file`.

        The disk is written in threads.

        Args:
            file: A file, which is replaced; or a folder, where the file gets a free name.
            chunk_size: Taken as LiteLLM takes it, and not needed.
        """
        Slices(chunk_size)
        with FileSink(file) as sink:
            await self._pour(sink)
            return await asyncio.to_thread(sink.commit, self._name_in_folder())

    awrite_to_file = astream_to_file

    async def _pour(self, sink: Sink) -> None:
        await asyncio.to_thread(self._fill, sink)
        if self._is_whole:
            return
        async with aclosing(self._beats) as beats:
            async for _ in beats:
                await self._write_in_thread(sink)
                self._check_holdable(sink)
        await self._write_in_thread(sink)
        self._report_end()

    async def _write_in_thread(self, sink: Sink) -> None:
        await asyncio.to_thread(partial(sink.write, *self._arriving.take()))
        self._report()

    # --- without `await`, for an answer that is whole ---------------------------------------------

    @property
    def content(self) -> bytes:
        """All bytes; of an answer that is whole."""
        self._check_whole("await answer.aread()")
        return self._held

    @property
    def text(self) -> str:
        """All bytes as text; of an answer that is whole."""
        return self.content.decode(self._charset, errors="replace")

    def read(self) -> bytes:
        """Give `content`."""
        return self.content

    def iter_bytes(self, chunk_size: int | None = None) -> Iterator[bytes]:
        """Give the bytes piece by piece; of an answer that is whole.

        Args:
            chunk_size: Bytes of each piece but the last; by default as they came.
        """
        self._check_whole("async for piece in answer.aiter_bytes()")
        slices = Slices(chunk_size)
        for piece in self._ahead:
            yield from slices.feed(piece)
        yield from slices.end()

    def iter_lines(self) -> Iterator[str]:
        """Give the lines of a text one by one; of an answer that is whole."""
        self._check_whole("async for line in answer.aiter_lines()")
        lines = Lines(self._charset)
        for piece in self._ahead:
            yield from lines.feed(piece)
        yield from lines.end()

    def stream_to_file(
        self, file: str | os.PathLike[str], *, chunk_size: int | None = None
    ) -> Path:
        """Write the bytes to a file; of an answer that is whole.

        Args:
            file: A file, which is replaced; or a folder, where the file gets a free name.
            chunk_size: Taken as LiteLLM takes it, and not needed.
        """
        Slices(chunk_size)
        self._check_whole("await answer.astream_to_file(path)")
        with FileSink(file) as sink:
            self._fill(sink)
            return sink.commit(self._name_in_folder())

    write_to_file = stream_to_file

    def _check_whole(self, instead: str) -> None:
        if not self._is_whole:
            raise InvalidRequestError(
                f"this answer is not all here, and cannot be waited for here: use {instead}"
            )

    async def aclose(self) -> None:
        """Stop reading; the connection of an answer that is not whole is closed."""
        self._is_spent = True
        if not self._is_whole:
            await self._beats.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.aclose()
