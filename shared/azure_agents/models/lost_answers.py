"""What became of a call whose answer was lost: flows for calls that must not be made twice.

A file, a batch and a job cost money or quota, so a create is repeated only where it was provably
not applied. Elsewhere there is one look in the list. What proves that an object is this call's:
its fields, and that it was made since the call began. One such object is the answer. None, or
several, is an error that says so, with what was found: the caller decides.

A cancel and a delete may be repeated, but a second one is refused, or says that there was nothing
to delete. After a lost answer that means that the first was applied.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from email.utils import parsedate_to_datetime
from typing import Any

from ..errors import (
    AzureAgentsError,
    BadRequestError,
    ConflictError,
    ConnectionLostError,
    DeadlineError,
    NotFoundError,
    TurnUnknownError,
)
from ..jsonio import JSON, dumps
from ..protocols.commands import Flow, Reply, Sleep
from ..protocols.retry import may_have_been_applied
from ..protocols.sending import read_object
from ..service_errors.envelopes import request_id_of
from .requests import Request, ask, send_once, trying

_SETTLING = 1.0  # seconds before the look: what is being applied is not in the list yet (guess)
_ROUNDING = 2.0  # seconds: times on the wire are whole
_MOST_PAGES = 10
_STOPPED = ("cancelling", "cancelled")
FOUND = "x-azure-agents-found"  # marks the reply that a look made


@dataclass(frozen=True, slots=True)
class Trace:
    """How what a lost call has made is told from the rest.

    Attributes:
        noun: What a call makes, in words.
        listing: Lists such objects, the newest first.
        fields: What such an object says of itself.
        now: Unix seconds.
        model: What a job trains; its object names the version, too.
    """

    noun: str
    listing: Request
    fields: Mapping[str, Any]
    now: Callable[[], float]
    model: str | None = None

    def fits(self, item: Mapping[str, Any], since: float) -> bool:
        """Whether an object of the list may be this call's.

        Args:
            item: Of the list.
            since: When the call began, by the service's clock.
        """
        is_alike = all(_same(item.get(name), ours) for name, ours in self.fields.items())
        return _is_since(item, since) and is_alike and self._is_of_model(item.get("model"))

    def _is_of_model(self, theirs: object) -> bool:
        # Recorded: "gpt-4o-mini" comes back as "gpt-4o-mini-2024-07-18".
        ours = self.model
        return ours is None or theirs == ours or str(theirs).startswith(f"{ours}-")


def _is_since(item: Mapping[str, Any], since: float) -> bool:
    made = item.get("created_at")
    return isinstance(made, int | float) and made >= since


def create(request: Request, trace: Trace) -> Flow[Reply]:
    """Make a file, a batch or a job, once.

    Args:
        request: The call.
        trace: What it leaves behind.

    Raises:
        TurnUnknownError: The answer was lost, and the list does not say what became of the call.
    """
    began = trace.now()
    try:
        reply = yield from _whole(request)
        _check_made(reply)
    except DeadlineError as error:
        error.say_more(f"the {trace.noun} may have been made: look for it in the list")
        raise
    except AzureAgentsError as lost:
        if not may_have_been_applied(lost):
            raise
        return (yield from _look(request, trace, lost, began))
    return reply


def _whole(request: Request) -> Flow[Reply]:
    return (yield from ask(request, lambda reply: reply))


def _check_made(reply: Reply) -> None:
    """A success that does not say what it made is a lost answer."""
    try:
        if not isinstance(read_object(reply).get("id"), str):
            raise ConnectionLostError("the answer has no id")
    except AzureAgentsError as error:
        error.add_facts(request_id=request_id_of(reply.headers))
        raise


def _look(request: Request, trace: Trace, lost: AzureAgentsError, began: float) -> Flow[Reply]:
    try:
        yield Sleep(_SETTLING, instead=lost)
        found = yield from _listed(trace, began)
    except AzureAgentsError as error:
        why = f"the list could not be read ({error.message})"
        raise _unknown(request, trace, lost, why) from error
    if len(found) == 1:
        return Reply(200, {FOUND: trace.noun}, dumps(found[0]))
    ids = ", ".join(str(one.get("id")) for one in found)
    many = f"{len(found)} in the list may be its: {ids}"
    why = many if found else "the list shows none that it made"
    raise _unknown(request, trace, lost, why) from lost


def _unknown(request: Request, trace: Trace, lost: AzureAgentsError, why: str) -> TurnUnknownError:
    return TurnUnknownError(
        f"{request.doing}: the answer was lost ({lost.message}), and {why}. Nothing was sent "
        f"again, since a second {trace.noun} may cost: look at the list, then decide",
        **lost.facts,
    )


def _listed(trace: Trace, began: float) -> Flow[list[JSON]]:
    """Read the list as far as it may hold what this call made; the newest stand first."""
    found: dict[str, JSON] = {}
    page = trace.listing
    for _ in range(_MOST_PAGES):
        reply = yield from _whole(page)
        items = [one for one in read_object(reply).get("data") or () if isinstance(one, dict)]
        since = _time_of(reply, trace) - (trace.now() - began) - _ROUNDING
        found |= {str(one.get("id")): one for one in items if trace.fits(one, since)}
        is_past = not items or not _is_since(items[-1], since)
        if is_past or not read_object(reply).get("has_more"):
            break
        page = replace(page, query=(*trace.listing.query, ("after", str(items[-1].get("id")))))
    return list(found.values())


def _time_of(reply: Reply, trace: Trace) -> float:
    """The service's time, since the clock of this machine may be wrong."""
    try:
        return parsedate_to_datetime(reply.headers["date"]).timestamp()
    except (KeyError, ValueError, TypeError):
        return trace.now()


def _same(theirs: object, ours: object) -> bool:
    if isinstance(theirs, str) and isinstance(ours, str):  # recorded: /v1/chat/completions loses it
        return theirs.removeprefix("/v1") == ours.removeprefix("/v1")
    # Services write null for what was not given, or an empty object.
    return theirs == ours or (not theirs and not ours)


def cancel(request: Request, look: Request) -> Flow[Reply]:
    """Cancel a batch or a job; after a lost answer a refusal may mean that it is cancelled.

    Args:
        request: The call.
        look: Retrieves what is cancelled.
    """
    is_lost = False

    def attempt(now: Request) -> Flow[Reply]:
        nonlocal is_lost
        try:
            return (yield from send_once(now, stream=False))
        except (BadRequestError, ConflictError) as error:
            if is_lost and not may_have_been_applied(error):
                reply = yield from _whole(look)
                if read_object(reply).get("status") in _STOPPED:
                    return reply
            is_lost = is_lost or may_have_been_applied(error)
            raise
        except AzureAgentsError as error:
            is_lost = is_lost or may_have_been_applied(error)
            raise

    reply: Reply = yield from trying(request, attempt)
    return reply


def delete(request: Request, deleted: JSON) -> Flow[Reply]:
    """Delete a file; after a lost answer there may be nothing left to delete.

    Args:
        request: The call.
        deleted: What the service says of one that it deleted.
    """
    is_lost = False

    def attempt(now: Request) -> Flow[Reply]:
        nonlocal is_lost
        try:
            reply = yield from send_once(now, stream=False)
        except NotFoundError:
            if not is_lost:
                raise
            return Reply(200, {}, dumps(deleted))
        except AzureAgentsError as error:
            is_lost = is_lost or may_have_been_applied(error)
            raise
        return Reply(reply.status, reply.headers, dumps(deleted)) if is_lost else reply

    reply: Reply = yield from trying(request, attempt)
    return reply
