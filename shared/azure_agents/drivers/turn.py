"""Both drivers' common part: how one turn becomes HTTP requests, and how they are reported.

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
from ..errors import AzureAgentsError, DeadlineError, ProtocolError, TransportError
from ..events import Event
from ..jsonio import malformed
from ..protocols.commands import Flow, Reply, Send, Sleep, T, Upload
from ..service_errors.envelopes import request_id_of
from ..settings.headers import ExtraHeaders
from ..settings.timeouts import Timeouts
from .bounds import ENCODINGS
from .clock import Clock
from .observe import Observer, RequestEnded, RequestStarted, Retrying
from .turn_clock import TurnClock, WaitLimits, shorter
from .uploads import RequestBody, UploadBody

CLEAN_UP_COMMANDS = 16  # more than any flow needs: a flow that goes on for ever is stopped
# Ids in paths come from the service: none may lead elsewhere, by "..", "/", "?" or "%2e".
_PATH = re.compile(r"(?:/[A-Za-z0-9_-][A-Za-z0-9_.:~-]*)+")
_USER_AGENT = f"azure-agents/{_version.__version__}"
_NO_HEADERS = ExtraHeaders({})

EventFilter: TypeAlias = Callable[[Event], Iterable[Event]]


@dataclass(frozen=True, slots=True)
class Wiring:
    """Everything that a driver needs to know of one turn.

    Attributes:
        url: The project endpoint, below which all paths are.
        auth: Adds the credential to each request.
        timeouts: How long single waits and the turn may take.
        clock: Where the time comes from.
        observer: Whom to report each request to; None: nobody.
        headers: Headers that the caller adds.
    """

    url: str
    auth: httpx.Auth
    timeouts: Timeouts
    clock: Clock
    observer: Observer | None
    headers: ExtraHeaders = _NO_HEADERS

    def within(self, seconds: float | None) -> Wiring:
        """Return the same with another deadline, for files, which may take longer than a turn.

        No tool runs while a file comes in, so it is never silent for longer than before its first
        bytes. Without a deadline a connection that says nothing would otherwise hold for long.

        Args:
            seconds: The deadline; None: none.
        """
        between = shorter(self.timeouts.first_event, self.timeouts.between_events)
        return replace(self, timeouts=replace(self.timeouts, turn=seconds, between_events=between))


class CommandRunner:
    """Performs the commands of one turn, as far as that takes no I/O.

    Args:
        wiring: Endpoint, credential, timeouts, clock, observer.
        upload_body: The driver's own way of reading an upload.

    Attributes:
        turn_clock: Deadline and waits of the turn.
    """

    def __init__(self, wiring: Wiring, upload_body: Callable[[Upload], UploadBody]) -> None:
        self._wiring = wiring
        self._upload_body = upload_body
        self._attempts: dict[tuple[str, str], int] = {}
        self.turn_clock = TurnClock(wiring.timeouts, wiring.clock)

    def note_thrown(self, error: AzureAgentsError) -> None:
        """Record an error thrown into the flow; after a `DeadlineError` only clean-up is left."""
        if isinstance(error, DeadlineError):
            self.turn_clock.begin_clean_up()

    def pause(self, command: Sleep) -> float:
        """Report a pause; return the seconds to sleep.

        Raises:
            AzureAgentsError: The deadline comes first.
        """
        self.turn_clock.check_pause(command)
        if self._wiring.observer is not None and command.instead is not None:
            self._wiring.observer.record(Retrying(command.instead.message, command.seconds))
        return command.seconds

    # --- requests -------------------------------------------------------------------------------

    def body_of(self, command: Send) -> RequestBody:
        """Return the body of a `Send` as an HTTP client takes it."""
        body = command.body
        return self._upload_body(body) if isinstance(body, Upload) else body

    def build(
        self, client: httpx.Client | httpx.AsyncClient, command: Send, body: RequestBody
    ) -> httpx.Request:
        """Build the HTTP request of a `Send`.

        Raises:
            ProtocolError: An id that the service sent cannot stand in a URL.
            DeadlineError: The turn has no time left.
        """
        _check_path(command.path)
        self.turn_clock.remaining()
        self.turn_clock.await_first_event()
        try:
            request = client.build_request(
                command.method,
                self._wiring.url + command.path,
                content=body,  # type: ignore[arg-type]  # both kinds of `UploadBody` are iterable
                params=command.query or None,
                headers=self._headers(command),  # in no variable: some may be secret
                timeout=None,
            )
        except (httpx.InvalidURL, UnicodeEncodeError) as exc:
            raise ProtocolError(f"{command.path[:200]!r} with its query is no URL") from exc
        request.extensions["timeout"] = WaitLimits(self._limits(command), self.turn_clock.left)
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
        return self.turn_clock.limits(stream=command.stream)

    @contextmanager
    def observed(self, command: Send, responses: list[httpx.Response]) -> Iterator[None]:
        """Report a request to the observer, if there is one; the list takes its response."""
        observer = self._wiring.observer
        if observer is None:
            yield
            return
        key = (command.method, command.path)
        attempt = self._attempts[key] = self._attempts.get(key, 0) + 1
        observer.record(RequestStarted(*key, attempt))
        start = self._wiring.clock.time()
        try:
            yield
        finally:
            seconds = self._wiring.clock.time() - start
            status = responses[0].status_code if responses else None
            request_id = request_id_of(responses[0].headers) if responses else None
            observer.record(RequestEnded(*key, status, seconds, request_id))


@contextmanager
def noted(responses: list[httpx.Response]) -> Iterator[None]:
    """Say of an error in an answer which answer it was: its head had come, and its body had not.

    Args:
        responses: Takes the response when its head has come.
    """
    try:
        yield
    except AzureAgentsError as error:
        for response in responses:
            error.add_facts(request_id=request_id_of(response.headers))
            if isinstance(error, TransportError) and error.status is None:
                error.status = response.status_code
        raise


def _check_path(path: str) -> None:
    if not _PATH.fullmatch(path):
        raise ProtocolError(f"an id that the service sent cannot stand in {path[:200]!r}")


def guarded(flow: Flow[T]) -> Flow[T]:
    """Run the flow; an answer whose shape it cannot read becomes a `ProtocolError`.

    Raises:
        ProtocolError: The flow tripped over an answer.
    """
    with malformed("an answer of the service"):
        return (yield from flow)


def filtered(events: Iterable[Event], event_filter: EventFilter | None) -> Iterable[Event]:
    """Pass the events through the filter, if there is one."""
    if event_filter is None:
        return events
    return (passed for event in events for passed in event_filter(event))


def boxed(flow: Flow[T], box: list[T]) -> Flow[None]:
    """Run the flow and put its result into a box: drivers hand out events, not results."""
    box.append((yield from flow))


def reply_from(response: httpx.Response, body: bytes, *, is_open: bool) -> Reply:
    """Make the `Reply` of an answer; its body is read unless it is an open stream."""
    return Reply(response.status_code, dict(response.headers), body, is_open)


def limit_reads(request: httpx.Request, seconds: float | None) -> None:
    """Let the reads of the body wait for `seconds` at most; httpx looks when the body begins."""
    timeout: dict[str, Any] = request.extensions.get("timeout", {})
    timeout["read"] = seconds


def is_plain(response: httpx.Response) -> bool:
    """Whether the body comes as it is, packed in no encoding.

    One that is here already, as from a cassette or a mock, can be had as it was meant only.
    """
    return "content-encoding" not in response.headers and not response.is_stream_consumed
