"""What went over the wire of an emulator, or of a service that answers as recorded."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import httpx


class Seen(httpx.BaseTransport, httpx.AsyncBaseTransport):
    """A transport that keeps every request; `answer` makes the answers, or another transport."""

    def __init__(
        self, answer: Callable[[httpx.Request], httpx.Response] | None = None, **of: Any
    ) -> None:
        self.requests: list[httpx.Request] = []
        self._answer = answer
        self._sync, self._async = of.get("transport"), of.get("async_transport")

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Keep it, and answer."""
        request.read()
        self.requests.append(request)
        if self._answer is not None:
            return self._answer(request)
        return self._sync.handle_request(request)  # type: ignore[no-any-return,union-attr]

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Keep it, and answer."""
        await request.aread()
        self.requests.append(request)
        if self._answer is not None:
            return await asyncio.to_thread(self._answer, request)
        return await self._async.handle_async_request(request)  # type: ignore[no-any-return,union-attr]

    @property
    def connection(self) -> dict[str, Any]:
        """As arguments of any door."""
        return {"transport": self, "async_transport": self}
