"""Runs flows on an event loop. Twin of `sync`: the same loop with ``await``."""

from __future__ import annotations

import asyncio
import warnings
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import aclosing, closing, suppress
from functools import partial
from typing import Any, cast

import httpx

from ..errors import Abandoned, AzureAgentsError
from ..events import Event
from ..protocols.commands import (
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
from ..threads.store import ThreadStore
from .bounds import check_size
from .clients import CLEAN_UP
from .loops import close_at_the_end
from .turn import (
    AFTER_THE_END,
    CLEAN_UP_COMMANDS,
    Call,
    Keep,
    Pieces,
    Wiring,
    boxed,
    guarded,
    kept,
    reply_to,
    shorten_reads,
)

_TIDYING: set[asyncio.Task[None]] = set()  # a loop holds its tasks weakly only


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

    def events(self, flow: Flow[None], keep: Keep | None = None) -> Events:
        """Run `flow` and give its events; closing them abandons the turn.

        Args:
            flow: The turn.
            keep: What of each event is told; everything if left out.
        """
        return Events(_AsyncCall(self._wiring, self._store, self._client), guarded(flow), keep)

    async def result(self, flow: Flow[T]) -> T:
        """Run `flow` to its end and return its result; it has no events."""
        box: list[T] = []
        async with aclosing(self.events(boxed(flow, box))) as events:
            async for _ in events:
                pass
        return box[0]


class Events(AsyncGenerator[Event, None]):
    """The events of one turn.

    A loop that ends closes all its generators at once, also those around this one, and a generator
    that is still busy closing must not be closed a second time. So the one that runs the flow ends
    at once, and leaves the tidying up to a task; whoever closes these events waits for that.
    """

    def __init__(self, call: _AsyncCall, flow: Flow[None], keep: Keep | None) -> None:
        self._call = call
        self._told = _told(call, flow, keep)
        self._has_begun = False

    async def __anext__(self) -> Event:
        return await self.asend(None)

    async def asend(self, value: None) -> Event:
        """The next event."""
        if not self._has_begun:
            self._has_begun = True
            close_at_the_end(self, self._told)
        return await self._told.asend(value)

    async def athrow(self, *args: Any) -> Event:
        """Fail where the last event was told."""
        return await self._told.athrow(*args)

    async def aclose(self) -> None:
        """Abandon the turn if it is not over, and wait until it is tidied up."""
        await self._told.aclose()
        await self._call.tidied_up()


async def _told(
    call: _AsyncCall, flow: Flow[None], keep: Keep | None
) -> AsyncGenerator[Event, None]:
    resume: Callable[[Any], Command] = flow.send
    value: Any = None
    try:
        while True:
            command = resume(value)
            resume, value = flow.send, None
            try:
                if isinstance(command, Pump):
                    async with aclosing(call.pump(command.decoder, keep)) as events:
                        async for event in events:
                            yield event
                elif isinstance(command, Emit):
                    for event in kept(command.events, keep):
                        yield event
                else:
                    value = await call.perform(command)
            except AzureAgentsError as error:
                resume, value = flow.throw, error
                call.note(error)
    except StopIteration:
        await call.close()
    except GeneratorExit:
        call.tidy_up(flow)
        raise
    except BaseException:
        call.tidy_up(flow)
        await call.tidied_up()
        raise


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
        self._tidied: asyncio.Future[None] | None = None
        self._is_tidying = False

    async def _insist(self, command: Command) -> Any:
        try:
            return await self.perform(command)
        except asyncio.CancelledError:
            # A loop that ends cancels every task, once: what is to be said is said all the same.
            return await self.perform(command)

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
            async with asyncio.timeout(self._seconds_for_head(command)):
                response = await client.send(request, auth=self._wiring.auth, stream=True)
                answer.append(response)
                self._open = response
                is_open = command.stream and response.is_success
                body = b"" if is_open else await self._read(response)
            return reply_to(response, body, is_open=is_open)

    def _seconds_for_head(self, command: Send) -> float | None:
        return self.within_turn(self.next_wait() if command.stream else None)

    def _limits(self, command: Send) -> httpx.Timeout:
        limits = super()._limits(command)
        if command.stream:  # aiohttp looks at it once, for head and body
            limits.read = self.longest_wait()
        return limits

    async def _read(self, response: httpx.Response) -> bytes:
        """The body, whole."""
        pieces, size = [], 0
        async for piece in response.aiter_bytes():
            pieces.append(piece)
            size += len(piece)
            check_size(size)
        await self.close()
        return b"".join(pieces)

    async def pump(self, decoder: Decoder, keep: Keep | None) -> AsyncGenerator[Event, None]:
        response = self._open
        if response is None:
            raise TypeError("nothing to pump: no stream is open")
        with self.failures("reading the stream"):
            shorten_reads(response.request, self.within_turn(self.longest_wait()))
        body = response.aiter_raw() if _is_plain(response) else response.aiter_bytes()
        async with aclosing(cast("AsyncGenerator[bytes, None]", body)) as chunks:
            while True:
                with self.failures("reading the stream"):
                    is_over = self.has_waited(decoder)
                    data = None if is_over else await self._next(chunks, decoder)
                if data is None:
                    break
                self.took(data)
                for event in kept(decoder.feed(data), keep):
                    yield event
        await self.close()

    def _seconds_for_next(self, decoder: Decoder) -> float | None:
        return AFTER_THE_END if decoder.is_done else self.within_turn(self.next_wait())

    async def _next(self, chunks: AsyncIterator[bytes], decoder: Decoder) -> bytes | None:
        try:
            async with asyncio.timeout(self._seconds_for_next(decoder)):
                return await anext(chunks, None)
        except (httpx.HTTPError, OSError):
            if decoder.is_done:  # the answer is whole; only the end of the stream was lost
                return None
            raise

    def tidy_up(self, flow: Flow[None]) -> None:
        """Let the flow tidy up in a task of its own; without a loop nothing can be done."""
        try:
            self._tidied = asyncio.get_running_loop().create_future()
        except RuntimeError:
            return
        self._begin_to_tidy(flow)

    def _begin_to_tidy(self, flow: Flow[None]) -> None:
        task = asyncio.create_task(self._abandon(flow), name=CLEAN_UP)
        _TIDYING.add(task)
        task.add_done_callback(partial(self._has_tidied, flow))

    def _has_tidied(self, flow: Flow[None], task: asyncio.Task[None]) -> None:
        _TIDYING.discard(task)
        if task.cancelled() and not self._is_tidying:  # by a loop that ends, before it could begin
            self._begin_to_tidy(flow)
        elif self._tidied is not None and not self._tidied.done():
            error = None if task.cancelled() else task.exception()
            if error is None:
                self._tidied.set_result(None)
            else:
                self._tidied.set_exception(error)

    async def tidied_up(self) -> None:
        """Wait until all is tidied up; it goes on although the waiting task is cancelled."""
        if self._tidied is not None:
            await asyncio.shield(self._tidied)

    async def _abandon(self, flow: Flow[None]) -> None:
        """Tell the flow that the caller stopped, and let it clean up within bounds."""
        self._is_tidying = True
        self.clean_up()
        _allow_sending_at_the_end()
        await self.close()
        resume: Callable[[Any], Command] = flow.throw
        value: Any = Abandoned()
        # Closed also where the tidying up is ended from outside, as in the sync driver.
        with closing(flow), suppress(StopIteration, Abandoned, AzureAgentsError):
            for _ in range(CLEAN_UP_COMMANDS):
                command = resume(value)
                try:
                    resume, value = flow.send, await self._insist(command)
                except AzureAgentsError as error:
                    resume, value = flow.throw, error
        await self.close()

    async def close(self) -> None:
        """Close the stream that is open, if any."""
        response, self._open = self._open, None
        if response is not None:
            with suppress(httpx.HTTPError, OSError):
                await response.aclose()


def _allow_sending_at_the_end() -> None:
    """Where warnings are errors, a loop that ends would let no request out.

    It warns of each generator that begins so late, and httpx sends by generators.
    """
    if getattr(asyncio.get_running_loop(), "_asyncgens_shutdown_called", False):
        sentence = "asynchronous generator .* was scheduled after loop.shutdown_asyncgens"
        warnings.filterwarnings("ignore", sentence, ResourceWarning)


def _is_plain(response: httpx.Response) -> bool:
    return "content-encoding" not in response.headers
