"""Batches: many requests in a file, answered in a file."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ...jsonio import JSON
    from .turns import Turn


@dataclass(slots=True)
class Batch:
    """A batch: what clients get, and the turn that runs its lines."""

    wire: JSON
    turn: Turn | None = None

    @property
    def id(self) -> str:
        """``batch_…``."""
        return str(self.wire["id"])

    @property
    def status(self) -> str:
        """The batch's status."""
        return str(self.wire["status"])
