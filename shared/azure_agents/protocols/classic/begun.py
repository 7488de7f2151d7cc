"""Runs that a turn may have set going: none goes on when nobody waits for it any more.

Every request that starts or continues a run is noted before it is sent, for its answer may be lost
or its caller gone at any moment. What was refused, or is over, needs no more care. The rest is
stopped when the turn ends, however it ends: a run that goes on costs money and locks its thread.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from functools import partial

from ...commands import Flow, Send
from ...jsonio import JSON
from ..steps import insist, to_the_end
from ..turn import Turn
from .codec import required_ids
from .looks import Looks
from .reader import ACTIVE, RunReader

_CAN_STOP = ("queued", "in_progress", "requires_action")


@dataclass(slots=True)
class Begun:
    """A request that may have set a run going.

    Attributes:
        reader: Knows thread and run as soon as the service has told them.
        run: The paused run that outputs were submitted to.
        answered: The calls that the outputs answer.
        is_over: The run was followed to its end, or to a pause.
    """

    reader: RunReader
    run: str | None = None
    answered: Collection[str] = ()
    is_over: bool = False

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
            known = begun.run or begun.reader.run_id
            was_found = known is None and begun.reader.thread_id == found_on
            begun.is_over |= known == run or (was_found and found_on is not None)

    def stop(self, keep: str | None = None) -> Flow[None]:
        """Cancel what may still go on, as well as possible, but for the run of the answer."""
        yield from to_the_end(partial(self._stop_all, keep))

    def _stop_all(self, keep: str | None) -> Flow[None]:
        while self._begun:
            begun = self._begun[0]
            if begun.needs_care:
                yield from insist(partial(self._stop, begun, keep))
            # One look for a thread nobody knows finds all of them.
            is_known = begun.reader.thread_id is not None
            self._begun = [b for b in self._begun[1:] if is_known or b.reader.thread_id is not None]

    def _stop(self, begun: Begun, keep: str | None) -> Flow[None]:
        thread, run = begun.reader.thread_id, begun.reader.run_id or begun.run
        if thread is not None and run is not None:
            if begun.reader.run_id is not None or (yield from self._took(thread, run, begun)):
                yield from self.cancel(thread, run)
            return
        threads = [thread] if thread is not None else (yield from self._looks.our_threads())
        for found in threads:
            for ours in (yield from self._looks.our_runs(found)):
                if ours["id"] != keep and ours.get("status") in _CAN_STOP:
                    yield from self.cancel(found, ours["id"])

    def _took(self, thread: str, run: str, begun: Begun) -> Flow[bool]:
        """Whether the run went on with the outputs; else whoever has them may still submit them."""
        state = yield from self._looks.run(thread, run)
        return state.get("status") in _CAN_STOP and not waits_for(state, begun.answered)

    def cancel(self, thread: str, run: str) -> Flow[None]:
        """Ask the service to stop a run; what it answers does not matter."""
        yield Send(
            "POST",
            f"/threads/{thread}/runs/{run}/cancel",
            query=(("api-version", self._turn.settings.api_version),),
        )


def waits_for(run: JSON, calls: Iterable[str]) -> bool:
    """Whether a run is paused, and for the results of these very calls."""
    if run.get("status") != "requires_action":
        return False
    wanted = required_ids(run)
    return not wanted or wanted == set(calls)
