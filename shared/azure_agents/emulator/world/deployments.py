"""Deployments of the resource: what answers under a name, and how much it may be asked."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..agent.responder import Responder

NO_DEPLOYMENT = (
    "The API deployment for this resource does not exist. If you created the deployment within the "
    "last 5 minutes, please wait a moment and try again."
)
# The models behind the names that exist from the start.
_VERSIONED = {
    "gpt-4o": "gpt-4o-2024-11-20",
    "gpt-4o-mini": "gpt-4o-mini-2024-07-18",
    "gpt-4.1": "gpt-4.1-2025-04-14",
    "gpt-5-mini": "gpt-5-mini-2025-08-07",
}


@dataclass(slots=True)
class Deployment:
    """A deployment of a model.

    Attributes:
        name: The name that requests use.
        model: The model and its version, as answers name it.
        responder: What answers for it.
        rpm: Most requests in a minute; None is no limit.
        tpm: Most tokens in a minute; None is no limit.
        async_filter: Whether filters look at a streamed answer after it was sent.
        blocklists: Words that a prompt and an answer must not have, by the id of their list.
        asked: Time and estimated tokens of the requests of the last minute.
    """

    name: str
    model: str
    responder: Responder
    rpm: int | None = None
    tpm: int | None = None
    async_filter: bool = False
    blocklists: Mapping[str, Sequence[str]] = field(default_factory=dict)
    asked: deque[tuple[float, int]] = field(default_factory=deque)

    @classmethod
    def standing(cls, name: str, responder: Responder) -> Deployment:
        """Build a deployment that is there from the start."""
        return cls(name, _VERSIONED.get(name, name), responder)

    def blocked_by(self, text: str) -> str:
        """Return the id of the first blocklist that has a word of a text; "" if none has."""
        folded = text.casefold()
        found = (
            id
            for id, words in self.blocklists.items()
            if any(word.casefold() in folded for word in words)
        )
        return next(found, "")
