"""Who may answer a run that waits: of all who know of the pause, one turn, and it only once.

The turn that meets a pause enters it in the store. Whoever answers it (or cancels its run) takes
it there first, atomically, as heads are taken, and marks it as taken. So a run that has gone on
went on with what the taker sent it; everybody else forks at once. A taker whose request provably
changed nothing enters the pause again.

Each entry has the key of the operation that made it: no value is ever put a second time, as stores
want it (`azure_agents.threads.store`).
"""

from __future__ import annotations

from enum import Enum

from ...threads.store import pause_key
from ..commands import Flow, StoreGet, StorePut, StoreTake
from ..turn import Turn


class Claim(Enum):
    """Whose a pause is."""

    OURS = "ours"
    ANOTHERS = "another's"
    UNKNOWN = "unknown"  # the store knows nothing of it: it was made elsewhere, or is forgotten


class Pause:
    """One pause of a run.

    Args:
        turn: The turn that meets, answers or passes over it.
        run: The run that waits.
        digest: Of the transcript up to the pause; None: whichever pause it is (a pinned thread,
            whose transcript nobody knows).

    Attributes:
        run: The run.
        claim: Whose the pause is; known once it was taken.
    """

    def __init__(self, turn: Turn, run: str, digest: str | None) -> None:
        self.run = run
        self.claim = Claim.UNKNOWN
        self._key = pause_key(turn.project_key, run)
        self._operation = turn.operation
        self._digest = digest
        self._is_held = False

    def enter(self) -> Flow[None]:
        """Whoever comes first may answer it."""
        self._is_held = False
        yield StorePut(self._key, f"waits:{self._digest or ''}:{self._operation}")

    def take(self) -> Flow[bool]:
        """Take it, unless another turn has; whether nobody else has it."""
        kept = yield StoreGet(self._key)
        if kept is None:
            self.claim = Claim.UNKNOWN
        elif self._is_open(kept) and (yield StoreTake(self._key, kept)):
            self.claim = Claim.OURS
        else:
            self.claim = Claim.ANOTHERS
            return False
        self._is_held = True
        yield StorePut(self._key, f"taken:{self._operation}")
        return True

    def _is_open(self, kept: str) -> bool:
        prefix = "waits:" if self._digest is None else f"waits:{self._digest}:"
        return kept.startswith(prefix)

    def use(self) -> None:
        """It is about to be answered: nobody else shall be able to."""
        self._is_held = False

    def was_refused(self) -> None:
        """It was not answered, and waits still."""
        self._is_held = True

    def give_back(self) -> Flow[None]:
        """Enter it again if it was taken, and not answered."""
        if self._is_held:
            yield from self.enter()
