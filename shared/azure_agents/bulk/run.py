"""A run: rows in, answers out, as many at once as allowed, each written as soon as it is known.

A few rows are read ahead. They are noted as begun before any of them is sent, many in one write;
whoever asks takes the next. A slow row keeps one of those who ask, and nobody else. What is over
goes to the writer, and from there to whoever reads the run: so nothing is told that is not kept.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from ..errors import AzureAgentsError
from ..jsonio import JSON
from .asking import Answered
from .columns import Columns
from .journal import Begin, Begun, Leave
from .outage import Outage
from .pace import StoppedError
from .questions import Reading
from .rows import Row
from .work import Desk, EndedError, RowWork
from .writer import Ended, Writer

_AHEAD = 64  # rows that are noted as begun in one write
_UNREAD = 256  # rows that are over, and not yet read by whoever reads the run


@dataclass(slots=True)
class Totals:
    """What a run has come to so far.

    Attributes:
        rows: Rows to be asked in this run.
        done: Rows that were answered in it.
        failed: Rows that failed in it.
        tokens_in: Tokens of questions.
        tokens_out: Tokens of answers.
        cost: US dollars, as far as known.
        has_cost: Whether any answer told its cost.
    """

    rows: int = 0
    done: int = 0
    failed: int = 0
    tokens_in: int = 0
    tokens_out: int = 0
    cost: float = 0.0
    has_cost: bool = False

    def count(self, answered: Answered) -> None:
        """Count an answer.

        Args:
            answered: The answer of one turn.
        """
        usage = answered.usage or {}
        self.tokens_in += usage.get("prompt_tokens") or 0
        self.tokens_out += usage.get("completion_tokens") or 0
        if answered.cost is not None:
            self.cost += answered.cost
            self.has_cost = True


@dataclass(slots=True)
class Job:
    """What is to be done.

    Attributes:
        rows: The rows to be asked, in their order; read as they are needed.
        reading: How they are read.
        columns: How they are written.
        most: How many are asked at once.
        begun: What the journal knows of rows that are not over.
    """

    rows: Iterator[Row]
    reading: Reading
    columns: Columns
    most: int
    begun: Mapping[int, Begun] = field(default_factory=dict)


class Run:
    """One run, on one event loop.

    Args:
        job: What is to be done.
        desk: What its rows share.
        writer: Writes what they come to.
        totals: Counts it.
    """

    def __init__(self, job: Job, desk: Desk, writer: Writer, totals: Totals) -> None:
        self._job, self._desk, self._writer, self.totals = job, desk, writer, totals
        self._rows: asyncio.Queue[Row | None] = asyncio.Queue(_AHEAD)
        self._results: asyncio.Queue[JSON | None] = asyncio.Queue()
        self._room = asyncio.Semaphore(_UNREAD)
        self.is_stopped = False
        desk.patience = Outage(desk).is_lost
        writer.written = self._over

    async def results(self) -> AsyncGenerator[JSON, None]:
        """Give what is written, a row each.

        Raises:
            AzureAgentsError: Nobody can be asked, or the network is lost; rows stay open.
            OSError: The output cannot be written.
        """
        work = asyncio.create_task(self._work())
        work.add_done_callback(self._wake)
        try:
            while not (work.done() and self._results.empty()):
                result = await self._results.get()
                if result is not None:
                    self._room.release()
                    yield result
            await work
        finally:
            work.cancel()
            await asyncio.gather(work, return_exceptions=True)

    def _wake(self, _: object) -> None:
        self._results.put_nowait(None)

    def stop(self) -> None:
        """Ask nothing more; what is under way is still read to its end."""
        self.is_stopped = True
        self._desk.pace.stop()

    async def _work(self) -> None:
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._feed())
                for _ in range(self._job.most):
                    group.create_task(self._asks())
            await self._writer.flush()
        except BaseExceptionGroup as broken:
            first = _first(broken)
            raise (first.__cause__ or first) if isinstance(first, EndedError) else first from None

    async def _feed(self) -> None:
        ahead: list[Row] = []
        for row in self._job.rows:
            if self.is_stopped:
                break
            ahead.append(row)
            if len(ahead) == self._rows.maxsize:
                await self._hand_out(ahead)
                ahead = []
        await self._hand_out(ahead)
        for _ in range(self._job.most):
            await self._rows.put(None)

    async def _hand_out(self, rows: list[Row]) -> None:
        known = self._job.begun
        if not rows or self.is_stopped:
            return
        before = [(row.number, known.get(row.number)) for row in rows]
        fresh = [(number, at) for number, at in before if at is None or not at.was_sent]
        await self._writer.note(*(Begin(number, at.attempt if at else 0) for number, at in fresh))
        for row in rows:
            await self._rows.put(row)

    async def _asks(self) -> None:
        while (row := await self._rows.get()) is not None:
            work = RowWork(
                self._desk, row, self._job.reading.steps(row), self._job.begun.get(row.number)
            )
            try:
                ended = await self._ended(row, work)
            except StoppedError:
                if not work.was_sent:
                    await self._writer.note(Leave(row.number))
                continue
            await self._room.acquire()
            self._writer.end(ended)

    async def _ended(self, row: Row, work: RowWork) -> Ended:
        try:
            ours = await work.run()
        except AzureAgentsError as error:
            return Ended(row.number, "failed", {**row.data, "error": told(error)})
        return Ended(row.number, "done", self._job.columns.flat(row.data, ours))

    def _over(self, ended: Ended) -> None:
        self.totals.done += ended.state == "done"
        self.totals.failed += ended.state == "failed"
        self._results.put_nowait(ended.row)


def told(error: AzureAgentsError) -> JSON:
    """An error as JSON: its type, its sentence, its facts.

    Args:
        error: Of a row.
    """
    return {"type": type(error).__name__, "message": error.message, **error.facts}


def _first(group: BaseExceptionGroup[Any]) -> BaseException:
    found: BaseException = group
    while isinstance(found, BaseExceptionGroup):
        found = found.exceptions[0]
    return found
