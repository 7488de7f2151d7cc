"""What both drivers share: the deadline of a turn, requests, and the translation of failures.

Everything here is plain: no I/O and no ``async``. The drivers differ only by ``await``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import httpx

from .. import _version
from ..errors import (
    AzureAgentsError,
    ConnectionLostError,
    DeadlineError,
    NotSentError,
    ProtocolError,
    TimedOutError,
)
from ..events import Event
from ..jsonio import malformed
from ..protocols.commands import Decoder, Flow, Reply, Send, Sleep, T, Upload
from ..settings.headers import ExtraHeaders
from ..settings.timeouts import Timeouts
from .bounds import ENCODINGS
from .clock import Clock
from .failures import is_lost, is_of_aiohttp, said, was_closed, was_not_sent, without_frames
from .observe import Observer, RequestEnded, RequestStarted, Retrying

CLEAN_UP_SECONDS = 2.0  # all that a turn may take once its caller is gone or its time is up
CLEAN_UP_COMMANDS = 16
_SHORTEST = 0.001  # seconds
AFTER_THE_END = 1.0  # seconds to wait for the end of a stream whose answer is whole
# Ids in paths come from the service: none may lead elsewhere, by "..", "/", "?" or "%2e".
_PATH = re.compile(r"(?:/[A-Za-z0-9_-][A-Za-z0-9_.:~-]*)+")
_USER_AGENT = f"azure-agents/{_version.__version__}"
_NO_HEADERS = ExtraHeaders({})


@dataclass(frozen=True, slots=True)
class Wiring:
    """What a driver needs to know of one turn."""

    url: str
    auth: httpx.Auth
    timeouts: Timeouts
    clock: Clock
    observer: Observer | None
    headers: ExtraHeaders = _NO_HEADERS

    def within(self, seconds: float | None) -> Wiring:
        """The same with another deadline, for files, which may take longer than a turn.

        No tool runs while a file comes in, so it is never silent for longer than before its first
        bytes. Without a deadline a connection that says nothing would otherwise hold for long.

        Args:
            seconds: The deadline; None: none.
        """
        between = _least(self.timeouts.first_event, self.timeouts.between_events)
        return replace(self, timeouts=replace(self.timeouts, turn=seconds, between_events=between))


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
Keep: TypeAlias = Callable[[Event], Iterable[Event]]


class _Waits(dict[str, float | None]):
    """Limits of the waits of one request; what is left of the turn bounds each as it begins.

    One request has many: a connection, a head, after a 401 all of it again. Limits that were fixed
    when it was built would let each of them take what was left then.
    """

    def __init__(self, limits: httpx.Timeout, left: Callable[[], float | None]) -> None:
        super().__init__(limits.as_dict())
        self._left = left

    def get(self, name: str, default: Any = None) -> float | None:
        """Seconds that a wait which begins now may take."""
        return _least(super().get(name, default), self._left())


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
        self._whole_at: float | None = None  # when the answer was, while its stream goes on
        self._has_begun = False  # the stream that is open has told its first event
        self._first_event_by: float | None = None
        self._wait_until: float | None = None  # when the wait for an event is too long
        turn = wiring.timeouts.turn
        self._deadline = None if turn is None else wiring.clock.time() + turn
        self.is_late = False

    def clean_up(self) -> None:
        """From here on a few seconds are left, whatever the deadline was; once only."""
        if not self.is_late:
            self._deadline = self._wiring.clock.time() + CLEAN_UP_SECONDS
        self.is_late = True

    def note(self, error: AzureAgentsError) -> None:
        """The flow is told of this; once the deadline has passed it may only tidy up."""
        if isinstance(error, DeadlineError):
            self.clean_up()

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
        return DeadlineError(
            f"the turn took longer than timeout={turn} seconds: pass a longer timeout="
        )

    def content(self, command: Send) -> Content:
        """The body of a `Send` as an HTTP client takes it."""
        return self._pieces(command.body) if isinstance(command.body, Upload) else command.body

    def build(
        self, client: httpx.Client | httpx.AsyncClient, command: Send, content: Content
    ) -> httpx.Request:
        """The HTTP request of a `Send`."""
        if not _PATH.fullmatch(command.path):
            raise ProtocolError(
                f"an id that the service sent cannot stand in {command.path[:200]!r}"
            )
        self.remaining()
        self._await_first_event()
        try:
            request = client.build_request(
                command.method,
                self._wiring.url + command.path,
                content=content,  # type: ignore[arg-type]  # both kinds of `Pieces` are iterable
                params=command.query or None,
                headers=self._headers(command),  # in no variable: some may be secret
                timeout=None,
            )
        except (httpx.InvalidURL, UnicodeEncodeError) as exc:
            raise ProtocolError(f"{command.path[:200]!r} with its query is no URL") from exc
        request.extensions["timeout"] = _Waits(self._limits(command), self._left)
        return request

    def _headers(self, command: Send) -> dict[str, str]:
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
        return {**self._wiring.headers.reveal(), **headers}

    def _limits(self, command: Send) -> httpx.Timeout:
        limits = self._wiring.timeouts
        read = limits.first_event if command.stream else limits.read
        return httpx.Timeout(connect=limits.connect, read=read, write=limits.read, pool=None)

    def _left(self) -> float | None:
        """Seconds until the deadline, or next to none: a wait of 0 would be no wait at all."""
        if self._deadline is None:
            return None
        return max(self._deadline - self._wiring.clock.time(), _SHORTEST)

    def _await_first_event(self) -> None:
        """From here on the first event of the next stream is waited for."""
        limit = self._wiring.timeouts.first_event
        self._has_begun, self._wait_until = False, None
        self._first_event_by = None if limit is None else self._wiring.clock.time() + limit

    def took(self, data: bytes) -> None:
        """Take note of bytes of a stream; a comment is no event."""
        self._has_begun = self._has_begun or not all(map(_is_comment, data.splitlines()))

    def longest_wait(self) -> float | None:
        """Seconds that any wait for the next bytes of a stream may take; the turn aside."""
        waits = (self._for_first_event(), self._wiring.timeouts.between_events)
        return None if None in waits else max(filter(None, waits))

    def next_wait(self) -> float | None:
        """Seconds that the wait for the next bytes, which begins now, may take; the turn aside."""
        between = self._wiring.timeouts.between_events
        limit = between if self._has_begun else self._for_first_event()
        self._wait_until = None if limit is None else self._wiring.clock.time() + limit
        return limit

    def within_turn(self, seconds: float | None) -> float | None:
        """No longer than what is left of the turn.

        Raises:
            DeadlineError: Nothing is.
        """
        return _least(seconds, self.remaining())

    def _for_first_event(self) -> float | None:
        if self._first_event_by is None:
            return None
        return max(self._first_event_by - self._wiring.clock.time(), _SHORTEST)

    def has_waited(self, decoder: Decoder) -> bool:
        """Whether the end of a stream was waited for long enough; before its answer is whole: no.

        Raises:
            DeadlineError: The answer is not whole in time.
        """
        if not decoder.is_done:
            self._whole_at = None
            self.remaining()
            return False
        now = self._wiring.clock.time()
        self._whole_at = now if self._whole_at is None else self._whole_at
        return now - self._whole_at > AFTER_THE_END

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
        except (httpx.HTTPError, httpx.StreamError, OSError, UnicodeError) as exc:
            raise self._translate(exc, doing) from without_frames(exc)
        except Exception as exc:
            if not is_of_aiohttp(exc) and not was_closed(exc):
                raise
            raise self._translate(exc, doing) from without_frames(exc)

    def _translate(self, exc: Exception, doing: str) -> AzureAgentsError:
        if self._deadline is not None and self._wiring.clock.time() >= self._deadline:
            return self._too_late()
        if was_not_sent(exc) or was_closed(exc):
            return NotSentError(f"{doing}: could not connect ({said(exc)}): check the endpoint")
        if self._has_waited_too_long(exc):
            return TimedOutError(
                f"{doing}: no answer in time ({said(exc)}): allow single waits more seconds with "
                "timeout=Timeouts(read=…, first_event=…, between_events=…)"
            )
        return ConnectionLostError(f"{doing}: the connection was lost ({said(exc)})")

    def _has_waited_too_long(self, exc: Exception) -> bool:
        """Also where the watchdog of a stream ended the wait: that looks like a lost connection."""
        if self._wait_until is not None and self._wiring.clock.time() >= self._wait_until:
            return True
        return isinstance(exc, httpx.TimeoutException | TimeoutError) and not is_lost(exc)

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


def kept(events: Iterable[Event], keep: Keep | None) -> Iterable[Event]:
    """What of the events is told."""
    return events if keep is None else (told for event in events for told in keep(event))


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


def _is_comment(line: bytes) -> bool:
    return not line or line.startswith(b":")


def _least(limit: float | None, left: float | None) -> float | None:
    given = [value for value in (limit, left) if value is not None]
    return min(given) if given else None
