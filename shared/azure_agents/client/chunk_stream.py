"""Answers that come in chunks, as callers read and close them.

The classes stand apart from those that ask: annotations name them, and to read an annotation takes
no client.
"""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncGenerator, Callable, Generator, Iterable
from types import TracebackType
from typing import Generic, Self, TypeVar

R = TypeVar("R")  # what is received
C = TypeVar("C")  # a chunk of the answer, as callers read it


class ChunkStream(Generic[R, C]):
    """The chunks of an answer.

    Args:
        source: Gives what is received; closing it stops the call.
        chunks_of: Makes chunks of what is received, in order; maybe none.
    """

    def __init__(
        self, source: Generator[R, None, None], chunks_of: Callable[[R], Iterable[C]]
    ) -> None:
        self._source = source
        self._chunks_of = chunks_of
        self._waiting: deque[C] = deque()
        # The service accepts or refuses the call here, where callers expect to hear of it.
        for received in source:
            self._waiting.extend(chunks_of(received))
            break

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> C:
        while not self._waiting:
            self._waiting.extend(self._chunks_of(next(self._source)))
        return self._waiting.popleft()

    def close(self) -> None:
        """Stop the call, also on the server where that is possible; no chunk comes after that."""
        self._waiting.clear()
        self._source.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


class AsyncChunkStream(Generic[R, C]):
    """The chunks of an answer, read on an event loop.

    Args:
        source: Gives what is received; closing it stops the call.
        chunks_of: Makes chunks of what is received, in order; maybe none.
    """

    def __init__(
        self, source: AsyncGenerator[R, None], chunks_of: Callable[[R], Iterable[C]]
    ) -> None:
        self._source = source
        self._chunks_of = chunks_of
        self._waiting: deque[C] = deque()

    async def begin(self) -> Self:
        """Wait until the service accepts the call; a constructor cannot wait."""
        async for received in self._source:
            self._waiting.extend(self._chunks_of(received))
            break
        return self

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> C:
        while not self._waiting:
            self._waiting.extend(self._chunks_of(await anext(self._source)))
        return self._waiting.popleft()

    async def aclose(self) -> None:
        """Stop the call, also on the server where that is possible; no chunk comes after that."""
        self._waiting.clear()
        await self._source.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.aclose()
