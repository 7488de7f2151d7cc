"""Runs flows on an event loop. Twin of `sync`: the same loop with ``await``."""

# Theory of operation
# ===================
#
# A flow is a generator that knows a protocol and does no I/O: it yields commands and is sent
# their results. A driver is the loop around it that does the I/O. One `_AsyncRunner` serves one
# turn; it holds the turn's clock and the one response whose body is open.
#
# How commands are run
# --------------------
# `_run` asks the flow for a command, performs it, and sends the result back:
#
#     Send        one HTTP request. The body of the answer is read whole, up to a bound, unless the
#                 command wants a stream and the status is 2xx: then it stays open.
#     Pump        reads the open body through a decoder. Its events go straight to the caller, not
#                 to the flow; what the flow wants to know it asks the decoder afterwards.
#     Emit        hands events of the flow's own to the caller.
#     Sleep       waits, on the turn's clock.
#     Store…      gets, puts or takes in the thread store; in a worker thread if the store does I/O,
#                 since this loop must not block.
#
# A command that fails is thrown into the flow where it yielded the command: the flow decides
# whether to try again, to look what became of the turn, or to let the error pass to the caller.
# Only errors of this package are thrown; what the HTTP libraries raise is translated first
# (`failures`). Any other exception is a bug and passes through unchanged.
#
# Deadlines
# ---------
# `turn_clock` has all limits. Every wait is bounded by its own limit and by what is left of the
# turn. Here `asyncio.timeout` ends a wait; the sync twin needs a watchdog that shuts the socket.
# When the turn's deadline passes, a `DeadlineError` is thrown into the flow, and the clock is set
# anew, once: two seconds (`CLEAN_UP_SECONDS`) in which the flow may cancel its run at the service.
#
# An answer may be whole before its stream ends. Then the end is waited for one second more, so
# that the connection can be used again, and an error of the connection no longer matters.
#
# Cancellation, and callers that leave
# ------------------------------------
# A caller leaves a turn in one of three ways: its task is cancelled, it closes the events
# (`aclosing`, ``break`` and garbage collection), or its loop ends. In each the flow is abandoned:
# `Abandoned` is thrown into it, and it may yield a few commands more, to cancel the run that it
# began. Limits hold for that, too: `CLEAN_UP_SECONDS` in all, at most `CLEAN_UP_COMMANDS`
# commands, and no event reaches anybody. What fails is passed over: nobody is left to hear of it.
#
# The clean-up runs in a task of its own (`detached`). The task that is cancelled cannot send
# requests any more, and a generator must not be awaited twice while it closes. `TurnEvents.aclose`
# waits for that task, shielded: a second cancellation ends the waiting, not the clean-up.
#
# Loops that end
# --------------
# `asyncio.run` cancels all tasks, closes all async generators, and closes the loop; a program may
# also call ``loop.close()`` alone. The order of the first two is what the code here is shaped by:
#
# - A task that is cancelled before its first step never runs, so `detached` starts it again.
# - A command of the clean-up that is cancelled by the loop is performed once more: a loop
#   cancels each task only once (`_perform_despite_cancel`).
# - All generators are closed at once, also those around ours, and one that is still busy closing
#   must not be closed again: see `TurnEvents`.
# - The HTTP client lives as long as its loop, and is closed after the clean-ups (`clients`,
#   `loops`).

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
from .detached import DetachedCleanUp
from .failures import translated_failures, upload_failures_first
from .loops import close_at_the_end
from .turn import (
    CLEAN_UP_COMMANDS,
    CommandRunner,
    EventFilter,
    Wiring,
    boxed,
    filtered,
    guarded,
    is_plain,
    limit_reads,
    noted,
    reply_from,
)
from .turn_clock import AFTER_THE_END
from .uploads import AsyncUploadBody


