"""What the command line prints: nothing that commands the terminal, nothing it cannot show."""

from __future__ import annotations

import os
import sys
import unicodedata
from contextlib import suppress


def printable(text: str) -> str:
    """What an agent said, without what would command the terminal: escapes, carriage returns."""
    kept = (c for c in text if c in "\n\t" or unicodedata.category(c) not in {"Cc", "Cs"})
    return "".join(kept)


def error_line(error: Exception) -> str:
    """An error as one line."""
    return f"{type(error).__name__}: {' '.join(str(error).split())}"


def show_anything() -> None:
    """Let the standard streams replace what their encoding lacks, instead of failing on it."""
    for stream in (sys.stdin, sys.stdout, sys.stderr):
        with suppress(AttributeError, ValueError, OSError):  # replaced by something simpler
            stream.reconfigure(errors="replace")  # type: ignore[union-attr]


def hang_up() -> None:
    """Nobody reads any more (``| head``): what is still to be written goes nowhere, in silence."""
    with suppress(AttributeError, ValueError, OSError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
