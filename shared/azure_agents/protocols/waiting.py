"""Wait in a flow: for a final state, for a lost answer to turn up, or for a thread to be free.

The clean-up of a turn is here too: its requests are repeated until they arrive, within the short
time that a turn has for them.
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
from .retry import began_and_hit_rate_limit, is_transient
from .turn import Turn

T = TypeVar("T")
_SHORT_PAUSES = (0.1, 0.2, 0.4, 0.8)  # seconds, of the two that a turn has for its clean-up


def poll(look: Callable[[], Flow[JSON]], *, active: Container[str]) -> Flow[JSON]:
    """Look until the status is none of `active`; only the turn's deadline ends it earlier."""
    pauses = growing_pauses()
    while True:
        state = yield from look()
        if state.get("status") not in active:
            return state
        yield Sleep(next(pauses))


def none_if_it_fails(look: Callable[[], Flow[T]]) -> Flow[T | None]:
    """Return what `look` finds; None if it fails in a way that may pass."""
    try:
        return (yield from look())
    except AzureAgentsError as error:
        # `began_and_hit_rate_limit` is the end of a run that was found, and no failure of the look.
        if not is_transient(error) or began_and_hit_rate_limit(error):
            raise
        return None


class Patience:
    """Growing pauses between two attempts, for `Timeouts.busy` seconds in all.

    Without that limit a thread that stays busy would be reported at the turn's deadline, after ten
    minutes.

    Args:
        turn: The turn.
        first: Seconds of the first pause.
        longest: Seconds of all pauses together; None: `Timeouts.busy`.
    """

    def __init__(self, turn: Turn, first: float = 0.25, longest: float | None = None) -> None:
        self._left = turn.settings.timeouts.busy if longest is None else longest
        self._pauses = growing_pauses(first)

    def pause(self, instead: AzureAgentsError) -> Sleep:
        """Make the next pause.

        Raises:
            AzureAgentsError: `instead`, when the time is over; the driver raises it at a deadline.
        """
        seconds = next(self._pauses)
        self._left -= seconds
        if self._left < 0:
            raise instead
        return Sleep(seconds, instead=instead)


def wait_until_found(
    look: Callable[[], Flow[T | None]],
    turn: Turn,
    unknown: AzureAgentsError,
    longest: float | None = None,
) -> Flow[T]:
    """Look again and again until what was lost turns up; returns it.

    Args:
        look: Returns what it finds, or something false.
        turn: Its `Timeouts.busy` limits the time.
        unknown: Raised if nothing turns up.
        longest: Seconds to wait at most; None: `Timeouts.busy`.

    Raises:
        AzureAgentsError: `unknown`, when the time is over or a look is refused.
    """
    patience = Patience(turn, 0.5, longest)
    while True:
        yield patience.pause(unknown)
        try:
            found = yield from none_if_it_fails(look)
        except (DeadlineError, ServiceError) as error:
            if isinstance(error, ServiceError) and began_and_hit_rate_limit(error):
                raise  # the look found the turn, and this is how it ended
            raise unknown from unknown.__cause__
        if found:
            return found


def turn_unknown_error(lost: AzureAgentsError, what: str, thread: str) -> TurnUnknownError:
    """Make the error for a turn on a pinned thread whose answer was lost and is not found."""
    unknown = TurnUnknownError(
        f"the answer was lost and {what} has not appeared on the pinned thread {thread!r}; it may "
        "still: look there before you ask again",
        thread_id=thread,
    )
    unknown.__cause__ = lost
    return unknown


def try_cleanup(step: Callable[[], Flow[None]]) -> Flow[bool]:
    """Try a step of the clean-up, and repeat it with short pauses where a failure may pass.

    Returns:
        Whether it succeeded.
    """
    # The deadline of the turn may pass meanwhile. The driver then allows a little more time, just
    # for clean-up; the second `DeadlineError` is the end of that.
    pauses, is_late = iter(_SHORT_PAUSES), False
    while True:
        try:
            with malformed("what was looked up for clean-up"):
                yield from step()
        except DeadlineError:
            if is_late:
                return False
            is_late = True
        except AzureAgentsError as error:
            pause = next(pauses, None)
            if pause is None or not is_transient(error):
                return False
            with suppress(DeadlineError):  # the next attempt shows whether any time is left
                yield Sleep(pause)
        else:
            return True


def complete_cleanup(step: Callable[[], Flow[T]]) -> Flow[None]:
    """Run the clean-up to its end, even if the caller leaves in the middle of it."""
    # `Abandoned` interrupts the step wherever it is. A second run does what is left of it.
    try:
        yield from step()
    except Abandoned:
        yield from step()
        raise


@contextmanager
def suppress_but_deadline() -> Iterator[None]:
    """Swallow every error except `DeadlineError`."""
    try:
        yield
    except DeadlineError:
        raise
    except AzureAgentsError:
        return


def growing_pauses(first: float = 0.25, longest: float = 2.0) -> Iterator[float]:
    """Yield the seconds to wait before each further look."""
    pause = first
    while True:
        yield pause
        pause = min(longest, pause * 1.5)
