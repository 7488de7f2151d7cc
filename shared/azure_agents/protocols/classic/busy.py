"""What the service says when a thread has an active run: it takes one at a time."""

from __future__ import annotations

import re

from ...errors import AzureAgentsError, BadRequestError

_RUN = re.compile(r"\brun_\w+")


def is_busy(error: AzureAgentsError) -> bool:
    """Whether another run is active on the thread (sentences quoted in public issue threads)."""
    if not isinstance(error, BadRequestError):
        return False
    text = error.message
    return "already has an active run" in text or ("while a run" in text and "is active" in text)


def run_named(error: AzureAgentsError) -> str | None:
    """The run that the error names; None: it names none."""
    named = _RUN.search(error.message)
    return None if named is None else named[0]
