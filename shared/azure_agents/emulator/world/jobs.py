"""Jobs of a resource: batches of requests, and fine-tuning. Each goes on without its client."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ...jsonio import JSON
    from .turns import Turn


@dataclass(slots=True)
class Job:
    """A job: what clients get, and the turn that carries it on.

    Attributes:
        wire: The job as clients get it.
        turn: What carries it on.
        events: Of fine-tuning.
        waiting: The lines of a batch that were not answered yet.
        good: Answered lines of a batch.
        bad: Lines of a batch whose request was refused.
    """

    wire: JSON
    turn: Turn | None = None
    events: list[JSON] = field(default_factory=list)
    waiting: list[JSON] = field(default_factory=list)
    good: list[JSON] = field(default_factory=list)
    bad: list[JSON] = field(default_factory=list)

    @property
    def id(self) -> str:
        """``batch_…`` or ``ftjob-…``."""
        return str(self.wire["id"])

    @property
    def status(self) -> str:
        """The job's status."""
        return str(self.wire["status"])
