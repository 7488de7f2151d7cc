"""Steps that flows of both generations share: sending, waiting, finding out."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterator
from contextlib import contextmanager, suppress
from typing import TypeVar

from ..errors import (
    Abandoned,
    AzureAgentsError,
    BadRequestError,
    ConnectionLostError,
    DeadlineError,
    NotFoundError,
    ProtocolError,
    ServiceError,
    TurnUnknownError,
)
from ..jsonio import JSON, load_object, malformed
from ..service_errors.envelopes import error_from_reply
from .commands import Flow, Reply, Send, Sleep
from .retry import delay_before, hit_the_limit, may_pass
from .turn import Turn

T = TypeVar("T")
SUCCESS = range(200, 300)
_SHORT_PAUSES = (0.1, 0.2, 0.4, 0.8)  # seconds; most of the two that there are to tidy up
Query = tuple[tuple[str, str], ...]


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


def fetch(path: str, turn: Turn, doing: str, query: Query = ()) -> Flow[JSON]:
    """GET a JSON object, patiently: reading again is always harmless."""

    def attempt() -> Flow[JSON]:
        reply = yield from send(Send("GET", path, query=query), turn, doing)
        return read_object(reply)

    return (yield from retrying(attempt, turn, when=may_pass))


def read_list(path: str, turn: Turn, doing: str, query: Query = ()) -> Flow[list[JSON]]:
    """GET every object of a list, page by page, in the order of the pages.

    Raises:
        ProtocolError: A page has only what was on those before it, and says that there is more.
    """
    found: dict[str, JSON] = {}
    cursor: Query = ()
    while True:
        page = yield from fetch(path, turn, doing, (*query, *cursor))
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
        cursor = (("after", next(reversed(new))),)


def poll(look: Callable[[], Flow[JSON]], *, active: Container[str]) -> Flow[JSON]:
    """Look until the status is none of `active`; the turn's deadline bounds it."""
    pauses = waits()
    while True:
        state = yield from look()
        if state.get("status") not in active:
            return state
        yield Sleep(next(pauses))


def unless_it_fails(look: Callable[[], Flow[T]]) -> Flow[T | None]:
    """What a look finds; one that fails for the moment has found nothing."""
    try:
        return (yield from look())
    except AzureAgentsError as error:
        if not may_pass(error) or hit_the_limit(error):
            raise
        return None


class Patience:
    """Growing pauses between two tries, as long as `Timeouts.busy` allows within the turn.

    Without a limit of its own, a thread that stays busy would be told of after ten minutes.

    Args:
        turn: The turn.
        first: Seconds of the first pause.
        longest: Seconds of all pauses together, instead of `Timeouts.busy`.
    """

    def __init__(self, turn: Turn, first: float = 0.25, longest: float | None = None) -> None:
        self._left = turn.settings.timeouts.busy if longest is None else longest
        self._pauses = waits(first)

    def pause(self, instead: AzureAgentsError) -> Sleep:
        """The next pause.

        Raises:
            AzureAgentsError: `instead`, here or by the driver, when the time is over.
        """
        seconds = next(self._pauses)
        self._left -= seconds
        if self._left < 0:
            raise instead
        return Sleep(seconds, instead=instead)


def settle(
    look: Callable[[], Flow[T]], turn: Turn, unknown: AzureAgentsError, longest: float | None = None
) -> Flow[T]:
    """Look until what was lost turns up, as long as `Timeouts.busy` allows within the turn.

    Args:
        look: Finds it, or finds nothing.
        turn: For its limits.
        unknown: What is to be said of what did not turn up.
        longest: Seconds to wait at most, instead of `Timeouts.busy`.

    Raises:
        AzureAgentsError: `unknown`, when the time is over, or a look is refused.
    """
    patience = Patience(turn, 0.5, longest)
    while True:
        yield patience.pause(unknown)
        try:
            found = yield from unless_it_fails(look)
        except (DeadlineError, ServiceError) as error:
            if isinstance(error, ServiceError) and hit_the_limit(error):
                raise  # not of the look: this is how the turn ended
            raise unknown from unknown.__cause__
        if found:
            return found


def unknown_turn(lost: AzureAgentsError, what: str, thread: str) -> TurnUnknownError:
    """Nobody can say what became of a turn on a pinned thread, where nothing is posted twice."""
    unknown = TurnUnknownError(
        f"the answer was lost and {what} has not appeared on the pinned thread {thread!r}; it may "
        "still: look there before you ask again",
        thread_id=thread,
    )
    unknown.__cause__ = lost
    return unknown


def insist(step: Callable[[], Flow[None]]) -> Flow[bool]:
    """Tidy up as well as possible: tried again, with short pauses, where a failure may pass.

    When the turn's time runs out there is a little more for just that.

    Returns:
        Whether it was done.
    """
    pauses, is_late = iter(_SHORT_PAUSES), False
    while True:
        try:
            with malformed("what was looked up to tidy up"):
                yield from step()
        except DeadlineError:
            if is_late:
                return False
            is_late = True
        except AzureAgentsError as error:
            pause = next(pauses, None)
            if pause is None or not may_pass(error):
                return False
            with suppress(DeadlineError):  # the next try says whether any time is left
                yield Sleep(pause)
        else:
            return True


def ask_to_stop(request: Send, turn: Turn) -> Flow[None]:
    """Cancel a run or response; a refusal says that it is over.

    Raises:
        AzureAgentsError: Nobody knows whether it will stop.
    """
    with suppress(BadRequestError, NotFoundError):
        yield from send(request, turn, "stop what goes on")


def to_the_end(step: Callable[[], Flow[T]]) -> Flow[None]:
    """Tidy up although the caller leaves meanwhile: then again, in the time that is left for it."""
    try:
        yield from step()
    except Abandoned:
        yield from step()
        raise


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


def is_too_much(error: BadRequestError) -> bool:
    """The body holds more messages, or longer ones, than one request may. The words are a guess."""
    words = ("maxitems", "too many", "too long", "too large", "at most", "maximum")
    return "messages" in f"{error.param} {error.message}" and any(
        word in error.message.lower() for word in words
    )
