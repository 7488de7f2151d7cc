"""Streamed answers of a router: the chunks of the deployment, and what must happen at their end.

A stream begins with its first content, so what fails before it is another deployment's turn. From
there on the deployment is the caller's. When the stream ends, in whatever way, its place is given
back and what it used takes the place of what was reserved.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from types import TracebackType
from typing import Any, Self
from weakref import finalize

from .limits import Amounts
from .tokens import used

_BYTES = 4  # of a token, about


class Meter:
    """Reads from chunks what a stream uses, and which of them the caller is to have.

    Args:
        reserved: What was reserved for the request.
        hides_usage: The usage was asked for by the router alone.
    """

    def __init__(self, reserved: Amounts, *, hides_usage: bool = False) -> None:
        self._reserved = reserved
        self._hides_usage = hides_usage
        self._told: Amounts | None = None
        self._size = 0

    @property
    def amounts(self) -> Amounts:
        """As the service told, else by the length of what came."""
        return self._told or Amounts(self._reserved.input, self._size // _BYTES + 1)

    def takes(self, chunk: Any) -> bool:
        """Read a chunk; False if it is not the caller's.

        Args:
            chunk: Of a chat, or an event of a response.
        """
        told = used(_usage_of(chunk))
        self._told = told or self._told
        self._size += _text_size(chunk)
        return not (self._hides_usage and told is not None and not _get(chunk, "choices"))


def _usage_of(chunk: Any) -> Any:
    usage = _get(chunk, "usage") or _get(_get(chunk, "response"), "usage")
    return usage.model_dump() if hasattr(usage, "model_dump") else usage


def _text_size(chunk: Any) -> int:
    choices = _get(chunk, "choices") or ()
    deltas = [_get(choice, "delta") for choice in choices] or [chunk]
    parts = (_get(delta, name) for delta in deltas for name in ("content", "delta"))
    return sum(len(part.encode("utf-8", "replace")) for part in parts if isinstance(part, str))


def _get(value: Any, name: str) -> Any:
    if isinstance(value, Mapping):
        return value.get(name)
    return getattr(value, name, None)


class RoutedStream:
    """The chunks of an answer; made by a `Router`.

    Args:
        stream: Of the deployment.
        meter: Reads what it uses.
        release: Gives its place back; called once.
        settle: Counts what was used; called once, after `release`.
        changed: Makes the caller's chunk of a chunk.
    """

    def __init__(
        self,
        stream: Any,
        meter: Meter,
        release: Callable[[], object],
        settle: Callable[[Amounts], object],
        changed: Callable[[Any], Any],
    ) -> None:
        self._stream, self._meter, self._changed = stream, meter, changed
        self._chunks: Iterator[Any] = iter(stream)
        # Also if nobody reads it to its end, and nobody closes it.
        self._release = finalize(self, release)
        self._settle = settle

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> Any:
        try:
            chunk = next(self._chunks)
            while not self._meter.takes(chunk):
                chunk = next(self._chunks)
        except BaseException:
            self._end()
            raise
        return self._changed(chunk)

    def close(self) -> None:
        """Stop the call, also on the server where that is possible; no chunk comes after that."""
        try:
            self._stream.close()
        finally:
            self._end()

    def _end(self) -> None:
        if self._release.alive:
            self._release()
            self._settle(self._meter.amounts)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        return getattr(self._stream, name)  # of an agent: `response`


class AsyncRoutedStream:
    """The chunks of an answer, read on an event loop; made by a `Router`.

    Args:
        stream: Of the deployment.
        meter: Reads what it uses.
        release: Gives its place back; called once.
        settle: Counts what was used; called once, after `release`.
        changed: Makes the caller's chunk of a chunk.
    """

    def __init__(
        self,
        stream: Any,
        meter: Meter,
        release: Callable[[], object],
        settle: Callable[[Amounts], Awaitable[object]],
        changed: Callable[[Any], Any],
    ) -> None:
        self._stream, self._meter, self._changed = stream, meter, changed
        self._chunks: AsyncIterator[Any] = aiter(stream)
        self._release = finalize(self, release)
        self._settle = settle

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Any:
        try:
            chunk = await anext(self._chunks)
            while not self._meter.takes(chunk):
                chunk = await anext(self._chunks)
        except BaseException:
            await self._end()
            raise
        return self._changed(chunk)

    async def aclose(self) -> None:
        """Stop the call, also on the server where that is possible; no chunk comes after that."""
        try:
            await self._stream.aclose()
        finally:
            await self._end()

    async def _end(self) -> None:
        if self._release.alive:
            self._release()
            await self._settle(self._meter.amounts)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.aclose()

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        return getattr(self._stream, name)
