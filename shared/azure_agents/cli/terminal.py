"""Printing to a terminal: without escape sequences, and whatever its encoding can show."""

from __future__ import annotations

import os
import sys
import unicodedata
from collections.abc import Sequence
from contextlib import suppress
from importlib.util import find_spec


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


def show_table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a table: drawn on a terminal, else as lines of columns, for other programs.

    Args:
        columns: Their names.
        rows: What stands in them.
    """
    used = [at for at in range(len(columns)) if any(row[at] for row in rows)]
    lines = [[printable(str(row[at])) for at in used] for row in (columns, *rows)]
    if sys.stdout.isatty() and find_spec("rich"):
        _draw(lines)
        return
    widths = [max(len(line[at]) for line in lines) for at in range(len(used))]
    for line in lines:
        print("  ".join(map(str.ljust, line, widths)).rstrip())


def _draw(lines: list[list[str]]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(*lines[0])
    for line in lines[1:]:
        table.add_row(*map(Text, line))  # names may hold what rich takes for markup
    Console().print(table)


def hang_up() -> None:
    """Discard all further output, since nobody reads it any more (``| head``)."""
    with suppress(AttributeError, ValueError, OSError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
