"""One HTTP exchange as a sequence of small actions, the same for sync, async and served clients.

`exchange` is a generator: it applies the request, works a due fault in, and yields the next action
(wait, wait for an agent's reply, send the head, send bytes, break the connection). The transports
and the server only perform actions. A client that goes away closes the generator.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias

from ... import jsonio
from ...errors import ProtocolError
from ..world.exchange import Answer, Request
from ..world.log import Log
from ..world.problems import server_error
from ..world.turns import AskAgent, Frame, Wait
from .refusals import refusal

if TYPE_CHECKING:
    from ..service import Service
    from ..trouble.faults import Fault, Faults
    from ..world.state import World
    from ..world.turns import Turn

_SECRET_HEADERS = ("authorization", "api-key", "x-api-key")


@dataclass(frozen=True, slots=True)
class Head:
    """Send status and headers."""

    status: int
    headers: dict[str, str]


@dataclass(frozen=True, slots=True)
class Chunk:
    """Send body bytes."""

    data: bytes


@dataclass(frozen=True, slots=True)
class AwaitReply:
    """Wait until the agent of this turn has replied."""

    turn: Turn


@dataclass(frozen=True, slots=True)
class Idle:
    """Let time pass; with infinite seconds the connection has gone silent for good."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Break:
    """Break the connection; `error` names the httpx exception, "" ends the body early."""

    error: str


Action: TypeAlias = Head | Chunk | AwaitReply | Idle | Break
Actions: TypeAlias = Generator[Action, None, None]


@dataclass(slots=True)
class LoggedRequest:
    """A request that reached the emulator (or would have, without a fault).

    It is shown as one short line; the attributes hold the rest.

    Attributes:
        method: HTTP method, in capitals.
        path: What follows the project root.
        query: Parameters behind the ``?``, by name.
        body: Parsed JSON, or the bytes if it is none, or None.
        headers: Lower-case names; secrets are redacted.
        size: Bytes of the body.
        status: Status of the answer; None if the client never got one.
        fault: Kind of the fault that hit it.
    """

    method: str
    path: str
    query: dict[str, str]
    body: Any
    headers: dict[str, str]
    size: int
    status: int | None = None
    fault: str | None = None

    def __repr__(self) -> str:
        # Notebooks print lists of requests; headers and bodies would make a wall of text.
        hit = f", {self.fault}" if self.fault else ""
        return f"<{self.method} {self.path}: {self.status or 'no answer'}{hit}>"


