"""Send requests, retry them, and read what comes back, for the flows of both generations."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from typing import TypeVar

from ..errors import (
    AzureAgentsError,
    BadRequestError,
    ConnectionLostError,
    NotFoundError,
    ProtocolError,
)
from ..jsonio import JSON, load_object, malformed
from ..service_errors.envelopes import error_from_reply
from .commands import Flow, Reply, Route, Send, Sleep
from .retry import delay_before, is_transient
from .turn import Turn

T = TypeVar("T")
SUCCESS = range(200, 300)


def send(request: Send, turn: Turn, doing: str, **facts: str | None) -> Flow[Reply]:
    """Send a request once; a reply that is no success is raised as its error.

    Args:
        request: The request.
        turn: For the facts of an error.
        doing: What the request is for, as in "could not …".
        facts: Ids that belong on an error.
    """
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
    """Read the JSON object of a reply; one that is not whole counts as a lost answer.

    Raises:
        ConnectionLostError: It is no JSON object.
    """
    try:
        return load_object(reply.body)
    except ProtocolError as exc:
        raise ConnectionLostError(f"the answer did not arrive whole: {exc.message}") from exc


def retrying(
    attempt: Callable[[], Flow[T]], turn: Turn, *, when: Callable[[AzureAgentsError], bool]
) -> Flow[T]:
    """Make attempts until one succeeds or the retry policy gives up.

    Args:
        attempt: Starts one attempt.
        turn: Its policy limits the attempts, and its key spreads the waits.
        when: Whether a failure allows another attempt: `was_not_applied` where a second request
            could do harm, `is_transient` where it could not.
    """
    retry = 0
    while True:
        try:
            return (yield from attempt())
        except AzureAgentsError as error:
            retry += 1
            delay = delay_before(retry, error, turn.retry_policy, turn.operation)
            if delay is None or not when(error):
                raise
            yield Sleep(delay, instead=error)


def fetch(route: Route, turn: Turn, doing: str) -> Flow[JSON]:
    """GET a JSON object; it is read again wherever that may help, which does no harm."""

    def attempt() -> Flow[JSON]:
        reply = yield from send(Send("GET", route), turn, doing)
        return read_object(reply)

    return (yield from retrying(attempt, turn, when=is_transient))


def write_once(
    turn: Turn, write: Callable[[], Flow[JSON]], look: Callable[[], Flow[JSON | None]]
) -> Flow[JSON]:
    """Make something that must not be made twice.

    Args:
        turn: Whose policy says how often a failure is tried again.
        write: Makes it, and returns it.
        look: Returns what an earlier attempt, whose answer was lost, has made; None: nothing.
    """
    # A second write after a lost answer would make a second one, or fail on what is already
    # there: so every attempt but the first looks for the result first.
    is_retry = False

    def attempt() -> Flow[JSON]:
        nonlocal is_retry
        found = (yield from look()) if is_retry else None
        is_retry = True
        return (yield from write()) if found is None else found

    return (yield from retrying(attempt, turn, when=is_transient))


def read_list(route: Route, turn: Turn, doing: str) -> Flow[list[JSON]]:
    """GET every object of a list, page by page, in the order of the pages.

    Raises:
        ProtocolError: A page repeats the pages before it and says that there is more.
    """
    found: dict[str, JSON] = {}  # by id, since pages overlap where objects are added meanwhile
    here = route
    while True:
        page = yield from fetch(here, turn, doing)
        with malformed(page):
            new = {str(item["id"]): item for item in page["data"]}
        if not page.get("has_more") or not new:
            return list((found | new).values())
        if new.keys() <= found.keys():
            raise ProtocolError(
                f"could not {doing}: the service sends the same page again and again, after "
                f"{next(reversed(found))!r}"
            )
        found |= new
        here = replace(route, query=(*route.query, ("after", next(reversed(new)))))


def ask_to_stop(request: Send, turn: Turn) -> Flow[None]:
    """Cancel a run or response; a refusal means that it is over.

    Raises:
        AzureAgentsError: It cannot be known whether it will stop.
    """
    with suppress(BadRequestError, NotFoundError):
        yield from send(request, turn, "stop what goes on")


def is_too_large(error: BadRequestError) -> bool:
    """Whether a body holds more messages, or longer ones, than one request may (words guessed)."""
    words = ("maxitems", "too many", "too long", "too large", "at most", "maximum")
    return "messages" in f"{error.param} {error.message}" and any(
        word in error.message.lower() for word in words
    )
