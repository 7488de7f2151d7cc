"""Stop the runs that a turn may have set going, as soon as no caller waits for them.

Every request that starts or continues a run is noted before it is sent, for its answer may be lost
and its caller may leave at any moment. A request that was refused, or whose run is over, is dropped
from the notes. Whatever is left when the turn ends, however it ends, is cancelled: a run that goes
on costs money and locks its thread.
"""

from __future__ import annotations

import logging
from contextlib import suppress
from dataclasses import dataclass
from functools import partial

from ...errors import AzureAgentsError
from ...naming import shown
from ..commands import Flow, Send, Sleep
from ..retry import is_transient
from ..sending import ask_to_stop, retrying
from ..turn import Turn
from ..waiting import complete_cleanup, suppress_but_deadline, try_cleanup
from .fates import Fate, fate_in, waits_for
from .lookups import Lookups
from .pauses import Pause, Submission
from .reader import ACTIVE, RunReader

_LOGGER = logging.getLogger("azure_agents")
_SLOW = 1.0  # seconds in which a turn that takes a pause has answered it
_CAN_STOP = ("queued", "in_progress", "requires_action")


@dataclass(slots=True)
class PossibleRun:
    """A run that a request may have set going.

    Attributes:
        reader: Knows thread and run as soon as the service has sent their ids.
        submission: What the request brought to a run that waited.
        is_over: The run was followed to its end, or to a pause.
        found: Thread and id of a run that was found to go on.
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
    def may_go_on(self) -> bool:
        """Whether the run may still be going on without a caller who waits for it."""
        if self.is_over:
            return False
        # A pause counts, too: its stream was cut, so the caller lacks calls and cannot answer it.
        goes_on = self.reader.run.get("status") in (*ACTIVE, "requires_action")
        return goes_on or not self.reader.is_done


class RunCleanup:
    """The possible runs of one turn, and how they are stopped.

    Args:
        turn: The turn.
        lookups: Its reading requests.
    """

    def __init__(self, turn: Turn, lookups: Lookups) -> None:
        self._turn = turn
        # `try_cleanup` repeats a whole step; lookups with retries would use up the time for it.
        self._lookups = lookups.without_retries()
        self._noted: list[PossibleRun] = []
        self._left: list[PossibleRun] = []  # those that could not be stopped

    def note(self, possible: PossibleRun) -> PossibleRun:
        """Remember a run before the request is sent that may set it going."""
        self._noted.append(possible)
        return possible

    def drop(self, possible: PossibleRun) -> None:
        """Forget a run whose request had no effect."""
        self._noted.remove(possible)

    def mark_over(self, run: str | None, *, found_on: str | None = None) -> None:
        """Note that a run was read to its end, or to a pause.

        Args:
            run: The run.
            found_on: Its thread, where the run was lost and found again: then it is the one whose
                id was not known.
        """
        for noted in self._noted:
            known = noted.run
            was_found = known is None and noted.reader.thread_id == found_on
            noted.is_over |= known == run or (was_found and found_on is not None)

    def stop(self, keep: str | None = None) -> Flow[None]:
        """Cancel whatever may still go on, but for the run `keep`; failures are kept for later."""
        yield from complete_cleanup(partial(self._stop_all, keep))

    def _stop_all(self, keep: str | None) -> Flow[None]:
        while self._noted:
            noted = self._noted[0]
            if noted.may_go_on and not (yield from try_cleanup(partial(self._stop, noted, keep))):
                self._left.append(noted)
            # One search for a thread whose id was lost finds the runs of all such requests.
            is_known = noted.reader.thread_id is not None
            self._noted = [n for n in self._noted[1:] if is_known or n.reader.thread_id is not None]

    def report_left(self, error: AzureAgentsError | None) -> None:
        """Name the runs that could not be stopped: on the error of the turn, else in the log."""
        for noted in self._left:
            thread, run = noted.found or (noted.reader.thread_id, noted.run)
            where = f"on the thread {shown(thread)}" if thread else "on a thread that nobody knows"
            what = f"the run {shown(run)}" if run else "a run that this turn may have begun"
            left = f"{what} {where} could not be stopped and may go on until it expires"
            if error is None:
                _LOGGER.warning("%s", left)
            else:
                error.add_facts(thread_id=thread, run_id=run)
                error.say_more(left)
        self._left.clear()

    def _stop(self, noted: PossibleRun, keep: str | None) -> Flow[None]:
        thread, run = noted.reader.thread_id, noted.reader.run_id
        if thread is not None and run is not None:
            yield from self.cancel(thread, run)
        elif thread is not None and noted.submission is not None:
            yield from self._stop_submitted(thread, noted.submission)
        else:
            yield from self._stop_lost(noted, keep)

    def _stop_lost(self, noted: PossibleRun, keep: str | None) -> Flow[None]:
        """Stop the runs that carry the key of the turn, since the id of this one was lost."""
        thread = noted.reader.thread_id
        threads = [thread] if thread is not None else (yield from self._lookups.our_threads())
        for found in threads:
            for ours in (yield from self._lookups.our_runs(found)):
                if ours["id"] != keep and ours.get("status") in _CAN_STOP:
                    noted.found = found, ours["id"]
                    yield from self.cancel(found, ours["id"])

    def _stop_submitted(self, thread: str, submission: Submission) -> Flow[None]:
        """Stop a run that went on with what was submitted; one of another turn goes on.

        A run that still waits for results is left to the turn that brings them. One that waits for
        a decision that lets a tool run is stopped: the decision is not sent again, but the copy
        that was sent might arrive late.
        """
        state = yield from self._lookups.run(thread, submission.run)
        if state.get("status") not in _CAN_STOP:
            return
        fate = yield from fate_in(state, submission, thread, self._lookups)
        if fate is Fate.TAKEN or (fate is Fate.WAITS and submission.approves):
            yield from self.cancel(thread, submission.run)
        elif fate is Fate.WAITS:
            yield from submission.pause.enter()

    def stop_abandoned(self, thread: str, submission: Submission) -> Flow[None]:
        """Stop a run that another turn took and does not answer, since its process was killed.

        A turn that takes a pause answers it at once. If it is merely slow, its answer is refused,
        and it forks.
        """
        look = partial(self._lookups.run, thread, submission.run)
        with suppress(AzureAgentsError):
            if waits_for((yield from look()), submission.calls):
                yield Sleep(_SLOW)
                if waits_for((yield from look()), submission.calls):
                    yield from self.cancel(thread, submission.run)

    def cancel_superseded(self, thread: str, pause: Pause) -> Flow[None]:
        """Stop a run whose pause will not be answered; if that fails, the pause is given back."""
        with suppress_but_deadline():
            cancel = partial(self.cancel, thread, pause.run)
            yield from retrying(cancel, self._turn, when=is_transient)
            pause.mark_answered()
        yield from pause.give_back()

    def cancel(self, thread: str, run: str) -> Flow[None]:
        """Ask the service to stop a run.

        Raises:
            AzureAgentsError: It cannot be known whether the run will stop.
        """
        route = self._turn.route(f"/threads/{thread}/runs/{run}/cancel")
        yield from ask_to_stop(Send("POST", route), self._turn)
