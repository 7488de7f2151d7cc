"""What both drivers share: the deadline of a turn, requests, and the translation of failures.

Everything here is plain: no I/O and no ``async``. The drivers differ only by ``await``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import httpx

from .. import _version
from ..commands import Flow, Reply, Send, Sleep, T, Upload
from ..config import Timeouts
from ..errors import (
    AzureAgentsError,
    ConnectionLostError,
    DeadlineError,
    NotSentError,
    ProtocolError,
    TimedOutError,
)
from ..jsonio import malformed
from ..observe import Observer, RequestEnded, RequestStarted, Retrying
from .bounds import ENCODINGS
from .clock import Clock

CLEAN_UP_SECONDS = 2.0  # all that a turn may take once its caller is gone or its time is up
CLEAN_UP_COMMANDS = 8
AFTER_THE_END = 1.0  # seconds to wait for the end of a stream whose answer is whole
# Ids in paths come from the service: none may lead elsewhere, by "..", "/", "?" or "%2e".
_PATH = re.compile(r"(?:/[A-Za-z0-9_-][A-Za-z0-9_.:~-]*)+")
_USER_AGENT = f"azure-agents/{_version.__version__}"
# httpx-aiohttp reports every connection error as a connect timeout, also a lost answer; only with
# these causes was nothing sent.
_NEVER_CONNECTED = {"ClientConnectorError", "ConnectionTimeoutError"}


@dataclass(frozen=True, slots=True)
class Wiring:
    """What a driver needs to know, the same for every turn."""

    url: str
    auth: httpx.Auth
    timeouts: Timeouts
    clock: Clock
    observer: Observer | None

    def within(self, seconds: float | None) -> Wiring:
        """The same with another deadline, for what takes longer than a turn; None: no deadline."""
        return replace(self, timeouts=replace(self.timeouts, turn=seconds))


class Pieces:
    """The body of an `Upload`; each driver lets a client iterate it in its own way.

    What goes wrong while the body is read is kept: aiohttp makes a lost connection of it.
    """

    def __init__(self, upload: Upload) -> None:
        self.upload = upload
        self.failure: Exception | None = None

    @contextmanager
    def kept_failures(self) -> Iterator[None]:
        """Keep what goes wrong."""
        try:
            yield
        except Exception as exc:
            self.failure = exc
            raise


Content: TypeAlias = bytes | Pieces | None


class Call:
    """One turn's clock and requests.

    Args:
        wiring: Endpoint, credential, timeouts, clock, observer.
        pieces: The driver's own way of reading an upload.
    """

    def __init__(self, wiring: Wiring, pieces: Callable[[Upload], Pieces]) -> None:
        self._wiring = wiring
        self._pieces = pieces
        self._attempts: dict[tuple[str, str], int] = {}
        turn = wiring.timeouts.turn
        self._deadline = None if turn is None else wiring.clock.time() + turn

    def clean_up(self) -> None:
        """From here on a few seconds are left, whatever the deadline was."""
        self._deadline = self._wiring.clock.time() + CLEAN_UP_SECONDS

    def remaining(self) -> float | None:
        """Seconds until the deadline.

        Raises:
            DeadlineError: None are left.
        """
        if self._deadline is None:
            return None
        left = self._deadline - self._wiring.clock.time()
        if left <= 0:
            raise self._too_late()
        return left

    def _too_late(self) -> DeadlineError:
        turn = self._wiring.timeouts.turn
        return DeadlineError(f"the turn took longer than timeout={turn} seconds: allow it more")

    def content(self, command: Send) -> Content:
        """The body of a `Send` as an HTTP client takes it."""
        return self._pieces(command.body) if isinstance(command.body, Upload) else command.body

    def build(
        self, client: httpx.Client | httpx.AsyncClient, command: Send, content: Content
    ) -> httpx.Request:
        """The HTTP request of a `Send`."""
        answer = "text/event-stream, application/json" if command.stream else "application/json"
        headers = {
            "User-Agent": _USER_AGENT,
            "Accept": command.accept or answer,
            "Accept-Encoding": ENCODINGS,
        }
        if command.body is not None:
            headers["Content-Type"] = command.content_type
        if isinstance(command.body, Upload):
            headers["Content-Length"] = str(command.body.size)
        if not _PATH.fullmatch(command.path):
            raise ProtocolError(
                f"an id that the service sent cannot stand in {command.path[:200]!r}"
            )
        try:
            return client.build_request(
                command.method,
                self._wiring.url + command.path,
                content=content,  # type: ignore[arg-type]  # both kinds of `Pieces` are iterable
                params=command.query or None,
                headers=headers,
                timeout=self._timeout(command),
            )
        except (httpx.InvalidURL, UnicodeEncodeError) as exc:
            raise ProtocolError(f"{command.path[:200]!r} with its query is no URL") from exc

    def _timeout(self, command: Send) -> httpx.Timeout:
        limits = self._wiring.timeouts
        read = limits.first_event if command.stream else limits.read
        left = self.remaining()
        return httpx.Timeout(
            connect=_least(limits.connect, left),
            read=_least(read, left),
            write=_least(limits.read, left),
            pool=left,
        )

    def between_events(self) -> float | None:
        """Seconds one wait for the next bytes of a stream may take."""
        return _least(self._wiring.timeouts.between_events, self.remaining())

    def pause(self, command: Sleep) -> float:
        """Seconds to sleep.

        Raises:
            AzureAgentsError: The deadline comes first.
        """
        if self._deadline is not None:
            left = self._deadline - self._wiring.clock.time()
            if command.seconds >= left:
                raise command.instead or self._too_late()
        if self._wiring.observer is not None and command.instead is not None:
            self._wiring.observer.record(Retrying(command.instead.message, command.seconds))
        return command.seconds

    @contextmanager
    def failures(self, doing: str) -> Iterator[None]:
        """Turn what the HTTP library raises into errors of ours."""
        try:
            yield
        except AzureAgentsError:
            raise
        except (httpx.HTTPError, httpx.StreamError, OSError) as exc:
            raise self._translate(exc, doing) from exc
        except Exception as exc:
            if type(exc).__module__.partition(".")[0] != "aiohttp":
                raise
            raise self._translate(exc, doing) from exc

    def _translate(self, exc: Exception, doing: str) -> AzureAgentsError:
        if self._deadline is not None and self._wiring.clock.time() >= self._deadline:
            return self._too_late()
        if _was_not_sent(exc):
            return NotSentError(f"{doing}: could not connect ({_said(exc)}): check the endpoint")
        if isinstance(exc, httpx.TimeoutException | TimeoutError) and not _is_lost(exc):
            return TimedOutError(f"{doing}: no answer in time ({_said(exc)})")
        return ConnectionLostError(f"{doing}: the connection was lost ({_said(exc)})")

    @contextmanager
    def reading(self, content: Content) -> Iterator[None]:
        """What went wrong with the body itself outranks what a client made of it."""
        try:
            yield
        except Exception as exc:
            failure = content.failure if isinstance(content, Pieces) else None
            if failure is None or failure is exc:
                raise
            raise failure from exc

    @contextmanager
    def observed(self, command: Send) -> Iterator[list[httpx.Response]]:
        """Report a request to the observer, if there is one; the list takes its answer."""
        answer: list[httpx.Response] = []
        observer = self._wiring.observer
        if observer is None:
            yield answer
            return
        key = (command.method, command.path)
        attempt = self._attempts[key] = self._attempts.get(key, 0) + 1
        observer.record(RequestStarted(*key, attempt))
        start = self._wiring.clock.time()
        try:
            yield answer
        finally:
            seconds = self._wiring.clock.time() - start
            status = answer[0].status_code if answer else None
            request_id = answer[0].headers.get("x-request-id") if answer else None
            observer.record(RequestEnded(*key, status, seconds, request_id))


def guarded(flow: Flow[T]) -> Flow[T]:
    """The same flow: where it trips over an answer of another shape the error is a typed one."""
    with malformed("an answer of the service"):
        return (yield from flow)


def boxed(flow: Flow[T], box: list[T]) -> Flow[None]:
    """The same flow, its result put into a box: drivers hand out events, not results."""
    box.append((yield from flow))


def reply_to(response: httpx.Response, body: bytes, *, is_open: bool) -> Reply:
    """The `Reply` of an answer; its body is read unless it is an open stream."""
    return Reply(response.status_code, dict(response.headers), body, is_open)


def shorten_reads(request: httpx.Request, seconds: float | None) -> None:
    """Let the reads of the body wait for `seconds` at most; httpx looks when the body begins."""
    timeout: dict[str, Any] = request.extensions.get("timeout", {})
    timeout["read"] = seconds


def _least(limit: float | None, left: float | None) -> float | None:
    given = [value for value in (limit, left) if value is not None]
    return min(given) if given else None


def _was_not_sent(exc: Exception) -> bool:
    if not isinstance(exc, httpx.ConnectError | httpx.ConnectTimeout | httpx.PoolTimeout):
        return isinstance(exc, httpx.UnsupportedProtocol | httpx.ProxyError)
    return not _is_lost(exc)


def _is_lost(exc: Exception) -> bool:
    cause = exc.__cause__
    if cause is None or type(cause).__module__.partition(".")[0] != "aiohttp":
        return False
    names = {cls.__name__ for cls in type(cause).__mro__}
    return isinstance(exc, httpx.ConnectTimeout) and not names & _NEVER_CONNECTED


def _said(exc: Exception) -> str:
    return f"{type(exc).__name__}: {exc}"[:200] if str(exc) else type(exc).__name__
