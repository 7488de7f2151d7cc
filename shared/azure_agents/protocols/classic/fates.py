"""Find out what became of a submission whose answer was lost, or which the run refused.

That a run has gone on does not say with whose results. The proof is in its steps, which repeat each
result word for word (recorded). Decisions are in no step: for them the claim on the pause decides.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum, auto

from ...jsonio import JSON
from ..commands import Flow
from .codec import required_ids
from .lookups import Lookups
from .pauses import Claim, Submission


class Fate(Enum):
    """The possible fates of a submission."""

    WAITS = auto()  # the run waits for it still
    TAKEN = auto()  # the run went on with it
    ANOTHERS = auto()  # the run went on with what another turn submitted
    UNKNOWN = auto()  # the run went on, and it cannot be known with what
    ENDED = auto()  # the run expired or was cancelled


def look_up_fate(submission: Submission, thread: str, lookups: Lookups) -> Flow[Fate]:
    """Find out what became of a submission."""
    run = yield from lookups.run(thread, submission.run)
    return (yield from fate_in(run, submission, thread, lookups))


def fate_in(run: JSON, submission: Submission, thread: str, lookups: Lookups) -> Flow[Fate]:
    """Find out what became of a submission to a run that is already read."""
    if waits_for(run, submission.calls):
        return Fate.WAITS
    if run.get("status") in ("expired", "cancelled"):
        return Fate.ENDED
    ours = submission.outputs
    if ours:
        steps = yield from lookups.steps_of(thread, submission.run)
        taken = {id: output for id, output in _outputs(steps) if id in ours}
        if any(output != ours[id] for id, output in taken.items()):
            return Fate.ANOTHERS
        if taken.keys() == ours.keys():
            return Fate.TAKEN
    # No step shows it. A run whose pause this turn claimed can have gone on with its answer only.
    return Fate.TAKEN if submission.pause.claim is Claim.OURS else Fate.UNKNOWN


def _outputs(steps: Iterable[JSON]) -> Iterable[tuple[str, str]]:
    """Yield id and result of each function call in the steps of a run."""
    for step in steps:
        for call in (step.get("step_details") or {}).get("tool_calls") or ():
            output = (call.get("function") or {}).get("output")
            if output is not None:
                yield call.get("id"), output


def waits_for(run: JSON, calls: Iterable[str]) -> bool:
    """Whether a run is paused, and for any of these very calls."""
    if run.get("status") != "requires_action":
        return False
    # A run may pause again, for other calls: then it has taken the answers to these.
    wanted = required_ids(run)
    return not wanted or not wanted.isdisjoint(calls)
