"""Printing to a terminal: without escape sequences, and whatever its encoding can show."""

from __future__ import annotations

import os
import sys
import unicodedata
from collections.abc import Sequence
from contextlib import suppress
from importlib.util import find_spec

_SEVERAL = 2


def printable(text: str) -> str:
    """Remove what would command the terminal from a text: escapes, carriage returns."""
    kept = (c for c in text if c in "\n\t" or unicodedata.category(c) not in {"Cc", "Cs"})
    return "".join(kept)


def error_line(error: Exception) -> str:
    """Write an error as one line."""
    return f"{type(error).__name__}: {' '.join(str(error).split())}"


def error_lines(error: Exception) -> list[str]:
    """Write an error: as one line, or, if it has several problems, each on its own.

    Args:
        error: What went wrong.
    """
    problems = getattr(error, "problems", ())
    if len(problems) < _SEVERAL:
        return [error_line(error)]
    where = str(error).partition(": ")[0]
    head = f"{type(error).__name__}: {where} has {len(problems)} problems:"
    return [head, *(f"  {' '.join(str(each).split())}" for each in problems)]


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

    table = Table()
    for name in lines[0]:
        table.add_column(name, overflow="fold")  # a URL that was cut could not be checked
    for line in lines[1:]:
        table.add_row(*map(Text, line))  # names may hold what rich takes for markup
    Console().print(table)


def hang_up() -> None:
    """Discard all further output, since nobody reads it any more (``| head``)."""
    with suppress(AttributeError, ValueError, OSError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
