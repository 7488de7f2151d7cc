"""Pauses of runs: who may answer one, and with what.

Of all turns that know of a pause, one may answer it, and only once. The turn that meets the pause
enters it in the thread store. A turn that wants to answer it, or to cancel its run, takes the entry
there first, atomically as heads are taken, and marks it as taken. So a run that has gone on went on
with what the taker sent; every other turn forks at once. A taker whose request provably changed
nothing enters the pause again.

Each entry holds the key of the operation that made it. So no value is ever put a second time, as
`azure_agents.threads.store` wants it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from ...threads.store import pause_key
from ..commands import Flow, StoreGet, StorePut, StoreTake
from ..turn import Turn


class Claim(Enum):
    """The right to answer a pause: which turn has it."""

    OURS = "ours"
    ANOTHERS = "another's"
    UNKNOWN = "unknown"  # no entry in the store: made by another program, or expired


class Pause:
    """One pause of a run.

    Args:
        turn: The turn that meets, answers or passes over it.
        run: The run that waits.
        digest: Of the transcript up to the pause. None stands for any pause of the run: on a pinned
            thread the transcript is not known.

    Attributes:
        run: The run.
        claim: Who may answer the pause; known after `take`.
    """

    def __init__(self, turn: Turn, run: str, digest: str | None) -> None:
        self.run = run
        self.claim = Claim.UNKNOWN
        self._key = pause_key(turn.project_key, run)
        self._operation = turn.operation
        self._digest = digest
        self._is_held = False  # taken, and not yet answered

    def enter(self) -> Flow[None]:
        """Put the pause into the store, for the first turn that takes it."""
        self._is_held = False
        yield StorePut(self._key, f"waits:{self._digest or ''}:{self._operation}")

    def take(self) -> Flow[bool]:
        """Take the right to answer; False if another turn has it.

        A pause that the store does not know is taken as well: the run itself refuses a second
        answer.
        """
        kept = yield StoreGet(self._key)
        if kept is None:
            self.claim = Claim.UNKNOWN
        elif self._is_open(kept) and (yield StoreTake(self._key, kept)):
            self.claim = Claim.OURS
        elif kept == f"taken:{self._operation}":
            self.claim = Claim.OURS  # this very turn took it, and is repeated
        else:
            self.claim = Claim.ANOTHERS
            return False
        self._is_held = True
        yield StorePut(self._key, f"taken:{self._operation}")
        return True

    def _is_open(self, kept: str) -> bool:
        prefix = "waits:" if self._digest is None else f"waits:{self._digest}:"
        return kept.startswith(prefix)

    def mark_answered(self) -> None:
        """Note that the answer is about to be sent: from now on the pause is not given back."""
        self._is_held = False

    def mark_unanswered(self) -> None:
        """Note that the answer was refused: the run waits for it as before."""
        self._is_held = True

    def give_back(self) -> Flow[None]:
        """Enter the pause again if it was taken and not answered."""
        if self._is_held:
            yield from self.enter()


@dataclass(slots=True)
class Submission:
    """Results of tools, decisions, or both, for one pause of a run.

    Attributes:
        pause: The pause of the run that waits.
        fields: The fields of the request, as `codec.encode_outputs` makes them.
        was_lost: A request that brought it may have been applied, and its answer was lost.
    """

    pause: Pause
    fields: dict[str, list[dict[str, Any]]] = field(repr=False)
    was_lost: bool = False

    @property
    def run(self) -> str:
        """The run that waits."""
        return self.pause.run

    @property
    def calls(self) -> set[str]:
        """Ids of the calls and requests that it answers."""
        return {answer["tool_call_id"] for kind in self.fields.values() for answer in kind}

    @property
    def outputs(self) -> dict[str, str]:
        """Id of a function call -> its result."""
        given = self.fields.get("tool_outputs", ())
        return {output["tool_call_id"]: output["output"] for output in given}

    @property
    def approves(self) -> bool:
        """Whether it lets a tool of the server run: then it is sent at most once."""
        return any(one["approve"] is True for one in self.fields.get("tool_approvals", ()))

    @property
    def has_decisions(self) -> bool:
        """Whether it holds decisions, which no step of a run records."""
        return bool(self.fields.get("tool_approvals"))
