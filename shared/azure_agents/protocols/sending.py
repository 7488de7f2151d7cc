"""Steps that flows of both generations share: sending, waiting, finding out."""

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
from .retry import delay_before, may_pass
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


def fetch(route: Route, turn: Turn, doing: str) -> Flow[JSON]:
    """GET a JSON object, patiently: reading again is always harmless."""

    def attempt() -> Flow[JSON]:
        reply = yield from send(Send("GET", route), turn, doing)
        return read_object(reply)

    return (yield from retrying(attempt, turn, when=may_pass))


def read_list(route: Route, turn: Turn, doing: str) -> Flow[list[JSON]]:
    """GET every object of a list, page by page, in the order of the pages.

    Raises:
        ProtocolError: A page has only what was on those before it, and says that there is more.
    """
    found: dict[str, JSON] = {}
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
    """Cancel a run or response; a refusal says that it is over.

    Raises:
        AzureAgentsError: Nobody knows whether it will stop.
    """
    with suppress(BadRequestError, NotFoundError):
        yield from send(request, turn, "stop what goes on")


def is_too_much(error: BadRequestError) -> bool:
    """The body holds more messages, or longer ones, than one request may. The words are a guess."""
    words = ("maxitems", "too many", "too long", "too large", "at most", "maximum")
    return "messages" in f"{error.param} {error.message}" and any(
        word in error.message.lower() for word in words
    )
