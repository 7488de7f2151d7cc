"""Printing to a terminal: without escape sequences, and whatever its encoding can show."""

from __future__ import annotations

import os
import sys
import unicodedata
from contextlib import suppress


def printable(text: str) -> str:
    """Remove what would command the terminal from a text: escapes, carriage returns."""
    kept = (c for c in text if c in "\n\t" or unicodedata.category(c) not in {"Cc", "Cs"})
    return "".join(kept)


def error_line(error: Exception) -> str:
    """Write an error as one line."""
    return f"{type(error).__name__}: {' '.join(str(error).split())}"


def show_anything() -> None:
    """Let the standard streams replace what their encoding lacks, instead of failing on it."""
    for stream in (sys.stdin, sys.stdout, sys.stderr):
        with suppress(AttributeError, ValueError, OSError):  # replaced by something simpler
            stream.reconfigure(errors="replace")  # type: ignore[union-attr]


def hang_up() -> None:
    """Discard all further output, since nobody reads it any more (``| head``)."""
    with suppress(AttributeError, ValueError, OSError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
