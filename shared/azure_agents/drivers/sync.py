"""Runs flows in the calling thread. Twin of `aio`: the same loop without ``await``."""

from __future__ import annotations

import asyncio
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
from .turn import (
    AFTER_THE_END,
    CLEAN_UP_COMMANDS,
    CLEAN_UP_SECONDS,
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
from .watchdog import Watchdog


class SyncDriver:
    """Performs the commands of flows.

    Args:
        wiring: Endpoint, credential, timeouts, clock, observer.
        store: Thread store.
        client: Makes the HTTP client when it is first needed.
    """

    def __init__(
        self, wiring: Wiring, store: ThreadStore, client: Callable[[], httpx.Client]
    ) -> None:
        self._wiring = wiring
        self._store = store
        self._client = client

    def events(self, flow: Flow[None], keep: Keep | None = None) -> Generator[Event, None, None]:
        """Run `flow` and yield its events; closing the iterator abandons the turn.

        Args:
            flow: The turn.
            keep: What of each event is told; everything if left out.
        """
        flow, call = guarded(flow), _SyncCall(self._wiring, self._store, self._client)
        resume: Callable[[Any], Command] = flow.send
        value: Any = None
        try:
            while True:
                command = resume(value)
                resume, value = flow.send, None
                try:
                    if isinstance(command, Pump):
                        yield from call.pump(command.decoder, keep)
                    elif isinstance(command, Emit):
                        yield from kept(command.events, keep)
                    else:
                        value = call.perform(command)
                except AzureAgentsError as error:
                    resume, value = flow.throw, error
                    call.note(error)
        except StopIteration:
            return
        except GeneratorExit:
            call.leave(flow)
            raise
        except BaseException:
            call.abandon(flow)
            raise
        finally:
            call.close()

    def result(self, flow: Flow[T]) -> T:
        """Run `flow` to its end and return its result; it has no events."""
        box: list[T] = []
        for _ in self.events(boxed(flow, box)):
            pass
        return box[0]


class _SyncPieces(Pieces):
    def __iter__(self) -> Iterator[bytes]:
        with self.kept_failures():
            done = 0
            self.upload.sent(done)
            for piece in self.upload.pieces():
                yield piece
                done += len(piece)
                self.upload.sent(done)


class _SyncCall(Call):
    def __init__(
        self, wiring: Wiring, store: ThreadStore, client: Callable[[], httpx.Client]
    ) -> None:
        super().__init__(wiring, _SyncPieces)
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
        self.close()
        client = self._client()
        doing = f"{command.method} {command.path}"
        content = self.content(command)
        with self.failures(doing), self.reading(content), self.observed(command) as answer:
            request = self.build(client, command, content)
            response = client.send(request, auth=self._wiring.auth, stream=True)
            answer.append(response)
            self._open = response
            is_open = command.stream and response.is_success
            body = b"" if is_open else self._read(response)
            return reply_to(response, body, is_open=is_open)

    def _read(self, response: httpx.Response) -> bytes:
        """The body, whole; the turn's deadline ends also one that trickles in."""
        pieces, size = [], 0
        for piece in response.iter_bytes():
            pieces.append(piece)
            size += len(piece)
            check_size(size)
            if self._watchdog is None and not _is_whole(response):
                self._watch(response, self.remaining())
            self.remaining()
        self.close()
        return b"".join(pieces)

    def _watch(self, response: httpx.Response, seconds: float | None) -> None:
        if self._watchdog is None:
            self._watchdog = Watchdog(response)
        self._watchdog.allow(seconds)

    def pump(self, decoder: Decoder, keep: Keep | None) -> Iterator[Event]:
        response = self._open
        if response is None:
            raise TypeError("nothing to pump: no stream is open")
        with self.failures("reading the stream"):
            self._longest, self._is_short = self.longest_wait(), False
            shorten_reads(response.request, self.within_turn(self._longest))
            self._watch(response, self.remaining())
        chunks = response.iter_raw() if _is_plain(response) else response.iter_bytes()
        is_done = False
        while True:
            with self.failures("reading the stream"):
                data = None if self.has_waited(decoder) else self._next(response, chunks, decoder)
                if not decoder.is_done:
                    self.remaining()
            if data is None:
                break
            self.took(data)
            yield from kept(decoder.feed(data), keep)
            if decoder.is_done and not is_done:
                is_done = True
                self._watch(response, AFTER_THE_END)
        self.close()

    def _next(
        self, response: httpx.Response, chunks: Iterator[bytes], decoder: Decoder
    ) -> bytes | None:
        if not decoder.is_done:
            self._watch_wait(response)
        try:
            return next(chunks, None)
        except (httpx.HTTPError, OSError):
            if decoder.is_done:  # the answer is whole; only the end of the stream was lost
                return None
            raise

    def _watch_wait(self, response: httpx.Response) -> None:
        """Watch a wait that is to end before httpx would end it, and after that the turn again."""
        limit, was_short = self.next_wait(), self._is_short
        self._is_short = limit is not None and (self._longest is None or limit < self._longest)
        if self._is_short or was_short:
            self._watch(response, self.within_turn(limit if self._is_short else None))

    def leave(self, flow: Flow[None]) -> None:
        """Do as `abandon` does, for a caller who closed the events, or has lost them.

        What is lost is collected anywhere: in a thread that runs an event loop, which must not
        wait, or in the middle of another call, which may hold the locks that are needed. So it is
        done in a thread of its own, and waited for where that can be.
        """
        self.close()
        todo = Thread(target=copy_context().run, args=(self.abandon, flow), name=CLEAN_UP)
        try:
            todo.start()
        except RuntimeError:  # the interpreter shuts down and starts no threads any more
            self.abandon(flow)
        else:
            if asyncio._get_running_loop() is None:  # noqa: SLF001 - documented, for such as this
                todo.join(2 * CLEAN_UP_SECONDS)

    def abandon(self, flow: Flow[None]) -> None:
        """Tell the flow that the caller stopped, and let it clean up within bounds."""
        self.close()
        self.clean_up()
        resume: Callable[[Any], Command] = flow.throw
        value: Any = Abandoned()
        # Closed also where Ctrl-C ends the tidying up: a flow that Python collects half-way, by
        # pieces, would report an error that nobody can catch.
        with closing(flow), suppress(StopIteration, Abandoned, AzureAgentsError):
            for _ in range(CLEAN_UP_COMMANDS):
                command = resume(value)
                try:
                    resume, value = flow.send, self.perform(command)
                except AzureAgentsError as error:
                    resume, value = flow.throw, error

    def close(self) -> None:
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


def _is_plain(response: httpx.Response) -> bool:
    return "content-encoding" not in response.headers
