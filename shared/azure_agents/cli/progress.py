"""The progress of a bulk run, on standard error: a bar on a terminal, else plain lines."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from rich.console import RenderableType

    from ..bulk.api import Bulk

_EVERY = 5.0  # seconds between plain lines


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
        parts.append(f"{failed:,} failed ({out}.failed.jsonl; --retry-failed asks them again)")
    left = totals.rows - totals.done - totals.failed
    if left:
        parts.append(f"{left:,} open")
    return f"{', '.join(parts)}. {_used_now(run)}."


def _used_now(run: Bulk) -> str:
    """What this run used: of rows that earlier ones answered, nothing is known here."""
    if not _before(run):
        return _used(run)
    asked = run.totals.done + run.totals.failed
    return f"In this run {asked:,} rows, {_used(run)}" if asked else "Nothing was left to ask"


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
    over, before = totals.done + totals.failed, _before(run)
    rate = over / seconds if seconds else 0.0
    rest = (totals.rows - over) / rate if rate else 0.0
    return (
        f"{before + over:,} of {before + totals.rows:,} rows, {rate:.1f}/s, {_clock(rest)} left, "
        f"{_used(run)}, {totals.failed:,} failed"
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

    class Current(Progress):
        """A bar that looks at the run whenever it is drawn: rows may come in bursts."""

        def get_renderables(self) -> Iterable[RenderableType]:
            for task in self.task_ids:
                self.update(task, **_shown(run, time.monotonic() - begun))
            yield from super().get_renderables()

    begun = time.monotonic()
    with Current(*columns, console=Console(stderr=True), refresh_per_second=4) as progress:
        progress.add_task("", total=_before(run) + run.totals.rows, **_shown(run, 0.0))
        yield lambda: None


def _shown(run: Bulk, seconds: float) -> dict[str, Any]:
    over = run.totals.done + run.totals.failed
    return {
        "completed": _before(run) + over,
        "rate": f"{over / max(seconds, 0.001):.1f}/s",
        "used": _used(run),
        "failed": f"{run.totals.failed:,} failed" if run.totals.failed else "",
    }


def _before(run: Bulk) -> int:
    """Rows that earlier runs dealt with: a run that goes on shows where the whole stands."""
    return run.was_done + run.were_failed
