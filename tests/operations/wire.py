"""A service that answers as a test says, and calls of it by both functions."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import httpx

import azure_agents

WHERE = {"api_base": "https://r.openai.azure.com", "api_key": "a-key"}
WAYS = ["sync", "async"]
Answering = Callable[[httpx.Request], httpx.Response]


def sse(events: list[dict[str, Any]], end: bytes = b"") -> bytes:
    """Events that name their type, as the service sends them."""
    return b"".join(frame(event) for event in events) + end


def frame(event: dict[str, Any]) -> bytes:
    """One event."""
    named = f"event: {event['type']}\n" if "type" in event else ""
    return named.encode() + b"data: " + json.dumps(event).encode() + b"\n\n"


class Pieces(httpx.SyncByteStream, httpx.AsyncByteStream):
    """A body in pieces of a size; after the last one the connection may be lost.

    Args:
        data: The bytes that come.
        size: Of a piece.
        is_lost: The end is a lost connection.
    """

    def __init__(self, data: bytes, size: int = 7, *, is_lost: bool = False) -> None:
        self._pieces = [data[start : start + size] for start in range(0, len(data), size)]
        self._is_lost = is_lost

    def __iter__(self) -> Iterator[bytes]:
        yield from self._pieces
        if self._is_lost:
            raise httpx.ReadError("lost")

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for piece in self._pieces:
            yield piece
        if self._is_lost:
            raise httpx.ReadError("lost")


def streaming(data: bytes, size: int = 7, *, is_lost: bool = False) -> Answering:
    """Answers with a stream."""
    headers = {"content-type": "text/event-stream", "x-request-id": "r-1"}
    return lambda _: httpx.Response(
        200, stream=Pieces(data, size, is_lost=is_lost), headers=headers
    )


class Service(httpx.MockTransport):
    """Answers in turn, the last answer ever again, and keeps what it was sent."""

    def __init__(self, *answers: Answering | httpx.Response) -> None:
        super().__init__(self._answer)
        self.requests: list[httpx.Request] = []
        self._answers = list(answers)

    def _answer(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        answer = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        return answer if isinstance(answer, httpx.Response) else answer(request)

    @property
    def bodies(self) -> list[Any]:
        """What went up."""
        return [json.loads(request.content) for request in self.requests]


class NoWaits:
    """A clock whose waits take no time."""

    def __init__(self) -> None:
        self._now = 0.0

    def time(self) -> float:
        return self._now

    def sleep(self, seconds: float) -> None:
        self._now += seconds

    async def asleep(self, seconds: float) -> None:
        self._now += seconds


def call(way: str, function: str, *, into: list[Any] | None = None, **given: Any) -> Any:
    """One call, sync or async; of a stream a list of what came.

    Args:
        way: ``sync`` or ``async``.
        function: The name of the sync function.
        into: Takes what came of a stream, also if it ends in an error.
        given: Arguments.
    """
    came: list[Any] = [] if into is None else into
    streams = bool(given.get("stream"))
    if way == "sync":
        answer = getattr(azure_agents, function)(**given)
        return _drained(answer, came) if streams else answer

    async def run() -> Any:
        answer = await getattr(azure_agents, f"a{function}")(**given)
        if not streams:
            return answer
        async for one in answer:
            came.append(one)  # noqa: PERF401 - what came before an error is looked at
        return came

    return asyncio.run(run())


def _drained(stream: Any, came: list[Any]) -> list[Any]:
    for one in stream:
        came.append(one)  # noqa: PERF402 - as above
    return came


def ask(way: str, function: str, service: httpx.BaseTransport, **given: Any) -> Any:
    """One call of a service in this process."""
    network = {"transport": service, "async_transport": service, "clock": NoWaits()}
    return call(way, function, **{**WHERE, **network, **given})
