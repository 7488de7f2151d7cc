"""Requests for a deployment, and how often they are made: flows, without I/O.

A call is one request, made again where that helps: after a lost connection, 408, 409, 429 and 5xx,
as patiently as the service asks. What makes a file, batch or job is made again only where it was
provably not applied. A stream is made again until its first content was delivered, never after.

Two attempts stand beside the count. A connection that was kept alive may have died unseen: a
request that got no byte in answer is made once more. And with ``drop_params=True`` a parameter
that the service does not take is left out once, aloud.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Protocol, TypeVar, cast, runtime_checkable

from ..errors import (
    AzureAgentsError,
    BadRequestError,
    ConflictError,
    ConnectionLostError,
    ProtocolError,
    StreamInterruptedError,
    TransportError,
)
from ..jsonio import JSON, dumps
from ..protocols.commands import Emit, Flow, Pump, Reply, Route, Send, Sleep, Upload
from ..protocols.retry import RetryPolicy, delay_before, is_transient, was_not_applied
from ..service_errors.envelopes import error_from_reply, request_id_of
from .operation_table import Operation
from .replies import NoStream, is_no_stream, media_type
from .surfaces import Place

T = TypeVar("T")
SUCCESS = range(200, 300)
# The words by which a parameter is refused: recorded of gpt-5 (temperature) and o-series.
_REFUSED_CODES = frozenset({"unsupported_parameter", "unsupported_value", "unknown_parameter"})
# Quoted in public issues of Claude from 4.7 on, which names no param and has no code.
_DEPRECATED = re.compile(r"`?(\w+)`? is deprecated for this model")
# Quoted in public issues of embeddings and text completions, which name no param and have no code.
_UNRECOGNIZED = re.compile(r"Unrecognized request arguments? supplied: (\w+(?:, ?\w+)*)")


@dataclass(frozen=True, slots=True)
class Request:
    """One call of an operation.

    Attributes:
        operation: A row of the table.
        place: Where it is.
        model: The model string, for errors.
        body: JSON fields, a form that is read while it is sent, or None.
        content_type: Of a form.
        query: More of the query, such as ``limit`` of a list.
        policy: How often and how patiently to try.
        key: Any text that differs between calls; spreads the waits.
        droppable: Fields of the body that may be left out if the service does not take them.
    """

    operation: Operation
    place: Place
    model: str
    body: Mapping[str, Any] | Upload | None = None
    content_type: str = "application/json"
    query: tuple[tuple[str, str], ...] = ()
    policy: RetryPolicy = field(default_factory=RetryPolicy)
    key: str = ""
    droppable: frozenset[str] = frozenset()

    @property
    def doing(self) -> str:
        """What is being done, for errors."""
        return f"{self.operation.name.replace('_', ' ')} with {self.model}"

    def command(self, *, stream: bool) -> Send:
        """The command that sends it."""
        body = self.body
        accept = None if self.operation.answer == "json" else "*/*"
        return Send(
            self.operation.method,
            Route(self.place.path, (*self.place.query, *self.query)),
            dumps(body) if isinstance(body, Mapping) else body,
            stream=stream,
            content_type=self.content_type,
            accept=accept,
        )


class StreamDecoder(Protocol):
    """Bytes of a stream in, chunks out; keeps count of what a caller has of it."""

    has_content: bool
    text: str

    def feed(self, data: bytes) -> Iterable[JSON]:
        """Take the next bytes, at any boundary; give the chunks that may be delivered."""

    @property
    def is_done(self) -> bool:
        """The last event was seen."""

    def end(self) -> Iterable[JSON]:
        """Give what was held back until the end.

        Raises:
            AzureAgentsError: The stream ended without its finish.
        """


@runtime_checkable
class Explains(Protocol):
    """A decoder that knows more of what ended its stream."""

    def explain(self, error: AzureAgentsError) -> None:
        """Add to an error what the stream has told."""


def ask(request: Request, read: Callable[[Reply], T]) -> Flow[T]:
    """Make a call whose answer comes whole.

    Args:
        request: The call.
        read: Reads its answer; a failure that it finds there counts as one of the attempt.
    """

    def attempt(now: Request) -> Flow[T]:
        return (yield from reading(now, send_once(now, stream=False), read))

    answer: T = yield from trying(request, attempt)
    return answer


def reading(request: Request, flow: Flow[Reply], read: Callable[[Reply], T]) -> Flow[T]:
    """Read the reply of a flow; an error that is found there says which answer it was.

    Args:
        request: The call.
        flow: Gives the reply.
        read: Reads it.
    """
    reply = yield from flow
    try:
        return read(reply)
    except AzureAgentsError as error:
        note_answer(error, reply, request)
        raise


def stream(
    request: Request,
    decoder: Callable[[], StreamDecoder],
    heard: Callable[[Mapping[str, str]], None] = lambda _: None,
) -> Flow[None]:
    """Make a call whose answer comes in chunks; the caller gets them as they come.

    Args:
        request: The call.
        decoder: Makes the decoder of one attempt.
        heard: Is told the headers of the answer before its first chunk.
    """

    def attempt(now: Request) -> Flow[None]:
        decoding = decoder()
        reply = yield from send_once(now, stream=True)
        heard(reply.headers)
        try:
            if is_no_stream(reply.headers):
                yield from refuse(now, reply, "stream")
            yield Pump(cast(Any, decoding))
            if not decoding.is_done:
                yield Emit(cast(Any, decoding.end()))
        except AzureAgentsError as error:
            note_answer(error, reply, now)
            if isinstance(decoding, Explains):
                decoding.explain(error)
            if not decoding.has_content:
                raise
            raise interrupted(error, decoding.text, now) from error

    yield from trying(request, attempt)


def refuse(request: Request, reply: Reply, wanted: str) -> Flow[None]:
    """Read what came in place of a stream, and raise it.

    Args:
        request: The call.
        reply: Its body is open.
        wanted: What it is not.

    Raises:
        ServiceError: It is an error.
        ProtocolError: It is anything else.
    """
    body = NoStream(request.doing, media_type(reply.headers), wanted, request.place.service)
    yield Pump(cast(Any, body))
    raise body.error()


def note_answer(error: AzureAgentsError, reply: Reply, request: Request) -> None:
    """Tell a failure in the body of an answer from a connection that died before any byte of it.

    Args:
        error: The failure.
        reply: Whose body it is.
        request: The call.
    """
    error.add_facts(request_id=request_id_of(reply.headers), model=request.model)
    if isinstance(error, TransportError | ProtocolError) and error.status is None:
        error.status = reply.status


def send_once(request: Request, *, stream: bool) -> Flow[Reply]:
    """Make one attempt; a reply that is no success is raised as its error.

    Args:
        request: The call.
        stream: Leave the body of a success open, for a `Pump`.
    """
    reply: Reply = yield request.command(stream=stream)
    if reply.status not in SUCCESS:
        raise error_from_reply(
            reply.status,
            reply.headers,
            reply.body,
            doing=request.doing,
            of=request.place.service,
            model=request.model,
        )
    return reply


def trying(request: Request, attempt: Callable[[Request], Flow[Any]]) -> Flow[Any]:
    """Make attempts until one succeeds or none helps.

    Args:
        request: The call.
        attempt: Makes one attempt at it, or at what is left of it without a refused parameter.
    """
    retry, has_reconnected, has_dropped = 0, False, False
    while True:
        try:
            return (yield from attempt(request))
        except AzureAgentsError as error:
            error.add_facts(model=request.model)
            smaller = None if has_dropped else _without_refused(request, error)
            if smaller is not None:
                request, has_dropped = smaller, True
                continue
            if not _helps(request, error):
                raise
            if _died_unseen(error) and not has_reconnected and request.policy.max_retries:
                has_reconnected = True
                continue
            retry += 1
            delay = delay_before(retry, error, request.policy, request.key)
            if delay is None:
                raise
            yield Sleep(delay, instead=error)


def _helps(request: Request, error: AzureAgentsError) -> bool:
    """Whether another attempt may succeed, and harms nobody."""
    if isinstance(error, StreamInterruptedError):
        return False
    if not request.operation.may_repeat:
        return was_not_applied(error)
    return is_transient(error) or isinstance(error, ConflictError)


def _died_unseen(error: AzureAgentsError) -> bool:
    # A connection that the service closed while it idled: the driver saw no byte of an answer.
    return type(error) is ConnectionLostError and error.status is None


def _without_refused(request: Request, error: AzureAgentsError) -> Request | None:
    """The request without the parameter that the service refused, if it may be left out."""
    body = request.body
    if not isinstance(error, BadRequestError) or not isinstance(body, Mapping):
        return None
    refused = refused_parameters(error)
    if not refused or not refused <= request.droppable & body.keys():
        return None
    names = ", ".join(sorted(refused))
    warnings.warn(
        f"drop_params=True: {names} dropped, which {request.model} does not take", stacklevel=2
    )
    return replace(request, body={k: v for k, v in body.items() if k not in refused})


def refused_parameters(error: AzureAgentsError) -> set[str]:
    """The parameters that an error refuses; none where it is about something else.

    Args:
        error: Of a request.
    """
    deprecated = _DEPRECATED.search(error.message)
    if deprecated:
        return {deprecated[1]}
    unrecognized = _UNRECOGNIZED.search(error.message)
    if unrecognized:
        return set(re.split(", ?", unrecognized[1]))
    if error.code in _REFUSED_CODES or "nsupported parameter" in error.message:
        return {(error.param or "").partition(".")[0]} - {""}
    return set()


def interrupted(error: AzureAgentsError, text: str, request: Request) -> AzureAgentsError:
    """Make the error of a stream that cannot be made again, since the caller has its beginning.

    Args:
        error: What cut it.
        text: What the caller has of it.
        request: The call.
    """
    cut = StreamInterruptedError(
        f"{request.doing}: the stream was cut after content was delivered: {error.message}",
        status=error.status,
        code=error.code,
        request_id=error.request_id,
        response_id=error.response_id,
        partial_text=text,
    )
    cut.add_facts(model=request.model)
    return cut
