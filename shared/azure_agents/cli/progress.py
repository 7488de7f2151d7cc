"""The progress of a bulk run, on standard error: a bar on a terminal, else plain lines."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from ..bulk.api import Bulk

_EVERY = 5.0  # seconds between plain lines
_BLINK = 0.1  # seconds between two looks of the bar


@contextmanager
def progress_of(run: Bulk) -> Iterator[Callable[[], None]]:
    """Show a run while it lasts; gives what is called after each row.

    Args:
        run: The run.
    """
    if sys.stderr.isatty() and find_spec("rich"):
        with _bar(run) as show:
            yield show
        return
    yield _Lines(run).show


def summary(run: Bulk, out: str) -> str:
    """Say what a run came to.

    Args:
        run: The run.
        out: Its output, as the user named it.
    """
    totals = run.totals
    parts = [f"{run.was_done + totals.done:,} rows answered in {out}"]
    failed = run.were_failed + totals.failed
    if failed:
        again = "" if not run.were_failed else ", --retry-failed asks them again"
        parts.append(f"{failed:,} failed ({out}.failed.jsonl{again})")
    left = totals.rows - totals.done - totals.failed
    if left:
        parts.append(f"{left:,} open")
    return f"{', '.join(parts)}. {_used(run)}."


class _Lines:
    def __init__(self, run: Bulk) -> None:
        self._run, self._begun = run, time.monotonic()
        self._next = self._begun + _EVERY

    def show(self) -> None:
        now = time.monotonic()
        if now < self._next:
            return
        self._next = now + _EVERY
        click.echo(_line(self._run, now - self._begun), err=True)


def _line(run: Bulk, seconds: float) -> str:
    totals = run.totals
    over = totals.done + totals.failed
    rate = over / seconds if seconds else 0.0
    rest = (totals.rows - over) / rate if rate else 0.0
    return (
        f"{over:,} of {totals.rows:,} rows, {rate:.1f}/s, {_clock(rest)} left, {_used(run)}, "
        f"{totals.failed:,} failed"
    )


def _used(run: Bulk) -> str:
    totals = run.totals
    money = f", ${totals.cost:,.4f}" if totals.has_cost else ""
    return f"{totals.tokens_in:,} tokens in, {totals.tokens_out:,} out{money}"


def _clock(seconds: float) -> str:
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:d}:{minutes:02d}:{seconds:02d}"


@contextmanager
def _bar(run: Bulk) -> Iterator[Callable[[], None]]:
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

    columns = (
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(),
        TextColumn("{task.fields[used]}"),
        TextColumn("[red]{task.fields[failed]}"),
    )
    with Progress(*columns, console=Console(stderr=True), refresh_per_second=4) as progress:
        task = progress.add_task("", total=run.totals.rows, rate="", used="", failed="")
        begun, last = time.monotonic(), 0.0

        def show() -> None:
            nonlocal last
            now = time.monotonic()
            over = run.totals.done + run.totals.failed
            if now - last < _BLINK and over < run.totals.rows:
                return
            last = now
            failed = f"{run.totals.failed:,} failed" if run.totals.failed else ""
            rate = f"{over / max(now - begun, 0.001):.1f}/s"
            progress.update(task, completed=over, rate=rate, used=_used(run), failed=failed)

        yield show
