"""Steps that flows of both generations share: sending, waiting, finding out."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterator
from contextlib import contextmanager
from typing import TypeVar

from ..commands import Flow, Reply, Send, Sleep
from ..envelopes import error_from_reply
from ..errors import AzureAgentsError, ConnectionLostError, DeadlineError, ProtocolError
from ..jsonio import JSON, load_object
from ..retry import delay_before, may_pass
from .turn import Turn

T = TypeVar("T")
SUCCESS = range(200, 300)


def send(request: Send, turn: Turn, doing: str, **facts: str | None) -> Flow[Reply]:
    """Send once; an answer that is no success is raised as its error."""
    facts["agent"] = turn.settings.agent.requested
    try:
        reply: Reply = yield request
    except AzureAgentsError as error:
        error.add_facts(**facts)
        raise
    if reply.status not in SUCCESS:
        refused = error_from_reply(reply.status, reply.headers, reply.body, doing=doing)
        refused.add_facts(**facts)
        raise refused
    return reply


def read_object(reply: Reply) -> JSON:
    """The JSON object of a success; one that is not whole counts as a lost answer."""
    try:
        return load_object(reply.body)
    except ProtocolError as exc:
        raise ConnectionLostError(f"the answer did not arrive whole: {exc.message}") from exc


def retrying(
    attempt: Callable[[], Flow[T]], turn: Turn, *, when: Callable[[AzureAgentsError], bool]
) -> Flow[T]:
    """Make attempts until one succeeds or the policy gives up.

    Args:
        attempt: Starts one attempt.
        turn: For the policy and the spread of the waits.
        when: Which failures allow another attempt.
    """
    retry = 0
    while True:
        try:
            return (yield from attempt())
        except AzureAgentsError as error:
            retry += 1
            delay = delay_before(retry, error, turn.policy, turn.operation)
            if delay is None or not when(error):
                raise
            yield Sleep(delay, instead=error)


def fetch(path: str, turn: Turn, doing: str, query: tuple[tuple[str, str], ...] = ()) -> Flow[JSON]:
    """GET a JSON object, patiently: reading again is always harmless."""

    def attempt() -> Flow[JSON]:
        reply = yield from send(Send("GET", path, query=query), turn, doing)
        return read_object(reply)

    return (yield from retrying(attempt, turn, when=may_pass))


def poll(look: Callable[[], Flow[JSON]], *, active: Container[str]) -> Flow[JSON]:
    """Look until the status is none of `active`; the turn's deadline bounds it."""
    pauses = waits()
    while True:
        state = yield from look()
        if state.get("status") not in active:
            return state
        yield Sleep(next(pauses))


@contextmanager
def suppress_but_deadline() -> Iterator[None]:
    """For what is done as well as possible: only the end of the turn's time goes on upwards."""
    try:
        yield
    except DeadlineError:
        raise
    except AzureAgentsError:
        return


def waits(first: float = 0.25, longest: float = 2.0) -> Iterator[float]:
    """Growing pauses between two looks, in seconds."""
    pause = first
    while True:
        yield pause
        pause = min(longest, pause * 1.5)