@dataclass(slots=True)
class Wireline:
    """Everything between a client and the service.

    Attributes:
        chunk_size: Bytes in a chunk of a stream; None cuts every event at random places.
    """

    world: World
    service: Service
    faults: Faults
    chunk_size: int | None = None
    requests: Log[LoggedRequest] = field(default_factory=Log)

    def exchange(self, request: Request) -> Actions:
        """Perform one request; an error of the emulator is a 500, or breaks a begun answer."""
        has_begun = False
        try:
            with closing(self._exchange(request)) as actions:
                for action in actions:
                    has_begun = has_begun or isinstance(action, Head)
                    yield action
        except Exception as error:  # noqa: BLE001 - a client sees only what a service could answer
            self.world.report(error)
            if has_begun:
                yield Break("ReadError")
            else:
                yield from self._plain(self.service.refusal(server_error()), None)

    def _exchange(self, request: Request) -> Actions:
        logged = _logged(request)
        target = (request.method, request.path, logged.body)
        # Planned faults come first: a request that a test aims at draws no weather on top.
        fault = self.faults.due(*target) or self.world.injector.fault_for(*target)
        logged.fault = fault.kind if fault else None
        with self.world.lock:
            self.requests.append(logged)
        for action in self._perform(request, fault):
            if isinstance(action, Head):
                logged.status = action.status
            yield action

    def _perform(self, request: Request, fault: Fault | None) -> Actions:
        kind = fault.kind if fault else ""
        if kind in _BREAKS_BEFORE:
            yield Break(_BREAKS_BEFORE[kind])
        elif fault and kind == "status_before":
            yield from self._refuse(fault)
        else:
            yield from self._apply(request, fault)

    def _apply(self, request: Request, fault: Fault | None) -> Actions:
        answer = self.service.answer(request)
        # `hit`: the fault has really struck. One that comes due after the last event has not, and
        # must not make the service lose a turn that its client saw end.
        hit = fault is not None and fault.kind in _AFTER
        try:
            for action in self._deliver(answer, fault):
                hit = hit or isinstance(action, Break) or action == _SILENCE
                yield action
        finally:
            if answer.delivered is not None:
                with self.world.lock:
                    answer.delivered()
            if answer.turn is not None:
                with self.world.lock:
                    answer.turn.leave()
                    if hit and fault and not fault.finishes:
                        answer.turn.lose()

    def _deliver(self, answer: Answer, fault: Fault | None) -> Actions:
        latency = self.world.injector.weather.latency
        if latency:
            yield Idle(latency)
        if fault and fault.kind in _AFTER:
            yield from self._withhold(answer, fault)
            return
        if fault and fault.kind == "delay" and fault.after_events is None:
            yield Idle(fault.seconds)
        if answer.streamed:
            yield from self._stream(answer, fault)
        else:
            yield from self._plain(answer, fault)

    def _withhold(self, answer: Answer, fault: Fault) -> Actions:
        # A plain answer is lost when the service has it: the turn has ended. A stream is lost with
        # its first byte: the turn goes on without a reader.
        if answer.turn is not None and not answer.streamed and fault.finishes:
            yield from self._finish(answer.turn)
        if fault.kind == "status_after":
            yield from self._refuse(fault)
        else:
            yield _SILENCE if fault.kind == "timeout_after" else Break("ReadError")

    def _refuse(self, fault: Fault) -> Actions:
        yield from self._plain(self.service.refusal(refusal(fault)), None)

    def _finish(self, turn: Turn) -> Actions:
        """Drive a turn to its end without sending anything."""
        for step in self._steps(turn, len(turn.frames)):
            if not isinstance(step, Frame):
                yield step

    def _steps(self, turn: Turn, start: int) -> Iterator[Frame | AwaitReply | Idle]:
        # A turn may have several readers (a resumed stream), and each may drive it. So a reader
        # keeps its own place in `frames`, and takes a step only where there is no frame yet.
        index = start
        while True:
            with self.world.lock:
                known = index < len(turn.frames)
                step = turn.frames[index] if known else turn.step()
            match step:
                case None if index < len(turn.frames):
                    continue  # the turn was ended from outside, or broke: it has closing frames
                case None:
                    return
                case Frame():
                    index += 1
                    yield step
                case AskAgent():
                    yield AwaitReply(turn)
                case Wait(seconds):
                    yield Idle(seconds)

    def _plain(self, answer: Answer, fault: Fault | None) -> Actions:
        if answer.turn is not None:
            yield from self._finish(answer.turn)
            answer = self._refused(answer) or answer
        kind = {"content-type": "application/json; charset=utf-8"}
        headers = _sent(({} if answer.status == 204 else kind) | answer.headers)
        with self.world.lock:
            body = answer.raw
            if body is None:
                made = answer.render() if answer.render else answer.body
                body = made if isinstance(made, bytes) else jsonio.dumps(made)
        yield Head(answer.status, headers | {"content-length": str(len(body))})
        if fault and fault.kind in {"cut", "stall"}:
            yield Chunk(body[: fault.after_bytes or 0])
            yield _broken(fault)
        else:
            yield Chunk(body)

    def _refused(self, answer: Answer) -> Answer | None:
        """Return the error that is the answer instead, if the turn has ended in one."""
        problem = answer.refused() if answer.refused is not None else None
        if answer.turn is not None and answer.turn.broken:
            problem = server_error()
        return None if problem is None else self.service.refusal(problem)

    def _stream(self, answer: Answer, fault: Fault | None) -> Actions:
        assert answer.turn is not None  # noqa: S101 - a stream is a turn's
        if answer.refused is not None:
            # A deployment that fails before its first event answers with a status, not a stream.
            yield from self._begin(answer.turn)
            refused = self._refused(answer)
            if refused is not None:
                yield from self._plain(refused, fault)
                return
        headers = {"content-type": "text/event-stream; charset=utf-8"} | answer.headers
        yield Head(answer.status, _sent(headers))
        events = sent = 0
        for step in self._steps(answer.turn, answer.start):
            if not isinstance(step, Frame):
                yield step
                continue
            if fault and events == fault.after_events and fault.kind in _IN_STREAM:
                yield _broken(fault)
                if fault.kind != "delay":
                    return
            shown = answer.show(step) if answer.show else step
            if shown is None:
                continue
            events += 1
            data = shown.encode() * _copies(fault, events)
            left = _room(fault, sent, len(data))
            for piece in self._pieces(data[:left]):
                yield Chunk(piece)
            sent += len(data)
            if fault and left < len(data):
                yield _broken(fault)
                return

    def _begin(self, turn: Turn) -> Actions:
        """Drive a turn to its first event, which stays to be sent."""
        for step in self._steps(turn, 0):
            if isinstance(step, Frame):
                return
            yield step

    def _pieces(self, data: bytes) -> Iterator[bytes]:
        """Cut an event into chunks; cuts may fall inside a character."""
        while data:
            size = self.chunk_size or self.world.ids.cut(len(data))
            yield data[:size]
            data = data[size:]


_AFTER = frozenset({"lost", "timeout_after", "status_after"})
_IN_STREAM = frozenset({"cut", "stall", "delay"})
_SILENCE = Idle(float("inf"))
_BREAKS_BEFORE = {
    "refuse": "ConnectError",
    "connect_timeout": "ConnectTimeout",
    "reset_before": "ReadError",
}


def _sent(headers: dict[str, str]) -> dict[str, str]:
    # Some errors were recorded without a content type: an empty one is not sent.
    return {name: value for name, value in headers.items() if value}


def _broken(fault: Fault) -> Action:
    if fault.kind == "delay":
        return Idle(fault.seconds)
    if fault.kind == "stall":
        return _SILENCE
    return Break("ReadError" if fault.mode == "error" else "")


def _copies(fault: Fault | None, number: int) -> int:
    twice = fault and fault.kind == "duplicate" and fault.after_events in {None, number}
    return 2 if twice else 1


def _room(fault: Fault | None, sent: int, size: int) -> int:
    """Return how many of the next bytes the fault lets through."""
    if fault is None or fault.kind not in {"cut", "stall"}:
        return size
    if fault.after_bytes is not None:
        return min(size, fault.after_bytes - sent)
    return size if fault.after_events is not None else 0


def _logged(request: Request) -> LoggedRequest:
    body: Any = request.body or None
    if request.body:
        try:
            body = jsonio.loads(request.body)
        except ProtocolError:
            body = request.body
    headers = {
        name: "***" if name in _SECRET_HEADERS else value for name, value in request.headers.items()
    }
    query = dict(request.query)
    return LoggedRequest(request.method, request.path, query, body, headers, len(request.body))
