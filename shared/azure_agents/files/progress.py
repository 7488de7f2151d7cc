"""How far an upload or a download is, for whoever wants to show it."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TextIO, TypeAlias

from ..errors import InvalidRequestError
from ..naming import shown

OnProgress: TypeAlias = Callable[[int, int | None], None]
"""Called with the bytes done and the bytes in all (None: unknown); a new attempt begins at 0."""

_MEGABYTE = 1_000_000


def text_progress(label: str = "", *, stream: TextIO | None = None) -> OnProgress:
    """Make a progress display of one line of text.

    Args:
        label: Stands before the numbers, for instance the name of the file.
        stream: Where to write; by default standard error.
    """
    shown = ""

    def show(done: int, total: int | None) -> None:
        nonlocal shown
        share = f" of {total / _MEGABYTE:.1f} MB ({100 * done // total} %)" if total else " MB"
        line = f"{label}{' ' if label else ''}{done / _MEGABYTE:.1f}{share}"
        if line != shown:
            out = stream or sys.stderr
            out.write(f"\r{line}" + ("\n" if done == total else ""))
            out.flush()
        shown = line

    return show


def no_progress(done: int, total: int | None) -> None:
    """Show nothing."""


def checked_progress(progress: OnProgress | None) -> OnProgress:
    """Give what is to be called; None: nothing is shown.

    Args:
        progress: What a caller passed.

    Raises:
        InvalidRequestError: It cannot be called.
    """
    if progress is None:
        return no_progress
    if callable(progress):
        return progress
    raise InvalidRequestError(
        f"progress must be a function of the bytes done and in all, got {shown(progress)}"
    )
