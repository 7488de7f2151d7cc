"""Runs flows on an event loop. Twin of `sync`: the same loop with ``await``."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import aclosing, suppress
from typing import Any

import httpx

from ..commands import (
    Command,
    Decoder,
    Emit,
    Flow,
    Pump,
    Reply,
    Send,
    Sleep,
    StoreGet,
    StorePut,
    StoreTake,
    T,
)
from ..errors import Abandoned, AzureAgentsError, DeadlineError
from ..events import Event
from ..threads.store import ThreadStore
from .bounds import check_size
from .call import (
    AFTER_THE_END,
    CLEAN_UP_COMMANDS,
    Call,
    Pieces,
    Wiring,
    boxed,
    guarded,
    reply_to,
    shorten_reads,
)
from .clients import CLEAN_UP


class AsyncDriver:
    """Performs the commands of flows.

    Args:
        wiring: Endpoint, credential, timeouts, clock, observer.
        store: Thread store.
        client: The HTTP client of the running event loop, made when it is first needed.
    """

    def __init__(
        self, wiring: Wiring, store: ThreadStore, client: Callable[[], Awaitable[httpx.AsyncClient]]
    ) -> None:
        self._wiring = wiring
        self._store = store
        self._client = client

    async def events(self, flow: Flow[None]) -> AsyncGenerator[Event, None]:
        """Run `flow` and yield its events; closing the generator abandons the turn."""
        flow, call = guarded(flow), _AsyncCall(self._wiring, self._store, self._client)
        resume: Callable[[Any], Command] = flow.send
        value: Any = None
        try:
            while True:
                command = resume(value)
                resume, value = flow.send, None
                try:
                    if isinstance(command, Pump):
                        async with aclosing(call.pump(command.decoder)) as events:
                            async for event in events:
                                yield event
                    elif isinstance(command, Emit):
                        for event in command.events:
                            yield event
                    else:
                        value = await call.perform(command)
                except AzureAgentsError as error:
                    resume, value = flow.throw, error
                    if isinstance(error, DeadlineError):
                        call.clean_up()
        except StopIteration:
            return
        except BaseException:
            await _shielded(call.abandon(flow))
            raise
        finally:
            await call.close()

    async def result(self, flow: Flow[T]) -> T:
        """Run `flow` to its end and return its result; it has no events."""
        box: list[T] = []
        async with aclosing(self.events(boxed(flow, box))) as events:
            async for _ in events:
                pass
        return box[0]


class _AsyncPieces(Pieces):
    async def __aiter__(self) -> AsyncIterator[bytes]:
        with self.kept_failures():
            done = 0
            self.upload.sent(done)
            pieces = self.upload.pieces()
            while (piece := await asyncio.to_thread(next, pieces, None)) is not None:
                yield piece
                done += len(piece)
                self.upload.sent(done)


class _AsyncCall(Call):
    def __init__(
        self, wiring: Wiring, store: ThreadStore, client: Callable[[], Awaitable[httpx.AsyncClient]]
    ) -> None:
        super().__init__(wiring, _AsyncPieces)
        self._store = store
        self._client = client
        self._open: httpx.Response | None = None

    async def perform(self, command: Command) -> Any:
        match command:
            case Send():
                return await self._send(command)
            case Sleep():
                return await self._wiring.clock.asleep(self.pause(command))
            case StoreGet(key):
                return await self._stored(self._store.get, key)
            case StorePut(key, value):
                return await self._stored(self._store.put, key, value)
            case StoreTake(key, expected):
                return await self._stored(self._store.take, key, expected)
            case _:
                raise TypeError(f"not a command to perform: {command!r}")

    async def _stored(self, operation: Callable[..., Any], *args: str) -> Any:
        if self._store.is_blocking:
            return await asyncio.to_thread(operation, *args)
        return operation(*args)

    async def _send(self, command: Send) -> Reply:
        await self.close()
        client = await self._client()
        doing = f"{command.method} {command.path}"
        content = self.content(command)
        with self.failures(doing), self.reading(content), self.observed(command) as answer:
            request = self.build(client, command, content)
            async with asyncio.timeout(self.remaining()):
                response = await client.send(request, auth=self._wiring.auth, stream=True)
                answer.append(response)
                self._open = response
                is_open = command.stream and response.is_success
                body = b"" if is_open else await self._read(response)
            return reply_to(response, body, is_open=is_open)

    async def _read(self, response: httpx.Response) -> bytes:
        """The body, whole."""
        pieces, size = [], 0
        async for piece in response.aiter_bytes():
            pieces.append(piece)
            size += len(piece)
            check_size(size)
        await self.close()
        return b"".join(pieces)

    async def pump(self, decoder: Decoder) -> AsyncGenerator[Event, None]:
        response = self._open
        if response is None:
            raise TypeError("nothing to pump: no stream is open")
        with self.failures("reading the stream"):
            shorten_reads(response.request, self.between_events())
        chunks = response.aiter_raw() if _is_plain(response) else response.aiter_bytes()
        while True:
            with self.failures("reading the stream"):
                if not decoder.is_done:
                    self.remaining()
                data = await self._next(chunks, decoder)
            if data is None:
                break
            for event in decoder.feed(data):
                yield event
        await self.close()

    async def _next(self, chunks: AsyncIterator[bytes], decoder: Decoder) -> bytes | None:
        try:
            async with asyncio.timeout(AFTER_THE_END if decoder.is_done else self.between_events()):
                return await anext(chunks, None)
        except (httpx.HTTPError, OSError):
            if decoder.is_done:  # the answer is whole; only the end of the stream was lost
                return None
            raise

    async def abandon(self, flow: Flow[None]) -> None:
        """Tell the flow that the caller stopped, and let it clean up within bounds."""
        await self.close()
        self.clean_up()
        resume: Callable[[Any], Command] = flow.throw
        value: Any = Abandoned()
        with suppress(StopIteration, Abandoned, AzureAgentsError):
            for _ in range(CLEAN_UP_COMMANDS):
                command = resume(value)
                try:
                    resume, value = flow.send, await self.perform(command)
                except AzureAgentsError as error:
                    resume, value = flow.throw, error
        flow.close()

    async def close(self) -> None:
        """Close the stream that is open, if any."""
        response, self._open = self._open, None
        if response is not None:
            with suppress(httpx.HTTPError, OSError):
                await response.aclose()


async def _shielded(clean_up: Coroutine[Any, Any, None]) -> None:
    """Finish the clean-up although the task is being cancelled; a dead loop can do nothing."""
    try:
        task = asyncio.create_task(clean_up, name=CLEAN_UP)
    except RuntimeError:
        clean_up.close()
        return
    await asyncio.shield(task)


def _is_plain(response: httpx.Response) -> bool:
    return "content-encoding" not in response.headers
