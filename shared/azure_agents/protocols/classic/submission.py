"""What is submitted to a run that waits, and the proof that the run took just this."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Any

from ...jsonio import JSON
from ...messages import Message
from ..commands import Flow
from .codec import encode_outputs, required_ids
from .lookups import Looks
from .pauses import Claim, Pause


class Fate(Enum):
    """What became of a submission whose answer was lost, or that was refused."""

    WAITS = auto()  # the run waits for it still
    TAKEN = auto()  # the run went on with it
    ANOTHERS = auto()  # the run went on with what somebody else submitted
    UNKNOWN = auto()  # the run went on, and nothing tells with what
    ENDED = auto()  # the run expired or was cancelled


@dataclass(slots=True)
class Submission:
    """Results of tools, decisions, or both, for one pause of a run.

    Attributes:
        pause: The pause of the run that waits.
        given: The fields of the request.
        was_lost: A request that brought it may have been applied, and its answer was lost.
    """

    pause: Pause
    given: dict[str, list[dict[str, Any]]] = field(repr=False)
    was_lost: bool = False

    @classmethod
    def of(cls, messages: Sequence[Message], pause: Pause) -> Submission:
        """The submission of tool messages and approvals."""
        return cls(pause, encode_outputs(messages))

    @property
    def run(self) -> str:
        """The run that waits."""
        return self.pause.run

    @property
    def calls(self) -> set[str]:
        """The ids of what it answers."""
        return {answer["tool_call_id"] for kind in self.given.values() for answer in kind}

    @property
    def approves(self) -> bool:
        """Whether a tool of the server runs because of it: it is sent at most once."""
        return any(one["approve"] is True for one in self.given.get("tool_approvals", ()))

    @property
    def has_decisions(self) -> bool:
        """Whether it holds decisions, which no step of a run records."""
        return bool(self.given.get("tool_approvals"))

    def fate(self, thread: str, looks: Looks) -> Flow[Fate]:
        """Look what became of it."""
        state = yield from looks.run(thread, self.run)
        return (yield from self.fate_in(state, thread, looks))

    def fate_in(self, state: JSON, thread: str, looks: Looks) -> Flow[Fate]:
        """What became of it, where the run is as `state` says."""
        if waits_for(state, self.calls):
            return Fate.WAITS
        if state.get("status") in ("expired", "cancelled"):
            return Fate.ENDED
        ours = {one["tool_call_id"]: one["output"] for one in self.given.get("tool_outputs", ())}
        if ours:
            steps = yield from looks.steps_of(thread, self.run)
            taken = {id: output for id, output in _outputs(steps) if id in ours}
            if any(output != ours[id] for id, output in taken.items()):
                return Fate.ANOTHERS
            if taken.keys() == ours.keys():
                return Fate.TAKEN
        return Fate.TAKEN if self.pause.claim is Claim.OURS else Fate.UNKNOWN


def _outputs(steps: Iterable[JSON]) -> Iterable[tuple[str, str]]:
    """The results that the steps of a run have of its function calls (recorded: word for word)."""
    for step in steps:
        for call in (step.get("step_details") or {}).get("tool_calls") or ():
            output = (call.get("function") or {}).get("output")
            if output is not None:
                yield call.get("id"), output


def waits_for(run: JSON, calls: Iterable[str]) -> bool:
    """Whether a run is paused, and for any of these very calls."""
    if run.get("status") != "requires_action":
        return False
    wanted = required_ids(run)
    return not wanted or not wanted.isdisjoint(calls)
