"""Warnings that are worth one line in the life of a process, and not one for each call."""

from __future__ import annotations

import warnings

_MOST = 100  # kinds of things, or a hostile history would fill memory and logs
_SAID: set[str] = set()


class LeftOutWarning(UserWarning):
    """Part of an answer in the history is not sent; mostly the answer is another model's."""


def left_out(what: str) -> None:
    """Warn that part of an answer in the history is not sent; once for each kind of part.

    Args:
        what: The kind of part, as a sentence begins with it.
    """
    if what in _SAID or len(_SAID) >= _MOST:
        return
    _SAID.add(what)
    warnings.warn(
        f"{what} in an earlier answer is not sent to the agent: its text is, and so are its "
        "tool calls. This warning comes once",
        LeftOutWarning,
        stacklevel=2,
    )
