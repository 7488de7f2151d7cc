"""How a flow waits: for a state that is final, for a lost answer that turns up, for time to pass.

Clean-up commands belong here too: they are sent again until they arrive, within their limits.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterator
from contextlib import contextmanager, suppress
from typing import TypeVar

from ..errors import (
    Abandoned,
    AzureAgentsError,
    DeadlineError,
    ServiceError,
    TurnUnknownError,
)
from ..jsonio import JSON, malformed
from .commands import Flow, Sleep
from .retry import hit_the_limit, may_pass
from .turn import Turn

T = TypeVar("T")
_SHORT_PAUSES = (0.1, 0.2, 0.4, 0.8)  # seconds; most of the two that there are to tidy up


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
    look: Callable[[], Flow[T | None]],
    turn: Turn,
    unknown: AzureAgentsError,
    longest: float | None = None,
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
