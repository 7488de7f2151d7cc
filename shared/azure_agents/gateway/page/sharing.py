"""What the page sees of the other workers, by the files that they share.

Whoever is watched says so in a file, and writes what it knows; the others write what they know as
long as somebody is watched. So it costs nothing while nobody watches.
"""

from __future__ import annotations

import json
from time import time
from typing import Protocol

from ...jsonio import JSON, dumps
from ..workers.folder import Folder
from .joining import joined

_WATCHED, _STATUS = "watched", "status"
_FRESH = 5.0  # seconds


class Look(Protocol):
    """Makes a snapshot of this process."""

    def __call__(self, *, is_watched: bool) -> JSON:
        """Make one.

        Args:
            is_watched: Here, so with what was spent; else another worker is.
        """


class SharedLook:
    """Looks at all workers of a gateway.

    Args:
        look: Makes a snapshot of this process.
        folder: That the workers share; None: there is only this process.
    """

    def __init__(self, look: Look, folder: Folder | None) -> None:
        self._look, self._folder = look, folder

    def __call__(self) -> JSON:
        """What the page shows now."""
        own = self._look(is_watched=True)
        if self._folder is None:
            return joined([own])
        self._folder.write(_WATCHED, str(time()).encode())
        self._folder.write(_STATUS, dumps(own))
        found = [json.loads(text) for text, runs in self._folder.read(_STATUS) if runs]
        others = (one for one in found if one["processes"] != own["processes"])
        return joined([own, *(one for one in others if own["now"] - one["now"] < _FRESH)])

    def tell(self) -> None:
        """Let a worker that is watched know of this one."""
        if self._folder is None:
            return
        seen = (float(text) for text, runs in self._folder.read(_WATCHED) if runs)
        if any(time() - at < _FRESH for at in seen):
            self._folder.write(_STATUS, dumps(self._look(is_watched=False)))
