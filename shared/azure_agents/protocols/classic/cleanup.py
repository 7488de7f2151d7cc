"""Runs that a turn may have set going: none goes on when nobody waits for it any more.

Every request that starts or continues a run is noted before it is sent, for its answer may be lost
or its caller gone at any moment. What was refused, or is over, needs no more care. The rest is
stopped when the turn ends, however it ends: a run that goes on costs money and locks its thread.
"""

from __future__ import annotations

import logging
from contextlib import suppress
from dataclasses import dataclass
from functools import partial

from ...errors import AzureAgentsError
from ...naming import shown
from ..commands import Flow, Send, Sleep
from ..retry import may_pass
from ..sending import ask_to_stop, retrying
from ..turn import Turn
from ..waiting import insist, suppress_but_deadline, to_the_end
from .lookups import Looks
from .pauses import Pause
from .reader import ACTIVE, RunReader
from .submission import Fate, Submission, waits_for

_LOGGER = logging.getLogger("azure_agents")
_SLOW = 1.0  # seconds in which whoever takes a pause has long answered it
_CAN_STOP = ("queued", "in_progress", "requires_action")


@dataclass(slots=True)
class Begun:
    """A request that may have set a run going.

    Attributes:
        reader: Knows thread and run as soon as the service has told them.
        submission: What the request brought to a run that waited.
        is_over: The run was followed to its end, or to a pause.
        found: A run that was found to go on, and its thread.
    """

    reader: RunReader
    submission: Submission | None = None
    is_over: bool = False
    found: tuple[str, str] | None = None

    @property
    def run(self) -> str | None:
        """The run, where it is known."""
        waited = self.submission.run if self.submission is not None else None
        return self.reader.run_id or waited

    @property
    def needs_care(self) -> bool:
        """Whether something may still go on that nobody waits for."""
        if self.is_over:
            return False
        # A pause that was not told to its end is one that nobody can answer.
        goes_on = self.reader.run.get("status") in (*ACTIVE, "requires_action")
        return goes_on or not self.reader.is_done


class BegunRuns:
    """All of them in one turn.

    Args:
        turn: The turn.
        looks: Its reading requests.
    """

    def __init__(self, turn: Turn, looks: Looks) -> None:
        self._turn = turn
        self._looks = looks.hasty()
        self._begun: list[Begun] = []
        self._left: list[Begun] = []  # that could not be stopped

    def note(self, begun: Begun) -> Begun:
        """A request is about to be sent."""
        self._begun.append(begun)
        return begun

    def was_refused(self, begun: Begun) -> None:
        """The request had no effect."""
        self._begun.remove(begun)

    def is_over(self, run: str | None, *, found_on: str | None = None) -> None:
        """The run was read to its end, or to a pause; also one that was lost and found again."""
        for begun in self._begun:
            known = begun.run
            was_found = known is None and begun.reader.thread_id == found_on
            begun.is_over |= known == run or (was_found and found_on is not None)

    def stop(self, keep: str | None = None) -> Flow[None]:
        """Cancel what may still go on, as well as possible, but for the run of the answer."""
        yield from to_the_end(partial(self._stop_all, keep))

    def _stop_all(self, keep: str | None) -> Flow[None]:
        while self._begun:
            begun = self._begun[0]
            if begun.needs_care and not (yield from insist(partial(self._stop, begun, keep))):
                self._left.append(begun)
            # One look for a thread nobody knows finds all of them.
            is_known = begun.reader.thread_id is not None
            self._begun = [b for b in self._begun[1:] if is_known or b.reader.thread_id is not None]

    def tell_left(self, error: AzureAgentsError | None) -> None:
        """Name the runs that could not be stopped: on the error of the turn, else in the log."""
        for begun in self._left:
            thread, run = begun.found or (begun.reader.thread_id, begun.run)
            where = f"on the thread {shown(thread)}" if thread else "on a thread that nobody knows"
            what = f"the run {shown(run)}" if run else "a run that this turn may have begun"
            left = f"{what} {where} could not be stopped and may go on until it expires"
            if error is None:
                _LOGGER.warning("%s", left)
            else:
                error.add_facts(thread_id=thread, run_id=run)
                error.say_more(left)
        self._left.clear()

    def _stop(self, begun: Begun, keep: str | None) -> Flow[None]:
        thread, run = begun.reader.thread_id, begun.reader.run_id
        if thread is not None and run is not None:
            yield from self.cancel(thread, run)
        elif thread is not None and begun.submission is not None:
            yield from self._stop_submitted(thread, begun.submission)
        else:
            yield from self._stop_lost(begun, keep)

    def _stop_lost(self, begun: Begun, keep: str | None) -> Flow[None]:
        thread = begun.reader.thread_id
        threads = [thread] if thread is not None else (yield from self._looks.our_threads())
        for found in threads:
            for ours in (yield from self._looks.our_runs(found)):
                if ours["id"] != keep and ours.get("status") in _CAN_STOP:
                    begun.found = found, ours["id"]
                    yield from self.cancel(found, ours["id"])

    def _stop_submitted(self, thread: str, submission: Submission) -> Flow[None]:
        """Stop a run that went on with what was submitted; another's goes on.

        A run that still waits for results is left to whoever has them. For a decision that lets a
        tool run it waits no more: nobody sends that again, and it might come late.
        """
        state = yield from self._looks.run(thread, submission.run)
        if state.get("status") not in _CAN_STOP:
            return
        fate = yield from submission.fate_in(state, thread, self._looks)
        if fate is Fate.TAKEN or (fate is Fate.WAITS and submission.approves):
            yield from self.cancel(thread, submission.run)
        elif fate is Fate.WAITS:
            yield from submission.pause.enter()

    def stop_abandoned(self, thread: str, submission: Submission) -> Flow[None]:
        """Stop a run that another turn took and does not answer: its process was killed.

        Who takes a pause answers it at once. One that is merely slow is refused, and forks.
        """
        look = partial(self._looks.run, thread, submission.run)
        with suppress(AzureAgentsError):
            if waits_for((yield from look()), submission.calls):
                yield Sleep(_SLOW)
                if waits_for((yield from look()), submission.calls):
                    yield from self.cancel(thread, submission.run)

    def cancel_passed_over(self, thread: str, pause: Pause) -> Flow[None]:
        """Stop a run whose pause is not answered; one that cannot be reached is left as it was."""
        with suppress_but_deadline():
            cancel = partial(self.cancel, thread, pause.run)
            yield from retrying(cancel, self._turn, when=may_pass)
            pause.use()
        yield from pause.give_back()

    def cancel(self, thread: str, run: str) -> Flow[None]:
        """Ask the service to stop a run.

        Raises:
            AzureAgentsError: Nobody knows whether it will stop.
        """
        route = self._turn.route(f"/threads/{thread}/runs/{run}/cancel")
        yield from ask_to_stop(Send("POST", route), self._turn)
