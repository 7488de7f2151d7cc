"""Tells a network that is lost from one that is away for a moment."""

from __future__ import annotations

from ..errors import AzureAgentsError, TransportError
from .work import Desk

_OUTAGE = 300.0  # seconds without any answer, after which a network is taken for lost


class Outage:
    """Watches the errors of all rows of a desk.

    Args:
        desk: Whose answers say that the network is there.
    """

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._silent_since: float | None = None
        self._answers = 0

    def is_lost(self, error: AzureAgentsError) -> bool:
        """Whether the network has been away for so long that the run should end.

        Args:
            error: Of one request.
        """
        now: float = self._desk.clock.time()
        is_news = self._desk.answers != self._answers or not isinstance(error, TransportError)
        if is_news or self._silent_since is None:
            self._answers, self._silent_since = self._desk.answers, now
        return now - self._silent_since > _OUTAGE