class AsyncDriver:
    """Performs the commands of flows.

    Args:
        wiring: Endpoint, credential, timeouts, clock, observer.
        store: Thread store.
        client: Returns the HTTP client of the running event loop, made when it is first needed.
    """

    def __init__(
        self, wiring: Wiring, store: ThreadStore, client: Callable[[], Awaitable[httpx.AsyncClient]]
    ) -> None:
        self._wiring = wiring
        self._store = store
        self._client = client

    def events(self, flow: Flow[None], event_filter: EventFilter | None = None) -> TurnEvents:
        """Run `flow` and give its events; closing them abandons the turn.

        Args:
            flow: The turn.
            event_filter: Returns what the caller gets for each event; None: the event itself.
        """
        flow = guarded(flow)
        runner = _AsyncRunner(self._wiring, self._store, self._client)
        return TurnEvents(runner, _run(runner, flow, event_filter))

    async def result(self, flow: Flow[T]) -> T:
        """Run `flow` to its end and return its result; it has no events."""
        box: list[T] = []
        async with aclosing(self.events(boxed(flow, box))) as events:
            async for _ in events:
                pass
        return box[0]


class TurnEvents(AsyncGenerator[Event, None]):
    """The events of one turn; no generator, but it looks like one.

    A loop that ends closes all its generators at once, also those around this one, and a generator
    that is still busy closing must not be closed a second time. So the one that runs the flow ends
    at once, and leaves the clean-up to a task; whoever closes these events waits for that.
    """

    def __init__(self, runner: _AsyncRunner, events: AsyncGenerator[Event, None]) -> None:
        self._runner = runner
        self._events = events
        self._has_begun = False

    async def __anext__(self) -> Event:
        return await self.asend(None)

    async def asend(self, value: None) -> Event:
        """Return the next event."""
        if not self._has_begun:
            self._has_begun = True
            close_at_the_end(self, self._events)
        return await self._events.asend(value)

    async def athrow(self, *args: Any) -> Event:
        """Raise an error in the turn, where the last event was given."""
        return await self._events.athrow(*args)

    async def aclose(self) -> None:
        """Abandon the turn if it is not over, and wait until it is cleaned up."""
        await self._events.aclose()
        await self._runner.clean_up.wait()


async def _run(
    runner: _AsyncRunner, flow: Flow[None], event_filter: EventFilter | None
) -> AsyncGenerator[Event, None]:
    resume: Callable[[Any], Command] = flow.send
    value: Any = None
    try:
        while True:
            command = resume(value)
            resume, value = flow.send, None
            try:
                if isinstance(command, Pump):
                    async with aclosing(runner.pump(command.decoder, event_filter)) as events:
                        async for event in events:
                            yield event
                elif isinstance(command, Emit):
                    for event in filtered(command.events, event_filter):
                        yield event
                else:
                    value = await runner.perform(command)
            except AzureAgentsError as error:
                resume, value = flow.throw, error
                runner.note_thrown(error)
    except StopIteration:
        await runner.close_stream()
    except GeneratorExit:
        runner.abandon(flow)
        raise
    except BaseException:
        runner.abandon(flow)
        await runner.clean_up.wait()
        raise


