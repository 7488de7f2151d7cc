"""A line to the emulator that spoils the answers to one operation, and lets all others pass."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import httpx

from azure_agents.emulator import Emulator
from azure_agents.models.operation_table import Operation

ID = "r-1"  # of the request, in the head of every answer that is spoilt
Good = Callable[[], httpx.Response]


class Pieces(httpx.SyncByteStream, httpx.AsyncByteStream):
    """A body in pieces; after the last one the connection may be lost."""

    def __init__(self, data: bytes, *, is_lost: bool, size: int = 64) -> None:
        self._pieces = [data[at : at + size] for at in range(0, len(data), size)]
        self._is_lost = is_lost

    def __iter__(self) -> Iterator[bytes]:
        yield from self._pieces
        if self._is_lost:
            raise httpx.ReadError("the connection was reset")

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for piece in self:
            yield piece


def answer(
    status: int,
    body: bytes = b"",
    kind: str = "application/json",
    *,
    is_lost: bool = False,
    **headers: str,
) -> httpx.Response:
    """An answer as it comes over a socket."""
    told = {name.replace("_", "-"): value for name, value in headers.items()}
    head = {"content-type": kind, "x-request-id": ID, **told}
    return httpx.Response(status, headers=head, stream=Pieces(body, is_lost=is_lost))


@dataclass
class Line(httpx.BaseTransport, httpx.AsyncBaseTransport):
    """Carries requests to the emulator.

    Attributes:
        foundry: The emulator.
        operation: Whose answers are spoilt.
        spoil: Makes an answer of a request and the good answer, or raises.
        times: How many are spoilt; None: all.
        hits: Requests of the operation that came.
        hosts: Of all requests.
    """

    foundry: Emulator
    operation: Operation
    spoil: Callable[[httpx.Request, Good], httpx.Response]
    times: int | None = None
    hits: int = 0
    hosts: set[str] = field(default_factory=set)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Carry one."""
        request.read()
        return self._answer(request)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Do as `handle_request` does."""
        await request.aread()
        return self._answer(request)

    def _answer(self, request: httpx.Request) -> httpx.Response:
        self.hosts.add(request.url.host)
        if not self._is_meant(request):
            return _whole(self.foundry, request)
        self.hits += 1
        if self.times is not None and self.hits > self.times:
            return _whole(self.foundry, request)
        return self.spoil(request, lambda: _whole(self.foundry, request))

    def _is_meant(self, request: httpx.Request) -> bool:
        path = self.operation.path.replace("{id}", "[^/]+")
        is_meant = re.search(rf"{path}$", request.url.path) is not None
        return is_meant and request.method == self.operation.method

    @property
    def seams(self) -> dict[str, Any]:
        """Arguments of a call over this line."""
        return {"transport": self, "async_transport": self}


def _whole(foundry: Emulator, request: httpx.Request) -> httpx.Response:
    """The emulator's answer, in pieces that both kinds of clients can read."""
    good = foundry.transport.handle_request(request)
    body = good.read()
    return httpx.Response(
        good.status_code, headers=good.headers, stream=Pieces(body, is_lost=False)
    )


def body_of(good: httpx.Response) -> bytes:
    """The bytes of a good answer."""
    return b"".join(good.stream)  # type: ignore[arg-type]  # `Pieces` are both
