"""Runs flows in the calling thread. Twin of `aio`: the same loop without ``await``.

`aio` has the theory of operation. Two things differ here. A read of httpx cannot be given another
limit once the body has begun, so a `Watchdog` ends it; and there is no task to clean up in, so a
thread does it (`abandon_in_thread`).
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Generator, Iterator
from contextlib import closing, suppress
from contextvars import copy_context
from threading import Thread
from typing import Any

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
from .failures import translated_failures, upload_failures_first
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
from .turn_clock import AFTER_THE_END, CLEAN_UP_SECONDS
from .uploads import SyncUploadBody
from .watchdog import Watchdog


class SyncDriver:
    """Performs the commands of flows.

    Args:
        wiring: Endpoint, credential, timeouts, clock, observer.
        store: Thread store.
        client: Returns the HTTP client, made when it is first needed.
    """

    def __init__(
        self, wiring: Wiring, store: ThreadStore, client: Callable[[], httpx.Client]
    ) -> None:
        self._wiring = wiring
        self._store = store
        self._client = client

    def events(
        self, flow: Flow[None], event_filter: EventFilter | None = None
    ) -> Generator[Event, None, None]:
        """Run `flow` and yield its events; closing the iterator abandons the turn.

        Args:
            flow: The turn.
            event_filter: Returns what the caller gets for each event; None: the event itself.
        """
        flow, runner = guarded(flow), _SyncRunner(self._wiring, self._store, self._client)
        resume: Callable[[Any], Command] = flow.send
        value: Any = None
        try:
            while True:
                command = resume(value)
                resume, value = flow.send, None
                try:
                    if isinstance(command, Pump):
                        yield from runner.pump(command.decoder, event_filter)
                    elif isinstance(command, Emit):
                        yield from filtered(command.events, event_filter)
                    else:
                        value = runner.perform(command)
                except AzureAgentsError as error:
                    resume, value = flow.throw, error
                    runner.note_thrown(error)
        except StopIteration:
            return
        except GeneratorExit:
            runner.abandon_in_thread(flow)
            raise
        except BaseException:
            runner.abandon(flow)
            raise
        finally:
            runner.close_stream()

    def result(self, flow: Flow[T]) -> T:
        """Run `flow` to its end and return its result; it has no events."""
        box: list[T] = []
        for _ in self.events(boxed(flow, box)):
            pass
        return box[0]


class _SyncRunner(CommandRunner):
    def __init__(
        self, wiring: Wiring, store: ThreadStore, client: Callable[[], httpx.Client]
    ) -> None:
        super().__init__(wiring, SyncUploadBody)
        self._store = store
        self._client = client
        self._open: httpx.Response | None = None
        self._watchdog: Watchdog | None = None
        self._longest: float | None = None  # what httpx allows each wait of the stream
        self._is_short = False  # the wait that is watched is to end before that

    def perform(self, command: Command) -> Any:
        match command:
            case Send():
                return self._send(command)
            case Sleep():
                return self._wiring.clock.sleep(self.pause(command))
            case StoreGet(key):
                return self._store.get(key)
            case StorePut(key, value):
                return self._store.put(key, value)
            case StoreTake(key, expected):
                return self._store.take(key, expected)
            case _:
                raise TypeError(f"not a command to perform: {command!r}")

    def _send(self, command: Send) -> Reply:
        self.close_stream()
        client = self._client()
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
            response = client.send(request, auth=self._wiring.auth, stream=True)
            responses.append(response)
            self._open = response
            is_open = command.stream and response.is_success
            body = b"" if is_open else self._read_whole(response)
            return reply_from(response, body, is_open=is_open)

    def _read_whole(self, response: httpx.Response) -> bytes:
        """Read the whole body; the turn's deadline ends also one that trickles in."""
        pieces, size = [], 0
        for piece in response.iter_bytes():
            pieces.append(piece)
            size += len(piece)
            check_size(size)
            # A watchdog costs a thread, so a body that comes in one piece, as most do, gets none.
            if self._watchdog is None and not _is_whole(response):
                self._watch(response, self.turn_clock.remaining())
            self.turn_clock.remaining()
        self.close_stream()
        return b"".join(pieces)

    def _watch(self, response: httpx.Response, seconds: float | None) -> None:
        if self._watchdog is None:
            self._watchdog = Watchdog(response)
        self._watchdog.allow(seconds)

    def pump(self, decoder: Decoder, event_filter: EventFilter | None) -> Iterator[Event]:
        response = self._open
        if response is None:
            raise TypeError("nothing to pump: no stream is open")
        clock, doing = self.turn_clock, "reading the stream"
        with translated_failures(doing, clock):
            self._longest, self._is_short = clock.longest_wait(), False
            limit_reads(response.request, clock.within_turn(self._longest))
            self._watch(response, clock.remaining())
        chunks = response.iter_raw() if is_plain(response) else response.iter_bytes()
        is_whole = False
        while True:
            with translated_failures(doing, clock):
                is_over = clock.is_end_overdue(decoder)
                data = None if is_over else self._next_chunk(response, chunks, decoder)
                # A socket that the watchdog shut may look like a body that came to its end. It was
                # the deadline that ended it, and the flow must not look for an answer that was cut.
                if not decoder.is_done:
                    clock.remaining()
            if data is None:
                break
            yield from filtered(decoder.feed(data), event_filter)
            clock.note_bytes(data, decoder)
            if decoder.is_done and not is_whole:
                is_whole = True
                self._watch(response, AFTER_THE_END)
        self.close_stream()

    def _next_chunk(
        self, response: httpx.Response, chunks: Iterator[bytes], decoder: Decoder
    ) -> bytes | None:
        if not decoder.is_done:
            self._watch_wait(response)
        try:
            data = next(chunks, None)
        except (httpx.HTTPError, OSError):
            if decoder.is_done:  # the answer is whole; only the end of the stream was lost
                return None
            raise
        if self._is_short and self._watchdog is not None and not decoder.is_done:
            self._watchdog.rest()  # the caller may take longer over an event than it was waited for
        return data

    def _watch_wait(self, response: httpx.Response) -> None:
        """Watch a wait that has to end before httpx would end it, and after it the turn again."""
        limit, was_short = self.turn_clock.next_wait(), self._is_short
        self._is_short = limit is not None and (self._longest is None or limit < self._longest)
        if self._is_short or was_short:
            self._watch(response, self.turn_clock.within_turn(limit if self._is_short else None))

    def abandon_in_thread(self, flow: Flow[None]) -> None:
        """Do as `abandon` does, for a caller who closed the events, or has lost them.

        What is lost is collected anywhere: in a thread that runs an event loop, which must not
        wait, or in the middle of another call, which may hold the locks that are needed. So it is
        done in a thread of its own, and waited for where that can be.
        """
        self.close_stream()
        if sys.is_finalizing():  # a thread would never begin, and Python 3.11 waits for it
            return self.abandon(flow)
        todo = Thread(target=copy_context().run, args=(self.abandon, flow), name=CLEAN_UP)
        try:
            todo.start()
        except RuntimeError:  # the interpreter shuts down and starts no threads any more
            self.abandon(flow)
        else:
            if asyncio._get_running_loop() is None:  # noqa: SLF001 - documented, for such as this
                todo.join(2 * CLEAN_UP_SECONDS)
        return None

    def abandon(self, flow: Flow[None]) -> None:
        """Throw `Abandoned` into the flow and perform its clean-up commands, within limits."""
        self.close_stream()
        self.turn_clock.begin_clean_up()
        resume: Callable[[Any], Command] = flow.throw
        value: Any = Abandoned()
        # Closed also where Ctrl-C ends the clean-up: a flow that Python collects half-way, by
        # pieces, would report an error that nobody can catch.
        with closing(flow), suppress(StopIteration, Abandoned, AzureAgentsError):
            for _ in range(CLEAN_UP_COMMANDS):
                command = resume(value)
                try:
                    resume, value = flow.send, self.perform(command)
                except AzureAgentsError as error:
                    resume, value = flow.throw, error

    def close_stream(self) -> None:
        """Close the stream that is open, if any."""
        watchdog, self._watchdog = self._watchdog, None
        if watchdog is not None:
            watchdog.rest()
        response, self._open = self._open, None
        if response is not None:
            with suppress(httpx.HTTPError, OSError):
                response.close()


def _is_whole(response: httpx.Response) -> bool:
    length = response.headers.get("content-length", "")
    return length.isdigit() and response.num_bytes_downloaded >= int(length)