class _AsyncRunner(CommandRunner):
    """Performs the commands of one turn, and holds the response whose body is open."""

    def __init__(
        self,
        wiring: Wiring,
        store: ThreadStore,
        client: Callable[[], Awaitable[httpx.AsyncClient]],
    ) -> None:
        super().__init__(wiring, AsyncUploadBody)
        self._store = store
        self._client = client
        self._open: httpx.Response | None = None
        self.clean_up = DetachedCleanUp()

    async def perform(self, command: Command) -> Any:
        """Perform a command that gives no events, and return what the flow gets for it."""
        match command:
            case Send():
                return await self._send(command)
            case Sleep():
                return await self._wiring.clock.asleep(self.pause(command))
            case StoreGet(key):
                return await self._in_store(self._store.get, key)
            case StorePut(key, value):
                return await self._in_store(self._store.put, key, value)
            case StoreTake(key, expected):
                return await self._in_store(self._store.take, key, expected)
            case _:
                raise TypeError(f"not a command to perform: {command!r}")

    async def _in_store(self, operation: Callable[..., Any], *args: str) -> Any:
        if self._store.is_blocking:
            return await asyncio.to_thread(operation, *args)
        return operation(*args)

    async def _send(self, command: Send) -> Reply:
        await self.close_stream()
        client = await self._client()
        doing = f"{command.method} {command.path}"
        content = self.body_of(command)
        responses: list[httpx.Response] = []
        with (
            noted(responses),
            translated_failures(doing, self.turn_clock),
            upload_failures_first(content),
            self.observed(command, responses),
        ):
            request = self.build(client, command, content)
            async with asyncio.timeout(self._seconds_for_head(command)):
                response = await client.send(request, auth=self._wiring.auth, stream=True)
                responses.append(response)
                self._open = response
                is_open = command.stream and response.is_success
                body = b"" if is_open else await self._read_whole(response)
            return reply_from(response, body, is_open=is_open)

    def _seconds_for_head(self, command: Send) -> float | None:
        clock = self.turn_clock
        return clock.within_turn(clock.next_wait() if command.stream else None)

    def _limits(self, command: Send) -> httpx.Timeout:
        limits = super()._limits(command)
        if command.stream:  # aiohttp looks at it once, for head and body
            limits.read = self.turn_clock.longest_wait()
        return limits

    async def _read_whole(self, response: httpx.Response) -> bytes:
        pieces, size = [], 0
        async for piece in response.aiter_bytes():
            pieces.append(piece)
            size += len(piece)
            check_size(size)
        await self.close_stream()
        return b"".join(pieces)

    async def pump(
        self, decoder: Decoder, event_filter: EventFilter | None
    ) -> AsyncGenerator[Event, None]:
        response = self._open
        if response is None:
            raise TypeError("nothing to pump: no stream is open")
        clock, doing = self.turn_clock, "reading the stream"
        with translated_failures(doing, clock):
            limit_reads(response.request, clock.within_turn(clock.longest_wait()))
        body = response.aiter_raw() if is_plain(response) else response.aiter_bytes()
        async with aclosing(cast("AsyncGenerator[bytes, None]", body)) as chunks:
            while True:
                with translated_failures(doing, clock):
                    is_over = clock.is_end_overdue(decoder)
                    data = None if is_over else await self._next_chunk(chunks, decoder)
                if data is None:
                    break
                for event in filtered(decoder.feed(data), event_filter):
                    yield event
                clock.note_bytes(data, decoder)
        await self.close_stream()

    async def _next_chunk(self, chunks: AsyncIterator[bytes], decoder: Decoder) -> bytes | None:
        try:
            async with asyncio.timeout(self._seconds_for_next(decoder)):
                return await anext(chunks, None)
        except (httpx.HTTPError, OSError):
            if decoder.is_done:  # the answer is whole; only the end of the stream was lost
                return None
            raise

    def _seconds_for_next(self, decoder: Decoder) -> float | None:
        clock = self.turn_clock
        return AFTER_THE_END if decoder.is_done else clock.within_turn(clock.next_wait())

    def abandon(self, flow: Flow[None]) -> None:
        """Let the flow clean up, in a task of its own."""
        self.clean_up.start(partial(self._abandon, flow))

    async def _abandon(self, flow: Flow[None]) -> None:
        """Throw `Abandoned` into the flow and perform its clean-up commands, within limits."""
        self.turn_clock.begin_clean_up()
        _allow_sending_at_the_end()
        await self.close_stream()
        resume: Callable[[Any], Command] = flow.throw
        value: Any = Abandoned()
        # Closed also where the clean-up is ended from outside, as in the sync driver.
        with closing(flow), suppress(StopIteration, Abandoned, AzureAgentsError):
            for _ in range(CLEAN_UP_COMMANDS):
                command = resume(value)
                try:
                    resume, value = flow.send, await self._perform_despite_cancel(command)
                except AzureAgentsError as error:
                    resume, value = flow.throw, error
        await self.close_stream()

    async def _perform_despite_cancel(self, command: Command) -> Any:
        """Perform a command, once more if it is cancelled."""
        try:
            return await self.perform(command)
        except asyncio.CancelledError:
            # A loop that ends cancels every task, once: the run must be cancelled all the same.
            return await self.perform(command)

    async def close_stream(self) -> None:
        """Close the stream that is open, if any."""
        response, self._open = self._open, None
        if response is not None:
            with suppress(httpx.HTTPError, OSError):
                await response.aclose()


def _allow_sending_at_the_end() -> None:
    """Let a loop that ends send requests also where warnings are errors.

    It warns of each generator that begins so late, and httpx sends by generators.
    """
    if getattr(asyncio.get_running_loop(), "_asyncgens_shutdown_called", False):
        sentence = "asynchronous generator .* was scheduled after loop.shutdown_asyncgens"
        warnings.filterwarnings("ignore", sentence, ResourceWarning)
