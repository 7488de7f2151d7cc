"""Writes what rows came to: many at once, in the order journal, output, journal.

A write waits for the disk, which takes milliseconds. So one thread writes, and takes all that has
come meanwhile in one go: the more rows, the larger the batches, and no row waits for another.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from ..jsonio import JSON, dumps
from .journal import Change, End, Journal, Line, State, Written
from .outputs import Answers, Failures


@dataclass(frozen=True, slots=True)
class Ended:
    """A row that is over.

    Attributes:
        number: Of the row.
        state: ``done`` or ``failed``.
        row: What is written of it.
    """

    number: int
    state: State
    row: JSON


@dataclass(slots=True)
class _Batch:
    changes: list[Change] = field(default_factory=list)
    ended: list[Ended] = field(default_factory=list)
    waiting: list[asyncio.Future[None]] = field(default_factory=list)


class Writer:
    """Writes in a thread of its own; made on the event loop that uses it.

    Args:
        journal: Of the run.
        answers: The output; None: there is none.
        failures: The file of failed rows; None: there is none.

    Attributes:
        written: Is told each row that is on disk; on the event loop.
    """

    def __init__(
        self, journal: Journal, answers: Answers | None, failures: Failures | None
    ) -> None:
        self._journal, self._answers, self._failures = journal, answers, failures
        self._next = _Batch()
        self._has_more = asyncio.Event()
        self._written: list[Written] = []
        self._thread = ThreadPoolExecutor(1, "bulk-writer")
        self._task: asyncio.Task[None] | None = None
        self._broken: BaseException | None = None
        self.written: Callable[[Ended], None] = lambda _: None

    async def note(self, *changes: Change) -> None:
        """Note changes in the journal; they are on disk when this returns.

        Args:
            changes: In their order.
        """
        self._next.changes += changes
        await self._wait()

    def end(self, ended: Ended) -> None:
        """Have a row written that is over; `written` is told when it is on disk.

        Args:
            ended: The row.

        Raises:
            OSError: An earlier row could not be written.
        """
        self._next.ended.append(ended)
        self._begin()

    async def flush(self) -> None:
        """Return when all that was given is on disk."""
        await self._wait()

    async def _wait(self) -> None:
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._next.waiting.append(done)
        self._begin()
        await done

    def _begin(self) -> None:
        if self._broken is not None:
            raise self._broken
        if self._task is None:
            self._task = asyncio.create_task(self._run())
        self._has_more.set()

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            await self._has_more.wait()
            self._has_more.clear()
            batch, self._next = self._next, _Batch()
            try:
                await loop.run_in_executor(self._thread, self._write, batch.changes, batch.ended)
            except Exception as error:  # noqa: BLE001 - each row that waits for it raises it
                self._broken = error
                _settle([*batch.waiting, *self._next.waiting], error)
                return
            _settle(batch.waiting, None)
            for one in batch.ended:
                self.written(one)

    def _write(self, changes: Sequence[Change], ended: Sequence[Ended]) -> None:
        answers = self._lines([one for one in ended if one.state == "done"], self._answers)
        failed = self._lines([one for one in ended if one.state == "failed"], self._failures)
        ends = [End("done", one) for one in answers] + [End("failed", one) for one in failed]
        self._journal.write([*self._written, *changes, *ends])
        self._written = []
        if answers and self._answers is not None:
            self._answers.append(b"".join(one.text or b"" for one in answers))
            self._written = [Written(one.number) for one in answers]
        if failed and self._failures is not None:
            self._failures.append(b"".join(one.text or b"" for one in failed))

    def _lines(self, ended: Sequence[Ended], file: Answers | Failures | None) -> list[Line]:
        lines, start = [], 0 if file is None else file.end
        for one in ended:
            text = file.encode(one.row) if isinstance(file, Answers) else dumps(one.row) + b"\n"
            lines.append(Line(one.number, start, len(text), text if file is not None else b""))
            start += len(text)
        return lines

    async def close(self) -> None:
        """Write what was given, and close the files and the journal.

        Raises:
            OSError: It could not be written.
        """
        try:
            if self._broken is None:
                await self.flush()  # also of a run that ends by an error: these rows are paid
        finally:
            if self._task is not None:
                self._task.cancel()
            await asyncio.get_running_loop().run_in_executor(self._thread, self._close)
            self._thread.shutdown()

    def _close(self) -> None:
        for file in (self._answers, self._failures):
            if file is not None:
                file.close()
        try:
            if self._broken is None and self._written:
                self._journal.write(self._written)
        finally:
            self._journal.close()


def _settle(waiting: Sequence[asyncio.Future[None]], error: Exception | None) -> None:
    for one in waiting:
        if one.done():
            continue
        if error is None:
            one.set_result(None)
        else:
            one.set_exception(error)
