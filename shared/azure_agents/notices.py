"""Warnings that are worth one line in the life of a process, and not one for each call."""

from __future__ import annotations

import warnings

_SAID: set[str] = set()


class LeftOutWarning(UserWarning):
    """Something in a history is not sent to the agent: only what another model's answer holds."""


def left_out(what: str) -> None:
    """Warn, once for each kind of thing, that another model's answer holds what is not sent."""
    if what in _SAID:
        return
    _SAID.add(what)
    warnings.warn(
        f"{what} in another model's answer is not sent to the agent: its text is, and so are its "
        "tool calls. This is said once",
        LeftOutWarning,
        stacklevel=2,
    )
